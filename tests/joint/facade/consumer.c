/* SPDX-License-Identifier: Apache-2.0 */
/* consumer [PICTURE LABEL...]: a program that knows nothing of Diptych but its header. Prints the version and the model's
 * path; or classifies the picture and prints what `diptych classify --format tsv` does;
 * 1 where it cannot be read. Also compiled as C++. */
#include <diptych.h>

#include <stdio.h>
#include <stdlib.h>

static int fail(const struct diptych_error *error)
{
    fprintf(stderr, "%s: %s\n", diptych_code_name(error->code), error->message);
    return 2;
}

int main(int argc, char **argv)
{
    enum { TOP = 5 };
    struct diptych_error error;
    struct diptych_model *model;
    struct diptych_classifier *classifier;
    struct diptych_model_info info;
    struct diptych_image image = {argv[1], NULL, 0, NULL, 0, 0, 0, 0};
    int64_t labels[TOP];
    float scores[TOP];
    size_t top = TOP;

    if (diptych_model_open(&model, NULL, NULL, NULL, &error))
        return fail(&error);
    info.size = sizeof info;
    if (diptych_model_info(model, &info, &error))
        return fail(&error);
    if (argc < 3) {
        printf("%s %s\n", diptych_version(), info.path);
        diptych_model_free(model);
        return 0;
    }
    if (diptych_classifier_open(
            &classifier, model, (const char *const *)argv + 2, (size_t)argc - 2, NULL, NULL, &error))
        return fail(&error);
    if (diptych_classifier_labels(classifier) < top)
        top = diptych_classifier_labels(classifier);
    if (diptych_classify(classifier, labels, scores, top, &image, 1, NULL, NULL, &error))
        return fail(&error);
    if (labels[0] < 0)
        return 1;
    fputs(argv[1], stdout);
    for (size_t i = 0; i < top; i++)
        printf("\t%s\t%.7g", diptych_classifier_label(classifier, (size_t)labels[i]), (double)scores[i]);
    putchar('\n');
    diptych_classifier_free(classifier);
    diptych_model_free(model);
    return 0;
}
