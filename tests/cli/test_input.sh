#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Standard input and pipes wherever a command takes a file or a list, and a search that answers line by line.
. "$2/tests/cli/lib.sh"
picture red.ppm '\377\000\000'
picture green.ppm '\000\377\000'
picture blue.ppm '\000\000\377'

# piped FEED ARGUMENT...: runs diptych with what FEED, a command, writes on its standard input.
piped() {
    feed=$1
    shift
    command="$feed | diptych $*"
    eval "$feed" >fed
    cat fed | "$diptych" "$@" >out 2>err # through a pipe: nothing can be read twice
    status=$?
}

# same: the run before this one printed the same.
same() {
    cmp -s out before || problem "not what the run before it printed"
}
keep() {
    cp out before
}

# ---- lists and files: the same as from a file
run classify red.ppm green.ppm --labels red,green -f tsv -q
expect_status 0
keep
piped "printf 'red.ppm\r\n\r\ngreen.ppm'" classify - --labels red,green -f tsv -q
expect_status 0
same
piped "printf 'red.ppm\0green.ppm\0'" classify -0 - --labels red,green -f tsv -q
same
piped "printf 'red.ppm\0green.ppm\0'" classify - --labels red,green -f tsv -q
expect_status 2
expect_line err "diptych: cannot classify: unable to read 'standard input': line 1 has a NUL in it; -0 is for names that end in one"
piped "printf 'red\ngreen\nred\n'" classify red.ppm green.ppm -l - -f tsv -q
same
expect_line err "diptych: label 'red' stands in 'standard input' more than once and counts once"
mkfifo fifo
printf 'red\ngreen\n' >fifo &
run classify red.ppm green.ppm -l fifo -f tsv -q
same
piped "cat red.ppm" rank - "a red thing" "a green thing" -f tsv -q
expect_status 0
sed 's/^-/red.ppm/' out >before
run rank red.ppm "a red thing" "a green thing" -f tsv -q
same
cat green.ppm >fifo &
run classify fifo -l red,green -f tsv -q
expect_status 0
expect_match out '^fifo	green	'
run classify /dev/null -l red,green -f tsv
expect_status 1
expect_text err "/dev/null"
printf 'a red thing\na green thing\n' >captions.txt
run score -r captions.txt -c captions.txt -f json
keep
piped "cat captions.txt" score -r captions.txt -c - -f json
expect_status 0
same
piped "gzip -c captions.txt" score -r - -c captions.txt -f json
same
piped "printf '[{]'" score -r captions.txt -c - -f json
expect_status 2
expect_text err "'standard input'"

# ---- one standard input, and no index of what cannot be read again
for arguments in "classify - -l -" "score -r - -c /dev/stdin" "search x.dip --queries - --image -" "index build x.dip - -"; do
    piped "echo x" $arguments
    expect_status 2
    expect_text err "standard input can be read once"
done
for arguments in "index build x.dip --texts -" "index build x.dip fifo" "index build x.dip red.ppm --metadata /dev/stdin"; do
    piped "echo x" $arguments
    expect_status 2
    expect_text err "can be read only once, and an index goes back to what it is made of"
done
piped ":" index build x.dip -
expect_status 2
expect_line err "diptych: cannot build: the list of pictures on 'standard input' is empty"
piped "echo nowhere.ppm" index build x.dip -
expect_status 2
expect_line err "diptych: cannot build: unable to read '$PWD/nowhere.ppm': No such file or directory"
[ ! -e x.dip ] || problem "an index was made"

# ---- an index of a list
piped "printf 'red.ppm\r\nblue.ppm\r\nnowhere.ppm\r\n'" index build x.dip - -q
expect_status 1
expect_line err "diptych: unable to read '$PWD/nowhere.ppm': No such file or directory"
run index update x.dip
expect_status 0
run index info x.dip
expect_match out '^pictures +2$'
piped "printf 'green.ppm\0'" index update x.dip -0 -
expect_status 0
expect_match err '^pictures: 1 new, '

# ---- queries, line by line
printf 'a red thing\n\na blue thing\n' >queries
run search x.dip --queries queries -f tsv -q
keep
piped "cat queries" search x.dip --queries - -f tsv -q
grep . out >rows
cmp -s rows before || problem "other rows than those of a file"
expect_lines out 8 # an empty line ends each answer
cat queries >fifo &
run search x.dip --queries fifo -f tsv -q
same
piped "cat queries" search x.dip --queries - -k 1 --html page.html -q
[ "$(grep -c '<h2' page.html)" -eq 2 ] || problem "a page without the two queries"
piped "cat red.ppm" search x.dip --image - -k 1 -f tsv
expect_match out "	$PWD/red.ppm	"

# The other end of a conversation: it says nothing before it has the answer to what it said, so that whoever waits for
# more than a line makes both wait for ever.
mkfifo ask tell
converse() {
    command="diptych search x.dip --queries - $*"
    timeout 120 "$diptych" search x.dip --queries - -k 1 "$@" <ask >tell 2>err &
    exec 3>ask 4<tell
}
hang_up() {
    exec 3>&-
    wait $!
    status=$?
    cat <&4 >out
    exec 4<&-
    expect_empty out
}
converse -f json
for colour in red blue; do
    printf 'a %s thing\n\n' $colour >&3
    read -r answer <&4
    case $answer in
    "{\"query\": \"a $colour thing\", \"hits\": [{\"score\": "*"}], \"schema\": \"search/1\"}") ;;
    *) problem "'$answer' to $colour" ;;
    esac
done
printf 'caf\351\n' >&3
read -r answer <&4
[ "$answer" = "{\"query\": \"caf$(printf '\357\277\275')\", \"error\": \"unable to read 'standard input': line 5 is not UTF-8\", \"schema\": \"search/1\"}" ] ||
    problem "'$answer' to what is no UTF-8"
printf 'no line end' >&3
exec 3>&-
read -r answer <&4
case $answer in
'{"query": "no line end", '*) ;;
*) problem "'$answer' to the last line" ;;
esac
hang_up
expect_status 1 # a line was no query

converse -f tsv --min-score 0.3
printf 'a red thing\n' >&3
read -r answer <&4
read -r end <&4
[ -z "$end" ] || problem "no empty line behind '$answer'"
printf '%s\n' "$answer" >first
grep -q '^a red thing	' first || problem "'$answer' to red"
printf 'zebra\nkite\n' >&3 # two at once, without a hit above that score or with one
for query in zebra kite; do
    while read -r answer <&4 && [ -n "$answer" ]; do
        case $answer in
        $query*) ;;
        *) problem "'$answer' to $query" ;;
        esac
    done
done
hang_up
expect_status 0

finish
