#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What every command prints, recorded.
#
#   recorded.sh check PROGRAM SCRATCH      the recorded runs once more: does PROGRAM still print that?
#   recorded.sh record PROGRAM SCRATCH     writes the recorded files anew; look at what git says has changed
#   recorded.sh compare OLD NEW SCRATCH    two programs on one machine, byte for byte, in the precision that they
#                                          choose; recorded/exceptions has the runs that may differ, and why
#
# recorded/NAME.sh is a list of runs, sourced in an empty folder; recorded/NAME.txt is what they print. So that other
# machines find the same, check and record run on the CPU in f32, and leave out times, the place of the
# files (and where lines of them may end), the style sheet of pages, and what other versions of sqlite and zlib make otherwise: sizes and thumbnails.
# Scores are compared as numbers, to TOLERANCE; what has one or two decimals (percents, places on a page) may differ in
# the last one.
set -u
LC_ALL=C TZ=UTC XDG_DATA_HOME=/dev/null/none # there is no default index
export LC_ALL TZ XDG_DATA_HOME
TOLERANCE=0.0002

fail() {
    echo "$*" >&2
    exit 1
}

[ $# -ge 3 ] || fail "usage: recorded.sh check|record PROGRAM SCRATCH, or recorded.sh compare OLD NEW SCRATCH"
mode=$1
lists=$(cd "$(dirname "$0")/recorded" && pwd -P) || exit 1
root=$(cd "$lists/../../.." && pwd -P)
for scratch; do :; done # the last argument
rm -rf "$scratch" && mkdir -p "$scratch" || exit 1
scratch=$(cd "$scratch" && pwd -P)
options=
[ "$mode" = compare ] || options="--device cpu --gemm onednn --precision f32"
unset DIPTYCH_DEVICE

# ---- what the lists say ------------------------------------------------------------------------------------

# run NAME ARGUMENT...: one recorded run of diptych.
run() {
    output=$results/$1
    [ ! -e "$output.command" ] || fail "there are two runs '$1'"
    echo "$1" >>"$results/$list.names"
    shift
    echo "diptych $*" >"$output.command"
    case ${1-},${2-} in
    index,build | index,update | index,prepare | index,import | index,duplicates | index,cluster | evaluate,retrieval | evaluate,classify | probe,fit)
        one=$1 two=$2
        shift 2
        set -- "$one" "$two" $options "$@"
        ;;
    classify,* | rank,* | embed,* | score,* | search,* | devices,* | bench,*)
        one=$1
        shift
        set -- "$one" $options "$@"
        ;;
    esac
    LC_ALL=C.UTF-8 "$program" "$@" >"$output.stdout" 2>"$output.stderr"
    echo $? >"$output.status"
}

# wrote FILE...: the last run has written these, or they tell of it.
wrote() {
    for file; do
        to=$output.$(echo "$file" | tr / _)
        cp "$file" "$to" 2>/dev/null || echo "there is none" >"$to"
    done
}

# wrote_here FILE...: the same, and no other machine writes them bit for bit.
wrote_here() {
    [ "$mode" != compare ] || wrote "$@"
}

# here NAME ARGUMENT...: a run that prints something else on every machine.
here() {
    [ "$mode" != compare ] || run "$@"
}

# colour FILE BYTES: a small picture of one colour, given as printf takes its three bytes.
colour() {
    { printf 'P6\n4 3\n255\n' && for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do printf "$2"; done; } >"$1"
}

# samples FOLDER NUMBER...: these of the sample pictures; all without numbers.
samples() {
    folder=$1
    shift
    mkdir -p "$folder"
    [ $# -gt 0 ] || set -- 01 02 03 04 05 06 07 08 09 10 11 12
    for number; do
        cp "$root/assets/pictures/$number".* "$folder"
    done
    dated "$folder"
}

# dated PATH...: changed last at a time that is always the same, as listings show it.
dated() {
    find "$@" -exec touch -h -d 2024-05-06T07:08:09Z {} +
}

# other_model FOLDER: the model, but with other preprocessing.
other_model() {
    mkdir "$1" && ln -s "$root"/tests/model/* "$1" && rm "$1/preprocessor_config.json"
    sed 's/0\.48/0.47/' "$root/tests/model/preprocessor_config.json" >"$1/preprocessor_config.json"
}

# ---- what is done with them --------------------------------------------------------------------------------

# perform PROGRAM RESULTS: all runs; what run NAME printed and wrote are the files RESULTS/NAME.*, without what differs
# from run to run and, but for comparing, from machine to machine.
perform() {
    program=$(realpath "$1") results=$2
    mkdir "$results" && [ -x "$program" ] || fail "no program '$1'"
    for list in "$lists"/*.sh; do
        list=$(basename "$list" .sh)
        rm -rf "$scratch/work" && mkdir "$scratch/work" || exit 1
        (
            cd "$scratch/work" && ln -s "$root/tests/model" model || exit 1
            DIPTYCH_MODEL=model HF_HUB_CACHE=hub HF_HUB_OFFLINE=1
            export DIPTYCH_MODEL HF_HUB_CACHE HF_HUB_OFFLINE
            . "$lists/$list.sh"
        ) || exit 1
    done
    set -- -e 's@[0-9.]+ s, [0-9.]+ (pictures|captions|texts|items)/s@TIME s, RATE \1/s@' \
        -e 's@[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC@DATE@'
    [ "$mode" = compare ] || set -- "$@" -e 's@<wbr>@@g' -e "s@$scratch/work@WORK@g" -e "s@$root@ROOT@g" \
        -e 's@(catalog_bytes"?:? +)[0-9,]+@\1BYTES@' \
        -e 's@data:image/[a-z]+;base64,[A-Za-z0-9+/=]+@data:...@g' -e '/<style>/,/<\/style>/{//!d}' -e '/<script>/,/<\/script>/{//!d}' \
        -e 's@<time>[0-9-]+</time>@<time>DATE</time>@g'
    sed -E -s -i "$@" "$results"/*
}

# transcript RESULTS LIST: what a recorded file says of the runs of a list.
transcript() {
    while read -r name; do
        echo "==== $name: $(cat "$1/$name.command")"
        for file in "$1/$name".*; do
            part=${file#"$1/$name."}
            case $part in
            command | status) ;;
            *) [ ! -s "$file" ] || { echo "---- $part" && awk 1 "$file"; } ;;
            esac
        done
        echo "---- status $(cat "$1/$name.status")"
        echo
    done <"$1/$2.names"
}

# agree RECORDED NOW: what differs, run by run; fails where something does.
agree() {
    awk -v tolerance="$TOLERANCE" '
        function decimals(number) { return match(number, /\.[0-9]+/) ? RLENGTH - 1 : 0 }
        function near(a, b,    places, far) {
            if (a == b)
                return 1
            if ((a b) !~ /[.e]/)
                return 0
            places = decimals(a) > decimals(b) ? decimals(a) : decimals(b)
            far = places <= 2 && (a b) !~ /e/ ? 1.01 / 10 ^ places : tolerance
            return a - b <= far && b - a <= far
        }
        function alike(a, b,    x, y, before, before_b) {
            while (a != b) {
                if (!match(a, number))
                    return 0
                x = substr(a, RSTART, RLENGTH); before = substr(a, 1, RSTART - 1); a = substr(a, RSTART + RLENGTH)
                if (!match(b, number))
                    return 0
                y = substr(b, RSTART, RLENGTH); before_b = substr(b, 1, RSTART - 1); b = substr(b, RSTART + RLENGTH)
                if (before != before_b || !near(x, y))
                    return 0
            }
            return 1
        }
        BEGIN { number = "-?[0-9]+(\\.[0-9]+)?(e[-+]?[0-9]+)?" }
        FNR == 1 { side++ }
        /^==== / { name = $2; if (!(name in known)) names[++count] = name; known[name] }
        { line[side, name, ++lines[side, name]] = $0 }
        END {
            for (i = 1; i <= count; i++) {
                name = names[i]
                most = lines[1, name] > lines[2, name] ? lines[1, name] : lines[2, name]
                for (n = 1; n <= most && alike(line[1, name, n], line[2, name, n]); n++)
                    ;
                if (n > most)
                    continue
                print "DIFFERS: " name, "line " n
                print "  recorded: " line[1, name, n]
                print "  now:      " line[2, name, n]
                bad = 1
            }
            exit bad
        }' "$1" "$2"
}

# names: those of all runs that were performed.
names() {
    cat "$scratch"/now/*.names
}

case $mode in
check | record)
    perform "$2" "$scratch/now"
    for list in "$lists"/*.sh; do
        list=$(basename "$list" .sh)
        transcript "$scratch/now" "$list" >"$scratch/$list.txt"
        if [ "$mode" = record ]; then
            cp "$scratch/$list.txt" "$lists/$list.txt"
        else
            agree "$lists/$list.txt" "$scratch/$list.txt" || touch "$scratch/failed"
        fi
    done
    echo "$(names | wc -l) runs"
    [ ! -e "$scratch/failed" ] || fail "not what is recorded; the whole of it is in $scratch"
    ;;
compare)
    perform "$2" "$scratch/old"
    perform "$3" "$scratch/now"
    names | while read -r name; do
        for file in "$scratch/old/$name".* "$scratch/now/$name".*; do
            file=$(basename "$file")
            cmp -s "$scratch/old/$file" "$scratch/now/$file" && continue
            if why=$(grep -E "^$name +" "$lists/exceptions"); then
                echo "differs, and may: $why"
            else
                echo "DIFFERS: $file"
                diff -a "$scratch/old/$file" "$scratch/now/$file" | cut -c 1-300 | head -n 20
                touch "$scratch/failed"
            fi
            break
        done
    done
    echo "$(names | wc -l) runs"
    [ ! -e "$scratch/failed" ] || fail "the programs differ; all that they print is in $scratch"
    ;;
*) fail "'$mode' is neither check, record nor compare" ;;
esac
