#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a million, a hundred million and a billion pictures cost, from constants that were measured (RESULTS.md says where) and a
# model of the network, as the tables of RESULTS.md have it:
#
#   embedding  pictures / (machines x rate)
#   bytes      pictures x (vector + codes + catalog)
#   search     rows / (ranks x rows a second) + 2 ceil(log2 ranks) (alpha + bytes / beta):
#              queries go out along a tree, Q E floats, and lists come back, 2 Q k hits of 16 bytes
#
#   table.sh [NAME=VALUE...]
set -eu
for assignment in "$@"; do
    case $assignment in
    [A-Z_]*=[0-9.e+-]*) eval "$assignment" ;;
    *) echo "table.sh [NAME=VALUE...]: not '$assignment'" >&2 && exit 2 ;;
    esac
done
awk -v rate="${RATE-84.5}" -v width="${WIDTH-512}" -v vector="${VECTOR-2}" -v codes="${CODES-530}" -v catalog="${CATALOG-185}" \
    -v one="${SCAN_1-33e6}" -v many="${SCAN_64-3.8e6}" -v alpha="${ALPHA-5e-5}" -v beta="${BETA-1e9}" 'BEGIN {
    k = 10
    print "| pictures | machines | hours of embedding | GB | ranks | s, 1 query | s, 64 queries | of it network, ms |"
    print "|---|---|---|---|---|---|---|---|"
    split("1e6 1e8 1e9", sizes, " ")
    split("1 16 128", machines, " ")
    for (s = 1; s <= 3; s++)
        for (m = 1; m <= 3; m++) {
            n = sizes[s]; p = 2 * machines[m]
            steps = 0
            for (reach = 1; reach < p; reach *= 2)
                steps++
            for (q = 1; q <= 64; q += 63) {
                network[q] = steps * (2 * alpha + (q * width * 4 + 2 * q * k * 16) / beta)
                seconds[q] = n / p / (q == 1 ? one : many) + network[q]
            }
            printf "| %.0e | %d | %.1f | %.1f | %d | %.3g | %.3g | %.2f, %.2f |\n", n, machines[m],
                n / rate / machines[m] / 3600, n * (width * vector + codes + catalog) / 1e9, p, seconds[1], seconds[64],
                1000 * network[1], 1000 * network[64]
        }
}'
