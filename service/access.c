// SPDX-License-Identifier: Apache-2.0
/* Who may ask. */
#include "service/service_internal.h"

#include <nettle/memops.h>
#include <string.h>
#include <strings.h>

bool access_is_loopback(const char *address)
{
    return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

/* Whether only programs of this machine reach the service, as far as it knows: who hands it a socket knows better. A
 * browser reaches no socket that is a file, so there any name will do. */
static bool is_private(const struct service_options *options)
{
    return !options->socket && !options->unix_path && access_is_loopback(options->address);
}

/* The name in a Host header, without its port. */
static struct span host_name(const char *host)
{
    const char *end = *host == '[' ? strchr(host, ']') : NULL;
    const size_t length = end ? (size_t)(end - host) + 1 : strcspn(host, ":");
    return (struct span){host, length};
}

/* Letters of either case are the same in names of hosts. */
static bool is_among(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (name.length == strlen(names[i]) && !strncasecmp(name.data, names[i], name.length))
            return true;
    return false;
}

/* A page of another site can make a browser send requests here, under a name that it lets point to this machine. The
 * name that the browser was given tells; with a token, which such a page cannot know, any name will do. */
bool access_host_allowed(const struct service *service, const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const struct service_options *options = &service->options;
    const struct span name = host_name(host ? host : "");
    if (options->token || !is_private(options))
        return true;
    return is_among(name, names, sizeof names / sizeof *names) ||
           is_among(name, options->hosts, options->host_count);
}

/* Browsers say which site a request comes from: none, or this one. */
bool access_origin_allowed(const char *origin, const char *host)
{
    const char *name = origin ? strstr(origin, "://") : NULL;
    return !origin || (name && host && !strcasecmp(name + 3, host));
}

bool access_token_right(const struct service *service, const char *header)
{
    const char *token = service->options.token;
    if (!token)
        return true;
    if (!header || strncasecmp(header, "Bearer ", 7))
        return false;
    const char *given = header + 7;
    const size_t length = strlen(token);
    return strlen(given) == length && memeql_sec(given, token, length);
}
