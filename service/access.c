// SPDX-License-Identifier: Apache-2.0
#include "service/access.h"
#include "service/network.h"
#include "service/session.h"

#include <ctype.h>
#include <nettle/memops.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const access_names[] = {"none", "read", "write"};

struct secret {
    bool set;
    char hash[HASH_SIZE];
};

/* The tokens, by what they are good for. */
struct tokens {
    struct secret of[ACCESS_WRITE + 1];
};

struct access {
    const struct service_options *options;
    struct network *networks; // (options->network_count)
    struct sessions *sessions;
    pthread_mutex_t lock; /* of the tokens */
    struct tokens tokens;
};

/* ---- where requests come from -------------------------------------------------------------------------- */

static bool is_loopback(const char *address)
{
    return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

/* Whether only programs of this machine reach the service, as far as it knows: who hands it a socket knows better. A
 * browser reaches no socket that is a file, so there any name will do. */
static bool is_private(const struct service_options *options)
{
    return !options->socket && !options->unix_path && is_loopback(options->address);
}

/* The name in a Host header, without its port; nothing where anything else follows it. */
static struct span host_name(const char *host)
{
    const char *end = *host == '[' ? strchr(host, ']') : NULL;
    const size_t length = end ? (size_t)(end - host) + 1 : strcspn(host, ":");
    const char *port = host + length + (host[length] == ':');
    const bool whole = !host[length] || (host[length] == ':' && !port[strspn(port, "0123456789")]);
    return (struct span){host, whole ? length : 0};
}

/* Letters of either case are the same in names of hosts. */
static bool is_among(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (name.length == strlen(names[i]) && !strncasecmp(name.data, names[i], name.length))
            return true;
    return false;
}

static bool is_own_name(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    return is_among(host_name(host ? host : ""), names, sizeof names / sizeof *names);
}

/* A page of another site can make a browser send requests here, under a name that it lets point to this machine. The
 * name that the browser was given tells; with a token, which such a page cannot know, any name will do. */
bool access_host_allowed(const struct access *access, const char *host)
{
    const struct service_options *options = access->options;
    if (options->token || options->token_file || !is_private(options))
        return true;
    return is_own_name(host) || is_among(host_name(host ? host : ""), options->hosts, options->host_count);
}

/* Browsers say which site a request comes from: none, or this one. */
bool access_origin_allowed(const char *origin, const char *host)
{
    const char *name = origin ? strstr(origin, "://") : NULL;
    return !origin || (name && host && !strcasecmp(name + 3, host));
}

bool access_from_network(const struct access *access, const struct http_request *request)
{
    for (size_t i = 0; i < access->options->network_count; i++)
        if (network_has(&access->networks[i], request_peer(request)))
            return true;
    return false;
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

/* A token is what a header can say: no blanks, and characters of ASCII alone. */
static int read_token(
    struct secret *out, const char *token, const char *path, const char *name, struct err *err)
{
    enum { LIMIT = 1 << 16 };
    struct strings lines = {0};
    const int rc = path ? lines_read(&lines, path, LIMIT, err) : 0;
    if (path && !rc)
        token = lines.count ? lines.items[0] : "";
    bool good = token && *token;
    for (const char *c = token; c && *c; c++)
        good = good && isgraph((unsigned char)*c);
    *out = (struct secret){.set = good};
    if (good)
        hash_bytes(out->hash, token, strlen(token));
    strings_release(&lines);
    if (rc || !token || good)
        return rc;
    return err_set(err, ERR_ARGUMENT, "the %stoken%s%s%s is empty, or has blanks in it", name,
        path ? " in '" : "", path ? path : "", path ? "'" : "");
}

static int read_tokens(struct tokens *out, const struct service_options *options, struct err *err)
{
    struct secret *reads = &out->of[ACCESS_READ], *writes = &out->of[ACCESS_WRITE];
    *out = (struct tokens){0};
    int rc = read_token(reads, options->token, options->token_file, "", err);
    if (!rc)
        rc = read_token(writes, options->write_token, options->write_token_file, "write ", err);
    if (!rc && reads->set && writes->set && !strcmp(reads->hash, writes->hash))
        rc = err_set(err, ERR_ARGUMENT, "the token for reading is that for writing, too");
    return rc;
}

/* What a token is good for. The lock is held. */
static enum access_level level_of_token(const struct access *access, const char *token)
{
    char hash[HASH_SIZE];
    enum access_level level = ACCESS_NONE;
    hash_bytes(hash, token, strlen(token));
    for (int i = ACCESS_READ; i <= ACCESS_WRITE; i++)
        if (memeql_sec(access->tokens.of[i].hash, hash, HASH_SIZE))
            level = (enum access_level)i;
    return level;
}

int access_reload(struct access *access, struct err *err)
{
    struct tokens tokens;
    const int rc = read_tokens(&tokens, access->options, err);
    if (rc)
        return rc;
    pthread_mutex_lock(&access->lock);
    const bool changed = memcmp(&tokens, &access->tokens, sizeof tokens);
    access->tokens = tokens;
    if (changed)
        sessions_end_all(access->sessions);
    pthread_mutex_unlock(&access->lock);
    return 0;
}

/* ---- what a request may do ----------------------------------------------------------------------------- */

/* Without a token. */
static enum access_level level_of_all(const struct service_options *options, const char *host)
{
    const bool write_token = options->write_token || options->write_token_file;
    if (options->token || options->token_file)
        return ACCESS_NONE;
    return !write_token && is_private(options) && is_own_name(host) ? ACCESS_WRITE : ACCESS_READ;
}

static enum access_level level_of_header(struct access *access, const struct http_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *header = request_header(request, "Authorization");
    if (!header || strncasecmp(header, scheme, strlen(scheme)))
        return ACCESS_NONE;
    const char *token = header + strlen(scheme);
    token += strspn(token, " ");
    pthread_mutex_lock(&access->lock);
    const enum access_level level = level_of_token(access, token);
    pthread_mutex_unlock(&access->lock);
    return level;
}

static bool changes_nothing(const struct http_request *request)
{
    return !strcmp(request->method, "GET") || !strcmp(request->method, "HEAD");
}

/* SameSite keeps other sites' requests from having the cookie, but not those of another name of the same site, or of
 * another port: browsers say in Sec-Fetch-Site and Origin whose page asks. */
static enum access_level level_of_cookie(struct access *access, const struct http_request *request)
{
    const char *secret = request_cookie(request, "diptych");
    const char *site = request_header(request, "Sec-Fetch-Site");
    const bool ours = !site || !strcmp(site, "same-origin") || !strcmp(site, "none");
    if (!secret || !ours || (!changes_nothing(request) && !request_header(request, "Origin")))
        return ACCESS_NONE;
    return (enum access_level)sessions_level(access->sessions, secret);
}

enum access_level access_level(
    struct access *access, const struct http_request *request, int *status, const char **why)
{
    const struct service_options *options = access->options;
    const enum access_level all = level_of_all(options, request_header(request, "Host"));
    const enum access_level header = level_of_header(access, request);
    const enum access_level cookie = level_of_cookie(access, request);
    const enum access_level shown = header > cookie ? header : cookie;
    const bool write_token = options->write_token || options->write_token_file;
    *status = shown || (all && !write_token) ? 403 : 401;
    *why = *status == 401 ? "the token is missing or wrong"
           : write_token  ? "this token is for reading alone"
                          : "nobody may write here: that takes a token of its own, --write-token-file";
    return all > shown ? all : shown;
}

/* ---- logging in ---------------------------------------------------------------------------------------- */

/* The Secure of a cookie is what the browser says of itself: its Origin is https where a proxy speaks TLS to it. */
static int make_cookie(const char **out, const struct access *access, struct http_request *request,
    const char *secret, int seconds, struct err *err)
{
    char text[512];
    const char *origin = request_header(request, "Origin");
    const bool tls = origin && !strncasecmp(origin, "https:", strlen("https:"));
    const int length =
        snprintf(text, sizeof text, "diptych=%s; Path=%s/; Max-Age=%d; HttpOnly; SameSite=Strict%s", secret,
            access->options->base_path, seconds, tls ? "; Secure" : "");
    *out = length < (int)sizeof text ? arena_copy(&request->arena, text, (size_t)length) : NULL;
    return *out ? 0 : err_memory(err, sizeof text);
}

/* The lock is held throughout, so that no session of a token begins after those of changed tokens have ended. */
int access_log_in(const char **cookie, enum access_level *level, struct access *access,
    struct http_request *request, const char *token, struct err *err)
{
    char secret[SESSION_SECRET];
    pthread_mutex_lock(&access->lock);
    *level = level_of_token(access, token);
    const int rc = *level ? sessions_begin(access->sessions, secret, *level, err) : 0;
    pthread_mutex_unlock(&access->lock);
    *cookie = NULL;
    return rc || !*level ? rc : make_cookie(cookie, access, request, secret, SESSION_SECONDS, err);
}

int access_log_out(const char **cookie, struct access *access, struct http_request *request, struct err *err)
{
    const char *secret = request_cookie(request, "diptych");
    if (secret)
        sessions_end(access->sessions, secret);
    return make_cookie(cookie, access, request, "", 0, err);
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static int check_address(const struct access *access, struct err *err)
{
    const struct service_options *options = access->options;
    if (options->socket || options->unix_path || is_loopback(options->address) || options->insecure ||
        access->tokens.of[ACCESS_READ].set)
        return 0;
    return err_set(err, ERR_ARGUMENT,
        "'%s' can be reached from other machines: that takes a token, or --insecure", options->address);
}

int access_open(struct access **out, const struct service_options *options, struct err *err)
{
    struct access *access = mem_new(1, sizeof *access);
    if (!access)
        return err_memory(err, sizeof *access);
    access->options = options;
    pthread_mutex_init(&access->lock, NULL);
    access->networks = mem_new(options->network_count, sizeof *access->networks);
    int rc = access->networks ? 0 : err_memory(err, options->network_count);
    for (size_t i = 0; i < options->network_count && !rc; i++)
        rc = network_parse(&access->networks[i], options->networks[i], err);
    if (!rc)
        rc = sessions_open(&access->sessions, err);
    if (!rc)
        rc = read_tokens(&access->tokens, options, err);
    if (!rc)
        rc = check_address(access, err);
    if (rc)
        access_free(access);
    else
        *out = access;
    return rc;
}

void access_free(struct access *access)
{
    if (!access)
        return;
    sessions_free(access->sessions);
    free(access->networks);
    pthread_mutex_destroy(&access->lock);
    free(access);
}
