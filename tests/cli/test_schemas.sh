#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_schemas.sh DIPTYCH ROOT SCRATCH VALIDATE_JSON: every JSON that the commands have been recorded to print, and what no other
# machine prints the same, is what assets/schemas says, and each of these says something of it.
. "$2/tests/cli/lib.sh"
validate=$4

# Parts of a recorded file that begin as an object does; the bytes of a catalog are not recorded, and the comma behind them.
objects() {
    awk '/^==== / { foreign = /clip-benchmark/; on = 0; next }
        /^---- / { fresh = 1; on = 0; next }
        fresh { on = !foreign && /^\{("|$)/; fresh = 0 }
        on { sub(/"catalog_bytes": BYTES/, "\"catalog_bytes\": 0,"); print }' "$@"
}

for list in "$root"/tests/cli/recorded/*.txt; do
    objects "$list" >"recorded.$(basename "$list" .txt)"
done
run devices --format json && cp out devices
run bench encode --format json --rounds 1 --batch 1 --profile && cp out bench
run doctor --format json && cp out doctor
mkdir pictures && cp "$root/assets/pictures/01.png" pictures/a.png && echo note >pictures/a.txt
run index build passed.dip pictures
run index list passed.dip --passed-over --format json && cp out passed-over
printf 'a red heart\nx - x\n' | "$diptych" search passed.dip --queries - --format json --quiet >queries
for picture in train/a/01.png train/b/02.png train/a/05.jpg train/b/06.jpg val/a/07.png val/b/08.png test/a/03.jpg test/b/04.png; do
    mkdir -p "set/${picture%/*}" && cp "$root/assets/pictures/${picture##*/}" "set/$picture"
done
run probe fit set --shots 1 --format json && cp out shots
run train set --batch 2 --dry-run --format json && cp out train-plan
run train set --batch 2 --steps 1 --hold-out 0.2 --forgetting set -o trained --log train-log -q


# Speeds that were measured, of pictures and of none.
cp out unreadable.png
run plan 1e6 pictures set/train/a unreadable.png --format json --batch 2 && cp out plan-read
expect_text plan-read '"speed_is": "measured"'
expect_match plan-read '"failed": [1-9]'
expect_text plan-read '"of": "reading, decoding, encoding"'
run plan 1e6 --format json --batch 2 && cp out plan-made-up
expect_text plan-made-up '"of": "encoding made-up pictures"'
awk '/"speed":/ { speed = $2 } /"pictures": 1000000,/ { pictures = 1e6 } /^  "hours":/ { hours = $2 }
    END { exit !(hours * speed * 3600 / pictures > 0.999 && hours * speed * 3600 / pictures < 1.001) }' plan-made-up ||
    problem "hours are not of the speed"
run plan 1e6 unreadable.png
expect_status 2
expect_text err "none of 1 pictures can be read: unable to"

command=validate_json
"$validate" "$root/assets/schemas" recorded.* devices bench doctor passed-over queries shots train-plan train-log plan-read plan-made-up >out 2>err || problem "not as it is said"
(cd "$root/assets/schemas" && ls -- *.json | sed 's/\.json$//' | LC_ALL=C sort) >all
LC_ALL=C sort out >used
cmp -s all used || problem "schemas that nothing is printed by: $(comm -23 all used | tr '\n' ' ')"

finish
