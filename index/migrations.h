// SPDX-License-Identifier: Apache-2.0
/*
 * The formats that a catalog has had. Its user_version says which one it is of:
 *
 *   1  the first
 *   2  the model can be found again, and the vectors of removed items too
 *   3  how pictures are prepared
 *   4  items by their dates: an index of SQLite's
 *   5  which files have failed, so that they need not be tried again
 *   6  where the index lies, so that it goes along with the pictures beside it
 *   7  the words of scripts without blanks: segment.h
 *   8  where pictures lie in archives, and which archives and folders have been read
 *   9  when, where and with what pictures were taken
 *  10  which files are no pictures, so that they need not be looked at again; what does not go in from a source
 *
 * An index of an earlier format is read without being written to, and becomes one of the latest when it is
 * opened for writing: format.c does both, by the statements that stand here. schema.sql is the latest format
 * whole, for new indexes: what is added here is added there, and tests/index/formats/ gets an index of the new
 * format.
 */
#ifndef DIPTYCH_INDEX_MIGRATIONS_H
#define DIPTYCH_INDEX_MIGRATIONS_H

/* clang-format off */
#define TO_FORMAT_2 \
    "ALTER TABLE meta ADD COLUMN findable INTEGER NOT NULL DEFAULT 0;\n" \
    "CREATE TABLE removed (kind TEXT NOT NULL, hash TEXT NOT NULL, row INTEGER NOT NULL, crc INTEGER NOT NULL,\n" \
    "    width INTEGER, height INTEGER, PRIMARY KEY (kind, hash)) WITHOUT ROWID;\n" \
    "CREATE TRIGGER items_kept AFTER DELETE ON items WHEN old.hash IS NOT NULL BEGIN\n" \
    "    INSERT OR REPLACE INTO removed VALUES (old.kind, old.hash, old.row, old.crc, old.width, old.height);\n" \
    "END;"
#define TO_FORMAT_3 "ALTER TABLE meta ADD COLUMN preparation TEXT;"
#define TO_FORMAT_4 "CREATE INDEX items_date ON items(mtime_ns DESC, row);"
#define TO_FORMAT_5 \
    "CREATE TABLE failures (path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,\n" \
    "    why TEXT NOT NULL, again INTEGER NOT NULL) WITHOUT ROWID;"
#define TO_FORMAT_6 "ALTER TABLE meta ADD COLUMN base TEXT;"
#define WITHOUT_WORDS \
    "DROP TRIGGER items_added; DROP TRIGGER items_removed; DROP TRIGGER items_changed; DROP TABLE items_fts;\n" \
    "ALTER TABLE items ADD COLUMN segmented TEXT;\n"
#define WITH_TABLE_OF_WORDS \
    "CREATE VIRTUAL TABLE items_fts USING\n" \
    "    fts5(path, caption, segmented, content = 'items', content_rowid = 'id');\n"
#define SEGMENT_ITEMS \
    "UPDATE items SET segmented = segment(path, caption) WHERE segment(path, caption) IS NOT NULL;\n"
#define GATHER_WORDS "INSERT INTO items_fts(items_fts) VALUES ('rebuild');"
#define TO_FORMAT_7 \
    WITHOUT_WORDS SEGMENT_ITEMS WITH_TABLE_OF_WORDS \
    "CREATE TRIGGER items_added AFTER INSERT ON items BEGIN\n" \
    "    INSERT INTO items_fts(rowid, path, caption, segmented)\n" \
    "        VALUES (new.id, new.path, new.caption, new.segmented);\n" \
    "END;\n" \
    "CREATE TRIGGER items_removed AFTER DELETE ON items BEGIN\n" \
    "    INSERT INTO items_fts(items_fts, rowid, path, caption, segmented)\n" \
    "        VALUES ('delete', old.id, old.path, old.caption, old.segmented);\n" \
    "END;\n" \
    "CREATE TRIGGER items_changed AFTER UPDATE OF path, caption, segmented ON items BEGIN\n" \
    "    INSERT INTO items_fts(items_fts, rowid, path, caption, segmented)\n" \
    "        VALUES ('delete', old.id, old.path, old.caption, old.segmented);\n" \
    "    INSERT INTO items_fts(rowid, path, caption, segmented)\n" \
    "        VALUES (new.id, new.path, new.caption, new.segmented);\n" \
    "END;\n" \
    GATHER_WORDS
#define TO_FORMAT_8 \
    "ALTER TABLE items ADD COLUMN offset INTEGER;\n" \
    "CREATE TABLE containers (path TEXT PRIMARY KEY, stamp INTEGER NOT NULL, pictures INTEGER NOT NULL) WITHOUT ROWID;"
#define TO_FORMAT_9 \
    "ALTER TABLE items ADD COLUMN taken TEXT; ALTER TABLE items ADD COLUMN camera TEXT;\n" \
    "ALTER TABLE items ADD COLUMN lens TEXT; ALTER TABLE items ADD COLUMN lat REAL;\n" \
    "ALTER TABLE items ADD COLUMN lon REAL; ALTER TABLE items ADD COLUMN examined INTEGER NOT NULL DEFAULT 0;\n" \
    "CREATE INDEX items_taken ON items(taken DESC, row);\n" \
    "CREATE INDEX items_unexamined ON items(id) WHERE kind = 'image' AND examined = 0;\n" \
    "DROP VIEW search_items;\n" \
    "CREATE VIEW search_items AS\n" \
    "    SELECT id, row, kind, path, size, mtime_ns / 1000000000 AS mtime,\n" \
    "        datetime(mtime_ns / 1000000000, 'unixepoch') AS date, width, height, taken, camera, lens, lat, lon,\n" \
    "        caption, picture, metadata\n" \
    "    FROM items;"
#define TO_FORMAT_10 \
    "CREATE TABLE passed_over (path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,\n" \
    "    kind TEXT NOT NULL, picture TEXT) WITHOUT ROWID;\n" \
    "ALTER TABLE sources ADD COLUMN rules TEXT;"
/* clang-format on */

/* For a copy that nobody writes to: format 7 without its words, which take most of the time, and what gathers them, for a table
 * of any format from then on. */
#define TO_FORMAT_7_LATER WITHOUT_WORDS WITH_TABLE_OF_WORDS
#define WORDS_OF_COPY "DROP TRIGGER IF EXISTS items_changed;\n" SEGMENT_ITEMS GATHER_WORDS

/* catalog_migrations[i]: the statements that make format i + 2 of format i + 1; NULL after the last. */
extern const char *const catalog_migrations[];

#endif
