// SPDX-License-Identifier: Apache-2.0
/* The opcodes of a pickle, and how they are run. */
#include "base/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

/* ---- the opcodes --------------------------------------------------------------------------------------- */

static int run_mark(struct pickle *p)
{
    return pickle_push(p, 0, (struct pickle_value){PICKLE_MARK, 0});
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
    const int rc = pickle_pop(p, &root, 1);
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
    pickle_opcode *run;
    enum form form;
} opcodes[256] = {
    [0x80] = {run_protocol, BYTES_1},
    [0x95] = {run_frame, BYTES_8},
    ['.'] = {run_stop, BYTES_0},
    ['('] = {run_mark, BYTES_0},
    [')'] = {pickle_run_empty_tuple, BYTES_0},
    [0x85] = {pickle_run_short_tuple, BYTES_0},
    [0x86] = {pickle_run_short_tuple, BYTES_0},
    [0x87] = {pickle_run_short_tuple, BYTES_0},
    ['t'] = {pickle_run_tuple, BYTES_0},
    ['}'] = {pickle_run_empty_dictionary, BYTES_0},
    ['d'] = {pickle_run_dictionary, BYTES_0},
    ['s'] = {pickle_run_set_item, BYTES_0},
    ['u'] = {pickle_run_set_items, BYTES_0},
    [']'] = {pickle_run_empty_list, BYTES_0},
    ['a'] = {pickle_run_append, BYTES_0},
    ['e'] = {pickle_run_appends, BYTES_0},
    /* str of Python 2, then unicode or str of Python 3, then bytes of Python 3 */
    ['S'] = {pickle_run_quoted, LINE},
    ['U'] = {pickle_run_text, COUNTED_1},
    ['T'] = {pickle_run_text, COUNTED_4},
    ['V'] = {pickle_run_unicode, LINE},
    [0x8c] = {pickle_run_text, COUNTED_1},
    ['X'] = {pickle_run_text, COUNTED_4},
    [0x8d] = {pickle_run_text, COUNTED_8},
    ['C'] = {pickle_run_text, COUNTED_1},
    ['B'] = {pickle_run_text, COUNTED_4},
    [0x8e] = {pickle_run_text, COUNTED_8},
    /* int, long and float */
    ['I'] = {pickle_run_digits, LINE},
    ['K'] = {pickle_run_unsigned, BYTES_1},
    ['M'] = {pickle_run_unsigned, BYTES_2},
    ['J'] = {pickle_run_signed, BYTES_4},
    ['L'] = {pickle_run_digits, LINE},
    [0x8a] = {pickle_run_signed, COUNTED_1},
    [0x8b] = {pickle_run_signed, COUNTED_4},
    ['F'] = {pickle_run_digits, LINE},
    ['G'] = {pickle_run_float, BYTES_8},
    /* None, True, False */
    ['N'] = {pickle_run_constant, BYTES_0},
    [0x88] = {pickle_run_constant, BYTES_0},
    [0x89] = {pickle_run_constant, BYTES_0},
    ['p'] = {pickle_run_put_line, LINE},
    ['q'] = {pickle_run_put, BYTES_1},
    ['r'] = {pickle_run_put, BYTES_4},
    [0x94] = {pickle_run_memoize, BYTES_0},
    ['g'] = {pickle_run_get_line, LINE},
    ['h'] = {pickle_run_get, BYTES_1},
    ['j'] = {pickle_run_get, BYTES_4},
    ['c'] = {pickle_run_global, LINES_2},
    ['i'] = {pickle_run_instance, LINES_2},
    [0x93] = {pickle_run_stack_global, BYTES_0},
    ['R'] = {pickle_run_reduce, BYTES_0},
    [0x81] = {pickle_run_new_object, BYTES_0},
    ['b'] = {pickle_run_build, BYTES_0},
    ['Q'] = {pickle_run_persistent, BYTES_0},
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
        length = pickle_little_endian(count);
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
        return pickle_refuse_opcode(p);
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
