#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Which files of a folder go into an index: by what is in them, but for what is excluded, and of pairs one.
. "$2/tests/cli/lib.sh"
scenes=$4

# expect_pictures NEW COPIED GONE UNCHANGED FAILED
expect_pictures() {
    expect_line err "pictures: $1 new, 0 changed, $2 copied, 0 moved, $3 gone, $4 unchanged, $5 failed"
}

"$scenes" --count 8 --seed 3 --size 48 --out scenes >/dev/null
mkdir -p phone/raw phone/@eaDir/IMG_1.JPG phone/.thumbnails "phone/#recycle"
take() {
    set -- "scenes/00000$1.png" "phone/$2"
    cp "$1" "$2"
}
take 0 IMG_1.JPG
take 1 IMG_1.CR2
take 2 no_suffix
take 3 x.jpg_large
take 4 raw/IMG_4.png
take 5 @eaDir/IMG_1.JPG/SYNOPHOTO_THUMB_M.jpg
take 6 .thumbnails/a.png
take 7 "#recycle/b.png"
printf '\0\0\0\024ftypqt  \0\0\0\0qt  ' >phone/IMG_1.MOV
echo '<?xml version="1.0"?><plist/>' >phone/IMG_1.AAE
echo '{"title": "IMG_1.JPG"}' >phone/IMG_1.JPG.json
printf '\320\317\021\340\241\261\032\341' >phone/Thumbs.db

run index build a.dip phone
expect_status 0
expect_pictures 5 0 0 0 0
expect_line err "passed over 4 files: 2 text, 1 video, 1 other"

# ---- nothing is opened again: it could not be
if [ "$(id -u)" -ne 0 ]; then
    chmod a-r phone/IMG_1.*
fi
run index update a.dip
expect_status 0
expect_pictures 0 0 0 5 0
expect_line err "passed over 4 files: 2 text, 1 video, 1 other"
chmod a+r phone/IMG_1.*

# ---- by name they fail
run index update a.dip phone/IMG_1.AAE
expect_status 1
expect_text err "phone/IMG_1.AAE': XML is not read"
run index remove a.dip phone/IMG_1.AAE -q
run index update a.dip
expect_status 0

# ---- excludes
run index update a.dip --exclude raw/ --exclude '*_large'
expect_status 0
expect_pictures 0 0 0 3 0
expect_line err "pictures that are left out now and left the index: 2"
run index update a.dip
expect_pictures 0 0 0 3 0
grep -q "left out" err && problem "they leave twice"
run index info a.dip
expect_match out '^  pictures .*/phone +\{"exclude": \["raw/", "\*_large"\]\}$'
run index update a.dip --exclude ''
expect_pictures 0 2 0 3 0
run index update a.dip --no-default-excludes -q
run index info a.dip
expect_match out '^pictures +8$'
run index build a.dip phone --exclude '*' --exclude '!IMG_*' -q
run index info a.dip
expect_match out '^pictures +2$'
run index update a.dip --exclude ''
expect_status 0

# ---- pairs
run index update a.dip --pairs one
expect_status 0
expect_pictures 0 0 0 4 0
expect_line err "pictures that are one with another: 1"
expect_line err "pictures that are left out now and left the index: 1"
run index list a.dip -f tsv
grep -q "IMG_1.CR2" out && problem "the raw file is still there"
run index build a.dip phone # it is remembered
expect_pictures 0 0 0 4 0
expect_line err "pictures that are one with another: 1"
run index update a.dip --pairs two
expect_status 2

# ---- the same of the other commands
run classify phone --labels red,green -f tsv -q --exclude raw --exclude 'IMG_1.[C]*'
expect_status 0
expect_lines out 3
run classify phone --labels red,green -f tsv -q --no-default-excludes
expect_lines out 8
run embed phone --exclude "$(printf 'caf\351')" -q
expect_status 2
expect_text err "is not UTF-8"

finish
