// SPDX-License-Identifier: Apache-2.0
#include "joint/internal.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rank_request *add(struct rank_requests *requests, struct err *err)
{
    if (array_grow(requests->items, &requests->room, requests->count + 1, err))
        return NULL;
    struct rank_request *request = &requests->items[requests->count++];
    *request = (struct rank_request){0};
    return request;
}

static const char *keep(struct rank_requests *requests, const char *text, struct err *err)
{
    const char *copy = arena_copy(&requests->arena, text, strlen(text));
    if (!copy)
        err_memory(err, strlen(text));
    return copy;
}

int rank_request_fail(
    struct rank_requests *requests, struct rank_request *request, const char *reason, struct err *err)
{
    request->error = keep(requests, reason, err);
    return request->error ? 0 : ERR_MEMORY;
}

static int check_count(size_t count, struct err *err)
{
    if (!count)
        return err_set(err, ERR_ARGUMENT, "no captions");
    if (count > RANK_CAPTIONS_MAX)
        return err_set(err, ERR_LIMIT, "%zu captions, the limit is %d", count, RANK_CAPTIONS_MAX);
    return 0;
}

int rank_requests_add(struct rank_requests *requests, struct picture_source picture,
    const char *const *captions, size_t count, struct err *err)
{
    int rc = check_count(count, err);
    struct rank_request *request = rc ? NULL : add(requests, err);
    if (!request)
        return rc ? rc : ERR_MEMORY;
    *request = (struct rank_request){.picture = picture, .captions = (const char **)captions, .count = count};
    return 0;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static int get_path(
    struct rank_requests *requests, struct rank_request *request, const json_t *line, struct err *err)
{
    const json_t *path = json_object_get(line, "path");
    if (!json_is_string(path))
        return err_set(err, ERR_FORMAT, "\"path\" is %s", path ? "no string" : "missing");
    request->picture.path = keep(requests, json_string_value(path), err);
    return request->picture.path ? 0 : ERR_MEMORY;
}

static int get_captions(
    struct rank_requests *requests, struct rank_request *request, const json_t *line, struct err *err)
{
    const json_t *list = json_object_get(line, "captions"), *caption;
    const size_t count = json_array_size(list);
    size_t i;
    if (!json_is_array(list))
        return err_set(err, ERR_FORMAT, "\"captions\" is %s", list ? "no list" : "missing");
    int rc = check_count(count, err);
    if (rc)
        return rc;
    request->captions = arena_alloc(&requests->arena, count * sizeof *request->captions);
    if (!request->captions)
        return err_memory(err, count * sizeof *request->captions);
    json_array_foreach(list, i, caption)
    {
        if (!json_is_string(caption))
            return err_set(err, ERR_FORMAT, "caption %zu is no string", i + 1);
        request->captions[i] = keep(requests, json_string_value(caption), err);
        if (!request->captions[i])
            return ERR_MEMORY;
    }
    request->count = count;
    return 0;
}

static int parse_line(struct rank_requests *requests, struct rank_request *request, const char *bytes,
    size_t size, const char *name, struct err *err)
{
    json_t *line;
    int rc = json_parse(&line, bytes, size, name, err);
    if (rc)
        return rc;
    rc = get_path(requests, request, line, err);
    if (!rc)
        rc = get_captions(requests, request, line, err);
    if (rc && rc != ERR_MEMORY)
        err_wrap(err, "'%s'", name);
    json_decref(line);
    return rc;
}

static int add_line(struct rank_requests *requests, const char *bytes, size_t size, const char *file,
    size_t number, struct err *err)
{
    struct rank_request *request = add(requests, err);
    struct err problem;
    char name[512];
    if (!request)
        return ERR_MEMORY;
    snprintf(name, sizeof name, "%s, line %zu", file, number);
    int rc = parse_line(requests, request, bytes, size, name, &problem);
    if (!rc)
        return 0;
    if (rc == ERR_MEMORY)
        return err_set(err, rc, "%s", problem.msg);
    return rank_request_fail(requests, request, problem.msg, err);
}

int rank_requests_read(
    struct rank_requests *requests, const char *path, const struct job *job, struct err *err)
{
    struct line_reader reader;
    struct span line;
    bool found = true;
    int rc = line_reader_open(&reader, path, '\n', err);
    while (!rc &&
           !(rc = line_reader_next(&found, &line, &reader, "reading the pictures' captions", job, err)) &&
           found)
        if (line.data[strspn(line.data, " \t\r")] || strlen(line.data) < line.length)
            rc = add_line(requests, line.data, line.length, reader.name, reader.number, err);
    line_reader_close(&reader);
    return rc;
}

void rank_requests_release(struct rank_requests *requests)
{
    free(requests->items);
    arena_release(&requests->arena);
    *requests = (struct rank_requests){0};
}
