#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_install.sh BUILD SOURCES CC CXX CMAKE SCRATCH: what cmake --install puts somewhere is all that a program needs: it is
# found by pkg-config and by CMake, links, shared and static, and finds its default model and diptych-decode there.
set -eu
build=$1 sources=$2 cc=$3 cxx=$4 cmake=$5 scratch=$6
rm -rf "$scratch" && mkdir -p "$scratch"
prefix=$scratch/prefix
unset DIPTYCH_MODEL DIPTYCH_DECODER
"$cmake" --install "$build" --prefix "$prefix" >"$scratch/install.log"
picture=$sources/../../../assets/pictures/01.png

# The model is that of the prefix, and not of the tree that all was built from.
check() {
    "$@" >"$scratch/said"
    said=$(cut -d' ' -f2 "$scratch/said")
    [ "$(realpath "$said")" = "$(realpath "$prefix/share/diptych/model")" ] || { echo "$1: the model is '$said'"; exit 1; }
    "$@" "$picture" "a blue star" "a red heart" | grep -q "^$picture	a red heart	"
    ! "$prefix/bin/diptych" --version | grep -q libtiff ||
        "$@" "$sources/../../golden/decoders/cmyk.tif" "a blue star" "a red heart" >/dev/null
}

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name diptych.pc)")
export PKG_CONFIG_PATH
libraries=$(pkg-config --variable=libdir diptych)
# shellcheck disable=SC2046
{
    $cc -std=c11 -Wall -Wextra -pedantic -Werror "$sources/consumer.c" $(pkg-config --cflags --libs diptych) -o "$scratch/shared"
    $cxx -std=c++17 -Wall -Wextra -pedantic -Werror -x c++ "$sources/consumer.c" -x none $(pkg-config --cflags --libs diptych) \
        -o "$scratch/cxx"
}
check env LD_LIBRARY_PATH="$libraries" "$scratch/shared"
check env LD_LIBRARY_PATH="$libraries" "$scratch/cxx"

"$cmake" -S "$sources/consumer" -B "$scratch/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_INSTALL_PREFIX="$prefix" >"$scratch/cmake.log"
"$cmake" --build "$scratch/cmake" >>"$scratch/cmake.log"
"$cmake" --install "$scratch/cmake" >>"$scratch/cmake.log" # a static program looks from where it lies
check env LD_LIBRARY_PATH="$libraries" "$scratch/cmake/shared"
check "$prefix/bin/static"

# Packages are made of a staged tree.
DESTDIR=$scratch/stage "$cmake" --install "$build" --prefix /usr >>"$scratch/install.log"
[ -f "$scratch/stage/usr/include/diptych.h" ]
