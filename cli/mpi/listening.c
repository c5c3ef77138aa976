// SPDX-License-Identifier: Apache-2.0
/* Queries that come to a port, as many as are there searched together, and answered in JSON. */
#include "cli/mpi/mpi.h"
#include "cli/mpi/port.h"
#include "cli/search.h"

#include <stdlib.h>
#include <string.h>

/* What has been asked at once, and of it the queries. */
struct round {
    struct asked *asked;   // (count)
    const char **texts;    // (text_count)
    struct asked *by_text; // (text_count)
    size_t count, text_count;
};

static int round_init(struct round *round, size_t most, struct err *err)
{
    round->asked = mem_new(most, sizeof *round->asked);
    round->texts = mem_new(most, sizeof *round->texts);
    round->by_text = mem_new(most, sizeof *round->by_text);
    return round->asked && round->texts && round->by_text ? 0 : err_memory(err, most * sizeof *round->asked);
}

static void round_release(struct round *round)
{
    free(round->asked);
    free(round->texts);
    free(round->by_text);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* list, or why it is no query. */
static int answer(struct port *port, const struct asked *asked, const struct hit_list *list,
    const char *reason, struct err *err)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&bytes, &size);
    int rc = out ? 0 : err_memory(err, 0);
    if (!rc)
        rc = list ? search_put_json(out, list, err)
                  : search_put_json_failure(out, asked->line ? asked->line : "", reason, err);
    if (out && fclose(out) && !rc)
        rc = err_memory(err, size);
    if (!rc)
        rc = port_answer(port, asked, bytes, size, err);
    free(bytes);
    return rc;
}

/* Answers what is no query; blank lines ask for nothing. */
static int sort_out(struct round *round, struct searching *s, struct err *err)
{
    int rc = 0;
    round->text_count = 0;
    for (size_t i = 0; i < round->count && !rc; i++) {
        const struct asked *asked = &round->asked[i];
        struct err why = {0};
        if (!asked->line)
            err_set(&why, ERR_LIMIT, "line %zu has more than %d bytes", asked->number, PORT_LINE_MAX - 1);
        else if (asked->length == strspn(asked->line, " \t\r"))
            continue;
        else
            searching_check(asked->line, asked->length, s->request.queries_path, asked->number, &why);
        if (why.code) {
            rc = answer(s->partner, asked, NULL, why.msg, err);
        } else {
            round->texts[round->text_count] = asked->line;
            round->by_text[round->text_count++] = *asked;
        }
    }
    return rc;
}

static int search_round(const struct round *round, struct searching *s, struct search *search,
    size_t *truncated, const struct job *job, struct err *err)
{
    struct search_results found;
    search->texts = round->texts;
    search->text_count = round->text_count;
    if (!round->text_count)
        return 0;
    int rc = collection_search(&found, s->collection, search, job, err);
    if (rc)
        return rc;
    s->asked += found.count;
    *truncated += found.truncated;
    for (size_t i = 0; i < found.count && !rc; i++)
        rc = answer(s->partner, &round->by_text[i], &found.lists[i], NULL, err);
    search_results_release(&found);
    return rc;
}

/* ---- the conversation ---------------------------------------------------------------------------------- */

int listening_begin(struct searching *s, const char *address, struct err *err)
{
    struct port *port;
    const int rc = port_open(&port, address, err);
    if (rc)
        return rc;
    s->partner = port;
    fprintf(stderr, "listening on 127.0.0.1:%d\n", port_number(port));
    return 0;
}

int listening_converse(
    struct searching *s, struct search *search, size_t *truncated, const struct job *job, struct err *err)
{
    const size_t most = searching_at_once(s);
    struct round round = {0};
    int rc = round_init(&round, most, err);
    while (!rc) {
        rc = port_next(round.asked, &round.count, most, s->partner, job, err);
        if (!rc)
            rc = sort_out(&round, s, err);
        if (!rc)
            rc = search_round(&round, s, search, truncated, job, err);
    }
    round_release(&round);
    return rc;
}

void listening_end(struct searching *s)
{
    port_close(s->partner);
    s->partner = NULL;
}
