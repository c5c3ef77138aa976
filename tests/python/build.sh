#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh PYTHON LIBRARY ROOT SCRATCH: builds the package as Debian does, into SCRATCH/lib.
set -eu
python=$1 root=$3 scratch=$4
rm -rf "$scratch" && mkdir -p "$scratch"
cp -RL "$root/python" "$scratch/source" # a build leaves things beside what it builds
cd "$scratch/source"
"$python" setup.py -q build --build-lib "$scratch/lib" >"$scratch/build.log" 2>&1 || { cat "$scratch/build.log"; exit 1; }
[ -s "$scratch/lib/diptych/_declarations.py" ] && [ -f "$scratch/lib/diptych/py.typed" ]
