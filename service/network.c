// SPDX-License-Identifier: Apache-2.0
#include "service/network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED_BITS = 96 };
static const uint8_t mapped[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

static void map(uint8_t out[16], const struct in_addr *address)
{
    memcpy(out, mapped, sizeof mapped);
    memcpy(out + sizeof mapped, address, sizeof *address);
}

/* At least one digit, and nothing else; *bits stays as it was where there is no text. */
static bool read_bits(unsigned *bits, const char *text, unsigned most)
{
    char *end;
    if (!text)
        return true;
    if (*text < '0' || *text > '9')
        return false;
    const unsigned long number = strtoul(text, &end, 10);
    *bits = (unsigned)number;
    return !*end && number <= most;
}

int network_parse(struct network *out, const char *text, struct err *err)
{
    char name[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    const char *slash = strchr(text, '/');
    const size_t length = slash ? (size_t)(slash - text) : strlen(text);
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    bool known = length < sizeof name;
    if (known && inet_pton(AF_INET, name, &v4) == 1) {
        unsigned bits = 32;
        known = read_bits(&bits, slash ? slash + 1 : NULL, bits);
        map(out->address, &v4);
        out->bits = MAPPED_BITS + bits;
    } else if (known && inet_pton(AF_INET6, name, &v6) == 1) {
        out->bits = 128;
        known = read_bits(&out->bits, slash ? slash + 1 : NULL, out->bits);
        memcpy(out->address, &v6, sizeof out->address);
    } else {
        known = false;
    }
    return known ? 0
                 : err_set(err, ERR_ARGUMENT, "'%s' is no network: 192.168.1.0/24 is one, fd00::/8 another",
                       text);
}

bool network_has(const struct network *network, const struct sockaddr *address)
{
    uint8_t bytes[16];
    if (address && address->sa_family == AF_INET)
        map(bytes, &((const struct sockaddr_in *)address)->sin_addr);
    else if (address && address->sa_family == AF_INET6)
        memcpy(bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, sizeof bytes);
    else
        return false;
    const unsigned whole = network->bits / 8, rest = network->bits % 8;
    const unsigned differ = rest ? (bytes[whole] ^ network->address[whole]) >> (8 - rest) : 0;
    return !memcmp(bytes, network->address, whole) && !differ;
}
