#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SQLite 3.40.0 and 3.54.1 (by apsw, from PyPI), jansson 2.14: what becomes of JSON that is nested deep.
#
# Guess before running it: what a JSON library takes and prints again, SQLite's functions read; where they do not, the row
# has no such field, and the others are found.
#
# Seen: jansson takes 2,048 levels, SQLite 3.40 reads 2,000 and 3.54 reads 1,000. What is deeper is "malformed JSON", and
# not for its row alone: a query with json_extract in its WHERE fails as a whole, so that one row that is of no interest
# keeps all others from being found; and rows that SQLite 3.40 reads stop all such queries after an update of the library.
# json_valid says it without an error.
#
# Who keeps JSON of others for such queries must bound its depth when it comes in: index/write.c takes 100 levels.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, the network, a C compiler and jansson.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/depth.c" <<'END'
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The deepest arrays that jansson takes. */
int main(void)
{
    static char text[10001];
    int depth = 1;
    for (;; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        json_t *value = json_loads(text, 0, NULL);
        if (!value)
            break;
        json_decref(value);
    }
    printf("jansson %s takes %d levels\n", jansson_version_str(), depth - 1);
    return depth - 1 != 2048;
}
END
${CC:-cc} -o "$folder/depth" "$folder/depth.c" -ljansson
"$folder/depth"

cat >"$folder/depth.py" <<'END'
import sys

import apsw


def nested(depth):
    return '{"a":' * depth + "1" + "}" * depth


database = apsw.Connection(":memory:")
sqlite3_version = list(database.execute("SELECT sqlite_version()"))[0][0]
database.execute("CREATE TABLE items (metadata TEXT)")
reads = [depth for depth in (1000, 1001, 2000, 2001)
         if list(database.execute("SELECT json_valid(?)", (nested(depth),))) == [(1,)]]
print(f"SQLite {sqlite3_version} reads {max(reads)} levels")

query = "SELECT rowid FROM items WHERE json_extract(metadata, '$.by') = 'me'"
database.execute("INSERT INTO items VALUES ('{\"by\": \"me\"}')")
before = list(database.execute(query))
database.execute("INSERT INTO items VALUES (?)", (nested(max(reads) + 1),))
try:
    after = list(database.execute(query))
except apsw.Error as error:
    after = str(error)
print(f"a query finds {before}, and with one deeper row beside it: {after}")
sys.exit(max(reads) != int(sys.argv[1]) or before != [(1,)] or "malformed JSON" not in after)
END
for known in 3.40.0.0:2000 3.54.1.0:1000; do
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install -q --disable-pip-version-check "apsw==${known%:*}"
    "$folder/venv/bin/python" "$folder/depth.py" "${known#*:}"
    rm -r "$folder/venv"
done
