// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: programs that were compiled in an earlier run, kept in files.
 *
 * A file is named after a hash over everything the compiler was given and who it is: the device's name,
 * vendor and versions, the build options, the sources. It holds a line that says what it is, the same hash,
 * a hash of the program's binary, and the binary. A file that is not exactly so is one that is not there.
 *
 * The folder is DIPTYCH_KERNEL_CACHE, or else $XDG_CACHE_HOME/diptych, or else ~/.cache/diptych. Without
 * DIPTYCH_KERNEL_CACHE, NVIDIA's driver is left to keep its programs itself. PoCL keeps them too, but runs its
 * preprocessor over each source to know it again, 15 to 40 ms a program; of a binary it asks nothing. To give
 * one away it compiles every kernel for any work group, which took 3 seconds (PoCL 3.1, two CPUs): so its
 * programs are kept `later`, when somebody finds the time, and read at once.
 *
 * Nothing here is an error: where there is nowhere to write, programs are compiled in every run.
 */
#ifndef DIPTYCH_COMPUTE_PROGRAM_CACHE_H
#define DIPTYCH_COMPUTE_PROGRAM_CACHE_H

#include <CL/cl.h>

#include "compute/compute.h"

/* Where one program is kept; with path NULL, nowhere. */
struct program_cache {
    char *path;
    char key[HASH_SIZE];
    bool later; /* program_cache_store takes seconds */
};

/* What clCreateProgramWithSource and clBuildProgram would be given. */
void program_cache_open(struct program_cache *out, const struct device *device, const char *options,
    const char *const *sources, size_t count);
void program_cache_close(struct program_cache *cache);

/* A built program, or false. */
bool program_cache_load(
    cl_program *out, const struct program_cache *cache, const struct device *device, const char *options);

/* Keeps a built program; one of PoCL's by who has its folder alone: pocl_cache.h. */
void program_cache_store(const struct program_cache *cache, cl_program program);

#endif
