// SPDX-License-Identifier: Apache-2.0
/*
 * base: what every other folder stands on. It knows nothing of pictures, text or devices.
 *
 * Conventions of the whole program, stated once here:
 *
 *   - A function that can fail returns 0, or an enum err_code, and takes a `struct err *` last, which may
 *     be NULL.
 *   - Out parameters come first. A `**out` belongs to the caller and goes back through that type's own _free;
 *     a returned pointer is borrowed from its parent. S_init prepares a struct, S_release frees its contents,
 *     S_free frees the struct too; both take NULL or a zeroed struct.
 *   - Libraries never print and never exit.
 *   - Every size that comes from a file goes through size_mul and size_add before it allocates.
 */
#ifndef DIPTYCH_BASE_H
#define DIPTYCH_BASE_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

struct json_t; /* jansson's value; include <jansson.h> to look inside */

/* ---- errors -------------------------------------------------------------------------------------------- */

/* One code for each thing a caller would do differently. The message carries everything else. */
enum err_code {
    ERR_NONE = 0,
    ERR_ARGUMENT,    /* the caller asked for something that makes no sense: fix the command */
    ERR_MEMORY,      /* out of host memory */
    ERR_IO,          /* a file or folder is missing, unreadable or unwritable: look at the path */
    ERR_FORMAT,      /* the bytes of a file are not what they should be: the file is bad */
    ERR_LIMIT,       /* well-formed, but larger than a limit allows: raise the limit or skip */
    ERR_UNSUPPORTED, /* well-formed, but a kind this program does not handle: convert it */
    ERR_DEVICE,      /* an OpenCL device is missing or failed */
    ERR_NOT_FOUND,   /* what was asked for by its name or number is not there */
    ERR_BUSY,        /* another process has it: try again later */
    ERR_CANCELLED,   /* whoever waits for the work wanted it to end: see struct job */
};

/* Message prose: no capital, no full stop, the failure first, the subject quoted, offsets where there are
 * any: unable to read 'a.png': PNG chunk 'IDAT' at byte 33 runs past the end of the file */
struct err {
    enum err_code code;
    char msg[5120]; /* the longest path Linux has, and a reason */
};

#if defined(__GNUC__)
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

/* Fills err (if not NULL) and returns code, so that a failing function ends in `return err_set(...)`. */
int err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " before the message on the way up. The code stays. */
void err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* ERR_MEMORY with the one wording for it. */
int err_memory(struct err *err, size_t bytes);

/* ---- locales ------------------------------------------------------------------------------------------- */

/* Has this thread work as every C program begins, whatever locale the program has set: numbers have a decimal point where
 * they are read and printed, jansson's too, and "I" is the capital of "i". Returns what the thread had, for uselocale.
 * libdiptych's calls begin so; our own command sets LC_CTYPE alone and needs it nowhere. */
locale_t locale_plain(void);

/* ---- long work ----------------------------------------------------------------------------------------- */

/* What long work is given by whoever waits for it: a progress bar and Ctrl-C, or a request and its deadline.
 * Functions that take one accept NULL, or a zeroed one: nobody watches, and all CPUs are used. Callbacks are
 * called on the thread that asked for the work, never on two at once. */
struct job {
    /* Called at least every half second, one device batch, kernel compile or weight packing apart: `done` of
     * `total` of that unit ("pictures"; a new unit begins a new phase). total 0: how much there is to do is
     * not known, and unit says what goes on ("looking for pictures"); it may come between the steps of a phase,
     * which then goes on. A return of non-zero ends the work with ERR_CANCELLED; what such an end keeps is said
     * where the function is declared. */
    int (*step)(void *context, const char *unit, size_t done, size_t total);
    /* One input failed and the work goes on without it; or, where the problem has no code, something is wrong with an input
     * that was used all the same. */
    void (*report)(void *context, const struct err *problem);
    void *context;     /* of both */
    int threads;       /* of the host; 0: as many as CPUs */
    struct pool *pool; /* NULL, or whose threads to use instead: for a program with many jobs at once */
};

/* Calls the job's step: 0, or ERR_CANCELLED with "interrupted". */
int job_step(const struct job *job, const char *unit, size_t done, size_t total, struct err *err);
void job_report(const struct job *job, const struct err *problem);
void job_reportf(const struct job *job, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
int job_threads(const struct job *job);

/* ---- checked sizes ------------------------------------------------------------------------------------- */

/* Write a*b or a+b to *out and return true, or return false where it does not fit. */
bool size_mul(size_t *out, size_t a, size_t b);
bool size_add(size_t *out, size_t a, size_t b);

/* Zeroed room for count elements, and old memory made as large; NULL on overflow or no memory. */
void *mem_new(size_t count, size_t size);
void *mem_grow(void *old, size_t count, size_t size);

/* Makes room for at least `needed` elements in an array that grows, at least to twice its size:
 *
 *     struct hit *hits;      zero-initialise all three; free(hits) releases
 *     size_t count, room;
 *
 *     int rc = array_grow(list->hits, &list->room, list->count + 1, err);
 *     if (!rc)
 *         list->hits[list->count++] = hit;
 *
 * New elements are not zeroed. ERR_MEMORY leaves the array as it was. */
#define array_grow(array, room, needed, err) array_grow_bytes(&(array), sizeof *(array), room, needed, err)
int array_grow_bytes(void *array, size_t element, size_t *room, size_t needed, struct err *err);

/* Room for what is read over and over: on huge pages as far as they fill it and the system has them, so that
 * the CPU need not look up the address of every 4 KiB. Begins where a page does; goes back through free(). */
void *mem_large(size_t bytes);

/* For a program that runs for long with dozens of threads, to call before it starts its first: what is freed goes back to
 * the system. glibc gives each thread a heap of its own, and what each keeps adds up: now all take from two. And it would
 * take large blocks from those heaps too once one has been freed, where small ones above them keep them from being given
 * back: now they never lie there. */
void mem_stay_small(void);

/* Gives what was freed back to the system where that is not done by itself: after much was needed for a short time. It walks the
 * heaps of the whole process: for the service, whose process is its own. */
void mem_trim(void);

/* Zeroed room for what is large and needed for a short time; NULL on overflow or no memory. It is no part of malloc's heaps,
 * whose holes stay with the process: mem_passing_free gives it back to the system. */
void *mem_passing(size_t count, size_t size);
void mem_passing_free(void *memory);

/* ---- arena --------------------------------------------------------------------------------------------- */

/* Many small allocations with one lifetime. Zero-initialise, allocate, release everything at once. */
struct arena {
    struct arena_block *blocks;
};

/* Zeroed and aligned for any type; arena_copy ends its copy with a NUL. NULL when out of memory. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const char *text, size_t length);
void arena_release(struct arena *arena);

/* ---- spans --------------------------------------------------------------------------------------------- */

/* Bytes inside somebody else's buffer: text or not, with no NUL behind them. data may be NULL where there are
 * none. */
struct span {
    const char *data;
    size_t length;
};

struct span span_of(const char *string);
struct span span_from(struct span span, size_t offset); /* all but the first offset bytes */
bool span_equal(struct span a, struct span b);
bool span_begins(struct span span, struct span prefix);
struct span span_trimmed(struct span span); /* without ASCII's white space at both ends */

/* Where bytes are numbers and not characters. */
static inline const uint8_t *span_bytes(struct span span)
{
    return (const uint8_t *)span.data;
}

/* Takes a literal, or a number in the digits that a computer writes (up to UINT32_MAX, no sign, no zero
 * before other digits), off the front of *rest; false, and *rest as it was, where it does not begin so. */
bool span_take(struct span *rest, const char *literal);
bool span_take_number(uint32_t *out, struct span *rest);

/* ---- lists of strings ---------------------------------------------------------------------------------- */

/* Paths, labels, templates: a growing list that owns its strings. Zero-initialise. */
struct strings {
    char **items;
    size_t count, room;
    struct arena arena;
};

/* ERR_MEMORY leaves the list as it was. */
int strings_add(struct strings *strings, const char *text, size_t length, struct err *err);
void strings_release(struct strings *strings);

/* A copy in valid UTF-8, for free(): each byte that is not becomes U+FFFD. NULL when out of memory. */
char *text_utf8(const char *text);

/* ---- lines --------------------------------------------------------------------------------------------- */

/* Lines end in "\n" or "\r\n", which are no part of them; at the end of a text a line end begins no other
 * line.
 *
 *     lines_read         the lines of a text file, as a list
 *     strings_add_lines  the same of a text in memory
 *     lines_next         one by one, for texts too long to copy */

/* How many bytes at the front of a text are a byte order mark in UTF-8, as editors on Windows begin a file:
 * 3, or 0. They are no part of the text. */
size_t byte_order_mark(const char *bytes, size_t size);

/* Begin with {.rest = text}; false at the end. */
struct lines {
    struct span rest, line; /* line: the one read last */
    size_t number;          /* of that line, from 1 */
};
bool lines_next(struct lines *lines);

/* Adds the lines of bytes. ERR_MEMORY. */
int strings_add_lines(struct strings *strings, const char *bytes, size_t size, struct err *err);

/* ---- string maps --------------------------------------------------------------------------------------- */

/* From strings to numbers, which may be indices of whatever there is to find. Zero-initialise. Keys are
 * copied; they are bytes, not always UTF-8. A map that nobody changes can be read by any number of
 * threads. */
struct string_map {
    struct string_map_slot *slots;
    size_t count, room;
    uint64_t seed;
    struct arena arena;
};

/* Adds a key with its value, unless it is there already: then it keeps the value it has. *out is where the
 * value stands until the next string_map_add. ERR_MEMORY leaves the map as it was. To tell names that came
 * before:
 *
 *     rc = string_map_add(&first, &map, name, strlen(name), i, err);
 *     if (!rc && *first != i)
 *         return err_set(err, ERR_FORMAT, "name %zu is name %zu again", i, *first); */
int string_map_add(
    size_t **out, struct string_map *map, const char *key, size_t length, size_t value, struct err *err);

/* Where the value of a key stands, or NULL. */
size_t *string_map_find(const struct string_map *map, const char *key, size_t length);
void string_map_release(struct string_map *map);

/* ---- numbers in 16 bits -------------------------------------------------------------------------------- */

/* IEEE half and bfloat16, stored as bits. To 16 bits: round to nearest, ties to even; NaN stays NaN. */
float f16_to_f32(uint16_t half);
uint16_t f32_to_f16(float value);
float bf16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float value);

/* ---- random numbers ------------------------------------------------------------------------------------ */

/* Made of a seed alone, the same on every machine, and in any order, so that threads need not share a state:
 * splitmix64 (Steele, Lea, Flood 2014). random_mix is its finalizer, random_at the i-th number of a
 * stream. */
uint64_t random_mix(uint64_t bits);
uint64_t random_at(uint64_t seed, uint64_t i);

/* ---- files --------------------------------------------------------------------------------------------- */

/* A whole file in memory, read-only, mapped and not copied. size 0 has data NULL. */
struct file_map {
    const uint8_t *data;
    size_t size;
    bool held; /* by file_map_hold: the rest is set */
    int fd;
    struct timespec written; /* when it was mapped, the last time */
};

/* ERR_IO, for folders, devices and pipes too. */
int file_map_open(struct file_map *out, const char *path, struct err *err);

/* The same, and keeps the file open, so that one can ask whether it was written over since: then there may be no such
 * bytes any more, and whoever reads there would be killed. One that was replaced or removed is still there. */
int file_map_hold(struct file_map *out, const char *path, struct err *err);
bool file_map_written_over(const struct file_map *map);

void file_map_release(struct file_map *map);

/* Some bytes of a map have been used: they stop counting as this process's memory, and come back from the
 * file when they are read again. */
void file_map_forget(const void *data, size_t size);

/* A whole file in memory of the caller's (free()), with a NUL after the last byte that *size does not count.
 * A gzip file (by its magic bytes) arrives inflated. ERR_IO, for folders, devices and pipes too; ERR_LIMIT
 * for more than limit bytes, inflated; ERR_FORMAT where gzip data are damaged or end early; ERR_MEMORY. */
int file_read(char **out, size_t *size, const char *path, size_t limit, struct err *err);

/* Its first bytes, up to `size`, inflated if it is gzipped; none where that is damaged. ERR_IO. */
int file_head(uint8_t *out, size_t *read, size_t size, const char *path, struct err *err);

/* The same of a text file: without its byte order mark, and ERR_FORMAT where it has a NUL inside too. */
int file_read_text(char **out, size_t *size, const char *path, size_t limit, struct err *err);

/* Adds the lines of a text file. Errors are those of file_read_text and leave `out` as it was, but for
 * ERR_MEMORY. */
int lines_read(struct strings *out, const char *path, size_t limit, struct err *err);

/* ---- input --------------------------------------------------------------------------------------------- */

/* What a user names to be read once, from front to end: a file, a pipe (a FIFO, /dev/fd/N, the shell's <(...)), or "-"
 * for standard input. The functions above refuse pipes, for the paths that they get come out of folders and indexes too,
 * and a reader must not wait for ever at what lies there; here somebody has asked for it.
 *
 *     input_read, input_lines                            all of it, up to a limit
 *     line_reader_open -> line_reader_next ... -> line_reader_close        line by line, each as soon as it has come */

/* Whether it is standard input, by any of its names: only one thing can read that. */
bool input_is_standard(const char *path);

/* What messages call it: the path, or "standard input". */
const char *input_name(const char *path);

/* Whether it is there and can be read only once. */
bool input_is_pipe(const char *path);

/* As file_read and lines_read. */
int input_read(char **out, size_t *size, const char *path, size_t limit, struct err *err);
int input_lines(struct strings *out, const char *path, size_t limit, struct err *err);

/* The longest line of an input that is read line by line, in bytes. */
enum { INPUT_LINE_MAX = 64 << 20 };

struct line_reader {
    const char *name; /* input_name's */
    size_t number;    /* of the line read last, from 1 */

    int fd;
    char end;
    bool over; /* nothing more will come */
    char *bytes, *line_end;
    size_t first, searched, used,
        room; /* bytes[first, used) are to be read, none before `searched` ends a line */
};

/* Lines end in `end`: '\n' (a '\r' before it, and a byte order mark in front of the first, are no part of them), or '\0',
 * as find -print0 writes names. The path is borrowed. ERR_IO. */
int line_reader_open(struct line_reader *out, const char *path, char end, struct err *err);

/* Waits for the next line; *found is false at the end. Behind the line is a NUL, and it stays until the next call. The
 * job is asked meanwhile, with `unit` for what is waited for. ERR_LIMIT: a line of more than INPUT_LINE_MAX bytes; ERR_IO,
 * ERR_MEMORY, ERR_CANCELLED. */
int line_reader_next(bool *found, struct span *line, struct line_reader *reader, const char *unit,
    const struct job *job, struct err *err);

/* Whether line_reader_next has a line without waiting. */
bool line_reader_ready(struct line_reader *reader);
void line_reader_close(struct line_reader *reader);

/* ---- output -------------------------------------------------------------------------------------------- */

/* A file that takes the place of the one of its name once it is whole and on the disk: what was there stays
 * until then. Any number of threads and processes may write one path at once; the last that closes wins.
 * Write to `stream`; its errors show in closing. ERR_IO: it cannot be written, or is a device or pipe;
 * ERR_MEMORY.
 *
 * Nothing is left of a file that was not closed, a kill included, where the file system has files without
 * names (ext4, XFS, Btrfs, tmpfs do). Elsewhere (NFS, FAT) a kill leaves a .diptych-N.tmp in the folder,
 * which goes when the next file is written there; for good where it cannot be locked. */
struct new_file {
    FILE *stream;
    char *path, *beside; /* its own, and the name it has for now; "" for none */
};

int new_file_open(struct new_file *out, const char *path, struct err *err);

/* Without `keep`, throws away what was written. Releases all, whatever happens. ERR_IO: the path is as it
 * was. */
int new_file_close(struct new_file *file, bool keep, struct err *err);

/* The same for a folder, which is filled under the name `beside` and takes its place in closing; the path is an empty
 * folder then, or nothing. Its files are new files, if they should be on the disk before. A kill leaves it, as it
 * leaves files that have a name. ERR_IO, ERR_MEMORY. */
struct new_folder {
    char *path, *beside;
    int lock;
};

int new_folder_open(struct new_folder *out, const char *path, struct err *err);
int new_folder_close(struct new_folder *folder, bool keep, struct err *err);

/* The same where other machines may write too, as on a network file system, whose locks may hold on one of them alone: the
 * name, PATH.tmp- and something random, is nobody else's. What a kill leaves stays until new_folder_clean_shared, which is
 * for when the path is whole: it removes all that is on its way to it. */
int new_folder_open_shared(struct new_folder *out, const char *path, struct err *err);
void new_folder_clean_shared(const char *path);

/* Comma-separated values, as RFC 4180 has them, or with another separator, set behind csv_init. */
struct csv {
    const char *at, *end; /* what is left of the text */
    size_t line;          /* that `at` stands in, from 1 */
    char separator;       /* ',' */
    char *field;          /* room for the longest there can be */
};

int csv_init(struct csv *out, const char *bytes, size_t size, struct err *err);
void csv_release(struct csv *csv);

/* Adds the fields of the next record; none where the text is at its end. A line end of any kind ends a
 * record. ERR_FORMAT with the line where a quote is not closed or has something behind it. */
int csv_record(struct strings *fields, struct csv *csv, struct err *err);

/* Writes a matrix (count, width) as numpy's .npy, in float32, or float16 for `half`: the header, then rows as they come, in
 * any number of calls. What could not be written shows in the stream. */
void npy_put_header(FILE *out, int64_t count, size_t width, bool half);
void npy_put_rows(FILE *out, const float *rows, size_t count, size_t width, bool half);

/* What stands in front of an .npy's elements. */
enum { NPY_DIMENSIONS = 2 };
struct npy_header {
    char type[8];                 /* "<f4": the order of bytes, the kind of number, how many bytes it has */
    bool by_column;               /* in Fortran's order */
    size_t shape[NPY_DIMENSIONS]; // (dimensions), of the first that there are room for
    size_t dimensions;
    size_t size; /* bytes before the elements */
};

bool npy_begins(struct span file);

/* ERR_FORMAT: damaged, or no such header. Messages do not name the file. */
int npy_header_read(struct npy_header *out, struct span file, struct err *err);

/* Which elements of a vector in an .npy are above 0, for free(): of any numbers that numpy has, booleans too. ERR_FORMAT;
 * ERR_UNSUPPORTED: it is no vector of numbers; ERR_MEMORY. */
int npy_flags_read(bool **out, size_t *count, struct span file, struct err *err);

bool file_exists(const char *path);

/* Removes a file, or a folder with all that is in it, as far as it can be. */
void path_remove(const char *path);

/* A copy that is whole or not there. ERR_IO, ERR_MEMORY. */
int file_copy(const char *to, const char *from, struct err *err);

/* ERR_FORMAT where bytes, read from path, are a pointer of Git LFS: a few lines in the place of a large file that
 * was never fetched. file_read asks by itself. */
int git_lfs_check(const char *bytes, size_t size, const char *path, struct err *err);

/* *out is path itself where it is no regular file, else the folder that the file lies in. ERR_MEMORY. */
int path_folder(const char **out, const char *path, struct arena *arena, struct err *err);

/* folder + "/" + name, in the arena. NULL when out of memory. */
char *path_join(struct arena *arena, const char *folder, const char *name);

/* The last part of a path, which ends before any '/' at its end; in the arena, NULL when out of memory. */
char *path_last(struct arena *arena, const char *path);

/* The path from the top of the file system, in the arena, with links followed as far as it exists: one file
 * has one path, from wherever it is named. NULL with ERR_MEMORY in err. */
const char *path_absolute(struct arena *arena, const char *path, struct err *err);

/* Whether path is a folder that can be written to, or could be made: in the nearest of its parents that is there. A folder tells
 * only by trying: root may write anywhere by its permissions, but not to /proc. */
bool folder_can_be_written(const char *path);

/* Makes all folders above a path, if they are not there. ERR_IO, ERR_MEMORY. */
int folders_make(const char *path, struct err *err);

/* The folder that the code at hand lies in, without '/' at its end, to find what is installed with it: that of the running
 * program, or of libdiptych.so where a program has loaded that. false where it cannot be told, or has more than `size`
 * characters. */
bool code_folder(char *out, size_t size, bool *in_library);

/* Whether path is root or lies below it, as a member of an archive does too; both as path_absolute writes them. */
bool path_below(const char *path, const char *root);

/* The length of the path of the folder that the first `length` bytes of a path lie in, as path_absolute writes them; 0:
 * there is none above. To ask for each path whether it lies below one of many, with those as keys of a string map:
 *
 *     for (size_t length = strlen(path); length; length = path_above(path, length))
 *         ... string_map_find(&roots, path, length) ... */
size_t path_above(const char *path, size_t length);

/* Adds the paths that a pattern with braces stands for, in order: "{00000..00012}.tar" all thirteen, with the zeros in front that
 * the first number has, "{train,test}/{0..9}.tar" all twenty. Braces hold a range of numbers, or texts with commas between, and
 * no other braces. What has no such braces, or is there under that very name, is a path as it is. ERR_LIMIT: more than a
 * million; ERR_MEMORY. */
int braces_expand(struct strings *paths, const char *pattern, struct err *err);

/* What a walk leaves out: patterns in the language of gitignore(5), without its comments, each for a file or folder by its
 * path below the folder that the patterns are of. '*', '?' and "[a-z]" stand for signs of a name, "**" for any number of
 * folders; a pattern without '/' but at its end fits at any depth, one that ends in '/' folders alone, and what begins
 * with '!' is not left out after all; the last that fits decides, and in a folder that is left out nothing is looked at.
 * Before these come excludes_default: hidden names, and folders that systems and programs keep for themselves. A zeroed
 * one, or NULL, is these alone. */
struct excludes {
    struct strings patterns;
    bool no_defaults;
};
extern const char *const excludes_default[]; /* up to NULL */

/* Whether a path is left out, by itself; or also since a folder that it lies in is. It is relative, without '/' at its end;
 * folder: it is one. */
bool excludes_match(const struct excludes *excludes, const char *path, bool folder);
bool excludes_cover(const struct excludes *excludes, const char *path, bool folder);

/* The part of a path that patterns are for, of one at or below `top`; "": it is top itself. */
const char *path_within(const char *path, const char *top);

/* Visits root if it is a file, else every regular file below it, depth first in byte order of the names, with
 * symbolic links followed and cycles cut. What excludes_default names is left out below root. A file or folder
 * that cannot be read is visited with `problem` set, and so is a root that is neither, and the walk goes on. A visit that returns non-zero ends
 * the walk, which returns that value. ERR_IO where the walk itself fails and cannot tell what it has
 * missed. */
typedef int walk_visit(void *context, const char *path, const struct err *problem);
int file_walk(const char *root, walk_visit *visit, void *context, struct err *err);

/* The same, with the folders on the way: `enter`, unless it is NULL, is called before what is in one is looked at, root
 * included; and without what `excludes` leave out below root. They are for paths below top, which is root or above it. */
typedef int walk_enter(void *context, const char *path);
int folder_walk(const char *root, const struct excludes *excludes, const char *top, walk_enter *enter,
    walk_visit *visit, void *context, struct err *err);

/* ---- hashes -------------------------------------------------------------------------------------------- */

/* SHA-256 in lower-case hex digits, as sha256sum prints it: contents that have the same are taken for
 * equal. */
enum { HASH_SIZE = 65 };
void hash_bytes(char out[HASH_SIZE], const void *bytes, size_t size);
int hash_file(char out[HASH_SIZE], const char *path, struct err *err); /* ERR_IO */

/* ---- JSON ---------------------------------------------------------------------------------------------- */

/* Parse a file, or bytes that came from the file `name`. The root must be an object, but for
 * json_parse_value. ERR_FORMAT with line, column and byte offset, or the errors of file_read. Free with
 * json_decref. */
int json_read(struct json_t **out, const char *path, size_t limit, struct err *err);
int json_parse(struct json_t **out, const char *bytes, size_t size, const char *name, struct err *err);
int json_parse_value(struct json_t **out, const char *bytes, size_t size, const char *name, struct err *err);

/* A string of text in valid UTF-8 (text_utf8); NULL when out of memory. */
struct json_t *json_text(const char *text);

/* ---- time ---------------------------------------------------------------------------------------------- */

double time_now(void); /* seconds on a clock that only goes forward */

/* ---- threads ------------------------------------------------------------------------------------------- */

int thread_default(void); /* how many threads to run: the CPUs this process may use */

/* Threads that are kept from one piece of work to the next. Between two they stay awake for some tens of
 * microseconds and then sleep, so that short pieces of work in close order cost no wake-up.
 *
 * There are two kinds of work: loops, which all threads share and a caller waits for, and tasks, which go
 * into a queue. A program has a pool for each use: one as large as the CPUs for computing, another for work
 * that blocks, such as reading files, since a thread that waits for a disk computes nothing. A loop goes on
 * without threads that are at a task, so it never waits for one.
 *
 * A pool may be used from many threads at once. In the child of a fork(), which has none of the threads,
 * loops and tasks run on their caller; so they do on a pool that is NULL. */
struct pool;

/* Starts so many threads beside those that will call; fewer where no more can be had, 0 included. They have the locale of
 * the thread that calls here.
 * ERR_MEMORY. */
int pool_open(struct pool **out, int threads, struct err *err);

/* Waits for the tasks in the queue to be done, and for the threads to end. No call may be under way. */
void pool_free(struct pool *pool);

/* How many run a loop: the pool's threads and its caller. */
size_t pool_members(const struct pool *pool);

/* Calls body(context, member, i) for every i in [0, count), side by side, and returns when all are done: work
 * in phases is a loop for each, and what one has written the next one sees. member < pool_members() names the
 * thread, so that each can have memory of its own. Each begins with a stretch of its own, in rising order,
 * and when that is done helps others. One loop runs at a time and others wait for it, so a body must not
 * begin one on the same pool. */
typedef void pool_body(void *context, size_t member, size_t i);
void pool_loop(struct pool *pool, size_t count, pool_body *body, void *context);

/* A piece of work in the queue: the caller's memory, zeroed but for the first two. */
struct pool_task {
    void (*run)(void *context);
    void *context;
    struct pool_task *next;
};

/* Has task->run(task->context) called on one of the pool's threads. The task must stay until then; once run
 * is called it may go, or be handed in anew, from inside run too. Tasks are begun in the order they come in:
 * who has many should hand in the next one when one is done, and then callers get even shares. Without
 * threads, run is called before this returns. */
void pool_submit(struct pool *pool, struct pool_task *task);

/* Calls body(context, i) for every i in [0, count) on up to `threads` threads, in no set order; returns when
 * all are done. Falls back to fewer threads where no more can be had. The threads are started for it, at some
 * ten microseconds each: for work of many short loops, open a pool. */
typedef void parallel_body(void *context, size_t i);
void parallel_for(size_t count, int threads, parallel_body *body, void *context);

/* The same with the threads the job has: its pool's, or else as many as it says. */
void job_loop(const struct job *job, size_t count, parallel_body *body, void *context);

/* ---- how sure scores are ------------------------------------------------------------------------------- */

/* How sure a score is, and a system's difference to the first system, by paired bootstrap resampling (Koehn
 * 2004): `samples` times, as many items as there are are drawn with replacement, the same for every system.
 * The bounds hold the middle 95 % of the samples' scores and differences d'. p is the chance of a difference
 * as large as d, that of all items, between systems that are equal:
 *
 *     p = (1 + the number of samples where |d'| - mean |d'| >= |d|) / (1 + samples)
 *
 * These are sacreBLEU 2.6's bounds and its p with one change: where it has > stands >=, so that two systems
 * that are equal have p = 1 and not the smallest there is. A difference that is NaN has p = 1 too. Equal
 * seeds give equal numbers, on any number of threads. */
struct bootstrap_score {
    double low, high;
    double difference, difference_low, difference_high, p; /* 0, and p 1, of the first system */
};

enum { BOOTSTRAP_SAMPLES = 1000, BOOTSTRAP_SEED = 12345 }; /* sacreBLEU's defaults */

/* Fills scores (statistics) with those of a system on items of which item i was drawn times[i] times. Runs on several
 * threads. */
typedef void bootstrap_statistic(double *scores, const void *context, size_t system, const uint32_t *times);

struct bootstrap_run {
    bootstrap_statistic *statistic;
    const void *context;
    size_t count, systems, statistics; /* items; and how many scores a system has */
    const double *all;                 // (systems, statistics): the scores of all items
    size_t samples;
    uint64_t seed;
};

/* out (systems, statistics). ERR_ARGUMENT for no samples, or more than 2^32 items; ERR_CANCELLED, ERR_MEMORY. */
int bootstrap_compute(
    struct bootstrap_score *out, const struct bootstrap_run *run, const struct job *job, struct err *err);

#endif
