#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# systemd.sh PROGRAM: service/deploy's units as systemd reads them, the score of their hardening, and `PROGRAM serve`
# behind a socket of systemd-socket-activate's. Needs systemd and curl; not part of the tests. Some seconds.
set -eu
program=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd -P)
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

sed "s|/usr/local/bin/diptych|$program|" "$root/service/deploy/diptych.service" >"$folder/diptych.service"
cp "$root/service/deploy/diptych.socket" "$folder"
SYSTEMD_UNIT_PATH=$folder: systemd-analyze verify "$folder/diptych.service" "$folder/diptych.socket" ||
    fail "the units"
systemd-analyze security --offline=true --threshold=20 "$folder/diptych.service" | tail -n 1 ||
    fail "more exposed than 2.0"

# Nothing runs before the first connection, which waits for what it starts.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
systemd-socket-activate -l "127.0.0.1:$port" "$program" serve --device cpu 2>"$folder/log" &
server=$!
for _ in $(seq 100); do
    grep -q '^Listening' "$folder/log" && break
    sleep 0.1
done
! grep -q '^loading' "$folder/log" || fail "it has been started already"
curl -fsS --retry 100 --retry-delay 1 "http://127.0.0.1:$port/ready" || fail "$(cat "$folder/log")"
echo
grep '^listening' "$folder/log" || fail "$(cat "$folder/log")"
kill "$server"
wait "$server" || fail "it ends with $?"
server=
echo "all passed"
