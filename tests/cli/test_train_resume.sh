#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train: a run that ends before its time goes on to the same weights bit for bit, whatever it trains and however it ended.
. "$2/tests/cli/lib.sh"

scenes=$4 signal_at=$5
"$scenes" --count 40 --seed 5 --out tree >/dev/null
{ echo image,caption && sed -n 's/.*"path": "\([^"]*\)", "caption": "\([^"]*\)".*/\1,"\2"/p' tree/scenes.jsonl; } >tree.csv
learn="train --captions tree.csv --images tree --steps 6 --batch 8 --rate 1e-4"

# signalled SIGNAL COUNT ARGUMENT...: becomes a run that keeps a checkpoint after each step, and gets the signal just before it keeps
# that one.
signalled() {
    at="checkpoint.safetensors $2 $1"
    shift 2
    exec env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" "LD_PRELOAD=$signal_at" "SIGNAL_AT=$at" \
        "$diptych" "$@" -o killed --checkpoint 0s --log killed.jsonl
}

# ended SIGNAL COUNT ARGUMENT...: a run that ended so.
ended() {
    rm -rf killed killed.part killed.jsonl
    command="diptych train, with signal $1 at checkpoint $2"
    (signalled "$@") >out 2>err
    status=$?
    expect_status $((128 + $1))
    [ ! -e killed ] || problem "a model is there before its time"
}

kill_at() {
    ended 9 "$@"
}

# same MODEL: what went on is that, byte for byte, and nothing of the run is left.
same() {
    for file in "$1"/*.safetensors; do
        cmp -s "$file" "killed/${file##*/}" || problem "other weights than without the end"
    done
    [ ! -e killed.part ] || problem "killed.part is still there"
}

# ---- killed
run $learn -o whole -q
expect_status 0
for count in 1 2 4; do
    kill_at $count $learn
    [ $count = 1 ] || refused "'killed.part' has a run that has not ended: --resume goes on" $learn -o killed
    run $learn -o killed --resume --log killed.jsonl --html killed.html
    expect_status 0
    [ "$(grep -o '<circle' killed.html | wc -l)" -eq 30 ] || problem "not each of six steps once on each curve"
    [ $count = 1 ] || expect_match err "going on after step $((count - 1))\$"
    same whole
done
rm -rf killed killed.part
(signalled 19 2 $learn) 2>background & # who stops there
trainer=$!
until grep -q '^State:.T' /proc/$trainer/status; do
    kill -0 $trainer 2>/dev/null || break
done
refused "another process is at 'killed.part'" $learn -o killed
kill -KILL $trainer
wait $trainer 2>/dev/null

# ---- the same of running means, of what drops out of an adapter, and of products in 16 bits
for how in '--average 0.5' '--part lora --rank 4 --dropout 0.2' '--precision bf16' \
    '--part text --precision bf16 --average 0.5 --blend 0.5 --chunk 3'; do
    rm -rf other
    run $learn -o other -q $how
    expect_status 0
    kill_at 3 $learn $how
    run $learn -o killed --resume $how
    expect_status 0
    expect_match err 'going on after step 2$'
    same other
done

# ---- and where it is measured on the way: with captions that it does not know, so that it learns something
validations() {
    sed -n 's/.*"train-validation.1", "step": \([0-9]*\), "pictures": 8, "score": \([0-9.]*\),.*/\1 \2/p' "$1" | sort -u
}
sed 's/,.*//' tree.csv >names && sed 's/[^,]*,"*//; s/"$//' tree.csv | rev | paste -d , names - | sed '1s/.*/image,caption/' >riddles.csv
strange="$learn --hold-out 0.2 --validate 2 --captions riddles.csv --rate 1e-3"
run $strange -o clever --log clever.jsonl -q
expect_status 0
for count in 1 3 5; do # after the first there is a best model and no checkpoint
    kill_at $count $strange
    run $strange -o killed --log killed.jsonl -q --resume
    expect_status 0
    same clever
    validations clever.jsonl >expected
    validations killed.jsonl | cmp -s expected - || problem "other validations than without the kill"
done

# ---- another run does not go on, nor one that holds a picture less out
kill_at 3 $strange
refused 'was begun with another set of ' $strange -o killed --resume --hold-out 0.18
kill_at 3 $learn
refused "'killed.part' was begun with another rate: 0.0001" $learn -o killed --resume --rate 2e-4
refused 'was begun with another batch: 8, now 4' $learn -o killed --resume --batch 4
refused 'was begun with another seed: 0, now 3' $learn -o killed --resume --seed 3
head -n 30 tree.csv >fewer.csv
refused 'was begun with another set of pictures and captions' $learn -o killed --resume --captions fewer.csv
refused 'was begun with another decay: 0.2, now 0.1;' $learn -o killed --resume --decay 0.1
refused 'was begun with another set of ' $learn -o killed --resume --hold-out 0.1 # fewer to learn from
refused 'was begun with another truncated: none, now true;' $learn -o killed --resume --truncated
head -c 1000 killed.part/checkpoint.safetensors >cut && cp cut killed.part/checkpoint.safetensors
refused 'killed.part/checkpoint.safetensors' $learn -o killed --resume

kill_at 2 $learn --fast-decode
refused 'was begun with another fast-decode: true, now none;' $learn -o killed --resume

# ---- what somebody else has in a folder of that name stays there
rm -rf killed.part && mkdir -p killed.part/result && echo mine >killed.part/result/notes
refused "'killed.part' has what a run would replace, and no checkpoint of one" $learn -o killed
[ "$(cat killed.part/result/notes)" = mine ] || problem "a folder is lost that is no run's"
rm -r killed.part/result && echo mine >killed.part/best.safetensors
refused "'killed.part' has what a run would replace, and no checkpoint of one" $learn -o killed
[ "$(cat killed.part/best.safetensors)" = mine ] || problem "a file is lost that is no run's"

# ---- ended amid its end: what is left says whether OUT is the run's own
over() {
    kill_at 4 $learn
    rm killed.part/.diptych-0.tmp # of the checkpoint that it did not keep
    mv killed.part/checkpoint.safetensors killed.part/finished.safetensors
}
over
mkdir killed.part/result && echo half >killed.part/result/model.safetensors
cp -r other killed
(signalled 9 1 $learn --resume) >out 2>err # before the checkpoint has its name again
[ -e killed.part/finished.safetensors ] || problem "it was not ended where it was to be"
refused "'killed' is there already" $learn -o killed --resume
[ "$(ls killed.part)" = checkpoint.safetensors ] || problem "not the checkpoint alone is left: $(ls killed.part)"
rm -r killed
run $learn -o killed --resume
expect_status 0
same whole
over
cp -r whole killed
refused "'killed' is there already" $learn -o killed
refused "was begun with another rate" $learn -o killed --resume --rate 1e-3
run $learn -o killed --resume
expect_status 0
expect_line err "diptych: 'killed' is whole: the run that wrote it had no time to say so"
same whole
over
run $learn -o killed --resume
expect_status 0
same whole

# ---- interrupted: the step that it is at is not lost
for signal in 2 15; do
    ended $signal 2 $learn
    expect_match err '^diptych: interrupted: --resume goes on after step 3 of 6$'
    run $learn -o killed --resume
    expect_status 0
    expect_match err 'going on after step 3$'
    same whole
done

# ---- a full disk, where a file is at its limit: what was kept stays, and the run goes on when there is room
full() {
    blocks=$1
    shift
    command="diptych $*, on a full disk"
    (trap '' XFSZ; ulimit -f $blocks; exec "$diptych" "$@") >out 2>err
    status=$?
}
kill_at 3 $learn
full 20000 $learn -o killed --resume --checkpoint 0s
expect_status 0
expect_match err "no checkpoint after step 6: unable to write 'killed.part/checkpoint.safetensors': File too large; the one before, of step 2, stays"
same whole
kill_at 3 $learn
full 6000 $learn -o killed --resume
expect_status 2
expect_match err "unable to write 'killed.part/trained.safetensors': File too large; --resume goes on after step 2 of 6"
[ ! -e killed ] || problem "a model all the same"
run $learn -o killed --resume
expect_status 0
same whole
rm -rf killed
full 4000 $learn -o killed
expect_status 2
[ ! -e killed.part ] || problem "a folder without a checkpoint"

finish
