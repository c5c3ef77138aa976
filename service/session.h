// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: who has logged in.
 *
 * A session is a random number of 256 bits that a browser sends back in a cookie. The table keeps hashes of them, each
 * with what it is good for and until when; it is as large as it ever gets, and the session that would end first makes
 * room for a new one. Any thread may use it.
 */
#ifndef DIPTYCH_SERVICE_SESSION_H
#define DIPTYCH_SERVICE_SESSION_H

#include "base/base.h"

enum { SESSION_SECONDS = 7 * 24 * 3600, SESSION_SECRET = 65 /* 64 hex digits and a NUL */ };

struct sessions;

int sessions_open(struct sessions **out, struct err *err); /* ERR_MEMORY */
void sessions_free(struct sessions *sessions);

/* Begins one that is good for `level`, not 0. ERR_IO: the system has no random numbers. */
int sessions_begin(struct sessions *sessions, char secret[SESSION_SECRET], int level, struct err *err);

/* 0: there is no such session, or its time is up. */
int sessions_level(struct sessions *sessions, const char *secret);

void sessions_end(struct sessions *sessions, const char *secret);
void sessions_end_all(struct sessions *sessions);

#endif
