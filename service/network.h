// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: networks, "192.168.1.0/24", "fd00::/8", or one address.
 *
 * An IPv4 address is the same as an IPv6 address that has it mapped (::ffff:192.168.1.7), as a socket that listens to
 * both shows it.
 */
#ifndef DIPTYCH_SERVICE_NETWORK_H
#define DIPTYCH_SERVICE_NETWORK_H

#include "base/base.h"

#include <sys/socket.h>

struct network {
    uint8_t address[16]; /* IPv4 is mapped */
    unsigned bits;       /* of it that count */
};

int network_parse(struct network *out, const char *text, struct err *err); /* ERR_ARGUMENT */

/* Whether the address, NULL for none, lies in it. One that is neither IPv4 nor IPv6 lies nowhere. */
bool network_has(const struct network *network, const struct sockaddr *address);

#endif
