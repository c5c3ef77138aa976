#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds Diptych and runs every test in a Debian 13, which has newer libraries than the Debian 12 that CI runs on: PoCL
# 6.0, oneDNN 3.7, CLBlast 1.6.3, GCC 14.
#
#   debian13.sh [REGEX]    only the tests whose names fit, as ctest -R takes them
#
# Needs root, the package debootstrap, the net, 4 GB in $TMPDIR (or /tmp), and ten minutes on two cores. Builds what git
# knows of this checkout and what it would add; ../shared is there where a checkout has it beside it. Mounts lie in a
# namespace of their own and end with it; the folder is removed at the end, whatever happens.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
[ "$(id -u)" -eq 0 ] || { echo "debian13.sh: only root can make a Debian" >&2; exit 2; }

root=$(mktemp -d "${TMPDIR:-/tmp}/debian13.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$root"
debootstrap --variant=minbase trixie "$root" http://deb.debian.org/debian

mkdir -p "$root/src/diptych" "$root/src/shared"
(cd "$top" && git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=-) |
    tar -x -C "$root/src/diptych"

cat >"$root/src/inside" <<'END'
set -eu
cd /src/diptych
. .ci/install
install_packages curl
cmake --preset release -DDIPTYCH_WERROR=ON
cmake --build --preset release
ctest --preset release ${1:+-R "$1"}
END

# PoCL reads the CPU's shape from /sys, and takes none for a machine with no memory.
unshare --mount --pid --fork sh -euc '
    mount -t proc proc "$1/proc"
    mount --rbind /sys "$1/sys"
    mount --rbind /dev "$1/dev"
    [ ! -d "$2" ] || mount --bind -o ro "$2" "$1/src/shared"
    exec chroot "$1" /bin/sh /src/inside "$3"' sh "$root" "$top/../shared" "${1:-}" </dev/null
