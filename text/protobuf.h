// SPDX-License-Identifier: Apache-2.0
/* protobuf: the fields of a message in Protocol Buffers' wire format, one after the other. */
#ifndef DIPTYCH_TEXT_PROTOBUF_H
#define DIPTYCH_TEXT_PROTOBUF_H

#include "base/base.h"

enum wire_type { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES, WIRE_FIXED32 = 5 };

struct field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;    /* of a varint or a fixed one */
    struct span bytes; /* of a text or a message */
};

/* Takes the next field off the front of *message; *more: there was one. ERR_FORMAT where it has no end, or is of a
 * type that the format has no more; the caller adds where. */
int field_next(struct field *field, bool *more, struct span *message, struct err *err);

float field_float(const struct field *field); /* of WIRE_FIXED32 */

#endif
