#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# schemathesis.sh PROGRAM [EXAMPLES [OPTION ...]]: schemathesis asks `PROGRAM serve` for whatever its /openapi.json
# allows, and for what it does not, so many times a route (default: 100), with all of its checks: every answer is one
# that is described, and what is wrong is refused. Options are schemathesis' own, such as --include-path /v1/search.
#
# Needs Python 3.10 or later with pip, and the network for it; not part of the tests. Some minutes.
set -eu
program=$(realpath "$1")
examples=${2:-100}
shift "$(($# > 2 ? 2 : $#))"
. "$(dirname "$0")/start.sh"

run=${SCHEMATHESIS:-$folder/venv/bin/schemathesis}
if [ ! -x "$run" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install -q --disable-pip-version-check schemathesis==4.32.5
fi

start_service "$program"

# What a schema cannot say: a picture's bytes, an expression of SQLite.
cat >"$folder/formats.py" <<'END'
import base64
import os

import schemathesis
from hypothesis import strategies as st

folder = os.environ["PICTURES"]
pictures = [base64.b64encode(open(os.path.join(folder, name), "rb").read()).decode() for name in ("01.png", "03.jpg")]
png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M/wHwAEBgIApD5fRAAAAABJRU5ErkJggg=="
entry = '{"clip": {"%s": {"modelName": "model"}}}'

schemathesis.openapi.format("picture", st.sampled_from([png, "data:image/png;base64," + png, pictures[1]]))
schemathesis.openapi.format("where", st.sampled_from(["id < 5", "width > 10 OR kind = 'text'", "path LIKE '%0%'", "0"]))
schemathesis.openapi.format("match", st.sampled_from(["heart", "png jpg", '"a b"', "hea*"]))
schemathesis.openapi.format("immich-entries", st.just(entry % "textual"))


# JSON has no largest number, and a reader has one.
def is_readable(value):
    if isinstance(value, dict):
        return all(map(is_readable, value.values()))
    if isinstance(value, list):
        return all(map(is_readable, value))
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@schemathesis.hook
def filter_body(context, body):
    return is_readable(body)


schemathesis.openapi.format("range", st.sampled_from(["bytes=0-9", "bytes=5-", "bytes=-7", "bytes=99999999-", "lines=1"]))
END

# What no schema says either: how many items a map is drawn of, a text that is too long where it may not be cut, an id of an
# item that is not there, a picture where a text is announced, and images that two lists of captions must both have; and of
# forms and bodies that are pictures only the picture is described.
cat >"$folder/schemathesis.toml" <<'END'
[generation]
allow-x00 = false

[checks.negative_data_rejection]
expected-statuses = ["4xx"]

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "416", "429"]

[[operations]]
include-path-regex = "^/(embed|rerank|predict)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "422"]

[[operations]]
include-path-regex = "^/(v2/embed|v1/multimodalembeddings|v1/index/map|knn-service)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "304", "400", "404"]

[[operations]]
include-path-regex = "^/v1/(embeddings|classify|rank|search|items|score)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "403", "404", "409", "413", "415", "429"]
END

cd "$folder"
PICTURES="$root/assets/pictures" SCHEMATHESIS_HOOKS=formats "$run" --config-file schemathesis.toml run "$url/openapi.json" \
    --checks all --max-examples "$examples" --continue-on-failure --request-timeout 60 "$@"
kill -0 "$server"
