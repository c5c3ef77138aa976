// SPDX-License-Identifier: Apache-2.0
#include "service/classes.h"
#include "joint/probe/probe.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 16 };

struct classes_entry {
    char key[HASH_SIZE]; /* of labels, templates and scores */
    struct classifier *classifier;
    size_t users;
    bool kept;     /* in the list; else it goes with its last user */
    uint64_t used; /* when it was taken last */
};

struct classes {
    pthread_mutex_t lock;
    struct classes_entry *entries[KEPT];
    uint64_t clock;
    struct classifier *learned; /* NULL: there is no probe */
};

/* ---- keys ---------------------------------------------------------------------------------------------- */

/* Strings with their lengths, so that no two lists look alike. */
static void print_strings(FILE *out, const struct strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        fprintf(out, "%zu:%s", strlen(strings->items[i]), strings->items[i]);
    fputc('\n', out);
}

static int make_key(char key[HASH_SIZE], const struct strings *labels, const struct strings *templates,
    enum label_scores scores, struct err *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        print_strings(out, labels);
        print_strings(out, templates);
        fputs(label_scores_names[scores], out);
    }
    const bool written = out && !fclose(out);
    if (written)
        hash_bytes(key, text, size);
    free(text);
    return written ? 0 : err_memory(err, size);
}

/* ---- entries ------------------------------------------------------------------------------------------- */

static void entry_free(struct classes_entry *entry)
{
    if (!entry)
        return;
    classifier_free(entry->classifier);
    free(entry);
}

static struct classes_entry *find(struct classes *classes, const char *key)
{
    for (size_t i = 0; i < KEPT; i++) {
        struct classes_entry *entry = classes->entries[i];
        if (entry && !strcmp(entry->key, key)) {
            entry->users++;
            entry->used = ++classes->clock;
            return entry;
        }
    }
    return NULL;
}

/* Puts an entry in the place of the one that was used longest ago. */
static void keep(struct classes *classes, struct classes_entry *entry)
{
    size_t oldest = 0;
    for (size_t i = 1; i < KEPT; i++) {
        const struct classes_entry *a = classes->entries[i], *b = classes->entries[oldest];
        if (b && (!a || a->used < b->used))
            oldest = i;
    }
    struct classes_entry *old = classes->entries[oldest];
    if (old) {
        old->kept = false;
        if (!old->users)
            entry_free(old);
    }
    entry->kept = true;
    entry->used = ++classes->clock;
    classes->entries[oldest] = entry;
}

static int encode_prompts(void *context, float *embeddings, const char *const *texts, size_t count,
    size_t *truncated, const struct job *job, struct err *err)
{
    struct engine *engine = context;
    struct input *inputs = mem_new(count, sizeof *inputs);
    size_t tokens;
    *truncated = 0;
    if (!inputs)
        return err_memory(err, count * sizeof *inputs);
    for (size_t i = 0; i < count; i++)
        inputs[i] = (struct input){.kind = INPUT_TEXT, .text = texts[i]};
    const int rc = engine_encode(engine, embeddings, inputs, count, &tokens, job, err);
    free(inputs);
    return rc;
}

static int make(struct classes_entry **out, struct engine *engine, const char *key,
    const struct strings *labels, const struct strings *templates, enum label_scores scores,
    const struct job *job, struct err *err)
{
    const struct prompt_encoder encoder = {
        encode_prompts, engine, engine_width(engine), engine_score(engine)};
    struct classes_entry *entry = mem_new(1, sizeof *entry);
    if (!entry)
        return err_memory(err, sizeof *entry);
    memcpy(entry->key, key, sizeof entry->key);
    entry->users = 1;
    const int rc = classifier_make(&entry->classifier, &encoder, labels, templates, scores, job, err);
    if (rc)
        entry_free(entry);
    else
        *out = entry;
    return rc;
}

/* ---- the list ------------------------------------------------------------------------------------------ */

static int learn(struct classifier **out, const char *path, const struct engine *engine, struct err *err)
{
    struct probe probe = {0};
    int rc = probe_load(&probe, path, err);
    if (!rc)
        rc = probe_check(&probe, path, engine_directory(engine), engine_fingerprint(engine), err);
    if (!rc)
        rc = probe_classifier(out, &probe, err);
    probe_release(&probe);
    return rc;
}

int classes_open(struct classes **out, const char *probe, const struct engine *engine, struct err *err)
{
    struct classes *classes = mem_new(1, sizeof *classes);
    if (!classes)
        return err_memory(err, sizeof *classes);
    pthread_mutex_init(&classes->lock, NULL);
    const int rc = probe ? learn(&classes->learned, probe, engine, err) : 0;
    if (rc)
        classes_free(classes);
    else
        *out = classes;
    return rc;
}

void classes_free(struct classes *classes)
{
    if (!classes)
        return;
    for (size_t i = 0; i < KEPT; i++)
        entry_free(classes->entries[i]);
    classifier_free(classes->learned);
    pthread_mutex_destroy(&classes->lock);
    free(classes);
}

/* A short body can stand for more prompts than there is memory. Each place for a label begins with a brace. */
static int check_prompts(const struct strings *labels, const struct strings *templates, struct err *err)
{
    enum { PROMPT_BYTES_MAX = 128 << 20 };
    size_t label_bytes = 0, template_bytes = 0, places = 0, own, filled, all;
    for (size_t i = 0; i < labels->count; i++)
        label_bytes += strlen(labels->items[i]);
    for (size_t i = 0; i < templates->count; i++) {
        template_bytes += strlen(templates->items[i]);
        for (const char *at = templates->items[i]; (at = strchr(at, '{')); at++)
            places++;
    }
    const bool fits = size_mul(&own, template_bytes, labels->count) &&
                      size_mul(&filled, places, label_bytes) && size_add(&all, own, filled) &&
                      all <= PROMPT_BYTES_MAX;
    return fits ? 0
                : err_set(err, ERR_LIMIT, "all labels in all templates have more than %d bytes",
                      PROMPT_BYTES_MAX);
}

/* Two requests may make the same classifier at once; then one is kept after the other. */
int classes_take(struct classes_entry **out, struct classes *classes, struct engine *engine,
    const struct strings *labels, const struct strings *templates, enum label_scores scores,
    const struct job *job, struct err *err)
{
    char key[HASH_SIZE];
    int rc = check_prompts(labels, templates, err);
    if (!rc)
        rc = make_key(key, labels, templates, scores, err);
    if (rc)
        return rc;
    pthread_mutex_lock(&classes->lock);
    *out = find(classes, key);
    pthread_mutex_unlock(&classes->lock);
    if (*out)
        return 0;
    rc = make(out, engine, key, labels, templates, scores, job, err);
    if (rc)
        return rc;
    pthread_mutex_lock(&classes->lock);
    keep(classes, *out);
    pthread_mutex_unlock(&classes->lock);
    return 0;
}

const struct classifier *classes_classifier(const struct classes_entry *entry)
{
    return entry->classifier;
}

const struct classifier *classes_learned(const struct classes *classes)
{
    return classes->learned;
}

void classes_give_back(struct classes *classes, struct classes_entry *entry)
{
    if (!entry)
        return;
    pthread_mutex_lock(&classes->lock);
    const bool last = !--entry->users && !entry->kept;
    pthread_mutex_unlock(&classes->lock);
    if (last)
        entry_free(entry);
}
