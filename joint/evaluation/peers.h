// SPDX-License-Identifier: Apache-2.0
/* Inside joint/evaluation: what struct peers can do, also where there are none. */
#ifndef DIPTYCH_JOINT_EVALUATION_PEERS_H
#define DIPTYCH_JOINT_EVALUATION_PEERS_H

#include "joint/evaluation/evaluation.h"

static inline bool peers_first(const struct peers *peers)
{
    return !peers || peers->first;
}

static inline int peers_agree(const struct peers *peers, int rc, struct err *err)
{
    return peers ? peers->agree(peers->context, rc, err) : rc;
}

static inline void peers_tell(const struct peers *peers, void *bytes, size_t size)
{
    if (peers)
        peers->tell(peers->context, bytes, size);
}

static inline void peers_sum(const struct peers *peers, size_t *numbers, size_t count)
{
    if (peers)
        peers->sum(peers->context, numbers, count);
}

static inline int peers_blame(const struct peers *peers, size_t index, int rc, struct err *err)
{
    return peers && rc ? peers->blame(peers->context, index, rc, err) : rc;
}

/* The same of what each process does by itself, of which the message says whose error it is. */
static inline int peers_agree_own(const struct peers *peers, int rc, struct err *err)
{
    return peers_agree(peers, peers_blame(peers, SIZE_MAX, rc, err), err);
}

#endif
