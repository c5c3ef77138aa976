# SPDX-License-Identifier: Apache-2.0
# To be sourced: a service on a free port, with an index of the sample pictures, that ends with the script.
#
#   start_service PROGRAM [OPTION ...]    sets $server, its process, and $url; $folder/log is what it says
#
# $root is the repository and $folder a folder for the time being.
root=$(cd "$(dirname "$0")/../.." && pwd -P)
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$folder"' EXIT

start_service() {
    program=$1
    shift
    "$program" index build "$folder/pictures.dip" "$root/assets/pictures" --model "$root/tests/model" --precision f32 \
        >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
    "$program" serve --model "$root/tests/model" --precision f32 --index "$folder/pictures.dip" --listen 127.0.0.1:0 "$@" \
        2>"$folder/log" &
    server=$!
    until grep -q '^listening' "$folder/log"; do
        kill -0 "$server" 2>/dev/null || { cat "$folder/log"; exit 1; }
        sleep 0.1
    done
    url=$(sed -n 's/^listening on //p' "$folder/log")
}
