// SPDX-License-Identifier: Apache-2.0
/*
 * joint/collection: an index, the folders and files it is made from, and the model that fills it.
 *
 *   struct collection  an open index that can be brought up to date and searched. One thread at a time.
 *   struct embedder    who makes vectors of pictures and texts: a model's encoder, or a stand-in in tests.
 *   struct sources     what a collection is made from.
 *
 *   collection_open -> collection_attach -> collection_sync, collection_search ... -> collection_free
 *
 * Opening is quick and needs no model, so that a mistake shows before a model is loaded; what only looks up or
 * removes items goes to the index itself (collection_index, index.h) or to collection_remove, and needs none at
 * all. Error codes are those of index.h, of joint.h, and what is said at each function.
 */
#ifndef DIPTYCH_COLLECTION_H
#define DIPTYCH_COLLECTION_H

#include "index/index.h"
#include "joint/joint.h"

/* ---- the model ----------------------------------------------------------------------------------------- */

/* Makes vectors of length 1 and width E. The functions are called on the thread that uses the collection. */
struct embedder {
    void *context; /* of the functions */
    size_t width;  /* E */

    /* As encode_pictures: batches in order, each picture of a batch with its err or a vector. */
    int (*pictures)(void *context, const struct picture_source *pictures, size_t count, picture_visit *visit,
        void *visit_context, struct err *err);

    /* embeddings (count, E) of texts; errs (count) tells which have none, and why: code 0 for the others.
     * *truncated counts texts that were cut at the model's context length. */
    int (*texts)(void *context, float *embeddings, struct err *errs, const char *const *texts, size_t count,
        size_t *truncated, const struct job *job, struct err *err);

    /* embedding (E) of a query, as query_encode. */
    int (*query)(void *context, float *embedding, const struct query_term *terms, size_t count,
        size_t *truncated, const struct job *job, struct err *err);
};

/* The embedder that an encoder is; all of it outlives it. */
struct encoder_embedder {
    struct encoder *encoder;
    struct loader *loader; /* its batches are at most the encoder's; NULL where no pictures go in */
};
struct embedder embedder_of(struct encoder_embedder *encoder);

/* ---- opening ------------------------------------------------------------------------------------------- */

struct collection_options {
    enum index_access access;
    bool make; /* for INDEX_WRITE: an index that is not there is made */

    /* The model whose vectors go in or are looked for. model: collection_model's reference, which a writer keeps.
     * fingerprint NULL: none, and nothing is compared; another than the index's is ERR_ARGUMENT. */
    const char *model, *fingerprint;
    size_t width;
    int storage; /* enum index_storage; -1: any, f16 for a new index. Another than the index's is ERR_ARGUMENT */
    enum alpha_rule alpha; /* how the pictures of a new index will be prepared */
};

struct collection;

/* Errors are those of index_open and index_create: ERR_IO where there is no index, ERR_BUSY where
 * another process writes, ERR_ARGUMENT as said above, ERR_FORMAT, ERR_UNSUPPORTED, ERR_MEMORY. */
int collection_open(
    struct collection **out, const char *path, const struct collection_options *options, struct err *err);
void collection_free(struct collection *collection);
struct index *collection_index(struct collection *collection);

/* The index of who names none: diptych/default.dip in $XDG_DATA_HOME, or in ~/.local/share where that is not set, or no
 * path from the top (XDG Base Directory Specification 0.8). In the arena. ERR_ARGUMENT: there is no home either. Whoever
 * makes it calls folders_make first. */
int collection_default(const char **out, struct arena *arena, struct err *err);

/* Whether an argument that may be something else names an index: it ends in .dip, or an index is there. */
bool collection_is_named(const char *argument);

struct collection_model {
    const char *directory; /* model_open's */
    struct adapters adapters;
    const char *reference; /* model_reference_with's, for collection_options */
    char fingerprint[FINGERPRINT_SIZE];
    int alpha; /* enum alpha_rule: collection_alpha's; -1: there is no index yet */
};

/* The model to use with an index, in milliseconds and before it is loaded: the option's with these adapters, else the one
 * that the index was made with, with these or else its own, else (index NULL: there is none yet; or one of format 1, which did not keep where its model is)
 * model_directory's. Strings in the arena, or the option's. ERR_ARGUMENT: it is another model than the index's; ERR_IO: that
 * one is gone, said with where it was; else the errors of model_directory and model_adapted_fingerprint. */
int collection_model(struct collection_model *out, const struct index *index, const char *option,
    const struct adapters *adapters, struct arena *arena, struct err *err);

/* The same for the index at path; with `make`, for one that is to be made where there is none. index_open's errors too. */
int collection_model_at(struct collection_model *out, const char *path, bool make, const char *option,
    const struct adapters *adapters, struct arena *arena, struct err *err);

/* How the pictures of an index are prepared: all that go in, and those that are looked for, must be prepared alike.
 * ALPHA_DROP where the index does not say it, being of a time before there was a choice. ERR_UNSUPPORTED: in a way
 * that a later program knows. */
int collection_alpha(enum alpha_rule *out, const struct index *index, struct err *err);

/* What sync and search compute with: the embedder, which is borrowed, and the device to search on, which NULL
 * leaves out. NULL, NULL takes both away again, so that a model can be unloaded. ERR_DEVICE, ERR_MEMORY. */
int collection_attach(
    struct collection *collection, const struct embedder *embedder, struct device *device, struct err *err);

/* ---- pictures of items --------------------------------------------------------------------------------- */

/* The picture of an item of kind INDEX_IMAGE, which it borrows from: a file; or, of an archive, the member that the item was made
 * of, read at its place, and nothing else that may have come there. */
struct picture_source picture_of_item(const struct index_item *item);

/* ---- sources ------------------------------------------------------------------------------------------- */

/* Pictures and folders of them; files of texts, captions and metadata. Their names as the index keeps them. */
enum source_kind { SOURCE_PICTURES, SOURCE_TEXTS, SOURCE_CAPTIONS, SOURCE_METADATA, SOURCE_KINDS };
extern const char *const source_names[SOURCE_KINDS];

/* Pictures that a camera has written twice: IMG_1.CR2 and IMG_1.JPG, IMG_1.HEIC and IMG_1.JPG. With PAIRS_ONE the JPEG, or else
 * the HEIC, stands for all files of its folder that are called so up to the suffix, in letters of either case: they are
 * passed over (index_passed_over, kind "pair"). */
enum pairs { PAIRS_AS_BEFORE, PAIRS_EACH, PAIRS_ONE };
extern const char *const pairs_names[]; /* from PAIRS_EACH on: "each", "one", NULL */

/* Zero-initialise. */
struct sources {
    struct strings paths[SOURCE_KINDS]; /* path_absolute's */
    struct strings listed;              /* the same: pictures and folders that go in and are no source */
    struct strings rules; /* of pictures, once recalled: index_source_rules's, for folder_rules_parse */
    struct excludes
        excludes; /* what of the folders does not go in, in UTF-8; without excludes_said, as before */
    bool excludes_said;
    enum pairs pairs;
    bool
        gone; /* pictures that are missing are gone, however many, and so is a folder of them that is not there */
    bool retry; /* pictures that could not be read before are tried again */
    struct {
        size_t number, count; /* of what lies there, the share of this shard (sync_share.c); count 0: all */
    } share;
};

/* Adds a path as the user names it; of pictures, those of braces_expand. ERR_ARGUMENT: it is a pipe or standard input, which no sync could read again;
 * ERR_MEMORY. */
int sources_add(struct sources *sources, enum source_kind kind, const char *path, struct err *err);

/* Adds the paths of a list, path_list_read's, of pictures and folders. They go in, and what was known of them is brought
 * up to date, but later syncs do not look for them: a list may have a million lines, and stands for files that somebody
 * else keeps account of. Their items stay until they are removed. Errors are path_list_read's; ERR_ARGUMENT: it is empty. */
int sources_add_list(
    struct sources *sources, const char *list, char end, const struct job *job, struct err *err);

/* Adds those that an index remembers, with their rules. Errors are index_sources's. */
int sources_recall(struct sources *sources, struct index *index, struct err *err);
bool sources_any(const struct sources *sources);

/* Looks whether the files can be read, but for pictures, which fail one by one: ERR_IO with the first that
 * cannot. Of an index that is `new`, something has to be there: ERR_IO too where no path is. */
int sources_check(const struct sources *sources, bool new, struct err *err);
void sources_release(struct sources *sources);

/* ---- bringing up to date ------------------------------------------------------------------------------- */

/* Of the inputs that shards are cut from, those that one has: [from, to). */
struct share_cut {
    size_t inputs, from, to;
    char hash[HASH_SIZE]; /* of the list of all: their paths */
};

struct sync_counts {
    struct {
        size_t new, changed, copied, moved, gone, missing, unchanged, failed;
        size_t
            excluded; /* which were in the index and left it, as their source leaves them out now, or as a partner */
        size_t partners;      /* that another one stands for */
        size_t failed_before; /* and did not change since: not among the failed */
    } pictures;
    struct {
        size_t new, copied, gone, unchanged, failed, truncated;
    } texts;
    size_t described; /* pictures and texts with new captions or metadata */
    size_t examined;  /* pictures of before that were asked when, where and with what they were taken */
    size_t encoded;   /* pictures and texts that the model has seen */
    struct passed_over passed; /* files below folders that are no pictures (file_kind_find) */
    size_t failed;          /* all failures: of pictures and texts, and files that cannot be read any more */
    struct share_cut share; /* where sources have one */
};

/* Makes the collection what its sources are: the pictures below the folders by path, size, time and content; the
 * texts of the files; captions and metadata. sources NULL or empty: those that the index remembers; others are
 * remembered from now on, but for pictures and folders that are not there, and what is listed. For the writer, with an embedder attached.
 *
 * Of folders the files that their excludes leave out are not looked at. Excludes and pairs that sources say are remembered with the
 * pictures and folders that they name, or all that the index has if they name none, in place of those before; items that
 * they leave out are removed at once.
 *
 * A folder that is not there, holds no picture any more, or has lost more than half of its pictures and at least 50,
 * may be a drive that is not mounted: it is reported as one failure, and its pictures, counted as missing, stay.
 * With sources->gone they leave the index, and a folder that is not there is no longer remembered. Content that
 * comes back gets its old vector, until the index is compacted, and counts as copied.
 *
 * Files that are no pictures are remembered by size and time, and not opened again before these change.
 *
 * Pictures bring when, where and with what they were taken (picture_capture); those of an index of before are asked once,
 * without encoding. Files beside a picture that come later, or change, count at the next sync, captions and metadata
 * too, without encoding, and so do those that could not be read before. What they no longer say stays.
 *
 * A picture, text or remembered file that cannot be read is reported to the job, counted and left out. A picture is
 * remembered with that (index_failures): it is reported once and, where its content was at fault, not even opened again,
 * until its size or time changes or sources->retry asks for it. Commits now and then: any end, ERR_CANCELLED too, keeps most of what was done, and the next
 * sync goes on from there; counts hold then as well. ERR_IO and ERR_FORMAT: a named file of texts, captions or
 * metadata is unreadable or none; one that is none and was not remembered before is not from now on. */
int collection_sync(struct sync_counts *counts, struct collection *collection, const struct sources *sources,
    const struct job *job, struct err *err);

/* One shard of an index that many processes make, on any machines (index.h: parts). Zero-initialise but for the first four;
 * collection_shard_begin -> unless it is finished: collection_open of `work`, collection_sync with sources->share -> collection_shard_publish
 * -> collection_free -> collection_shard_end, also after an error. */
struct collection_shard {
    const char *path; /* of the index that the shards make */
    size_t number, count;
    const char *scratch; /* a folder on a disk of this machine; NULL: $TMPDIR, or /tmp */

    const char *part; /* where it will lie */
    const char *work; /* where it is made */
    bool finished;    /* it was there, with so many pictures */
    int64_t pictures;
    bool beaten; /* another process has made the same one meanwhile */
    struct new_folder folder;
    char named_hash[HASH_SIZE];
    struct arena arena;
};

/* Looks whether the shard is there, and else makes room for it. ERR_ARGUMENT: an index is there, or a shard of other inputs, another model,
 * storage or how->alpha; sources that are no pictures, or pairs of them. */
int collection_shard_begin(struct collection_shard *shard, const struct sources *sources,
    const struct collection_options *how, struct err *err);

/* Brings it to its place, whole, once collection_sync has ended with these counts; precision: that the vectors were made in. */
int collection_shard_publish(struct collection_shard *shard, struct collection *collection,
    const struct sync_counts *counts, const char *precision, const struct job *job, struct err *err);
void collection_shard_end(struct collection_shard *shard);

/* The same for parts of the remembered folders, as file_walk calls them: a picture, or a folder of them, which may be there or
 * no longer. Of the folders only these are looked at, however large the rest; of a part that lies beside
 * pictures, as captions, metadata and dates do, also these pictures. Where a picture comes, moves or changes, all
 * remembered files of captions and metadata are read, each whole, for what they say of it.
 * Nothing is taken out: pictures that are not there, and have not moved to where it looked, are counted as missing,
 * unreported. Whether they are gone is for collection_sync to find out. */
int collection_sync_parts(struct sync_counts *counts, struct collection *collection,
    const struct strings *parts, const struct job *job, struct err *err);

/* ---- keeping up to date -------------------------------------------------------------------------------- */

struct watch_options {
    const char *path; /* of the index */

    /* Lends the collection, open for writing and with an embedder attached, for as long as one turn takes, and takes it
     * back; between turns others may write. ERR_BUSY is tried again soon. */
    int (*take)(void *context, struct collection **out, const struct job *job, struct err *err);
    void (*give)(void *context, struct collection *collection);

    /* Whether a turn is to end before it is done, for others who wait; it is asked as the job's step is, and what is
     * left comes in the next turn. NULL: never. */
    bool (*yield)(void *context, const char *unit, size_t done);

    /* A turn has changed something, or was the first: what it did, and how many folders are watched. NULL: nobody asks. */
    void (*done)(void *context, const struct sync_counts *counts, size_t folders);
    void *context;
    double rescan; /* seconds from one look at all to the next, where not all changes are told; 0: 60 */
};

/* Keeps an index up to date with the sources that it remembers, from now on, by inotify(7): begins with collection_sync,
 * and then looks at what changes (collection_sync_parts), a file when whoever writes it has closed it, moved it in, or
 * left it alone for half a second. A new picture is in the index in a fraction of a second and what it takes to encode.
 * What is gone is taken out by collection_sync, by its rules: a drive that is not mounted loses no item. So it looks at
 * all when events were lost, when a source is another folder than it was or comes back, when a file of texts,
 * captions or metadata changes, and when another process gives the index other sources.
 *
 * Changes that other machines make on a network drive are not told, nor what lies beyond the number of folders that a
 * user may watch: then the job has a report that says so, and all is looked at every `rescan` seconds. Not seen before
 * the next look at all: a drive that is mounted inside a source, and a file behind a link that lies elsewhere.
 *
 * Goes on after a turn that failed, with a report, as on a full disk; what the job has been reported is not reported again
 * while it stays so. The job is asked at least every half second and ends it: ERR_CANCELLED, and all is kept that was done. Else it ends
 * with ERR_BUSY where the index is watched already, ERR_ARGUMENT where it remembers no sources, and when it is gone, or its
 * model another. */
int collection_watch(const struct watch_options *options, const struct job *job, struct err *err);

/* ---- preparing in another way -------------------------------------------------------------------------- */

struct prepare_counts {
    size_t looked_at; /* pictures that were decoded */
    size_t encoded;   /* ... of which another square comes out for the model: these have new vectors */
    size_t failed;
};

/* From now on the pictures of the index are prepared by preprocess->alpha, as the attached embedder prepares them. Each is
 * decoded, with `options`, and encoded anew where what the model sees of it changes; all others keep their vectors, and
 * so do items that other programs made. All of it happens, or nothing: a picture that cannot be read, or whose file
 * is another by now, is reported to the job, and then the index stays as it was, which is no error. An error, and
 * ERR_CANCELLED, leave it as it was too. For the writer. */
int collection_prepare(struct prepare_counts *counts, struct collection *collection,
    const struct preprocess *preprocess, const struct picture_options *options, const struct job *job,
    struct err *err);

/* ---- moving -------------------------------------------------------------------------------------------- */

struct relocate_counts {
    size_t pictures, texts, sources; /* whose path lay below the old place */
    size_t missing, different;       /* pictures without a file at the new place, and with another */
};

/* What lay at or below `from` lies at or below `to` now, both path_absolute's: pictures, files of texts, and sources get
 * that path, and keep their vectors. The files must be there, the same by size and time or content, each of them; with
 * `any` the paths change all the same, for the next sync to find out what is gone or another. Failures below `from` are
 * forgotten. One commit, all or nothing; an index that is moved together with its pictures needs none of this
 * (index_open). For the writer, without an embedder.
 *
 *   ERR_NOT_FOUND  there is nothing below `from`
 *   ERR_ARGUMENT   files are missing or others, with their numbers; *counts has them too */
int collection_relocate(struct relocate_counts *counts, struct collection *collection, const char *from,
    const char *to, bool any, const struct job *job, struct err *err);

/* ---- adding -------------------------------------------------------------------------------------------- */

/* A picture in memory or a text, with its vector. */
struct addition {
    const uint8_t *picture; // (size): what its file would hold; NULL: a text
    size_t size;
    int width, height;      /* of the picture, as a viewer shows it */
    const char *text;       /* where there is no picture */
    const char *caption;    /* of the picture, or NULL */
    const char *metadata;   /* a JSON object, or NULL */
    const float *embedding; // (E), of length 1

    int64_t id; /* out: the item's */
    bool known; /* out: the index had it, by such an addition */
};

/* Adds pictures and texts that are in no folder and no file, in one commit, all or none; they are on stable storage
 * when it returns. A picture becomes a file of the index's own (index_keep_file), a text an item without a path; no
 * sync takes them out, only collection_remove does. What was added before is not added again, by the bytes of a picture
 * and the words of a text: it keeps its id, and caption and metadata, where they are given, take the place of
 * those it had. alpha is how the vectors' pictures were prepared.
 *
 *   ERR_BUSY      the index has its pictures prepared in another way by now: ask collection_alpha again
 *   ERR_ARGUMENT  metadata that is no JSON object, a vector with numbers that the storage does not hold
 *   ERR_IO        the disk is full, or is not to be written to
 *
 * Messages say which it was: "input 3: ...". For the writer; needs no embedder. */
int collection_add(struct collection *collection, struct addition *additions, size_t count,
    enum alpha_rule alpha, struct err *err);

/* ---- taking out ---------------------------------------------------------------------------------------- */

struct removal {
    const struct strings
        *paths;         /* path_absolute's: pictures, folders, files of texts; a picture's texts go too */
    const int64_t *ids; // (id_count)
    size_t id_count;
    struct index_filter filter; /* of what lies below the paths, or without paths of all, only what fits */
};

/* Removes items in one commit, and without a filter also sources whose path is among the paths: what is removed
 * by the path that it was made from does not come back. Failures below the paths are forgotten. What was added by collection_add goes with its file. Of *missing paths and ids the index has nothing: each is
 * reported as ERR_NOT_FOUND. ERR_CANCELLED comes before anything is removed. For the writer. */
int collection_remove(size_t *removed, size_t *missing, struct collection *collection,
    const struct removal *removal, const struct job *job, struct err *err);

/* ---- searching ----------------------------------------------------------------------------------------- */

/* What is searched. With hide_copies, a picture that is nearly the same as a hit before it, their cosine being at least
 * INDEX_NEAR_COPY, is no hit of its own but a copy (the leader algorithm; Hartigan 1975): of all the hits that are that
 * near to it. What is near a copy and near no hit is a hit. Texts have no copies. */
struct search_rows {
    struct index_rows chosen; /* by the filter */
    bool hide_copies;
    struct index_rows pictures;             /* those of them that are: with hide_copies */
    const struct rows_elsewhere *elsewhere; /* NULL: they are the index's own */
};

/* Rows that others search, as the ranks of index/mpi do: by score and without hiding copies, and of `chosen` only the width
 * and how many there are is looked at. Numbers of rows are what the two functions agree on. */
struct rows_elsewhere {
    void *context;                  /* of the functions */
    int64_t chosen[INDEX_TEXT + 1]; /* by kind: INDEX_IMAGE and INDEX_TEXT */

    /* As index_search, of both kinds at once: hits[kind] (Q, k[kind]), counts[kind] (Q). */
    int (*search)(void *context, struct index_hit *const *hits, size_t *const *counts, const float *queries,
        size_t query_count, const size_t *k, const struct job *job, struct err *err);

    /* As index_fetch. */
    int (*fetch)(void *context, struct index_item *items, const int64_t *rows, size_t count,
        struct arena *arena, struct err *err);
};

/* Borrowed from the index as index_rows, whose errors these are. filter NULL: all items. */
int search_rows_open(struct search_rows *out, struct index *index, const struct index_filter *filter,
    bool hide_copies, struct err *err);
void search_rows_release(struct search_rows *rows);

/* Which hits are wanted. */
struct hits_wanted {
    enum index_order order;
    size_t skip;                     /* by score: so many are passed over; hit_list.next of the hits before */
    const struct index_place *after; /* in other orders: those up to this place are; NULL: none */
    size_t top;                      /* hits, 1 or more */
    double min_score;                /* none below: -INFINITY for all */
    bool
        in_turns; /* by score: a picture and a text in turns, each kind by score; else all pictures before all texts */
};

struct hit_copies {
    const int64_t *ids;   // (listed): items, the nearest first
    size_t listed, count; /* the first HIT_COPIES_LISTED of them at most, of so many */
};
enum { HIT_COPIES_LISTED = 100 };

/* The ids as a JSON array; NULL when out of memory. */
struct json_t *hit_copies_json(const struct hit_copies *copies);

struct hit_list {
    const char *query;               /* as its user put it */
    const struct index_item *items;  // (count), in order
    const struct index_hit *hits;    // (count)
    const struct hit_copies *copies; // (count); NULL where they are not hidden
    size_t count;
    bool more;   /* there are hits after these */
    size_t next; /* by score: hits_wanted.skip of those */
};

/* One query of those that are answered together. */
struct hits_query {
    const float *vector; // (E) of length 1; NULL: none, in an order other than by score, and all scores are 0
    struct hits_wanted wanted;
    struct hit_list *out;
    struct arena *arena; /* of what is in *out */
    struct err *problem; /* of this query alone: then the others go on; NULL: it ends all */
};

/* Fills in the lists, all but .query, of queries (count) with one scan of the rows, if they want the best and copies are
 * not hidden; else one by one. index_search's promises hold for each kind: exact, ties by id. Scores of pictures
 * and of texts cannot be compared with each other.
 *
 * Hiding copies takes a scan more for the hits of a page, and one for those before it that are near these, however deep
 * the page lies. Only chains, each picture a near copy of the one before, take one for every link: ERR_LIMIT where these
 * pass HITS_FOLLOWED_MAX rows in all, which takes seconds. An order by date or path takes what the rows up to the last
 * hit take, with their scores where there is a query.
 *
 * ERR_FORMAT: a row of a hit is damaged. */
enum { HITS_FOLLOWED_MAX = 50000000 };
int hits_find(const struct hits_query *queries, size_t count, struct index *index,
    struct index_searcher *searcher, const struct search_rows *rows, const struct job *job, struct err *err);

/* One query that is a weighted sum of terms, or any number that are a text each. */
struct search {
    const struct search_rows *rows; /* of the collection's index */
    const struct query_term *terms;
    size_t term_count;
    const char *const *texts; // (text_count), where there are no terms
    size_t text_count;
    struct hits_wanted wanted; /* of each query */
};

/* Zero-initialise. */
struct search_results {
    struct hit_list *lists; // (count): one a query, in their order
    size_t count;
    size_t truncated; /* texts cut at the model's context length */
    struct arena arena;
};

/* hits_find for words and pictures. Needs embedder and device attached. Texts are encoded and looked for together: some
 * dozens at a time keep memory small. */
int collection_search(struct search_results *out, struct collection *collection, const struct search *search,
    const struct job *job, struct err *err);
void search_results_release(struct search_results *results);

/* The query of terms as a line: the user's words, "-" before what is subtracted, pictures by their paths, weights
 * other than 1 behind a colon. In the arena; NULL when out of memory. */
const char *query_line(struct arena *arena, const struct query_term *terms, size_t count);

/* ---- of near duplicates, the best ---------------------------------------------------------------------- */

struct picture_facts {
    bool
        current; /* its file is there, of the size and time that the item has, or its member of an archive, of its bytes */
    double sharpness; /* picture_sharpness; NAN: not current, or it cannot be read */
};

/* facts (count) of items (count), on the job's threads. Only ERR_CANCELLED. */
int pictures_look_at(struct picture_facts *facts, const struct index_item *items, size_t count,
    const struct picture_options *options, const struct job *job, struct err *err);

/* The best of some pictures: of the most pixels; of these the sharpest, then the largest file, the oldest, the lowest
 * id. Returns `count` where there is none. others (count): those that are left over beside it. Texts, and files that
 * are not as the index knows them, are neither; nor is another path, through links, of the best one's file. */
size_t pictures_keep_best(
    bool *others, const struct index_item *items, const struct picture_facts *facts, size_t count);

#endif
