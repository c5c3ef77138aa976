#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_same.sh DIPTYCH CONSUMER ROOT: the library says what the command prints, digit for digit.
set -eu
diptych=$1 consumer=$2
cd "$3"
unset DIPTYCH_MODEL
for picture in assets/pictures/01.png assets/pictures/05.jpg assets/pictures/12.jpg; do
    set -- "a red heart" "five purple ovals" "a blue tree above a yellow star"
    said=$("$consumer" "$picture" "$@")
    printed=$("$diptych" classify "$picture" --labels "$(printf '%s,' "$@" | sed 's/,$//')" --format tsv --quiet)
    [ "$said" = "$printed" ] || { printf 'library: %s\ncommand: %s\n' "$said" "$printed"; exit 1; }
done
