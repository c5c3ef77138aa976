#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A model by its name, from a hub on this machine to what it says of a picture.
. "$2/tests/cli/lib.sh"
serve=$4

# hub REPOSITORY FOLDER: serves the folder, until the next one or the end.
hub() {
    rm -f input served && mkfifo input
    "$serve" "$1" "$2" <input >served &
    exec 9>input
    while [ ! -s served ]; do sleep 0.1; done
    HF_ENDPOINT=$(head -n 1 served) no_proxy='*'
    export HF_ENDPOINT no_proxy
}
unset HF_HUB_OFFLINE

hub openai/clip-tiny "$root/tests/model"
run classify "$root/assets/pictures/04.png" --labels "red heart,blue star" --model openai/clip-tiny
expect_status 2
expect_line err "diptych: cannot classify: no model 'openai/clip-tiny' here: 'diptych pull openai/clip-tiny' downloads it"
run pull openai/clip-tiny
expect_status 0
expect_line out "$HF_HUB_CACHE/models--openai--clip-tiny/snapshots/1111111111111111111111111111111111111111"
expect_match err '^diptych: 7 files, 4.4 MB; downloaded 4.4 MB in '
run pull --quiet openai/clip-tiny@v1
expect_status 0
expect_empty err
run classify "$root/assets/pictures/04.png" --labels "red heart,blue star" --model openai/clip-tiny --format tsv
expect_match out '	blue star	1	'
DIPTYCH_MODEL=openai/clip-tiny@v1 run inspect
expect_status 0
run models
expect_lines out 2
run models remove openai/clip-tiny
expect_status 0
run models
expect_empty out

# What cannot run: its configuration is all that comes.
exec 9>&-
wait
cp -r "$root/tests/model" align
sed 's/"model_type": "clip"/"model_type": "align"/' "$root/tests/model/config.json" >align/config.json
hub kakaobrain/align-base align
run pull kakaobrain/align-base
expect_status 2
expect_match err "^diptych: cannot pull: .*'model_type' is \"align\", which is not supported"
exec 9>&-
wait
expect_match served ', 0 of large files'

finish
