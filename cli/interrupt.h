// SPDX-License-Identifier: Apache-2.0
/* Ctrl-C and SIGTERM end a long run between two batches; a second one ends it at once. */
#ifndef DIPTYCH_CLI_INTERRUPT_H
#define DIPTYCH_CLI_INTERRUPT_H

#include <stdbool.h>

/* Call first of all: notes which of the signals the caller ignores, as nohup does and shells for what runs in the
 * background. Those stay ignored, whatever handlers OpenCL's libraries put in their place later. */
void interrupt_begin(void);

void interrupt_catch(void);
bool interrupt_seen(void);

/* Whether the caller had this signal ignored, as noted at the beginning. */
bool interrupt_ignored(int number);

/* Once all is put away: ends by the signal that came, as the caller's shell expects. Without one, returns. */
void interrupt_raise(void);

#endif
