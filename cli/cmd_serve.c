// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "cli/text.h"
#include "joint/collection/collection.h"
#include "service/service.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DRAIN_SECONDS = 20 };

/* What the settings ask for. */
struct serve {
    struct model_options model_options;
    struct service_options options;
    enum settings_source source;      /* of what is parsed now */
    struct setting_list names, paths; /* of indexes */
    struct setting_list hosts, networks;
    const char *listen;
    bool log;
    bool isolation_said; /* else picture.isolate is for us to choose */
    struct arena arena;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum {
    KEY_CONFIG = 0x100,
    KEY_WATCH,
    KEY_PROBE,
    KEY_LISTEN,
    KEY_UNIX,
    KEY_HOST,
    KEY_TOKEN_FILE,
    KEY_WRITE_TOKEN_FILE,
    KEY_OPEN_TO,
    KEY_INSECURE,
    KEY_BASE_PATH,
    KEY_LOG,
    KEY_TIMEOUT,
    KEY_BODY,
    KEY_IDLE,
    KEY_ISOLATE,
    KEY_STRICT
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What is served:", 1},
    {"index", 'i', "[NAME=]INDEX", OPTION_AGAIN,
        "An index to search, by the name of its folder or another; may be given again. The first is searched "
        "where a request names none (default: that of 'diptych help index', where it is there)",
        1},
    {"watch", KEY_WATCH, "yes|no", OPTION_ARG_OPTIONAL,
        "Keep the indexes up to date with what they were made from, as 'diptych index watch' does", 1},
    {"probe", KEY_PROBE, "FILE", 0,
        "Classify by a file of 'diptych probe fit' where a request names no labels", 1},
    {NULL, 0, NULL, 0, "Who may ask:", 2},
    {"listen", KEY_LISTEN, "ADDRESS:PORT", 0, "Where to listen (default: 127.0.0.1:8080)", 2},
    {"unix", KEY_UNIX, "PATH", 0, "Listen at a socket of that name instead", 2},
    {"allow-host", KEY_HOST, "NAME", OPTION_AGAIN,
        "Without a token, answer requests to NAME too, as a proxy in front may pass them on; may be given "
        "again",
        2},
    {"token-file", KEY_TOKEN_FILE, "FILE", 0,
        "Answer only requests with 'Authorization: Bearer TOKEN', the first line of FILE (default: "
        "DIPTYCH_TOKEN)",
        2},
    {"write-token-file", KEY_WRITE_TOKEN_FILE, "FILE", 0,
        "Let those write who send this token, which reads, too (default: DIPTYCH_WRITE_TOKEN; where there is "
        "no token at all, and the service listens at a loopback address, programs of this machine may write)",
        2},
    {"open-to", KEY_OPEN_TO, "NETWORK", OPTION_AGAIN,
        "Answer /predict without a token, as immich asks, to addresses in 192.168.1.0/24, fd00::/8 or "
        "another NETWORK; may be given again",
        2},
    {"insecure", KEY_INSECURE, "yes|no", OPTION_ARG_OPTIONAL, "Let other machines ask without a token", 2},
    {"base-path", KEY_BASE_PATH, "PATH", 0,
        "All paths lie below PATH, such as /diptych, where a proxy passes them on so", 2},
    {NULL, 0, NULL, 0, "Requests:", 3},
    {"batch", 'b', "N", 0, "Encode up to N pictures or texts together (default: 32)", 3},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "Give up on a request after so long (default: 60)", 3},
    {"max-body", KEY_BODY, "MIB", 0, "Refuse larger bodies of requests (default: 64)", 3},
    {"isolate-decoding", KEY_ISOLATE, "yes|no", OPTION_ARG_OPTIONAL,
        "Decode JPEG, PNG, WebP and the like in processes that can do nothing else, as AVIF, HEIC and others "
        "always are (default: yes, where that is possible)",
        3},
    {"strict", KEY_STRICT, "yes|no", OPTION_ARG_OPTIONAL,
        "Refuse damaged JPEGs that can be read all the same; without it they are read as Pillow reads them, "
        "with a warning in the answer",
        3},
    {"log", KEY_LOG, "yes|no", OPTION_ARG_OPTIONAL, "A line of JSON on stdout for each request", 3},
    {"idle-unload", KEY_IDLE, "TIME", 0,
        "Give the model's memory back when nothing has been encoded for so long, 5m or 2h; the next request "
        "loads it again (default: never)",
        3},
    {NULL, 0, NULL, 0, "Settings:", 5},
    {"config", KEY_CONFIG, "FILE", 0,
        "Take options from FILE, too, a line 'NAME = VALUE' each (default: DIPTYCH_CONFIG). Those with a "
        "value are in the environment, too: --base-path is DIPTYCH_BASE_PATH",
        5},
    {0},
};

static error_t add_index(struct serve *s, const char *argument, const struct argp_state *state)
{
    const char *equals = strchr(argument, '='), *path = equals ? equals + 1 : argument;
    const char *name = equals ? argument : path_last(&s->arena, argument);
    const size_t length = equals ? (size_t)(equals - argument) : name ? strcspn(name, ".") : 0;
    if (!length || !*path)
        option_error(state, "--index takes a folder, or NAME=FOLDER");
    const int rc = setting_add(&s->names, s->source, name, length);
    return rc ? rc : setting_add(&s->paths, s->source, path, strlen(path));
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct serve *s = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        s->model_options.adapters.source = &s->source;
        state->child_inputs[0] = &s->model_options;
        return 0;
    case 'i':
        return add_index(s, argument, state);
    case KEY_CONFIG:
        return 0; /* settings_parse has read it */
    case KEY_WATCH:
        s->options.watch = option_bool(state, "watch", argument);
        return 0;
    case KEY_PROBE:
        s->options.probe = argument;
        return 0;
    case KEY_LISTEN:
        s->listen = argument;
        return 0;
    case KEY_UNIX:
        s->options.unix_path = argument;
        return 0;
    case KEY_HOST:
        return setting_add(&s->hosts, s->source, argument, strlen(argument));
    case KEY_TOKEN_FILE:
        s->options.token_file = argument;
        return 0;
    case KEY_WRITE_TOKEN_FILE:
        s->options.write_token_file = argument;
        return 0;
    case KEY_OPEN_TO:
        return setting_add(&s->networks, s->source, argument, strlen(argument));
    case KEY_BASE_PATH:
        s->options.base_path = strcmp(argument, "/") ? argument : "";
        return 0;
    case KEY_INSECURE:
        s->options.insecure = option_bool(state, "insecure", argument);
        return 0;
    case 'b':
        s->options.batch = option_number(state, "batch", argument, 1, 4096);
        return 0;
    case KEY_TIMEOUT:
        s->options.seconds = (double)option_number(state, "timeout", argument, 1, 86400);
        return 0;
    case KEY_BODY:
        s->options.body_bytes = option_number(state, "max-body", argument, 1, 1 << 14) << 20;
        return 0;
    case KEY_LOG:
        s->log = option_bool(state, "log", argument);
        return 0;
    case KEY_ISOLATE:
        s->options.picture.isolate = option_bool(state, "isolate-decoding", argument);
        s->isolation_said = true;
        return 0;
    case KEY_STRICT:
        s->options.picture.strict = option_bool(state, "strict", argument);
        return 0;
    case KEY_IDLE:
        s->options.idle_unload = option_seconds(state, "idle-unload", argument);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is no option; indexes go behind --index", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&model_argp, 0, "Model and device:", 4}, {&common_argp, 0, "", -1}, {0}};

const struct argp serve_argp = {
    .options = options,
    .parser = parse,
    .doc = "Answer programs over HTTP: embeddings, zero-shot classification, ranking, and search in indexes. "
           "GET /openapi.json lists what there is.\n\n"
           "  diptych serve --index photos.dip\n"
           "  curl localhost:8080/v1/search -H 'Content-Type: application/json' \\\n"
           "      -d '{\"text\": \"a beach\"}'\v",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- settings ------------------------------------------------------------------------------------------ */

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" or "8080". */
static int read_listen(struct serve *s, struct err *err)
{
    const char *text = s->listen ? s->listen : "127.0.0.1:8080";
    const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
    size_t length = colon ? (size_t)(colon - text) : 0;
    char *end;
    const long number = strtol(port, &end, 10);
    if (!*port || *end || number < 0 || number > 65535)
        return err_set(err, ERR_ARGUMENT, "'%s' is no ADDRESS:PORT", text);
    if (length == strlen("localhost") && !strncmp(text, "localhost", length))
        length = 0; /* the default */
    const bool brackets = length > 2 && *text == '[' && text[length - 1] == ']';
    s->options.address = length ? arena_copy(&s->arena, text + brackets, length - 2 * brackets) : NULL;
    s->options.port = (int)number;
    return length && !s->options.address ? err_memory(err, length) : 0;
}

/* The option's, else the one that the first index was made with. Clients call a model that was given by name by it,
 * so that immich, which asks for "ViT-B-32__openai", finds it. */
static int find_model(struct serve *s, struct err *err)
{
    const char *option = s->model_options.directory;
    const struct adapters *adapters = &s->model_options.adapters.all;
    struct collection_model model = {0};
    if (option && !file_exists(option))
        s->options.model_name = option;
    s->options.adapters = *adapters;
    if (!s->paths.values.count)
        return model_directory(&s->options.model, option, &s->arena, err);
    const int rc =
        collection_model_at(&model, s->paths.values.items[0], false, option, adapters, &s->arena, err);
    s->options.adapters = model.adapters;
    s->options.model = rc ? NULL : model.directory;
    return rc;
}

/* Where no index is named, the default one, unless another model is. */
static int take_default(struct serve *s)
{
    static const char name[] = "default";
    struct collection_model model;
    struct err err;
    const char *path = index_default();
    if (s->paths.values.count || !path || !index_is_there(path))
        return 0;
    if (collection_model_at(&model, path, false, s->model_options.directory, &s->model_options.adapters.all,
            &s->arena, &err)) {
        message("the default index is not served: %s", err.msg);
        return 0;
    }
    const int rc = setting_add(&s->names, SETTINGS_COMMAND_LINE, name, strlen(name));
    return rc ? rc : setting_add(&s->paths, SETTINGS_COMMAND_LINE, path, strlen(path));
}

/* Whatever asks over a network is best kept from decoders, and that costs next to nothing. */
static void choose_isolation(struct serve *s)
{
    struct err err = {0};
    if (s->isolation_said)
        return;
    s->options.picture.isolate = !picture_try_isolation(&err);
    if (!s->options.picture.isolate)
        message("JPEG, PNG, WebP and the like are decoded in this process: %s", err.msg);
}

static void print_line(void *context, const char *line)
{
    (void)context;
    puts(line);
    output_flush();
}

static void print_problem(void *context, const char *line)
{
    (void)context;
    message("%s", line);
}

/* A socket that systemd, or who does as it does, listens at for us: sd_listen_fds(3). */
static int inherited_socket(void)
{
    enum { FIRST = 3 };
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    return pid && count && atol(pid) == (long)getpid() && atoi(count) > 0 ? FIRST : 0;
}

/* ---- serving ------------------------------------------------------------------------------------------- */

/* Signals are blocked in all threads, so that handlers which OpenCL's libraries install never run; one that comes
 * during the load waits for its end. */
static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static void reload(struct service *service)
{
    struct err err;
    if (service_reload(service, &err))
        message("cannot take all that was replaced: %s", err.msg);
    else
        fprintf(stderr, "reloaded\n");
}

/* Reloads as often as it is told to, until a signal asks for the end. A hangup is both: it asks for the end where it
 * comes of a terminal that has been closed. */
static void wait_for_signal(struct service *service, const sigset_t *signals, bool terminal)
{
    for (;;) {
        int number;
        sigwait(signals, &number);
        if (number != SIGHUP && !interrupt_ignored(number))
            return;
        if (number == SIGHUP && terminal && !isatty(STDERR_FILENO))
            return;
        if (number == SIGHUP)
            reload(service);
    }
}

static void say_where(const struct service_options *where, int port)
{
    const char *address = where->address ? where->address : "127.0.0.1";
    const bool colons = strchr(address, ':');
    if (where->socket)
        fprintf(stderr, "listening on the socket that was handed over\n");
    else if (where->unix_path)
        fprintf(stderr, "listening on unix:%s\n", where->unix_path);
    else
        fprintf(
            stderr, "listening on http://%s%s%s:%d\n", colons ? "[" : "", address, colons ? "]" : "", port);
}

/* Connections take a file each, and shells give programs few: as many as the system lets this one have. */
static void allow_files(void)
{
    enum { ENOUGH = 65536 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= ENOUGH)
        return;
    limit.rlim_cur = limit.rlim_max < ENOUGH ? limit.rlim_max : ENOUGH;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(struct serve *s, struct err *err)
{
    struct service *service = NULL;
    const bool terminal = isatty(STDERR_FILENO);
    sigset_t signals;
    block_signals(&signals);
    allow_files();
    if (s->options.watch && !s->options.index_count)
        message("there is no index that --watch could keep up to date");
    int rc = service_open(&service, &s->options, err);
    if (rc)
        return rc;
    fprintf(stderr, "loading %s\n", s->options.model);
    rc = service_wait(service, err);
    if (!rc) {
        say_where(&s->options, service_port(service));
        wait_for_signal(service, &signals, terminal);
        fprintf(stderr, "ending: what has been asked is answered first\n");
    }
    service_close(service, DRAIN_SECONDS);
    return rc;
}

int cmd_serve(int argc, char **argv)
{
    struct serve s = {0};
    struct err err = {0};
    mem_stay_small();
    settings_parse(&serve_argp, argc, argv, &s, &s.source, &s.arena);
    int rc = read_listen(&s, &err);
    if (!rc && take_default(&s))
        rc = err_memory(&err, 0);
    if (!rc)
        rc = find_model(&s, &err);
    s.options.device = s.model_options.device;
    s.options.index_names = (const char *const *)s.names.values.items;
    s.options.index_paths = (const char *const *)s.paths.values.items;
    s.options.index_count = s.paths.values.count;
    s.options.hosts = (const char *const *)s.hosts.values.items;
    s.options.host_count = s.hosts.values.count;
    s.options.networks = (const char *const *)s.networks.values.items;
    s.options.network_count = s.networks.values.count;
    s.options.token = getenv("DIPTYCH_TOKEN");
    s.options.write_token = getenv("DIPTYCH_WRITE_TOKEN");
    s.options.socket = inherited_socket();
    s.options.log = s.log ? print_line : NULL;
    s.options.tell = print_problem;
    if (!rc) {
        choose_isolation(&s);
        rc = serve(&s, &err);
    }
    if (rc)
        message("cannot serve: %s", err.msg);
    strings_release(&s.names.values);
    strings_release(&s.paths.values);
    strings_release(&s.hosts.values);
    strings_release(&s.networks.values);
    arena_release(&s.arena);
    return rc ? STATUS_CANNOT : STATUS_DONE;
}
