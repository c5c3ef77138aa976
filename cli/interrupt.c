// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught; /* the signal, or 0; a handler can tell no other way */

static void catch (int number)
{
    caught = number;
}

static const int signals[] = {SIGINT, SIGTERM};
enum { COUNT = sizeof signals / sizeof *signals };
static bool ignored[COUNT];

void interrupt_begin(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        struct sigaction before;
        ignored[i] = !sigaction(signals[i], NULL, &before) && before.sa_handler == SIG_IGN;
    }
}

void interrupt_catch(void)
{
    static bool caught_already;
    if (caught_already)
        return; /* a second Ctrl-C ends the program, whatever it is at */
    caught_already = true;
    for (size_t i = 0; i < COUNT; i++) {
        struct sigaction action = {
            .sa_handler = ignored[i] ? SIG_IGN : catch, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
        sigemptyset(&action.sa_mask);
        sigaction(signals[i], &action, NULL);
    }
}

bool interrupt_seen(void)
{
    return caught;
}

bool interrupt_ignored(int number)
{
    for (size_t i = 0; i < COUNT; i++)
        if (signals[i] == number)
            return ignored[i];
    return false;
}

void interrupt_raise(void)
{
    if (caught)
        raise(caught); /* SA_RESETHAND has put the default action back */
}
