// SPDX-License-Identifier: Apache-2.0
#include "compute/weights/tensor_name.h"

#include <stdio.h>
#include <string.h>

/* ---- from tables to files ------------------------------------------------------------------------------ */

static void append(char name[NAME_SIZE], const char *text, size_t length)
{
    const size_t used = strlen(name);
    snprintf(name + used, NAME_SIZE - used, "%.*s", (int)length, text);
}

struct place place_of(const char *prefix, const char *name, size_t layer, const struct weights *weights)
{
    return (struct place){layout_stored(weights, prefix, name), layer};
}

static const char layer_mark[] = "%zu";

void place_prefix(char out[NAME_SIZE], const struct place *place)
{
    const char *prefix = place->stored.prefix, *at = strstr(prefix, layer_mark), *rest = prefix;
    out[0] = '\0';
    append(out, place->stored.outer, strlen(place->stored.outer));
    if (at) {
        char number[24];
        snprintf(number, sizeof number, "%zu", place->layer);
        append(out, prefix, (size_t)(at - prefix));
        append(out, number, strlen(number));
        rest = at + strlen(layer_mark);
    }
    append(out, rest, strlen(rest));
}

size_t name_tensors(const char *name)
{
    size_t count = 1;
    for (const char *at = strchr(name, '{'); at && *at != '}'; at++)
        count += *at == ',';
    return count;
}

/* Item i of the braces, which begin there. */
static struct span brace_item(const char *open, size_t i)
{
    const char *item = open + 1;
    while (i-- > 0)
        item = strchr(item, ',') + 1;
    return (struct span){item, strcspn(item, ",}")};
}

bool name_is_left_out(const char *name, size_t i)
{
    const char *open = strchr(name, '{');
    return open && !brace_item(open, i).length;
}

void place_name(char out[NAME_SIZE], const struct place *place, size_t i)
{
    const char *name = place->stored.name, *open = strchr(name, '{');
    place_prefix(out, place);
    if (!open) {
        append(out, name, strlen(name));
        return;
    }
    const struct span item = brace_item(open, i);
    const char *rest = strchr(open, '}') + 1;
    append(out, name, (size_t)(open - name));
    append(out, item.data, item.length);
    append(out, rest, strlen(rest));
}

/* ---- and back ------------------------------------------------------------------------------------------ */

size_t name_item(const char *table_name, const char *name)
{
    const char *open = strchr(table_name, '{');
    if (!open)
        return strcmp(table_name, name) ? SIZE_MAX : 0;
    const size_t before = (size_t)(open - table_name), count = name_tensors(table_name);
    const char *rest = strchr(open, '}') + 1;
    for (size_t i = 0; i < count && !strncmp(table_name, name, before); i++) {
        const struct span item = brace_item(open, i);
        const char *at = name + before;
        if (!strncmp(at, item.data, item.length) && !strcmp(at + item.length, rest))
            return i;
    }
    return SIZE_MAX;
}

/* "vision_model.encoder.layers.11.mlp.fc1.bias": the prefix with a mark for the layer, and where the rest begins. A name
 * without a layer has no prefix. */
static const char *split_layer(char prefix[NAME_SIZE], size_t *layer, const char *name)
{
    prefix[0] = '\0';
    *layer = 0;
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
        struct span rest = span_of(dot + 1);
        uint32_t number;
        if (!span_take_number(&number, &rest) || !span_take(&rest, "."))
            continue;
        snprintf(prefix, NAME_SIZE, "%.*s%s.", (int)(dot + 1 - name), name, layer_mark);
        *layer = number;
        return rest.data;
    }
    return name;
}

bool tensor_find(struct found_tensor *out, const struct weights *weights, const char *name)
{
    char prefix[NAME_SIZE], full[NAME_SIZE];
    struct place place;
    size_t item, items;
    *out = (struct found_tensor){.weight = weights_find(weights, name), .of = 1};
    if (out->weight || strlen(name) >= NAME_SIZE ||
        strpbrk(name, "{}%")) /* marks of tables; it is a file's */
        return out->weight;
    const char *rest = split_layer(prefix, &place.layer, name);
    place.stored = layout_stored_item(&item, &items, weights, prefix, rest);
    const size_t tensors = name_tensors(place.stored.name), of = place.stored.part.of;
    if (tensors == 1 && (of || items > 1)) {
        out->of = of ? of : items;
        out->part = place.stored.part.first + item;
        item = 0;
    } else if (tensors != items || name_is_left_out(place.stored.name, item)) {
        return false;
    }
    place_name(full, &place, item);
    out->transposed = place.stored.transposed;
    out->weight = weights_find(weights, full);
    return out->weight;
}
