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

static struct noun *find_noun(struct material *material, const char *name)
{
    for (size_t i = 0; i < material->n_nouns; i++)
        if (strcmp(material->nouns[i].shape->one.name, name) == 0)
            return &material->nouns[i];
    struct noun *noun = &material->nouns[material->n_nouns++];
    noun->own.one.name = name;
    noun->shape = &noun->own;
    for (size_t i = 0; i < N_SHAPES; i++)
        if (strcmp(shapes[i].one.name, name) == 0)
            noun->shape = &shapes[i];
    return noun;
}

static struct clip *add_clip(struct noun *noun)
{
    noun->clips = realloc(noun->clips, (noun->n_clips + 1) * sizeof *noun->clips);
    if (!noun->clips)
        abort();
    return &noun->clips[noun->n_clips++];
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
    return clip_open(add_clip(find_noun(out, tab + 1)), path) || fail("cannot read PNG", path);
}

static bool read_clips(struct material *out, const char *list)
{
    const char *slash = strrchr(list, '/');
    out->list = file_load(list);
    if (!out->list)
        return fail("cannot read", list);
    out->nouns = allocate(count(out->list, '\n'), sizeof *out->nouns);
    for (char *line = strtok(out->list, "\n"); line; line = strtok(NULL, "\n"))
        if (!read_line(out, line, list, slash ? (int)(slash + 1 - list) : 0))
            return false;
    return out->n_nouns > 0 || fail("no clip art in", list);
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
    for (size_t i = 0; i < material->n_nouns; i++) {
        for (size_t k = 0; k < material->nouns[i].n_clips; k++)
            clip_release(&material->nouns[i].clips[k]);
        free(material->nouns[i].clips);
    }
    free(material->fonts);
    free(material->nouns);
    free(material->list);
}
