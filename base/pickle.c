// SPDX-License-Identifier: Apache-2.0
#include "base/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- the stack ----------------------------------------------------------------------------------------- */

int pickle_values_add(struct pickle_values *values, struct pickle_value value, struct err *err)
{
    const int rc = array_grow(values->items, &values->room, values->count + 1, err);
    if (!rc)
        values->items[values->count++] = value;
    return rc;
}

/* What a reader's function made, unless it failed. */
static int push(struct pickle *p, int rc, struct pickle_value value)
{
    return rc ? rc : pickle_values_add(&p->stack, value, p->err);
}

static int fail_empty(struct pickle *p)
{
    return err_set(p->err, ERR_FORMAT, "opcode at byte %zu takes what is not there", p->offset);
}

/* Take the n values on top, or all above the last mark and the mark too. They can be read until the next
 * push. */
static int pop(struct pickle *p, const struct pickle_value **values, size_t n)
{
    if (p->stack.count < n)
        return fail_empty(p);
    *values = p->stack.items + p->stack.count - n;
    for (size_t i = 0; i < n; i++)
        if ((*values)[i].kind == PICKLE_MARK)
            return fail_empty(p);
    p->stack.count -= n;
    return 0;
}

static int pop_to_mark(struct pickle *p, const struct pickle_value **values, size_t *count)
{
    size_t mark = p->stack.count;
    while (mark && p->stack.items[mark - 1].kind != PICKLE_MARK)
        mark--;
    if (mark == 0)
        return fail_empty(p);
    *values = p->stack.items + mark;
    *count = p->stack.count - mark;
    p->stack.count = mark - 1;
    return 0;
}

/* The same, and then the value below, which stays. */
static int pop_to_mark_on(
    const struct pickle_value **below, struct pickle *p, const struct pickle_value **values, size_t *count)
{
    int rc = pop_to_mark(p, values, count);
    if (!rc)
        rc = pop(p, below, 1);
    if (!rc)
        p->stack.count++;
    return rc;
}

/* ---- the memo ------------------------------------------------------------------------------------------ */

/* The value on top gets the number `index`. A pickler counts the values that it wrote, each of at least one
 * byte, so no number is larger than the offset: the memo is linear in the pickle. */
static int put(struct pickle *p, uint64_t index)
{
    const struct pickle_value *top = NULL;
    int rc = 0;
    if (index > p->offset)
        return err_set(p->err, ERR_FORMAT, "memo number %" PRIu64 " at byte %zu", index, p->offset);
    while (!rc && p->memo.count <= index)
        rc = pickle_values_add(&p->memo, (struct pickle_value){PICKLE_NOTHING, 0}, p->err);
    if (!rc)
        rc = pop(p, &top, 1);
    if (rc)
        return rc;
    p->stack.count++; /* it stays */
    p->memo.items[index] = *top;
    return 0;
}

static int get(struct pickle *p, uint64_t index)
{
    if (index >= p->memo.count || p->memo.items[index].kind == PICKLE_NOTHING)
        return err_set(
            p->err, ERR_FORMAT, "memo number %" PRIu64 " at byte %zu is not there", index, p->offset);
    return push(p, 0, p->memo.items[index]);
}

/* The argument of PUT and GET is a line of digits. */
static int take_index(uint32_t *index, struct pickle *p)
{
    struct span line = p->argument;
    if (!span_take_number(index, &line) || line.length)
        return err_set(p->err, ERR_FORMAT, "no memo number at byte %zu", p->offset);
    return 0;
}

static int run_put_line(struct pickle *p)
{
    uint32_t index;
    const int rc = take_index(&index, p);
    return rc ? rc : put(p, index);
}

static int run_get_line(struct pickle *p)
{
    uint32_t index;
    const int rc = take_index(&index, p);
    return rc ? rc : get(p, index);
}

/* Of the first 8 bytes, the lowest first. */
static uint64_t little_endian(struct span bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.length && i < 8; i++)
        value |= (uint64_t)span_bytes(bytes)[i] << 8 * i;
    return value;
}

static int run_put(struct pickle *p)
{
    return put(p, little_endian(p->argument));
}

static int run_get(struct pickle *p)
{
    return get(p, little_endian(p->argument));
}

static int run_memoize(struct pickle *p)
{
    return put(p, p->memo.count);
}

/* ---- text and numbers ---------------------------------------------------------------------------------- */

static int push_text(struct pickle *p, struct span text)
{
    struct pickle_value value;
    return push(p, p->reader->text(&value, p, text), value);
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

static int run_text(struct pickle *p)
{
    return push_text(p, p->argument);
}

static int run_quoted(struct pickle *p)
{
    return push_escaped(p, pickle_unquote);
}

static int run_unicode(struct pickle *p)
{
    return push_escaped(p, pickle_unescape);
}

static int run_digits(struct pickle *p)
{
    struct pickle_value value;
    return push(p, p->reader->digits(&value, p, p->argument), value);
}

static int push_integer(struct pickle *p, int64_t integer)
{
    struct pickle_value value;
    return push(p, p->reader->integer(&value, p, integer), value);
}

static int run_unsigned(struct pickle *p)
{
    return push_integer(p, (int64_t)little_endian(p->argument)); /* four bytes at most */
}

/* Two's complement of any length, the lowest byte first. */
static int run_signed(struct pickle *p)
{
    const uint8_t *bytes = span_bytes(p->argument);
    const size_t length = p->argument.length;
    const uint8_t sign = length && bytes[length - 1] >= 0x80 ? 0xff : 0;
    uint64_t low = little_endian(p->argument);
    bool fits = true;
    for (size_t i = length; i < 8; i++)
        low |= (uint64_t)sign << 8 * i;
    for (size_t i = 8; i < length; i++)
        fits = fits && bytes[i] == sign;
    fits = fits && (low >> 63 == sign >> 7);
    return push_integer(p, fits ? (int64_t)low : sign ? INT64_MIN : INT64_MAX);
}

/* IEEE double, the highest byte first. */
static int run_float(struct pickle *p)
{
    struct pickle_value value;
    uint64_t bits = 0;
    double real;
    for (size_t i = 0; i < p->argument.length; i++)
        bits = bits << 8 | span_bytes(p->argument)[i];
    memcpy(&real, &bits, sizeof real);
    return push(p, p->reader->real(&value, p, real), value);
}

/* An opcode for which this reader has no part. */
static int refuse_opcode(struct pickle *p)
{
    return err_set(p->err, ERR_UNSUPPORTED, "opcode 0x%02x at byte %zu has no part in %s", p->opcode,
        p->offset, p->reader->purpose);
}

static int run_constant(struct pickle *p)
{
    struct pickle_value value;
    return p->reader->constant ? push(p, p->reader->constant(&value, p), value) : refuse_opcode(p);
}

/* ---- tuples, dictionaries and lists -------------------------------------------------------------------- */

static int push_tuple(struct pickle *p, const struct pickle_value *values, size_t count)
{
    struct pickle_value tuple;
    return push(p, p->reader->tuple(&tuple, p, values, count), tuple);
}

static int run_tuple(struct pickle *p)
{
    const struct pickle_value *values = NULL;
    size_t count = 0;
    const int rc = pop_to_mark(p, &values, &count);
    return rc ? rc : push_tuple(p, values, count);
}

static int run_empty_tuple(struct pickle *p)
{
    return push_tuple(p, NULL, 0);
}

/* Of one, two or three values, as the opcode says. */
static int run_short_tuple(struct pickle *p)
{
    const size_t count = p->opcode - 0x84u;
    const struct pickle_value *values = NULL;
    const int rc = pop(p, &values, count);
    return rc ? rc : push_tuple(p, values, count);
}

static int run_empty_dictionary(struct pickle *p)
{
    struct pickle_value dictionary;
    return push(p, p->reader->dictionary(&dictionary, p), dictionary);
}

/* Of all above the mark. */
static int run_dictionary(struct pickle *p)
{
    const struct pickle_value *values = NULL;
    struct pickle_value dictionary;
    size_t count = 0;
    int rc = pop_to_mark(p, &values, &count);
    if (!rc)
        rc = p->reader->dictionary(&dictionary, p);
    return rc ? rc : push(p, p->reader->set_items(p, dictionary, values, count), dictionary);
}

/* The dictionary stays on the stack, below what is taken. */
static int run_set_item(struct pickle *p)
{
    const struct pickle_value *values = NULL;
    const int rc = pop(p, &values, 3);
    if (rc)
        return rc;
    p->stack.count++;
    return p->reader->set_items(p, values[0], values + 1, 2);
}

static int run_set_items(struct pickle *p)
{
    const struct pickle_value *values = NULL, *dictionary = NULL;
    size_t count = 0;
    const int rc = pop_to_mark_on(&dictionary, p, &values, &count);
    return rc ? rc : p->reader->set_items(p, *dictionary, values, count);
}

static int run_empty_list(struct pickle *p)
{
    struct pickle_value list;
    return p->reader->list ? push(p, p->reader->list(&list, p), list) : refuse_opcode(p);
}

static int run_append(struct pickle *p)
{
    const struct pickle_value *values = NULL;
    if (!p->reader->list)
        return refuse_opcode(p);
    const int rc = pop(p, &values, 2);
    if (rc)
        return rc;
    p->stack.count++;
    return p->reader->append(p, values[0], values + 1, 1);
}

static int run_appends(struct pickle *p)
{
    const struct pickle_value *values = NULL, *list = NULL;
    size_t count = 0;
    if (!p->reader->list)
        return refuse_opcode(p);
    const int rc = pop_to_mark_on(&list, p, &values, &count);
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

static int run_global(struct pickle *p)
{
    struct pickle_value value;
    struct span module, name;
    split_lines(&module, &name, p->argument);
    return push(p, p->reader->global(&value, p, module, name), value);
}

static int run_instance(struct pickle *p)
{
    struct span module, name;
    split_lines(&module, &name, p->argument);
    return pickle_refuse(p, module, name);
}

static int run_stack_global(struct pickle *p)
{
    const struct pickle_value *names = NULL;
    struct pickle_value value;
    const int rc = pop(p, &names, 2);
    if (rc)
        return rc;
    const struct span module = p->reader->text_of(p, names[0]), name = p->reader->text_of(p, names[1]);
    return push(p, p->reader->global(&value, p, module, name), value);
}

static int run_reduce(struct pickle *p)
{
    const struct pickle_value *call = NULL;
    struct pickle_value value;
    const int rc = pop(p, &call, 2);
    return rc ? rc : push(p, p->reader->reduce(&value, p, call[0], call[1]), value);
}

static int run_new_object(struct pickle *p)
{
    const struct pickle_value *call = NULL;
    struct pickle_value value;
    if (!p->reader->new_object)
        return refuse_opcode(p);
    const int rc = pop(p, &call, 2);
    return rc ? rc : push(p, p->reader->new_object(&value, p, call[0], call[1]), value);
}

/* The object stays on the stack. */
static int run_build(struct pickle *p)
{
    const struct pickle_value *pair = NULL;
    if (!p->reader->build)
        return refuse_opcode(p);
    const int rc = pop(p, &pair, 2);
    if (rc)
        return rc;
    p->stack.count++;
    return p->reader->build(p, pair[0], pair[1]);
}

static int run_persistent(struct pickle *p)
{
    const struct pickle_value *id = NULL;
    struct pickle_value value;
    if (!p->reader->persistent)
        return refuse_opcode(p);
    const int rc = pop(p, &id, 1);
    return rc ? rc : push(p, p->reader->persistent(&value, p, *id), value);
}

/* ---- the opcodes --------------------------------------------------------------------------------------- */

static int run_mark(struct pickle *p)
{
    return push(p, 0, (struct pickle_value){PICKLE_MARK, 0});
}

static int run_protocol(struct pickle *p)
{
    const unsigned version = span_bytes(p->argument)[0];
    if (version > 5)
        return err_set(p->err, ERR_UNSUPPORTED, "pickle protocol %u; 0 to 5 are known", version);
    return 0;
}

static int run_frame(struct pickle *p)
{
    (void)p; /* its length helps only who reads from a pipe */
    return 0;
}

static int run_stop(struct pickle *p)
{
    const struct pickle_value *root = NULL;
    const int rc = pop(p, &root, 1);
    p->stopped = true;
    return rc ? rc : p->reader->finish(p, *root);
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
    int (*run)(struct pickle *p);
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
    [']'] = {run_empty_list, BYTES_0},
    ['a'] = {run_append, BYTES_0},
    ['e'] = {run_appends, BYTES_0},
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
    /* None, True, False */
    ['N'] = {run_constant, BYTES_0},
    [0x88] = {run_constant, BYTES_0},
    [0x89] = {run_constant, BYTES_0},
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
    [0x81] = {run_new_object, BYTES_0},
    ['b'] = {run_build, BYTES_0},
    ['Q'] = {run_persistent, BYTES_0},
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

static int run_next(struct pickle *p, struct span *rest)
{
    if (rest->length == 0)
        return err_set(p->err, ERR_FORMAT, "the pickle ends early, at byte %zu", p->offset);
    p->opcode = (unsigned char)rest->data[0];
    *rest = span_from(*rest, 1);
    if (!opcodes[p->opcode].run)
        return refuse_opcode(p);
    if (!take_argument(&p->argument, rest, opcodes[p->opcode].form))
        return err_set(p->err, ERR_FORMAT, "the pickle ends inside the opcode at byte %zu", p->offset);
    return opcodes[p->opcode].run(p);
}

int pickle_run(const struct pickle_reader *reader, void *context, struct span bytes, struct err *err)
{
    struct pickle p = {.reader = reader, .context = context, .err = err};
    struct span rest = bytes;
    int rc = 0;
    while (!rc && !p.stopped) {
        p.offset = bytes.length - rest.length;
        rc = run_next(&p, &rest);
    }
    free(p.stack.items);
    free(p.memo.items);
    free(p.text);
    return rc;
}
