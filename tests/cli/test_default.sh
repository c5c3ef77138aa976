#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The index of who names none.
. "$2/tests/cli/lib.sh"
default=$PWD/data/diptych/default.dip
mkdir pictures
picture pictures/red.ppm '\377\0\0'
picture pictures/blue.ppm '\0\0\377'

for arguments in "search red" "index list" "index update pictures" "index watch"; do
    run $arguments
    expect_status 2
    expect_text err "there is no default one, '$default', yet"
done
[ ! -e data ] || problem "something was made"
HOME= XDG_DATA_HOME=relative run search red
expect_status 2
expect_text err "no index: name one"

run index build pictures
expect_status 0
expect_line err "index: $default"
run search red
expect_status 0
expect_line out red
expect_lines out 3
run index list -f tsv
expect_status 0
expect_lines out 2
rm pictures/blue.ppm
run index update
expect_status 0
expect_line err "index: $default"
expect_text err "1 gone"
run index info
expect_text out "$default"
run index verify
expect_status 0
run index export all.npy
expect_status 0
run index remove pictures/red.ppm
expect_status 0
expect_text err "1 item"
run index import all.npy --model "$DIPTYCH_MODEL"
expect_status 0

# ---- what names an index: its end, or what is there
run index build other.dip pictures -q
expect_status 0
mv other.dip folder
run search folder red
expect_status 0
expect_line out red
run search nowhere.dip red
expect_status 2
expect_text err "'nowhere.dip' is not an index"
run search nowhere red
expect_status 0
expect_line out "nowhere red"
run index info pictures
expect_status 2
expect_text err "'pictures' is not an index"

# ---- without a data folder it lies in the home
unset XDG_DATA_HOME
HOME=$PWD/home run index build pictures -q
expect_status 0
expect_empty err
[ -f home/.local/share/diptych/default.dip/catalog.sqlite ] || problem "it lies elsewhere"
finish
