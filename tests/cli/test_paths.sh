#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Paths alone, for other programs: of names that hold a line end, quotes and spaces, and what duplicates leaves over.
. "$2/tests/cli/lib.sh"
pictures=$root/assets/pictures
newline='line
end.png'
quotes="it's \"one\" \\ two.png"

mkdir in
cp "$pictures/01.png" "in/$newline"
cp "$pictures/02.png" "in/$quotes"
cp "$pictures/09.png" "in/-n a.png"
run index build a.dip in -q
expect_status 0

# expect_files: out holds the names of these files, a NUL behind each, in any order; and they are there.
expect_files() {
    for file; do printf '%s\0' "$PWD/$file"; done | sort -z >expected
    sort -z out | cmp -s - expected || problem "not the paths of $*"
    xargs -0 ls -d <out >/dev/null || problem "xargs finds no such files"
}

run search a.dip "a picture" -0
expect_status 0
expect_empty err
expect_files "in/$newline" "in/$quotes" "in/-n a.png"
run index list a.dip -0
expect_files "in/$newline" "in/$quotes" "in/-n a.png"
run index outliers a.dip --alpha 1 -0 -q
expect_files "in/$newline" "in/$quotes" "in/-n a.png"
run index list a.dip -f paths
expect_line out "$PWD/in/line\\nend.png"
expect_line out "$PWD/in/it's \"one\" \\\\ two.png"
expect_lines out 3

# A line to a line: an empty path ends an answer.
printf 'a\nb\n' >queries
"$diptych" search a.dip --queries - -k 1 -0 <queries >out 2>err
[ "$(tr -cd '\0' <out | wc -c)" -eq 4 ] || problem "not two answers of a path and an end"

# ---- the best of copies: of as many pixels the sharpest, of as sharp the largest file, of as large the oldest
mkdir twins again
cp "$pictures/01.png" "twins/$newline"
cp "$pictures/01.png" twins/old.png
touch -d 2001-01-01 twins/old.png
{ cat "$pictures/01.png" && echo; } >twins/large.png # what comes after the picture is not read
cp "$pictures/01.png" twins/gone.png
cp "$pictures/01.png" twins/changed.png
cp -p twins/old.png twins/large.png again
run index build twins.dip twins again -q
rm -r again
ln -s twins again # what the index knows as copies are the very files by now
rm twins/gone.png
echo >>twins/changed.png
run index duplicates twins.dip --keep best -0
expect_status 0
expect_match err '^1 group among 7 items; beside the best of each, 3 pictures of [0-9.]+ MB$'
expect_files "twins/$newline" twins/old.png again/old.png
rm twins/large.png # the best is now the oldest
run index duplicates twins.dip --keep best -0 -q
expect_empty err
expect_files "twins/$newline"
run index duplicates twins.dip --keep best -f tsv -q
expect_lines out 1
run index duplicates twins.dip -0 -q
[ "$(tr -cd '\0' <out | wc -c)" -eq 7 ] || problem "not all paths of the group"

# ---- pages: a card leads to its file, whatever it is called
# expect_links PAGE COUNT: so many cards, and each link, decoded, is a file that is there, or its name in the index.
expect_links() {
    [ "$(grep -c '<figure>' "$1")" -eq "$2" ] || problem "not $2 cards on $1"
    [ "$(grep -c 'class="copy" hidden>' "$1")" -eq "$2" ] || problem "not a button a card on $1"
    grep -o 'href="file://[^"]*"' "$1" | sed 's/href="file:..\(.*\)"/\1/' | while read -r url; do
        case $url in *[!-A-Za-z0-9._~/%]*) echo "'$url' is not encoded" ;; esac
        path=$(env printf '%b.' "$(echo "$url" | sed 's/%/\\x/g')") # coreutils' knows \x; the dot keeps a line end
        [ -e "${path%.}" ] || echo "no file '$path'"
    done >links
    [ ! -s links ] || problem "$(cat links)"
}

run search a.dip "a picture" --html page.html -q
expect_links page.html 3
grep -q 'line%0Aend.png"' page.html || problem "no link to the name of two lines"
run index outliers a.dip --alpha 1 --html page.html
expect_status 0
expect_empty out
expect_match err '^3 of 3 items$'
expect_links page.html 3
[ "$(grep -c 'sharpness [1-9][0-9]*</span>' page.html)" -eq 3 ] || problem "pictures without sharpness"
touch twins/gone.png twins/large.png again/large.png # for the links
run index duplicates twins.dip --html page.html
expect_status 0
expect_empty out
expect_match err '^1 group among 7 items$'
expect_links page.html 7
[ "$(grep -c 'class="note">best<' page.html)" -eq 1 ] || problem "not one best picture"
grep -q '<code>diptych index duplicates twins.dip -t 0.95 --keep best -0</code>' page.html || problem "no command"
run index duplicates twins.dip --html twins/old.png
expect_status 2
expect_match err 'would replace'
finish
