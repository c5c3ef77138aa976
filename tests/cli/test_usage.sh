#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Help, versions and wrong usage: all that needs neither a device nor a model.
. "$2/tests/cli/lib.sh"

run help
expect_status 0
expect_empty err
commands=$(sed -n 's/^  \([a-z]*\)  .*/\1/p' out)
[ "$(echo $commands)" = "classify rank score evaluate probe train embed index search serve pull models devices doctor inspect convert bench plan help" ] || problem "the table of commands changed"

for name in $commands; do
    [ "$name" = help ] && continue
    run "$name" -h
    expect_status 0
    expect_empty err
    expect_match out "^Usage: diptych $name "
    cp out long
    run "$name" --help
    cmp -s out long || problem "-h and --help differ"
    run help "$name"
    cmp -s out long || problem "-h and 'help $name' differ"
    run "$name" --usage
    expect_status 0
    expect_match out "^Usage: diptych $name "
    run "$name" --no-such-option
    expect_status 2
    expect_empty out
    expect_match err "^diptych $name: unrecognized option"
done

for name in devices doctor models "index list" "index info" "index map" inspect bench serve pull; do
    run $name -q --no-such-option
    expect_match err "^diptych $name: unrecognized option '--no-such-option'"
done

run --help
expect_status 0
expect_text out "Usage: diptych COMMAND"
run --version
expect_status 0
expect_match out '^diptych [0-9]+\.[0-9]+\.[0-9]+$'
expect_match out '^reads JPEG \([^)]*\), PNG, GIF, BMP'
expect_match out '^(reads|was built without what reads) tar and zip archives.*\(libarchive'
expect_match out '^previews by kitty, iterm2(, sixel)?$'

run help
cp out help
run
expect_status 2
expect_empty out
cmp -s err help || problem "no command is not answered by what there is"

# ---- typing errors
run classfy x
expect_status 2
expect_line err "diptych: 'classfy' is not a command: did you mean 'diptych classify'?"
run help serach
expect_status 2
expect_line err "diptych: 'serach' is not a command: did you mean 'diptych search'?"
run index biuld a.dip
expect_status 2
expect_line err "diptych: 'biuld' is not a command of index: did you mean 'diptych index build'?"
run eval retrieval
expect_status 2
expect_line err "diptych: 'eval' is not a command: did you mean 'diptych evaluate'?"
run dog.png
expect_status 2
expect_line err "diptych: 'dog.png' is not a command; 'diptych help' lists them"
run search a.dip --mni-score=0.3 red
expect_status 2
expect_empty out
expect_line err "diptych search: there is no option '--mni-score': did you mean '--min-score'?"
for near in "--modle x" "-q --modle x" "--top 3 --modle=x" "-k 3 --modle x" "-qk 3 --modle" "--min 1 --modle"; do
    run search a.dip $near
    expect_status 2
    expect_line err "diptych search: there is no option '--modle': did you mean '--model'?"
done
for value in "--minus --modle" "-i --modle" "-k3 -i --modle" "-- --modle" "--minus=--modle" "-i--modle"; do
    run search nowhere.dip red $value
    expect_status 2
    expect_text err "'nowhere.dip' is not an index"
done

run classify --labels cat
expect_status 2
expect_text err "no pictures"
run classify a.png
expect_status 2
expect_text err "no labels"
run classify a.png --labels
expect_status 2
expect_text err "requires an argument"
for wrong in --top=0 --top=-1 --top=x --top= --batch=0 --batch=5000 --threads=0 --max-pixels=1e9 --format=xml; do
    run classify a.png --labels cat "$wrong"
    expect_status 2
    expect_empty out
    expect_match err "^diptych classify: ${wrong%%=*} takes "
done
run bench
expect_status 2
expect_text err "say what to measure"
run bench encode --shape vit-b-32 --model somewhere
expect_status 2
run bench encode --rounds 0
expect_status 2
run inspect one two
expect_status 2
run devices one
expect_status 2

# ---- options that would be ignored
refused "--threshold is of vectors" index duplicates a.dip --identical --threshold 0.9
refused "--samples is of --compare" score -r a.txt -c b.txt --samples 10
refused "--seed is of --compare" score -r a.txt -c b.txt --seed 1
refused "--smooth-value is of --smooth floor and add-k" score -r a.txt -c b.txt --smooth-value 1
refused "--smooth-value is of --smooth floor and add-k" score -r a.txt -c b.txt --smooth none --smooth-value 1
refused "--seeds is of --shots" probe fit tree -o tree.probe --seeds 3
refused "--match-syntax is of --match" search a.dip kite --match-syntax fts5
refused "--match-syntax is of --match" index list a.dip --match-syntax fts5
refused "--exclude and --no-default-excludes are of pictures" embed --texts a.txt --exclude raw
refused "--rescan takes a time above 0, not '0s'" index watch a.dip --rescan 0s

# ---- help: what is a command's own, examples first; what it shares is in one place
run help search
expect_text out "'diptych help options'"
grep -q -e "--fast-decode" -e "--model" -e "--device" out && problem "shared options are among a command's own"
[ "$(grep -n '^  diptych search' out | head -n 1 | cut -d : -f 1)" -lt "$(grep -n -e '--minus=' out | cut -d : -f 1)" ] ||
    problem "examples come behind the options"
for name in classify rank score serve bench search "evaluate classify" "evaluate retrieval" "index build" "index update" "index watch" \
    "index cluster" "index import" "index export" "index list" "index map" "index duplicates" "index outliers" models pull; do
    run help $name
    expect_status 0
    expect_match out '^  -q, --quiet'
    awk 'length > 80' out >wide
    [ ! -s wide ] || problem "lines are wider than a terminal"
    sed '/^ *-/q' out | grep -q '^--' && problem "an example is broken"
done
run help options
expect_status 0
for option in model device precision threads alpha quiet; do
    expect_match out " --$option"
done
grep -q "Mandatory or optional" out && problem "argp's own remarks"
run classify --usage
expect_text out "[--model=MODEL]"

# What cannot be written is a failure, also in help.
for arguments in help --version "classify --help" "index build --help"; do
    command="diptych $arguments >/dev/full"
    "$diptych" $arguments >/dev/full 2>err
    status=$?
    : >out
    expect_status 2
    expect_text err "diptych: cannot write the output: No space left on device"
done

finish
