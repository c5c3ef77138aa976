// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: one request on its way to an answer, and the table of routes.
 *
 * A route's function gets a call and fills in its answer, or returns an error, which the route's manners turn into a
 * status and a body. It runs on a thread of its own and may wait.
 */
#ifndef DIPTYCH_SERVICE_CALL_H
#define DIPTYCH_SERVICE_CALL_H

#include "service/access.h"
#include "service/engine.h"
#include "service/http.h"
#include "service/service.h"
#include "service/shelf.h"

#include <jansson.h>

struct call {
    struct service *service;
    struct http_request *request;
    struct http_response *response;
    const struct route *route;
    enum access_level access; /* what the client may do */
    const char *path;         /* of the request, below the service's base path; NULL: it does not lie there */
    const char *id;           /* what the path has in place of "*"; NULL where the route has none */
    json_t *body;             /* of routes that take JSON, and what else body.c makes of one: an object */
    struct body_picture *pictures; // (picture_count): in the body as they are; see call_picture
    size_t picture_count;
    json_t *answer; /* the function's, for a 200 with JSON; or it fills in `response` */
};

/* ---- routes -------------------------------------------------------------------------------------------- */

/* How errors look: {"error": {"message", "type", "param", "code"}} as OpenAI's, or {"error", "error_type"} as TEI's,
 * or {"detail"} as FastAPI's (immich, infinity's kin), or {"error"} (Weaviate), or {"message"} (clip-retrieval, Cohere). */
enum manners { MANNERS_OPENAI, MANNERS_TEI, MANNERS_DETAIL, MANNERS_PLAIN, MANNERS_MESSAGE };

/* BODY_UNNAMED: JSON, and the request need not say so; clip-retrieval's client does not. */
enum body_kind { BODY_NONE, BODY_JSON, BODY_UNNAMED, BODY_ANY };

struct route {
    const char *method, *path; /* "*" stands for one part of a path */
    int (*handle)(struct call *call, struct err *err);
    enum body_kind body;
    enum manners manners;
    const char *picture; /* NULL, or the field that holds pictures: the body may be a form or a picture too */
    const char *const
        *queries;  /* NULL: any; or the parameters that its query string may have, which NULL ends */
    bool open;     /* needs no token */
    bool early;    /* answered before all is loaded */
    bool writes;   /* changes something: takes ACCESS_WRITE */
    bool networks; /* its clients send no token: networks can be let in without one */
    const char *summary;
};

extern const struct route routes[]; /* a NULL method ends it */

/* ---- what functions share ------------------------------------------------------------------------------ */

struct engine *call_engine(const struct call *call);
struct shelf *call_shelf(const struct call *call);

/* The model's name in answers. */
const char *call_model(const struct call *call);

/* Fails where the body names another model than the service has: ERR_NOT_FOUND. */
int call_check_model(const struct call *call, struct err *err);

/* A field of the body that may be absent or null. ERR_ARGUMENT, naming it, where it is of another type or out of
 * range; *out stays as it was where it is absent. */
bool field_whole(json_int_t *out, const json_t *value); /* whether it is a whole number: 7, or 7.0 */
int field_text(const char **out, const json_t *object, const char *name, struct err *err);
int field_size(size_t *out, const json_t *object, const char *name, size_t min, size_t max, struct err *err);
int field_real(double *out, const json_t *object, const char *name, double min, double max, struct err *err);
int field_bool(bool *out, const json_t *object, const char *name, struct err *err);

/* The number of a word among choices, which NULL ends; the other for a word that is no body's. */
int field_choice(
    int *out, const json_t *object, const char *name, const char *const *choices, struct err *err);
int choice_named(int *out, const char *word, const char *name, const char *const *choices, struct err *err);

/* ERR_ARGUMENT with the first field that is not among names, which NULL ends. */
int fields_known(const json_t *object, const char *const *names, struct err *err);

/* The same of the parameters of the query string. */
int queries_known(const struct call *call, const char *const *names, struct err *err);

/* ---- bodies: body.c ------------------------------------------------------------------------------------ */

/* Whether the fields of a request's body stand in its query string. */
bool body_in_query(const struct call *call);

/* Whether a route takes bodies of a Content-Type, NULL where none is said. */
bool body_type_fits(const struct route *route, const char *type);

/* Makes call->body of the request's:
 *
 *   application/json     as it is
 *   multipart/form-data  an object of the fields, whose files are pictures; a field that comes several times is a list
 *   image/...            an object of the parameters in the query string, and the picture
 *
 * In the last two, of routes with a `picture`, values are texts, but for those of numbers and lists that body.c names,
 * which are JSON. A picture is a string, as it is in JSON, that stands for its bytes: picture_of_string
 * finds them. ERR_FORMAT, ERR_LIMIT, ERR_MEMORY; ERR_ARGUMENT: a file that is no picture's field. */
int body_read(struct call *call, struct err *err);

/* The picture that such a string stands for, the very string in call->body; NULL: none. */
struct body_picture {
    const char *string;
    struct span bytes;
};
const struct body_picture *call_picture(const struct call *call, const char *string);

/* ---- answers ------------------------------------------------------------------------------------------- */

/* The ETag of an answer that is these bytes, or that follows from them: weak, so that it is that of the same answer in
 * gzip too. NULL when out of memory. */
const char *call_content_tag(const struct call *call, const void *bytes, size_t size);

/* Gives the answer its ETag, quoted and living as long as the request. Whether the client has that one already: then
 * the answer, a 304, is made. */
bool call_not_modified(struct call *call, const char *tag);

/* The number that the path has in place of "*". ERR_NOT_FOUND where that is none. */
int call_item_id(int64_t *out, const struct call *call, struct err *err);

/* Memory of the request. ERR_MEMORY. */
int call_alloc(void *out, const struct call *call, size_t count, size_t size, struct err *err);

/* ---- the handlers -------------------------------------------------------------------------------------- */

int handle_login_state(struct call *call, struct err *err);
int handle_login(struct call *call, struct err *err);
int handle_logout(struct call *call, struct err *err);
int handle_reload(struct call *call, struct err *err);
int handle_page(struct call *call, struct err *err);
int handle_embeddings(struct call *call, struct err *err);
int handle_classify(struct call *call, struct err *err);
int handle_rank(struct call *call, struct err *err);
int handle_score(struct call *call, struct err *err);
int handle_search(struct call *call, struct err *err);
int handle_item(struct call *call, struct err *err);
int handle_item_image(struct call *call, struct err *err);
int handle_item_thumbnail(struct call *call, struct err *err);
int handle_index_map(struct call *call, struct err *err);
int handle_items_add(struct call *call, struct err *err);
int handle_item_delete(struct call *call, struct err *err);
int handle_update_start(struct call *call, struct err *err);
int handle_update_follow(struct call *call, struct err *err);
int handle_update_cancel(struct call *call, struct err *err);
int handle_models(struct call *call, struct err *err);
int handle_health(struct call *call, struct err *err);
int handle_ready(struct call *call, struct err *err);
int handle_metrics(struct call *call, struct err *err);
int handle_openapi(struct call *call, struct err *err);

/* The shapes of other services: shape_*.c. */
int handle_tei_embed(struct call *call, struct err *err);
int handle_tei_rerank(struct call *call, struct err *err);
int handle_tei_info(struct call *call, struct err *err);
int handle_immich_predict(struct call *call, struct err *err);
int handle_immich_ping(struct call *call, struct err *err);
int handle_knn(struct call *call, struct err *err);
int handle_knn_metadata(struct call *call, struct err *err);
int handle_knn_indices(struct call *call, struct err *err);
int handle_cohere_embed(struct call *call, struct err *err);
int handle_weaviate_vectorize(struct call *call, struct err *err);
int handle_weaviate_meta(struct call *call, struct err *err);
int handle_weaviate_live(struct call *call, struct err *err);
int handle_weaviate_ready(struct call *call, struct err *err);
int handle_voyage_embed(struct call *call, struct err *err);
int handle_zero_shot(struct call *call, struct err *err);

#endif
