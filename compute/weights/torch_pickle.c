// SPDX-License-Identifier: Apache-2.0
#include "compute/weights/torch_pickle.h"
#include "base/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    OTHER = PICKLE_KINDS, /* no part of a tensor: None, a float, a list ... */
    TEXT,                 /* which of texts */
    INTEGER,              /* which of integers */
    TUPLE,                /* which of tuples */
    DICTIONARY,           /* which of nodes */
    OBJECT,               /* likewise, of a class of TorchScript */
    CLASS,
    FUNCTION,     /* an enum function */
    STORAGE_TYPE, /* which of storage_types */
    DTYPE,        /* which of dtypes */
    STORAGE,      /* which of storages */
    TENSOR,       /* which of tensors */
};

/* What a REDUCE may stand for. */
enum function { ORDERED_DICT, TENSOR_V2, TENSOR_V3, PARAMETER, SIZE, NO_TENSOR };

static const struct {
    const char *module, *name;
    enum function function;
} functions[] = {
    {"collections", "OrderedDict", ORDERED_DICT},
    {"torch._utils", "_rebuild_tensor_v2", TENSOR_V2},
    {"torch._utils", "_rebuild_tensor_v3", TENSOR_V3},
    {"torch._utils", "_rebuild_parameter", PARAMETER},
    {"torch", "Size", SIZE},
    {"torch", "device", NO_TENSOR},
    {"torch.jit._pickle", "build_boollist", NO_TENSOR},
    {"torch.jit._pickle", "build_doublelist", NO_TENSOR},
    {"torch.jit._pickle", "build_intlist", NO_TENSOR},
    {"torch.jit._pickle", "build_tensorlist", NO_TENSOR},
    {"torch.jit._pickle", "restore_type_tag", NO_TENSOR},
};

/* Names in the module torch, and safetensors' word for the elements; NULL: bytes of any. */
struct type_name {
    const char *name, *type;
};

static const struct type_name storage_types[] = {
    {"FloatStorage", "F32"}, {"HalfStorage", "F16"}, {"BFloat16Storage", "BF16"}, {"DoubleStorage", "F64"},
    {"LongStorage", "I64"}, {"IntStorage", "I32"}, {"ShortStorage", "I16"}, {"CharStorage", "I8"},
    {"ByteStorage", "U8"}, {"BoolStorage", "BOOL"}, {"UntypedStorage", NULL}, /* in torch.storage */
};

static const struct type_name dtypes[] = {
    {"float8_e4m3fn", "F8_E4M3"},
    {"float8_e4m3fnuz", "F8_E4M3FNUZ"},
    {"float8_e5m2", "F8_E5M2"},
    {"float8_e5m2fnuz", "F8_E5M2FNUZ"},
    {"float8_e8m0fnu", "F8_E8M0"},
    {"uint16", "U16"},
    {"uint32", "U32"},
    {"uint64", "U64"},
};

/* ---- values -------------------------------------------------------------------------------------------- */

struct item {
    struct item *next;
    const char *key;
    struct pickle_value value;
};

/* A dictionary or an object; items in the order in which they were set. */
struct node {
    struct item *first, *last;
    bool visited;
};

struct tuple {
    const struct pickle_value *values;
    size_t count;
};

/* A tensor before it has a name. */
struct view {
    struct torch_storage *storage;
    int64_t offset;
    uint32_t shape, stride; /* tuples */
    const char *type;
};

struct unpickling {
    struct arena *arena; /* what is handed out */
    struct arena scratch;
    struct torch_tensors *tensors;
    const char **texts;
    int64_t *integers;
    struct tuple *tuples;
    struct node *nodes;
    struct torch_storage **storages;
    struct view *views;
    size_t text_count, text_room, integer_count, integer_room, tuple_count, tuple_room, node_count, node_room,
        storage_count, storage_room, view_count, view_room;
};

static int is(struct pickle_value *out, uint32_t kind, size_t number)
{
    *out = (struct pickle_value){kind, (uint32_t)number};
    return 0;
}

/* Adds one to a list and makes a value of that kind of its number. A pickle has fewer bytes than 2^32, so fewer
 * values. */
#define ADD(out, u, kind, list, element)                                                                     \
    (array_grow((u)->list##s, &(u)->list##_room, (u)->list##_count + 1, p->err)                              \
            ? ERR_MEMORY                                                                                     \
            : ((u)->list##s[(u)->list##_count] = (element), is(out, kind, (u)->list##_count++)))

static int read_text(struct pickle_value *out, struct pickle *p, struct span text)
{
    struct unpickling *u = p->context;
    const char *copy = arena_copy(&u->scratch, text.data, text.length);
    return copy ? ADD(out, u, TEXT, text, copy) : err_memory(p->err, text.length);
}

static int read_digits(struct pickle_value *out, struct pickle *p, struct span line)
{
    struct unpickling *u = p->context;
    uint32_t number;
    if (!span_take_number(&number, &line) || line.length) /* no size: a float, a boolean ... */
        return is(out, OTHER, 0);
    return ADD(out, u, INTEGER, integer, number);
}

static int read_integer(struct pickle_value *out, struct pickle *p, int64_t value)
{
    struct unpickling *u = p->context;
    return ADD(out, u, INTEGER, integer, value);
}

static int read_real(struct pickle_value *out, struct pickle *p, double value)
{
    (void)p, (void)value;
    return is(out, OTHER, 0);
}

static int read_other(struct pickle_value *out, struct pickle *p)
{
    (void)p;
    return is(out, OTHER, 0);
}

static int read_tuple(
    struct pickle_value *out, struct pickle *p, const struct pickle_value *values, size_t count)
{
    struct unpickling *u = p->context;
    struct pickle_value *copy = arena_alloc(&u->scratch, count * sizeof *copy);
    if (!copy)
        return err_memory(p->err, count * sizeof *copy);
    if (count)
        memcpy(copy, values, count * sizeof *copy);
    return ADD(out, u, TUPLE, tuple, ((struct tuple){copy, count}));
}

static int new_node(struct pickle_value *out, struct pickle *p, enum kind kind)
{
    struct unpickling *u = p->context;
    return ADD(out, u, kind, node, (struct node){0});
}

static int read_dictionary(struct pickle_value *out, struct pickle *p)
{
    return new_node(out, p, DICTIONARY);
}

/* Keys that are no text (optimizers number their tensors) lead to no weight. */
static int set_items(
    struct pickle *p, struct pickle_value dictionary, const struct pickle_value *values, size_t count)
{
    struct unpickling *u = p->context;
    if (dictionary.kind != DICTIONARY || count % 2)
        return err_set(
            p->err, ERR_FORMAT, "no dictionary, or no pairs to put into it, at byte %zu", p->offset);
    struct node *node = &u->nodes[dictionary.number];
    for (size_t i = 0; i < count; i += 2) {
        if (values[i].kind != TEXT)
            continue;
        struct item *item = arena_alloc(&u->scratch, sizeof *item);
        if (!item)
            return err_memory(p->err, sizeof *item);
        *item = (struct item){.key = u->texts[values[i].number], .value = values[i + 1]};
        *(node->first ? &node->last->next : &node->first) = item;
        node->last = item;
    }
    return 0;
}

/* What is in a list leads to no weight. */
static int append(struct pickle *p, struct pickle_value list, const struct pickle_value *values, size_t count)
{
    (void)values, (void)count;
    return list.kind == OTHER ? 0 : err_set(p->err, ERR_FORMAT, "no list at byte %zu", p->offset);
}

/* ---- names --------------------------------------------------------------------------------------------- */

static bool find_type(
    struct pickle_value *out, enum kind kind, const struct type_name *types, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(name, span_of(types[i].name))) {
            is(out, kind, i);
            return true;
        }
    }
    return false;
}

#define FIND_TYPE(out, kind, types, name) find_type(out, kind, types, sizeof types / sizeof *types, name)

static int read_global(struct pickle_value *out, struct pickle *p, struct span module, struct span name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (span_equal(module, span_of(functions[i].module)) && span_equal(name, span_of(functions[i].name)))
            return is(out, FUNCTION, functions[i].function);
    if ((span_equal(module, span_of("torch")) || span_equal(module, span_of("torch.storage"))) &&
        FIND_TYPE(out, STORAGE_TYPE, storage_types, name))
        return 0;
    if (span_equal(module, span_of("torch")) && FIND_TYPE(out, DTYPE, dtypes, name))
        return 0;
    if (span_equal(module, span_of("__torch__")) || span_begins(module, span_of("__torch__.")))
        return is(out, CLASS, 0);
    return pickle_refuse(p, module, name);
}

static struct span text_of(const struct pickle *p, struct pickle_value value)
{
    const struct unpickling *u = p->context;
    return span_of(value.kind == TEXT ? u->texts[value.number] : "?");
}

/* ---- tensors ------------------------------------------------------------------------------------------- */

/* The values of a tuple, if it has at least so many. */
static const struct pickle_value *tuple_values(
    const struct unpickling *u, struct pickle_value tuple, size_t least)
{
    return tuple.kind == TUPLE && u->tuples[tuple.number].count >= least ? u->tuples[tuple.number].values
                                                                         : NULL;
}

/* ("storage", type, key, location, count): how many there are is what the archive says. */
static int read_storage(struct pickle_value *out, struct pickle *p, struct pickle_value id)
{
    struct unpickling *u = p->context;
    const struct pickle_value *values = tuple_values(u, id, 5);
    if (!values || !span_equal(text_of(p, values[0]), span_of("storage")) || values[1].kind != STORAGE_TYPE ||
        values[2].kind != TEXT)
        return err_set(
            p->err, ERR_FORMAT, "what lies outside of the pickle at byte %zu is no storage", p->offset);
    struct torch_storage *storage = arena_alloc(u->arena, sizeof *storage);
    if (!storage)
        return err_memory(p->err, sizeof *storage);
    const char *key = u->texts[values[2].number];
    *storage = (struct torch_storage){
        .key = arena_copy(u->arena, key, strlen(key)), .type = storage_types[values[1].number].type};
    return storage->key ? ADD(out, u, STORAGE, storage, storage) : err_memory(p->err, strlen(key));
}

/* _rebuild_tensor_v2(storage, offset, shape, stride, ...) and _v3, which has the dtype as well */
static int read_tensor(
    struct pickle_value *out, struct pickle *p, enum function function, struct pickle_value arguments)
{
    struct unpickling *u = p->context;
    const struct pickle_value *values = tuple_values(u, arguments, function == TENSOR_V3 ? 7 : 4);
    if (!values || values[0].kind != STORAGE || values[1].kind != INTEGER || values[2].kind != TUPLE ||
        values[3].kind != TUPLE || (function == TENSOR_V3 && values[6].kind != DTYPE))
        return err_set(
            p->err, ERR_FORMAT, "a tensor is made of something else than a storage at byte %zu", p->offset);
    struct torch_storage *storage = u->storages[values[0].number];
    const char *type = function == TENSOR_V3 ? dtypes[values[6].number].type : storage->type;
    if (!type || (function == TENSOR_V3 && storage->type))
        return err_set(
            p->err, ERR_FORMAT, "a tensor and its storage at byte %zu are of different types", p->offset);
    const struct view view = {
        storage, u->integers[values[1].number], values[2].number, values[3].number, type};
    return ADD(out, u, TENSOR, view, view);
}

static int reduce(
    struct pickle_value *out, struct pickle *p, struct pickle_value callable, struct pickle_value arguments)
{
    struct unpickling *u = p->context;
    const struct pickle_value *values;
    if (callable.kind == FUNCTION && arguments.kind == TUPLE) {
        switch ((enum function)callable.number) {
        case ORDERED_DICT:
            if (u->tuples[arguments.number].count)
                break;
            return read_dictionary(out, p);
        case TENSOR_V2:
        case TENSOR_V3:
            return read_tensor(out, p, (enum function)callable.number, arguments);
        case PARAMETER:
            values = tuple_values(u, arguments, 1);
            if (!values || values[0].kind != TENSOR)
                break;
            *out = values[0];
            return 0;
        case SIZE:
            values = tuple_values(u, arguments, 1);
            if (!values || values[0].kind != TUPLE)
                break;
            *out = values[0];
            return 0;
        case NO_TENSOR:
            return read_other(out, p);
        }
    }
    return err_set(p->err, ERR_UNSUPPORTED, "it would call something unusual at byte %zu; only %s are read",
        p->offset, p->reader->purpose);
}

/* ---- TorchScript's objects ----------------------------------------------------------------------------- */

static int new_object(
    struct pickle_value *out, struct pickle *p, struct pickle_value type, struct pickle_value arguments)
{
    (void)arguments;
    if (type.kind != CLASS)
        return err_set(p->err, ERR_UNSUPPORTED,
            "it would make an object of a class that is not TorchScript's at byte %zu; only %s are read",
            p->offset, p->reader->purpose);
    return new_node(out, p, OBJECT);
}

/* An object's attributes are its state. An OrderedDict's are notes on versions, a parameter's are none. */
static int build(struct pickle *p, struct pickle_value object, struct pickle_value state)
{
    struct unpickling *u = p->context;
    if (object.kind == OBJECT && state.kind == DICTIONARY) {
        u->nodes[object.number].first = u->nodes[state.number].first;
        u->nodes[object.number].last = u->nodes[state.number].last;
    }
    return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

static int read_sizes(int64_t out[WEIGHT_RANK_MAX], const struct unpickling *u, uint32_t number,
    const char *name, struct err *err)
{
    const struct tuple *tuple = &u->tuples[number];
    for (size_t i = 0; i < tuple->count; i++) {
        if (tuple->values[i].kind != INTEGER)
            return err_set(err, ERR_FORMAT, "axis %zu of tensor '%s' is not a length", i, name);
        out[i] = u->integers[tuple->values[i].number];
    }
    return 0;
}

static int add_tensor(struct pickle *p, const char *path, const struct view *view)
{
    struct unpickling *u = p->context;
    struct torch_tensors *tensors = u->tensors;
    struct torch_tensor tensor = {.type = view->type, .storage = view->storage, .offset = view->offset};
    const size_t rank = u->tuples[view->shape].count;
    if (rank > WEIGHT_RANK_MAX)
        return err_set(
            p->err, ERR_UNSUPPORTED, "tensor '%s' has %zu axes, the most is %d", path, rank, WEIGHT_RANK_MAX);
    if (u->tuples[view->stride].count != rank)
        return err_set(p->err, ERR_FORMAT, "tensor '%s' has %zu axes and %zu strides", path, rank,
            u->tuples[view->stride].count);
    tensor.rank = (int)rank;
    tensor.name = arena_copy(u->arena, path, strlen(path));
    int rc = tensor.name ? read_sizes(tensor.shape, u, view->shape, path, p->err)
                         : err_memory(p->err, strlen(path));
    if (!rc)
        rc = read_sizes(tensor.stride, u, view->stride, path, p->err);
    if (!rc)
        rc = array_grow(tensors->items, &tensors->room, tensors->count + 1, p->err);
    if (!rc)
        tensors->items[tensors->count++] = tensor;
    return rc;
}

enum { PATH_SIZE = 512, DEPTH_MAX = 64 };

/* All tensors below a node; path (used) is its name. A node that hangs in two places is visited in the first, so
 * that time is linear and cycles end. */
static int visit(struct pickle *p, char path[PATH_SIZE], size_t used, uint32_t number, int depth)
{
    struct unpickling *u = p->context;
    int rc = 0;
    if (u->nodes[number].visited)
        return 0;
    u->nodes[number].visited = true;
    if (depth > DEPTH_MAX)
        return err_set(p->err, ERR_LIMIT, "'%s' lies more than %d levels deep", path, DEPTH_MAX);
    for (const struct item *item = u->nodes[number].first; item && !rc; item = item->next) {
        const struct pickle_value value = item->value;
        if (value.kind != TENSOR && value.kind != DICTIONARY && value.kind != OBJECT)
            continue;
        const int length = snprintf(path + used, PATH_SIZE - used, "%s%s", used ? "." : "", item->key);
        if ((size_t)length >= PATH_SIZE - used)
            rc = err_set(p->err, ERR_LIMIT, "a name of more than %d bytes: '%s'", PATH_SIZE - 1, path);
        else if (value.kind == TENSOR)
            rc = add_tensor(p, path, &u->views[value.number]);
        else
            rc = visit(p, path, used + (size_t)length, value.number, depth + 1);
    }
    return rc;
}

/* A training checkpoint has it beside other things. */
static struct pickle_value state_dict(const struct unpickling *u, struct pickle_value root)
{
    for (const struct item *item = u->nodes[root.number].first; item; item = item->next)
        if (!strcmp(item->key, "state_dict") && item->value.kind == DICTIONARY)
            return item->value;
    return root;
}

static int finish(struct pickle *p, struct pickle_value root)
{
    struct unpickling *u = p->context;
    char path[PATH_SIZE] = "";
    if (root.kind != DICTIONARY && root.kind != OBJECT)
        return err_set(
            p->err, ERR_UNSUPPORTED, "it holds something other than a state_dict or a TorchScript module");
    u->tensors->script = root.kind == OBJECT;
    return visit(p, path, 0, state_dict(u, root).number, 0);
}

static const struct pickle_reader reader = {
    .purpose = "tensors",
    .text = read_text,
    .digits = read_digits,
    .integer = read_integer,
    .real = read_real,
    .constant = read_other,
    .tuple = read_tuple,
    .dictionary = read_dictionary,
    .set_items = set_items,
    .list = read_other,
    .append = append,
    .global = read_global,
    .text_of = text_of,
    .reduce = reduce,
    .new_object = new_object,
    .build = build,
    .persistent = read_storage,
    .finish = finish,
};

int torch_pickle_read(struct torch_tensors *out, struct arena *arena, struct span bytes, struct err *err)
{
    enum { PICKLE_MAX = 1 << 30 };
    struct unpickling u = {.arena = arena, .tensors = out};
    *out = (struct torch_tensors){0};
    int rc = bytes.length > PICKLE_MAX ? err_set(err, ERR_LIMIT, "the pickle has %zu bytes, the limit is %d",
                                             bytes.length, PICKLE_MAX)
                                       : pickle_run(&reader, &u, bytes, err);
    free(u.texts);
    free(u.integers);
    free(u.tuples);
    free(u.nodes);
    free(u.storages);
    free(u.views);
    arena_release(&u.scratch);
    if (rc)
        torch_tensors_release(out);
    return rc;
}

void torch_tensors_release(struct torch_tensors *tensors)
{
    free(tensors->items);
    *tensors = (struct torch_tensors){0};
}
