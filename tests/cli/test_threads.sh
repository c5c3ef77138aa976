#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every verb that works on many threads says with four of them what it says with one, in the same order; under
# ThreadSanitizer these runs are the ones that look for races.
. "$2/tests/cli/lib.sh"

ln -s "$root/assets/pictures" pictures
: >empty.png # one that fails, in the middle of the others
cp pictures/0*.png . && cp 01.png 99.png
references=$root/assets/captions/references.json
mkdir -p classes/circle classes/heart && cp 0[1-4].png 99.png classes/circle && cp 0[5-8].png classes/heart

# same STATUS ARGUMENT...: diptych ARGUMENT... with one thread and with four.
same() {
    want=$1
    shift
    run "$@" --threads 1
    expect_status "$want"
    mv out one
    run "$@" --threads 4
    expect_status "$want"
    [ -s one ] || problem "nothing printed"
    cmp -s one out || problem "not what one thread prints"
}

same 1 classify pictures empty.png 0*.png 99.png --labels circle,heart,ring --batch 2 --format tsv
same 1 embed 01.png empty.png pictures 99.png --batch 2 --format json
same 0 rank 01.png "a blue circle" "a red heart" --format tsv
same 0 evaluate classify classes --labels circle,heart --batch 2 --format json
same 0 evaluate retrieval --captions "$references" --images pictures --batch 2 --format json

run score --references "$root/tests/golden/captions/refs.json" \
    --candidates "$root/tests/golden/captions/candidates.json" --metrics CIDEr_D,chrF2,TER
expect_status 0
expect_match out "^CIDEr-D  *1\.2543"

run index build x.dip pictures 0*.png 99.png --batch 2 --threads 4 --quiet
expect_status 0
same 0 search x.dip "a red heart" --format tsv
same 0 search x.dip --image 01.png --format tsv
run index build x.dip pictures --threads 4 --quiet
expect_status 0
run index duplicates x.dip --format tsv
expect_status 0
[ "$(sort out | uniq | wc -l)" -ge 2 ] || problem "no copies found"
finish
