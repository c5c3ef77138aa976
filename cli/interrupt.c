// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught; /* the signal, or 0; a handler can tell no other way */

static void catch (int number)
{
    caught = number;
}

/* A signal that the caller's shell had ignored, as for jobs in the background, stays ignored. */
static void catch_one(int number)
{
    struct sigaction before, action = {.sa_handler = catch, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (!sigaction(number, NULL, &before) && before.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

void interrupt_catch(void)
{
    catch_one(SIGINT);
    catch_one(SIGTERM);
}

bool interrupt_seen(void)
{
    return caught;
}

void interrupt_raise(void)
{
    if (caught)
        raise(caught); /* SA_RESETHAND has put the default action back */
}
