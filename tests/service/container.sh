#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# container.sh SCRATCH: runs the steps of service/deploy/Containerfile in chroots that debootstrap makes, then what it
# says to run, as the user it says, and its health check. Takes root, debootstrap and Debian's mirror, some minutes and
# 3 GB in SCRATCH; not part of the tests.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
mkdir -p "$1"
scratch=$(cd "$1" && pwd -P)
mirror=${MIRROR:-http://deb.debian.org/debian}
server=

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# ---- one instruction ---------------------------------------------------------------------------------------

mounted=
leave() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || :
    for place in $mounted; do
        umount -l "$place" || :
    done
}
trap leave EXIT

# A stage begins: $stage is its folder, a fresh Debian without what slim images leave out.
begin_stage() {
    stage=$scratch/$1
    case "$stage" in "$scratch"/?*) rm -rf --one-file-system "$stage" ;; esac # never what is mounted there
    if [ ! -d "$scratch/debian" ]; then
        debootstrap --variant=minbase bookworm "$scratch/debian.part" "$mirror" >"$scratch/debootstrap.log" ||
            fail "debootstrap: $(tail -n 3 "$scratch/debootstrap.log")"
        mv "$scratch/debian.part" "$scratch/debian"
    fi
    cp -a "$scratch/debian" "$stage"
    for place in proc sys dev; do
        mount --rbind "/$place" "$stage/$place"
        mounted="$stage/$place $mounted"
    done
    cp /etc/resolv.conf "$stage/etc/resolv.conf"
    user=0 folder=/
    : >"$scratch/environment"
}

# enter COMMAND...: becomes it, as the stage's user, with its environment and nothing else; inside runs it so.
enter() {
    exec chroot --userspec="$user:$user" "$stage" \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        DEBIAN_FRONTEND=noninteractive $(cat "$scratch/environment") sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
}
inside() {
    (enter "$@")
}

copy() {
    from=$root
    case $1 in
    --from=*)
        from=$scratch/${1#--from=}
        shift
        ;;
    esac
    for last; do :; done
    mkdir -p "$stage/$(dirname "$last/x" | sed 's|/[^/]*$||')"
    while [ $# -gt 1 ]; do
        case $last in */) mkdir -p "$stage/$last" ;; esac
        if [ -d "$from/$1" ]; then
            mkdir -p "$stage/$last" && cp -a "$from/$1/." "$stage/$last"
        else
            cp -a "$from/$1" "$stage/$last"
        fi
        shift
    done
}

# ["a", "b"] as words.
words() {
    echo "$1" | tr -d '[]",'
}

step() {
    word=${1%% *} rest=${1#* }
    echo "== $1" | cut -c 1-110
    case $word in
    FROM)
        case $rest in *' AS '*) begin_stage "${rest##* }" ;; *) begin_stage last ;; esac
        ;;
    COPY) copy $rest ;;
    RUN) inside sh -c "$rest" >"$scratch/run.log" 2>&1 || fail "$(tail -n 20 "$scratch/run.log")" ;;
    USER) user=$rest ;;
    WORKDIR) folder=$rest ;;
    ENV) echo "$rest" >>"$scratch/environment" ;;
    EXPOSE) port=$rest ;;
    HEALTHCHECK) health=${rest#CMD } ;;
    ENTRYPOINT) entry=$(words "$rest") ;;
    CMD) arguments=$(words "$rest") ;;
    *) fail "no step: $1" ;;
    esac
}

# ---- all of them -------------------------------------------------------------------------------------------

grep -v '^#' "$root/service/deploy/Containerfile" | sed -e ':more' -e '/\\$/{N;s/\\\n *//;bmore' -e '}' |
    grep . >"$scratch/steps"
while IFS= read -r line <&3; do
    step "$line"
done 3<"$scratch/steps"

# ---- what it runs ------------------------------------------------------------------------------------------

[ "$user" != 0 ] || fail "it runs as root"
mkdir -p "$stage/srv/pictures"
cp "$root"/assets/pictures/*.png "$stage/srv/pictures"
mkdir -m 777 "$stage/srv/index"
inside $entry index build /srv/index/pictures.dip /srv/pictures >"$scratch/build.log" 2>&1 ||
    fail "$(tail -n 5 "$scratch/build.log")"
echo DIPTYCH_INDEX=/srv/index/pictures.dip >>"$scratch/environment"
inside $entry $arguments 2>"$scratch/serve.log" && fail "it serves the world without a token"
grep 'that takes a token' "$scratch/serve.log" || fail "$(cat "$scratch/serve.log")"
echo DIPTYCH_TOKEN=secret >>"$scratch/environment"
enter $entry $arguments 2>"$scratch/serve.log" &
server=$!
for _ in $(seq 600); do
    curl -fsS "http://localhost:$port/ready" >/dev/null 2>&1 && break
    kill -0 "$server" 2>/dev/null || fail "$(cat "$scratch/serve.log")"
    sleep 0.1
done
ps -o user:12=,args= -C diptych | grep " $entry $arguments" || fail "diptych does not run"
inside sh -c "$health" || fail "the health check"
echo
curl -fsS "http://localhost:$port/v1/search" -H 'Authorization: Bearer secret' -H 'Content-Type: application/json' \
    -d '{"text": "a heart", "top": 1}' || fail "a search"
echo
kill "$server"
wait "$server" || fail "it ends with $?"
server=
echo "size: $(du -sh --exclude=proc --exclude=sys --exclude=dev "$stage" | cut -f1), of it Debian $(du -sh "$scratch/debian" | cut -f1)"
echo "all passed"
