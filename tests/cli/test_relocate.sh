#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pictures and indexes that are moved: together, and one without the other.
. "$2/tests/cli/lib.sh"
mkdir -p old/lib
picture old/lib/red.ppm '\377\0\0'
picture old/lib/blue.ppm '\0\0\377'
run index build old/x.dip old/lib -q
expect_status 0

mv old new
run search new/x.dip red --top 2
expect_status 0
expect_text out "$PWD/new/lib/red.ppm"
run index update new/x.dip
expect_line err "pictures: 0 new, 0 changed, 0 copied, 0 moved, 0 gone, 2 unchanged, 0 failed"

mv new/lib elsewhere
run index relocate new/x.dip new/lib nowhere
expect_status 2
expect_text err "of 2 pictures below '$PWD/new/lib' 2 are not below '$PWD/nowhere'"
run index relocate new/x.dip new/lib elsewhere
expect_status 0
expect_line err "moved: 2 pictures, 0 texts, 1 source; missing: 0, others: 0"
run index update new/x.dip
expect_line err "pictures: 0 new, 0 changed, 0 copied, 0 moved, 0 gone, 2 unchanged, 0 failed"
run index relocate new/x.dip elsewhere
expect_status 2
expect_text err "name the old place and the new one"
finish
