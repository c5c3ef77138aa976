# SPDX-License-Identifier: Apache-2.0
# probe fit and probe info, and what takes a probe: a few scenes by shape. C and steps of so few pictures are given, since
# which is best hangs on the last bits of embeddings.

samples shapes/train/heart 01 02
samples shapes/train/star 02
samples shapes/train/flower 07 12
samples shapes/train/diamond 09 11
samples shapes/test/heart 01
samples shapes/test/flower 12

run probe-fit probe fit shapes/train -o shapes.probe --c 10
run probe-fit-json probe fit shapes/train -o again.probe --c 10 -f json
run probe-info probe info shapes.probe
run probe-info-json probe info shapes.probe -f json
run probe-start probe fit shapes/train -o start.probe --c 0.001 --start zero-shot -q
run probe-shots probe fit shapes/train --test shapes/train --validation shapes/train --shots 1 --seeds 1 -f tsv -q
run probe-classify classify shapes/train/heart --probe shapes.probe -k 2
run probe-classify-json classify shapes/train/star --probe shapes.probe -f json
run probe-evaluate evaluate classify shapes/train --probe shapes.probe
run probe-evaluate-lines evaluate classify shapes/train --probe shapes.probe --predictions lines.jsonl -q
wrote lines.jsonl

run probe-held-out probe fit shapes/train -o x.probe --c 1 --hold-out 0.5 -f json
run probe-few probe fit shapes/train --test shapes/train --validation shapes/train --shots 1,2 --seeds 1 -f tsv

# ---- what cannot be
run probe-labels-differ probe fit shapes -o x.probe --c 1
run probe-no-file probe fit shapes
run probe-nothing-to-choose-by probe fit shapes/train -o x.probe --hold-out 0
run probe-no-test probe fit shapes/train --shots 1
run probe-one-label probe fit shapes/train/heart -o x.probe
mkdir shapes/train/nothing
run probe-empty-label probe fit shapes/train -o x.probe
echo "no picture" >shapes/train/nothing/broken.png
run probe-broken-label probe fit shapes/train -o x.probe
rm -r shapes/train/nothing
echo "no picture" >shapes/train/heart/broken.png
run probe-broken probe fit shapes/train -o x.probe --c 1
run probe-pipe probe fit - -o x.probe
run probe-is-none probe info "$root/tests/model/model.safetensors"
head -c 200 shapes.probe >cut.probe
run probe-cut classify shapes/train/heart --probe cut.probe
other_model other
run probe-other-model evaluate classify shapes/train --probe shapes.probe --model other
run probe-and-labels classify shapes/train/heart --probe shapes.probe -l heart,star
run probe-and-scores classify shapes/train/heart --probe shapes.probe --scores cosine
