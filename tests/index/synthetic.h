// SPDX-License-Identifier: Apache-2.0
/* Indexes of made-up vectors. Include after cmocka.h. A check that fails names the line it stands on. */
#ifndef DIPTYCH_TESTS_SYNTHETIC_H
#define DIPTYCH_TESTS_SYNTHETIC_H

#include "index/index.h"

/* The path of a scratch folder in which nothing of that name exists; valid until the next call. */
const char *scratch_path(const char *name);
void remove_tree(const char *path);

/* vector (width) of length 1, by number: the same for the same number. */
void make_vector(float *vector, size_t width, uint64_t number);

/* A picture "pictures/NUMBER.png" with the vector of its number. */
void add_picture(struct index *index, uint64_t number);
void add_text(struct index *index, const char *text, uint64_t number);

/* The item with a picture's number, whose stored vector must be the one of vector_number; row -1: there is
 * none. */
struct index_item find_picture(struct index *index, uint64_t number, uint64_t vector_number);

/* Fails unless index_verify finds nothing. */
void verify_clean(const char *path);

/* All that index_verify says, a line each, for free(). */
char *verify_text(const char *path, int64_t *defects);

#define assert_ok(call) assert_ok_at(call, &err, #call, __FILE__, __LINE__)
void assert_ok_at(int rc, const struct err *err, const char *call, const char *file, int line);

/* The call fails with this code and a message that has this text. */
#define assert_err(call, code, text) assert_err_at(call, code, text, &err, #call, __FILE__, __LINE__)
void assert_err_at(int rc, enum err_code code, const char *text, const struct err *err, const char *call,
    const char *file, int line);

#endif
