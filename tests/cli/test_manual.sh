#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual pages in the folder $4, as the program $5 made them.
. "$2/tests/cli/lib.sh"
pages=$4 maker=$5

command="mandoc -T lint"
mandoc -T lint "$pages"/*.1 >out 2>err
expect_empty out
expect_empty err

# read PAGE: it is as on a terminal in ./out.
read_page() {
    command="man $1"
    mandoc -T utf8 -O width=200 "$pages/$1.1" 2>err | col -b >out
    expect_empty err
}

names() {
    "$diptych" __complete "$@" '' | cut -f 1 | grep -v '^help$'
}
expected=1
for name in $(names); do
    expected=$((expected + 1))
    read_page "diptych-$name"
    for section in NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" EXAMPLES "SEE ALSO"; do
        expect_line out "$section"
    done
    for option in $("$diptych" __complete $name -- | cut -f 1); do
        expect_match out "(^|, ) *$option(\$|=|\\[)"
    done
done
for group in index evaluate probe models; do
    for name in $(names $group); do
        expected=$((expected + 1))
        read_page "diptych-$group-$name"
        expect_match out "^ +diptych $group $name \[OPTION...\]"
    done
done
command="pages"
made=$(ls "$pages" | grep -vc '^diptych-mpi') # which is not in every build
[ "$made" -eq "$expected" ] || problem "$made of $expected"

# What is quoted in the pages
read_page diptych-search
tr -s '[:space:]' ' ' <out >lines && mv lines out
expect_text out "\"width >= 1024 and taken >= '2024-06' and camera like 'Canon%'\""
expect_text out "else it is the default one: diptych help index."

# Examples name what there is.
mkdir made
printf '# search\nFind:\n\n  diptych search --minus sea x.dip a beach | cat\n' >good.txt
printf '# search\nFind:\n\n  diptych search --munis sea x.dip a beach\n' >option.txt
printf '# search\nFind:\n\n  diptych index serach x.dip\n' >subcommand.txt
for name in good option subcommand; do
    command="diptych-manual $name.txt"
    "$maker" $name.txt made 2026-01-02 >out 2>err
    status=$?
    [ $name = good ] && expect_status 0 && expect_empty err && continue
    expect_status 2
    expect_match err "^examples.txt:4: no such command or option:   diptych "
done
finish
