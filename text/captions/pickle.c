// SPDX-License-Identifier: Apache-2.0
#include "text/captions/pickle_machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the memo ------------------------------------------------------------------------------------------ */

/* The value on top gets the number `index`. A pickler counts the values that it wrote, each of at least one
 * byte, so no number is larger than the offset: the memo is linear in the pickle. */
static int put(struct machine *m, uint64_t index)
{
    const struct value *top = NULL;
    int rc = 0;
    if (index > m->offset)
        return err_set(m->err, ERR_FORMAT, "memo number %" PRIu64 " at byte %zu", index, m->offset);
    while (!rc && m->memo.count <= index)
        rc = values_add(&m->memo, (struct value){NOTHING, 0}, m->err);
    if (!rc)
        rc = pop(m, &top, 1);
    if (rc)
        return rc;
    m->stack.count++; /* it stays */
    m->memo.items[index] = *top;
    return 0;
}

static int get(struct machine *m, uint64_t index)
{
    if (index >= m->memo.count || m->memo.items[index].kind == NOTHING)
        return err_set(
            m->err, ERR_FORMAT, "memo number %" PRIu64 " at byte %zu is not there", index, m->offset);
    return values_add(&m->stack, m->memo.items[index], m->err);
}

/* The argument of PUT and GET is a line of digits. */
static int take_index(uint32_t *index, struct machine *m)
{
    struct span line = m->argument;
    if (!span_take_number(index, &line) || line.length)
        return err_set(m->err, ERR_FORMAT, "no memo number at byte %zu", m->offset);
    return 0;
}

static int run_put_line(struct machine *m)
{
    uint32_t index;
    const int rc = take_index(&index, m);
    return rc ? rc : put(m, index);
}

static int run_get_line(struct machine *m)
{
    uint32_t index;
    const int rc = take_index(&index, m);
    return rc ? rc : get(m, index);
}

static int run_put(struct machine *m)
{
    return put(m, little_endian(m->argument));
}

static int run_get(struct machine *m)
{
    return get(m, little_endian(m->argument));
}

static int run_memoize(struct machine *m)
{
    return put(m, m->memo.count);
}

/* ---- what other pickles call --------------------------------------------------------------------------- */

static const struct {
    const char *module, *name;
    enum kind kind;
} known[] = {
    {"collections", "defaultdict", DEFAULTDICT},
    {"__builtin__", "int", NUMBER_TYPE},  /* Python 2 */
    {"__builtin__", "long", NUMBER_TYPE}, /* also int of Python 3 where Python 2 could read it */
    {"__builtin__", "float", NUMBER_TYPE},
    {"builtins", "int", NUMBER_TYPE}, /* Python 3 */
    {"builtins", "float", NUMBER_TYPE},
};

/* Names are printed without what a terminal would obey. */
static int refuse(struct machine *m, struct span module, struct span name)
{
    char text[160];
    snprintf(text, sizeof text, "%.*s.%.*s", module.length < 64 ? (int)module.length : 64, module.data,
        name.length < 64 ? (int)name.length : 64, name.data);
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return err_set(m->err, ERR_UNSUPPORTED,
        "it would call '%s' at byte %zu; only dictionaries of counts are read", text, m->offset);
}

static int push_global(struct machine *m, struct span module, struct span name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (span_equal(module, span_of(known[i].module)) && span_equal(name, span_of(known[i].name)))
            return push(m, known[i].kind, 0);
    return refuse(m, module, name);
}

/* The argument is two lines. */
static void split_lines(struct span *module, struct span *name, struct span lines)
{
    const char *end = memchr(lines.data, '\n', lines.length);
    *module = (struct span){lines.data, (size_t)(end - lines.data)};
    *name = span_from(lines, module->length + 1);
}

static int run_global(struct machine *m)
{
    struct span module, name;
    split_lines(&module, &name, m->argument);
    return push_global(m, module, name);
}

static int run_instance(struct machine *m)
{
    struct span module, name;
    split_lines(&module, &name, m->argument);
    return refuse(m, module, name);
}

static struct span text_of(const struct machine *m, struct value value)
{
    return value.kind == WORD && value.number != NGRAM_NONE ? m->df->ngrams.words[value.number]
                                                            : span_of("?");
}

static int run_stack_global(struct machine *m)
{
    const struct value *names = NULL;
    const int rc = pop(m, &names, 2);
    return rc ? rc : push_global(m, text_of(m, names[0]), text_of(m, names[1]));
}

static int run_reduce(struct machine *m)
{
    const struct value *call = NULL;
    const int rc = pop(m, &call, 2);
    if (rc)
        return rc;
    if (call[0].kind != DEFAULTDICT || call[1].kind != ARGUMENTS)
        return err_set(m->err, ERR_UNSUPPORTED,
            "it would call something else than defaultdict at byte %zu; only dictionaries of counts are read",
            m->offset);
    return push_dictionary(m);
}

/* ---- the opcodes --------------------------------------------------------------------------------------- */

static int run_mark(struct machine *m)
{
    return push(m, MARK, 0);
}

static int run_protocol(struct machine *m)
{
    const unsigned version = (unsigned char)m->argument.data[0];
    if (version > 5)
        return err_set(m->err, ERR_UNSUPPORTED, "pickle protocol %u; 0 to 5 are known", version);
    return 0;
}

static int run_frame(struct machine *m)
{
    (void)m; /* its length helps only who reads from a pipe */
    return 0;
}

static int run_stop(struct machine *m)
{
    const struct value *root = NULL;
    const int rc = pop(m, &root, 1);
    m->stopped = true;
    return rc ? rc : finish(m, *root);
}

/* What follows an opcode: up to 8 bytes, or text behind its length in 1, 4 or 8 bytes, or lines. */
enum form {
    BYTES_0,
    BYTES_1,
    BYTES_2,
    BYTES_4 = 4,
    BYTES_8 = 8,
    COUNTED_1,
    COUNTED_4,
    COUNTED_8,
    LINE,
    LINES_2
};

static const struct {
    int (*run)(struct machine *m);
    enum form form;
} opcodes[256] = {
    [0x80] = {run_protocol, BYTES_1},
    [0x95] = {run_frame, BYTES_8},
    ['.'] = {run_stop, BYTES_0},
    ['('] = {run_mark, BYTES_0},
    [')'] = {run_empty_tuple, BYTES_0},
    [0x85] = {run_short_tuple, BYTES_0},
    [0x86] = {run_short_tuple, BYTES_0},
    [0x87] = {run_short_tuple, BYTES_0},
    ['t'] = {run_tuple, BYTES_0},
    ['}'] = {run_empty_dictionary, BYTES_0},
    ['d'] = {run_dictionary, BYTES_0},
    ['s'] = {run_set_item, BYTES_0},
    ['u'] = {run_set_items, BYTES_0},
    /* str of Python 2, then unicode or str of Python 3, then bytes of Python 3 */
    ['S'] = {run_quoted, LINE},
    ['U'] = {run_text, COUNTED_1},
    ['T'] = {run_text, COUNTED_4},
    ['V'] = {run_unicode, LINE},
    [0x8c] = {run_text, COUNTED_1},
    ['X'] = {run_text, COUNTED_4},
    [0x8d] = {run_text, COUNTED_8},
    ['C'] = {run_text, COUNTED_1},
    ['B'] = {run_text, COUNTED_4},
    [0x8e] = {run_text, COUNTED_8},
    /* int, long and float */
    ['I'] = {run_digits, LINE},
    ['K'] = {run_unsigned, BYTES_1},
    ['M'] = {run_unsigned, BYTES_2},
    ['J'] = {run_signed, BYTES_4},
    ['L'] = {run_digits, LINE},
    [0x8a] = {run_signed, COUNTED_1},
    [0x8b] = {run_signed, COUNTED_4},
    ['F'] = {run_digits, LINE},
    ['G'] = {run_float, BYTES_8},
    ['p'] = {run_put_line, LINE},
    ['q'] = {run_put, BYTES_1},
    ['r'] = {run_put, BYTES_4},
    [0x94] = {run_memoize, BYTES_0},
    ['g'] = {run_get_line, LINE},
    ['h'] = {run_get, BYTES_1},
    ['j'] = {run_get, BYTES_4},
    ['c'] = {run_global, LINES_2},
    ['i'] = {run_instance, LINES_2},
    [0x93] = {run_stack_global, BYTES_0},
    ['R'] = {run_reduce, BYTES_0},
};

/* Cuts what belongs to the opcode off the front of *rest; false where the pickle ends before it does. */
static bool take_argument(struct span *argument, struct span *rest, enum form form)
{
    if (form == LINE || form == LINES_2) {
        const char *end = memchr(rest->data, '\n', rest->length);
        if (end && form == LINES_2)
            end = memchr(end + 1, '\n', rest->length - (size_t)(end + 1 - rest->data));
        if (!end)
            return false;
        *argument = (struct span){rest->data, (size_t)(end - rest->data)};
        *rest = span_from(*rest, argument->length + 1);
        return true;
    }
    uint64_t length = form;
    if (form >= COUNTED_1) {
        struct span count;
        const enum form width = form == COUNTED_1 ? BYTES_1 : form == COUNTED_4 ? BYTES_4 : BYTES_8;
        if (!take_argument(&count, rest, width))
            return false;
        length = little_endian(count);
    }
    if (length > rest->length)
        return false;
    *argument = (struct span){rest->data, (size_t)length};
    *rest = span_from(*rest, (size_t)length);
    return true;
}

static int run_next(struct machine *m, struct span *rest)
{
    if (rest->length == 0)
        return err_set(m->err, ERR_FORMAT, "the pickle ends early, at byte %zu", m->offset);
    m->opcode = (unsigned char)rest->data[0];
    *rest = span_from(*rest, 1);
    if (!opcodes[m->opcode].run)
        return err_set(m->err, ERR_UNSUPPORTED,
            "opcode 0x%02x at byte %zu has no part in dictionaries of counts", m->opcode, m->offset);
    if (!take_argument(&m->argument, rest, opcodes[m->opcode].form))
        return err_set(m->err, ERR_FORMAT, "the pickle ends inside the opcode at byte %zu", m->offset);
    return opcodes[m->opcode].run(m);
}

bool pickle_begins(struct span bytes)
{
    return bytes.length && strchr("\x80(}c", bytes.data[0]) && bytes.data[0];
}

int pickle_read(struct document_frequency *df, struct span bytes, struct err *err)
{
    struct machine m = {.df = df, .err = err};
    struct span rest = bytes;
    int rc = 0;
    while (!rc && !m.stopped) {
        m.offset = bytes.length - rest.length;
        rc = run_next(&m, &rest);
    }
    free(m.stack.items);
    free(m.memo.items);
    free(m.text);
    return rc;
}
