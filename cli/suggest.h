// SPDX-License-Identifier: Apache-2.0
/* What somebody who mistyped a name may have meant. */
#ifndef DIPTYCH_CLI_SUGGEST_H
#define DIPTYCH_CLI_SUGGEST_H

#include <argp.h>
#include <stdbool.h>

/* Letters to insert, leave out, change or swap with the next to make one word of the other (optimal string alignment).
 * Words of more than 63 bytes are as far from each other as they are long. */
int edit_distance(const char *a, const char *b);

/* Whether `name` is closer to a word than what was found before, at *distance, and close enough to be meant by it. Begin
 * with INT_MAX. */
bool suggest_closer(int *distance, const char *word, const char *name);

/* Exits, with the option that was meant, where a long option is in argv that is not in argp and is near one that is. All else
 * is left to argp_parse. in_order: up to the first argument that is no option. */
void suggest_options(const struct argp *argp, int argc, char **argv, bool in_order);

#endif
