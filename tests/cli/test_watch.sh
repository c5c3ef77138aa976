#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An index that is watched: pictures that come are found, others may write between, a signal ends it well, and a kill at
# any moment loses nothing.
. "$2/tests/cli/lib.sh"
scenes=$4
count=200
"$scenes" --count $count --seed 7 --size 48 --out many >/dev/null
mkdir tree
mv many/00000*.png tree/
mkfifo news

# start: a watch in the background, whose messages come by the pipe; its process is $watcher.
start() {
    command="diptych index watch a.dip (in the background)"
    "$diptych" index watch a.dip --batch 1 --precision f32 2>news &
    watcher=$!
    exec 3<news
}

# until_news TEXT: waits for a message with this text.
until_news() {
    while read -r line <&3; do
        case $line in *"$1"*) return ;; esac
    done
    problem "the watch ended before it said '$1'"
}

# stop SIGNAL STATUS
stop() {
    kill -"$1" $watcher
    cat <&3 >/dev/null
    exec 3<&-
    wait $watcher
    [ $? -eq "$2" ] || problem "it was not ended by $1 with $2"
}

pictures() {
    "$diptych" index info a.dip --format json | sed -n 's/.*"pictures": \([0-9]*\),.*/\1/p'
}

run index build a.dip tree --precision f32
expect_status 0
run index watch nothing.dip
expect_status 2
expect_text err "cannot watch: 'nothing.dip' is not an index"
echo "a text" >lines.txt
run serve --watch --token-file nowhere
expect_status 2
expect_line err "diptych: there is no index that --watch could keep up to date"

start
until_news "watching 1 folder"
first=$(ls many/*.png | head -n 1)
cp "$first" tree/new.png
until_news "pictures: 1 new"
run search a.dip --image tree/new.png --precision f32 --top 1
expect_status 0
expect_text out "/tree/new.png"
run index watch a.dip
expect_status 2
expect_line err "diptych: cannot watch: unable to watch 'a.dip': process $watcher is watching it"
run index update a.dip --texts lines.txt --precision f32
expect_status 0
echo "another text" >>lines.txt
until_news "texts: 1 new"
echo "no picture" >tree/bad.png
until_news "unable to read '$PWD/tree/bad.png'"
rm tree/new.png
until_news "1 gone"
stop TERM 0
run index verify a.dip -q
expect_status 0

# ---- killed in the middle of many
start
until_news "watching"
before=$(pictures)
mv many tree/many
while [ "$(pictures)" -eq "$before" ]; do
    kill -0 $watcher || break
done
stop KILL 137
[ "$(pictures)" -gt "$before" ] || problem "nothing was kept"
run index verify a.dip -q
expect_status 0
expect_empty out
start
until_news "watching 3 folders" # with that of lines.txt
[ "$(pictures)" -eq $count ] || problem "$(pictures) pictures of $count"
stop TERM 0
run index verify a.dip -q
expect_status 0
finish
