// SPDX-License-Identifier: Apache-2.0
#include "vision/format.h"
#include "vision/helper/helper.h"
#include "vision/helper/process.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

/* Beside the CPU time of the options: how often that may have passed on a clock on the wall, on a machine with more to do,
 * before a process that waits for something is given up; and the memory of a process that decodes, of which its libraries
 * and what they have left of the picture before take the first part, and shared pixels some of the second. */
enum { WALL_PER_CPU = 10 };
static const size_t memory_base = 512u << 20, memory_per_pixel = 36;

/* Sanitizers map terabytes. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
static const bool shadow_memory = true;
#else
static const bool shadow_memory = false;
#endif

/* Soft limits, which the process cannot raise for want of the system call. The hard ones are what the system has set, and
 * stay so: nobody but root may raise them. */
static void set_limit(const struct helper *helper, int what, size_t most)
{
    struct rlimit limit;
    if (!helper_is_ours(helper) || prlimit(helper->pid, what, NULL, &limit))
        return;
    limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
    prlimit(helper->pid, what, &limit, NULL);
}

static void set_time(const struct helper *helper, int seconds)
{
    clockid_t clock;
    struct timespec used = {0};
    if (!clock_getcpuclockid(helper->pid, &clock))
        clock_gettime(clock, &used);
    set_limit(helper, RLIMIT_CPU, (size_t)used.tv_sec + 1 + (size_t)seconds);
}

/* As much as so many pixels take, and the file. */
static void set_memory(struct helper *helper, size_t pixels)
{
    size_t memory;
    if (shadow_memory || !size_mul(&memory, pixels, memory_per_pixel) ||
        !size_add(&memory, memory, memory_base) || !size_add(&memory, memory, helper->file.size) ||
        memory == helper->memory)
        return;
    set_limit(helper, RLIMIT_AS, memory);
    helper->memory = memory;
}

/* The largest file, which is one in memory: a step of shared.c more than any picture has. */
static void set_file_size(struct helper *helper, const struct picture_options *options)
{
    enum { STEP = 1 << 20 };
    size_t bytes;
    if (!size_mul(&bytes, options->max_pixels, PICTURE_CHANNELS_MAX) || !size_add(&bytes, bytes, STEP) ||
        bytes == helper->file_size)
        return;
    set_limit(helper, RLIMIT_FSIZE, bytes);
    helper->file_size = bytes;
}

static void set_limits(struct helper *helper, const struct picture_options *options)
{
    set_time(helper, options->max_seconds);
    set_file_size(helper, options);
    set_memory(helper, options->max_pixels < HELPER_FREE_PIXELS ? options->max_pixels : HELPER_FREE_PIXELS);
}

/* Whether the process can go on; if not, it has to be ended. */
enum outcome { ANSWERED, LOST, LATE };

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A message goes as a whole or not at all. */
static bool tell(const struct helper *helper, const void *message, size_t size)
{
    ssize_t sent;
    do {
        sent = send(helper->socket, message, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)size;
}

static enum outcome receive(struct helper_reply *reply, const struct helper *helper, int64_t end)
{
    struct pollfd poll_for = {.fd = helper->socket, .events = POLLIN};
    int ready;
    do {
        const int64_t left = end - now_ms();
        ready = poll(&poll_for, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    if (!ready)
        return LATE;
    return ready > 0 && recv(helper->socket, reply, sizeof *reply, 0) == sizeof *reply ? ANSWERED : LOST;
}

/* The reply, and before it memory for what headers say, each time for more than before. */
static enum outcome converse(struct helper_reply *reply, struct helper *helper,
    const struct helper_request *request, const struct picture_options *options)
{
    static const char granted = 1;
    const int64_t end = now_ms() + (int64_t)options->max_seconds * WALL_PER_CPU * 1000;
    size_t pixels = HELPER_FREE_PIXELS;
    if (!tell(helper, request, sizeof *request))
        return LOST;
    for (;;) {
        const enum outcome outcome = receive(reply, helper, end);
        if (outcome != ANSWERED || reply->code != HELPER_ASKS)
            return outcome;
        if (reply->pixels <= pixels || reply->pixels > options->max_pixels)
            return LOST;
        pixels = reply->pixels;
        set_memory(helper, pixels);
        if (!tell(helper, &granted, 1))
            return LOST;
    }
}

/* Nothing that the process says is taken on trust. */
static bool is_sound(struct helper_reply *reply)
{
    reply->msg[sizeof reply->msg - 1] = '\0';
    for (char *c = reply->msg; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
    switch (reply->code) {
    case ERR_NONE:
        return reply->mode == PICTURE_RGB || reply->mode == PICTURE_RGBA || reply->mode == PICTURE_CMYK;
    case ERR_MEMORY:
    case ERR_FORMAT:
    case ERR_LIMIT:
    case ERR_UNSUPPORTED:
        return reply->msg[0];
    default:
        return false;
    }
}

/* Where they lie, in memory that the process can still write to: pixels may be any bytes. */
static int take_pixels(struct picture *out, enum outcome *outcome, struct helper *helper,
    const struct helper_reply *reply, const struct picture_options *options, struct err *err)
{
    int rc = picture_check_size(reply->width, reply->height, options, err);
    if (rc)
        return rc;
    *out = (struct picture){
        .mode = (enum picture_mode)reply->mode, .width = reply->width, .height = reply->height};
    size_t bytes = (size_t)out->width * (size_t)out->height;
    if (!size_mul(&bytes, bytes, picture_channels(out)) || !shared_map_theirs(&helper->pixels, bytes)) {
        *outcome = LOST;
        return 0;
    }
    if (reply->has_palette)
        rc = picture_set_palette(out, reply->palette, PALETTE_COLORS, err);
    if (rc)
        return rc;
    picture_warn(out, "%.*s", PICTURE_WARNING_SIZE - 1, reply->msg);
    out->has_key = reply->mode == PICTURE_RGB && reply->has_key;
    memcpy(out->key, reply->key, sizeof out->key);
    out->pixels = helper->pixels.bytes;
    out->host = &helper->host;
    return 0;
}

static int ask(struct picture *out, enum outcome *outcome, struct helper *helper, const char *library,
    struct span file, const struct picture_options *options, struct err *err)
{
    struct helper_request request = {.size = file.length, .options = *options};
    struct helper_reply reply;

    strncpy(request.library, library, sizeof request.library - 1);
    if (!shared_map(&helper->file, file.length, PROT_READ | PROT_WRITE))
        return err_set(err, ERR_MEMORY, "unable to share its %zu bytes: %s", file.length, strerror(errno));
    memcpy(helper->file.bytes, file.data, file.length);
    set_limits(helper, options);
    *outcome = converse(&reply, helper, &request, options);
    if (*outcome == ANSWERED && !is_sound(&reply))
        *outcome = LOST;
    if (*outcome != ANSWERED)
        return 0;
    if (reply.code)
        return err_set(err, reply.code, "%s", reply.msg);
    return take_pixels(out, outcome, helper, &reply, options, err);
}

static int explain(enum outcome outcome, int status, int seconds, struct err *err)
{
    const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (outcome == LATE || number == SIGXCPU)
        return err_set(err, ERR_LIMIT,
            "its decoder has taken more than %d s of CPU time, or %d s by the clock", seconds,
            seconds * WALL_PER_CPU);
    if (number && number != SIGKILL)
        return err_set(err, ERR_FORMAT, "its decoder has crashed: %s", strsignal(number));
    return err_set(err, ERR_FORMAT, "its decoder has given no answer");
}

int helper_decode(struct picture *out, const char *library, struct span file,
    const struct picture_options *options, struct err *err)
{
    struct helper *helper;
    enum outcome outcome = ANSWERED;

    *out = (struct picture){0};
    int rc = helper_take(&helper, err);
    if (rc)
        return rc;
    rc = ask(out, &outcome, helper, library, file, options, err);
    if (outcome != ANSWERED)
        rc = explain(outcome, helper_end(helper), options->max_seconds, err);
    else if (rc)
        helper_give_back(helper);
    if (rc)
        picture_release(out);
    return rc;
}
