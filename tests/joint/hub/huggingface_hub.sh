#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One cache for Diptych and for Python's huggingface_hub: each reads what the other has downloaded from the hub for tests,
# and downloads none of it again.
#
#   huggingface_hub.sh [BUILD]    BUILD: what cmake has built (build); PYTHON: one that has huggingface_hub 2.4.0, else it
#                                 is installed in a temporary folder, which takes the net
set -eu
root=$(cd "$(dirname "$0")/../../.." && pwd)
build=$(realpath "${1:-$root/build}")
work=$(mktemp -d)
trap 'exec 9>&-; rm -rf "$work"' EXIT
cd "$work"
if [ -z "${PYTHON-}" ]; then
    python3 -m venv venv
    venv/bin/pip -q install huggingface_hub==2.4.0
    PYTHON=$work/venv/bin/python
fi

mkfifo input
"$build/tests/joint/hub/hub_serve" openai/clip-tiny "$root/tests/model" <input >served &
exec 9>input
while [ ! -s served ]; do sleep 0.1; done
HF_ENDPOINT=$(head -n 1 served) HF_HOME=$work/home HF_HUB_DISABLE_PROGRESS_BARS=1 HF_TOKEN=hf_for_the_hub_alone
export HF_ENDPOINT HF_HOME HF_HUB_DISABLE_PROGRESS_BARS HF_TOKEN

# run COMMAND...: shows it, and what it prints without the places of this run.
run() {
    echo "\$ $*" | sed "s@$build/@@; s@$root/@@; s@$work/@@g; s@$PYTHON@python@"
    "$@" 2>&1 | sed "s@$work/@@g; s@1111111111111111111111111111111111111111@COMMIT@; s@ in [0-9.]* s\$@ in TIME@"
}

# python CODE: runs it with the names of huggingface_hub, and fails with it.
python() {
    echo "\$ python: $1"
    "$PYTHON" -c "from huggingface_hub import *; import os
name = 'openai/clip-tiny'
$1" 2>&1 | sed "s@$work/@@g; s@1111111111111111111111111111111111111111@COMMIT@"
}

diptych=$build/diptych
{
    echo "== pull, then Python without the net"
    run "$diptych" pull openai/clip-tiny
    python "print(try_to_load_from_cache(name, 'model.safetensors'))"
    python "print(hf_hub_download(name, 'vocab.json', local_files_only=True))"
    python "print(snapshot_download(name, local_files_only=True))"
    python "c = scan_cache_dir(); r, = c.repos; v, = r.revisions; print(r.repo_id, *v.refs, v.size_on_disk, r.nb_files, c.warnings)"

    echo "== pull, then Python with the net: the one file that no model needs comes, and nothing else"
    python "print(snapshot_download(name)); print(sorted(os.listdir(os.path.join(os.environ['HF_HOME'], 'hub', 'models--openai--clip-tiny'))))"

    echo "== Python, then Diptych without the net"
    HF_HOME=$work/python
    python "print(snapshot_download(name, ignore_patterns=['*.md']))"
    HF_HUB_OFFLINE=1 run "$diptych" models
    HF_HUB_OFFLINE=1 run "$diptych" classify -q "$root/assets/pictures/04.png" -l "red heart,blue star" --model openai/clip-tiny \
        -f tsv --device cpu --precision f32
    run "$diptych" pull openai/clip-tiny

    echo "== Python has one file of a model, Diptych fetches the rest and removes it"
    HF_HOME=$work/half
    python "print(hf_hub_download(name, 'config.json'))"
    HF_HUB_OFFLINE=1 run "$diptych" models
    run "$diptych" pull openai/clip-tiny
    python "print(snapshot_download(name, local_files_only=True))"
    run "$diptych" models remove openai/clip-tiny
    python "print(len(scan_cache_dir().repos), try_to_load_from_cache(name, 'config.json'))"
} >seen
exec 9>&-
wait
sed 1d served >>seen
sed "s@$root/@@" seen | tee "$work/seen.txt"
diff "$root/tests/joint/hub/huggingface_hub.txt" "$work/seen.txt" && echo "as recorded"
