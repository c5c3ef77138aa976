#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# soak.sh SECONDS [BUILD [REQUESTS]]: mixed load on BUILD/diptych serve for so many seconds, or requests (0: no limit), as
# soak.c asks for it, with pauses in which the model is given back; then the service must end with 0. A build with
# sanitizers must report nothing, and may take as much memory as it likes.
#
#   sh tests/service/soak.sh 0 build 100000         memory and files are flat over 100,000 requests
#   sh tests/service/soak.sh 1800 build-asan        half an hour under AddressSanitizer
#   sh tests/service/soak.sh 1800 build-tsan        and under ThreadSanitizer
set -eu
seconds=$1
build=$(realpath "${2:-build}")
requests=${3:-0}
. "$(dirname "$0")/start.sh"

if grep -q '^DIPTYCH_SANITIZE:[A-Z]*=..*' "$build/CMakeCache.txt"; then
    export SOAK_ANY_MEMORY=1
    export ASAN_OPTIONS="allocator_may_return_null=1:intercept_tls_get_addr=0:use_sigaltstack=0"
    export LSAN_OPTIONS="suppressions=$root/tests/suppressions/lsan.txt:print_suppressions=0"
    export UBSAN_OPTIONS="print_stacktrace=1"
    export TSAN_OPTIONS="history_size=7:allocator_may_return_null=1:suppressions=$root/tests/suppressions/tsan.txt"
fi

start_service "$build/diptych" --idle-unload 1s

status=0
"$build/tests/service/soak" "${url##*:}" "$server" "$seconds" "$requests" || status=1
kill -TERM "$server" || status=1
wait "$server" || { echo "the service ended with $?"; status=1; }
server=
if grep -q -e 'Sanitizer' -e 'runtime error' "$folder/log" || [ "$status" != 0 ]; then
    cat "$folder/log"
    status=1
fi
exit "$status"
