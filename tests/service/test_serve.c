// SPDX-License-Identifier: Apache-2.0
/* diptych serve as a process: what it says, what it answers, and how it ends. */
#include "base/base.h"
#include "tests/service/client.h"
#include "tests/service/process.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <nettle/base64.h>

static struct process start(const char *const *more)
{
    return process_serve(more, -1);
}

static void a_signal_ends_it_with_0(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT};
    char line[512];
    for (size_t i = 0; i < 2; i++) {
        struct process process = start((const char *const[]){"--listen", "localhost:0", "--log", NULL});
        const int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
        struct answer answer = client_once(port, "POST", "/v1/embeddings", NULL, "{\"input\": \"a\"}");
        assert_int_equal(answer.status, 200);
        answer_release(&answer);
        process_line(process.out, "{\"id\":\"", line);
        assert_non_null(strstr(line, "\"path\":\"/v1/embeddings\",\"status\":200"));
        kill(process.pid, signals[i]);
        assert_int_equal(process_end(&process), 0);
    }
}

static void the_token_comes_from_a_file(void **state)
{
    (void)state;
    char line[512];
    FILE *file = fopen(DIPTYCH_SCRATCH "/token", "w");
    fputs("secret\n", file);
    fclose(file);
    struct process process = start(
        (const char *const[]){"--listen", "127.0.0.1:0", "--token-file", DIPTYCH_SCRATCH "/token", NULL});
    const int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    struct answer answer = client_once(port, "GET", "/v1/models", NULL, NULL);
    assert_int_equal(answer.status, 401);
    answer_release(&answer);
    answer = client_once(port, "GET", "/v1/models", "Authorization: Bearer secret\r\n", NULL);
    assert_int_equal(answer.status, 200);
    answer_release(&answer);
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);
}

/* With the same model; the user's own is not looked at (tests/support/run.sh). */
static void without_a_name_it_serves_the_default_index(void **state)
{
    (void)state;
    char line[512];
    const char *const arguments[] = {"--listen", "127.0.0.1:0", NULL};
    assert_int_equal(system("'" DIPTYCH_PROGRAM "' index build '" DIPTYCH_ROOT
                            "/assets/pictures/01.png' --model '" DIPTYCH_ROOT "/tests/model' -q"),
        0);
    struct process process = start(arguments);
    const int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    struct answer answer = client_once(port, "POST", "/v1/search", NULL, "{\"text\": \"a heart\"}");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "/01.png"));
    answer_release(&answer);
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);
}

#define LORA DIPTYCH_ROOT "/tests/golden/lora/"

/* Named in a file of settings, or remembered by the index; and without them the index is one of another model. */
static void adapters_are_settings(void **state)
{
    (void)state;
    char line[512];
    const char *const settings = DIPTYCH_SCRATCH "/lora.conf", *const index = DIPTYCH_SCRATCH "/lora.dip";
    const char *const arguments[] = {
        "--model", LORA "model", "--listen", "127.0.0.1:0", "--index", index, "--config", settings, NULL};
    assert_int_equal(system("'" DIPTYCH_PROGRAM "' index build '" DIPTYCH_SCRATCH "/lora.dip' '" DIPTYCH_ROOT
                            "/assets/pictures/01.png' --model '" LORA "model' --lora '" LORA
                            "plain:0.5' --lora '" LORA "dora' -q"),
        0);
    for (int with = 0; with < 2; with++) {
        FILE *file = fopen(settings, "w");
        fputs(with ? "lora = " LORA "plain:0.5\nlora = " LORA "dora\n" : "lora = " LORA "plain:0.5\n", file);
        fclose(file);
        struct process process = start(arguments);
        if (with) {
            const int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
            struct answer answer = client_once(port, "POST", "/v1/search", NULL, "{\"text\": \"a heart\"}");
            assert_int_equal(answer.status, 200);
            assert_non_null(strstr(answer.body, "/01.png"));
            answer_release(&answer);
            kill(process.pid, SIGTERM);
        } else {
            process_line(process.err,
                "diptych: cannot serve: '" DIPTYCH_SCRATCH "/lora.dip' was made with another", line);
        }
        assert_int_equal(process_end(&process), with ? 0 : 2);
    }
}

static void expect_health(int fd, const char *host, int status)
{
    char text[256];
    snprintf(text, sizeof text, "GET /health HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    client_send(fd, text, strlen(text));
    struct answer answer = client_read(fd);
    assert_int_equal(answer.status, status);
    answer_release(&answer);
    close(fd);
}

/* One that a killed service has left is taken over; one that somebody listens at, or another file, is not. */
static void a_socket_may_be_a_file(void **state)
{
    (void)state;
    char line[512];
    const char *const arguments[] = {"--unix", DIPTYCH_SCRATCH "/socket", NULL};
    for (int i = 0; i < 2; i++) {
        struct process process = start(arguments);
        process_line(process.err, "listening on unix:" DIPTYCH_SCRATCH "/socket", line);
        expect_health(client_connect_unix(arguments[1]), "any.name", 200);
        if (i == 0) {
            struct process second = start(arguments);
            process_line(second.err, "diptych: cannot serve: cannot listen on", line);
            assert_int_equal(process_end(&second), 2);
        }
        kill(process.pid, i == 0 ? SIGKILL : SIGTERM);
        assert_int_equal(process_end(&process), i == 0 ? 128 + SIGKILL : 0);
        assert_int_equal(access(arguments[1], F_OK), i == 0 ? 0 : -1);
    }
    fclose(fopen(arguments[1], "w"));
    struct process process = start(arguments);
    process_line(process.err, "diptych: cannot serve: cannot listen on", line);
    assert_int_equal(process_end(&process), 2);
    assert_int_equal(access(arguments[1], F_OK), 0);
}

static void a_socket_may_be_handed_over(void **state)
{
    (void)state;
    char line[512];
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    struct process process = process_serve((const char *const[]){NULL}, fd);
    process_line(process.err, "listening on the socket that was handed over", line);
    expect_health(client_connect(ntohs(address.sin_port)), "localhost", 200);
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);
    close(fd);
}

static void a_proxys_name_can_be_allowed(void **state)
{
    (void)state;
    char line[512];
    struct process process =
        start((const char *const[]){"--listen", "127.0.0.1:0", "--allow-host", "photos.example", NULL});
    const int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    expect_health(client_connect(port), "Photos.Example", 200);
    expect_health(client_connect(port), "evil.example", 403);
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);
}

/* ---- pictures ----------------------------------------------------------------------------------------- */

#ifdef HELPER_FAULTS
/* "BM", which tells a BMP, and a fault of helper_faults.c; its digits in base64 are to be a multiple of four. */
static int status_of_picture(int port, const char *digits, const char *says)
{
    char body[256];
    snprintf(body, sizeof body, "{\"input\": \"data:image/bmp;base64,%s\"}", digits);
    struct answer answer = client_once(port, "POST", "/v1/embeddings", NULL, body);
    const int status = answer.status;
    if (!strstr(answer.body, says))
        fail_msg("%s: %s", says, answer.body);
    answer_release(&answer);
    return status;
}

static void what_kills_the_decoder_is_one_failed_request(void **state)
{
    (void)state;
    char line[512], decoder[4096];
    snprintf(decoder, sizeof decoder, "%s", getenv("DIPTYCH_DECODER"));
    setenv("DIPTYCH_DECODER", HELPER_FAULTS, 1);
    struct process process = start((const char *const[]){"--listen", "127.0.0.1:0", NULL});
    setenv("DIPTYCH_DECODER", decoder, 1);
    const int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    static const char paint[] = "Qk1wYWludA==", crash[] = "Qk1jcmFzaA==";
    for (int i = 0; i < 3; i++) {
        assert_int_equal(status_of_picture(port, paint, "\"embedding\""), 200);
        assert_int_equal(status_of_picture(port, crash, "its decoder has"), 400);
    }
    assert_int_equal(status_of_picture(port, paint, "\"embedding\""), 200);
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);
}

/* As by --isolate-decoding=no. */
static void without_a_decoder_it_decodes_itself(void **state)
{
    (void)state;
    char line[512], decoder[4096];
    snprintf(decoder, sizeof decoder, "%s", getenv("DIPTYCH_DECODER"));
    setenv("DIPTYCH_DECODER", "/nowhere", 1);
    struct process process = start((const char *const[]){"--listen", "127.0.0.1:0", NULL});
    setenv("DIPTYCH_DECODER", decoder, 1);
    process_line(process.err, "diptych: JPEG, PNG, WebP and the like are decoded in this process: ", line);
    const int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    assert_int_equal(status_of_picture(port, "Qk1wYWludA==", "BMP"), 400); /* that is none */
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);
}
#endif

#ifdef DIPTYCH_JPEG_TURBO
/* A JPEG with some bytes of its pixels lost. */
static int status_of_damage(int port)
{
    char *bytes, body[4096] = "{\"input\": \"data:image/jpeg;base64,";
    size_t size;
    assert_int_equal(
        file_read(&bytes, &size, DIPTYCH_ROOT "/tests/golden/jpeg_damage/blocks.jpg", 2048, NULL), 0);
    memset(bytes + 1039, 0, 6);
    char *digits = body + strlen(body);
    base64_encode_raw(digits, size, (const uint8_t *)bytes);
    strcpy(digits + BASE64_ENCODE_RAW_LENGTH(size), "\"}");
    free(bytes);
    struct answer answer = client_once(port, "POST", "/v1/embeddings", NULL, body);
    const int status = answer.status;
    answer_release(&answer);
    return status;
}

static void damage_is_refused_where_it_is_strict(void **state)
{
    (void)state;
    char line[512];
    struct process process = start((const char *const[]){"--listen", "127.0.0.1:0", "--strict", NULL});
    const int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    assert_int_equal(status_of_damage(port), 400);
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);
}
#endif

/* ---- settings ------------------------------------------------------------------------------------------ */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int status_of(int port, const char *path, const char *headers)
{
    struct answer answer = client_once(port, "GET", path, headers, NULL);
    const int status = answer.status;
    answer_release(&answer);
    return status;
}

#define CONFIG DIPTYCH_SCRATCH "/serve.conf"
#define TOKEN DIPTYCH_SCRATCH "/config-token"

/* The file says all; the environment another path, the command line another token; of what may be given again, the
 * stronger source's is all there is. */
static void settings_come_from_three_places(void **state)
{
    (void)state;
    char line[512];
    write_file(TOKEN, "from-file\n");
    write_file(TOKEN "2", "from-line\n");
    write_file(CONFIG, "# a comment\n\n  listen = 127.0.0.1:0\r\nbase-path=/file\n"
                       "token-file = " TOKEN "\nopen-to = 127.0.0.1\nopen-to = ::1\nlog = yes\n");
    struct process process = start((const char *const[]){"--conf", CONFIG, NULL}); /* cut short */
    int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    assert_int_equal(status_of(port, "/file/v1/models", "Authorization: Bearer from-file\r\n"), 200);
    process_line(process.out, "{\"id\"", line);
    struct answer answer = client_once(port, "POST", "/file/predict", NULL, "{}");
    assert_int_equal(answer.status, 415);
    answer_release(&answer);
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);

    setenv("DIPTYCH_CONFIG", CONFIG, 1);
    setenv("DIPTYCH_BASE_PATH", "/environment", 1);
    setenv("DIPTYCH_OPEN_TO", "10.0.0.0/8,fd00::/8", 1);
    process = start((const char *const[]){"--token-file=" TOKEN "2", NULL});
    unsetenv("DIPTYCH_CONFIG");
    unsetenv("DIPTYCH_BASE_PATH");
    unsetenv("DIPTYCH_OPEN_TO");
    port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    assert_int_equal(status_of(port, "/environment/v1/models", "Authorization: Bearer from-line\r\n"), 200);
    assert_int_equal(status_of(port, "/environment/v1/models", "Authorization: Bearer from-file\r\n"), 401);
    answer = client_once(port, "POST", "/environment/predict", NULL, "{}");
    assert_int_equal(answer.status, 401);
    answer_release(&answer);
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);
}

static void wrong_settings_say_where_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *file, *variable, *value, *says;
    } wrong[] = {
        {"listen = 127.0.0.1:0\n\nbatches = 4\n", NULL, NULL, CONFIG ":3: there is no option 'batches'"},
        {"batch\n", NULL, NULL, CONFIG ":1: this is no 'NAME = VALUE'"},
        {"# batch\nbatch = none\n", NULL, NULL,
            CONFIG ":2: --batch takes a number from 1 to 4096, not 'none'"},
        {"batch = 4\nbatch = 5\n", NULL, NULL, CONFIG ":2: 'batch' is in line 1 already"},
        {"index = x=\n", NULL, NULL, CONFIG ":1: --index takes a folder"},
        {"config = other\n", NULL, NULL, CONFIG ":1: there is no option 'config'"},
        {"help = yes\n", NULL, NULL, CONFIG ":1: there is no option 'help'"},
        {"log = perhaps\n", NULL, NULL, CONFIG ":1: --log takes yes or no, not 'perhaps'"},
        {"idle-unload = 5 minutes\n", NULL, NULL, CONFIG ":1: --idle-unload takes a time"},
        {"", "DIPTYCH_TIMEOUT", "soon", "DIPTYCH_TIMEOUT: --timeout takes a number"},
        {"", "DIPTYCH_CONFIG", "/nonexistent", "/nonexistent"},
    };
    char line[512];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_file(CONFIG, wrong[i].file);
        setenv("DIPTYCH_CONFIG", CONFIG, 1);
        if (wrong[i].variable)
            setenv(wrong[i].variable, wrong[i].value, 1);
        struct process process = start((const char *const[]){NULL});
        if (wrong[i].variable)
            unsetenv(wrong[i].variable);
        unsetenv("DIPTYCH_CONFIG");
        assert_non_null(fgets(line, sizeof line, process.err));
        if (!strstr(line, wrong[i].says))
            fail_msg("%s: %s", wrong[i].says, line);
        assert_null(fgets(line, sizeof line, process.err));
        assert_int_equal(process_end(&process), 2);
    }
}

/* ---- signals ------------------------------------------------------------------------------------------- */

/* Sent at once, a hangup comes while the model is being loaded. */
static void a_hangup_reloads(void **state)
{
    (void)state;
    char line[512];
    write_file(TOKEN, "old\n");
    struct process process =
        start((const char *const[]){"--listen", "127.0.0.1:0", "--token-file", TOKEN, NULL});
    process_line(process.err, "loading", line);
    kill(process.pid, SIGHUP);
    const int port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    process_line(process.err, "reloaded", line);
    assert_int_equal(status_of(port, "/v1/models", "Authorization: Bearer old\r\n"), 200);
    write_file(TOKEN, "new\n");
    kill(process.pid, SIGHUP);
    process_line(process.err, "reloaded", line);
    assert_int_equal(status_of(port, "/v1/models", "Authorization: Bearer old\r\n"), 401);
    assert_int_equal(status_of(port, "/v1/models", "Authorization: Bearer new\r\n"), 200);
    write_file(TOKEN, "\n");
    kill(process.pid, SIGHUP);
    process_line(process.err, "diptych: cannot take all that was replaced: the token in '" TOKEN "'", line);
    assert_int_equal(status_of(port, "/v1/models", "Authorization: Bearer new\r\n"), 200);
    kill(process.pid, SIGTERM);
    assert_int_equal(process_end(&process), 0);
}

static void what_hinders_it_is_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[4], *says;
    } wrong[] = {
        {{"--listen", "nowhere"}, "'nowhere' is no ADDRESS:PORT"},
        {{"--listen", "127.0.0.1:65536"}, "is no ADDRESS:PORT"},
        {{"--listen", "no.where:0", "--insecure"}, "cannot listen on 'no.where'"},
        {{"--listen", "0.0.0.0:0"}, "takes a token"},
        {{"--token-file", "/nonexistent"}, "/nonexistent"},
        {{"--open-to", "here"}, "'here' is no network"},
        {{"--base-path", "diptych"}, "'diptych' is no base path"},
        {{"--index", DIPTYCH_SCRATCH "/none.dip", "--listen", "127.0.0.1:0"}, "none.dip"},
        {{"--probe", DIPTYCH_SCRATCH "/none.probe", "--listen", "127.0.0.1:0"}, "none.probe"},
    };
    char line[512];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *const *a = wrong[i].arguments;
        struct process process = start((const char *const[]){a[0], a[1], a[2], a[3], NULL});
        process_line(process.err, "diptych: cannot serve: ", line);
        if (!strstr(line, wrong[i].says))
            fail_msg("%s: %s", a[1], line);
        assert_int_equal(process_end(&process), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_ends_it_with_0),
        cmocka_unit_test(the_token_comes_from_a_file),
        cmocka_unit_test(adapters_are_settings),
        cmocka_unit_test(a_socket_may_be_a_file),
        cmocka_unit_test(a_socket_may_be_handed_over),
        cmocka_unit_test(a_proxys_name_can_be_allowed),
#ifdef HELPER_FAULTS
        cmocka_unit_test(what_kills_the_decoder_is_one_failed_request),
        cmocka_unit_test(without_a_decoder_it_decodes_itself),
#endif
#ifdef DIPTYCH_JPEG_TURBO
        cmocka_unit_test(damage_is_refused_where_it_is_strict),
#endif
        cmocka_unit_test(settings_come_from_three_places),
        cmocka_unit_test(wrong_settings_say_where_they_are),
        cmocka_unit_test(a_hangup_reloads),
        cmocka_unit_test(what_hinders_it_is_one_line),
        cmocka_unit_test(without_a_name_it_serves_the_default_index),
    };
    unsetenv("DIPTYCH_TOKEN");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
