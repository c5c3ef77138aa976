// SPDX-License-Identifier: Apache-2.0
#include "vision/format.h"
#include "vision/helper/helper.h"
#include "vision/helper/protocol.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

struct helper {
    pid_t pid;
    int socket, file, pixels;
    struct helper *next;
};

/* Processes that wait for the next picture: what decodes has nowhere else to keep them, since a picture is read by one
 * call without a context. */
static struct {
    pthread_mutex_t lock;
    struct helper *idle;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- starting and ending ------------------------------------------------------------------------------- */

/* Where the program is: (size) characters at path. */
static void find_program(char *path, size_t size)
{
    static const char *const from_program[] = {"diptych-decode", DIPTYCH_DECODER_FROM_PROGRAM};
    const char *named = getenv("DIPTYCH_DECODER");
    char self[4096];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
    const char *slash = length > 0 ? memrchr(self, '/', (size_t)length) : NULL;

    if (named && *named) {
        snprintf(path, size, "%s", named);
        return;
    }
    for (size_t i = 0; slash && i < sizeof from_program / sizeof *from_program; i++) {
        snprintf(path, size, "%.*s/%s", (int)(slash - self), self, from_program[i]);
        if (!access(path, X_OK))
            return;
    }
    snprintf(path, size, "%s", DIPTYCH_DECODER_INSTALLED);
}

/* An empty file in memory, or a copy of fd, out of the way of the numbers that diptych-decode expects. */
static int move_up(int fd)
{
    enum { FIRST = HELPER_FD_END };
    const int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST);
    if (fd >= 0)
        close(fd);
    return moved;
}

static int spawn(struct helper *helper, int socket, const char *program)
{
    char *const argv[] = {(char *)"diptych-decode", NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    int failure = posix_spawn_file_actions_init(&files);
    if (failure)
        return failure;
    failure = posix_spawnattr_init(&attributes);
    if (!failure) {
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        /* decoders' own messages go nowhere */
        for (int fd = 0; !failure && fd < HELPER_SOCKET; fd++)
            failure = posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
        const int given[] = {socket, helper->file, helper->pixels};
        for (int i = 0; !failure && i < HELPER_FD_END - HELPER_SOCKET; i++)
            failure = posix_spawn_file_actions_adddup2(&files, given[i], HELPER_SOCKET + i);
        if (!failure)
            failure = posix_spawn(&helper->pid, program, &files, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return failure;
}

/* Kills what is still there; its status as waitpid gives it, 0 where somebody else has asked for it. */
static int helper_end(struct helper *helper)
{
    int status = 0;
    if (helper->pid > 0) {
        kill(helper->pid, SIGKILL);
        while (waitpid(helper->pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    const int fds[] = {helper->socket, helper->file, helper->pixels};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(helper);
    return status;
}

static int helper_start(struct helper **out, struct err *err)
{
    char program[8192];
    int ends[2] = {-1, -1}, failure;
    struct helper *helper = mem_new(1, sizeof *helper);

    if (!helper)
        return err_memory(err, sizeof *helper);
    find_program(program, sizeof program);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        ends[0] = ends[1] = -1;
    *helper = (struct helper){
        .socket = ends[0],
        .file = move_up(memfd_create("picture file", MFD_CLOEXEC)),
        .pixels = move_up(memfd_create("picture", MFD_CLOEXEC)),
    };
    const int other = move_up(ends[1]);
    if (helper->socket < 0 || other < 0 || helper->file < 0 || helper->pixels < 0)
        failure = errno;
    else
        failure = spawn(helper, other, program);
    if (other >= 0)
        close(other);
    if (failure) {
        helper->pid = 0;
        helper_end(helper);
        return err_set(err, ERR_IO, "unable to start '%s', which decodes it: %s", program, strerror(failure));
    }
    *out = helper;
    return 0;
}

/* Whether it has ended while nobody asked it for anything. */
static bool is_gone(const struct helper *helper)
{
    struct pollfd poll_for = {.fd = helper->socket};
    return poll(&poll_for, 1, 0) > 0;
}

static int helper_take(struct helper **out, struct err *err)
{
    for (;;) {
        pthread_mutex_lock(&pool.lock);
        struct helper *helper = pool.idle;
        if (helper)
            pool.idle = helper->next;
        pthread_mutex_unlock(&pool.lock);
        if (!helper)
            return helper_start(out, err);
        if (!is_gone(helper)) {
            *out = helper;
            return 0;
        }
        helper_end(helper);
    }
}

static void helper_give_back(struct helper *helper)
{
    pthread_mutex_lock(&pool.lock);
    helper->next = pool.idle;
    pool.idle = helper;
    pthread_mutex_unlock(&pool.lock);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

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

/* False: there will be no reply. */
static bool receive(struct helper_reply *reply, const struct helper *helper, int seconds)
{
    struct pollfd poll_for = {.fd = helper->socket, .events = POLLIN};
    int ready;
    do
        ready = poll(&poll_for, 1, seconds * 1000);
    while (ready < 0 && errno == EINTR);
    return ready > 0 && recv(helper->socket, reply, sizeof *reply, 0) == sizeof *reply;
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

/* *lost: whether the process has to be ended. */
static int take_pixels(struct picture *out, bool *lost, const struct helper *helper,
    const struct helper_reply *reply, const struct picture_options *options, struct err *err)
{
    int rc = picture_check_size(reply->width, reply->height, options->max_pixels, err);
    if (!rc)
        rc = picture_alloc(out, (enum picture_mode)reply->mode, reply->width, reply->height, err);
    if (!rc && reply->has_palette)
        rc = picture_set_palette(out, reply->palette, PALETTE_COLORS, err);
    if (rc)
        return rc;
    out->has_key = reply->mode == PICTURE_RGB && reply->has_key;
    memcpy(out->key, reply->key, sizeof out->key);
    *lost = !read_all(
        helper->pixels, out->pixels, (size_t)out->width * (size_t)out->height * picture_channels(out));
    return 0;
}

static int ask(struct picture *out, bool *lost, struct helper *helper, const char *library, struct span file,
    const struct picture_options *options, struct err *err)
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
    *lost = send(helper->socket, &request, sizeof request, MSG_NOSIGNAL) != sizeof request ||
            !receive(&reply, helper, options->max_seconds * WALL_PER_CPU) || !is_sound(&reply);
    if (*lost)
        return 0;
    if (reply.code)
        rc = err_set(err, reply.code, "%s", reply.msg);
    else
        rc = take_pixels(out, lost, helper, &reply, options, err);
    *lost |= ftruncate(helper->pixels, 0) != 0; /* gives the memory back */
    return rc;
}

static int explain(int status, int seconds, struct err *err)
{
    const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (number == SIGXCPU)
        return err_set(err, ERR_LIMIT, "its decoder has taken more than %d s of CPU time", seconds);
    if (number && number != SIGKILL)
        return err_set(err, ERR_FORMAT, "its decoder has crashed: %s", strsignal(number));
    return err_set(err, ERR_FORMAT, "its decoder has given no answer");
}

int helper_decode(struct picture *out, const char *library, struct span file,
    const struct picture_options *options, struct err *err)
{
    struct helper *helper;
    bool lost = false;

    *out = (struct picture){0};
    int rc = helper_take(&helper, err);
    if (rc)
        return rc;
    rc = ask(out, &lost, helper, library, file, options, err);
    if (lost)
        rc = explain(helper_end(helper), options->max_seconds, err);
    else
        helper_give_back(helper);
    if (rc)
        picture_release(out);
    return rc;
}
