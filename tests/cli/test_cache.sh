#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PoCL, which has no devices where it cannot write its files, for a user who has no home. /dev/null is a place where even
# root writes nothing.
. "$2/tests/cli/lib.sh"
unset XDG_CACHE_HOME XDG_RUNTIME_DIR POCL_CACHE_DIR

run devices
expect_status 0
if ! grep -q "Portable Computing Language" out; then
    echo "skipped: the device is not PoCL's"
    exit 77
fi
picture red.ppm '\377\0\0'
"$diptych" classify red.ppm --labels red,green --format json >with_home 2>err || exit 1

mkdir -m 700 own
TMPDIR=$scratch/own
export TMPDIR
mine=own/diptych-$(id -u)

# classifies ENVIRONMENT...: as it does with a home.
classifies() {
    command="$* diptych classify"
    env "$@" "$diptych" classify red.ppm --labels red,green --format json >out 2>err
    status=$?
    expect_status 0
    cmp -s out with_home || problem "another output than with a home"
}

# kept NAME...: what is in the folder own/, and nothing else.
kept() {
    found=$(cd own && echo *)
    [ "$found" = "$*" ] || problem "own/ has '$found', not '$*'"
}

# ---- a folder of its own, which the next run finds again
classifies HOME=/dev/null
kept "diptych-$(id -u)"
[ "$(ls "$mine")" ] || problem "PoCL has kept nothing in $mine"
classifies HOME=/dev/null
classifies XDG_CACHE_HOME=/dev/null/below
classifies -u HOME # PoCL would take /tmp/pocl
kept "diptych-$(id -u)"
rm -r "$mine"

# ---- PoCL's own choice, where that can be written
mkdir home
classifies HOME="$scratch/home"
classifies HOME=/dev/null XDG_CACHE_HOME="$scratch/home/cache"
classifies HOME=/dev/null POCL_CACHE_DIR="$scratch/home/chosen"
kept '*'
[ -d home/.cache/pocl/kcache ] && [ -d home/cache/pocl/kcache ] && [ -d home/chosen ] ||
    problem "PoCL did not take what it was given: $(find home -maxdepth 3)"

# ---- planted: not touched, and what is made instead goes at the end
mkdir -m 777 "$mine" && chmod 777 "$mine"
classifies HOME=/dev/null
kept "diptych-$(id -u)"
[ -z "$(ls -A "$mine")" ] || problem "$mine was anybody's, and was written to"
rmdir "$mine"
mkdir trap && ln -s "$scratch/trap" "$mine"
classifies HOME=/dev/null
kept "diptych-$(id -u)"
[ -z "$(ls -A trap)" ] || problem "a link was followed"
rm "$mine"

# ---- nowhere
command="diptych devices"
POCL_CACHE_DIR=/dev/null/below "$diptych" devices >out 2>err
status=$?
expect_status 2
expect_lines err 1
expect_match err "no OpenCL device found: .*cannot write to '/dev/null/below', as POCL_CACHE_DIR says"

# ---- a user like those of services: neither a home nor a right to anything here
others="setpriv --reuid=65534 --regid=65534 --clear-groups"
if [ "$(id -u)" -eq 0 ] && $others test -x "$diptych" -a -r red.ppm 2>/dev/null; then
    chown 65534 own
    classifies HOME=/nonexistent $others
    kept diptych-65534
    [ "$(stat -c '%u %a' own/diptych-65534)" = "65534 700" ] || problem "$(ls -ld own/diptych-65534)"
fi

finish
