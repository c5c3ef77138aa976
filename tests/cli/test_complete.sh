#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What shells offer: the answers of the program, and as $4 says what bash, zsh or fish makes of them.
. "$2/tests/cli/lib.sh"

# offers WORD... => EXPECTED...: these words, and no others.
offers() {
    words=
    asked=
    while [ "$1" != "=>" ]; do
        asked="$asked '$1'"
        shift
    done
    shift
    eval "run __complete $asked"
    expect_status 0
    expect_empty err
    words=$(cut -f 1 out | tr '\n' ' ')
    [ "$words" = "$* " ] || [ -z "$words$*" ] || problem "offers $words instead of $*"
}

picture a.ppm '\377\1\1'
mkdir holiday
printf '{"path": "a.ppm", "stars": 3, "place": "Oslo"}\n' >known.jsonl
run index build photos.dip a.ppm --metadata known.jsonl -q
expect_status 0

# A cache with one model.
snapshot=$HF_HUB_CACHE/models--someone--some-clip/snapshots/0123456789abcdef0123456789abcdef01234567
mkdir -p "$snapshot" "${snapshot%/snapshots/*}/refs"
printf %s "${snapshot##*/}" >"${snapshot%/snapshots/*}/refs/main"
cp "$root"/tests/model/* "$snapshot"

if [ -z "${4-}" ]; then
    offers cl '=>' classify
    offers index d '=>' duplicates
    offers help index o '=>' outliers
    offers help cl '=>' classify
    offers cl x '=>'
    offers nonsense '' '=>'
    offers --v '=>' --version
    offers classify a.ppm --fo '=>' --format
    offers classify a.ppm --format '' '=>' table tsv json
    offers classify -q -f j '=>' json
    offers classify -qf j '=>' json
    offers classify -ftsv '' '=>' :files
    offers classify --format=t '=>' --format=table --format=tsv
    offers classify --nonsense=t '=>'
    offers classify --preview '' '=>' :files
    offers classify -- --format '=>' :files
    offers classify -l @imagenet '=>' @imagenet @imagenetv2 :files
    offers classify -t si '=>' simple :files
    offers classify --model '' '=>' default someone/some-clip :folders
    offers models remove '' '=>' someone/some-clip
    offers models '' '=>' remove
    offers pull ViT-B-32/op '=>' ViT-B-32/openai
    offers bench '' '=>' encode
    offers bench -s vit-b-32 '=>' vit-b-32
    offers convert m '' '=>' :files
    offers index info '' '=>' :indexes
    offers index info photos.dip '' '=>'
    offers index build '' '=>' :indexes :files
    offers index build photos.dip '' '=>' :files
    offers index relocate a b c d '=>'
    offers search '' '=>' :indexes
    offers search red photos.dip '' '=>'
    offers serve --index=x '=>' :indexes
    offers serve --log= '=>' --log=yes --log=no
    offers search photos.dip --where ca '=>' camera caption
    offers search photos.dip --where 'width > 3 and ta' '=>' 'width > 3 and taken'
    offers search photos.dip --where meta '=>' metadata "metadata->>'place'" "metadata->>'stars'"
    offers search nowhere.dip --where meta '=>'
    run __complete classify --device ''
    for device in gpu cpu 0:0; do
        expect_match out "^$device	."
    done
    run __complete
    expect_status 2
    finish
    exit
fi

# ---- the shells
mkdir bin && ln -s "$diptych" bin/diptych && PATH=$PWD/bin:$PATH && export PATH
cat >lines <<'END'
diptych cla	diptych classify
diptych help index dup	diptych help index duplicates
diptych classify --form	diptych classify --format
diptych search --format=j	diptych search --format=json
diptych classify ho	diptych classify holiday/
diptych embed --texts=kn	diptych embed --texts=known.jsonl
diptych index info ph	diptych index info photos.dip/
diptych serve --index=ph	diptych serve --index=photos.dip/
diptych models remove some	diptych models remove someone/some-clip
diptych classify --device 0:	diptych classify --device 0:0
diptych search photos.dip --where "width > 3 and ta	diptych search photos.dip --where "width > 3 and taken"
END
command="completion in $4"
cut -f 1 lines >typed
cut -f 2 lines >expected
case $4 in
fish) fish --no-config "$root/tests/cli/complete.fish" "$root/cli/completion" <typed >out 2>err ;;
*) timeout 100 zsh "$root/tests/cli/complete.zsh" "$4" "$root/cli/completion" <typed >out 2>err ;;
esac
diff expected out || problem "completes otherwise"
finish
