// SPDX-License-Identifier: Apache-2.0
#include "text/captions/pickle_machine.h"

int push_dictionary(struct machine *m)
{
    return push(m, DICTIONARY, m->dictionaries++);
}

/* *which is the dictionary that has keys of some kind, or nothing yet: then it becomes `dictionary`. False
 * where it is another. */
static bool is_or_becomes(struct value *which, struct value dictionary)
{
    if (which->kind == NOTHING)
        *which = dictionary;
    return which->number == dictionary.number;
}

static bool is_name(const struct machine *m, struct value key, const char *name)
{
    return key.kind == WORD && key.number != NGRAM_NONE &&
           span_equal(m->df->ngrams.words[key.number], span_of(name));
}

static int set_item(struct machine *m, struct value dictionary, struct value key, struct value value)
{
    struct value *which = key.kind == NGRAM ? &m->counted : &m->outer;
    struct value *named = is_name(m, key, "document_frequency") ? &m->frequencies
                          : is_name(m, key, "ref_len")          ? &m->ref_len
                                                                : NULL;
    if (key.kind != NGRAM && !named)
        return err_set(m->err, ERR_FORMAT,
            "key at byte %zu is neither an n-gram nor 'document_frequency' nor 'ref_len'", m->offset);
    if (!is_or_becomes(which, dictionary))
        return err_set(m->err, ERR_FORMAT, "a second dictionary of that kind at byte %zu", m->offset);
    if (named)
        *named = value;
    else if (value.kind != NUMBER)
        return err_set(m->err, ERR_FORMAT, "count of an n-gram at byte %zu is not a number", m->offset);
    else if (key.number != NGRAM_NONE)
        m->df->images[key.number] = value.number;
    return 0;
}

static int set_items(struct machine *m, struct value dictionary, const struct value *values, size_t count)
{
    if (dictionary.kind != DICTIONARY || count % 2)
        return err_set(
            m->err, ERR_FORMAT, "no dictionary, or no pairs to put into it, at byte %zu", m->offset);
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i += 2)
        rc = set_item(m, dictionary, values[i], values[i + 1]);
    return rc;
}

int finish(struct machine *m, struct value root)
{
    if (root.kind == DICTIONARY && m->outer.kind == NOTHING && is_or_becomes(&m->counted, root)) {
        m->df->count = 40504; /* the images of COCO's val2014 */
        return 0;
    }
    if (root.kind != DICTIONARY || root.number != m->outer.number || m->frequencies.kind != DICTIONARY ||
        !is_or_becomes(&m->counted, m->frequencies))
        return err_set(m->err, ERR_FORMAT, "it holds something other than document frequencies");
    if (m->ref_len.kind != NUMBER || m->ref_len.number == 0)
        return err_set(m->err, ERR_FORMAT, "'ref_len' is not there, or is not a number of images");
    m->df->count = m->ref_len.number;
    return 0;
}

int run_empty_dictionary(struct machine *m)
{
    return push_dictionary(m);
}

int run_dictionary(struct machine *m)
{
    const struct value *values = NULL;
    size_t count = 0;
    int rc = pop_to_mark(m, &values, &count);
    if (!rc)
        rc = set_items(m, (struct value){DICTIONARY, m->dictionaries}, values, count);
    return rc ? rc : push_dictionary(m);
}

/* The dictionary stays on the stack, below what is taken. */
int run_set_item(struct machine *m)
{
    const struct value *values = NULL;
    const int rc = pop(m, &values, 3);
    if (rc)
        return rc;
    m->stack.count++;
    return set_items(m, values[0], values + 1, 2);
}

int run_set_items(struct machine *m)
{
    const struct value *values = NULL, *dictionary = NULL;
    size_t count = 0;
    int rc = pop_to_mark(m, &values, &count);
    if (!rc)
        rc = pop(m, &dictionary, 1);
    if (rc)
        return rc;
    m->stack.count++;
    return set_items(m, *dictionary, values, count);
}
