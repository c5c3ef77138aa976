// SPDX-License-Identifier: Apache-2.0
/* What can be a name, private to joint/hub: the hub's own rules (utils/_validators.py), for texts that come from
 * users, from the hub and from what the cache's folders are called. */
#ifndef DIPTYCH_HUB_NAME_H
#define DIPTYCH_HUB_NAME_H

#include <stdbool.h>

/* "name" or "organisation/name": letters, digits and "-_." inside, no "--" and no "..". */
bool hub_repo_valid(const char *text);

/* What git could call a branch or a tag, and no part of it begins with '.': a path that goes up is none. */
bool hub_revision_valid(const char *text);

/* 40 hex digits. */
bool hub_commit_valid(const char *text);

#endif
