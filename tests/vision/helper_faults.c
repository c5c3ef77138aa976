// SPDX-License-Identifier: Apache-2.0
/* A diptych-decode whose decoders misbehave, for test_helper.c; and where HELPER_LIES is set, one whose replies do. */
#include "vision/helper/helper.h"
#include "vision/helper/protocol.h"
#include "vision/helper/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* As many pixels as the file has bytes, in a row, each of its byte's colour. */
static int paint(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    (void)options;
    const int rc = picture_alloc(out, options, PICTURE_RGB, (int)file.length, 1, err);
    for (size_t i = 0; !rc && i < 3 * file.length; i++)
        out->pixels[i] = span_bytes(file)[i / 3];
    return rc;
}

static int refuse(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    (void)out, (void)options;
    return err_set(err, ERR_LIMIT, "%.*s is too much", (int)file.length, file.data);
}

static int crash(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    (void)out, (void)file, (void)options, (void)err;
    raise(SIGSEGV);
    abort();
}

static int hang(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    (void)out, (void)file, (void)options, (void)err;
    volatile bool going = true;
    while (going) {
    }
    return 0;
}

/* Memory without end. */
static int grow(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    (void)out, (void)file, (void)options;
    enum { PART = 64 << 20, PARTS = 1024 };
    void *parts[PARTS];
    int count = 0;
    for (bool ended = false; count < PARTS && !ended; count += !ended) {
        parts[count] =
            mmap(NULL, PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        ended = parts[count] == MAP_FAILED;
    }
    for (int i = 0; i < count; i++)
        munmap(parts[i], PART);
    return err_set(err, ERR_LIMIT, "memory ended after %d MiB", count * (PART >> 20));
}

/* The same, of a picture whose header has 80 megapixels. */
static int grow_large(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    const int rc = picture_check_size(10000, 8000, options, err);
    return rc ? rc : grow(out, file, options, err);
}

static void *one(void *context)
{
    *(int *)context = 1;
    return NULL;
}

/* What a decoder has no business with, and the threads that it has. */
static int escape(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    int ran = 0;
    pthread_t thread;
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    char *const argv[] = {(char *)"true", NULL};

    if (open("/dev/null", O_RDONLY) >= 0 || errno != EPERM)
        return err_set(err, ERR_FORMAT, "it opens files");
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return err_set(err, ERR_FORMAT, "it opens connections");
    if (fork() >= 0 || errno != EPERM)
        return err_set(err, ERR_FORMAT, "it starts processes");
    if (!execv("/bin/true", argv) || errno != EPERM)
        return err_set(err, ERR_FORMAT, "it runs programs");
    if (!kill(getppid(), 0) || errno != EPERM)
        return err_set(err, ERR_FORMAT, "it sends signals");
    if (!tgkill(getppid(), getppid(), 0) || errno != EPERM)
        return err_set(err, ERR_FORMAT, "it sends signals to threads of others");
    if (tgkill(getpid(), gettid(), 0))
        return err_set(err, ERR_FORMAT, "it sends none to itself");
    if (!setrlimit(RLIMIT_CPU, &none) || errno != EPERM)
        return err_set(err, ERR_FORMAT, "it raises its limits");
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return err_set(err, ERR_FORMAT, "it makes code");
    if (pthread_create(&thread, NULL, one, &ran) || pthread_join(thread, NULL) || !ran)
        return err_set(err, ERR_FORMAT, "it has no threads");
    return paint(out, file, options, err);
}

static format_decode named;
static const struct decoder faults[] = {{"paint", paint, NULL}, {"refuse", refuse, NULL},
    {"crash", crash, NULL}, {"hang", hang, NULL}, {"grow", grow, NULL}, {"grow large", grow_large, NULL},
    {"escape", escape, NULL}, {HELPER_OWN, named, NULL}, {0}};

/* What diptych would decode itself is a BMP here, behind whose first letters a fault is named, or else a PNM, which is painted. */
static int named(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    const struct span name = span_from(file, 2);
    const struct decoder *fault = faults;
    if (file.data[0] == 'P')
        return paint(out, file, options, err);
    while (fault->decode != named &&
           (strlen(fault->library) != name.length || memcmp(fault->library, name.data, name.length)))
        fault++;
    return fault->decode == named ? err_set(err, ERR_FORMAT, "no fault is named")
                                  : fault->decode(out, file, options, err);
}

/* Replies of a process that somebody has taken over; the request names the lie. */
static int lie(void)
{
    struct helper_request request;
    while (recv(HELPER_SOCKET, &request, sizeof request, 0) == sizeof request) {
        struct helper_reply reply = {.mode = PICTURE_RGB, .width = 8, .height = 8};
        size_t size = sizeof reply;
        if (!strcmp(request.library, "mode"))
            reply.mode = 77;
        else if (!strcmp(request.library, "code"))
            reply.code = 1000;
        else if (!strcmp(request.library, "negative"))
            reply.width = -8;
        else if (!strcmp(request.library, "large"))
            reply.width = 1 << 30;
        else if (!strcmp(request.library, "ask"))
            reply = (struct helper_reply){.code = HELPER_ASKS, .pixels = SIZE_MAX};
        else if (!strcmp(request.library, "short"))
            size = 3;
        else if (!strcmp(request.library, "control")) {
            reply.code = ERR_FORMAT;
            memset(reply.msg, '\033', sizeof reply.msg); /* and no end */
        }                                                /* else "pixels": there are none */
        send(HELPER_SOCKET, &reply, size, MSG_NOSIGNAL);
    }
    return 0;
}

int main(void)
{
    return getenv("HELPER_LIES") ? lie() : helper_serve(faults);
}
