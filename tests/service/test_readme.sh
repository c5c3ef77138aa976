#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_readme.sh PROGRAM SCRATCH: README's requests, as they stand there, are answered, and there is one for every route
# (but those that end an update, begin or end a session, or send the page's parts).
set -eu
program=$1
scratch=$2
root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :' EXIT

rm -rf "$scratch/samples.dip"
mkdir -p "$scratch"
"$program" index build "$scratch/samples.dip" assets/pictures -q
"$program" serve --index "$scratch/samples.dip" --listen 127.0.0.1:0 2>"$scratch/log" &
server=$!
port=
while [ -z "$port" ]; do # its line may be there before its end
    kill -0 "$server" || { cat "$scratch/log"; exit 1; }
    sleep 0.1
    port=$(sed -n 's/^listening on .*:\([0-9][0-9]*\)$/\1/p' "$scratch/log")
done

# The block of commands, one a line.
awk '/^### A request for every endpoint/ { on = 1; next } /^#/ { on = 0 } on && /^    [^ #]/' README.md |
    sed 's/^    //' >"$scratch/requests"

# Answers go to a file, whatever the command says of them.
curl() {
    for argument; do
        shift
        case $argument in
            localhost:8080*) argument=127.0.0.1:$port${argument#localhost:8080} ;;
            -o) argument=--output ;;
            [0-9]*.png | [0-9]*.jpg) argument=$scratch/picture ;;
        esac
        set -- "$@" "$argument"
    done
    command curl -sS --max-time 60 -w '%{stderr}%{http_code}' "$@" >"$scratch/answer" 2>"$scratch/status" ||
        echo "curl: $*" >>"$scratch/status"
}

failed=0
while IFS= read -r line; do
    eval "$line"
    case $line in curl*) ;; *) continue ;; esac
    case $(cat "$scratch/status") in
        20[04]) ;;
        *)
            echo "answered $(cat "$scratch/status"): $line"
            head -c 400 "$scratch/answer"
            echo
            failed=1
            ;;
    esac
done <"$scratch/requests"

# What README has, as "METHOD /path" with numbers for what the table has "*" for.
awk '/^curl / {
    method = "GET"
    for (i = 1; i <= NF; i++) {
        if ($i ~ /^localhost:8080/) path = substr($i, 15)
        if ($i == "-d" || $i == "-F") method = "POST"
        if ($i == "-X") method = $(i + 1)
    }
    sub(/\?.*/, "", path)
    gsub(/\/[0-9]+/, "/*", path)
    print method, path
}' "$scratch/requests" | sort -u >"$scratch/shown"

sed -n '/handle_page/!s/^ *{"\([A-Z]*\)", "\([^"]*\)".*/\1 \2/p' service/routes.c |
    grep -v -x -F -e 'DELETE /v1/index/update' -e 'POST /v1/login' -e 'POST /v1/logout' |
    sort -u >"$scratch/routes"
[ -s "$scratch/routes" ]
comm -23 "$scratch/routes" "$scratch/shown" >"$scratch/missing"
if [ -s "$scratch/missing" ]; then
    echo "README has no request for:"
    cat "$scratch/missing"
    failed=1
fi
exit $failed
