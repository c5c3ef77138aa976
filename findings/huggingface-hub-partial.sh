#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# huggingface_hub 2.4.0: whether snapshot_download(repo, local_files_only=True) returns a snapshot that is there in part
# depends on which function has fetched the part; and what a killed download has fetched is fetched again.
#
# Guess before running it: a part of a repository is a part, whoever fetched it: the folder is returned with what it has.
# And a download that is killed goes on from its .incomplete file.
#
# Seen: after hf_hub_download of one file the folder is returned without a word. After snapshot_download with
# allow_patterns for the same file, which also writes trees/<commit>.json, it raises IncompleteSnapshotError, and the file
# itself is found as before. So a cache that is made elsewhere to be used offline stands or falls with that file, and a
# program that loads a folder with local_files_only has to give the patterns again. A killed process leaves
# blobs/<etag>.<8 digits>.incomplete; the next one asks for all of the file (no Range), under another name, and the
# first one's stays for good.
#
# Prints what is seen and fails where it is no longer so. Needs python3 with venv and the net for pip (30 MB); a few
# seconds.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check huggingface_hub==2.4.0

# A hub with one repository of a small and a large file. The first request for the large one is answered by half of it and
# silence.
cat >hub.py <<'END'
import hashlib, http.server, json, threading, time

COMMIT, LARGE = "1" * 40, bytes(4_000_000)
FILES = {"config.json": b"{}", "large.bin": LARGE}
ranges = []


def oid(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def reply(self, data, **headers):
        self.send_response(200)
        for name, value in {**headers, "Content-Length": len(data)}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "HEAD":
            return
        if data is LARGE:
            ranges.append(self.headers.get("Range"))
            open("asked", "a").write(f"{ranges[-1]}\n")
            if len(ranges) == 1:
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                time.sleep(30)
                return
        self.wfile.write(data)

    def do_GET(self):
        name = self.path.split("?")[0].split("/")[-1]
        if "/tree/" in self.path:
            rows = [{"type": "file", "path": p, "size": len(d), "oid": oid(d)} for p, d in FILES.items()]
            self.reply(json.dumps(rows).encode(), Content_Type="application/json")
        elif "/api/" in self.path:
            self.reply(json.dumps({"id": "some/model", "sha": COMMIT}).encode(), Content_Type="application/json")
        else:
            self.reply(FILES[name], ETag=f'"{oid(FILES[name])}"', X_Repo_Commit=COMMIT)

    do_HEAD = do_GET


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
server.daemon_threads = True
open("port", "w").write(f"{server.server_address[1]}\n")
server.serve_forever()
END
venv/bin/python hub.py &
hub=$!
trap 'kill $hub; rm -rf "$folder"' EXIT
while [ ! -s port ]; do sleep 0.1; done
HF_ENDPOINT=http://127.0.0.1:$(cat port) HF_HUB_DISABLE_PROGRESS_BARS=1 HF_HUB_DISABLE_XET=1
export HF_ENDPOINT HF_HUB_DISABLE_PROGRESS_BARS HF_HUB_DISABLE_XET

cat >partial.py <<'END'
import huggingface_hub
from huggingface_hub import hf_hub_download, snapshot_download, try_to_load_from_cache


def offline(cache):
    try:
        snapshot_download("some/model", cache_dir=cache, local_files_only=True)
        return "the folder"
    except Exception as problem:
        return type(problem).__name__


print("huggingface_hub", huggingface_hub.__version__)
hf_hub_download("some/model", "config.json", cache_dir="one")
print("config.json by hf_hub_download, then offline:", offline("one"))
snapshot_download("some/model", allow_patterns="config.json", cache_dir="two")
print("config.json by snapshot_download, then offline:", offline("two"))
print("the file itself:", "found" if try_to_load_from_cache("some/model", "config.json", cache_dir="two") else "not found")
END
{
    venv/bin/python partial.py
    venv/bin/python -c 'from huggingface_hub import *; hf_hub_download("some/model", "large.bin", cache_dir="three")' &
    download=$!
    while ! ls three/models--some--model/blobs/*.incomplete >/dev/null 2>&1 || [ ! -s asked ]; do sleep 0.1; done
    sleep 1
    kill -9 $download
    wait $download 2>/dev/null || true
    venv/bin/python -c 'from huggingface_hub import *; hf_hub_download("some/model", "large.bin", cache_dir="three")'
    echo "Range of the first request: $(sed -n 1p asked); of the one after the kill: $(sed -n 2p asked)"
    echo "left in the cache: $(ls three/models--some--model/blobs | grep -c incomplete) incomplete file"
} >seen 2>/dev/null

cat >expected <<'END'
huggingface_hub 2.4.0
config.json by hf_hub_download, then offline: the folder
config.json by snapshot_download, then offline: IncompleteSnapshotError
the file itself: found
Range of the first request: None; of the one after the kill: None
left in the cache: 1 incomplete file
END
cat seen
diff expected seen
