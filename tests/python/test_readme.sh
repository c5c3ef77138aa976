#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_readme.sh PYTHON LIBRARY ROOT SCRATCH: README's program in Python prints what stands below it.
set -eu
export DIPTYCH_LIBRARY="$2" PYTHONPATH="$4/lib" PYTHONDONTWRITEBYTECODE=1 XDG_DATA_HOME="$4/data"
unset DIPTYCH_MODEL
scratch=$4/readme
rm -rf "$scratch" && mkdir -p "$scratch"
awk '/^## / { here = $0 == "## From Python" } here && /^```python$/ { at = 1; next } /^```$/ { at = 0 } at' "$3/README.md" >"$scratch/example.py"
awk '/^    \$ python3 example\.py/ { at = 1; next } !/^    / { at = 0 } at { sub("^    ", ""); print }' "$3/README.md" >"$scratch/expected"
[ -s "$scratch/expected" ]
cp -R "$3/assets" "$scratch"
cd "$scratch"
"$1" example.py >printed
diff expected printed
