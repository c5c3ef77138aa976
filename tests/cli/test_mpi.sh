#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# diptych-mpi: what ranks find in shards is what diptych finds in the index that is joined of them, for any number of ranks.
. "$2/tests/cli/lib.sh"
. "$2/tests/cli/mpi.sh"
few_pairs=$7

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

# Retrieval: copies that tie across shards; more ranks than shards; pictures that are not there.
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
measured 2 -c missing.csv --allow-missing

# Whole indexes count on, in their order.
run index build a.dip tree/00000* $exact
run index build b.dip tree/00005* $exact
ranks 2 search '{a,b}.dip' --precision f32 --top 100 -f tsv -q a red circle
expect_status 0
first=$("$diptych" search a.dip --top 100 -f tsv -q a red circle | wc -l)
expect_match out "^a red circle	.*	$((first + 1))	image	.*/tree/000050.png"
[ "$(cut -f 3 out | sort | uniq -d)" = "" ] || problem "ids are there twice"
ranks 2 evaluate-retrieval '{a,b}.dip' -c captions.csv --allow-missing -q
expect_status 0
expect_text out "captioned images without a picture, left out: 73"
finish
