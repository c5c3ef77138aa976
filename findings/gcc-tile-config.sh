#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# GCC 12.2 (Debian 12): _tile_loadconfig, the intrinsic for AMX's ldtilecfg, on a configuration that was just filled in.
#
# Guess before running it: the intrinsic reads the 64 bytes that the instruction reads, so that a function may fill in a struct of the
# rows and columns of its tiles and hand it over.
#
# Seen: it is inline assembly whose operand is the first 8 bytes. With -O2 the compiler leaves out, without a warning, whatever a
# function writes behind them, and all rows and columns are there: neither the number of rows nor that of columns, both
# arguments here, is read at all, and what ldtilecfg gets is what the stack held. Tables that are constants are not affected, nor is
# a struct behind which a barrier for memory stands. GCC 14.2 (Debian 13) writes all of it.
#
# Who multiplies by tiles of changing sizes writes the barrier, as compute/gemm/amx_int8.c does.
#
# Prints what is seen and fails where it is no longer so. Needs libc6-dev and apt-get with Debian 12's packages, which it unpacks
# below TMPDIR (100 MB) and does not install; a few seconds. No CPU with AMX: the assembly says it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -q download cpp-12=12.2.0-14+deb12u1 libgcc-12-dev=12.2.0-14+deb12u1 libisl23=0.25-1.1 libmpc3=1.3.1-1 libmpfr6=4.2.0-1 \
    libgmp10=2:6.2.1+dfsg1-1.1 libzstd1=1.5.4+dfsg2-5 zlib1g=1:1.2.13.dfsg-1 >/dev/null
for package in *.deb; do
    dpkg -x "$package" root
done
gcc=$folder/root/usr/lib/gcc/x86_64-linux-gnu/12

cat >configure.c <<'END'
#include <immintrin.h>

struct config {
    unsigned char palette, start_row, reserved[14];
    unsigned short bytes_a_row[16];
    unsigned char rows[16];
};

void configure(int rows, int bytes_a_row)
{
    struct config config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.bytes_a_row[i] = bytes_a_row;
        config.rows[i] = rows;
    }
#ifdef BARRIER
    __asm__ volatile("" : : "r"(&config) : "memory");
#endif
    _tile_loadconfig(&config);
}
END

wrong=0
# see WHAT READ OPTION...: which of the two arguments, in edi and esi, the function reads
see()
{
    what=$1 expected=$2
    shift 2
    LD_LIBRARY_PATH=$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu "$gcc/cc1" -quiet -mamx-tile -nostdinc \
        -isystem "$gcc/include" -isystem /usr/include -isystem /usr/include/x86_64-linux-gnu "$@" -o configure.s configure.c
    read=
    grep -Eq '%(rdi|edi|dil)\b' configure.s && read="rows"
    grep -Eq '%(rsi|esi|si)\b' configure.s && read="$read${read:+ and }columns"
    printf '%-28s reads %s\n' "$what" "${read:-neither}"
    [ "${read:-neither}" = "$expected" ] || wrong=1
}
see "-O0" "rows and columns" -O0
see "-O1" "rows and columns" -O1
see "-O2" "neither" -O2
see "-O3" "neither" -O3
see "-O2, a barrier before it" "rows and columns" -O2 -DBARRIER
exit $wrong
