#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# diptych-mpi: ranks that stay answer each line, at standard input and at a port; and one that fails or is killed ends all, and is
# named.
. "$2/tests/cli/lib.sh"
. "$2/tests/cli/mpi.sh"
ask=$7

# Resident: each line is answered, with the one before it already out.
printf 'a red circle\n\377\na blue star\n' >queries
"$diptych" search one.dip --precision f32 --queries - -f json -q <queries >wanted
"$mpiexec" -n 2 "$mpi" search all.dip --precision f32 --queries - -f json -q <queries >out 2>err
status=$?
expect_status 1
cmp -s wanted out || problem "the answers are not those of diptych search"
mkfifo asked answered
trap "" PIPE # of ranks that are gone
"$mpiexec" -n 2 "$mpi" search all.dip --precision f32 --queries - -f json -q <asked >answered 2>err &
exec 8>asked 9<answered
for query in "a red circle" "a blue star"; do
    echo "$query" >&8
    read -r answer <&9
    echo "$answer" | grep -q "\"query\": \"$query\", \"hits\": \[{" || problem "'$query' was answered by $answer"
done
exec 8>&- 9<&-
wait || problem "resident ranks end with status $?"

# What fails ends all, and is named.
# fails N TEXT ARGUMENT...
fails() {
    wanted=$2 count=$1
    shift 2
    ranks "$count" "$@"
    expect_status 2
    expect_text err "$wanted"
    [ "$(grep -c '^diptych: ' err)" -eq 1 ] || problem "not one message"
}
run index build a.dip tree/00000* $exact
run index build c.dip tree/00005* tree/000001.png $exact
fails 3 "cannot evaluate: several pictures of image '000001' in '{a,c}.dip'" evaluate-retrieval '{a,c}.dip' -c captions.csv --allow-missing -q
fails 2 "cannot evaluate: no picture of image 'nowhere' in 'all.dip' (1 of 95 without one)" evaluate-retrieval all.dip -c missing.csv -q
fails 2 "cannot evaluate: unable to open 'nowhere.csv'" evaluate-retrieval all.dip -c nowhere.csv -q
mv all-00002-of-00005.dip gone
fails 2 "diptych: cannot evaluate: shard 2 of 5 is missing" evaluate-retrieval all.dip -c captions.csv -q
fails 2 "diptych: cannot search: shard 2 of 5 is missing" search all.dip -q red
fails 2 "diptych: cannot search: '$scratch/none.dip' is not an index, and has no shards beside it" search "$scratch/none.dip" -q red
mv gone all-00002-of-00005.dip
cp -r all-00001-of-00005.dip kept
truncate -s 1000 all-00001-of-00005.dip/vectors.f32
fails 3 ": shard 1 of 5: 'all-00001-of-00005.dip/vectors.f32' has 1000 bytes, and had " search all.dip -q red
expect_match err "^diptych: cannot search: rank 1 on [^ ]+: shard 1 of 5"
rm -r all-00001-of-00005.dip && cp -r kept all-00001-of-00005.dip
printf '\377\377' | dd of=all-00001-of-00005.dip/vectors.f32 bs=1 seek=5000 conv=notrunc 2>/dev/null
fails 2 ": shard 1 of 5: 'all-00001-of-00005.dip/vectors.f32' is damaged: row 9 (item 10) does not match its checksum" \
    evaluate-retrieval all.dip -c captions.csv -q
expect_match err "^diptych: cannot evaluate: rank 1 on [^ ]+: shard 1 of 5"
rm -r all-00001-of-00005.dip && mv kept all-00001-of-00005.dip
cp all-00003-of-00005.dip/shard.json kept
sed -i 's/"fingerprint": "./"fingerprint": "x/' all-00003-of-00005.dip/shard.json
fails 2 "shard 3 ('all-00003-of-00005.dip') is none of the index that shard 0" search all.dip -q red
mv kept all-00003-of-00005.dip/shard.json
fails 2 'unable to filter by "nonsense"' search all.dip --where nonsense -q red
fails 2 "cannot search:" search all.dip --model "$scratch/none" -q red
ranks 2 evaluate retrieval
expect_status 2
expect_text err "'evaluate' is not a command: did you mean 'diptych-mpi evaluate-retrieval'?"
ranks 2 search --nonsense
expect_status 2
expect_text err "nonsense"
ranks 2 search --help
expect_status 0
expect_text out "Usage: diptych-mpi search [OPTION...] INDEX [WORD...]"
cp out wanted
ranks 2 help search
expect_status 0
cmp -s wanted out || problem "that is not the help of search"

# At a port: what diptych answers at standard input, to several clients, whatever others do; until a rank is killed, which is named.
printf 'a red circle\n\n  \na blue star\nanything' >queries
"$diptych" search one.dip --precision f32 --queries - -f json -q <queries >wanted
mkfifo heard
"$mpiexec" -n 3 sh -c 'echo $$ >port.$$; exec "$0" search all.dip --precision f32 --listen 0 -q' "$mpi" 2>heard >/dev/null &
launcher=$!
exec 7<heard
read -r line <&7
command="diptych-mpi search --listen 0"
port=${line##*:}
echo "$line" | grep -q "^listening on 127.0.0.1:[0-9][0-9]*$" || problem "it listens on: $line"
asks() {
    timeout 60 "$ask" "$port" "$@" >out
    status=$?
    expect_status 0
}
asks <queries
cmp -s wanted out || problem "answers at a port are others: $(diff wanted out | head -n 4)"
head -c 300000 "$mpi" | asks gone
yes a circle 2>/dev/null | head -n 2000 | asks gone
printf 'a \377\na \0b\n' | asks
[ "$(grep -c '"error": ".* line 1 is not UTF-8\|"error": ".* line 2 has a NUL in it' out)" -eq 2 ] || problem "rubbish is answered by $(cat out)"
{ head -c 200000 /dev/zero | tr '\0' x; echo; echo a blue star; } | asks
grep -q '"error": "line 1 has more than 65535 bytes"' out || problem "a long line is answered by $(head -c 300 out)"
grep '"query": "a blue star"' wanted >line
tail -n 1 out | cmp -s line - || problem "behind a long line there is $(head -c 300 out)"
asks 100 <queries
cmp -s wanted out || problem "with 100 clients answers are others"
for i in 1 2 3 4 5; do "$ask" "$port" <queries >out.$i & asking="${asking-} $!"; done
wait $asking
for i in 1 2 3 4 5; do cmp -s wanted out.$i || problem "client $i of five has other answers"; done
pid=$(ls port.* | sort -t . -k 2n | tail -n 1)
kill -KILL "${pid#port.}"
status=0
wait $launcher || status=$?
cat <&7 >err
exec 7<&-
[ $status -ne 0 ] || problem "all is well without a rank"
expect_text err "rank 2"
ranks 2 search all.dip --listen 192.168.1.1:0
expect_status 2
expect_text err "'192.168.1.1:0' is no port of 127.0.0.1, and no other address is listened at"
ranks 2 search all.dip --listen 0 red
expect_status 2
expect_text err "--listen is instead of other queries"
ranks 2 search all.dip --queries queries --listen 0
expect_status 2
expect_text err "--listen is instead of --queries"

# A rank that is killed takes the others along.
"$mpiexec" -n 3 sh -c 'echo $$ >pid.$$; exec "$0" search all.dip --precision f32 --queries - -f json -q' "$mpi" <asked >answered 2>err &
launcher=$!
exec 8>asked 9<answered
echo a circle >&8
read -r answer <&9
pid=$(ls pid.* | sort -t . -k 2n | tail -n 1)
kill -KILL "${pid#pid.}"
status=0
wait $launcher || status=$?
exec 8>&- 9<&-
[ $status -ne 0 ] || problem "all is well without a rank"
finish
