// SPDX-License-Identifier: Apache-2.0
/* What the opcodes of a pickle make and take: a function for each. */
#include "base/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

/* ---- text and numbers ---------------------------------------------------------------------------------- */

static int push_text(struct pickle *p, struct span text)
{
    struct pickle_value value;
    return pickle_push(p, p->reader->text(&value, p, text), value);
}

typedef bool unescaper(char *out, size_t *length, struct span escaped);

static int push_escaped(struct pickle *p, unescaper *unescape)
{
    const struct span line = p->argument;
    size_t need, length;
    if (!size_mul(&need, line.length, 2))
        return err_memory(p->err, line.length);
    const int rc = array_grow(p->text, &p->text_room, need + 1, p->err);
    if (rc)
        return rc;
    if (!unescape(p->text, &length, line))
        return err_set(p->err, ERR_FORMAT, "string at byte %zu is badly escaped", p->offset);
    return push_text(p, (struct span){p->text, length});
}

int pickle_run_text(struct pickle *p)
{
    return push_text(p, p->argument);
}

int pickle_run_quoted(struct pickle *p)
{
    return push_escaped(p, pickle_unquote);
}

int pickle_run_unicode(struct pickle *p)
{
    return push_escaped(p, pickle_unescape);
}

int pickle_run_digits(struct pickle *p)
{
    struct pickle_value value;
    return pickle_push(p, p->reader->digits(&value, p, p->argument), value);
}

static int push_integer(struct pickle *p, int64_t integer)
{
    struct pickle_value value;
    return pickle_push(p, p->reader->integer(&value, p, integer), value);
}

int pickle_run_unsigned(struct pickle *p)
{
    return push_integer(p, (int64_t)pickle_little_endian(p->argument)); /* four bytes at most */
}

/* Two's complement of any length, the lowest byte first. */
int pickle_run_signed(struct pickle *p)
{
    const uint8_t *bytes = span_bytes(p->argument);
    const size_t length = p->argument.length;
    const uint8_t sign = length && bytes[length - 1] >= 0x80 ? 0xff : 0;
    uint64_t low = pickle_little_endian(p->argument);
    bool fits = true;
    for (size_t i = length; i < 8; i++)
        low |= (uint64_t)sign << 8 * i;
    for (size_t i = 8; i < length; i++)
        fits = fits && bytes[i] == sign;
    fits = fits && (low >> 63 == sign >> 7);
    return push_integer(p, fits ? (int64_t)low : sign ? INT64_MIN : INT64_MAX);
}

/* IEEE double, the highest byte first. */
int pickle_run_float(struct pickle *p)
{
    struct pickle_value value;
    uint64_t bits = 0;
    double real;
    for (size_t i = 0; i < p->argument.length; i++)
        bits = bits << 8 | span_bytes(p->argument)[i];
    memcpy(&real, &bits, sizeof real);
    return pickle_push(p, p->reader->real(&value, p, real), value);
}

/* An opcode for which this reader has no part. */
int pickle_refuse_opcode(struct pickle *p)
{
    return err_set(p->err, ERR_UNSUPPORTED, "opcode 0x%02x at byte %zu has no part in %s", p->opcode,
        p->offset, p->reader->purpose);
}

int pickle_run_constant(struct pickle *p)
{
    struct pickle_value value;
    return p->reader->constant ? pickle_push(p, p->reader->constant(&value, p), value)
                               : pickle_refuse_opcode(p);
}

/* ---- tuples, dictionaries and lists -------------------------------------------------------------------- */

static int push_tuple(struct pickle *p, const struct pickle_value *values, size_t count)
{
    struct pickle_value tuple;
    return pickle_push(p, p->reader->tuple(&tuple, p, values, count), tuple);
}

int pickle_run_tuple(struct pickle *p)
{
    const struct pickle_value *values = NULL;
    size_t count = 0;
    const int rc = pickle_pop_to_mark(p, &values, &count);
    return rc ? rc : push_tuple(p, values, count);
}

int pickle_run_empty_tuple(struct pickle *p)
{
    return push_tuple(p, NULL, 0);
}

/* Of one, two or three values, as the opcode says. */
int pickle_run_short_tuple(struct pickle *p)
{
    const size_t count = p->opcode - 0x84u;
    const struct pickle_value *values = NULL;
    const int rc = pickle_pop(p, &values, count);
    return rc ? rc : push_tuple(p, values, count);
}

int pickle_run_empty_dictionary(struct pickle *p)
{
    struct pickle_value dictionary;
    return pickle_push(p, p->reader->dictionary(&dictionary, p), dictionary);
}

/* Of all above the mark. */
int pickle_run_dictionary(struct pickle *p)
{
    const struct pickle_value *values = NULL;
    struct pickle_value dictionary;
    size_t count = 0;
    int rc = pickle_pop_to_mark(p, &values, &count);
    if (!rc)
        rc = p->reader->dictionary(&dictionary, p);
    return rc ? rc : pickle_push(p, p->reader->set_items(p, dictionary, values, count), dictionary);
}

/* The dictionary stays on the stack, below what is taken. */
int pickle_run_set_item(struct pickle *p)
{
    const struct pickle_value *values = NULL;
    const int rc = pickle_pop(p, &values, 3);
    if (rc)
        return rc;
    p->stack.count++;
    return p->reader->set_items(p, values[0], values + 1, 2);
}

int pickle_run_set_items(struct pickle *p)
{
    const struct pickle_value *values = NULL, *dictionary = NULL;
    size_t count = 0;
    const int rc = pickle_pop_to_mark_on(&dictionary, p, &values, &count);
    return rc ? rc : p->reader->set_items(p, *dictionary, values, count);
}

int pickle_run_empty_list(struct pickle *p)
{
    struct pickle_value list;
    return p->reader->list ? pickle_push(p, p->reader->list(&list, p), list) : pickle_refuse_opcode(p);
}

int pickle_run_append(struct pickle *p)
{
    const struct pickle_value *values = NULL;
    if (!p->reader->list)
        return pickle_refuse_opcode(p);
    const int rc = pickle_pop(p, &values, 2);
    if (rc)
        return rc;
    p->stack.count++;
    return p->reader->append(p, values[0], values + 1, 1);
}

int pickle_run_appends(struct pickle *p)
{
    const struct pickle_value *values = NULL, *list = NULL;
    size_t count = 0;
    if (!p->reader->list)
        return pickle_refuse_opcode(p);
    const int rc = pickle_pop_to_mark_on(&list, p, &values, &count);
    return rc ? rc : p->reader->append(p, *list, values, count);
}

/* ---- what other pickles call --------------------------------------------------------------------------- */

/* Names are printed without what a terminal would obey. */
int pickle_refuse(struct pickle *p, struct span module, struct span name)
{
    char text[160];
    snprintf(text, sizeof text, "%.*s.%.*s", module.length < 64 ? (int)module.length : 64, module.data,
        name.length < 64 ? (int)name.length : 64, name.data);
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return err_set(p->err, ERR_UNSUPPORTED, "it would call '%s' at byte %zu; only %s are read", text,
        p->offset, p->reader->purpose);
}

/* The argument is two lines. */
static void split_lines(struct span *module, struct span *name, struct span lines)
{
    const char *end = memchr(lines.data, '\n', lines.length);
    *module = (struct span){lines.data, (size_t)(end - lines.data)};
    *name = span_from(lines, module->length + 1);
}

int pickle_run_global(struct pickle *p)
{
    struct pickle_value value;
    struct span module, name;
    split_lines(&module, &name, p->argument);
    return pickle_push(p, p->reader->global(&value, p, module, name), value);
}

int pickle_run_instance(struct pickle *p)
{
    struct span module, name;
    split_lines(&module, &name, p->argument);
    return pickle_refuse(p, module, name);
}

int pickle_run_stack_global(struct pickle *p)
{
    const struct pickle_value *names = NULL;
    struct pickle_value value;
    const int rc = pickle_pop(p, &names, 2);
    if (rc)
        return rc;
    const struct span module = p->reader->text_of(p, names[0]), name = p->reader->text_of(p, names[1]);
    return pickle_push(p, p->reader->global(&value, p, module, name), value);
}

int pickle_run_reduce(struct pickle *p)
{
    const struct pickle_value *call = NULL;
    struct pickle_value value;
    const int rc = pickle_pop(p, &call, 2);
    return rc ? rc : pickle_push(p, p->reader->reduce(&value, p, call[0], call[1]), value);
}

int pickle_run_new_object(struct pickle *p)
{
    const struct pickle_value *call = NULL;
    struct pickle_value value;
    if (!p->reader->new_object)
        return pickle_refuse_opcode(p);
    const int rc = pickle_pop(p, &call, 2);
    return rc ? rc : pickle_push(p, p->reader->new_object(&value, p, call[0], call[1]), value);
}

/* The object stays on the stack. */
int pickle_run_build(struct pickle *p)
{
    const struct pickle_value *pair = NULL;
    if (!p->reader->build)
        return pickle_refuse_opcode(p);
    const int rc = pickle_pop(p, &pair, 2);
    if (rc)
        return rc;
    p->stack.count++;
    return p->reader->build(p, pair[0], pair[1]);
}

int pickle_run_persistent(struct pickle *p)
{
    const struct pickle_value *id = NULL;
    struct pickle_value value;
    if (!p->reader->persistent)
        return pickle_refuse_opcode(p);
    const int rc = pickle_pop(p, &id, 1);
    return rc ? rc : pickle_push(p, p->reader->persistent(&value, p, *id), value);
}
