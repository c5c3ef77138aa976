// SPDX-License-Identifier: Apache-2.0
#include "material.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *file_load(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        const long size = ftell(file);
        rewind(file);
        data = size < 0 ? NULL : calloc((size_t)size + 1, 1);
        if (data && fread(data, 1, (size_t)size, file) != (size_t)size) {
            free(data);
            data = NULL;
        }
    }
    if (file)
        fclose(file);
    return data;
}

static bool fail(const char *what, const char *subject)
{
    fprintf(stderr, "scenes: %s '%s'\n", what, subject);
    return false;
}

static size_t count(const char *text, char separator)
{
    size_t n = 1;
    while ((text = strchr(text, separator)) != NULL) {
        text++;
        n++;
    }
    return n;
}

static void *allocate(size_t n, size_t size)
{
    void *memory = calloc(n, size);
    if (!memory)
        abort();
    return memory;
}

static bool read_fonts(struct material *out, const char *paths)
{
    char path[4096];
    out->fonts = allocate(count(paths, ','), sizeof *out->fonts);
    for (size_t length; *paths; paths += length + (paths[length] == ',')) {
        length = strcspn(paths, ",");
        snprintf(path, sizeof path, "%.*s", (int)length, paths);
        if (!font_open(&out->fonts[out->n_fonts++], path))
            return fail("cannot read TrueType font", path);
    }
    return true;
}

static const struct shape *find_noun(struct material *material, const char *noun)
{
    for (size_t i = 0; i < N_SHAPES; i++)
        if (strcmp(shapes[i].one.name, noun) == 0)
            return &shapes[i];
    for (size_t i = 0; i < material->n_nouns; i++)
        if (strcmp(material->nouns[i].one.name, noun) == 0)
            return &material->nouns[i];
    material->nouns[material->n_nouns].one.name = noun;
    return &material->nouns[material->n_nouns++];
}

// Nouns go into JSON as they are.
static bool is_plain(const char *noun)
{
    return *noun && noun[strspn(noun, "abcdefghijklmnopqrstuvwxyz -")] == '\0';
}

static bool read_line(struct material *out, char *line, const char *folder, int folder_length)
{
    char path[4096], *tab = strchr(line, '\t');
    if (!tab || !is_plain(tab + 1))
        return fail("no \"PNG<tab>noun\", of small letters,", line);
    *tab = '\0';
    snprintf(path, sizeof path, "%.*s%s", *line == '/' ? 0 : folder_length, folder, line);
    struct clip *clip = &out->clips[out->n_clips++];
    if (!clip_open(clip, path))
        return fail("cannot read PNG", path);
    clip->shape = find_noun(out, tab + 1);
    return true;
}

static bool read_clips(struct material *out, const char *list)
{
    const char *slash = strrchr(list, '/');
    out->list = file_load(list);
    if (!out->list)
        return fail("cannot read", list);
    const size_t lines = count(out->list, '\n');
    out->clips = allocate(lines, sizeof *out->clips);
    out->nouns = allocate(lines, sizeof *out->nouns);
    for (char *line = strtok(out->list, "\n"); line; line = strtok(NULL, "\n"))
        if (!read_line(out, line, list, slash ? (int)(slash + 1 - list) : 0))
            return false;
    return out->n_clips > 0 || fail("no clip art in", list);
}

bool material_open(struct material *out, const char *fonts, const char *list)
{
    *out = (struct material){0};
    return (!fonts || read_fonts(out, fonts)) && (!list || read_clips(out, list));
}

void material_release(struct material *material)
{
    for (size_t i = 0; i < material->n_fonts; i++)
        font_release(&material->fonts[i]);
    for (size_t i = 0; i < material->n_clips; i++)
        clip_release(&material->clips[i]);
    free(material->fonts);
    free(material->clips);
    free(material->nouns);
    free(material->list);
}
