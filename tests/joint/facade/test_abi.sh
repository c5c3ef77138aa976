#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_abi.sh ROOT LIBRARY STATIC CC CXX SCRATCH: libdiptych exports the names of symbols.map, which are those of diptych.h,
# and no other; and the header compiles alone, as C11 and as C++17.
set -eu
root=$1 library=$2 static=$3 cc=$4 cxx=$5 scratch=$6
rm -rf "$scratch" && mkdir -p "$scratch"
header=$root/joint/diptych.h

sed -n 's/^ *\(diptych_[a-z_]*\);$/\1/p' "$root/joint/facade/symbols.map" >"$scratch/listed"
LC_ALL=C sort -u "$scratch/listed" | cmp - "$scratch/listed" # in order, each once
[ -s "$scratch/listed" ]

# Declarations may go over several lines, and begin with the result's type.
awk '/^DIPTYCH_API/ { at = 1 } at { printf "%s ", $0 } /;/ { if (at) print ""; at = 0 }' "$header" |
    sed -n 's/^[^(]*[ *]\(diptych_[a-z_]*\)(.*/\1/p' | LC_ALL=C sort >"$scratch/declared"
diff "$scratch/listed" "$scratch/declared"

nm -D --defined-only "$library" | awk '$2 != "A" { sub("@.*", "", $3); print $3 }' | LC_ALL=C sort >"$scratch/exported"
diff "$scratch/listed" "$scratch/exported"
nm -D --defined-only "$library" | awk '$2 != "A" && $3 !~ /@@DIPTYCH_0$/ { print "no version:", $3; bad = 1 } END { exit bad }'
nm --extern-only --defined-only "$static" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort >"$scratch/static"
diff "$scratch/listed" "$scratch/static"

readelf -d "$library" | grep -q 'SONAME.*\[libdiptych\.so\.0\]'
readelf -d "$library" | grep -q 'FLAGS_1.*NODELETE'

echo '#include "diptych.h"' >"$scratch/alone.c"
cp "$scratch/alone.c" "$scratch/alone.cc"
flags="-I$root/joint -Wall -Wextra -pedantic -Werror -fsyntax-only"
$cc -std=c11 -Wstrict-prototypes $flags "$scratch/alone.c"
$cxx -std=c++17 $flags "$scratch/alone.cc"
