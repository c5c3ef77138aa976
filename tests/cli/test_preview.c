// SPDX-License-Identifier: Apache-2.0
/*
 * `--preview`, seen by a terminal: the program runs on a pseudo-terminal that answers what a terminal of its kind
 * would, and what was written is decoded and compared with the picture, pixel by pixel.
 */
#include "vision/vision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef DIPTYCH_SIXEL
#include <sixel.h>
#endif

#define LARGE DIPTYCH_SCRATCH "/large.ppm" /* 300 x 200, more colours than a palette has */
#define SMALL DIPTYCH_SCRATCH "/small.ppm" /* 150 x 100, four colours */
enum { EDGE = 200, OUTPUT_MAX = 1 << 20, PATIENCE_MS = 60000 };

static const char *program;

struct terminal {
    const char *variables;       /* of its environment, as sh has them */
    const char *answer;          /* to the question what it is; NULL: none */
    int row_pixels;              /* 0: it does not tell */
    const char *before, *behind; /* the program in a command of sh */
};

static char output[OUTPUT_MAX]; /* of the last run, NUL-terminated */
static size_t output_size;

/* ---- a terminal ----------------------------------------------------------------------------------------- */

/* Lines end as they were written. */
static pid_t start(int *master, const struct terminal *terminal, const char *arguments)
{
    struct termios lines = {.c_cflag = CS8 | CREAD, .c_lflag = ICANON | ECHO | ISIG};
    const struct winsize size = {24, 80, 800, (unsigned short)(24 * terminal->row_pixels)};
    char command[2048];
    snprintf(command, sizeof command,
        "exec env -u KITTY_WINDOW_ID -u TERM_PROGRAM -u LC_TERMINAL -u TMUX -u STY TERM=xterm %s sh -c "
        "'%s\"%s\" %s "
        "--labels red,blue --model " DIPTYCH_ROOT "/tests/model -q %s'",
        terminal->variables, terminal->before ? terminal->before : "", program, arguments,
        terminal->behind ? terminal->behind : "");
    const pid_t pid = forkpty(master, NULL, &lines, (struct winsize *)&size);
    assert_true(pid >= 0);
    if (!pid) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(126);
    }
    return pid;
}

/* Everything until the program has gone; the question is answered when it comes. */
static void converse(int master, const char *answer)
{
    struct pollfd ready = {.fd = master, .events = POLLIN};
    bool asked = false;
    output_size = 0;
    for (;;) {
        if (poll(&ready, 1, PATIENCE_MS) <= 0)
            fail_msg("nothing more comes: %s", output);
        const ssize_t got = read(master, output + output_size, OUTPUT_MAX - 1 - output_size);
        if (got <= 0)
            return; /* EIO: nobody writes any more */
        output_size += (size_t)got;
        output[output_size] = '\0';
        if (!asked && strstr(output, "\033[c")) {
            asked = true;
            if (answer)
                assert_int_equal(write(master, answer, strlen(answer)), strlen(answer));
        }
    }
}

static void run(const struct terminal *terminal, const char *arguments)
{
    int master, status;
    const pid_t pid = start(&master, terminal, arguments);
    converse(master, terminal->answer);
    close(master);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail_msg("status %d: %s", status, output);
}

/* ---- what it shows -------------------------------------------------------------------------------------- */

/* Appends the bytes that stand in base64 up to a character that is none of its; returns where that is. */
static const char *decode(uint8_t *bytes, size_t *size, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned group = 0, count = 0;
    for (; *text && (strchr(digits, *text) || *text == '='); text++) {
        group = group << 6 | (*text == '=' ? 0 : (unsigned)(strchr(digits, *text) - digits));
        if (++count % 4)
            continue;
        bytes[(*size)++] = (uint8_t)(group >> 16);
        if (text[-1] != '=')
            bytes[(*size)++] = (uint8_t)(group >> 8);
        if (*text != '=')
            bytes[(*size)++] = (uint8_t)group;
        group = 0;
    }
    assert_int_equal(count % 4, 0);
    return text;
}

/* RGB (height, width, 3) against the picture, shrunk; the mean difference of a channel. */
static double difference(const uint8_t *pixels, int width, int height, const char *path, int edge)
{
    struct picture expected;
    double sum = 0;
    assert_int_equal(thumbnail_picture(&expected, picture_file(path), edge, NULL, NULL), 0);
    assert_int_equal(width, expected.width);
    assert_int_equal(height, expected.height);
    const size_t count = (size_t)width * (size_t)height * 3;
    for (size_t i = 0; i < count; i++)
        sum += abs(pixels[i] - expected.pixels[i]);
    picture_release(&expected);
    return sum / (double)count;
}

static void expect_png(const uint8_t *bytes, size_t size, int edge)
{
    struct picture picture;
    struct err err;
    if (picture_read(&picture, picture_bytes("what came", bytes, size), NULL, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(picture.mode, PICTURE_RGB);
    assert_true(difference(picture.pixels, picture.width, picture.height, LARGE, edge) <= 0);
    picture_release(&picture);
}

static void expect_kitty(int edge)
{
    static uint8_t bytes[OUTPUT_MAX];
    size_t size = 0, chunks = 0;
    bool more = true;
    const char *at = strstr(output, "\033_Ga=T,f=100,q=2,m=");
    assert_non_null(at);
    for (at += strlen("\033_Ga=T,f=100,q=2,"); more; chunks++) {
        assert_true(!strncmp(at, "m=0;", 4) || !strncmp(at, "m=1;", 4));
        more = at[2] == '1';
        const char *begin = at + 4;
        at = decode(bytes, &size, begin);
        assert_in_range(at - begin, 1, 4096);
        assert_true(!more || at - begin == 4096);
        assert_memory_equal(at, "\033\\", 2);
        at += 2;
        if (more)
            assert_memory_equal(at, "\033_G", 3);
        at += more ? 3 : 0;
    }
    assert_true(edge < EDGE || chunks > 1);
    assert_null(strstr(at, "\033_G")); /* one picture */
    expect_png(bytes, size, edge);
}

static void expect_iterm2(void)
{
    static uint8_t bytes[OUTPUT_MAX];
    const char head[] = "\033]1337;File=inline=1;size=", *at = strstr(output, head);
    char *end;
    size_t size = 0;
    assert_non_null(at);
    const unsigned long said = strtoul(at + strlen(head), &end, 10);
    assert_int_equal(*end, ':');
    assert_int_equal(*decode(bytes, &size, end + 1), '\a');
    assert_int_equal(size, said);
    expect_png(bytes, size, EDGE);
}

static void expect_words(const char *words)
{
    if (!strstr(output, words))
        fail_msg("no '%s' in %s", words, output);
}

/* All but the question. */
static void expect_no_picture(void)
{
    assert_null(strstr(output, "\033_Ga=T"));
    assert_null(strstr(output, "\033]1337"));
    assert_null(strstr(output, "\033P"));
    expect_words("red");
}

/* ---- tests ---------------------------------------------------------------------------------------------- */

static void kitty_by_its_variables(void **state)
{
    (void)state;
    run(&(struct terminal){.variables = "KITTY_WINDOW_ID=1"}, "classify " LARGE " --preview");
    assert_null(strstr(output, "\033[c"));
    expect_kitty(EDGE);
    run(&(struct terminal){.variables = "TERM=xterm-ghostty", .row_pixels = 12}, "classify " LARGE " -p");
    expect_kitty(120);
}

static void kitty_by_its_answer(void **state)
{
    (void)state;
    run(&(struct terminal){.variables = "", .answer = "\033_Gi=31;OK\033\\\033[?62;4c"},
        "classify " LARGE " --preview");
    assert_null(strstr(output, "i=31;OK")); /* no echo */
    expect_kitty(EDGE);
}

static void iterm2(void **state)
{
    (void)state;
    run(&(struct terminal){.variables = "TERM_PROGRAM=iTerm.app"}, "classify " LARGE " --preview");
    expect_iterm2();
    run(&(struct terminal){.variables = "LC_TERMINAL=iTerm2"}, "classify " LARGE " --preview");
    expect_iterm2();
}

#ifdef DIPTYCH_SIXEL
static void expect_sixel(const char *path, double most)
{
    unsigned char *indices, *palette;
    int width, height, colours;
    char *begin = strstr(output, "\033P"), *end = begin ? strstr(begin, "\033\\") : NULL;
    assert_non_null(end);
    assert_true(SIXEL_SUCCEEDED(sixel_decode_raw((unsigned char *)begin, (int)(end + 2 - begin), &indices,
        &width, &height, &palette, &colours, NULL)));
    uint8_t *pixels = malloc((size_t)width * (size_t)height * 3);
    assert_non_null(pixels);
    for (int i = 0; i < width * height; i++)
        memcpy(pixels + 3 * i, palette + 3 * indices[i], 3);
    const double mean = difference(pixels, width, height, path, EDGE);
    if (mean > most)
        fail_msg("%s: a mean difference of %g", path, mean);
    free(pixels);
    free(palette);
    free(indices);
}

static void sixel_by_its_answer(void **state)
{
    (void)state;
    run(&(struct terminal){.variables = "", .answer = "\033[?62;1;4;22c"}, "classify " SMALL " --preview");
    assert_null(strstr(output, "62;1;4")); /* no echo */
    expect_sixel(SMALL, 4);                /* libsixel counts colours by their first five bits */
    run(&(struct terminal){.variables = ""}, "classify " LARGE " --preview=sixel");
    expect_sixel(LARGE, 12); /* 256 of 60,000 colours */
}

/* tmux from 3.4 on answers for itself, whatever it runs in. */
static void sixel_in_tmux(void **state)
{
    (void)state;
    run(&(struct terminal){.variables = "TMUX=x TERM=tmux-256color KITTY_WINDOW_ID=1",
            .answer = "\033[?1;2;4c"},
        "classify " SMALL " --preview");
    expect_sixel(SMALL, 4);
}
#endif

static void a_terminal_that_cannot(void **state)
{
    (void)state;
    run(&(struct terminal){.variables = "", .answer = "\033[?64;1;2c"}, "classify " LARGE " --preview");
    expect_no_picture();
    expect_words("no previews: this terminal takes none");
    run(&(struct terminal){.variables = ""}, "classify " LARGE " --preview"); /* it never answers */
    expect_no_picture();
    expect_words("no previews: this terminal takes none");
    run(&(struct terminal){.variables = "TMUX=x KITTY_WINDOW_ID=1", .answer = "\033[?1;2c"},
        "classify " LARGE " --preview");
    expect_no_picture();
    expect_words("no previews: tmux shows pictures from 3.4 on");
}

static void only_on_a_terminal_and_with_a_table(void **state)
{
    (void)state;
    static const char *const variables = "KITTY_WINDOW_ID=1";
    run(&(struct terminal){.variables = variables}, "classify " LARGE);
    expect_no_picture();
    run(&(struct terminal){.variables = variables, .behind = "| cat"}, "classify " LARGE " --preview");
    expect_no_picture();
    expect_words("no previews: they go with a table on a terminal");
    run(&(struct terminal){.variables = variables}, "classify " LARGE " --preview -f tsv");
    expect_no_picture();
    expect_words("no previews: they go with a table on a terminal");
}

/* The terminal would stop it if it asked. */
static void not_from_behind(void **state)
{
    (void)state;
    run(&(struct terminal){.variables = "", .before = "set -m; ", .behind = "& wait"},
        "classify " LARGE " --preview");
    expect_no_picture();
    assert_null(strstr(output, "\033[c"));
}

/* ---- pictures ------------------------------------------------------------------------------------------- */

typedef void colour(uint8_t rgb[3], int x, int y);

static void quarters(uint8_t rgb[3], int x, int y)
{
    static const uint8_t colours[4][3] = {{200, 30, 40}, {20, 90, 210}, {250, 220, 0}, {10, 10, 10}};
    memcpy(rgb, colours[(x >= 75) + 2 * (y >= 50)], 3);
}

static void shades(uint8_t rgb[3], int x, int y)
{
    rgb[0] = (uint8_t)(x * 255 / 299);
    rgb[1] = (uint8_t)(y * 255 / 199);
    rgb[2] = (uint8_t)((x * 7 + y * 13) % 256 / 2);
}

static void draw(const char *path, int width, int height, colour *of)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "P6\n%d %d\n255\n", width, height);
    for (int i = 0; i < width * height; i++) {
        uint8_t rgb[3];
        of(rgb, i % width, i / width);
        fwrite(rgb, 1, 3, file);
    }
    assert_int_equal(fclose(file), 0);
}

static int draw_all(void **state)
{
    (void)state;
    draw(LARGE, 300, 200, shades);
    draw(SMALL, 150, 100, quarters);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kitty_by_its_variables),
        cmocka_unit_test(kitty_by_its_answer),
        cmocka_unit_test(iterm2),
#ifdef DIPTYCH_SIXEL
        cmocka_unit_test(sixel_by_its_answer),
        cmocka_unit_test(sixel_in_tmux),
#endif
        cmocka_unit_test(a_terminal_that_cannot),
        cmocka_unit_test(only_on_a_terminal_and_with_a_table),
        cmocka_unit_test(not_from_behind),
    };
    if (argc != 2)
        return 2;
    program = argv[1];
    return cmocka_run_group_tests(tests, draw_all, NULL);
}
