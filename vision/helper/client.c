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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Beside the CPU time of the options: how often that may have passed on a clock on the wall, on a machine with more to do,
 * before a process that waits for something is given up; and the memory of a process that decodes, of which its libraries
 * take the first part. */
enum { WALL_PER_CPU = 10 };
static const size_t memory_base = 512u << 20, memory_per_pixel = 32;

/* Sanitizers map terabytes. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
static const bool shadow_memory = true;
#else
static const bool shadow_memory = false;
#endif

static int write_all(int fd, struct span bytes, struct err *err)
{
    size_t done = 0;
    while (done < bytes.length) {
        const ssize_t count = pwrite(fd, bytes.data + done, bytes.length - done, (off_t)done);
        if (count < 0 && errno != EINTR)
            return err_set(
                err, ERR_MEMORY, "unable to share its %zu bytes: %s", bytes.length, strerror(errno));
        done += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

static bool read_all(int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t count = pread(fd, bytes + done, size - done, (off_t)done);
        if (!count || (count < 0 && errno != EINTR))
            return false;
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* Soft limits, which the process cannot raise for want of the system call. */
static void set_limit(const struct helper *helper, int what, size_t most)
{
    const struct rlimit limit = {.rlim_cur = most, .rlim_max = RLIM_INFINITY};
    prlimit(helper->pid, what, &limit, NULL);
}

static void set_limits(const struct helper *helper, const struct picture_options *options)
{
    const size_t pixels = options->max_pixels;
    size_t memory = 0;
    clockid_t clock;
    struct timespec used = {0};

    if (!clock_getcpuclockid(helper->pid, &clock))
        clock_gettime(clock, &used);
    set_limit(helper, RLIMIT_CPU, (size_t)used.tv_sec + 1 + (size_t)options->max_seconds);
    if (size_mul(&memory, pixels, PICTURE_CHANNELS_MAX))
        set_limit(helper, RLIMIT_FSIZE, memory);
    if (!shadow_memory && size_mul(&memory, pixels, memory_per_pixel) &&
        size_add(&memory, memory, memory_base))
        set_limit(helper, RLIMIT_AS, memory);
}

/* Whether the process can go on; if not, it has to be ended. */
enum outcome { ANSWERED, LOST, LATE };

static enum outcome receive(struct helper_reply *reply, const struct helper *helper, int seconds)
{
    struct pollfd poll_for = {.fd = helper->socket, .events = POLLIN};
    int ready;
    do
        ready = poll(&poll_for, 1, seconds * 1000);
    while (ready < 0 && errno == EINTR);
    if (!ready)
        return LATE;
    return ready > 0 && recv(helper->socket, reply, sizeof *reply, 0) == sizeof *reply ? ANSWERED : LOST;
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

static int take_pixels(struct picture *out, enum outcome *outcome, const struct helper *helper,
    const struct helper_reply *reply, const struct picture_options *options, struct err *err)
{
    int rc = picture_check_size(reply->width, reply->height, options->max_pixels, err);
    if (!rc)
        rc = picture_alloc(out, (enum picture_mode)reply->mode, reply->width, reply->height, err);
    if (!rc && reply->has_palette)
        rc = picture_set_palette(out, reply->palette, PALETTE_COLORS, err);
    if (rc)
        return rc;
    picture_warn(out, "%.*s", PICTURE_WARNING_SIZE - 1, reply->msg);
    out->has_key = reply->mode == PICTURE_RGB && reply->has_key;
    memcpy(out->key, reply->key, sizeof out->key);
    if (!read_all(
            helper->pixels, out->pixels, (size_t)out->width * (size_t)out->height * picture_channels(out)))
        *outcome = LOST;
    return 0;
}

static int ask(struct picture *out, enum outcome *outcome, struct helper *helper, const char *library,
    struct span file, const struct picture_options *options, struct err *err)
{
    struct helper_request request = {.size = file.length, .options = *options};
    struct helper_reply reply;

    strncpy(request.library, library, sizeof request.library - 1);
    if (ftruncate(helper->file, 0))
        return err_set(err, ERR_IO, "unable to empty shared memory: %s", strerror(errno));
    int rc = write_all(helper->file, file, err);
    if (rc)
        return rc;
    set_limits(helper, options);
    *outcome = LOST;
    if (send(helper->socket, &request, sizeof request, MSG_NOSIGNAL) == sizeof request)
        *outcome = receive(&reply, helper, options->max_seconds * WALL_PER_CPU);
    if (*outcome == ANSWERED && !is_sound(&reply))
        *outcome = LOST;
    if (*outcome != ANSWERED)
        return 0;
    if (reply.code)
        rc = err_set(err, reply.code, "%s", reply.msg);
    else
        rc = take_pixels(out, outcome, helper, &reply, options, err);
    if (ftruncate(helper->pixels, 0)) /* gives the memory back */
        *outcome = LOST;
    return rc;
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
    else
        helper_give_back(helper);
    if (rc)
        picture_release(out);
    return rc;
}
