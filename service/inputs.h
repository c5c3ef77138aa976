// SPDX-License-Identifier: Apache-2.0
/* Inside service: the texts and pictures of a JSON body. */
#ifndef DIPTYCH_SERVICE_INPUTS_H
#define DIPTYCH_SERVICE_INPUTS_H

#include "service/call.h"

enum { INPUTS_MAX = 2048 }; /* of a request: OpenAI's number */

/* All memory is the request's. Zero-initialise. */
struct inputs {
    struct input *items; // (count)
    size_t count;
};

/* What a string stands for. AUTO: a picture where it begins as a data URI of one does ("data:image/"), else a text. */
enum modality { MODALITY_AUTO, MODALITY_TEXT, MODALITY_IMAGE };

/* Adds a field of the body as OpenAI's, Jina's and infinity's clients send "input": a text; a list of texts, of objects
 * {"text"} or {"image"}; the ids of one text, or a list of such lists. ERR_ARGUMENT with the place of what is none of
 * these; ERR_LIMIT for more than INPUTS_MAX. */
int inputs_read(
    struct inputs *out, const struct call *call, const char *field, enum modality modality, struct err *err);

/* The same of a field that is a list of strings and of nothing else. */
int inputs_read_strings(
    struct inputs *out, const struct call *call, const char *field, enum modality modality, struct err *err);

/* Adds a field of the body that is a list of objects with a "content" each, as chats have it, of which an embedding can
 * be: a text, or a list of one part, {"type": "text", "text"}, {"type": "image_url", "image_url": {"url": data URI}} or
 * {"type": "image_base64", "image_base64": data URI}. Errors are those of inputs_read. */
int inputs_read_contents(struct inputs *out, const struct call *call, const char *field, struct err *err);

/* ERR_ARGUMENT with the first text that has more tokens than the model takes, and would be cut. */
int inputs_check_lengths(const struct call *call, const struct inputs *inputs, struct err *err);

/* How many of the tokens of inputs_encode are the pictures'. */
size_t inputs_picture_tokens(const struct call *call, const struct inputs *inputs);

/* A picture in a string: a data URI, or the base64 of its file. Addresses on the net are ERR_ARGUMENT: nothing is
 * fetched. `name` is how messages call it. */
int picture_of_string(
    struct picture_source *out, const struct call *call, const char *text, const char *name, struct err *err);

/* notes (count), in memory of the request: inputs_encode will put there what there is to say of each picture. ERR_MEMORY. */
int inputs_ask_notes(
    struct input_notes **notes, const struct call *call, struct inputs *inputs, struct err *err);

/* Says it in an object of an answer: "outside": true and "warning", where there is that. */
void put_notes(json_t *object, const struct input_notes *notes);

/* embeddings (count, E), in memory of the request. Errors are engine_encode's. */
int inputs_encode(float **embeddings, size_t *tokens, const struct call *call, const struct inputs *inputs,
    struct err *err);

/* Ranks all inputs but the first by how well they fit the first, best first: best (*count), in memory of the request;
 * label is an input's number, less one. Errors are engine_encode's. */
int inputs_rank(struct prediction **best, size_t *count, const struct call *call, const struct inputs *inputs,
    struct err *err);

#endif
