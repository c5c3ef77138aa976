// SPDX-License-Identifier: Apache-2.0
#include "tests/service/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 16 };

struct process process_serve(const char *const *more, int socket)
{
    const char *arguments[ARGUMENTS_MAX] = {"diptych", "serve", "--model", DIPTYCH_ROOT "/tests/model"};
    size_t count = 4;
    int out[2], err[2];
    while (*more)
        arguments[count++] = *more++;
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    struct process process = {.pid = fork()};
    if (!process.pid) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        close(out[0]);
        close(err[0]);
        if (socket >= 0) {
            char pid[32];
            snprintf(pid, sizeof pid, "%ld", (long)getpid());
            setenv("LISTEN_PID", pid, 1);
            setenv("LISTEN_FDS", "1", 1);
            dup2(socket, 3);
        }
        execv(DIPTYCH_PROGRAM, (char *const *)arguments);
        _exit(127);
    }
    assert_true(process.pid > 0);
    close(out[1]);
    close(err[1]);
    process.out = fdopen(out[0], "r");
    process.err = fdopen(err[0], "r");
    return process;
}

const char *process_line(FILE *stream, const char *begin, char line[512])
{
    while (fgets(line, 512, stream))
        if (!strncmp(line, begin, strlen(begin)))
            return line + strlen(begin);
    fail_msg("no line '%s'", begin);
    return NULL;
}

int process_end(struct process *process)
{
    int status;
    assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
    fclose(process->out);
    fclose(process->err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
