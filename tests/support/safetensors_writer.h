// SPDX-License-Identifier: Apache-2.0
/* Writes files for tests: any bytes, good safetensors files, and bad ones. A write that fails ends the test. */
#ifndef DIPTYCH_TESTS_SAFETENSORS_WRITER_H
#define DIPTYCH_TESTS_SAFETENSORS_WRITER_H

#include "compute/compute.h"

void write_bytes(const char *path, const void *bytes, size_t size);
void write_text(const char *path, const char *text);

/* A tensor to be written: the fields name, type, rank, shape and data of struct weight count. */
void write_safetensors(const char *path, const struct weight *tensors, size_t count);

/* A header as it stands, said to have `length` bytes, then size bytes that are all zero. */
void write_raw_safetensors(const char *path, uint64_t length, const char *header, size_t size);

#endif
