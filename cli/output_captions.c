// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"

static const char *caption_at(const struct caption_ranking *ranking, size_t place)
{
    return ranking->captions[ranking->best[place].label];
}

static double wins(const struct caption_ranking *ranking, size_t place, size_t other)
{
    return win_probability(ranking->score.scale, ranking->best[place].cosine, ranking->best[other].cosine);
}

static void print_table(const struct output *output, const struct caption_ranking *ranking)
{
    output_path(output, ranking->path);
    printf("  %-*s%7s  %8s  caption\n", OUTPUT_SHARE_WIDTH, "  probability", "cosine", "wins");
    for (size_t i = 0; i < ranking->count; i++) {
        fputs("  ", stdout);
        output_share(output, (double)ranking->best[i].probability);
        output_cosine((double)ranking->best[i].cosine);
        if (i + 1 < ranking->count)
            printf("%6.1f %%  ", 100 * wins(ranking, i, i + 1));
        else
            printf("%8s  ", "");
        text_escape(stdout, caption_at(ranking, i));
        fputc('\n', stdout);
    }
    fputc('\n', stdout);
}

static void print_tsv(const struct caption_ranking *ranking)
{
    for (size_t i = 0; i < ranking->count; i++) {
        text_escape(stdout, ranking->path);
        fputc('\t', stdout);
        text_escape(stdout, caption_at(ranking, i));
        printf("\t%.7g\t%.7g\t", (double)ranking->best[i].cosine, (double)ranking->best[i].probability);
        if (i + 1 < ranking->count)
            printf("%.7g", wins(ranking, i, i + 1));
        fputc('\n', stdout);
    }
}

static int print_json(const struct caption_ranking *ranking, struct err *err)
{
    json_t *captions = json_array(), *matrix = json_array();
    for (size_t i = 0; i < ranking->count; i++) {
        const struct prediction *caption = &ranking->best[i];
        json_t *row = json_array();
        for (size_t j = 0; j < ranking->count; j++)
            json_array_append_new(row, json_real(wins(ranking, i, j)));
        json_array_append_new(matrix, row);
        json_array_append_new(
            captions, json_pack("{s:o, s:I, s:f, s:f}", "caption", json_text(caption_at(ranking, i)), "index",
                          (json_int_t)caption->label, "cosine", (double)caption->cosine, "probability",
                          (double)caption->probability));
    }
    return json_print("rank/1",
        json_pack("{s:o, s:o, s:o, s:s, s:o*, s:o*}", "path", json_text(ranking->path), "captions", captions,
            "wins", matrix, "score", score_names[ranking->score.kind], "outside",
            ranking->outside ? json_true() : NULL, "warning",
            *ranking->warning ? json_text(ranking->warning) : NULL),
        0, err);
}

int output_captions(const struct output *output, const struct caption_ranking *ranking, struct err *err)
{
    output_warning(output, ranking->warning);
    switch (output->format) {
    case OUTPUT_JSON:
        return print_json(ranking, err);
    case OUTPUT_TSV:
        print_tsv(ranking);
        return 0;
    default:
        print_table(output, ranking);
        return 0;
    }
}
