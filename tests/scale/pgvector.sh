#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An index goes into PostgreSQL with pgvector as export writes it: all of it arrives, '<#>' finds what 'diptych search'
# finds, and the table comes back as the same index.
#
#   pgvector.sh DIPTYCH SCENES BIN SCRATCH
#
# BIN has initdb, pg_ctl and psql: .../pgserver/pginstall/bin of PyPI's pgserver, or Debian's /usr/lib/postgresql/17/bin. With
# PG_ROOT=FOLDER, a Debian made by debootstrap, BIN is one in there, and SCRATCH must lie below it. As root, since the server
# runs as nobody. Not part of CI.
set -eu
diptych=$(realpath "$1") scenes=$(realpath "$2") bin=$3
rm -rf "$4" && mkdir -p "$4" && cd "$4"
top=${PG_ROOT-}
inside=${PWD#"$top"}
serve() { chroot --userspec=nobody:nogroup "${top:-/}" "$bin/$@"; }
sql() { # psql, in the folder that we are in
    chroot "${top:-/}" sh -c 'cd "$1" && shift && exec "$@"' sh "${PWD#"$top"}" \
        "$bin/psql" -h "$inside/server" -U postgres -X -q -v ON_ERROR_STOP=1 "$@" test
}
fail() {
    echo "$*"
    exit 1
}

mkdir server && chown nobody server && chmod a+rx .
serve initdb -D "$inside/server/data" -U postgres --auth trust --no-sync >initdb.log
serve pg_ctl -D "$inside/server/data" -w -l "$inside/server/log" -o "-k $inside/server -h ''" start >start.log
trap 'serve pg_ctl -D "$inside/server/data" -m immediate stop >stop.log' EXIT
chroot "${top:-/}" "$bin/psql" -h "$inside/server" -U postgres -X -q -c 'CREATE DATABASE test' postgres
sql -c 'CREATE EXTENSION vector' # as the SQL of an export does, too, if it is not there
version=$(sql -At -c "SELECT extversion FROM pg_extension WHERE extname = 'vector'")
types=vector
[ "$(sql -At -c "SELECT count(*) FROM pg_type WHERE typname = 'halfvec'")" = 0 ] || types="vector halfvec"

# ---- an index: pictures, texts, what nobody knows, and names that want quotes

"$scenes" --count 400 --seed 5 --size 48 --out tree >/dev/null
cp tree/*7.png . && for file in *7.png; do mv "$file" "tree/it's \"$file\" \\ $(printf '\t\303\251').png"; done
cat >texts.jsonl <<'TEXTS'
{"text": "a red star", "big": 9007199254740993, "tags": ["x", {"deep": null}], "share": 0.1, "quoted": "it's \"here\" \\ \t \u00e9"}
{"text": "three \"white\" flow'ers"}
TEXTS
printf 'a red star\nthree white flowers\na blue tree above a yellow star\n' >queries

for storage in f32 f16 i8; do
    "$diptych" index build $storage.dip tree --texts texts.jsonl --storage $storage -q
    "$diptych" index list $storage.dip -f tsv >list
    "$diptych" index remove $storage.dip --id 3 >/dev/null
    for type in $types; do
        table="it's \"$storage\" as $type"
        half=$(case $type in halfvec) echo --half ;; esac)
        "$diptych" index export $storage.dip "$table.pgvector" $half
        sql -1 -f "$table.sql"
        quoted=$(printf %s "$table" | sed 's/"/""/g')
        [ "$(sql -At -c "SELECT count(*) FROM \"$quoted\"")" = "$("$diptych" index list $storage.dip -f tsv | wc -l)" ] ||
            fail "not all arrived in $table"

        # The query is the one that the SQL tells of.
        sed -n '/^--     .set query/,$s/^--     //p' "$table.sql" >ask.sql
        grep -q "^\\\\set query" ask.sql || fail "no query in $table.sql"
        while read -r query; do
            "$diptych" search $storage.dip "$query" --top 10 --kind image -q -f tsv | cut -f 3 >expected
            echo "$query" | "$diptych" embed --texts - -q >answer
            sed "1s/.*/\\\\set query \`cat answer\`/" ask.sql >ask-it.sql
            sql -At -F "	" -f ask-it.sql | cut -f 1 >found
            [ "$(wc -l <found)" -eq 10 ] || fail "not ten"
            cmp -s expected found || fail "$table, '$query': $(paste expected found)"
        done <queries
    done
done

# ---- and back: tables of ours, whose metadata have jsonb's order of keys, and one of another's

known() { "$diptych" index list "$1" -f json | sed 's/^{"id": [0-9]*, //'; }
for type in $types; do
    sql -c "\\copy \"it's \"\"f16\"\" as $type\" TO '$type.pgvector' WITH (FORMAT binary)"
    "$diptych" index import $type.dip $type.pgvector -q
    known f16.dip >one && known $type.dip >two
    cmp one two || fail "$type came back otherwise: $(diff one two)"
    "$diptych" index export f16.dip one.npy -q
    "$diptych" index export $type.dip two.npy -q
    cmp one.npy two.npy || fail "$type came back with other vectors"
done
sql -c "CREATE TABLE theirs AS SELECT path AS file, size AS bytes, embedding FROM \"it's \"\"f32\"\" as vector\" WHERE kind = 'image'"
sql -c "\\copy (SELECT file, embedding, to_jsonb(t) - 'file' - 'embedding' FROM theirs t) TO theirs.pgvector WITH (FORMAT binary)"
"$diptych" index import theirs.dip theirs.pgvector --columns path,embedding,metadata --storage f32 -q
while read -r query; do
    for index in f32 theirs; do
        "$diptych" search $index.dip "$query" --kind image -q -f tsv | cut -f 2,5 >found.$index
    done
    cmp found.f32 found.theirs
done <queries
size=$(sql -At -c "SELECT bytes FROM theirs ORDER BY bytes DESC LIMIT 1")
[ "$("$diptych" index list theirs.dip --where "metadata ->> 'bytes' = $size" | wc -l)" -ge 1 ] || fail "no metadata"
echo "PostgreSQL with pgvector $version, $types: $(wc -l <one) items came, were found, and came back"
