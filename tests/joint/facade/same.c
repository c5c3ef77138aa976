// SPDX-License-Identifier: Apache-2.0
/* What commands print as tsv, said by the library:
 *
 *     same rank PICTURE CAPTION...
 *     same probe FILE PICTURE
 *     same search INDEX QUERY
 *     same score CANDIDATES REFERENCES REFERENCES [PICTURE PICTURE]    of text files with two lines each */
#include "joint/diptych.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16, IMAGES = 2, SETS = 3 };

static struct diptych_error error;

/* Ends the program where a call has failed. */
static void check(int rc)
{
    if (!rc)
        return;
    fprintf(stderr, "%s: %s\n", diptych_code_name(error.code), error.message);
    exit(2);
}

static struct diptych_model *open_model(const char *precision)
{
    const struct diptych_model_options options = {.size = sizeof options, .precision = precision};
    struct diptych_model *model;
    check(diptych_model_open(&model, NULL, &options, NULL, &error));
    return model;
}

static void rank(const char *picture, const char *const *captions, size_t count)
{
    const struct diptych_image image = {.path = picture};
    struct diptych_model *model = open_model(NULL);
    int64_t order[MOST];
    float scores[MOST], cosines[MOST];
    check(diptych_rank(model, order, scores, cosines, &image, 1, captions, &count, NULL, NULL, &error));
    for (size_t i = 0; i < count; i++)
        printf("%s\t%s\t%.7g\t%.7g\n", picture, captions[order[i]], (double)cosines[i], (double)scores[i]);
    diptych_model_free(model);
}

static void classify(const char *probe, const char *picture)
{
    const struct diptych_classifier_options options = {.size = sizeof options, .probe = probe};
    const struct diptych_image image = {.path = picture};
    struct diptych_model *model = open_model(NULL);
    struct diptych_classifier *classifier;
    int64_t labels[MOST];
    float scores[MOST];
    check(diptych_classifier_open(&classifier, model, NULL, 0, &options, NULL, &error));
    diptych_model_free(model);
    const size_t count = diptych_classifier_labels(classifier);
    check(diptych_classify(classifier, labels, scores, count, &image, 1, NULL, NULL, &error));
    printf("%s", picture);
    for (size_t i = 0; i < count; i++)
        printf("\t%s\t%.7g", diptych_classifier_label(classifier, (size_t)labels[i]), (double)scores[i]);
    putchar('\n');
    diptych_classifier_free(classifier);
}

static void search(const char *path, const char *query)
{
    const struct diptych_term term = {.text = query};
    struct diptych_model *model = open_model(NULL);
    struct diptych_index *index;
    struct diptych_hits *hits;
    check(diptych_index_open(&index, path, model, NULL, &error));
    diptych_model_free(model);
    check(diptych_index_search(&hits, index, &term, 1, NULL, NULL, &error));
    for (size_t i = 0; i < diptych_hits_count(hits, 0); i++) {
        struct diptych_hit hit = {.size = sizeof hit};
        check(diptych_hits_get(hits, 0, i, &hit, &error));
        printf("%s\t%.9g\t%lld\t%s\t%s\t%s\n", query, hit.score, (long long)hit.id,
            hit.kind == DIPTYCH_IMAGE ? "image" : "text", hit.path, hit.text ? hit.text : "");
    }
    diptych_hits_free(hits);
    diptych_index_free(index);
}

static void read_lines(char lines[IMAGES][256], const char *path)
{
    FILE *file = fopen(path, "r");
    for (size_t i = 0; i < IMAGES; i++) {
        if (!file || !fgets(lines[i], sizeof lines[i], file))
            exit(2);
        lines[i][strcspn(lines[i], "\n")] = '\0';
    }
    fclose(file);
}

static void put_scores(const struct diptych_scores *scores)
{
    printf("id");
    for (size_t m = 0; diptych_metric(m); m++)
        if (diptych_scores_images(scores, diptych_metric(m)))
            printf("\t%s", diptych_metric(m));
    for (size_t i = 0; i < IMAGES; i++) {
        printf("\n%zu", i + 1);
        for (size_t m = 0; diptych_metric(m); m++)
            if (diptych_scores_images(scores, diptych_metric(m)))
                printf("\t%.12g", diptych_scores_images(scores, diptych_metric(m))[i]);
    }
    putchar('\n');
}

/* All metrics; with pictures, those that are computed without being asked for. */
static void score(char **files, char **pictures)
{
    char lines[SETS][IMAGES][256];
    const char *candidates[IMAGES], *references[2 * IMAGES], *metrics[MOST];
    static const size_t counts[IMAGES] = {2, 2};
    struct diptych_image images[IMAGES] = {{0}};
    struct diptych_score_options options = {.size = sizeof options};
    struct diptych_model *model = NULL;
    struct diptych_scores *scores;
    for (size_t k = 0; k < SETS; k++)
        read_lines(lines[k], files[k]);
    for (size_t i = 0; i < IMAGES; i++) {
        candidates[i] = lines[0][i];
        references[2 * i] = lines[1][i];
        references[2 * i + 1] = lines[2][i];
    }
    if (pictures) {
        options.model = model = open_model("f32");
        options.images = images;
        for (size_t i = 0; i < IMAGES; i++)
            images[i].path = pictures[i];
    } else {
        options.metrics = metrics;
        while (strcmp(diptych_metric(options.metric_count), "CLIPScore")) {
            metrics[options.metric_count] = diptych_metric(options.metric_count);
            options.metric_count++;
        }
    }
    check(diptych_score_captions(&scores, candidates, references, counts, IMAGES, &options, NULL, &error));
    put_scores(scores);
    diptych_scores_free(scores);
    diptych_model_free(model);
}

int main(int argc, char **argv)
{
    if (argc > 3 && !strcmp(argv[1], "rank"))
        rank(argv[2], (const char *const *)argv + 3, (size_t)argc - 3);
    else if (argc == 4 && !strcmp(argv[1], "probe"))
        classify(argv[2], argv[3]);
    else if (argc == 4 && !strcmp(argv[1], "search"))
        search(argv[2], argv[3]);
    else if (argc > 4 && !strcmp(argv[1], "score"))
        score(argv + 2, argc == 7 ? argv + 5 : NULL);
    else
        return 2;
    return 0;
}
