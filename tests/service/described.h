// SPDX-License-Identifier: Apache-2.0
/* Answers beside what /openapi.json says of them. */
#ifndef DIPTYCH_TESTS_SERVICE_DESCRIBED_H
#define DIPTYCH_TESTS_SERVICE_DESCRIBED_H

#include <jansson.h>

/* Fails the test unless a JSON answer to that request, "POST", "/v1/items/7", is what the service's document says of that status, and
 * has nothing that it does not say. Requests to routes that there are not are not looked at. */
void expect_as_described(int port, const char *method, const char *path, int status, const json_t *answer);

#endif
