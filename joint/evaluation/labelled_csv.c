// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures and their labels in CSV (RFC 4180), one picture a record. A header is one that names the pictures' column: image,
 * path, filename and the like; the labels' column is label, class, tags and the like. Without a header a record is path,label.
 *
 *   path,label           several labels as "cat;dog" or "cat|dog", or as records of one path
 *   path,cat,dog,...     where no column is called as labels' are: 0 or 1 for each
 *
 * A column called split, set, subset or partition says which part of the data set a picture is of, and is_valid (fastai's)
 * whether it is of the validation part; one part is read, as of folders called so.
 *
 * A path is below the CSV's folder, or that of the options. One without a suffix, as ids of Kaggle's are, is that of a picture
 * called so with the commonest suffixes.
 */
#include "joint/evaluation/labelled_columns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct reading {
    struct labelling *labelling;
    const char *name, *folder;
    struct columns columns;

    struct strings parts; /* that its column of parts names */
    struct string_map part_seen;
    const char *part; /* the one that is read; NULL: all */

    struct string_map pictures; /* paths as they stand there, to pictures */
    struct strings absent;      /* those that are not there */
    size_t first_absent;        /* its line */
    size_t unlabelled;          /* the line of the first that has no label; 0: all have */
    bool blanks, separated;     /* labels were seen with blanks in them, and with signs between */
    struct arena arena;
};

static int bad_line(const struct reading *reading, size_t line, const char *what, struct err *err)
{
    return err_set(err, ERR_FORMAT, "unable to read '%s': line %zu: %s", reading->name, line, what);
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static bool is_file(const char *path)
{
    struct stat st;
    return !stat(path, &st) && !S_ISDIR(st.st_mode);
}

/* *out: the path of the picture, in the arena; NULL: there is none. */
static int find_picture(const char **out, struct reading *reading, const char *path, struct err *err)
{
    static const char *const suffixes[] = {"", ".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".PNG"};
    const size_t tried = picture_suffix(path) ? 1 : sizeof suffixes / sizeof *suffixes;
    const char *full = *path == '/' ? path : path_join(&reading->arena, reading->folder, path);
    *out = NULL;
    if (!full)
        return err_memory(err, strlen(path));
    for (size_t i = 0; i < tried && !*out; i++) {
        char *name = arena_alloc(&reading->arena, strlen(full) + strlen(suffixes[i]) + 1);
        if (!name)
            return err_memory(err, strlen(full));
        stpcpy(stpcpy(name, full), suffixes[i]);
        *out = is_file(name) ? name : NULL;
    }
    return 0;
}

/* *picture: its number; CLASS_UNKNOWN where it is not there. */
static int add_picture(
    size_t *picture, struct reading *reading, const char *path, size_t line, struct err *err)
{
    struct strings *paths = &reading->labelling->out->list.paths;
    const size_t before = reading->pictures.count;
    const char *full = NULL;
    size_t *found;
    int rc = string_map_add(&found, &reading->pictures, path, strlen(path), paths->count, err);
    if (rc)
        return rc;
    if (reading->pictures.count > before) {
        rc = find_picture(&full, reading, path, err);
        if (!rc && full)
            rc = strings_add(paths, full, strlen(full), err);
        if (!rc && !full) {
            reading->first_absent = reading->absent.count ? reading->first_absent : line;
            rc = strings_add(&reading->absent, path, strlen(path), err);
            *found = CLASS_UNKNOWN;
        }
    }
    *picture = *found;
    arena_release(&reading->arena);
    return rc;
}

/* ---- labels -------------------------------------------------------------------------------------------- */

static int add_label(
    struct reading *reading, size_t picture, const char *text, size_t length, size_t line, struct err *err)
{
    struct labelling *labelling = reading->labelling;
    const struct span label = span_trimmed((struct span){text, length});
    const size_t before = labelling->classes.count;
    size_t class;
    if (!label.length)
        return 0;
    reading->blanks = reading->blanks || memchr(label.data, ' ', label.length);
    int rc = labelling_class(&class, labelling, label.data, label.length, err);
    if (!rc && class == before &&
        (rc = list_check_utf8(labelling->classes.items[class], "line", line, err)) == ERR_FORMAT)
        err_wrap(err, "unable to read '%s'", reading->name);
    return rc || picture == CLASS_UNKNOWN ? rc : labelling_mention(labelling, picture, class, err);
}

/* The length of the label at the front of a cell that has several, and of the sign behind it. */
static size_t label_end(const char *cell, const char *separator, size_t *sign)
{
    const char *end = separator ? *separator ? strstr(cell, separator) : NULL : strpbrk(cell, ";|");
    *sign = end ? separator ? strlen(separator) : 1 : 0;
    return end ? (size_t)(end - cell) : strlen(cell);
}

static int add_cell(struct reading *reading, size_t picture, const char *cell, size_t line, struct err *err)
{
    const char *separator = reading->labelling->options->separator;
    int rc = 0;
    if (!reading->unlabelled && !cell[strspn(cell, " \t")])
        reading->unlabelled = line;
    for (size_t length, sign; *cell && !rc; cell += length + sign) {
        length = label_end(cell, separator, &sign);
        reading->separated = reading->separated || sign;
        rc = add_label(reading, picture, cell, length, line, err);
    }
    return rc;
}

/* ---- records ------------------------------------------------------------------------------------------- */

static int add_flags(
    struct reading *reading, size_t picture, const struct strings *fields, size_t line, struct err *err)
{
    const struct columns *columns = &reading->columns;
    int rc = 0;
    for (size_t i = 0; i < columns->header.count && !rc; i++) {
        bool set;
        if (!columns_flag(columns, i))
            continue;
        if (!columns_flag_read(&set, fields->items[i]))
            return err_set(err, ERR_FORMAT,
                "unable to read '%s': line %zu: '%s' in column '%s' is neither 0 nor 1, and no column is "
                "called as "
                "labels' are: label, class, tags",
                reading->name, line, fields->items[i], columns->header.items[i]);
        if (set)
            rc = add_label(
                reading, picture, columns->header.items[i], strlen(columns->header.items[i]), line, err);
    }
    return rc;
}

static int add_record(struct reading *reading, const struct strings *fields, size_t line, struct err *err)
{
    const struct columns *columns = &reading->columns;
    size_t picture;
    if (fields->count != columns->count)
        return err_set(err, ERR_FORMAT, "unable to read '%s': line %zu: %zu fields and not %zu",
            reading->name, line, fields->count, columns->count);
    if (reading->part && strcmp(columns_part(columns, fields), reading->part) != 0)
        return 0;
    const char *path = fields->items[columns->path];
    if (!*path)
        return bad_line(reading, line, "no path", err);
    int rc = add_picture(&picture, reading, path, line, err);
    if (!rc && columns->label != NO_COLUMN)
        rc = add_cell(reading, picture, fields->items[columns->label], line, err);
    else if (!rc)
        rc = add_flags(reading, picture, fields, line, err);
    return rc;
}

/* Calls `record` for each one, blank lines apart, with the CSV at the first of them. */
typedef int record_visit(struct reading *reading, const struct strings *fields, size_t line, struct err *err);
static int each_record(struct reading *reading, struct csv csv, record_visit *record, struct err *err)
{
    int rc = 0;
    while (!rc && csv.at < csv.end) {
        struct strings fields = {0};
        const size_t line = csv.line;
        rc = csv_record(&fields, &csv, err);
        if (rc == ERR_FORMAT)
            err_wrap(err, "unable to read '%s'", reading->name);
        if (!rc && (fields.count > 1 || *fields.items[0]))
            rc = record(reading, &fields, line, err);
        strings_release(&fields);
        if (!rc)
            rc = job_step(reading->labelling->job, "looking for pictures", 0, 0, err);
    }
    return rc;
}

/* ---- parts --------------------------------------------------------------------------------------------- */

static int note_part(struct reading *reading, const struct strings *fields, size_t line, struct err *err)
{
    size_t *seen;
    (void)line; /* a wrong number of fields is told when the record is read */
    if (fields->count != reading->columns.count)
        return 0;
    const char *part = columns_part(&reading->columns, fields);
    const size_t before = reading->parts.count;
    const int rc = string_map_add(&seen, &reading->part_seen, part, strlen(part), reading->parts.count, err);
    return rc || *seen < before ? rc : strings_add(&reading->parts, part, strlen(part), err);
}

/* The one that is wanted; all where none is called as parts are. */
static int choose_part(struct reading *reading, struct csv csv, struct err *err)
{
    const enum data_part wanted = reading->labelling->options->part;
    struct missing_names others = {0};
    bool in_parts = false;
    int rc = reading->columns.part == NO_COLUMN ? 0 : each_record(reading, csv, note_part, err);
    for (size_t i = 0; i < reading->parts.count; i++) {
        const char *part = reading->parts.items[i];
        const size_t place = data_set_part(part);
        in_parts = in_parts || place != DATA_SET_NO_PART;
        if (place != DATA_SET_NO_PART && data_set_part_is(place, wanted) &&
            (!reading->part || place < data_set_part(reading->part)))
            reading->part = part;
    }
    if (!rc && !reading->part && wanted != DATA_PART_MEASURED && (in_parts || wanted != DATA_PART_TRAIN))
        return data_set_part_missing(reading->labelling->out, reading->name, wanted, err);
    for (size_t i = 0; i < reading->parts.count && reading->part && wanted == DATA_PART_MEASURED; i++)
        if (reading->parts.items[i] != reading->part)
            missing_add(&others, reading->parts.items[i]);
    return rc || !others.count
               ? rc
               : labelling_note(&reading->labelling->out->left_out, err,
                     "evaluating '%s' of '%s'; left out: %s", reading->part, reading->name, others.list);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

/* One class a column, also where no picture shows it. */
static int add_columns(struct reading *reading, struct err *err)
{
    const struct columns *columns = &reading->columns;
    struct labelling *labelling = reading->labelling;
    int rc = 0;
    for (size_t i = 0; i < columns->header.count && !rc; i++) {
        const char *name = columns->header.items[i];
        const size_t before = labelling->classes.count;
        size_t class;
        if (!columns_flag(columns, i))
            continue;
        rc = labelling_class(&class, labelling, name, strlen(name), err);
        if (!rc && class < before)
            rc = err_set(
                err, ERR_FORMAT, "unable to read '%s': two columns are called '%s'", reading->name, name);
    }
    return rc;
}

static int check_absent(struct reading *reading, struct err *err)
{
    const struct strings *absent = &reading->absent;
    if (!absent->count)
        return 0;
    return labelling_leave_out(reading->labelling, err,
        "%zu of %zu pictures that '%s' names are not there, the first in line %zu: '%s' below '%s'",
        absent->count, reading->pictures.count, reading->name, reading->first_absent, absent->items[0],
        reading->folder);
}

/* A picture without a label is one where others have several, and a mistake where all have one. */
static int check_labels(struct reading *reading, struct err *err)
{
    const bool flags = reading->columns.label == NO_COLUMN;
    if (!flags && reading->unlabelled && !reading->separated)
        return bad_line(reading, reading->unlabelled, "no label", err);
    if (!flags && reading->blanks && !reading->separated && reading->columns.plural &&
        !reading->labelling->options->separator)
        return labelling_note(&reading->labelling->out->left_out, err,
            "labels with blanks in '%s' are one label each; --separator ' ' makes several of them",
            reading->name);
    return 0;
}

static int read_all(struct reading *reading, struct csv *csv, struct err *err)
{
    int rc = columns_read(&reading->columns, csv, reading->name, err);
    if (!rc)
        rc = choose_part(reading, *csv, err);
    if (!rc)
        rc = add_columns(reading, err);
    if (!rc)
        rc = each_record(reading, *csv, add_record, err);
    if (!rc && !reading->pictures.count)
        rc = err_set(err, ERR_ARGUMENT, "no pictures in '%s' to evaluate", reading->name);
    if (!rc)
        rc = check_labels(reading, err);
    if (!rc)
        rc = check_absent(reading, err);
    return rc ? rc : labelling_match(reading->labelling, err);
}

int labelled_csv_read(struct labelling *labelling, const char *path, struct err *err)
{
    enum { LIMIT = 1 << 30 };
    struct reading reading = {.labelling = labelling, .name = input_name(path)};
    struct csv csv = {0};
    char *text = NULL;
    size_t size;
    int rc = input_read(&text, &size, path, LIMIT, err);
    if (rc)
        return rc;
    const size_t mark = byte_order_mark(text, size);
    reading.folder = labelling->options->folder;
    if (memchr(text, '\0', size))
        rc = err_set(err, ERR_FORMAT, "unable to read '%s': it is no text", reading.name);
    if (!rc && !reading.folder)
        rc = path_folder(&reading.folder, input_is_standard(path) ? "." : path, &labelling->out->arena, err);
    if (!rc)
        rc = csv_init(&csv, text + mark, size - mark, err);
    if (!rc)
        rc = read_all(&reading, &csv, err);
    csv_release(&csv);
    free(text);
    columns_release(&reading.columns);
    string_map_release(&reading.pictures);
    string_map_release(&reading.part_seen);
    strings_release(&reading.parts);
    strings_release(&reading.absent);
    return rc;
}
