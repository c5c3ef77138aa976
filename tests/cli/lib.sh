# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of the command line, which ctest calls with the program, the top of the sources and a folder
# to write to. Each check prints what went wrong; the script goes on, and fails at its end.
set -u
diptych=$1 root=$2 scratch=$3
failures=0
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
unset DIPTYCH_DEVICE
DIPTYCH_MODEL=$root/tests/model # the one that comes with diptych changes
HF_HUB_CACHE=$scratch/hub HF_HUB_OFFLINE=1 # whatever models there are on this machine
XDG_DATA_HOME=$scratch/data                # and whatever index
export DIPTYCH_MODEL HF_HUB_CACHE HF_HUB_OFFLINE XDG_DATA_HOME

# run ARGUMENT...: runs diptych; its output is then in ./out and ./err, its exit status in $status.
run() {
    command="diptych $*"
    "$diptych" "$@" >out 2>err
    status=$?
}

problem() {
    echo "FAILED: $command: $*"
    echo "-- stdout"; head -n 20 out
    echo "-- stderr"; head -n 20 err
    failures=$((failures + 1))
}

expect_status() {
    [ "$status" -eq "$1" ] || problem "exit status $status, expected $1"
}

# expect_line FILE TEXT: one of the file's lines is exactly that.
expect_line() {
    grep -Fqx -e "$2" "$1" || problem "no line '$2' on std$1"
}

# expect_text FILE TEXT: the text stands somewhere in the file.
expect_text() {
    grep -Fq -e "$2" "$1" || problem "no '$2' on std$1"
}

# expect_match FILE PATTERN: some line fits the extended regular expression.
expect_match() {
    grep -Eq -e "$2" "$1" || problem "nothing like '$2' on std$1"
}

expect_lines() {
    [ "$(wc -l <"$1")" -eq "$2" ] || problem "$(wc -l <"$1") lines on std$1, expected $2"
}

expect_empty() {
    [ ! -s "$1" ] || problem "something on std$1"
}

# refused TEXT ARGUMENT...: diptych says TEXT, and can do nothing.
refused() {
    text=$1
    shift
    run "$@"
    expect_status 2
    expect_text err "$text"
    expect_empty out
}

# picture NAME COLOUR: a PPM file of one colour, given as printf takes its three bytes.
picture() {
    { printf 'P6\n4 3\n255\n' && for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do printf "$2"; done; } >"$1"
}

finish() {
    [ "$failures" -eq 0 ] || { echo "$failures checks failed"; exit 1; }
}
