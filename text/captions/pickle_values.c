// SPDX-License-Identifier: Apache-2.0
#include "text/captions/pickle_machine.h"

#include <inttypes.h>
#include <string.h>

/* ---- the stack ----------------------------------------------------------------------------------------- */

int values_add(struct values *values, struct value value, struct err *err)
{
    const int rc = array_grow(values->items, &values->room, values->count + 1, err);
    if (!rc)
        values->items[values->count++] = value;
    return rc;
}

int push(struct machine *m, enum kind kind, uint32_t number)
{
    return values_add(&m->stack, (struct value){kind, number}, m->err);
}

static int fail_empty(struct machine *m)
{
    return err_set(m->err, ERR_FORMAT, "opcode at byte %zu takes what is not there", m->offset);
}

int pop(struct machine *m, const struct value **values, size_t n)
{
    if (m->stack.count < n)
        return fail_empty(m);
    *values = m->stack.items + m->stack.count - n;
    for (size_t i = 0; i < n; i++)
        if ((*values)[i].kind == MARK)
            return fail_empty(m);
    m->stack.count -= n;
    return 0;
}

int pop_to_mark(struct machine *m, const struct value **values, size_t *count)
{
    size_t mark = m->stack.count;
    while (mark && m->stack.items[mark - 1].kind != MARK)
        mark--;
    if (mark == 0)
        return fail_empty(m);
    *values = m->stack.items + mark;
    *count = m->stack.count - mark;
    m->stack.count = mark - 1;
    return 0;
}

/* ---- words and numbers --------------------------------------------------------------------------------- */

static int push_text(struct machine *m, struct span text)
{
    uint32_t word;
    const int rc = document_frequency_word(&word, m->df, text, m->err);
    if (rc) {
        err_wrap(m->err, "string at byte %zu", m->offset);
        return rc;
    }
    return push(m, WORD, word);
}

typedef bool unescaper(char *out, size_t *length, struct span escaped);

static int push_escaped(struct machine *m, unescaper *unescape)
{
    const struct span line = m->argument;
    size_t need, length;
    if (!size_mul(&need, line.length, 2))
        return err_memory(m->err, line.length);
    const int rc = array_grow(m->text, &m->text_room, need + 1, m->err);
    if (rc)
        return rc;
    if (!unescape(m->text, &length, line))
        return err_set(m->err, ERR_FORMAT, "string at byte %zu is badly escaped", m->offset);
    return push_text(m, (struct span){m->text, length});
}

int run_text(struct machine *m)
{
    return push_text(m, m->argument);
}

int run_quoted(struct machine *m)
{
    return push_escaped(m, pickle_unquote);
}

int run_unicode(struct machine *m)
{
    return push_escaped(m, pickle_unescape);
}

static int fail_number(struct machine *m)
{
    return err_set(m->err, ERR_FORMAT, "number at byte %zu is not whole, or not from 0 to %" PRIu32,
        m->offset, UINT32_MAX);
}

/* 17, 17L or 17.0. Booleans are 00 and 01, which span_take_number refuses. */
int run_digits(struct machine *m)
{
    struct span line = m->argument;
    uint32_t number;
    if (!span_take_number(&number, &line))
        return fail_number(m);
    if (!span_take(&line, "L"))
        span_take(&line, ".0");
    return line.length ? fail_number(m) : push(m, NUMBER, number);
}

uint64_t little_endian(struct span bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.length && i < 8; i++)
        value |= (uint64_t)(unsigned char)bytes.data[i] << 8 * i;
    return value;
}

int run_unsigned(struct machine *m)
{
    for (size_t i = 4; i < m->argument.length; i++)
        if (m->argument.data[i])
            return fail_number(m);
    return push(m, NUMBER, (uint32_t)little_endian(m->argument));
}

int run_signed(struct machine *m)
{
    const struct span bytes = m->argument;
    const bool negative = bytes.length && (unsigned char)bytes.data[bytes.length - 1] >= 0x80;
    return negative ? fail_number(m) : run_unsigned(m);
}

int run_float(struct machine *m)
{
    uint64_t bits = 0;
    double value;
    for (size_t i = 0; i < m->argument.length; i++)
        bits = bits << 8 | (unsigned char)m->argument.data[i];
    memcpy(&value, &bits, sizeof value);
    if (!(value >= 0 && value <= UINT32_MAX) || value != (double)(uint32_t)value)
        return fail_number(m);
    return push(m, NUMBER, (uint32_t)value);
}

/* ---- tuples and dictionaries --------------------------------------------------------------------------- */

static int word_of(uint32_t *out, struct machine *m, struct value value)
{
    char digits[16];
    *out = value.number;
    if (value.kind == WORD)
        return 0;
    if (value.kind != NUMBER)
        return err_set(m->err, ERR_FORMAT, "tuple at byte %zu is not of words", m->offset);
    snprintf(digits, sizeof digits, "%" PRIu32, value.number);
    return document_frequency_word(out, m->df, span_of(digits), m->err);
}

static int push_tuple(struct machine *m, const struct value *values, size_t count)
{
    uint32_t words[NGRAM_ORDERS], ngram;
    int rc = 0;
    if (count == 0 || (count == 1 && values[0].kind == NUMBER_TYPE))
        return push(m, ARGUMENTS, 0);
    if (count > NGRAM_ORDERS)
        return err_set(m->err, ERR_FORMAT, "tuple of %zu at byte %zu: n-grams have 1 to %d words", count,
            m->offset, NGRAM_ORDERS);
    for (size_t i = 0; i < count && !rc; i++)
        rc = word_of(&words[i], m, values[i]);
    if (!rc)
        rc = document_frequency_ngram(&ngram, m->df, words, count, m->err);
    return rc ? rc : push(m, NGRAM, ngram);
}

int run_tuple(struct machine *m)
{
    const struct value *values = NULL;
    size_t count = 0;
    const int rc = pop_to_mark(m, &values, &count);
    return rc ? rc : push_tuple(m, values, count);
}

int run_empty_tuple(struct machine *m)
{
    return push_tuple(m, NULL, 0);
}

int run_short_tuple(struct machine *m)
{
    const size_t count = m->opcode - 0x84u;
    const struct value *values = NULL;
    const int rc = pop(m, &values, count);
    return rc ? rc : push_tuple(m, values, count);
}
