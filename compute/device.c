// SPDX-License-Identifier: Apache-2.0
/* Finding the OpenCL devices of the machine, choosing one, and opening it. */
#include "compute/gemm/gemm.h"
#include "compute/pocl_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char no_device[] =
    "no OpenCL device found: install one, such as pocl-opencl-icd for any CPU, intel-opencl-icd or "
    "mesa-opencl-icd for GPUs, or nvidia-opencl-icd (Debian package names)";

int cl_fail(struct err *err, const char *call, cl_int status)
{
    static const struct {
        cl_int status;
        const char *meaning;
    } meanings[] = {
        {CL_DEVICE_NOT_AVAILABLE, "the device is not available"},
        {CL_MEM_OBJECT_ALLOCATION_FAILURE, "out of device memory"},
        {CL_OUT_OF_RESOURCES, "out of resources on the device"},
        {CL_OUT_OF_HOST_MEMORY, "out of host memory"},
        {CL_BUILD_PROGRAM_FAILURE, "the kernels do not compile"},
        {CL_INVALID_BUFFER_SIZE, "the device has no buffers that large"},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].status == status)
            return err_set(err, ERR_DEVICE, "%s failed: %s (%d)", call, meanings[i].meaning, (int)status);
    return err_set(err, ERR_DEVICE, "%s failed: OpenCL error %d", call, (int)status);
}

/* ---- which devices there are --------------------------------------------------------------------------- */

struct candidate {
    cl_platform_id platform;
    cl_device_id id;
    struct device_info info;
};

static void device_text(char *out, size_t size, cl_device_id id, cl_device_info what)
{
    if (clGetDeviceInfo(id, what, size, out, NULL))
        snprintf(out, size, "?");
}

/* GPUs first, then accelerators, then CPUs; among equals the one with more compute units. */
static int device_rank(const struct device_info *info)
{
    static const char *const order[] = {"other", "cpu", "accelerator", "gpu"};
    for (int i = 3; i > 0; i--)
        if (!strcmp(info->kind, order[i]))
            return i;
    return 0;
}

static void candidate_fill(struct candidate *candidate, cl_platform_id platform, int platform_index,
    cl_device_id id, int device_index)
{
    struct device_info *info = &candidate->info;
    cl_device_type type = 0;
    cl_uint units = 0;
    cl_ulong memory = 0;

    *candidate = (struct candidate){.platform = platform, .id = id};
    info->platform_index = platform_index;
    info->device_index = device_index;
    if (clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof info->platform, info->platform, NULL))
        snprintf(info->platform, sizeof info->platform, "?");
    device_text(info->name, sizeof info->name, id, CL_DEVICE_NAME);
    device_text(info->version, sizeof info->version, id, CL_DEVICE_VERSION);
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, NULL);
    info->kind = type & CL_DEVICE_TYPE_GPU           ? "gpu"
                 : type & CL_DEVICE_TYPE_ACCELERATOR ? "accelerator"
                 : type & CL_DEVICE_TYPE_CPU         ? "cpu"
                                                     : "other";
    info->compute_units = units;
    info->memory = memory;
}

static int candidates_find(struct candidate **out, size_t *count, struct err *err)
{
    enum { PLATFORMS_MAX = 32, DEVICES_MAX = 64 };
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint platform_count = 0;
    struct candidate *found = NULL;
    struct err cache;
    size_t used = 0;

    const int no_cache = pocl_cache_prepare(&cache);
    if (clGetPlatformIDs(PLATFORMS_MAX, platforms, &platform_count))
        platform_count = 0;
    for (cl_uint p = 0; p < platform_count && p < PLATFORMS_MAX; p++) {
        cl_device_id ids[DEVICES_MAX];
        cl_uint id_count = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, DEVICES_MAX, ids, &id_count))
            continue; /* a platform without a device */
        if (id_count > DEVICES_MAX)
            id_count = DEVICES_MAX;
        struct candidate *grown = mem_grow(found, used + id_count, sizeof *found);
        if (!grown) {
            free(found);
            return err_memory(err, (used + id_count) * sizeof *found);
        }
        found = grown;
        for (cl_uint d = 0; d < id_count; d++)
            candidate_fill(&found[used++], platforms[p], (int)p, ids[d], (int)d);
    }
    if (!used) {
        free(found);
        return no_cache ? err_set(err, ERR_DEVICE, "%s; %s", no_device, cache.msg)
                        : err_set(err, ERR_DEVICE, "%s", no_device);
    }
    *out = found;
    *count = used;
    return 0;
}

/* ---- which one to take --------------------------------------------------------------------------------- */

static bool device_matches(const struct device_info *info, const char *wanted)
{
    int platform, device, used = 0;
    if (sscanf(wanted, "%d:%d%n", &platform, &device, &used) == 2 && !wanted[used])
        return info->platform_index == platform && info->device_index == device;
    return !strcasecmp(wanted, info->kind) || strcasestr(info->name, wanted) ||
           strcasestr(info->platform, wanted);
}

static int candidate_choose(
    struct candidate **out, struct candidate *found, size_t count, const char *wanted, struct err *err)
{
    struct candidate *best = NULL;
    const char *asked = wanted ? "" : " of DIPTYCH_DEVICE";
    if (!wanted)
        wanted = getenv("DIPTYCH_DEVICE");
    for (size_t i = 0; i < count; i++) {
        if (wanted && *wanted && !device_matches(&found[i].info, wanted))
            continue;
        const int rank = device_rank(&found[i].info), best_rank = best ? device_rank(&best->info) : -1;
        if (rank > best_rank || (rank == best_rank && found[i].info.compute_units > best->info.compute_units))
            best = &found[i];
    }
    if (!best)
        return err_set(err, ERR_ARGUMENT, "no OpenCL device matches '%s'%s: `diptych devices` lists them",
            wanted, asked);
    *out = best;
    return 0;
}

/* ---- what is told of it -------------------------------------------------------------------------------- */

static int candidate_describe(struct device_info *out, const struct candidate *candidate, bool chosen,
    const struct device_options *options, struct err *err)
{
    const struct layer_provider *gemm = NULL, *other;
    enum precision precision, same;
    const char *wanted = options->gemm;
    int rc =
        arithmetic_choose(&gemm, &precision, candidate->id, wanted, options->precision, chosen ? err : NULL);
    if (rc && !chosen) {
        wanted = NULL; /* a provider that is forced but does not serve this device concerns the chosen one */
        rc = arithmetic_choose(&gemm, &precision, candidate->id, wanted, options->precision, err);
    }
    if (rc)
        return rc;
    *out = candidate->info;
    out->chosen = chosen;
    out->gemm = gemm->name;
    out->precision = precision;
    for (int p = 0; p < PRECISION_COUNT; p++)
        out->native[p] = !arithmetic_choose(
                             &other, &same, candidate->id, wanted, precision_name((enum precision)p), NULL) &&
                         other->takes((enum precision)p) == precision_activations((enum precision)p);
    return 0;
}

int device_list(
    struct device_info **out, size_t *count, const struct device_options *options, struct err *err)
{
    const struct device_options none = {0};
    struct candidate *found, *chosen = NULL;
    size_t used;

    options = options ? options : &none;
    int rc = candidates_find(&found, &used, err);
    if (rc)
        return rc;
    struct device_info *list = mem_new(used, sizeof *list);
    if (!list)
        rc = err_memory(err, used * sizeof *list);
    else if (candidate_choose(&chosen, found, used, options->device, NULL))
        chosen = NULL; /* its error sends the user here, to see what there is to choose from */
    for (size_t i = 0; !rc && i < used; i++)
        rc = candidate_describe(&list[i], &found[i], &found[i] == chosen, options, err);
    free(found);
    if (rc) {
        free(list);
        return rc;
    }
    *out = list;
    *count = used;
    return 0;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static struct tuning tuning_for(const struct device_info *info)
{
    if (!strcmp(info->kind, "cpu"))
        return (struct tuning){.lanes = 1, .queries = 32};
    return (struct tuning){.lanes = 64, .queries = 1};
}

int device_open(struct device **out, const struct device_options *options, struct err *err)
{
    return device_open_tuned(out, options, NULL, err);
}

int device_open_tuned(
    struct device **out, const struct device_options *options, const struct tuning *tuning, struct err *err)
{
    const struct device_options none = {0};
    struct candidate *found, *chosen;
    size_t count;

    options = options ? options : &none;
    int rc = candidates_find(&found, &count, err);
    if (rc)
        return rc;
    struct device *device = mem_new(1, sizeof *device);
    if (!device) {
        rc = err_memory(err, sizeof *device);
        goto done;
    }
    pthread_mutex_init(&device->lock, NULL);
    device->pocl_folder = -1;
    if ((rc = candidate_choose(&chosen, found, count, options->device, err)))
        goto done;
    device->platform = chosen->platform;
    device->id = chosen->id;
    device->pocl = device_is_of(device, POCL_PLATFORM);
    if (device->pocl)
        device->pocl_folder = pocl_cache_hold();
    device->tuning = tuning ? *tuning : tuning_for(&chosen->info);
    snprintf(device->name, sizeof device->name, "%s", chosen->info.name);
    if ((rc = arithmetic_choose(
             &device->provider, &device->precision, device->id, options->gemm, options->precision, err)))
        goto done;
    if ((rc = plain_choose(device, err)))
        goto done;
    device->activations = precision_activations(device->precision);
    device->weights_in_file = options->weights_in_file;
    /* Here, and not at the first product: a thread of OpenCL's may be bound to one CPU, and so would be what
     * it starts. */
    if ((device->provider->pooled || device->plain->pooled) &&
        (rc = pool_open(&device->pool, thread_default() - 1, err)))
        goto done;

    cl_int status;
    const cl_context_properties properties[] = {
        CL_CONTEXT_PLATFORM, (cl_context_properties)device->platform, 0};
    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &status);
    if (status)
        rc = cl_fail(err, "clCreateContext", status);
done:
    free(found);
    if (rc)
        device_free(device);
    else
        *out = device;
    return rc;
}

void device_free(struct device *device)
{
    if (!device)
        return;
    for (struct program *program = device->programs, *next; program; program = next) {
        next = program->next;
        clReleaseProgram(program->handle);
        program_cache_close(&program->unkept);
        free(program);
    }
    if (device->context)
        clReleaseContext(device->context);
    pocl_cache_release(device->pocl_folder);
    pool_free(device->pool);
    pthread_mutex_destroy(&device->lock);
    free(device);
}

const char *device_name(const struct device *device)
{
    return device->name;
}

const char *device_gemm(const struct device *device)
{
    return device->provider->name;
}

enum precision device_precision(const struct device *device)
{
    return device->precision;
}

enum dtype device_dtype(const struct device *device)
{
    return device->activations;
}

bool device_is_host(const struct device *device)
{
    return device_runs_native(device->id);
}

bool device_is_of(const struct device *device, const char *platform)
{
    char name[128] = "";
    clGetPlatformInfo(device->platform, CL_PLATFORM_NAME, sizeof name, name, NULL);
    return !strcmp(name, platform);
}

bool device_is_cpu(cl_device_id id)
{
    cl_device_type type = 0;
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    return type & CL_DEVICE_TYPE_CPU;
}

bool device_runs_native(cl_device_id id)
{
    cl_device_exec_capabilities can = 0;
    clGetDeviceInfo(id, CL_DEVICE_EXECUTION_CAPABILITIES, sizeof can, &can, NULL);
    return device_is_cpu(id) && (can & CL_EXEC_NATIVE_KERNEL);
}

int device_buffer(cl_mem *out, struct device *device, const void *data, size_t bytes, struct err *err)
{
    cl_int status;
    void *from = (void *)data; /* only read */
    *out = clCreateBuffer(device->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, bytes, from, &status);
    return status ? cl_fail(err, "clCreateBuffer", status) : 0;
}

int device_buffer_at(cl_mem *out, struct device *device, const void *data, size_t bytes, struct err *err)
{
    cl_int status;
    void *there = (void *)data; /* only read */
    *out = clCreateBuffer(device->context, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, bytes, there, &status);
    return status ? cl_fail(err, "clCreateBuffer", status) : 0;
}
