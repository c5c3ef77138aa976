// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the store share. catalog.c talks to SQLite, vectors.c to the vectors file, lock.c keeps
 * writers apart; the verbs of index.h are built from them.
 */
#ifndef DIPTYCH_INDEX_STORE_H
#define DIPTYCH_INDEX_STORE_H

#include "index/index.h"

#include <sqlite3.h>

enum { WIDTH_LIMIT = 65536, STATEMENTS = 48 };

/* The one row of the catalog's `meta`. */
struct meta {
    char *model, *fingerprint;
    char *preparation; /* NULL: not said */
    bool findable;     /* the model finds itself by that name or path */
    size_t width;
    enum index_storage storage;
    int64_t generation; /* of the vectors file; index_compact begins the next one */
    int64_t rows, images, texts;
};

struct index {
    char *path, *catalog; /* the folder, and the catalog in it */
    bool writer;
    int lock;
    bool broken; /* a commit failed: see change_commit */
    sqlite3 *db;
    struct {
        const char *sql; /* compared by address */
        sqlite3_stmt *stmt;
    } statements[STATEMENTS];
    bool unguarded; /* a reader without SQLite's locks: see catalog_open */
    bool copied; /* a reader of an earlier format, or of another place: db is a copy, as it would be now, */
    bool words_later;  /* but for its full-text table: catalog_words */
    int64_t opened_ns; /* of either: when the catalog had last changed at opening */

    struct meta meta;      /* with the writer's changes that are not yet committed */
    struct meta committed; /* without them; the same strings */
    char *vectors;         /* path of the vectors file */
    int fd;                /* of the vectors file */
    size_t stride;         /* bytes of a row */
    struct file_map map;   /* of the vectors file: at least `mapped` rows */
    int64_t mapped;
    uint64_t *live;   /* rows with an item, once index_rows has asked; NULL: not known, or all */
    uint64_t *images; /* rows with a picture, once index_rows_of has asked; NULL: not known */

    char *
        files; /* of a writer, and in verifying: the folder of the index's own files, from the top of the file system */
    struct strings touched; /* files in it that were written, or lost their item, since the last commit */
};

/* ---- catalog.c ----------------------------------------------------------------------------------------- */

/* Writes an empty catalog to `file`, which must not exist. */
int catalog_create(const char *file, const struct index_options *options, struct err *err);

/* What that is made of: an empty catalog in a new file. */
int catalog_write_schema(sqlite3 *db, const char *file, const struct index_options *options, struct err *err);

/* A file's URI, for free(), because whether a plain name that begins with "file:" is one depends on how SQLite was built;
 * immutable: nobody writes to it. */
char *catalog_uri(const char *path, bool immutable);

/* Opens index->catalog; a reader's transaction, its snapshot, begins with catalog_meta. */
int catalog_open(struct index *index, struct err *err);
void catalog_close(struct index *index);

/* How a connection deals with a file that may come from anywhere. */
void catalog_guard(sqlite3 *db, bool writer);

/* Fills index->meta and index->committed, strings included. */
int catalog_meta(struct index *index, struct err *err);
int catalog_store_meta(struct index *index, struct err *err);
void meta_release(struct meta *meta);

/* A prepared statement for `sql`, reset and without bindings; sql must be a literal. The index keeps it. */
/* Makes a change by a statement, a literal, whose parameters `bind` sets; catalog_bind_path sets the first alone. */
typedef void catalog_bind(sqlite3_stmt *stmt, const void *context);
catalog_bind catalog_bind_path;
int catalog_change(
    struct index *index, const char *sql, catalog_bind *bind, const void *context, struct err *err);

/* Hands each row of a query, a literal, to `row`, whose answer other than 0 ends it and is returned. */
typedef int catalog_row(void *context, sqlite3_stmt *stmt);
int catalog_each(struct index *index, const char *sql, catalog_row *row, void *context, struct err *err);

/* The text of a column, "" for NULL. */
const char *catalog_text(sqlite3_stmt *stmt, int column);

int catalog_statement(sqlite3_stmt **out, struct index *index, const char *sql, struct err *err);
int catalog_run(struct index *index, const char *sql, struct err *err);

/* Statements of db end with SQLITE_INTERRUPT, ERR_CANCELLED, when the job's step says so; NULL: no longer. */
void catalog_watch(sqlite3 *db, const struct job *job);

/* SQLite's last error as ours, saying what failed: unable to DOING 'x.dip/catalog.sqlite': why */
int catalog_error(struct index *index, const char *doing, struct err *err);
int catalog_fail(sqlite3 *db, const char *file, const char *doing, struct err *err);

/* Whether the catalog may not be what a reader, unguarded or of a copy, has opened. */
bool catalog_changed(const struct index *index);

/* ERR_IO where a reader without locks no longer reads what it opened. */
int catalog_check_unchanged(struct index *index, struct err *err);

/* The columns of an item, in the order of item_bind and item_load. */
#define ITEM_COLUMNS                                                                                         \
    "path, size, mtime_ns, hash, width, height, caption, picture, metadata, offset, taken, camera, lens, "   \
    "lat, lon, examined"
#define ITEM_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16"
#define ITEM_WORDS "?1, ?7" /* path and caption */
enum { ITEM_COLUMN_COUNT = 16 };
void item_bind(sqlite3_stmt *stmt, const struct index_item *item); /* to these parameters */

/* In SQL: a path that lies below a folder ('0' comes behind '/'), which is ?1, and lies below ?2 from now on; so do those
 * of items, and their words. */
#define BELOW_THAT(column, folder) column " > " folder " || '/' AND " column " < " folder " || '0'"
#define BELOW(column) BELOW_THAT(column, "?1")
#define MOVED_PATH(column) "?2 || substr(" column ", length(?1) + 1)"
#define MOVED(column) column " = " MOVED_PATH(column)
#define ITEMS_MOVED MOVED("path") ", segmented = segment(" MOVED_PATH("path") ", caption)"

/* From a statement that selects "id, row, kind, " ITEM_COLUMNS. Strings are copied to the arena, or, where it
 * is NULL, live until the statement's next step. */
int item_load(struct index_item *out, sqlite3_stmt *stmt, struct arena *arena, struct err *err);

/* ---- catalog_alone.c ----------------------------------------------------------------------------------- */

/* A new catalog that nobody else knows of, open, and one that nobody writes to any more, to be read: both for sqlite3_close,
 * also after an error. */
int catalog_create_alone(
    sqlite3 **out, const char *file, const struct index_options *options, struct err *err);
int catalog_open_settled(sqlite3 **out, const char *file, struct err *err);

/* ---- format.c ------------------------------------------------------------------------------------------ */

int64_t format_latest(void);

/* A format that this program reads: ERR_UNSUPPORTED where it is a later one, ERR_FORMAT where it is none. */
int format_check(int64_t format, const char *catalog, struct err *err);

/* Brings what index->db has open from its format to the latest: a writer the file itself, whole or not at
 * all, a reader a copy of it. */
int format_follow(struct index *index, int64_t format, struct err *err);

/* Fills in the full-text table of a copy that has been without: to be called before that is asked. */
int catalog_words(struct index *index, struct err *err);

/* A copy of the catalog, for a reader that sees it otherwise than it is, takes its place. */
int catalog_copy(struct index *index, struct err *err);

/* ---- travel.c ------------------------------------------------------------------------------------------ */

/* Has the paths of an index that was moved together with its pictures follow them: a writer's in the file itself, a
 * reader's in a copy. */
int travel_follow(struct index *index, struct err *err);

/* Has the items with files of the index's own follow these from one folder to another; *found: there are some. */
int travel_own(bool *found, struct index *index, const char *from, const char *to, struct err *err);

/* The folder that an index at that path lies in, without a slash at its end: "" is the top. In the arena. */
int travel_base(const char **out, const char *path, struct arena *arena, struct err *err);

/* ---- vectors.c ----------------------------------------------------------------------------------------- */

/* The path of a generation's file, for free(); the name in it. */
char *vectors_path(const char *folder, int64_t generation, enum index_storage storage);
const char *vectors_name(const char *path);

/* Opens the file of index->meta.generation; *gone: there is none. */
int vectors_open(struct index *index, bool *gone, struct err *err);
void vectors_close(struct index *index);

/* Bytes of `rows` rows; ERR_FORMAT where no file is as large. */
int vectors_size(size_t *out, const struct index *index, int64_t rows, struct err *err);

/* The file's bytes. */
int vectors_length(size_t *out, const struct index *index, struct err *err);

/* ERR_FORMAT where the file is shorter than index->meta.rows rows. */
int vectors_check_length(const struct index *index, struct err *err);

/* Maps index->meta.rows rows, or some that the file is known to have. */
int vectors_map(struct index *index, struct err *err);
int vectors_map_some(struct index *index, int64_t rows, struct err *err);
const uint8_t *vectors_row(const struct index *index, int64_t row); /* a mapped one */

/* row (stride bytes) of vector (E); false where it has a number that the storage has no room for. */
bool vectors_encode(void *row, const float *vector, size_t width, enum index_storage storage);
void vectors_decode(float *vector, const void *row, size_t width, enum index_storage storage);
uint32_t vectors_crc(const void *bytes, size_t size);

/* Writes count rows (count, stride) at row `first` of the file `path`. */
int vectors_write(
    int fd, const char *path, const void *rows, int64_t first, size_t count, size_t stride, struct err *err);
int vectors_sync(int fd, const char *path, struct err *err);

/* All bytes at that place of the file `path`, whatever it is. */
int write_bytes_at(int fd, const char *path, const void *data, size_t size, int64_t at, struct err *err);

/* ---- folder.c ------------------------------------------------------------------------------------------ */

int folder_list(struct strings *names, const char *folder, struct err *err);

/* Whether a killed writer may leave such a file: one of vectors, or a catalog or codes on their way. */
bool folder_made(const char *name);

/* Brings names made or removed in a folder to stable storage. */
int folder_sync(const char *folder, struct err *err);

/* Removes what killed writers left, all names of folder_made but `keep`. */
int folder_clean(const char *folder, const char *keep, struct err *err);

/* ---- files.c ------------------------------------------------------------------------------------------- */

/* Where they are, in the arena; NULL with ERR_MEMORY. files_find fills in index->files with it. */
const char *files_folder(struct arena *arena, const struct index *index, struct err *err);
int files_find(struct index *index, struct err *err);

/* Where they are by the catalog, as that folder says, in the arena; NULL: it does not. */
int files_place(const char **out, const char *folder, struct arena *arena, struct err *err);

/* The same of a writer, its folder locked and repaired; what was left by others is settled. */
int files_open(struct index *index, struct err *err);
void files_close(struct index *index);

/* Before a change that gives a picture another path than this, or removes it: if the file is the index's own, it goes
 * with files_settle, which comes after a commit or its taking back. */
int files_touch(struct index *index, const char *path, struct err *err);
void files_settle(struct index *index);

/* Before a commit: the names of new files on stable storage. */
int files_sync(struct index *index, struct err *err);

/* ---- lock.c -------------------------------------------------------------------------------------------- */

/* The writer's lock on a folder. The kernel takes it back when the process ends, however it ends. */
int lock_take(int *out, const char *folder, struct err *err);
int lock_try(int *out, const char *folder); /* without waiting; not 0: somebody has it, or it cannot be had */
void lock_release(int lock);

/* ---- open.c -------------------------------------------------------------------------------------------- */

/* index_open without repairing and comparing. */
int open_store(struct index **out, const char *path, enum index_access access, struct err *err);
void forget_live(struct index *index); /* after rows gained or lost their items */

/* ---- write.c ------------------------------------------------------------------------------------------- */

/* A verb's changes stand between them. change_end returns rc; if it is an error, it takes back all that has
 * changed since the last commit and says so. */
int change_begin(struct index *index, struct err *err);
int change_end(struct index *index, int rc, struct err *err);
int change_commit(struct index *index, struct err *err);

/* Appends encoded rows (count, stride) and their items: index_add after its encoding. */
int append_rows(
    struct index *index, struct index_item *items, const uint8_t *rows, size_t count, struct err *err);

/* ---- filter.c ------------------------------------------------------------------------------------------ */

int bad_row(struct index *index, int64_t row, struct err *err); /* an item's row that does not exist */

#endif
