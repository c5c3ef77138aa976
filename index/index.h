// SPDX-License-Identifier: Apache-2.0
/*
 * index: vectors and what they stand for, on disk, to be searched exactly.
 *
 * An index is a folder, NAME.dip by custom, with `catalog.sqlite` (one row of `items` a picture or text; any
 * SQLite tool reads it, catalog.c has the schema), `vectors.f16` or its kin (vectors.c has the layout) and, where it
 * keeps pictures itself, `uploads` (files.c).
 *
 *   struct index       an open index: one reader or the one writer, on one thread at a time.
 *   struct index_item  a picture or a text: one line of the catalog.
 *   struct index_rows  the vectors as the scan wants them, with a bitmap of those to look at.
 *
 * What holds at all times:
 *
 *   - An item has one row, a row at most one item. A row without an item is dead: it takes room until
 *     index_compact.
 *   - Item ids rise with rows and are never used twice: of two hits the one with the lower row has the lower
 *     id.
 *   - The vector of an item never changes. A changed picture is a new item with a new id in a new row. What
 *     else is known of an item may change (index_update): a rename costs no encoding.
 *   - Changes are kept by index_commit, all those since the last commit or none. A process killed at any
 *     moment leaves the last committed state.
 *   - Readers and the writer never wait for each other. A reader sees the state at its opening, or its last
 *     index_refresh, whatever is written, removed or compacted meanwhile.
 *   - A damaged row is never handed out silently: index_fetch compares what it fetches with its checksum.
 *
 * Codes, beside those that a function names: ERR_MEMORY from any that allocates; ERR_IO where a file cannot
 * be read or written, and from a reader without the right to write whose index has changed meanwhile;
 * ERR_BUSY where another program keeps the catalog locked for ten seconds; ERR_FORMAT where the catalog or
 * the vectors turn out to be damaged; ERR_CANCELLED from any that takes a job; ERR_DEVICE from any that takes
 * a searcher.
 *
 * Counts and rows are 64 bits wide. Strings are bytes that end with NUL; paths are kept as they were given.
 * Only local file systems keep what is said of readers and writers: SQLite's WAL works on one machine.
 */
#ifndef DIPTYCH_INDEX_H
#define DIPTYCH_INDEX_H

#include "base/base.h"

/* ---- opening ------------------------------------------------------------------------------------------- */

/* How a vector (E) is kept, little-endian, and the bytes of a row:
 *
 *   f32  4E   the float32 as they came
 *   f16  2E   IEEE halves, rounded to nearest
 *   i8   E+4  int8 codes, then a float32 scale (at no particular alignment), scale = max|x| / 127
 *             vector = scale * code, code = x / scale rounded to nearest, ties to even
 *
 * Searches are exact about the stored vector, whose length is rounded with the rest: vectors of length 1 and
 * width 128 are kept with lengths within 0.0002 (f16) and 0.003 (i8) of it, and so scores are cosines. */
enum index_storage { INDEX_F32, INDEX_F16, INDEX_I8, INDEX_STORAGES };
extern const char *const index_storage_names[INDEX_STORAGES + 1]; /* "f32", "f16", "i8", NULL */
size_t index_stride(enum index_storage storage, size_t width);

struct index_options {
    const char *model;       /* that makes the vectors: what finds it again, for the caller to understand */
    const char *fingerprint; /* of the model, for index_open to compare */
    size_t width;            /* E, 1 to 65536 */
    enum index_storage storage;
    const char *preparation; /* of pictures for the model: as the caller calls it; NULL: not said */
};

struct index;

/* Whether the folder has a catalog. */
bool index_is_there(const char *path);

/* Makes a folder with an empty index and opens it for writing. An existing index, a folder with anything else
 * in it, or a width or storage that is none is ERR_ARGUMENT; a writer that is making one there, ERR_BUSY. */
int index_create(struct index **out, const char *path, const struct index_options *options, struct err *err);

/* INDEX_WRITE takes the index for this process until index_free; a second writer waits a second for it,
 * and then is ERR_BUSY, with the first one's process id in the message. It also removes what a killed writer left. INDEX_READ needs no right to
 * write. ERR_IO: there is no index. ERR_FORMAT: the catalog is damaged or of another application, or the
 * vectors file is too short.
 *
 * fingerprint is that of the model which made the query or the new vectors; another than the index's is
 * ERR_ARGUMENT. NULL: do not compare.
 *
 * An index that was moved or copied together with the folder it lies in goes on with the pictures there, if they are: the
 * paths of all that lay in the folder are of the new place. A reader works on a copy of the catalog until the next
 * writer has changed it. Moved alone, it keeps its paths.
 *
 * An index of an earlier format is read as it is, by way of a copy of its catalog, and brought to the latest
 * by INDEX_WRITE, whole or not at all; readers that have it open go on. A later format: ERR_UNSUPPORTED. */
enum index_access { INDEX_READ, INDEX_WRITE };
int index_open(
    struct index **out, const char *path, enum index_access access, const char *fingerprint, struct err *err);

/* index_open for writing, whatever the storage, or index_create where there is none, and where another process makes one
 * meanwhile, index_open; with their codes. */
int index_open_or_create(
    struct index **out, const char *path, const struct index_options *options, struct err *err);

/* ERR_ARGUMENT, naming both, where the index has another model, or keeps its vectors in another way. */
int index_check_model(const struct index *index, const char *fingerprint, struct err *err);
int index_check_storage(const struct index *index, enum index_storage storage, struct err *err);

/* Who keeps an index up to date all the time is alone in that, and writes only now and then: *lock is held until
 * index_watch_end, which takes -1, too. ERR_BUSY, with the other's process id in the message; ERR_IO, ERR_MEMORY. */
int index_watch_begin(int *lock, const char *path, struct err *err);
void index_watch_end(int lock);

/* Changes that were not committed are lost. */
void index_free(struct index *index);

/* Brings a reader to the last committed state; quick where nothing has changed. Ends the life of every struct
 * index_rows. ERR_IO where another index, or none, is in its place; after this or another of index_open's errors only
 * index_free is left. */
int index_refresh(struct index *index, struct err *err);

struct index_info {
    const char *path, *model, *fingerprint;
    bool findable; /* false: model is not index_create's, but what a user of format 1 typed somewhere */
    const char *preparation; /* NULL: not said, as in formats 1 and 2 */
    const char *vectors;     /* path of the vectors file */
    size_t width;            /* E */
    enum index_storage storage;
    int64_t images, texts; /* items; a writer's own changes count at once */
    int64_t rows;          /* items and dead rows */
};

/* The strings live until index_refresh, index_compact, index_keep_model or index_keep_preparation. */
struct index_info index_info(const struct index *index);

/* ---- items --------------------------------------------------------------------------------------------- */

enum index_kind { INDEX_ANY, INDEX_IMAGE, INDEX_TEXT }; /* INDEX_ANY only where it is said */
extern const char *const index_kind_names[];            /* "any", "image", "text", NULL */

/* NULL and 0 mean unknown. */
struct index_item {
    int64_t id, row; /* given by the index */
    enum index_kind kind;
    const char *
        path; /* the picture, or the file that the text came from; of a picture in an archive, member_path's */
    int64_t size;     /* of that file in bytes */
    int64_t mtime_ns; /* its last change, nanoseconds since 1970 */
    int64_t offset;   /* of a picture in an archive: where it lies in that file, as struct member has it */
    const char *hash; /* of the content, in a form that callers agree on */
    int width, height;
    const char *caption;  /* of a picture; of a text, the text itself */
    const char *picture;  /* of a text that describes a picture: the picture's path */
    const char *metadata; /* the user's, a JSON object */

    /* Of a picture: when, with what and where it was taken. taken is text that sorts: "2024-06-01 09:30:00.12+02:00", the
     * time on the camera's clock, then a fraction and the zone where they are known; it may end with the day, the month or
     * the year. lat and lon are degrees, north and east positive; 0, 0: unknown. */
    const char *taken, *camera, *lens;
    double lat, lon;
    bool examined; /* its file has been asked for these, or need not be */
};

/* The item with this id; ERR_NOT_FOUND where there is none. Its strings come from the arena. */
int index_get(struct index_item *out, struct index *index, int64_t id, struct arena *arena, struct err *err);

/* The item with the lowest id that has this kind (not INDEX_ANY) and this path and hash, either NULL for any.
 * path "" with a hash: of texts, one of no file. Strings as with index_get. */
int index_find(struct index_item *out, bool *found, struct index *index, enum index_kind kind,
    const char *path, const char *hash, struct arena *arena, struct err *err);

/* What people know an item by: the path of a picture, the words of a text; "" where there is none. */
const char *index_item_name(const struct index_item *item);

/* An item as a JSON object, NULL when out of memory; what is not UTF-8 becomes U+FFFD. All there is:
 *     id kind path size mtime (seconds) width height, caption or text, picture metadata hash taken camera lens lat lon
 * or its name: id kind, path or text. */
struct json_t *index_item_json(const struct index_item *item);
struct json_t *index_capture_json(const struct index_item *item); /* taken camera lens lat lon alone */
struct json_t *index_item_name_json(const struct index_item *item);

/* Takes "schema" out of an object that this program has printed as an item, or with an embedding: where it is read again, that is
 * nothing that anybody knows of the item. */
void index_item_json_forget_schema(struct json_t *object);

/* ---- changes: for the writer --------------------------------------------------------------------------- */

/* Each of these happens whole or not at all. ERR_ARGUMENT and ERR_NOT_FOUND leave the changes since the last
 * commit as they were; any other error (a full disk) drops them and says so: the index is then in its last
 * committed state. After a commit that failed, in index_commit or index_compact, only index_free is left.
 *
 * A path has one picture: giving it to a picture removes the item that had it. Texts share paths freely. */

/* Appends count items with their vectors (count, E), finite and, for scores to be cosines, of length 1. Fills
 * in id and row. ERR_ARGUMENT: a vector that the storage does not hold, an item of no kind, a text without
 * words, metadata that is no JSON object. */
int index_add(
    struct index *index, struct index_item *items, const float *vectors, size_t count, struct err *err);

/* Appends an item with the stored vector of the item `source`, whose content is the same. ERR_NOT_FOUND:
 * there is no such item; ERR_ARGUMENT as with index_add. */
int index_add_copy(struct index *index, struct index_item *item, int64_t source, struct err *err);

/* Appends an item with the vector of one of its kind and hash that was removed since the last compaction; *found:
 * there is one, undamaged. A picture's width and height come along where the item has none. ERR_ARGUMENT as
 * with index_add. */
int index_add_again(bool *found, struct index *index, struct index_item *item, struct err *err);

/* Whether index_add_again will find one. */
int index_has_removed(
    bool *found, struct index *index, enum index_kind kind, const char *hash, struct err *err);

/* Replaces what is known of the item item->id by item, except for its row and kind. Texts that describe a
 * picture follow it to its new path. ERR_NOT_FOUND and ERR_ARGUMENT as with index_add_copy. */
int index_update(struct index *index, const struct index_item *item, struct err *err);

/* The vector stays where it is until index_compact, for index_add_again. ERR_NOT_FOUND: there is no such item. */
int index_remove(struct index *index, int64_t id, struct err *err);

/* A picture may lie in the index's own folder `uploads`: that file belongs to the index, and goes when a commit
 * leaves no item with its path. index_owns says whether a path is of that folder, index_file_path which one a file with
 * this content has: hash is hash_bytes's, suffix "" or as ".png"; in the arena, NULL with ERR_MEMORY. index_keep_file
 * writes it, whole or not at all, before the item that has it is committed; ERR_IO leaves all other changes as they
 * were. An index that is moved or copied takes these paths along with its next writer. */
bool index_owns(const struct index *index, const char *path);
const char *index_file_path(
    const struct index *index, const char *hash, const char *suffix, struct arena *arena, struct err *err);
int index_keep_file(struct index *index, const char *path, const void *bytes, size_t size, struct err *err);

/* Keeps all changes since the last commit; on stable storage when it returns. */
int index_commit(struct index *index, struct err *err);

/* Takes back all changes since the last commit. */
void index_revert(struct index *index);

/* Commits, then writes the vectors without dead rows to a new file and removes the old one; ids stay, rows
 * change, and what was removed can no longer be added again. Takes free disk space for all live rows. Cancelled, the index stays as it was committed. */
int index_compact(struct index *index, const struct job *job, struct err *err);

/* ---- sources ------------------------------------------------------------------------------------------- */

/* What an index is made from, kept for whoever brings it up to date: paths of kinds that callers agree on. A
 * path is kept once a kind; index_commit keeps the changes. index_sources adds the paths to a list, oldest
 * first. */
int index_source_add(struct index *index, const char *kind, const char *path, struct err *err);
int index_source_remove(struct index *index, const char *kind, const char *path, struct err *err);
int index_sources(struct strings *paths, struct index *index, const char *kind, struct err *err);

/* What of a source goes in, in the caller's words; *out, in the arena, is "" where nothing is said, or no such source is
 * kept. */
int index_source_rules(const char **out, struct index *index, const char *kind, const char *path,
    struct arena *arena, struct err *err);
int index_source_keep_rules(
    struct index *index, const char *kind, const char *path, const char *rules, struct err *err);

/* A file that could not become an item. It need not be tried again before its size or time changes, unless it failed
 * for a reason that may pass by itself. */
struct index_failure {
    const char *path;
    int64_t size, mtime_ns; /* as they were; 0 where they could not be read */
    const char *why;        /* for people, without the path */
    bool again; /* another time it may be read without having changed, as one without permission */
};

/* Keep one, in place of what was kept of its path, and forget one; index_commit keeps the changes. */
int index_failure_keep(struct index *index, const struct index_failure *failure, struct err *err);
int index_failure_forget(struct index *index, const char *path, struct err *err);

/* Visits them in byte order of the paths. A failure lives during its visit, which must not change the index; a return
 * of non-zero ends the walk, which returns it. */
typedef int index_failure_visit(void *context, const struct index_failure *failure);
int index_failures(struct index *index, index_failure_visit *visit, void *context, struct err *err);

/* The same by reason, the most frequent first; reasons that differ only in numbers are one. Zero-initialise, and release
 * it also after an error. */
struct index_reasons {
    struct index_reason {
        size_t files;
        const char *why, *path; /* of the first file */
    } * items;                  // (count)
    size_t count, room;
    struct arena arena;
};
int index_reasons(struct index_reasons *out, struct index *index, struct err *err);
void index_reasons_release(struct index_reasons *reasons);

/* An archive, or a folder with captions and metadata beside its pictures, that need not be read again before its stamp is another.
 * What a stamp is made of is up to the callers. */
struct index_container {
    const char *path;
    int64_t stamp;
    int64_t pictures; /* items of it then: where some are gone by now, it is to be read again */
};

/* Keeps one, in place of what was kept of its path; index_commit keeps the change. */
int index_container_keep(struct index *index, const struct index_container *container, struct err *err);

/* *found: one of that path is kept. */
int index_container_find(
    bool *found, struct index_container *container, struct index *index, const char *path, struct err *err);

/* A file among the pictures that is none: it need not be looked at before its size or time changes. Kinds are words that
 * callers agree on. picture: the path of the picture that stands for this one too, as of a pair; or NULL. */
struct index_passed_over {
    const char *path;
    int64_t size, mtime_ns;
    const char *kind, *picture;
};

/* Keep one, in place of what was kept of its path, and forget all at and below a path, members of an archive too;
 * index_commit keeps the changes. Visits are as index_failures's. */
int index_passed_over_keep(struct index *index, const struct index_passed_over *file, struct err *err);
int index_passed_over_forget(struct index *index, const char *path, struct err *err);
typedef int index_passed_over_visit(void *context, const struct index_passed_over *file);
int index_passed_over(struct index *index, index_passed_over_visit *visit, void *context, struct err *err);

/* Keeps another text that finds the model of the index, where it is another, and commits. */
int index_keep_model(struct index *index, const char *model, struct err *err);

/* Keeps how pictures are prepared from now on, and commits all changes since the last commit along with it. The
 * vectors of removed pictures are no longer found again: they are of the way before. */
int index_keep_preparation(struct index *index, const char *preparation, struct err *err);

/* ---- searching ----------------------------------------------------------------------------------------- */

/* Which items to look at; zeroed: all.
 *
 * where: an SQL expression in SQLite's dialect over these columns of the view `search_items`:
 *     id  kind ('image' or 'text')  path  size  mtime (seconds since 1970)  date ('2026-11-21 09:30:00', UTC)
 *     width  height  taken ('2024-06-01 09:30:00.12+02:00' or less: struct index_item)  camera  lens  lat  lon
 *     caption  picture  metadata (a JSON object)
 *   as in: width >= 1024 and taken < '2024' and camera like 'Canon%'
 *          lat between 48.8 and 48.9 and lon between 2.2 and 2.5
 *          metadata ->> 'stars' > 3
 *   date is the file's, taken the picture's; as text both compare with the beginning of one: taken >= '2024-06'.
 *   Only reading that view is allowed, with functions that have no effects: filter.c lists them.
 *
 * match: words in captions and paths. As words, all of them have to be there, in any order; what is in quotes, or
 * has other signs in it, as one phrase; * behind a word stands for any ending.
 *   as in: kite sea*
 *          "red kite"
 *          IMG-2024
 *          東京 kite
 *   Words of scripts without blanks are found wherever they stand: segment.h.
 * Or in FTS5's query language, where such a word is a phrase of its signs in the column `segmented`,
 *   as in: kite AND sea*
 *          caption: "red kite"
 *          path: holiday
 *          segmented: "東 京" */

/* Adds the columns that `where` can ask for, and the keys of the metadata of the first INDEX_KEYS_LOOK items that have any.
 * ERR_IO, ERR_MEMORY. */
enum { INDEX_KEYS_LOOK = 1000 };
int index_columns(struct strings *columns, struct strings *keys, struct index *index, struct err *err);

enum match_syntax { MATCH_WORDS, MATCH_FTS5 };
extern const char *const match_syntax_names[]; /* "words", "fts5"; NULL ends them */

struct index_filter {
    const char *where, *match;
    enum match_syntax match_syntax;
    enum index_kind kind;
};

struct index_rows {
    const void *data; /* (count, stride) bytes, rows one after the other */
    int64_t count;    /* dead rows included */
    size_t stride, width;
    enum index_storage storage;
    /* (ceil(count / 64)) Row r is looked at if mask[r / 64] >> r % 64 & 1; NULL: all are. */
    const uint64_t *mask;
    int64_t chosen; /* rows to be looked at */
    uint64_t *owned;
};

/* Borrowed from the index: valid until its next change or index_refresh. filter NULL: all items.
 * ERR_ARGUMENT: a mistake in the filter, which the message quotes, or one that takes too long. */
int index_rows(
    struct index_rows *out, struct index *index, const struct index_filter *filter, struct err *err);
void index_rows_release(struct index_rows *rows);

/* Those of rows of the index that have pictures, or texts. Borrowed in the same way; errors are index_rows's. */
int index_rows_of(struct index_rows *out, struct index *index, const struct index_rows *rows,
    enum index_kind kind, struct err *err);

/* Whether a row, 0 to count - 1, is to be looked at. */
static inline bool index_rows_have(const struct index_rows *rows, int64_t row)
{
    return !rows->mask || rows->mask[row / 64] >> row % 64 & 1;
}

/* What a search takes of a device: a queue, memory, and the codes that make it fast. Of one thread at a time;
 * index and device must outlive it. */
struct index_searcher;
struct device; /* compute.h */

int index_searcher_open(
    struct index_searcher **out, struct index *index, struct device *device, struct err *err);
void index_searcher_free(struct index_searcher *searcher);

struct index_hit {
    int64_t row;
    double score; /* the cosine; -INFINITY, and so last, for a damaged row that is not a number */
};

/* hits (Q, k), counts (Q): for each of queries (Q, E) the counts[i] <= k rows of those chosen that score
 * highest, best first, ties by row. Exact: the score is the dot product of the stored vector and the query,
 * summed in double in one order, whatever the device and the job's threads; k may be any number from 1 on. A
 * query of length 1 gets cosines; one with an element that is not finite is ERR_ARGUMENT.
 *
 * The searcher follows its index through changes and index_refresh: rows added since, and their codes. */
int index_search(struct index_searcher *searcher, const struct index_rows *rows, const float *queries,
    size_t query_count, size_t k, struct index_hit *hits, size_t *counts, const struct job *job,
    struct err *err);

/* The score that index_search has for a row and a query (E): the very same number. */
double index_score(const struct index_rows *rows, int64_t row, const float *query);

/* All of the chosen rows that score at least threshold with each of queries (Q, E), best first, ties by row: exact,
 * as index_search, and the work of one. */
struct index_neighbours {
    struct index_hit *hits; // query after query
    size_t *ends;           // (Q): where those of query i end in hits; they begin where the one's before end
};

int index_neighbours(struct index_neighbours *out, struct index_searcher *searcher,
    const struct index_rows *rows, const float *queries, size_t query_count, double threshold,
    const struct job *job, struct err *err);
void index_neighbours_release(struct index_neighbours *neighbours);

/* A score as the cosine of vectors of length 1, which rounding may have lifted above 1. */
static inline double index_cosine(double score)
{
    return score > 1 ? 1 : score;
}

/* Brings the codes for the first pass of searches (coarse.h) up to the committed rows, or removes them where
 * rows are too few for them to matter. For the writer, after its last commit; without it, or cancelled,
 * searches are slower and no less exact. */
int index_prepare(struct index *index, const struct job *job, struct err *err);

/* The same for a reader that is about to search, where many rows have no codes: they are of an earlier version, or their writer
 * was killed. Nothing is done for another user's index, nor while somebody changes it or where its folder cannot be written
 * to; else it is index_refresh, too. Errors are that function's, ERR_MEMORY and ERR_CANCELLED. */
int index_prepare_reader(struct index *index, const struct job *job, struct err *err);

/* items (count) of rows (count), as a scan found them, in that order; strings come from the arena. A row
 * whose bytes do not match its checksum is ERR_FORMAT and names file and row; a dead row is ERR_NOT_FOUND. */
int index_fetch(struct index_item *items, struct index *index, const int64_t *rows, size_t count,
    struct arena *arena, struct err *err);

/* vectors (count, E) of rows (count), as float32. ERR_NOT_FOUND: a row beyond the last. */
int index_vectors(float *vectors, struct index *index, const int64_t *rows, size_t count, struct err *err);

/* Visits the chosen items in order of id; item and strings live during the visit, which must not change the
 * index. A return of non-zero ends the walk, which returns it. filter NULL: all. Codes as
 * index_rows. */
typedef int index_visit(void *context, const struct index_item *item);
int index_each(struct index *index, const struct index_filter *filter, index_visit *visit, void *context,
    struct err *err);

/* The same for the pictures whose path is `root` or lies below it, in no set order: as quick as these are few. */
int index_each_below(
    struct index *index, const char *root, index_visit *visit, void *context, struct err *err);

/* Visits the pictures that have a path and were not examined, in order of id: as quick as these are few. */
int index_each_unexamined(struct index *index, index_visit *visit, void *context, struct err *err);

/* ---- orders -------------------------------------------------------------------------------------------- */

/* In which hits come: the best first; the newest first, by mtime or by taken; by path, in the order of its bytes. Ties by id; what
 * has no date or no path comes last. */
enum index_order { INDEX_BY_SCORE, INDEX_BY_DATE, INDEX_BY_TAKEN, INDEX_BY_PATH };
extern const char *const index_order_names[]; /* "score", "date", "taken", "path", NULL */

/* Where an item stands in such an order. */
struct index_place {
    int64_t mtime_ns; /* by date; 0: unknown */
    const char *text; /* by taken and by path: that; NULL: unknown */
    int64_t id;
};

/* Whether a stands before b: below 0; behind it: above 0. */
int index_place_compare(enum index_order order, const struct index_place *a, const struct index_place *b);

/* Visits the rows of all items in that order, not INDEX_BY_SCORE, from the first behind a place on; after NULL: from
 * the first. It follows an index of the catalog and is quick from anywhere: what it takes is in proportion to the rows
 * that it visits. A visit's place lives as long as the visit; a return of non-zero ends the walk, which returns it. */
typedef int index_place_visit(void *context, int64_t row, const struct index_place *place);
int index_walk(struct index *index, enum index_order order, const struct index_place *after,
    index_place_visit *visit, void *context, struct err *err);

/* ---- what one learns from an index --------------------------------------------------------------------- */

/* Items of an index with their vectors in memory. */
struct index_view {
    struct index *index;
    struct index_rows rows;
    size_t count;
    struct index_item *items; // (count)
    float *vectors;           // (count, E)
    int64_t *numbers;         // (count): the rows
    struct arena arena;       /* of the items */
};

/* Opens an index and reads the items that the filter chooses, at least `least` of them: fewer are
 * ERR_ARGUMENT. Codes of index_open, index_rows and index_fetch too. Release it also after an error. */
int index_view_open(struct index_view *view, const char *path, const struct index_filter *filter,
    size_t least, const struct job *job, struct err *err);
void index_view_release(struct index_view *view);

/* vectors (count, E) as float32 of the rows that `rows` chooses, and the number of each, both for free(). */
int index_matrix(float **vectors, int64_t **numbers, struct index *index, const struct index_rows *rows,
    const struct job *job, struct err *err);

/* Pictures whose cosine is at least this are nearly the same, unless a user says otherwise. */
#define INDEX_NEAR_COPY 0.95

/* Groups of rows any two of which score at least threshold, so that each can stand for all of its group: complete
 * linkage (Sorensen 1948; Defays 1977), cut at the threshold. Every row is a group; the two groups are joined whose
 * least similar rows are the most alike, and so on while these score at least the threshold. Of groups as alike, those
 * with the lower first rows are joined first; scores are compared as float32. Rows whose vectors are the same are one
 * from the start. Groups of one row are not listed.
 *
 * Exact, through the searcher; the work is that of a search for every distinct vector, and of few more such rounds where
 * more than eight million pairs are near: memory is bounded, about 350 MB and what the vectors take. */
struct index_groups {
    int64_t *rows;  /* group after group, rising in each; groups by their first row */
    double *scores; /* the highest cosine of the row with another of the group */
    size_t *ends;   /* (count): where group i ends in rows; it begins where the one before ends */
    size_t count;
};

int index_duplicates(struct index_groups *out, struct index_searcher *searcher, const struct index_rows *rows,
    double threshold, const struct job *job, struct err *err);

/* Groups of rows whose items have one kind and hash, whatever their vectors; the scores are 1. */
int index_identical(struct index_groups *out, struct index *index, const struct index_rows *rows,
    const struct job *job, struct err *err);
void index_groups_release(struct index_groups *groups);

/* twins (count): whether another of the items has the same kind and hash. */
int index_twins(bool *twins, const struct index_item *items, size_t count, struct err *err);

/* How far each of vectors (count, E) of length 1 stands from the rest: similarities (count) is its mean
 * cosine with all others, tails (count) the share of all pairs of vectors that are less alike than that. A
 * small tail marks an outlier: on average it is less like the others than nearly any two are like each other.
 * Of more than 4 million pairs so many are drawn by the seed. order (count): the least similar first. Fewer
 * than 3 vectors are ERR_ARGUMENT. */
int embedding_outliers(double *similarities, double *tails, size_t *order, const float *vectors, size_t count,
    size_t width, uint64_t seed, const struct job *job, struct err *err);

/* points (count, 2): vectors (count, E) in the plane of their two principal components, the directions in
 * which they vary most (Pearson 1901; Halko, Martinsson, Tropp 2011 for the subspace iteration). explained:
 * the share of the variance that each holds. Signs are such that each component's largest element is
 * positive. Fewer than 3 vectors are ERR_ARGUMENT. */
int embedding_map(float *points, double explained[2], const float *vectors, size_t count, size_t width,
    uint64_t seed, const struct job *job, struct err *err);

/* Spherical k-means (Dhillon, Modha 2001) with k-means++ seeding (Arthur, Vassilvitskii 2007): clusters
 * (count) of vectors (count, E) of length 1, numbered by falling size, and centroids (k, E) of length 1.
 * Every cluster has a vector. *similarity: the mean cosine of the vectors with their centroids. A k that is
 * not 1 to count is ERR_ARGUMENT. */
int embedding_clusters(size_t *clusters, float *centroids, double *similarity, const float *vectors,
    size_t count, size_t width, size_t k, uint64_t seed, const struct job *job, struct err *err);

/* The best of five such runs, or one where there are over 10,000 vectors, and what is in each cluster. */
struct embedding_groups {
    size_t vectors, count; /* vectors, and clusters of them: k */
    size_t *of;            // (vectors): each one's cluster
    size_t *order;         // (vectors): cluster after cluster, the nearest to its centroid first
    size_t *ends;          // (k): where cluster i ends in order; it begins where the one before ends
    double *cosines;       // (vectors): with the centroid
    double *means;         // (k): of the cosines
    float *centroids;      // (k, E)
    double similarity;     /* the mean of all cosines */
};

/* k 0: the square root of half of count, at most 50. More than count are ERR_ARGUMENT. */
int embedding_groups_find(struct embedding_groups *out, const float *vectors, size_t count, size_t width,
    size_t k, uint64_t seed, const struct job *job, struct err *err);
void embedding_groups_release(struct embedding_groups *groups);

/* ---- exchange ------------------------------------------------------------------------------------------ */

/* Rows that another program made, for an index: a file of numpy, faiss, usearch or PostgreSQL (matrix.h says which, and in
 * which order their rows come), or a folder in the layout of clip-retrieval: img_emb/img_emb_N.npy,
 * metadata/metadata_N.jsonl, text_emb/text_emb_N.npy, text_metadata/text_metadata_N.jsonl or else the
 * pictures'. A line of JSON says what a row is: exchange.h has its keys. Of
 * PostgreSQL the rows themselves say it: copy.h has their columns. */
struct index_import {
    const char *from;
    const char *metadata; /* the lines of a matrix; NULL: the .jsonl beside it, where there is one */
    const char *columns;  /* of a binary COPY, as "path,caption,embedding"; NULL: those of index_export */
    enum index_kind kind; /* of a matrix's rows that do not say it; INDEX_ANY: pictures */
    struct index_options
        options; /* whose vectors they are: kept as index_keep_model; storage: of a new index */
    bool any_storage;
    bool skip_bad; /* rows that are zero or not finite, which have no direction, are reported and left out */
};

struct index_imported {
    int64_t rows;     /* that were added */
    int64_t skipped;  /* that were left out */
    int64_t replaced; /* pictures that took the place of one with their path */
    int64_t scaled;   /* vectors whose length was not 1, to 0.01, and is now */
};

/* Imports into the index at path, which is made where there is none: all rows, or none, also when cancelled.
 * (Once they are kept, cancelling only leaves out index_prepare, and is no error; nor is its failure, which is reported.)
 * ERR_FORMAT: without skip_bad a row that is zero or not finite; a line that is no item, another number of lines than of
 * rows; a file that changes meanwhile. ERR_UNSUPPORTED: not such a file. ERR_ARGUMENT: rows of another width, a folder with
 * nothing in it or with metadata or kind named, texts that nothing names. Codes of index_open_or_create too. */
int index_import(struct index_imported *out, const char *path, const struct index_import *what,
    const struct job *job, struct err *err);

struct index_exported {
    size_t items;
    size_t lossy; /* those of them with strings that are not UTF-8, as JSON must be, and have U+FFFD there */
};

struct index_export {
    const char *to;       /* a file, or a folder: an empty one, or a name that ends in '/' */
    const char *metadata; /* where the lines of a matrix go; NULL: NAME.jsonl */
    bool half;            /* pgvector: halfvec, which it has from 0.7 on, in place of vector */
    struct index_filter filter;
};

/* Writes the vectors of the chosen items, in order of id, and all that is known of each, by the end of the name:
 *
 *   NAME.npy, NAME.faiss   a matrix, and a line of JSON for each row (exchange.h has its keys)
 *   NAME.pgvector          rows for PostgreSQL's COPY, and NAME.sql, which makes the table NAME and fills it (copy.h)
 *   NAME.qdrant            lines of JSON, each a request that keeps points of Qdrant's (sink_qdrant.c)
 *   NAME/                  clip-retrieval's layout, as index_import has it
 *
 * What was there stays until all is whole. Of two files, each whole, the lines, or the rows for PostgreSQL, take their place
 * first: after a kill in between, or where the second cannot take its own (ERR_IO), the other is still the one of before.
 * Memory does not grow with the items. ERR_UNSUPPORTED: another end of the name. ERR_ARGUMENT: metadata or half where they
 * have no place, two files of one path, or as index_rows. */
int index_export(struct index_exported *out, struct index *index, const struct index_export *what,
    const struct job *job, struct err *err);

/* ---- parts --------------------------------------------------------------------------------------------- */

/* An index may be made in parts, each by a process of its own on any machine: shard i of n, from 0 to n - 1, has the i-th of
 * n stretches of the inputs. A part is an index itself, to be searched, which nobody writes to any more: its catalog has no
 * log beside it, so that any file system will do. `shard.json` in its folder says what it is a part of, and the sizes and
 * SHA-256 of its files. */
struct index_part {
    size_t number, count;        /* i and n */
    size_t inputs, from, to;     /* of all parts, and which of them this one has: [from, to) */
    char inputs_hash[HASH_SIZE]; /* of the list of them */
    char named_hash[HASH_SIZE];  /* of what the user has named them by */
    int64_t failed;              /* inputs and pictures that could not be read */
    const char *precision;       /* that the vectors were made in, in the caller's words */

    /* Of one that is read: */
    const char *path, *model, *fingerprint, *preparation;
    enum index_storage storage;
    size_t width; /* E */
    int64_t rows;
    struct part_file *files; // (file_count)
    size_t file_count;
};

/* Where the parts of the index `path` lie: NAME-00003-of-00008.dip beside NAME.dip. In the arena; NULL with ERR_MEMORY. */
const char *index_part_path(
    struct arena *arena, const char *path, size_t number, size_t count, struct err *err);

/* Makes the part `path` of an index, which is open for writing and committed, and is left for index_free alone: it is copied
 * to another name beside that first, so that it is there whole or not at all. ERR_IO where there is something already, a part
 * of this number too. */
int index_part_publish(struct index *index, const char *path, const struct index_part *part,
    const struct job *job, struct err *err);

/* Strings come from the arena, or are the path. ERR_NOT_FOUND: there is no part; ERR_FORMAT, ERR_UNSUPPORTED. */
int index_part_read(struct index_part *out, const char *path, struct arena *arena, struct err *err);

struct index_merged {
    int64_t rows, images;
    int64_t failed;                /* of all parts */
    char precision[16], other[16]; /* of the first part, and of one that is another; "": all are alike */
};

/* Makes an index of all its parts (count), which are only read: rows and codes, items and their ids are those that one run over
 * all inputs would have made. It is there whole or not at all; what a killed merge has left beside it goes with the next. Memory does
 * not grow with the parts. They may be of several precisions, which are no part of a model's fingerprint: then vectors are those
 * of each part, and not byte for byte those of one run. ERR_ARGUMENT: an index is there, parts are of several, or not all of one;
 * ERR_FORMAT: a part is damaged; ERR_NOT_FOUND: something is no part. Messages name it. */
int index_merge(struct index_merged *out, const char *path, char *const *parts, size_t count,
    const struct job *job, struct err *err);

/* What an index of so many pictures takes on the disk, in bytes. Vectors and codes are exact; the catalog is what 20,000
 * pictures of archives took on average, with captions of ten words and a link each. A search reads the codes, or the vectors
 * where rows are too few for codes, and should have that much memory. */
struct index_size {
    int64_t vectors, codes, catalog;
};
struct index_size index_size(int64_t pictures, size_t width, enum index_storage storage);

/* ---- verifying ----------------------------------------------------------------------------------------- */

/* Checks the index at path: the catalog's own structure, counts, every row against its checksum, those of removed
 * items too, items whose rows do not exist or are out of order, the index's own files, the full-text table, the length of the vectors file, files that do
 * not belong. Each defect is one report of the job, ERR_FORMAT; *defects counts them; an interrupted
 * writer's tail is none. Needs no right to write; copies the catalog to a temporary file. Fails, with
 * index_open's codes, only where it cannot check. */
int index_verify(int64_t *defects, const char *path, const struct job *job, struct err *err);

#endif
