# SPDX-License-Identifier: Apache-2.0
# Pictures that are damaged and read all the same: every verb that reads pictures says so, --strict refuses them, and
# --truncated takes those whose end is missing.
. "$2/tests/cli/lib.sh"

"$diptych" --version | grep -q libjpeg-turbo || exit 77
whole=$root/tests/golden/jpeg_damage/blocks.jpg
mkdir pictures
cp "$whole" pictures/whole.jpg
{ head -c 770 "$whole"; tail -c +909 "$whole"; } >pictures/gap.jpg
head -c 1000 "$whole" >cut.jpg
reason="found marker 0xd3 instead of RST1, after byte 772"
gap="is damaged, but was read: JPEG: $reason, and more (3)"
cut="unable to read 'cut.jpg': damaged JPEG: the file ends early, at byte 1000"

# ---- as Pillow reads them, with a warning
run classify pictures/gap.jpg pictures/whole.jpg cut.jpg --labels red,green -f json
expect_status 1
expect_lines out 3
expect_match out "^\{\"path\": \"pictures/gap\.jpg\", \"labels\": .*, \"warning\": \"'pictures/gap\.jpg' is damaged, but was read: JPEG: $reason, and more \(3\)\", \"schema\": \"classify/1\"\}\$"
expect_match out "^\{\"path\": \"pictures/whole\.jpg\", \"labels\": .*\"softmax\", \"schema\": \"classify/1\"\}\$"
expect_line out "{\"path\": \"cut.jpg\", \"error\": \"$cut\", \"schema\": \"classify/1\"}"
run classify pictures/gap.jpg pictures/whole.jpg --labels red,green -f tsv -q
expect_status 0
expect_lines out 2
expect_lines err 1
expect_line err "diptych: 'pictures/gap.jpg' $gap"
run classify pictures/gap.jpg --labels red,green -q
expect_line err "diptych: 'pictures/gap.jpg' $gap"
run rank pictures/gap.jpg "a red thing" "a green thing" -f json
expect_match out "\"warning\": \"'pictures/gap\.jpg' is damaged, but was read: JPEG: $reason, and more \(3\)\", \"schema\": \"rank/1\"\}\$"
run rank pictures/gap.jpg "a red thing" "a green thing" -q
expect_line err "diptych: 'pictures/gap.jpg' $gap"
run embed pictures --out all.npy -q
expect_status 0
expect_line err "diptych: 'pictures/gap.jpg' $gap"
expect_line all.jsonl "{\"path\": \"pictures/gap.jpg\", \"warning\": \"'pictures/gap.jpg' $gap\", \"schema\": \"embed/1\"}"
expect_line all.jsonl '{"path": "pictures/whole.jpg", "schema": "embed/1"}'
run index build all.dip pictures -q
expect_status 0
expect_line err "diptych: '$scratch/pictures/gap.jpg' $gap"
run search all.dip --image pictures/gap.jpg -q
expect_status 0
expect_line err "diptych: 'pictures/gap.jpg' $gap"

# ---- refused, or taken as far as they go
run classify pictures/gap.jpg pictures/whole.jpg --labels red,green -f tsv -q --strict
expect_status 1
expect_lines out 1
expect_line err "diptych: unable to read 'pictures/gap.jpg': damaged JPEG: $reason"
run classify cut.jpg --labels red,green -f json --truncated
expect_status 0
expect_match out "\"warning\": \"'cut\.jpg' is damaged, but was read: JPEG: the file ends early, at byte 1000\", \"schema\": \"classify/1\"\}\$"
run index build strict.dip pictures cut.jpg -q --strict
expect_status 1
expect_lines err 2
run index build whole.dip pictures cut.jpg -q --truncated
expect_status 0
expect_lines err 2
finish
