// SPDX-License-Identifier: Apache-2.0
#include "vision/helper/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
    const char *named = getenv("DIPTYCH_DECODER");
    char folder[4096];
    bool in_library;

    if (named && *named) {
        snprintf(path, size, "%s", named);
        return;
    }
    if (code_folder(folder, sizeof folder, &in_library)) {
        const char *const places[] = {
            "diptych-decode", in_library ? DIPTYCH_DECODER_FROM_LIBRARY : DIPTYCH_DECODER_FROM_PROGRAM};
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            snprintf(path, size, "%s/%s", folder, places[i]);
            if (!access(path, X_OK))
                return;
        }
    }
    snprintf(path, size, "%s", DIPTYCH_DECODER_INSTALLED);
}

/* The same file out of the way of the numbers that diptych-decode expects. */
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
        const int given[] = {socket, helper->file.fd, helper->pixels.fd};
        for (int i = 0; !failure && i < HELPER_FD_END - HELPER_SOCKET; i++)
            failure = posix_spawn_file_actions_adddup2(&files, given[i], HELPER_SOCKET + i);
        if (!failure)
            failure = posix_spawn(&helper->pid, program, &files, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return failure;
}

bool helper_is_ours(const struct helper *helper)
{
    siginfo_t info;
    return helper->pid > 0 && !waitid(P_PID, (id_t)helper->pid, &info, WEXITED | WNOHANG | WNOWAIT);
}

int helper_end(struct helper *helper)
{
    int status = 0;
    if (helper_is_ours(helper)) {
        kill(helper->pid, SIGKILL);
        while (waitpid(helper->pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    if (helper->socket >= 0)
        close(helper->socket);
    shared_release(&helper->file);
    shared_release(&helper->pixels);
    free(helper);
    return status;
}

static void picture_released(struct picture_host *host)
{
    helper_give_back((struct helper *)host);
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
        .host.give_back = picture_released,
        .socket = ends[0],
        .file = shared_new(),
        .pixels = shared_new(),
    };
    helper->file.fd = move_up(helper->file.fd);
    helper->pixels.fd = move_up(helper->pixels.fd);
    const int other = move_up(ends[1]);
    if (helper->socket < 0 || other < 0 || helper->file.fd < 0 || helper->pixels.fd < 0)
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

int helper_take(struct helper **out, struct err *err)
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

void helper_give_back(struct helper *helper)
{
    shared_shrink(&helper->file);
    shared_shrink(&helper->pixels);
    shared_forget(&helper->file);
    shared_forget(&helper->pixels);
    pthread_mutex_lock(&pool.lock);
    helper->next = pool.idle;
    pool.idle = helper;
    pthread_mutex_unlock(&pool.lock);
}
