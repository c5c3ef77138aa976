#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# glibc 2.36: where argp wraps a line of help that fills the margin to the last column.
#
# Guess before running it: after its last word, always, as other lines are wrapped.
#
# Seen: a text whose last line has 79 columns, all that fit, is printed whole or with its last word on a line of its own,
# as the byte behind argp's buffer, which nobody has set, is a blank or not: __argp_fmtstream_update looks for the end of
# the last word from there (argp-fmtstream.c; valgrind names it). 78 columns stay whole and 81 are wrapped, whatever that byte
# is. So a program's help may change with what its memory held before, and a recording of it with any other change of the
# program. MALLOC_PERTURB_ of glibc fills new memory with a byte of one's choice.
#
# Prints what is seen and fails where it is no longer so. Needs a C compiler.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/help.c" <<'END'
#include <argp.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>

/* help LETTERS --help: a text of words of seven letters, so many columns wide. */
int main(int argc, char **argv)
{
    static char text[100];
    const struct argp argp = {.doc = text};
    for (int i = 0; i < atoi(argv[1]); i++)
        text[i] = i % 8 == 7 ? ' ' : 'a';
    fprintf(stderr, "glibc %s\n", gnu_get_libc_version());
    return argp_parse(&argp, argc - 1, argv + 1, 0, NULL, NULL);
}
END
${CC:-cc} -o "$folder/help" "$folder/help.c"

# widths COLUMNS BYTE: those of the text's lines, where new memory is filled with blanks (223) or with letters (158).
widths() {
    MALLOC_PERTURB_=$2 "$folder/help" "$1" --help 2>"$folder/version" | awk '/aaaaaaa/ { printf "%d ", length }'
}

for columns in 78 79 81; do
    blanks=$(widths $columns 223) letters=$(widths $columns 158)
    echo "$(cat "$folder/version"): $columns columns: '$blanks' with blanks behind the buffer, '$letters' with letters"
    case $columns in
    79) [ "$blanks" != "$letters" ] ;;
    *) [ "$blanks" = "$letters" ] ;;
    esac
done
