// SPDX-License-Identifier: Apache-2.0
#include "text/protobuf.h"

#include <string.h>

static bool take_varint(uint64_t *out, struct span *rest)
{
    *out = 0;
    for (size_t i = 0; i < rest->length && i < 10; i++) {
        const uint8_t byte = (uint8_t)rest->data[i];
        *out |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *rest = span_from(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static bool take_fixed(uint64_t *out, struct span *rest, size_t width)
{
    if (rest->length < width)
        return false;
    *out = 0;
    for (size_t i = 0; i < width; i++)
        *out |= (uint64_t)(uint8_t)rest->data[i] << (8 * i);
    *rest = span_from(*rest, width);
    return true;
}

static bool take_bytes(struct span *out, struct span *rest)
{
    uint64_t length;
    if (!take_varint(&length, rest) || length > rest->length)
        return false;
    *out = (struct span){rest->data, (size_t)length};
    *rest = span_from(*rest, (size_t)length);
    return true;
}

int field_next(struct field *field, bool *more, struct span *message, struct err *err)
{
    uint64_t key;
    bool whole = false;
    *more = message->length > 0;
    *field = (struct field){0};
    if (!*more)
        return 0;
    if (!take_varint(&key, message) || key >> 3 == 0 || key >> 3 > UINT32_MAX)
        return err_set(err, ERR_FORMAT, "it is no message of Protocol Buffers");
    field->number = (uint32_t)(key >> 3);
    field->type = (enum wire_type)(key & 7);
    switch (field->type) {
    case WIRE_VARINT:
        whole = take_varint(&field->value, message);
        break;
    case WIRE_FIXED64:
        whole = take_fixed(&field->value, message, 8);
        break;
    case WIRE_BYTES:
        whole = take_bytes(&field->bytes, message);
        break;
    case WIRE_FIXED32:
        whole = take_fixed(&field->value, message, 4);
        break;
    default:
        return err_set(err, ERR_FORMAT, "field %u has the unknown wire type %u", (unsigned)field->number,
            (unsigned)(key & 7));
    }
    return whole ? 0 : err_set(err, ERR_FORMAT, "field %u runs past the end", (unsigned)field->number);
}

float field_float(const struct field *field)
{
    const uint32_t bits = (uint32_t)field->value;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
