// SPDX-License-Identifier: Apache-2.0
/*
 * Asking a terminal what it can show. It gets a question that only those that know kitty's pictures answer, and one that
 * all answer, Primary Device Attributes (ECMA-48 DA, as in the manuals of DEC's VT340), whose answer is the end: ESC [ ? N ; N ... c,
 * where a 4 behind the first number is sixel. Answers come as if they had been typed.
 */
#include "base/base.h"
#include "cli/preview.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const char question[] =
    "\033_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\033\\" /* a picture of one pixel, only to be looked at */
    "\033[c";
#define DEADLINE_SECONDS 1.0

/* The answer's end has come. */
static const char *attributes_in(const char *answer)
{
    const char *attributes = strstr(answer, "\033[?");
    return attributes && attributes[3 + strspn(attributes + 3, "0123456789;")] == 'c' ? attributes + 3 : NULL;
}

/* A string. Whatever happens, it ends in time. */
static void read_answer(int terminal, char *answer, size_t room)
{
    const double deadline = time_now() + DEADLINE_SECONDS;
    size_t size = 0;
    answer[0] = '\0';
    while (size + 1 < room && !attributes_in(answer)) {
        struct pollfd ready = {.fd = terminal, .events = POLLIN};
        const double left = deadline - time_now();
        if (left <= 0 || poll(&ready, 1, (int)(1000 * left) + 1) <= 0)
            return;
        const ssize_t got = read(terminal, answer + size, room - 1 - size);
        if (got <= 0)
            return;
        size += (size_t)got;
        answer[size] = '\0';
    }
}

static enum preview_protocol protocol_of(const char *answer)
{
    const char *attributes = attributes_in(answer);
    if (strstr(answer, "\033_Gi=31;OK"))
        return PREVIEW_KITTY;
    for (const char *at = attributes; at && *at != 'c'; at += strcspn(at, ";c")) {
        at += *at == ';';
        if (at > attributes && strtol(at, NULL, 10) == 4)
            return PREVIEW_SIXEL;
    }
    return PREVIEW_NONE;
}

/* Only the terminal's foreground may ask: what runs behind it would be stopped. */
enum preview_protocol preview_terminal(void)
{
    enum preview_protocol found = PREVIEW_NONE;
    struct termios before;
    char answer[512];
    const int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return PREVIEW_NONE;
    if (tcgetpgrp(terminal) == getpgrp() && !tcgetattr(terminal, &before)) {
        struct termios silent = before;
        silent.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        silent.c_cc[VMIN] = 0;
        silent.c_cc[VTIME] = 0;
        tcsetattr(terminal, TCSADRAIN, &silent);
        if (write(terminal, question, sizeof question - 1) == (ssize_t)sizeof question - 1) {
            read_answer(terminal, answer, sizeof answer);
            found = protocol_of(answer);
        }
        tcsetattr(terminal, TCSAFLUSH, &before); /* what comes too late is nobody's line */
    }
    close(terminal);
    return found;
}
