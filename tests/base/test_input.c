// SPDX-License-Identifier: Apache-2.0
/* Input that comes by and by: what a writer has sent is there at once, and nothing behind it is waited for. */
#include "base/base.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define FIFO DIPTYCH_SCRATCH "/fifo"

/* A pipe whose front is read as the system's name for it. */
struct sender {
    int ends[2];
    char path[32];
};

static void sender_open(struct sender *sender)
{
    assert_int_equal(pipe2(sender->ends, O_CLOEXEC), 0);
    snprintf(sender->path, sizeof sender->path, "/dev/fd/%d", sender->ends[0]);
}

static void send_bytes(const struct sender *sender, const char *bytes, size_t size)
{
    assert_int_equal(write(sender->ends[1], bytes, size), size);
}

static void send_end(const struct sender *sender)
{
    close(sender->ends[1]);
}

static void expect_line(struct line_reader *reader, const char *expected, size_t length, size_t number)
{
    struct span line;
    bool found = false;
    assert_int_equal(line_reader_next(&found, &line, reader, "lines", NULL, NULL), 0);
    assert_true(found);
    assert_int_equal(line.length, length);
    assert_memory_equal(line.data, expected, length + 1); /* with the NUL behind */
    assert_int_equal(reader->number, number);
}

static void expect_end(struct line_reader *reader)
{
    struct span line;
    bool found = true;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(line_reader_next(&found, &line, reader, "lines", NULL, NULL), 0);
        assert_false(found);
    }
}

static void lines_are_there_when_they_have_come(void **state)
{
    (void)state;
    struct sender sender;
    struct line_reader reader;
    sender_open(&sender);
    assert_int_equal(line_reader_open(&reader, sender.path, '\n', NULL), 0);
    send_bytes(&sender, "\xEF\xBB\xBFone\r\n\ntwo", 12);
    assert_false(line_reader_ready(&reader)); /* not read yet */
    expect_line(&reader, "one", 3, 1);
    assert_true(line_reader_ready(&reader));
    expect_line(&reader, "", 0, 2);
    assert_false(line_reader_ready(&reader)); /* "two" may go on */
    send_bytes(&sender, "fold\n\xEF\xBB\xBF\nlast", 13);
    expect_line(&reader, "twofold", 7, 3);
    expect_line(&reader, "\xEF\xBB\xBF", 3, 4); /* a mark at the front only */
    send_end(&sender);
    expect_line(&reader, "last", 4, 5);
    expect_end(&reader);
    line_reader_close(&reader);
    close(sender.ends[0]);
}

static void names_may_end_in_a_nul(void **state)
{
    (void)state;
    struct sender sender;
    struct line_reader reader;
    sender_open(&sender);
    assert_int_equal(line_reader_open(&reader, sender.path, '\0', NULL), 0);
    send_bytes(&sender, "a\nb\r\0\0c", 7);
    send_end(&sender);
    expect_line(&reader, "a\nb\r", 4, 1);
    expect_line(&reader, "", 0, 2);
    expect_line(&reader, "c", 1, 3);
    expect_end(&reader);
    line_reader_close(&reader);
    line_reader_close(&reader);
    close(sender.ends[0]);
}

/* Ends at the last step that there may be. */
static int count_down(void *context, const char *unit, size_t done, size_t total)
{
    (void)done, (void)total;
    assert_string_equal(unit, "queries");
    return --*(int *)context == 0;
}

/* The first step is at the half line, the second when the rest is not there, the others while it is waited for. */
static void end_waiting(int steps)
{
    struct sender sender;
    struct line_reader reader;
    struct span line;
    struct err err;
    bool found;
    const struct job job = {.step = count_down, .context = &steps};
    sender_open(&sender);
    assert_int_equal(line_reader_open(&reader, sender.path, '\n', NULL), 0);
    send_bytes(&sender, "half", 4);
    assert_int_equal(line_reader_next(&found, &line, &reader, "queries", &job, &err), ERR_CANCELLED);
    assert_int_equal(steps, 0);
    send_bytes(&sender, " and half\n", 10); /* nothing is lost by that */
    expect_line(&reader, "half and half", 13, 1);
    line_reader_close(&reader);
    close(sender.ends[0]);
    send_end(&sender);
}

static void waiting_can_be_ended(void **state)
{
    (void)state;
    end_waiting(2);
}

static void do_nothing(int number)
{
    (void)number;
}

/* A read after the signal would wait for ever, and ask nobody. */
static void waiting_can_be_ended_by_a_signal(void **state)
{
    static const struct itimerval soon = {.it_value.tv_usec = 20000}, never = {{0}, {0}};
    const struct sigaction nothing = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
    struct sigaction before;
    (void)state;
    assert_int_equal(sigaction(SIGALRM, &nothing, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    end_waiting(3);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

/* Many lines, and one that is too long, out of a file. */
static void long_lines_are_refused(void **state)
{
    (void)state;
    enum { SHORT = 100000 };
    const char *path = DIPTYCH_SCRATCH "/lines";
    struct line_reader reader;
    struct span line;
    struct err err;
    bool found;
    char expected[16];
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < SHORT; i++)
        fprintf(file, "%d\n", i);
    for (size_t i = 0; i < INPUT_LINE_MAX; i++)
        putc('x', file);
    putc('\n', file);
    for (size_t i = 0; i < (size_t)INPUT_LINE_MAX + (1 << 17); i++)
        putc('x', file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(line_reader_open(&reader, path, '\n', NULL), 0);
    for (int i = 0; i < SHORT; i++) {
        const int length = snprintf(expected, sizeof expected, "%d", i);
        expect_line(&reader, expected, (size_t)length, (size_t)i + 1);
    }
    assert_int_equal(line_reader_next(&found, &line, &reader, "lines", NULL, &err), 0);
    assert_int_equal(line.length, INPUT_LINE_MAX);
    assert_int_equal(line_reader_next(&found, &line, &reader, "lines", NULL, &err), ERR_LIMIT);
    assert_string_equal(
        err.msg, "unable to read '" DIPTYCH_SCRATCH "/lines': line 100002 has more than 67108864 bytes");
    line_reader_close(&reader);
    unlink(path);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static void pipes_are_read_whole(void **state)
{
    (void)state;
    struct sender sender;
    struct strings lines = {0};
    struct err err;
    char *bytes;
    size_t size;
    sender_open(&sender);
    send_bytes(&sender, "a\r\nb", 4);
    send_end(&sender);
    assert_true(input_is_pipe(sender.path));
    assert_int_equal(file_read(&bytes, &size, sender.path, 4, &err), ERR_IO);
    assert_int_equal(input_lines(&lines, sender.path, 4, NULL), 0);
    assert_int_equal(lines.count, 2);
    assert_string_equal(lines.items[0], "a");
    assert_string_equal(lines.items[1], "b");
    close(sender.ends[0]);
    strings_release(&lines);

    sender_open(&sender);
    send_bytes(&sender, "12345", 5);
    send_end(&sender);
    assert_int_equal(input_read(&bytes, &size, sender.path, 4, &err), ERR_LIMIT);
    assert_non_null(strstr(err.msg, "larger than 4 bytes"));
    close(sender.ends[0]);

    sender_open(&sender);
    send_bytes(&sender, "a\0b", 3);
    send_end(&sender);
    assert_int_equal(input_lines(&lines, sender.path, 4, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "not a text file"));
    close(sender.ends[0]);
}

static void gzip_is_inflated_from_a_fifo(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    unlink(FIFO);
    assert_int_equal(mkfifo(FIFO, 0600), 0);
    const pid_t writer = fork(); /* either waits for the other to open it */
    if (!writer) {
        gzFile file = gzopen(FIFO, "wb");
        gzputs(file, "a lamp");
        _exit(gzclose(file) == Z_OK ? 0 : 1);
    }
    assert_int_equal(input_read(&bytes, &size, FIFO, 100, NULL), 0);
    assert_int_equal(size, 6);
    assert_string_equal(bytes, "a lamp");
    free(bytes);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    unlink(FIFO);
}

/* Last: it takes standard input away. */
static void a_dash_is_standard_input(void **state)
{
    (void)state;
    struct sender sender;
    struct strings lines = {0};
    struct err err;
    assert_string_equal(input_name("-"), "standard input");
    assert_string_equal(input_name("./-"), "./-");
    assert_true(input_is_standard("-") && input_is_standard("/dev/stdin") && !input_is_standard("./-"));
    assert_true(input_is_pipe("-"));
    assert_false(input_is_pipe(DIPTYCH_SCRATCH) || input_is_pipe(DIPTYCH_SCRATCH "/none"));

    sender_open(&sender);
    send_bytes(&sender, "x\n", 2);
    send_end(&sender);
    assert_int_equal(dup2(sender.ends[0], STDIN_FILENO), STDIN_FILENO);
    close(sender.ends[0]);
    assert_int_equal(input_lines(&lines, "-", 10, NULL), 0);
    assert_int_equal(lines.count, 1);
    strings_release(&lines);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD) & FD_CLOEXEC, 0); /* it is open still */

    const int folder = open(DIPTYCH_SCRATCH, O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(folder, STDIN_FILENO), STDIN_FILENO);
    close(folder);
    assert_int_equal(input_lines(&lines, "-", 10, &err), ERR_IO);
    assert_string_equal(err.msg, "unable to open 'standard input': is a folder");
    close(STDIN_FILENO);
    assert_int_equal(input_lines(&lines, "-", 10, &err), ERR_IO);
    assert_string_equal(err.msg, "unable to open 'standard input': Bad file descriptor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_there_when_they_have_come),
        cmocka_unit_test(names_may_end_in_a_nul),
        cmocka_unit_test(waiting_can_be_ended),
        cmocka_unit_test(waiting_can_be_ended_by_a_signal),
        cmocka_unit_test(long_lines_are_refused),
        cmocka_unit_test(pipes_are_read_whole),
        cmocka_unit_test(gzip_is_inflated_from_a_fifo),
        cmocka_unit_test(a_dash_is_standard_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
