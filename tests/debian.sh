#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# debian.sh SCRATCH [--tests] [RELEASE...]: in each release, bookworm and trixie where none is named, the Debian packages are
# built in a chroot, looked at by lintian, installed in a fresh one over an earlier version of theirs, tried as a newcomer would,
# and removed; with --tests all tests run there first. Takes root, debootstrap and Debian's mirror, 10 GB in SCRATCH and half an
# hour; not part of the tests.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
mirror=${MIRROR:-http://deb.debian.org/debian}
security=${SECURITY:-http://deb.debian.org/debian-security}
mkdir -p "$1"
scratch=$(cd "$1" && pwd -P)
shift
all_tests=
[ "${1-}" != --tests ] || { all_tests=1 && shift; }
[ $# -gt 0 ] || set -- bookworm trixie

fail() {
    echo "FAILED in $release: $*" >&2
    exit 1
}

# ---- chroots -----------------------------------------------------------------------------------------------

mounted=
leave() {
    for place in $mounted; do
        umount -l "$place" || :
    done
    mounted=
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

# A fresh Debian in $scratch/$release-$1, which $stage is then.
begin() {
    base=$scratch/$release stage=$scratch/$release-$1
    if [ ! -d "$base" ]; then
        debootstrap --variant=minbase "$release" "$base.part" "$mirror" >"$base.log" || fail "$(tail -n 3 "$base.log")"
        cat >"$base.part/etc/apt/sources.list" <<END
deb $mirror $release main
deb $mirror $release-updates main
deb $security $release-security main
END
        cp /etc/resolv.conf "$base.part/etc/resolv.conf"
        for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*proxy*; do # how this machine reaches the mirror
            [ ! -f "$file" ] || cp "$file" "$base.part/etc/apt/apt.conf.d"
        done
        chroot "$base.part" apt-get update -q >"$base.log" || fail "$(tail -n 3 "$base.log")"
        mv "$base.part" "$base"
    fi
    case $stage in "$scratch"/?*) rm -rf --one-file-system "$stage" ;; esac
    cp -a "$base" "$stage"
    for place in proc sys dev; do
        mount --rbind "/$place" "$stage/$place"
        mount --make-rslave "$stage/$place"
        mounted="$stage/$place $mounted"
    done
}

# As root, or as somebody with a home, with nothing of this environment.
inside() {
    chroot "$stage" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}
somebody() {
    chroot --userspec=somebody:somebody "$stage" env -i PATH=/usr/bin:/bin HOME=/home/somebody LC_ALL=C.UTF-8 \
        sh -euc 'cd && eval "$0"' "$*"
}

# quietly COMMAND...: its output is only seen where it fails.
quietly() {
    "$@" >"$scratch/log" 2>&1 || fail "$* $(tail -n 40 "$scratch/log")"
}

install() {
    quietly inside apt-get install -q -y --no-install-recommends "$@"
}

says() {
    grep -Eq -e "$1" "$scratch/said" || fail "nothing like '$1' in $(cat "$scratch/said")"
}

# ---- building ----------------------------------------------------------------------------------------------

build() {
    begin build
    mkdir "$stage/source"
    (cd "$root" && tar --exclude=./.git --exclude='./build*' --exclude=./packages -cf - .) | tar -xf - -C "$stage/source"
    if [ -n "$all_tests" ]; then
        # git for checks of the sources; the rest for the tests of python/
        install git python3-cffi python3-numpy python3-pil python3-pytest python3-setuptools python3-tqdm
        inside sh -c 'cd /source && sh test.sh' >"$scratch/$release-tests.log" 2>&1 ||
            fail "$(tail -n 60 "$scratch/$release-tests.log")"
        grep 'tests passed' "$scratch/$release-tests.log"
    fi
    install dpkg-dev lintian
    echo "== building"
    inside sh /source/debian/build /packages >"$scratch/$release-build.log" 2>&1 ||
        fail "$(tail -n 40 "$scratch/$release-build.log")"
    (cd "$stage/packages" && ls -s --block-size=kB ./*.deb)
    inside sh -c 'lintian --allow-root --fail-on error /packages/*.changes' || fail "lintian"
    leave
}

# ---- as a newcomer -----------------------------------------------------------------------------------------

use_command() {
    somebody 'diptych --version' >"$scratch/said"
    says "^diptych $version\$"
    grep -q 'was built without' "$scratch/said" && fail "$(cat "$scratch/said")"
    somebody 'diptych classify /usr/share/doc/diptych/examples/pictures/07.png -l "three white flowers,a blue star" -f tsv' \
        >"$scratch/said" 2>"$scratch/err" || fail "classify: $(cat "$scratch/err")"
    says 'three white flowers	(1|0\.9)'
    somebody 'diptych index update mine.dip && diptych search mine.dip a blue star' >"$scratch/said" 2>&1 ||
        fail "$(cat "$scratch/said")"
    says 'image .*/pictures/'
    for page in diptych diptych-classify diptych-index-build; do
        [ -s "$stage/usr/share/man/man1/$page.1.gz" ] || fail "no manual page $page"
    done
    install man-db bash zsh fish
    quietly inside sh -c 'rm -f /etc/dpkg/dpkg.cfg.d/docker && man diptych-classify | head -n 3'
    somebody 'fish -c "complete -C \"diptych cla\""' >"$scratch/said"
    says '^classify	'
    somebody 'zsh -fc "autoload -U compinit; compinit -u; print \$_comps[diptych]"' >"$scratch/said"
    says '^_diptych$'
}

use_library() {
    install gcc libc6-dev pkg-config cmake make
    mkdir "$stage/home/somebody/program"
    cp -r "$root/assets" "$stage/home/somebody/program"
    cp "$root/tests/joint/facade/consumer.c" "$stage/home/somebody"
    cp -r "$root/tests/joint/facade/consumer" "$stage/home/somebody"
    awk '/^```c$/ { at = 1; next } /^```$/ { at = 0 } at' "$root/README.md" >"$stage/home/somebody/program/example.c"
    awk '/^    \$ cc example\.c/ { at = 1; next } !/^    / { at = 0 } at { sub("^    ", ""); print }' "$root/README.md" >"$scratch/expected"
    inside chown -R somebody:somebody /home/somebody
    somebody 'cd program && cc example.c $(pkg-config --cflags --libs diptych) -o example && ./example' >"$scratch/said" 2>&1 ||
        fail "$(cat "$scratch/said")"
    diff "$scratch/expected" "$scratch/said" || fail "README's program in C"
    somebody 'cmake -S consumer -B made >/dev/null && cmake --build made --target shared && ldd made/shared' >"$scratch/said" 2>&1 ||
        fail "$(cat "$scratch/said")"
    says 'libdiptych\.so\.0 => /lib'
}

use_python() {
    awk '/^## / { here = $0 == "## From Python" } here && /^```python$/ { at = 1; next } /^```$/ { at = 0 } at' "$root/README.md" >"$stage/home/somebody/program/example.py"
    awk '/^    \$ python3 example\.py/ { at = 1; next } !/^    / { at = 0 } at { sub("^    ", ""); print }' "$root/README.md" >"$scratch/expected"
    somebody 'cd program && python3 example.py' >"$scratch/said" 2>&1 || fail "$(cat "$scratch/said")"
    diff "$scratch/expected" "$scratch/said" || fail "README's program in Python"
}

use_unit() {
    install systemd curl
    quietly inside systemd-analyze verify diptych.socket diptych.service
    [ ! -e "$stage/etc/systemd/system/sockets.target.wants/diptych.socket" ] || fail "the socket is enabled before it is asked for"
    quietly inside systemctl enable diptych.socket
    somebody 'diptych serve --config /etc/diptych.conf --listen localhost:0 2>served & server=$!
        for i in $(seq 300); do grep -q "http://" served && break; sleep 0.1; done
        curl -fsS "$(grep -o "http://[^ /]*" served)/health"; kill $server; wait $server' >"$scratch/said" 2>&1 ||
        fail "$(cat "$scratch/said")"
    says '"status": ?"ok"'
}

# What dpkg knows of them is its own affair.
files_named_so() {
    (cd "$stage" && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache/man -o -path ./packages -o -path ./home \) -prune -o \
        -iname '*diptych*' -print)
}

remove() {
    find "$stage/home/somebody" | sort >"$scratch/before"
    quietly inside apt-get purge -q -y diptych libdiptych0 libdiptych-dev python3-diptych
    left=$(files_named_so)
    [ -z "$left" ] || fail "left behind: $left"
    find "$stage/home/somebody" | sort | diff "$scratch/before" - || fail "what somebody made is not as it was"
    [ -d "$stage/home/somebody/mine.dip" ] || fail "an index is gone"
}

# An earlier version of the packages, with an index and a setting that were made with it; and then these.
upgrade() {
    quietly inside sh -euc 'mkdir /packages/earlier
        for package in /packages/*.deb; do
            dpkg-deb -R "$package" /tmp/earlier
            sed -i "s/$0/0.0.1/" /tmp/earlier/DEBIAN/control
            dpkg-deb -b /tmp/earlier /packages/earlier
            rm -r /tmp/earlier
        done' "$version"
    quietly inside sh -c 'apt-get install -q -y --no-install-recommends /packages/earlier/*.deb'
    quietly somebody 'cp -r /usr/share/doc/diptych/examples/pictures . && diptych index build mine.dip pictures'
    echo "# of this machine" >>"$stage/etc/diptych.conf"
    quietly inside sh -c 'apt-get install -q -y --no-install-recommends /packages/*.deb'
    [ "$(tail -n 1 "$stage/etc/diptych.conf")" = "# of this machine" ] || fail "the settings are not as they were"
}

try() {
    packages=$scratch/$release-build/packages
    begin fresh
    [ -z "$(files_named_so)" ] || fail "not fresh: $(files_named_so)"
    mkdir "$stage/packages"
    cp "$packages"/*.deb "$stage/packages"
    inside useradd --create-home somebody
    echo "== installing, and upgrading"
    upgrade
    echo "== using"
    use_command
    use_library
    use_python
    use_unit
    echo "== removing"
    remove
    leave
}

version=$(cat "$root/VERSION")
for release; do
    echo "== $release"
    build
    try
done
echo "all passed"
