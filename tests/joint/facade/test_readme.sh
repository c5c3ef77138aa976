#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_readme.sh ROOT LIBRARY CC SCRATCH: README's program in C compiles, and prints what stands below it.
set -eu
library=$2 cc=$3 scratch=$4
rm -rf "$scratch" && mkdir -p "$scratch"
cd "$1"
unset DIPTYCH_MODEL
awk '/^```c$/ { at = 1; next } /^```$/ { at = 0 } at' README.md >"$scratch/example.c"
awk '/^    \$ cc example\.c/ { at = 1; next } !/^    / { at = 0 } at { sub("^    ", ""); print }' README.md >"$scratch/expected"
[ -s "$scratch/expected" ]
# shellcheck disable=SC2086
$cc -std=c11 -Wall -Wextra -pedantic -Werror -Ijoint "$scratch/example.c" "$library" -Wl,-rpath,"$(dirname "$library")" \
    -o "$scratch/example"
"$scratch/example" >"$scratch/printed"
diff "$scratch/expected" "$scratch/printed"
