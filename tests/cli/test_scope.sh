#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What every command says, once, of pictures that the default model was not made for. The page of README stands for
# photographs; tests/joint/test_scope.c measures which pictures are told from which.
. "$2/tests/cli/lib.sh"
DIPTYCH_MODEL=default
scenes=$root/assets/pictures page=$root/assets/page.jpg
mkdir -p tree/ring tree/heart && cp "$page" tree/ring/ && cp "$root/assets/sheet.jpg" tree/heart/
word="unlike the rendered scenes of simple shapes and letters that this model knows.*'diptych pull ViT-B-32/openai'"

# expect_said COUNT: the word stands there once, of so many pictures.
expect_said() {
    expect_status 0
    expect_match err "^diptych: $1 pictures? (is|are) $word"
    [ "$(grep -c unlike err)" = 1 ] || problem "said more than once"
}

expect_silence() {
    expect_status 0
    grep -q unlike err && problem "said of what it knows"
    grep -q '"outside"' out && problem "JSON says so of what it knows"
}

# ---- pictures
run classify "$page" "$scenes/01.png" "$page" -l ring,heart -f json
expect_said 2
expect_match out 'page\.jpg.*, "outside": true, "schema": "classify/1"\}$'
[ "$(grep -c '"outside": true' out)" = 2 ] || problem "not of the two pages"
run classify "$page" -l ring,heart -f json -q
expect_empty err
expect_text out '"outside": true'
run classify "$scenes" -l ring,heart -f json
expect_silence

run rank "$page" "a ring" "a heart" -f json
expect_said 1
expect_text out '"outside": true'
run rank "$scenes/01.png" "a ring" "a heart" -f json
expect_silence

run evaluate classify tree -f json
expect_said 2
expect_text out '"outside": 2'

# ---- indexes
run index build pages.dip tree
expect_said 2
run search pages.dip "a ring" -f json
expect_said 2
grep -q '"outside"' out && problem "the query is no picture"
run search pages.dip "a ring" -q
expect_empty err
run search pages.dip --image "$page" -f json
expect_said 1
expect_match out '"query": "[^"]*page\.jpg", "outside": true, "score"'
run index cluster pages.dip -k 1 -l ring,heart
expect_said 2
run index build scenes.dip "$scenes"
expect_silence
run search scenes.dip "a ring" -f json
expect_silence
run search scenes.dip --image "$page"
expect_said 1

# ---- the same model written anew
run convert "$root/assets/model" anew
expect_status 0
cmp -s anew/scope.json "$root/assets/model/scope.json" || problem "scope.json is not carried over"

# ---- a model that knows everything, or does not say
DIPTYCH_MODEL=$root/tests/model
run classify "$page" -l ring,heart -f json
expect_silence

# ---- and one whose word on itself is damaged
cp -r "$root/tests/model" odd && echo '{"knows": "maps", "colours": 0, "rest": 0}' >odd/scope.json
run classify "$page" -l ring,heart --model ./odd
expect_status 2
expect_match err "unable to use '[^']*/scope\.json': 'colours' is no number from 1 to 64"

finish
