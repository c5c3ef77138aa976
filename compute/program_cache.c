// SPDX-License-Identifier: Apache-2.0
#include "compute/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The lines before the binary: what it is (1 may have been read half written), the key, and the hash of the binary. */
enum { HEADER_SIZE = sizeof "diptych kernels 2\n" - 1 + 2 * HASH_SIZE };

static void header_write(
    char out[HEADER_SIZE + 1], const struct program_cache *cache, const void *binary, size_t size)
{
    char hash[HASH_SIZE];
    hash_bytes(hash, binary, size);
    snprintf(out, HEADER_SIZE + 1, "diptych kernels 2\n%s\n%s\n", cache->key, hash);
}

/* ---- which file ---------------------------------------------------------------------------------------- */

/* What the environment says, or NULL. */
static const char *folder_set(void)
{
    const char *set = getenv("DIPTYCH_KERNEL_CACHE");
    return set && *set ? set : NULL;
}

const char *device_kernel_folder(const struct device *device, struct arena *arena)
{
    const char *set = folder_set(), *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (set)
        return strcmp(set, "off") != 0 ? set : NULL;
    if (device_is_of(device, "NVIDIA CUDA")) /* in CUDA_CACHE_PATH */
        return NULL;
    if (base && *base == '/') /* one that is not absolute is to be ignored, says the specification */
        return path_join(arena, base, "diptych");
    base = home && *home ? path_join(arena, home, ".cache") : NULL;
    return base ? path_join(arena, base, "diptych") : NULL;
}

/* The folder, made with the one above it where they are not there; NULL: no caching. */
static const char *folder_make(const struct device *device, struct arena *arena)
{
    const char *folder = device_kernel_folder(device, arena);
    const char *above =
        folder && !folder_set() ? arena_copy(arena, folder, path_above(folder, strlen(folder))) : NULL;
    if (above)
        mkdir(above, 0700);
    return folder && (!mkdir(folder, 0700) || errno == EEXIST) ? folder : NULL;
}

/* Every text ends with its NUL, so that no two lists of texts hash the same bytes. */
static bool key_make(char key[HASH_SIZE], const struct device *device, const char *options,
    const char *const *sources, size_t count)
{
    static const cl_device_info properties[] = {
        CL_DEVICE_NAME, CL_DEVICE_VENDOR, CL_DEVICE_VERSION, CL_DRIVER_VERSION};
    char *bytes = NULL, text[512] = "";
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream)
        return false;
    bool known = !clGetPlatformInfo(device->platform, CL_PLATFORM_VERSION, sizeof text, text, NULL);
    fwrite(text, 1, strlen(text) + 1, stream);
    for (size_t i = 0; known && i < sizeof properties / sizeof *properties; i++) {
        known = !clGetDeviceInfo(device->id, properties[i], sizeof text, text, NULL);
        fwrite(text, 1, strlen(text) + 1, stream);
    }
    fwrite(options, 1, strlen(options) + 1, stream);
    for (size_t i = 0; i < count; i++)
        fwrite(sources[i], 1, strlen(sources[i]) + 1, stream);
    const bool whole = !ferror(stream);
    if (fclose(stream) || !whole || !known) {
        free(bytes);
        return false;
    }
    hash_bytes(key, bytes, size);
    free(bytes);
    return true;
}

void program_cache_open(struct program_cache *out, const struct device *device, const char *options,
    const char *const *sources, size_t count)
{
    struct arena arena = {0};
    *out = (struct program_cache){0};
    const char *folder = folder_make(device, &arena);
    if (folder && key_make(out->key, device, options, sources, count) &&
        asprintf(&out->path, "%s/%s", folder, out->key) < 0)
        out->path = NULL;
    out->later = !folder_set() && device->pocl;
    arena_release(&arena);
}

void program_cache_close(struct program_cache *cache)
{
    free(cache->path);
    *cache = (struct program_cache){0};
}

/* ---- reading and writing ------------------------------------------------------------------------------- */

static bool binary_build(
    cl_program *out, const struct device *device, const char *options, const uint8_t *binary, size_t size)
{
    cl_int status, of_binary = 0;
    *out = clCreateProgramWithBinary(device->context, 1, &device->id, &size, &binary, &of_binary, &status);
    if (status)
        return false;
    if (!of_binary && !clBuildProgram(*out, 1, &device->id, options, NULL, NULL))
        return true;
    clReleaseProgram(*out);
    return false;
}

bool program_cache_load(
    cl_program *out, const struct program_cache *cache, const struct device *device, const char *options)
{
    struct file_map map;
    char header[HEADER_SIZE + 1];
    bool built = false;
    if (!cache->path || file_map_open(&map, cache->path, NULL))
        return false;
    if (map.size > HEADER_SIZE) {
        const uint8_t *binary = map.data + HEADER_SIZE;
        const size_t size = map.size - HEADER_SIZE;
        header_write(header, cache, binary, size);
        built = !memcmp(map.data, header, HEADER_SIZE) && binary_build(out, device, options, binary, size);
    }
    file_map_release(&map);
    return built;
}

void program_cache_store(const struct program_cache *cache, cl_program program)
{
    struct new_file file;
    size_t size = 0;
    if (!cache->path || clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) || !size)
        return;
    unsigned char *binary = mem_new(size, 1);
    if (binary && !clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) &&
        !new_file_open(&file, cache->path, NULL)) {
        char header[HEADER_SIZE + 1];
        header_write(header, cache, binary, size);
        fwrite(header, 1, HEADER_SIZE, file.stream);
        fwrite(binary, 1, size, file.stream);
        new_file_close(&file, true, NULL);
    }
    free(binary);
}
