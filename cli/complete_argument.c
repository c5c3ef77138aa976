// SPDX-License-Identifier: Apache-2.0
/* What can stand for the words that usage and options have for their arguments. */
#include "cli/cmd_index.h"
#include "cli/complete.h"
#include "joint/collection/collection.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void complete_offer(const struct completion *c, const char *argument, const char *what)
{
    const char *begun = c->word + c->given;
    if (strncmp(argument, begun, strlen(begun)) != 0 || strpbrk(argument, "\t\n"))
        return;
    printf("%.*s%s\t%s\n", (int)c->given, c->word, argument, what);
}

/* What shells complete themselves, once: several usages of a command may take the same. */
static void offer_kind(const char *kind, bool *said)
{
    if (!*said)
        puts(kind);
    *said = true;
}

static void offer_files(const struct completion *c)
{
    static bool said;
    (void)c;
    offer_kind(":files", &said);
}

static void offer_folders(const struct completion *c)
{
    static bool said;
    (void)c;
    offer_kind(":folders", &said);
}

static void offer_indexes(const struct completion *c)
{
    static bool said;
    (void)c;
    offer_kind(":indexes", &said);
}

/* ---- models -------------------------------------------------------------------------------------------- */

static int offer_installed(void *context, const struct hub_model *model, struct err *err)
{
    (void)err;
    complete_offer(context, model->repo, "in the cache");
    return 0;
}

static void offer_cache(const struct completion *c)
{
    struct err err;
    hub_each(offer_installed, (void *)(uintptr_t)c, &err); /* those that could be listed are offered */
}

static void offer_models(const struct completion *c)
{
    complete_offer(c, MODEL_DEFAULT, "the model that comes with diptych");
    offer_cache(c);
    offer_folders(c);
}

static void offer_known_models(const struct completion *c)
{
    char name[128];
    for (size_t i = 0; hub_known_name(name, sizeof name, i); i++)
        complete_offer(c, name, "of open_clip");
}

static void offer_shapes(const struct completion *c)
{
    for (const struct model_shape *shape = model_shapes; shape->name; shape++)
        complete_offer(c, shape->name, "random weights");
}

/* ---- devices ------------------------------------------------------------------------------------------- */

static void offer_devices(const struct completion *c)
{
    struct device_info *infos = NULL;
    size_t count = 0;
    struct err err;
    complete_offer(c, "gpu", "the first GPU");
    complete_offer(c, "cpu", "the first CPU");
    device_list(&infos, &count, &(struct device_options){0}, &err);
    for (size_t i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%d:%d", infos[i].platform_index, infos[i].device_index);
        complete_offer(c, id, infos[i].name);
    }
    free(infos);
}

/* ---- labels -------------------------------------------------------------------------------------------- */

static void offer_data_sets(const struct completion *c)
{
    const char *name;
    char value[64];
    for (size_t i = 0; (name = data_set_name(i)); i++) {
        snprintf(value, sizeof value, "@%s", name);
        complete_offer(c, value, "labels of a data set");
    }
}

static void offer_template_sets(const struct completion *c)
{
    char name[64];
    for (size_t i = 0; template_set_name(name, sizeof name, i); i++)
        complete_offer(c, name, "prompts");
}

/* ---- columns ------------------------------------------------------------------------------------------- */

/* Completes the name at the end of an expression, behind all that is in front of it. */
static void offer_columns(const struct completion *c)
{
    struct completion name = *c;
    struct index *index;
    struct strings columns = {0}, keys = {0};
    struct err err;
    name.given = strlen(c->word);
    while (name.given > c->given &&
           (isalnum((unsigned char)c->word[name.given - 1]) || c->word[name.given - 1] == '_'))
        name.given--;
    const char *path = c->index ? c->index : index_default();
    if (!path || index_open(&index, path, INDEX_READ, NULL, &err))
        return;
    if (!index_columns(&columns, &keys, index, &err)) {
        for (size_t i = 0; i < columns.count; i++)
            complete_offer(&name, columns.items[i], "column");
        for (size_t i = 0; i < keys.count; i++) {
            char key[256];
            snprintf(key, sizeof key, "metadata->>'%s'", keys.items[i]);
            complete_offer(&name, key, "metadata");
        }
    }
    strings_release(&keys);
    strings_release(&columns);
    index_free(index);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    void (*offer)(const struct completion *c);
} arguments[] = {
    {"PATH", offer_files},
    {"FILE", offer_files},
    {"IMAGE", offer_files},
    {"CSV", offer_files},
    {"TAR", offer_files},
    {"IN", offer_files},
    {"OUT", offer_files},
    {"OLD", offer_files},
    {"NEW", offer_files},
    {"DIR", offer_folders},
    {"INDEX", offer_indexes},
    {"SHARD", offer_indexes},
    {"MODEL", offer_models},
    {"MODEL[@REVISION]", offer_cache},
    {"NAME[@REVISION]", offer_known_models},
    {"SHAPE", offer_shapes},
    {"DEVICE", offer_devices},
    {"LIST", offer_data_sets},
    {"SET", offer_template_sets},
    {"EXPR", offer_columns},
};

static bool offer(const struct completion *c, const char *word)
{
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
        if (!strcmp(arguments[i].word, word)) {
            arguments[i].offer(c);
            return true;
        }
    return false;
}

static void cut(char *from, const char *to)
{
    memmove(from, to, strlen(to) + 1);
}

/* Takes off the brackets around the whole, and what is in brackets before or behind it. */
static void make_bare(char *text)
{
    char *open, *close;
    while ((open = strchr(text, '[')) && (close = strchr(open, ']'))) {
        const bool whole = open == text && !close[1];
        *close = '\0';
        cut(open, whole ? open + 1 : close + 1);
    }
}

void complete_argument(const struct completion *c, const char *words)
{
    char text[128], word[64];
    const char *rest = text;
    struct span part;
    char *dots;
    snprintf(text, sizeof text, "%s", words);
    if ((dots = strstr(text, "...")))
        cut(dots, dots + strlen("..."));
    if (offer(c, text))
        return;
    make_bare(text);
    while (option_next_choice(&part, &rest)) {
        snprintf(word, sizeof word, "%.*s", (int)part.length, part.data);
        if (!offer(c, word) && !strpbrk(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
            complete_offer(c, word, "");
    }
}
