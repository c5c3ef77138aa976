// SPDX-License-Identifier: Apache-2.0
/* The stack and the memo of the pickle machine. */
#include "base/pickle_machine.h"

#include <inttypes.h>

/* ---- the stack ----------------------------------------------------------------------------------------- */

int pickle_values_add(struct pickle_values *values, struct pickle_value value, struct err *err)
{
    const int rc = array_grow(values->items, &values->room, values->count + 1, err);
    if (!rc)
        values->items[values->count++] = value;
    return rc;
}

int pickle_push(struct pickle *p, int rc, struct pickle_value value)
{
    return rc ? rc : pickle_values_add(&p->stack, value, p->err);
}

static int fail_empty(struct pickle *p)
{
    return err_set(p->err, ERR_FORMAT, "opcode at byte %zu takes what is not there", p->offset);
}

int pickle_pop(struct pickle *p, const struct pickle_value **values, size_t n)
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

int pickle_pop_to_mark(struct pickle *p, const struct pickle_value **values, size_t *count)
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

int pickle_pop_to_mark_on(
    const struct pickle_value **below, struct pickle *p, const struct pickle_value **values, size_t *count)
{
    int rc = pickle_pop_to_mark(p, values, count);
    if (!rc)
        rc = pickle_pop(p, below, 1);
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
        rc = pickle_pop(p, &top, 1);
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
    return pickle_push(p, 0, p->memo.items[index]);
}

/* The argument of PUT and GET is a line of digits. */
static int take_index(uint32_t *index, struct pickle *p)
{
    struct span line = p->argument;
    if (!span_take_number(index, &line) || line.length)
        return err_set(p->err, ERR_FORMAT, "no memo number at byte %zu", p->offset);
    return 0;
}

int pickle_run_put_line(struct pickle *p)
{
    uint32_t index;
    const int rc = take_index(&index, p);
    return rc ? rc : put(p, index);
}

int pickle_run_get_line(struct pickle *p)
{
    uint32_t index;
    const int rc = take_index(&index, p);
    return rc ? rc : get(p, index);
}

uint64_t pickle_little_endian(struct span bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.length && i < 8; i++)
        value |= (uint64_t)span_bytes(bytes)[i] << 8 * i;
    return value;
}

int pickle_run_put(struct pickle *p)
{
    return put(p, pickle_little_endian(p->argument));
}

int pickle_run_get(struct pickle *p)
{
    return get(p, pickle_little_endian(p->argument));
}

int pickle_run_memoize(struct pickle *p)
{
    return put(p, p->memo.count);
}
