// SPDX-License-Identifier: Apache-2.0
/* How fast a model makes embeddings of pictures here, measured in seconds rather than looked up. */
#ifndef DIPTYCH_CLI_PLAN_SPEED_H
#define DIPTYCH_CLI_PLAN_SPEED_H

#include "cli/pictures.h"
#include "cli/session.h"

struct measured_speed {
    double per_second, seconds;
    size_t pictures, failed; /* failed: of these; they take their time, too */
    bool read;               /* they were read and decoded; else they are made up, and only encoded */
};

/* Opens the session's model. Of pictures that are named the first few hundred are read, decoded and encoded, as far as a few
 * seconds go; without any, made-up pixels are encoded. The first batch is a warm-up. ERR_ARGUMENT: none can be read; and codes of
 * session_open, picture_arguments_list and encode_pictures. */
int speed_measure(struct measured_speed *out, struct session *session,
    const struct picture_arguments *pictures, struct err *err);

#endif
