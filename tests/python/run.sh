#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh PYTHON LIBRARY ROOT SCRATCH FILE...: runs the tests in files. Fails where one was skipped, too: what they take is there.
set -eu
python=$1 scratch=$4
export DIPTYCH_LIBRARY="$2" PYTHONPATH="$4/lib" PYTHONDONTWRITEBYTECODE=1 XDG_DATA_HOME="$4/data" HF_HUB_CACHE="$4/hub"
unset DIPTYCH_MODEL
shift 4
"$python" -m pytest -q -p no:cacheprovider -W error::pytest.PytestUnraisableExceptionWarning --basetemp "$scratch/temp" \
    --junit-xml "$scratch/result.xml" "$@"
grep -q ' skipped="0"' "$scratch/result.xml" || { echo "some were skipped"; exit 1; }
