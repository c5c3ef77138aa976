// SPDX-License-Identifier: Apache-2.0
/*
 * captions: what systems say of pictures, held against what people said. It stands on base alone: no device,
 * no model.
 *
 *     paths -> caption_set_read -> caption_pairs_join -> caption_scores_compute -> caption_bootstrap
 *
 * caption_scores_compute cuts captions into words (ptb_words) and runs every metric; bleu_compute,
 * rouge_compute, cider_compute, meteor_compute and sacrebleu_compute are the metrics one by one, of captions that are in
 * words already.
 */
#ifndef DIPTYCH_TEXT_CAPTIONS_H
#define DIPTYCH_TEXT_CAPTIONS_H

#include "base/base.h"

/* ---- caption files ------------------------------------------------------------------------------------- */

/* Captions by image, from the files of the field, gzipped or not, or from pipes (input_read). The contents say which kind a file is; one
 * named *.txt or *.txt.gz is always text:
 *
 *   {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}        COCO annotations, see below
 *   [{"image_id", "caption"}]                                                          COCO results
 *   {"images": [{"cocoid" or "imgid", "filename", "split", "sentences": [{"raw"}]}]}   Karpathy's splits
 *   {"stem": "caption" or ["caption", ...]}                                            clipscore
 *   ["caption" or ["caption", ...], ...]                       of the images "1", "2" ...
 *   NAME.SUFFIX#NUMBER, a tab, and a caption of that picture a line                    Flickr8k's and 30k's tokens
 *   CSV (RFC 4180) with columns `image` and `caption`                                  CLIP_benchmark's Flickr
 *   the same with tabs, of columns `filepath` and `title`                              open_clip's --train-data
 *   {"file_name": "1.jpg", "text": "caption"}, an object a line                         Hugging Face's metadata.jsonl
 *   one caption a line, of the images "1", "2" ...                                     sacreBLEU
 *
 * In the tables the picture's name is `file`, and the id is that without folders and suffix, as clipscore's stems are. (`image` may be
 * called filename, file_name, image_name, filepath or path there, `caption` text, title or captions; in lines of JSON it may be a list
 * of several.)
 *
 * An annotation may have "facts": {KIND: VALUE, ...}, what its caption states, as far as that can be true of other pictures. Annotations of
 * one picture may state different kinds, or the same again; training takes no two values of one kind.
 *
 * An id is a whole number or a text; 42 and "42" are one, and in joining also "000000000042", where only one image
 * has that number. */
enum { CAPTION_MAX = 1 << 20 }; /* bytes of a caption */

struct captioned_image {
    const char *id, *file; /* the name of its picture, or NULL where no file tells it */
    const char **captions; // (count)
    const char *
        *facts; // (count): what each states, "KIND\tVALUE\n" a fact, or NULL; NULL where the set has none
    size_t count;
};

struct caption_set {
    const char *name;               /* of the first file */
    struct captioned_image *images; // (count), in the order of each image's first caption
    size_t count, room;
    struct string_map by_id; /* the index of an image */
    struct string_map
        by_number; /* the same by ids of digits without the zeros before them; count: of several */
    bool facts;    /* some captions tell what they state */
    struct arena arena;
};

/* Joins the files by id: N text files are N references a line, as sacreBLEU takes them. Those must have
 * equally many lines, and an empty line in one of several is no caption. split is which of Karpathy's to
 * take, NULL all.
 *
 * ERR_IO; ERR_FORMAT with the line, the entry or the id where a file is not as it should be, or has no
 * captions; ERR_LIMIT for a caption of more than CAPTION_MAX bytes or a file of more than 4 GiB;
 * ERR_MEMORY. */
int caption_set_read(
    struct caption_set *out, const char *const *paths, size_t count, const char *split, struct err *err);
void caption_set_release(struct caption_set *set);

/* The same of JSON that has been parsed, which is called `name` in messages. */
int caption_set_of(
    struct caption_set *out, const char *name, struct json_t *value, const char *split, struct err *err);

/* Whether a text begins as those tables do that name the picture beside each caption. */
bool captions_name_pictures(const char *text);

/* The image of that id, or else the only one whose id is the same number. NULL where the set does not have it. */
const struct captioned_image *caption_set_find(const struct caption_set *set, const char *id);

/* What is scored: images that every system has one caption for and that have references, in the order of the
 * first system's file. Everything is borrowed from the sets. */
struct caption_pairs {
    const char **ids, **files;     // (count)
    struct caption_pair **systems; // (systems, count)
    size_t count;
    size_t unwritten, unreferenced; /* images left out: without a candidate, without references */
    struct arena arena;
};

/* ERR_ARGUMENT where images have a candidate and no references, or references and no candidate: how many, and
 * the first ids. With allow_missing they are left out, as by coco-caption, which evaluates the images that
 * results have; ERR_ARGUMENT then only where no image is left. ERR_FORMAT where an image has two candidates
 * of one system; ERR_MEMORY. */
int caption_pairs_join(struct caption_pairs *out, const struct caption_set *references,
    const struct caption_set *candidates, size_t systems, bool allow_missing, struct err *err);
void caption_pairs_release(struct caption_pairs *pairs);

/* ---- words of captions --------------------------------------------------------------------------------- */

/* Adds to out one string a caption: the words that caption metrics count, joined by one blank. They are the
 * tokens of Stanford's PTBTokenizer 3.4.1 (-preserveLines -lowerCase) without the punctuation that
 * coco-caption leaves out. A no-break space inside a word (a fraction like "22 3/4") stays.
 *
 * The reference reads all captions of a batch as one text, so the next caption can decide on the period that
 * ends this one: "plan B." is "plan b" before "The man", and the last caption has nothing behind it. With
 * `context` the captions are such a batch in this order; without, each is taken alone. Any line end inside a
 * caption is a blank, and a NUL, which a string cannot hold, is for its reader to make one: control
 * characters separate words, but for those inside addresses and markup, which stay. Time and memory are
 * linear in the input. Words do not depend on the number of threads.
 *
 * ERR_FORMAT with the caption's index and byte offset where text is not UTF-8: out is then as it was.
 * ERR_MEMORY. */
int ptb_words(
    struct strings *out, const struct strings *captions, bool context, int threads, struct err *err);

/* ---- caption metrics ----------------------------------------------------------------------------------- */

/* BLEU, ROUGE-L and CIDEr of captions against references, equal to coco-caption's numbers. Captions are
 * tokenised already: UTF-8 words with blanks between. BLEU and CIDEr take any white space for the end of a
 * word, U+00A0 too; ROUGE only ' ', so that two blanks have an empty word between them. Nothing is
 * lower-cased or dropped.
 *
 * Every function that computes one returns ERR_ARGUMENT where there are no images, or one has no references;
 * ERR_FORMAT where a text is not UTF-8; ERR_LIMIT where captions have more than 2^32 words; ERR_MEMORY.
 * Messages count images from 0. Memory is linear in the texts. Results do not depend on the number of
 * threads. */
struct caption_pair {
    const char *candidate;         /* what a system says of an image */
    const char *const *references; /* what people said of it, at least one */
    size_t reference_count;
};

enum { NGRAM_ORDERS = 4 }; /* n = 1 to 4 */

/* The corpus' score and one score an image, in the order of the pairs. */
struct metric_scores {
    double corpus;
    double *images; // (count)
    size_t count;
};

void metric_scores_release(struct metric_scores *scores);

/* BLEU-n (Papineni et al. 2002) = bp * (prod over k <= n of correct_k / guess_k) ^ 1/n, with
 * bp = min(1, exp(1 - reference_length / candidate_length)): 1e-15 is added to numerators and 1e-9 to
 * denominators, and nothing smoothed. correct_k counts an n-gram no more often than any one reference has
 * it; reference_length is that of the reference closest in length, the shorter of two. The corpus' score is
 * that of the summed counts, not the mean of the images. */
struct bleu_stats {
    size_t candidate_length, reference_length;         /* words */
    size_t guess[NGRAM_ORDERS], correct[NGRAM_ORDERS]; /* n-grams in candidates, and those in references */
};

struct bleu {
    struct bleu_stats stats;
    double scores[NGRAM_ORDERS]; /* BLEU-1 to BLEU-4, 0 to 1 */
};

struct bleu_scores {
    struct bleu corpus;
    struct bleu *images; // (count)
    size_t count;
};

int bleu_compute(
    struct bleu_scores *out, const struct caption_pair *pairs, size_t count, int threads, struct err *err);
void bleu_scores_release(struct bleu_scores *scores);

/* sacreBLEU 2.6.0 (Post 2018), of captions as they are: their words are mteval-v13a's. 0 to 100, and 0 where
 * nothing matches. The corpus' score is without effective order: n goes to 4 always. Images are scored as
 * sacreBLEU scores sentences, with it: n goes only as far as the candidate has n-grams. Empty references
 * count only where an image has no others. */

/* How an n without a match is smoothed. */
enum bleu_smoothing {
    SMOOTH_EXP,   /* 1/2 match the first time, 1/4 the second ... */
    SMOOTH_FLOOR, /* `smoothing_value` matches, by default 0.1 */
    SMOOTH_ADD_K, /* adds that to matches and n-grams of n > 1, by default 1 */
    SMOOTH_NONE,
};

/* sacreBLEU's tokenizers but those that download models. The last two need dictionaries of MeCab. */
enum bleu_tokeniser {
    TOKENISE_13A,      /* mteval-v13a's: signs of ASCII apart, but for a stop between digits */
    TOKENISE_NONE,     /* white space */
    TOKENISE_ZH,       /* Chinese characters one by one, all else as 13a */
    TOKENISE_CHAR,     /* every character */
    TOKENISE_INTL,     /* mteval-v14's: Unicode's punctuation and symbols apart */
    TOKENISE_JA_MECAB, /* Japanese: IPADIC's words */
    TOKENISE_KO_MECAB, /* Korean: mecab-ko-dic's words */
};

extern const char *const bleu_smoothings[], *const bleu_tokenisers[]; /* names; NULL ends them */

struct sacrebleu_options { /* zeroed: sacreBLEU's own */
    enum bleu_tokeniser tokeniser;
    enum bleu_smoothing smoothing;
    double smoothing_value; /* 0: that of the smoothing */
    bool lowercase;
    const char *mecab_dictionary; /* folder; NULL: where packages install it */
    int threads;
};

struct sacrebleu {
    double score, brevity_penalty;
    double precisions[NGRAM_ORDERS];                   /* smoothed, in percent */
    double correct[NGRAM_ORDERS], guess[NGRAM_ORDERS]; /* with what add-k added */
    struct bleu_stats stats;
};

struct sacrebleu_scores {
    struct sacrebleu corpus;
    struct sacrebleu *images; // (count)
    size_t count;
    struct sacrebleu_options options;
    char signature[160]; /* nrefs:5|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0 */
};

/* ERR_UNSUPPORTED too, where the tokenizer's dictionary is missing or another than sacreBLEU's, or the build has no
 * libmecab. */
int sacrebleu_compute(struct sacrebleu_scores *out, const struct caption_pair *pairs, size_t count,
    const struct sacrebleu_options *options, struct err *err);
void sacrebleu_scores_release(struct sacrebleu_scores *scores);

/* Whether most letters of the candidates are of scripts that are written without blanks (Chinese, Japanese, Thai, Lao,
 * Burmese, Khmer): BLEU with words between white space then compares whole sentences, and chrF or characters are what
 * people take. */
bool captions_lack_blanks(const struct caption_pair *pairs, size_t count);

/* The line that sacreBLEU prints, as snprintf: BLEU = 11.53 59.9/18.9/6.4/2.4 (BP = 1.000 ratio = 1.011
 * hyp_len = 26177 ref_len = 25897) */
int sacrebleu_format(char *out, size_t room, const struct sacrebleu *bleu);

/* chrF and, with words, chrF++ (Popovic 2015, 2017) as sacreBLEU 2.6.0 computes them, 0 to 100:
 *
 *     100 * 5 P R / (4 P + R)
 *
 * where P is the mean over n of the share of the candidate's n-grams that the reference has, and R that of the
 * reference's that the candidate has. n-grams are of 1 to 6 characters without white space, and of 1 and 2 words in
 * chrF++, which take off one of ASCII's signs at their end or else at their beginning. An n of which one of the two
 * has no n-gram does not count. Of several references the one that scores best counts, the first of equals; the
 * corpus' score is that of the summed counts. */
enum { CHRF_CHARACTERS = 6, CHRF_WORDS = 2, CHRF_ORDERS = CHRF_CHARACTERS + CHRF_WORDS };

struct chrf_stats { /* n-grams by n: of characters, then of words */
    size_t candidate[CHRF_ORDERS], reference[CHRF_ORDERS], matches[CHRF_ORDERS];
};

struct chrf_options {
    bool words, lowercase;
    int threads;
};

struct chrf_scores {
    struct metric_scores scores;
    struct chrf_stats *stats; // (count)
    struct chrf_options options;
    char signature[128]; /* nrefs:5|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0 */
};

int chrf_compute(struct chrf_scores *out, const struct caption_pair *pairs, size_t count,
    const struct chrf_options *options, struct err *err);
void chrf_scores_release(struct chrf_scores *scores);

/* TER (Snover et al. 2006) as sacreBLEU 2.6.0 computes it, with its defaults: in lower case, words between white
 * space. 100 times the fewest edits that turn the candidate into one of the references, by the mean length of the
 * references; lower is better, and above 100 is possible. An edit inserts, deletes or replaces a word, or shifts a
 * run of words; metric_ter_shifts.c says how shifts are searched for. The corpus' score is that of the sums. Long
 * captions take their time, so the job can end it: ERR_CANCELLED. */
struct ter_stats {
    size_t edits;
    double reference_length; /* words */
};

struct ter_scores {
    struct metric_scores scores;
    struct ter_stats *stats; // (count)
    char signature[128];     /* nrefs:5|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0 */
};

int ter_compute(struct ter_scores *out, const struct caption_pair *pairs, size_t count, const struct job *job,
    struct err *err);
void ter_scores_release(struct ter_scores *scores);

/* ROUGE-L (Lin 2004) = (1 + b^2) P R / (R + b^2 P), b = 1.2, where P and R are the longest common
 * subsequence as a share of the candidate's and of the reference's words, the best of all references each.
 * The corpus' score is the mean. Takes time in the product of two captions' lengths, a step for 64 words of
 * the candidate. */
int rouge_compute(
    struct metric_scores *out, const struct caption_pair *pairs, size_t count, int threads, struct err *err);

/* In how many of N images' references each n-gram is. Immutable, for any number of threads. */
struct document_frequency;

/* Of the pairs' references; candidates are not looked at. Errors are those of the metrics. */
int document_frequency_new(
    struct document_frequency **out, const struct caption_pair *pairs, size_t count, struct err *err);
void document_frequency_free(struct document_frequency *df);
size_t document_frequency_images(const struct document_frequency *df); /* N */

/* Writes df to path, in text that its reader takes back without loss: equal frequencies make equal files. The
 * new file takes the place of the old one when it is whole and on the disk; until then nothing changes.
 * ERR_IO, ERR_MEMORY. */
int document_frequency_save(const struct document_frequency *df, const char *path, struct err *err);

/* Reads (input_read) what document_frequency_save wrote, or a Python pickle: ruotianluo/cider's {'document_frequency':
 * {n-gram: count}, 'ref_len': N}, or vrama91/cider's {n-gram: count} (coco-val-df.p), which does not hold N;
 * it is 40504, as there. Each may be gzipped. Nothing in a pickle is ever called: one with more in it than
 * dictionaries of counts is ERR_UNSUPPORTED, with the byte and the name of what it would call. ERR_IO;
 * ERR_FORMAT; ERR_LIMIT for more than 2 GiB; ERR_MEMORY. */
int document_frequency_load(struct document_frequency **out, const char *path, struct err *err);

/* CIDEr-D (Vedantam et al. 2015), which coco-caption calls CIDEr: 10 times the mean over references and n of
 * the cosine of the captions' n-gram vectors, weighted tf * (log N - log max(1, df)), the candidate's weights
 * clipped to the reference's in the product, times exp(-d^2 / 72) for captions that differ by d in length.
 * Plain CIDEr does neither clip nor penalise. With N = 1 every weight and score is 0; candidates below 4
 * words cannot reach 10. The corpus' score is the mean. */
struct cider_options {
    bool plain;
    const struct document_frequency *df; /* NULL: of the references given */
    int threads;
};

int cider_compute(struct metric_scores *out, const struct caption_pair *pairs, size_t count,
    const struct cider_options *options, struct err *err);

/* METEOR 1.5 for English (Denkowski and Lavie 2014), as pycocoevalcap 1.2 runs it (-l en -norm), 0 to 1: the best alignment
 * of a candidate's words with a reference's, of words that are equal, have one stem, or are synonyms, and of phrases
 * that are paraphrases, which weigh w = 1, 0.6, 0.8 and 0.6. Words of content count 0.75, function words 0.25. With
 * their weighted share of the candidate P and of the reference R, and m matched words that lie in c chunks,
 *
 *     (1 - 0.6 (c / m)^0.2) P R / (0.85 P + 0.15 R)
 *
 * where c is 0 if captions match from end to end in one chunk. Of several references the one that scores best counts,
 * the first of equals; the corpus' score is that of the summed counts. Captions come in words (ptb_words), and are cut
 * again by METEOR's own rules.
 *
 * Stems are libstemmer's, synonyms WordNet 3.0's. Paraphrases are METEOR's own, which only its package has: without
 * them scores are somewhat lower, and not to be compared with those of papers. */
#define METEOR_WORDNET "/usr/share/wordnet"
enum { METEOR_MODULES = 4, METEOR_WORDS_MAX = 1000 };

struct meteor_options {  /* zeroed: without paraphrases */
    const char *wordnet; /* folder of index.noun and its kin; NULL: WNSEARCHDIR, or METEOR_WORDNET */
    const char *data;    /* folder that has paraphrase-en.gz, or data/paraphrase-en.gz; NULL: none */
};

struct meteor_side {
    size_t words, functions; /* functions: the function words among them */
    size_t content_matches[METEOR_MODULES], function_matches[METEOR_MODULES]; /* words by what matches them */
};

struct meteor_stats {
    struct meteor_side candidate, reference;
    size_t chunks;
};

struct meteor_scores {
    struct metric_scores scores;
    struct meteor_stats *stats; // (count)
    char *signature;            /* 1.5, WordNet 3.0 in /usr/share/wordnet, data/paraphrase-en.gz */
};

/* ERR_UNSUPPORTED where the build has no libstemmer, or WordNet is another version; ERR_IO and ERR_FORMAT of files;
 * ERR_LIMIT for a caption of more than METEOR_WORDS_MAX words; ERR_CANCELLED. */
int meteor_compute(struct meteor_scores *out, const struct caption_pair *pairs, size_t count,
    const struct meteor_options *options, const struct job *job, struct err *err);
void meteor_scores_release(struct meteor_scores *scores);

/* ---- all of them --------------------------------------------------------------------------------------- */

/* The metrics by the keys that coco-caption and its kin give them. The last two take pictures (joint). */
enum caption_metric {
    METRIC_BLEU_1,
    METRIC_BLEU_2,
    METRIC_BLEU_3,
    METRIC_BLEU_4,
    METRIC_ROUGE_L,
    METRIC_CIDER_D,
    METRIC_CIDER_PLAIN,
    METRIC_METEOR,
    METRIC_METEOR_NO_PARAPHRASES, /* what METRIC_METEOR is without METEOR's data */
    METRIC_SACREBLEU,
    METRIC_CHRF,
    METRIC_CHRF_WORDS,
    METRIC_TER,
    METRIC_CLIPSCORE,
    METRIC_REFCLIPSCORE,
    METRIC_COUNT,
};

extern const struct caption_metric_info {
    const char *key, *title; /* "Bleu_1" in files, "BLEU-1" for people */
    bool percent;            /* of sacreBLEU's kind, which go to 100 and not to 1 or 10 */
    bool on_request;         /* computed only where it is asked for by name */
} caption_metrics[METRIC_COUNT];

struct caption_score_options { /* zeroed: as coco-caption and sacreBLEU do */
    unsigned
        metrics; /* bits 1 << enum caption_metric; 0: all that are not on_request, and METEOR with data */
    bool without_context; /* captions cut into words one by one, not as one text: see ptb_words */
    const struct document_frequency *df; /* NULL: of the references given */
    struct meteor_options meteor;
    struct sacrebleu_options sacrebleu; /* its lowercase is chrF's too */
};

/* One system's captions in every metric: an array NULL is a metric not computed. */
struct caption_scores {
    size_t count, references; /* images, and captions they are held against */
    double corpus[METRIC_COUNT];
    double *images[METRIC_COUNT]; // (count) each
    struct bleu_scores bleu;
    struct meteor_scores meteor, meteor_no_paraphrases; /* their scores are in `corpus` and `images` */
    struct sacrebleu_scores sacrebleu;
    struct chrf_scores chrf, chrf_words; /* likewise */
    struct ter_scores ter;
};

/* Of captions as they were written, which are cut into words here. All metrics but those of pictures. Errors
 * are those of the metrics, and ERR_CANCELLED between two of them. */
int caption_scores_compute(struct caption_scores *out, const struct caption_pair *pairs, size_t count,
    const struct caption_score_options *options, const struct job *job, struct err *err);
void caption_scores_release(struct caption_scores *scores);

/* The signature of one of sacreBLEU's metrics that was computed, and what METEOR was computed with; NULL of others. */
const char *caption_signature(const struct caption_scores *scores, enum caption_metric metric);

/* What scores are as JSON: of the corpus {"Bleu_1": ..., ...} with BLEU's counts and the number of images and references;
 * of the images, named by ids (count), {ID: {"Bleu_1": ...}}; and what the numbers depend on: metrics, words, versions,
 * and where document frequencies come from (df NULL: the references). NULL when out of memory. 12 digits of numbers are
 * worth printing; caption_number_json is null for what is no number. */
struct json_t *caption_corpus_json(const struct caption_scores *scores);
struct json_t *caption_images_json(const struct caption_scores *scores, const char *const *ids);
struct json_t *caption_signature_json(
    const struct caption_scores *scores, const struct caption_score_options *options, const char *df);
struct json_t *caption_number_json(double value);
enum { CAPTION_SCORE_DIGITS = 12 };

/* The document frequencies of all references of a set, in the words that caption_scores_compute counts.
 * Errors are those of the metrics. */
int document_frequency_of(struct document_frequency **out, const struct caption_set *references,
    const struct caption_score_options *options, const struct job *job, struct err *err);

/* Adds a metric whose corpus score is a mean, and takes over its scores; none (count 0) adds nothing. */
void caption_scores_take(
    struct caption_scores *scores, enum caption_metric metric, struct metric_scores *taken);

/* How sure scores are, and a system's difference to the first, by bootstrap_compute over images: out (systems,
 * METRIC_COUNT) of scores (systems) of the same images; no difference, and p = 1, where a system lacks the metric.
 * Errors are bootstrap_compute's. */
int caption_bootstrap(struct bootstrap_score *out, const struct caption_scores *scores, size_t systems,
    size_t samples, uint64_t seed, const struct job *job, struct err *err);

#endif
