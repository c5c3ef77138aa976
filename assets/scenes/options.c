// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
static const char usage[] =
    "usage: scenes --count N [options]     draw N pictures\n"
    "       scenes --list                  print the words that scenes are made of\n"
    "       scenes --others                print what else is said for each: \"KIND WORD OTHER ...\", with tabs\n"
    "\n"
    "  --out DIR            write the pictures and scenes.jsonl here\n"
    "  --format FORMAT      png (default), jpg or ppm\n"
    "  --raw FILE           write one file of bytes (N, height, width, 3) instead of pictures\n"
    "  --coco FILE          write COCO's annotations: of each picture all that there is to say, the full caption, K\n"
    "                       loose ones and nine class prompts of five kinds, with the facts that they state\n"
    "  --lesson LESSON      for --coco: all (default), or easy, where every scene is one large object and captions are\n"
    "                       single words\n"
    "  --cells FILE         write bytes (N, grid, grid): which object covers each cell, 0 for none\n"
    "  --grid G             cells across and down (default 8)\n"
    "  --size PIXELS|WxH    size of the pictures (default 96)\n"
    "  --seed S             default 0\n"
    "  --kind KIND,...      single, count, relation or mixed (default); of several each in turn\n"
    "  --split SPLIT        train (default): no held-out pair of shape and colour; heldout: the first object is one\n"
    "  --wordings K         loose captions for each picture beside the full one (default 2)\n"
    "  --synonyms PERCENT   how often captions take another word: disc, donut, lightning bolt (default 0); single\n"
    "                       words of the easy lesson a third as often\n"
    "  --letters FONT,...   a fifth of the objects are capital letters and digits of one of these TrueType fonts\n"
    "  --clipart LIST       a quarter of the pictures are clip art, of each noun as many: LIST has a line\n"
    "                       \"PNG<tab>noun\" for each, whose path counts from the list's folder\n";
// clang-format on

static bool parse_number(long *out, const char *text, long least, long most)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    return end != text && !*end && !errno && *out >= least && *out <= most;
}

static bool parse_size(struct options *options, const char *text)
{
    char rest;
    int n = sscanf(text, "%dx%d%c", &options->width, &options->height, &rest);
    if (n == 1 && !strchr(text, 'x'))
        options->height = options->width;
    else if (n != 2)
        return false;
    return options->width >= 8 && options->width <= 8192 && options->height >= 8 && options->height <= 8192;
}

static bool parse_word(int *out, const char *text, const char *const *words, int n)
{
    for (*out = 0; *out < n; ++*out)
        if (strcmp(text, words[*out]) == 0)
            return true;
    return false;
}

static bool parse_kinds(struct options *options, const char *text)
{
    static const char *const names[] = {"single", "count", "relation", "mixed"};
    char list[256];
    int kind;
    options->n_kinds = 0;
    if (snprintf(list, sizeof list, "%s", text) >= (int)sizeof list)
        return false;
    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        if (options->n_kinds == MAX_KINDS || !parse_word(&kind, word, names, 4))
            return false;
        options->kinds[options->n_kinds++] = (enum scene_kind)kind;
    }
    return options->n_kinds > 0;
}

static bool parse_option(struct options *options, const char *name, const char *value)
{
    static const char *const splits[] = {"train", "heldout"};
    static const char *const formats[] = {"png", "jpg", "ppm"};
    static const char *const lessons[] = {"all", "easy"};
    int word = 0;
    bool valid = true;

    if (strcmp(name, "--count") == 0)
        valid = parse_number(&options->count, value, 1, 100000000);
    else if (strcmp(name, "--seed") == 0)
        valid = parse_number(&options->seed, value, 0, 2147483647);
    else if (strcmp(name, "--wordings") == 0)
        valid = parse_number(&options->wordings, value, 0, MAX_CAPTIONS - 1);
    else if (strcmp(name, "--synonyms") == 0)
        valid = parse_number(&options->synonyms, value, 0, 100);
    else if (strcmp(name, "--grid") == 0)
        valid = parse_number(&options->grid, value, 1, 256);
    else if (strcmp(name, "--size") == 0)
        valid = parse_size(options, value);
    else if (strcmp(name, "--kind") == 0)
        valid = parse_kinds(options, value);
    else if (strcmp(name, "--split") == 0 && (valid = parse_word(&word, value, splits, 2)))
        options->split = (enum scene_split)word;
    else if (strcmp(name, "--lesson") == 0 && (valid = parse_word(&word, value, lessons, 2)))
        options->lesson = (enum lesson)word;
    else if (strcmp(name, "--format") == 0 && (valid = parse_word(&word, value, formats, 3)))
        options->format = formats[word];
    else if (strcmp(name, "--out") == 0)
        options->out = value;
    else if (strcmp(name, "--raw") == 0)
        options->raw = value;
    else if (strcmp(name, "--coco") == 0)
        options->coco = value;
    else if (strcmp(name, "--cells") == 0)
        options->cells = value;
    else if (strcmp(name, "--letters") == 0)
        options->letters = value;
    else if (strcmp(name, "--clipart") == 0)
        options->clipart = value;
    else
        return false;
    return valid;
}

static bool refuse(const char *what, const char *subject)
{
    fprintf(stderr, "%sscenes: %s '%s'\n", usage, what, subject);
    return false;
}

bool options_parse(struct options *out, int argc, char **argv)
{
    *out = (struct options){.wordings = 2,
        .grid = 8,
        .width = 96,
        .height = 96,
        .kinds = {SCENE_MIXED},
        .n_kinds = 1,
        .format = "png"};
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !parse_option(out, argv[i], argv[i + 1]))
            return refuse("cannot use option", argv[i]);
    if (!out->count)
        return refuse("missing", "--count");
    return out->out || out->raw ? true : refuse("missing", "--out or --raw");
}
