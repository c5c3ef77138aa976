// SPDX-License-Identifier: Apache-2.0
/*
 * PyTorch's zip files. All entries lie in one folder of any name:
 *
 *     NAME/data.pkl        a pickle of the tensors: torch_pickle.h
 *     NAME/data/KEY        the elements of a storage; several tensors may be views of one
 *     NAME/byteorder       "little", where it is there
 *
 * and others that do not matter here; TorchScript adds its code. Entries are stored and begin at multiples of 64
 * bytes, so a tensor that is contiguous is used where it lies.
 * Facts: torch/serialization.py and caffe2/serialize/inline_container.cc in PyTorch 2.15.
 */
#include "compute/weights/torch_file.h"
#include "compute/weights/internal.h"
#include "compute/weights/torch_pickle.h"
#include "compute/weights/zip.h"

#include <stdlib.h>
#include <string.h>

/* The first opcodes of the format before PyTorch 1.6: PROTO 2, and LONG1 of its magic number. */
static const char old_magic[] = "\x80\2\x8a\n\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

static bool is_old(struct span bytes)
{
    return span_begins(bytes, (struct span){old_magic, sizeof old_magic - 1});
}

bool torch_file_begins(struct span bytes)
{
    return zip_begins(bytes) || is_old(bytes);
}

struct torch_file {
    struct zip zip;
    const char *folder;
    struct torch_tensors tensors;
    struct arena scratch, *arena; /* arena: the caller's, for what is handed out */
    size_t budget;                /* how many bytes may still be copied */
};

/* ---- entries ------------------------------------------------------------------------------------------- */

static const struct zip_entry *find_entry(struct torch_file *file, const char *kind, const char *name)
{
    char path[512];
    const int length = snprintf(path, sizeof path, "%s/%s%s", file->folder, kind, name);
    return (size_t)length < sizeof path ? zip_find(&file->zip, path) : NULL;
}

/* The folder is the one that has the pickle. */
static int find_folder(struct torch_file *file, struct err *err)
{
    const struct span tail = span_of("/data.pkl");
    for (size_t i = 0; i < file->zip.count; i++) {
        const struct span name = file->zip.entries[i].name;
        if (name.length <= tail.length || !span_equal(span_from(name, name.length - tail.length), tail) ||
            memchr(name.data, '/', name.length - tail.length))
            continue;
        file->folder = arena_copy(&file->scratch, name.data, name.length - tail.length);
        return file->folder ? 0 : err_memory(err, name.length);
    }
    return err_set(err, ERR_UNSUPPORTED, "a zip archive without 'data.pkl', which is none of PyTorch's");
}

/* Data that are not used where they lie take memory: BUDGET times as much as the file has bytes, no more. */
enum { BUDGET = 4 };

static int take_budget(struct torch_file *file, size_t bytes, struct err *err)
{
    if (bytes > file->budget)
        return err_set(
            err, ERR_LIMIT, "its tensors would take more memory than %d times the size of the file", BUDGET);
    file->budget -= bytes;
    return 0;
}

static int check_byteorder(struct torch_file *file, struct err *err)
{
    const struct zip_entry *entry = find_entry(file, "", "byteorder");
    struct span text = {0};
    if (!entry)
        return 0;
    const int rc = zip_read(&text, &file->scratch, entry, err);
    if (rc || span_equal(text, span_of("little")))
        return rc;
    return err_set(err, ERR_UNSUPPORTED, "its numbers are not little-endian");
}

static int read_pickle(struct torch_file *file, struct err *err)
{
    struct span pickle = {0};
    const struct zip_entry *entry = find_entry(file, "", "data.pkl");
    int rc = entry ? zip_read(&pickle, &file->scratch, entry, err)
                   : err_set(err, ERR_FORMAT, "the name of its folder is too long");
    if (!rc && (rc = torch_pickle_read(&file->tensors, file->arena, pickle, err)))
        err_wrap(err, "'%s/data.pkl'", file->folder);
    return rc;
}

static int find_storage(struct torch_file *file, struct torch_storage *storage, struct err *err)
{
    if (storage->data.data)
        return 0;
    const struct zip_entry *entry = find_entry(file, "data/", storage->key);
    if (!entry)
        return err_set(err, ERR_FORMAT, "storage '%s' is not in the file", storage->key);
    const int rc = entry->size != entry->data.length ? take_budget(file, entry->size, err) : 0;
    return rc ? rc : zip_read(&storage->data, file->arena, entry, err);
}

/* ---- tensors ------------------------------------------------------------------------------------------- */

/* A view as sizes that are not negative, and whether its elements follow each other. */
struct extent {
    size_t shape[WEIGHT_RANK_MAX], stride[WEIGHT_RANK_MAX];
    size_t offset, count; /* elements */
    size_t end;           /* behind the last of them, from the beginning of the storage */
    bool contiguous;
};

/* False where a number is negative or too large to count. */
static bool measure(struct extent *out, const struct torch_tensor *tensor)
{
    size_t expected = 1; /* the stride that an axis has where nothing lies between */
    *out = (struct extent){.count = 1, .contiguous = true};
    if (tensor->offset < 0)
        return false;
    out->offset = (size_t)tensor->offset;
    for (int axis = 0; axis < tensor->rank; axis++) {
        if (tensor->shape[axis] < 0 || tensor->stride[axis] < 0)
            return false;
        out->shape[axis] = (size_t)tensor->shape[axis];
        out->stride[axis] = (size_t)tensor->stride[axis];
        if (!size_mul(&out->count, out->count, out->shape[axis]))
            return false;
    }
    if (!out->count)
        return true;
    out->end = out->offset;
    for (int axis = tensor->rank - 1; axis >= 0; axis--) {
        size_t reach;
        if (!size_mul(&reach, out->shape[axis] - 1, out->stride[axis]) ||
            !size_add(&out->end, out->end, reach))
            return false;
        out->contiguous = out->contiguous && (out->shape[axis] == 1 || out->stride[axis] == expected);
        expected *= out->shape[axis];
    }
    return size_add(&out->end, out->end, 1);
}

/* Four loops for any rank: missing axes are of length one, in front. */
static void gather_elements(
    uint8_t *out, const uint8_t *in, const struct extent *extent, int rank, size_t bytes)
{
    enum { R = WEIGHT_RANK_MAX };
    size_t n[R] = {1, 1, 1, 1}, step[R] = {0};
    for (int axis = 0; axis < rank; axis++) {
        n[R - rank + axis] = extent->shape[axis];
        step[R - rank + axis] = extent->stride[axis] * bytes;
    }
    for (size_t i = 0; i < n[0]; i++)
        for (size_t j = 0; j < n[1]; j++)
            for (size_t k = 0; k < n[2]; k++)
                for (size_t l = 0; l < n[3]; l++, out += bytes)
                    memcpy(out, in + i * step[0] + j * step[1] + k * step[2] + l * step[3], bytes);
}

/* The elements one after the other in the arena. */
static int gather(struct weight *weight, struct torch_file *file, const struct extent *extent, size_t bytes,
    struct err *err)
{
    size_t total; /* a view that repeats elements may be larger than what it views */
    if (!size_mul(&total, extent->count, bytes))
        return err_set(err, ERR_FORMAT, "tensor '%s' has too many elements to count", weight->name);
    int rc = take_budget(file, total, err);
    if (rc)
        return rc;
    uint8_t *elements = arena_alloc(file->arena, total);
    if (!elements)
        return err_memory(err, total);
    gather_elements(elements, weight->data, extent, weight->rank, bytes);
    weight->data = elements;
    return 0;
}

static int read_tensor(
    struct weight *weight, struct torch_file *file, const struct torch_tensor *tensor, struct err *err)
{
    const size_t bytes = type_bits(tensor->type) / 8;
    struct torch_storage *storage = tensor->storage;
    struct extent extent;
    size_t end;
    int rc = find_storage(file, storage, err);
    if (rc) {
        err_wrap(err, "tensor '%s'", tensor->name);
        return rc;
    }
    if (!measure(&extent, tensor) || !size_mul(&end, extent.end, bytes))
        return err_set(err, ERR_FORMAT, "tensor '%s' has no valid shape and strides", tensor->name);
    if (end > storage->data.length)
        return err_set(err, ERR_FORMAT, "tensor '%s' ends at byte %zu of storage '%s', which has %zu",
            tensor->name, end, storage->key, storage->data.length);
    weight->name = tensor->name;
    weight->type = tensor->type;
    weight->rank = tensor->rank;
    memcpy(weight->shape, extent.shape, sizeof weight->shape);
    weight->count = extent.count;
    weight->data = span_bytes(storage->data) + (extent.count ? extent.offset * bytes : 0);
    return extent.contiguous ? 0 : gather(weight, file, &extent, bytes, err);
}

/* What a model trained on several devices puts before every name. */
static size_t prefix_length(const struct torch_tensors *tensors)
{
    static const char prefix[] = "module.";
    const size_t length = sizeof prefix - 1;
    for (size_t i = 0; i < tensors->count; i++)
        if (strncmp(tensors->items[i].name, prefix, length))
            return 0;
    return length;
}

static int read_tensors(
    struct weight *weights, size_t *count, struct torch_file *file, const char *path, struct err *err)
{
    const size_t prefix = prefix_length(&file->tensors);
    int rc = 0;
    for (size_t i = 0; i < file->tensors.count && !rc; i++) {
        struct torch_tensor tensor = file->tensors.items[i];
        tensor.name += prefix;
        if (weight_is_dropped(tensor.name))
            continue;
        weights[*count].file = path;
        rc = read_tensor(&weights[(*count)++], file, &tensor, err);
    }
    return rc;
}

static int read_file(
    struct weight **out, size_t *count, struct torch_file *file, const char *path, struct err *err)
{
    int rc;
    if ((rc = find_folder(file, err)) || (rc = check_byteorder(file, err)) || (rc = read_pickle(file, err)))
        return rc;
    struct weight *weights = mem_new(file->tensors.count, sizeof *weights);
    if (!weights)
        return err_memory(err, file->tensors.count * sizeof *weights);
    rc = read_tensors(weights, count, file, path, err);
    if (rc)
        free(weights);
    else
        *out = weights;
    return rc;
}

int torch_file_parse(struct weight **out, size_t *count, bool *script, struct arena *arena, struct span bytes,
    const char *file, struct err *err)
{
    struct torch_file torch = {.arena = arena};
    *count = 0;
    if (is_old(bytes)) /* a name may hold what a shell would run, so the command has none */
        return err_set(err, ERR_UNSUPPORTED,
            "PyTorch's format of before 1.6 is not read; this writes it anew: "
            "python3 -c \"import sys, torch; f = sys.argv[1]; torch.save(torch.load(f, map_location='cpu'), "
            "f)\" FILE");
    if (!size_mul(&torch.budget, bytes.length, BUDGET))
        torch.budget = SIZE_MAX;
    int rc = zip_open(&torch.zip, bytes, err);
    if (!rc)
        rc = read_file(out, count, &torch, file, err);
    *script = torch.tensors.script;
    torch_tensors_release(&torch.tensors);
    zip_release(&torch.zip);
    arena_release(&torch.scratch);
    return rc;
}
