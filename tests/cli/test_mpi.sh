#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# diptych-mpi: what ranks find in shards is what diptych finds in the index that is joined of them, for any number of ranks; and
# a rank that fails is named.
. "$2/tests/cli/lib.sh"
scenes=$4 mpi=$5 mpiexec=$6 few_pairs=$7 ask=$8
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # in containers
OMPI_MCA_rmaps_base_oversubscribe=1                       # more ranks than CPUs
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 # Open MPI's plugins leak, and are closed, so that no name is left to suppress
export ASAN_OPTIONS
exact="--precision f32 --storage f32 -q"

# ranks N ARGUMENT...: run, with diptych-mpi on so many.
ranks() {
    command="mpiexec -n $*"
    count=$1
    shift
    timeout 60 "$mpiexec" -n "$count" "$mpi" "$@" >out 2>err
    status=$?
}

# Shards with pictures and captions, copies in others, a dead row; the first has the most.
"$scenes" --count 90 --seed 7 --size 32 --out tree >/dev/null
for n in 03 17 44 71; do
    cp tree/0000$n.png tree/0000${n}copy.png
    echo "a picture of $n" >tree/0000$n.txt
    echo "{\"key\": $n}" >tree/0000$n.json
done
cp tree/000017.png tree/other17.png
for i in 0 1 2 3 4; do run index build all.dip --shard $i/5 tree $exact; done
run index merge one.dip all-0000?-of-00005.dip
expect_status 0

# wanted NUMBERS ARGUMENT...: with so many ranks, as diptych has said it in the file of that name.
wanted() {
    numbers=$1
    shift
    for n in $numbers; do
        ranks $n "$@"
        expect_status 0
        cmp -s wanted out || problem "it is not as diptych has it: $(diff wanted out | head -n 4)"
    done
}

# same NUMBERS ARGUMENT...: a search.
same() {
    numbers=$1
    shift
    "$diptych" search one.dip --precision f32 -q "$@" >wanted || problem "diptych search one.dip $*"
    wanted "$numbers" search all.dip --precision f32 -q "$@"
}
same "1 2 3 4" --top 30 -f tsv a red circle
same 3 --top 500 -f json a red circle --minus a blue star --image tree/000017.png:0.5
same 4 --top 7 --min-score 0.05 -f paths a green square
printf 'a red circle\n\na blue star\nsomething\n' >queries
same 2 --queries queries --top 3 -f json
same 3 --match picture -f json a circle
same 2 --where "metadata ->> 'key' > 20" -f table a circle

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

# Groups of near copies, of which some are in several shards, with few pairs in memory, too.
# alike NUMBERS ARGUMENT...: as same, of duplicates.
alike() {
    numbers=$1
    shift
    "$diptych" index duplicates one.dip -q "$@" >wanted || problem "diptych index duplicates $*"
    [ "$(wc -l <wanted)" -ge 5 ] || problem "too few groups to compare: $*"
    wanted "$numbers" duplicates all.dip -q "$@"
}
alike "1 2 3 4" --threshold 0.6 -f json
alike 3 --threshold 1 -f tsv
alike 4 --threshold 0.3 -f table --where "path not like '%5%'"
alike 2 --keep best -f paths
alike 3 --identical -f tsv
"$diptych" index duplicates one.dip --identical --html wanted.html -q
ranks 2 duplicates all.dip --identical --html out.html -q
expect_status 0
sed 's/diptych index duplicates one/diptych-mpi duplicates all/; s/>one\.dip</>all.dip</' wanted.html | cmp -s - out.html ||
    problem "the page is another than diptych's"
timeout 60 "$mpiexec" -n 3 "$few_pairs" all.dip 0.3 >out 2>err || problem "few pairs make other groups"

# Retrieval: two captions for each picture, and copies that tie across shards; more ranks than shards; pictures that are not there.
{
    echo image,caption
    sed -n 's/.*"path": "\([^"]*\)", "caption": "\([^"]*\)".*"wordings": \[{"text": "\([^"]*\)".*/\1,\2\n\1,\3/p' tree/scenes.jsonl
    for n in 03 17 44 71; do echo "0000${n}copy.png,a picture of $n"; done
} >captions.csv
# measured NUMBERS ARGUMENT...: the evaluation of it.
measured() {
    numbers=$1
    shift
    "$diptych" evaluate retrieval one.dip -q "$@" >wanted || problem "diptych evaluate retrieval one.dip $*"
    wanted "$numbers" evaluate-retrieval all.dip -q "$@"
}
run evaluate retrieval -c captions.csv -i tree -f tsv -q
cp out loose
measured "1 3 7" -c captions.csv -f tsv
cmp -s loose wanted || problem "the figures are not those of the files: $(diff loose wanted)"
awk 'NR > 1 && !($3 > 0.1 && $3 < 0.9) { bad = 1 } END { exit bad }' wanted || problem "every picture, or none, is found first"
measured 3 -c captions.csv -f json --samples 200
{ cat captions.csv; echo nowhere.png,nothing; } >missing.csv
measured 2 -c missing.csv --allow-missing

# Whole indexes count on, in their order.
run index build a.dip tree/00000* $exact
run index build b.dip tree/00005* $exact
ranks 2 search '{a,b}.dip' --precision f32 --top 100 -f tsv -q a red circle
expect_status 0
first=$("$diptych" search a.dip --top 100 -f tsv -q a red circle | wc -l)
expect_match out "^a red circle	.*	$((first + 1))	image	.*/tree/000050.png"
[ "$(cut -f 3 out | sort | uniq -d)" = "" ] || problem "ids are there twice"

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
ranks 2 evaluate-retrieval '{a,b}.dip' -c captions.csv --allow-missing -q
expect_status 0
expect_text out "captioned images without a picture, left out: 73"
run index build c.dip tree/00005* tree/000001.png $exact
fails 3 "cannot evaluate: several pictures of image '000001' in '{a,c}.dip'" evaluate-retrieval '{a,c}.dip' -c captions.csv --allow-missing -q
fails 2 "cannot evaluate: no picture of image 'nowhere' in 'all.dip', nor of 0 others of 95" evaluate-retrieval all.dip -c missing.csv -q
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
