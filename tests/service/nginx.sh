#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# nginx.sh PROGRAM: service/deploy/nginx.conf, its places made temporary ones, in front of `PROGRAM serve`. Needs nginx
# (Debian's nginx-light), openssl and curl; not part of the tests. Some seconds.
set -eu
program=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd -P)
folder=$(mktemp -d)
server= proxy=
trap '[ -z "$proxy" ] || kill "$proxy"; [ -z "$server" ] || kill "$server"; wait; rm -rf "$folder"' EXIT

fail() {
    echo "FAILED: $*" >&2
    cat "$folder/serve.log" "$folder/nginx.log" >&2
    exit 1
}

# ---- the service -------------------------------------------------------------------------------------------

echo secret-token >"$folder/token"
echo write-token >"$folder/write-token"
cp -r "$root/assets/pictures" "$folder/pictures"
"$program" index build "$folder/pictures.dip" "$folder/pictures" --device cpu >"$folder/build.log" 2>&1 ||
    fail "$(cat "$folder/build.log")"
"$program" serve --unix "$folder/socket" --base-path /diptych --index "$folder/pictures.dip" --device cpu \
    --token-file "$folder/token" --write-token-file "$folder/write-token" 2>"$folder/serve.log" &
server=$!

# ---- nginx -------------------------------------------------------------------------------------------------

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=photos.example.org \
    -addext subjectAltName=DNS:photos.example.org -keyout "$folder/key" -out "$folder/cert" 2>"$folder/openssl.log"
{
    echo "daemon off; pid $folder/pid; error_log $folder/nginx.log;"
    [ "$(id -u)" -ne 0 ] || echo "user root;"
    echo "events {} http { access_log off; client_body_temp_path $folder/body; proxy_temp_path $folder/proxy;"
    echo "fastcgi_temp_path $folder/f; uwsgi_temp_path $folder/u; scgi_temp_path $folder/s;"
    sed "s|/run/diptych/socket|$folder/socket|; s|listen 443|listen 127.0.0.1:$port|
        s|/etc/ssl/photos.pem|$folder/cert|; s|/etc/ssl/photos.key|$folder/key|" "$root/service/deploy/nginx.conf"
    echo "}"
} >"$folder/nginx.conf"
touch "$folder/nginx.log"
nginx -e "$folder/nginx.log" -c "$folder/nginx.conf" &
proxy=$!

# ask STATUS CURL'S ARGUMENTS...: the answer is in out, its head in head; 000 is no answer yet.
url=https://photos.example.org:$port/diptych
ask() {
    wanted=$1
    shift
    got=$(curl -s -o "$folder/out" -D "$folder/head" -w '%{http_code}' --cacert "$folder/cert" \
        --resolve "photos.example.org:$port:127.0.0.1" "$@") || [ "$got" = 000 ] || fail "curl $*"
    [ "$got" = "$wanted" ]
}
expect() {
    ask "$@" || fail "$got, expected $*: $(cat "$folder/out")"
}
json='Content-Type: application/json'
origin="Origin: https://photos.example.org:$port"

for _ in $(seq 600); do
    ask 200 "$url/ready" && break
    kill -0 "$server" 2>/dev/null || fail "diptych has ended"
    sleep 0.1
done
expect 200 "$url/ready"

# ---- what a client and a browser do ------------------------------------------------------------------------

expect 308 "${url}"
expect 200 "$url/"
grep -qi '^content-security-policy:' "$folder/head" || fail "no policy for the page"
for file in $(sed -n 's/.*\(href\|src\)="\([a-z.]*\)".*/\2/p' "$folder/out"); do
    expect 200 "$url/$file"
    echo "page: $file"
done
expect 401 "$url/v1/models"
expect 200 "$url/v1/models" -H 'Authorization: Bearer secret-token'
expect 404 "https://photos.example.org:$port/v1/models"
echo "token: ok"

expect 200 "$url/v1/login" -H "$json" -H "$origin" -d '{"token": "secret-token"}' -c "$folder/jar"
grep -i '^set-cookie:' "$folder/head" | sed 's/=[0-9a-f]*;/=...;/'
grep -qi '^set-cookie:.*Path=/diptych/;.*HttpOnly.*SameSite=Strict.*Secure' "$folder/head" || fail "the cookie"
expect 200 "$url/v1/search" -b "$folder/jar" -H "$json" -H "$origin" -d '{"text": "a heart", "top": 1}'
expect 200 "$url/v1/items/1/thumbnail" -b "$folder/jar" -H 'Sec-Fetch-Site: same-origin'
expect 401 "$url/v1/items/1" -b "$folder/jar" -H 'Sec-Fetch-Site: cross-site'
expect 403 "$url/v1/search" -b "$folder/jar" -H "$json" -H 'Origin: https://evil.example' -d '{"text": "a heart"}'
expect 403 -X POST "$url/v1/reload" -b "$folder/jar" -H "$origin"
expect 200 -X POST "$url/v1/reload" -H 'Authorization: Bearer write-token'
expect 204 -X POST "$url/v1/logout" -b "$folder/jar" -H "$origin"
expect 401 "$url/v1/items/1" -b "$folder/jar"
echo "login: ok"

# A body of almost 64 MiB gets to the service, which says what is wrong with it; a larger one does not.
head -c 66000000 /dev/zero | tr '\0' ' ' >"$folder/large"
expect 400 "$url/v1/search" -H 'Authorization: Bearer secret-token' -H "$json" --data-binary "@$folder/large"
head -c 2000000 /dev/zero >>"$folder/large"
expect 413 "$url/v1/search" -H 'Authorization: Bearer secret-token' -H "$json" --data-binary "@$folder/large"
echo "uploads: ok"

# Events of an update come while it runs: the first one is there in time to end it.
for i in $(seq 400); do
    cp "$root/assets/pictures/01.png" "$folder/pictures/$i.png"
    echo "$i" >>"$folder/pictures/$i.png"
done
bearer='Authorization: Bearer write-token'
curl -sN --cacert "$folder/cert" --resolve "photos.example.org:$port:127.0.0.1" -X POST "$url/v1/index/update" \
    -H "$bearer" >"$folder/events" &
follower=$!
for _ in $(seq 600); do
    grep -q '"unit":"pictures","done":[1-9]' "$folder/events" && break
    kill -0 "$follower" 2>/dev/null || break
    sleep 0.01
done
ask 200 -X DELETE "$url/v1/index/update" -H "$bearer" || ask 204 -X DELETE "$url/v1/index/update" -H "$bearer" ||
    fail "$got: $(cat "$folder/out" "$folder/events")"
wait "$follower" || fail "the events: curl ends with $?"
grep -q '^event: cancelled' "$folder/events" || fail "events came too late: $(cat "$folder/events")"
echo "events: ok"
kill "$server"
wait "$server" || fail "diptych ends with $?"
server=
expect 502 "$url/health"
echo "all passed"
