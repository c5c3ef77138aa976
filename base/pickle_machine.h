// SPDX-License-Identifier: Apache-2.0
/* Inside base: the parts of the pickle machine. */
#ifndef DIPTYCH_BASE_PICKLE_MACHINE_H
#define DIPTYCH_BASE_PICKLE_MACHINE_H

#include "base/pickle.h"

/* ---- the stack ----------------------------------------------------------------------------------------- */

/* What a reader's function made, unless it failed. */
int pickle_push(struct pickle *p, int rc, struct pickle_value value);

/* Take the n values on top, or all above the last mark and the mark too. They can be read until the next push. */
int pickle_pop(struct pickle *p, const struct pickle_value **values, size_t n);
int pickle_pop_to_mark(struct pickle *p, const struct pickle_value **values, size_t *count);

/* The same, and then the value below, which stays. */
int pickle_pop_to_mark_on(
    const struct pickle_value **below, struct pickle *p, const struct pickle_value **values, size_t *count);

/* Of the first 8 bytes, the lowest first. */
uint64_t pickle_little_endian(struct span bytes);

/* ---- the opcodes --------------------------------------------------------------------------------------- */

/* Each does what its opcode says, with p->argument. */
typedef int pickle_opcode(struct pickle *p);
pickle_opcode pickle_run_put_line, pickle_run_get_line, pickle_run_put, pickle_run_get, pickle_run_memoize;
pickle_opcode pickle_run_text, pickle_run_quoted, pickle_run_unicode, pickle_run_digits, pickle_run_unsigned,
    pickle_run_signed, pickle_run_float, pickle_run_constant, pickle_run_tuple, pickle_run_empty_tuple,
    pickle_run_short_tuple, pickle_run_empty_dictionary, pickle_run_dictionary, pickle_run_set_item,
    pickle_run_set_items, pickle_run_empty_list, pickle_run_append, pickle_run_appends, pickle_run_global,
    pickle_run_instance, pickle_run_stack_global, pickle_run_reduce, pickle_run_new_object, pickle_run_build,
    pickle_run_persistent;
pickle_opcode pickle_refuse_opcode; /* of a kind that has no reader */

#endif
