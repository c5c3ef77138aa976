// SPDX-License-Identifier: Apache-2.0
/* A service of the frozen model and a small index, and the same model beside it to compare with. */
#ifndef DIPTYCH_TESTS_SERVICE_SERVED_H
#define DIPTYCH_TESTS_SERVICE_SERVED_H

#include "index/index.h"
#include "joint/joint.h"
#include "service/service.h"
#include "tests/service/client.h"

#include <jansson.h>

#define MODEL DIPTYCH_ROOT "/tests/model"
#define INDEX DIPTYCH_SCRATCH "/pictures.dip"
#define PICTURES DIPTYCH_SCRATCH "/pictures"

enum { WIDTH = 128, PICTURE_COUNT = 6 };

struct served {
    struct service *service;
    int port;
    struct device *device;
    struct model *model;
    struct encoder *encoder;
    char paths[PICTURE_COUNT][4096]; /* as the index has them */
    float pictures[PICTURE_COUNT][WIDTH];
};
extern struct served served;

/* Copies the sample pictures, indexes them with a text each, and opens the service; for cmocka_run_group_tests. */
int served_open(void **state);
int served_close(void **state);

/* A service with other options than those of served_open, its index filled in, and its model where there is none. */
struct service *served_with(struct service_options options);

/* embedding (WIDTH), of length 1. */
void encode_text(float *embedding, const char *text);
void encode_picture(float *embedding, const char *path, enum alpha_rule alpha);
void expect_close(const float *got, const float *expected, const char *what);

/* An embedding as JSON has it. */
void read_vector(float *out, const json_t *list);

/* The file's bytes in base64, for free(). */
char *base64_file(const char *path);

/* Posts JSON and parses the answer, which must have this status. */
json_t *post(const char *path, const char *body, int status);
json_t *post_json(const char *path, json_t *body, int status); /* takes the reference */

#endif
