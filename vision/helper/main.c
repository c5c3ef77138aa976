// SPDX-License-Identifier: Apache-2.0
/* diptych-decode: see helper.h. */
#include "vision/helper/decoders.h"
#include "vision/helper/protocol.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_started_by_diptych(void)
{
    int type;
    socklen_t size = sizeof type;
    return !getsockopt(HELPER_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) && type == SOCK_SEQPACKET;
}

int main(void)
{
    if (!is_started_by_diptych()) {
        fputs("diptych-decode decodes pictures for diptych, which starts it\n", stderr);
        return 2;
    }
    /* Its parent decides when it is to end, by closing the socket: Ctrl-C reaches both. */
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_IGN);
    close_range(HELPER_FD_END, ~0U, 0);
    _exit(helper_serve(decoders)); /* nothing is left to be done, nor may it be */
}
