#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A build that is killed, or ended by a signal, keeps what it has committed, and the next one goes on from there;
# meanwhile a second writer is refused, and readers see a sound state.
. "$2/tests/cli/lib.sh"
scenes=$4
count=400
"$scenes" --count $count --seed 7 --size 48 --out tree >/dev/null

# start INDEX: a build in the background, stopped where it has committed some pictures; its process is $writer.
start() {
    command="diptych index build $1 (in the background)"
    "$diptych" index build "$1" tree --batch 1 --storage f32 --precision f32 >background 2>&1 &
    writer=$!
    until [ "$(pictures "$1")" -gt 0 ]; do
        kill -0 $writer || break
    done
    kill -STOP $writer
}

# pictures INDEX: how many it has; 0 where there is none yet.
pictures() {
    "$diptych" index info "$1" --format json 2>/dev/null | sed -n 's/.*"pictures": \([0-9]*\),.*/\1/p' | grep . || echo 0
}

run index build whole.dip tree --batch 1 --storage f32 --precision f32
expect_status 0

for signal in KILL TERM; do
    number=9
    [ $signal = KILL ] || number=15
    start $signal.dip
    run index remove $signal.dip --id 1
    expect_status 2
    expect_match err "cannot remove: .*$writer"
    run index update $signal.dip tree
    expect_status 2
    expect_match err "cannot update: .*$writer"
    run index list $signal.dip
    expect_status 0
    kill -$signal $writer
    kill -CONT $writer
    wait $writer
    [ $? -eq $((128 + number)) ] ||
        problem "the build was not ended by $signal"
    kept=$(pictures $signal.dip)
    [ "$kept" -gt 0 ] && [ "$kept" -lt $count ] || problem "$kept pictures kept of $count"
    run index verify $signal.dip --quiet
    expect_status 0
    expect_empty out
    run index build $signal.dip tree --batch 1 --storage f32 --precision f32
    expect_status 0
    expect_line err "pictures: $((count - kept)) new, 0 changed, 0 copied, 0 moved, 0 gone, $kept unchanged, 0 failed"
    run index verify $signal.dip --quiet
    expect_status 0
    "$diptych" index list whole.dip -f json >expected
    "$diptych" index list $signal.dip -f json >got
    cmp -s expected got || problem "the items are not those of an index built at once"
    cmp -s whole.dip/vectors.f32 $signal.dip/vectors.f32 || problem "the vectors are not those of an index built at once"
done

# ---- an update of every kind of change, killed again and again
diptych_update() {
    timeout -s KILL "$1" "$diptych" index update KILL.dip tree --batch 1 --storage f32 --precision f32 >out 2>err
    status=$?
}

mkdir tree/deep
for n in 0 1 2 3 4 5 6 7 8 9; do
    mv tree/0000${n}0.png tree/deep
    cp tree/0000${n}1.png tree/deep/copy$n.png
    rm tree/0000${n}2.png
    cp tree/0001${n}3.png tree/0000${n}3.png
done
"$scenes" --count 100 --seed 8 --size 48 --out tree/new >/dev/null
for tenths in 1 2 3 4 5 6 7 8 9; do
    diptych_update 0.$tenths
    command="diptych index update, killed after 0.$tenths s"
    run index verify KILL.dip --quiet
    expect_status 0
    expect_empty out
done
diptych_update 600
expect_status 0
run index verify KILL.dip --quiet
expect_status 0
run index build once.dip tree --storage f32
expect_status 0
for name in KILL once; do
    "$diptych" index list $name.dip -f json | sed 's/"id": [0-9]*, //' | sort >$name.list
done
cmp -s KILL.list once.list || problem "an update in pieces differs from an index built at once"

finish
