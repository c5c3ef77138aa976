#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each thing that can be wrong with the input: one message that names it, and the exit status that says so.
. "$2/tests/cli/lib.sh"

picture red.ppm '\377\0\0'

# refused PATTERN ARGUMENT...: status 2, nothing on stdout, one line on stderr that fits.
refused() {
    pattern=$1
    shift
    run "$@"
    expect_status 2
    expect_empty out
    expect_lines err 1
    expect_match err "^diptych: cannot [a-z]+.*: $pattern"
}

# failed PATTERN PATH: the picture fails with that reason, and the good one after it still has its line.
failed() {
    run classify "$2" red.ppm --labels red,green -f json
    expect_status 1
    expect_lines out 2
    expect_match out "^\{\"path\": \"$2\", \"error\": \".*'$2'.*$1"
    expect_match out '^\{"path": "red\.ppm", "labels": '
}

# ---- labels
refused "label 2 is empty" classify red.ppm --labels red,,green
refused "label 1 is empty" classify red.ppm --labels ''
printf 'red\ngreen\nred\n' >repeats.txt
run classify red.ppm --labels repeats.txt --format tsv
expect_status 0
expect_text err "label 'red' stands in 'repeats.txt' more than once and counts once"
expect_lines out 1
refused "label 'red' is given twice" classify red.ppm --labels red,green,red
refused "unable to open 'missing.txt': No such file" classify red.ppm --labels missing.txt
refused "unable to open './missing': No such file" classify red.ppm --labels ./missing
: >none.txt
refused "no labels" classify red.ppm --labels none.txt
refused "unable to open '0.*/gone\.txt': No such file" classify red.ppm --labels "$(printf '%0200d/' 1 2 3 4 5 6 7 8 9 10 11 12)gone.txt"
printf 'red\ngre\0en\n' >binary.txt
refused "unable to read 'binary.txt': not a text file" classify red.ppm --labels binary.txt
printf 'red\n\377\376\n' >latin.txt
refused ".*(UTF-8|utf-8)" classify red.ppm --labels latin.txt

# ---- templates
refused "unable to open 'missing': No such file" classify red.ppm --labels red,green --templates missing
echo "a photo" >plain
refused "template 'a photo' has no \{\} for the label" classify red.ppm --labels red,green --templates plain
: >none
refused "no templates" classify red.ppm --labels red,green --templates none

# ---- models and devices
refused ".*'nowhere" classify red.ppm --labels red,green --model nowhere
mkdir hollow
refused ".*'hollow" classify red.ppm --labels red,green --model hollow
refused ".*'hollow" inspect hollow
model=$DIPTYCH_MODEL
DIPTYCH_MODEL=hollow
refused ".*'hollow" inspect
DIPTYCH_MODEL=$model
vendors=${OCL_ICD_VENDORS-}
OCL_ICD_VENDORS=hollow
export OCL_ICD_VENDORS
refused "no OpenCL .*pocl-opencl-icd" classify red.ppm --labels red,green
refused "no OpenCL .*pocl-opencl-icd" devices
OCL_ICD_VENDORS=$vendors
[ "$vendors" ] || unset OCL_ICD_VENDORS
refused "no OpenCL device matches 'warp drive'" classify red.ppm --labels red,green --device "warp drive"
refused "unknown GEMM provider 'abacus'" classify red.ppm --labels red,green --gemm abacus
refused "unknown precision 'f8'" classify red.ppm --labels red,green --precision f8
refused "no shape 'vit-x-1'; there are .*vit-b-32" bench encode --shape vit-x-1

cp -r "$root/tests/model" cut
dd if="$root/tests/model/model.safetensors" of=cut/model.safetensors bs=1000 count=100 2>/dev/null
refused ".*cut/model.safetensors" classify red.ppm --labels red,green --model cut
run inspect cut # shows what there is to see
expect_status 1
expect_match out '^layout '
expect_match err "cut/model.safetensors"

# ---- pictures
failed "No such file or directory" missing.png
: >empty.png
failed "" empty.png
echo "a line of text" >text.jpg
failed "" text.jpg
head -c 20 red.ppm >cut.ppm
failed "" cut.ppm
printf 'P6\n100000 100000\n255\n' >bomb.ppm
failed "" bomb.ppm
ln -s nowhere dangling.png
failed "No such file or directory" dangling.png
if [ "$(id -u)" -ne 0 ]; then # root may read everything
    mkdir locked && chmod 0 locked
    failed "Permission denied" locked
    chmod 700 locked
fi

finish
