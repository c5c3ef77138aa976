// SPDX-License-Identifier: Apache-2.0
/* The options of `diptych train`. */
#include "cli/command.h"
#include "cli/data_set.h"
#include "cli/train.h"

#include <string.h>

enum { BATCH_MAX = 1 << 20 };
enum {
    KEY_SPLIT = 0x100,
    KEY_EPOCHS,
    KEY_STEPS,
    KEY_CHUNK,
    KEY_RECOMPUTE,
    KEY_RATE,
    KEY_WARMUP,
    KEY_DECAY,
    KEY_BETA1,
    KEY_BETA2,
    KEY_EPS,
    KEY_CLIP,
    KEY_SEED,
    KEY_PART,
    KEY_FRESH,
    KEY_DRAW,
    KEY_EACH,
    KEY_OPEN,
    KEY_RANK,
    KEY_ALPHA,
    KEY_STABILIZED,
    KEY_DROPOUT,
    KEY_TARGETS,
    KEY_ADAPTER,
    KEY_SMOOTHING,
    KEY_AVERAGE,
    KEY_BLEND,
    KEY_CHECKPOINT,
    KEY_RESUME,
    KEY_DTYPE,
    KEY_LOG,
    KEY_HTML,
    KEY_DRY_RUN,
    KEY_VALIDATION,
    KEY_VALIDATION_IMAGES,
    KEY_HOLD_OUT,
    KEY_VALIDATE,
    KEY_PATIENCE,
    KEY_FORGETTING
};

static const struct argp_option options[] = {
    {"output", 'o', "OUT", 0, "Write the trained model to the folder OUT", 0},
    {"captions", 'c', "FILE", 0,
        "What people said of the pictures below --images, any number of captions a picture", 1},
    {"split", KEY_SPLIT, "NAME", 0, "The split to take of a file of Karpathy's (default: train)", 1},
    {NULL, 0, NULL, 0, "Learning:", 2},
    {"epochs", KEY_EPOCHS, "N", 0, "Take each picture N times (default: 5)", 2},
    {"steps", KEY_STEPS, "N", 0, "End after N steps, in the place of --epochs", 2},
    {"batch", 'b', "N", 0, "Compare N pictures and their captions in a step (default: 64)", 2},
    {"chunk", KEY_CHUNK, "N", 0,
        "Have N pictures of a batch in memory at a time, and compute it twice; what is learned stays the "
        "same (default: all)",
        2},
    {"recompute", KEY_RECOMPUTE, NULL, 0, "Keep less in memory, and compute a seventh more", 2},
    {"rate", KEY_RATE, "X", 0, "Learning rate, at its highest (default: 0.00001)", 2},
    {"warmup", KEY_WARMUP, "N", 0, "Steps until it is reached (default: a tenth of all)", 2},
    {"decay", KEY_DECAY, "X", 0, "Weight decay of matrices (default: 0.2)", 2},
    {"beta1", KEY_BETA1, "X", 0, "AdamW's (default: 0.9)", 2},
    {"beta2", KEY_BETA2, "X", 0, "AdamW's (default: 0.98)", 2},
    {"eps", KEY_EPS, "X", 0, "AdamW's (default: 0.000001)", 2},
    {"clip", KEY_CLIP, "X", 0, "Shorten gradients to this length; 0: never (default: 1)", 2},
    {"part", KEY_PART, "all|text|vision|projections|lora", 0,
        "What is trained: all, one tower while the other is locked, the last matrix of both, or an adapter "
        "by LoRA (default: all)",
        2},
    {"fresh", KEY_FRESH, NULL, 0,
        "Begin with weights drawn by the seed; the model is there for its sizes and its tokenizer, and needs "
        "no weights of its own",
        2},
    {"draw", KEY_DRAW, "picture|batch", 0,
        "Of several captions draw one for each picture, or the same of all that are in a batch, by their "
        "order, where those in one place are of one kind (default: picture)",
        2},
    {"each", KEY_EACH, "N", 0,
        "Take N of each picture's captions in a step, and compare the first of all pictures, the second and "
        "so on; the loss is their mean (default: 1)",
        2},
    {"open", KEY_OPEN, "KIND,KIND...", 0,
        "Kinds of facts of which any two may go together: what no picture shows together is not held against "
        "a caption",
        2},
    {"smoothing", KEY_SMOOTHING, "X", 0, "The part of a target that all of a batch share (default: 0)", 2},
    {"average", KEY_AVERAGE, "X", 0,
        "Write running means of the weights that decay by X in a step, 0.999 or so (default: the weights "
        "themselves)",
        2},
    {"blend", KEY_BLEND, "X", 0,
        "Write X times what was trained and 1 - X times where it began, as WiSE-FT does (default: 1)", 2},
    {"rank", KEY_RANK, "N", 0, "Rank of LoRA (default: 16)", 2},
    {"lora-alpha", KEY_ALPHA, "X", 0, "LoRA's change times X / rank (default: 32)", 2},
    {"stabilized", KEY_STABILIZED, NULL, 0, "Or times X / sqrt(rank), as rsLoRA has it", 2},
    {"dropout", KEY_DROPOUT, "X", 0, "The part of LoRA's inputs that drops out (default: 0)", 2},
    {"targets", KEY_TARGETS, "LIST", 0,
        "Which matrices LoRA changes, of q_proj, k_proj, v_proj, out_proj, fc1 and fc2 (default: all)", 2},
    {"adapter", KEY_ADAPTER, "DIR", 0,
        "Train the adapter in DIR on, as peft or train has written it; rank, alpha and targets are its own",
        2},
    {"seed", KEY_SEED, "N", 0, "Seed of all that is drawn (default: 0)", 2},
    {NULL, 0, NULL, 0, "Validation:", 4},
    {"validation", KEY_VALIDATION, "PATH", 0,
        "Measure the model with these: with --captions a file of the same kind, of Karpathy's the split val, "
        "else a folder, a CSV or an archive. OUT is then the best of all validations",
        4},
    {"validation-images", KEY_VALIDATION_IMAGES, "DIR", 0,
        "Its pictures are below DIR (default: those of --images)", 4},
    {"hold-out", KEY_HOLD_OUT, "SHARE", 0,
        "Measure it with this share of all pictures, and learn from the others", 4},
    {"validate", KEY_VALIDATE, "N", 0, "Measure it after every N steps (default: those of an epoch)", 4},
    {"patience", KEY_PATIENCE, "N", 0, "End after N validations in a row that were not the best", 4},
    {"forgetting", KEY_FORGETTING, "PATH", 0,
        "Ask the model about these, too, before and after: class folders, a CSV or an archive of what it is "
        "not to forget. It is what 'diptych evaluate classify PATH' says of it and of OUT",
        4},
    {NULL, 0, NULL, 0, "Running:", 5},
    {"checkpoint", KEY_CHECKPOINT, "TIME", 0, "Keep a checkpoint as often, 90s, 5m or 2h (default: 10m)", 5},
    {"resume", KEY_RESUME, NULL, 0, "Go on after the last checkpoint, if there is one", 5},
    {"log", KEY_LOG, "FILE", 0, "Add a line of JSON for every step to FILE", 5},
    {"html", KEY_HTML, "FILE", 0,
        "Write a page with the curves of loss, accuracy and gradients, anew while it goes on", 5},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "Only say what would be trained, in how much memory and time", 5},
    {"dtype", KEY_DTYPE, "f32|bf16|f16", 0,
        "Type of the weights of OUT (default: that of the model's, where all are of one of these; else f32, "
        "as of adapters, and with --fresh in Hugging Face's layout)",
        GROUP_OUTPUT},
    {"format", 'f', "table|json", 0, "How to print --dry-run (default: table)", GROUP_OUTPUT},
    {0},
};

static void check_source(struct argp_state *state, const struct train_request *t)
{
    if (t->source.captions && t->source.path_count)
        argp_error(state, "'%s' is one thing to learn from, and --captions another", t->source.paths[0]);
    if (!t->source.captions && !t->source.path_count)
        argp_error(state, "nothing to learn from: say --captions FILE and --images DIR, or name a folder of "
                          "class folders, a CSV or archives");
    if (t->source.captions && !t->source.labelled.folder)
        argp_error(state, "no pictures: say --images DIR");
    if (!t->source.captions && t->source.split)
        argp_error(state, "--split is of a file of --captions");
    if (t->source.captions && (t->labels.labels || t->labels.templates || t->source.labelled.classes))
        argp_error(state, "--labels, --templates and --classes are of pictures by class, not of captions");
    if (t->source.captions && t->exclude.said && !t->forgetting)
        argp_error(state, "--exclude and --no-default-excludes are of folders and archives, not of captions");
}

static void check_validation(struct argp_state *state, const struct train_request *t)
{
    const char *classes = t->source.labelled.classes;
    if (t->validation && t->hold_out > 0)
        argp_error(state, "--validation has its own pictures, and --hold-out takes some: say one of them");
    if (t->validation_images && !t->validation)
        argp_error(state, "--validation-images is where the pictures of --validation are");
    if ((t->options.validate || t->options.patience) && !t->validation && t->hold_out <= 0)
        argp_error(state, "there is nothing to validate with: say --validation PATH or --hold-out SHARE");
    if (t->validation && classes && input_is_pipe(classes))
        argp_error(state, "--classes is of the pictures of --validation, too, and %s can be read only once",
            input_name(classes));
}

static void check_part(struct argp_state *state, const struct train_request *t)
{
    const bool lora = t->options.what == TRAINED_LORA;
    if (t->lora_option && !lora)
        argp_error(state, "--%s is of --part lora", t->lora_option);
    if (t->options.lora.dropout > 0 && !lora)
        argp_error(state, "--dropout is of --part lora");
    if (t->options.adapter && !lora)
        argp_error(state, "--adapter is of --part lora");
    if (t->options.adapter && t->lora_option)
        argp_error(state, "--%s is what the adapter of --adapter says: leave it out", t->lora_option);
}

static void check(struct argp_state *state, const struct train_request *t)
{
    const char *precision = t->session.model_options.device.precision;
    check_source(state, t);
    check_validation(state, t);
    check_part(state, t);
    if (t->options.fresh && t->forgetting)
        argp_error(state, "--fresh begins with nothing that --forgetting could ask about");
    if (precision && !strcmp(precision, "int8"))
        argp_error(state, "--precision int8 is of models that are used: none is trained in it");
    if (!t->options.out && !t->dry_run)
        argp_error(state, "no folder for the trained model: say -o OUT, or --dry-run");
}

/* "q_proj,v_proj" to bits. */
static unsigned parse_targets(struct argp_state *state, const char *list)
{
    unsigned targets = 0;
    for (const char *at = list; *at; at += *at == ',') {
        const struct span name = {at, strcspn(at, ",")};
        unsigned i = 0;
        while (i < LORA_TARGETS && !span_equal(name, span_of(lora_target_names[i])))
            i++;
        if (i == LORA_TARGETS)
            argp_error(state, "--targets: '%.*s' is none of q_proj, k_proj, v_proj, out_proj, fc1 and fc2",
                (int)name.length, name.data);
        targets |= 1u << i;
        at += name.length;
    }
    return targets;
}

/* What an adapter is; one that there is says it itself. */
static error_t parse_lora(int key, char *argument, struct argp_state *state)
{
    struct train_request *t = state->input;
    struct lora_options *lora = &t->options.lora;
    switch (key) {
    case KEY_RANK:
        lora->rank = option_number(state, t->lora_option = "rank", argument, 1, 1024);
        return 0;
    case KEY_ALPHA:
        lora->alpha = option_real(state, t->lora_option = "lora-alpha", argument, 1e-6, 1e6);
        return 0;
    case KEY_STABILIZED:
        lora->rank_stabilized = true;
        t->lora_option = "stabilized";
        return 0;
    case KEY_TARGETS:
        lora->targets = parse_targets(state, argument);
        t->lora_option = "targets";
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void parse_open(struct argp_state *state, const char *list)
{
    struct strings *kinds = &((struct train_request *)state->input)->open_kinds;
    struct err err;
    for (const char *at = list; *at; at += *at == ',') {
        const size_t length = strcspn(at, ",");
        if (length && strings_add(kinds, at, length, &err))
            argp_failure(state, STATUS_CANNOT, 0, "%s", err.msg);
        at += length;
    }
}

static error_t parse_part(int key, char *argument, struct argp_state *state)
{
    struct training_options *learning = &((struct train_request *)state->input)->options;
    switch (key) {
    case KEY_PART:
        learning->what = (enum trained_what)option_choice(state, "part", argument);
        return 0;
    case KEY_FRESH:
        learning->fresh = true;
        return 0;
    case KEY_DRAW:
        learning->draws_alike = option_choice(state, "draw", argument);
        return 0;
    case KEY_EACH:
        learning->each = option_number(state, "each", argument, 1, TEXTS_EACH_MOST);
        return 0;
    case KEY_OPEN:
        parse_open(state, argument);
        return 0;
    case KEY_SMOOTHING:
        learning->smoothing = option_real(state, "smoothing", argument, 0, 1);
        return 0;
    case KEY_AVERAGE:
        learning->average = option_real(state, "average", argument, 0, 0.999999);
        return 0;
    case KEY_BLEND:
        learning->blend = option_real(state, "blend", argument, 0, 1);
        return 0;
    case KEY_ADAPTER:
        learning->adapter = option_input(state, argument);
        return 0;
    case KEY_DROPOUT:
        learning->lora.dropout = option_real(state, "dropout", argument, 0, 0.99);
        return 0;
    default:
        return parse_lora(key, argument, state);
    }
}

static error_t parse_learning(int key, char *argument, struct argp_state *state)
{
    struct training_options *learning = &((struct train_request *)state->input)->options;
    switch (key) {
    case KEY_EPOCHS:
        learning->epochs = option_number(state, "epochs", argument, 1, 1 << 20);
        return 0;
    case KEY_STEPS:
        learning->steps = option_number(state, "steps", argument, 1, UINT32_MAX);
        return 0;
    case 'b':
        learning->loader.batch = option_number(state, "batch", argument, 2, BATCH_MAX);
        return 0;
    case KEY_CHUNK:
        learning->chunk = option_number(state, "chunk", argument, 1, BATCH_MAX);
        return 0;
    case KEY_RECOMPUTE:
        learning->recomputes = true;
        return 0;
    case KEY_RATE:
        learning->rate = option_real(state, "rate", argument, 0, 1);
        return 0;
    case KEY_WARMUP:
        learning->warmup = option_number(state, "warmup", argument, 0, UINT32_MAX);
        return 0;
    case KEY_DECAY:
        learning->decay = option_real(state, "decay", argument, 0, 100);
        return 0;
    case KEY_BETA1:
        learning->beta_1 = option_real(state, "beta1", argument, 0, 0.999999);
        return 0;
    case KEY_BETA2:
        learning->beta_2 = option_real(state, "beta2", argument, 0, 0.999999);
        return 0;
    case KEY_EPS:
        learning->eps = option_real(state, "eps", argument, 1e-12, 1);
        return 0;
    case KEY_CLIP:
        learning->clip = option_real(state, "clip", argument, 0, 1e6);
        return 0;
    case KEY_SEED:
        learning->seed = option_number(state, "seed", argument, 0, INT64_MAX);
        learning->lora.seed = learning->seed;
        return 0;
    default:
        return parse_part(key, argument, state);
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct train_request *t = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &t->labels;
        state->child_inputs[1] = &t->source.labelled;
        state->child_inputs[2] = &t->exclude;
        state->child_inputs[3] = &t->session;
        state->child_inputs[4] = &t->session.quiet;
        state->child_inputs[5] = &t->options.augmentation;
        return 0;
    case 'o':
        t->options.out = argument;
        return 0;
    case 'c':
        t->source.captions = option_input(state, argument);
        return 0;
    case KEY_SPLIT:
        t->source.split = argument;
        return 0;
    case KEY_CHECKPOINT:
        t->options.keep_seconds = option_seconds(state, "checkpoint", argument);
        return 0;
    case KEY_RESUME:
        t->options.resume = true;
        return 0;
    case KEY_LOG:
        t->log = argument;
        return 0;
    case KEY_HTML:
        t->page = option_page(state, argument);
        return 0;
    case KEY_VALIDATION:
        t->validation = option_input(state, argument);
        return 0;
    case KEY_VALIDATION_IMAGES:
        t->validation_images = argument;
        return 0;
    case KEY_HOLD_OUT:
        t->hold_out = option_real(state, "hold-out", argument, 1e-9, 0.9);
        return 0;
    case KEY_FORGETTING:
        t->forgetting = option_input(state, argument);
        return 0;
    case KEY_VALIDATE:
        t->options.validate = option_number(state, "validate", argument, 1, UINT32_MAX);
        return 0;
    case KEY_PATIENCE:
        t->options.patience = option_number(state, "patience", argument, 1, UINT32_MAX);
        return 0;
    case KEY_DRY_RUN:
        t->dry_run = true;
        return 0;
    case KEY_DTYPE:
        t->dtype = (enum dtype)option_choice(state, "dtype", argument);
        t->options.dtype = &t->dtype;
        return 0;
    case 'f':
        t->format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARGS:
        t->source.paths = (const char *const *)state->argv + state->next;
        t->source.path_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        check(state, t);
        return 0;
    default:
        return parse_learning(key, argument, state);
    }
}

static const struct argp_child children[] = {{&label_argp, 0, NULL, 0}, {&data_set_argp, 0, NULL, 0},
    {&exclude_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1},
    {&augment_argp, 0, NULL, 0}, {0}};

const struct argp train_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "--captions FILE --images DIR -o OUT\nDIR|CSV|TAR... -o OUT",
    .doc =
        "Train both towers of a model on pictures and what is said of them, as CLIP and SigLIP were: in each "
        "step every picture is to find its caption in the batch, and every caption its picture. What is said "
        "of pictures tell\n\n"
        "  --captions  the files that 'diptych evaluate retrieval' takes\n"
        "  TAR  WebDataset's archives of pictures, each with a .txt beside it that has one caption a line\n"
        "  DIR  a folder for each class, whose name put into --templates is the caption; or archives\n"
        "  CSV  path,label a line; the label is put into --templates, too\n\n"
        "  diptych train --captions dataset_flickr30k.json --images flickr30k-images \\\n"
        "      -o flickr-model\n"
        "  diptych train shards/{00..20}.tar --batch 1024 --chunk 64 -o shards-model\n"
        "  diptych train flowers/ --templates simple --epochs 10 -o flowers-model\n"
        "  diptych classify garden/ --model flowers-model --labels rose,tulip\v"
        "Of several captions of a picture each epoch draws one. Augmentation as strong as some of "
        "open_clip's recipes have it is --crop-scale 0.4,1 --jitter 0.32,0.32,0.32,0.08 --grey 0.2. "
        "Archives of pictures with .cls are trained on with --labels, --templates or --classes. AdamW takes "
        "the steps, as open_clip has it: matrices decay and vectors do not, the rate rises in a line and "
        "falls as a cosine, and the scale of logits stays between 1 and 100, of a SigLIP between 1 and where "
        "it began above that. The loss is that of the model: CLIP's or SigLIP's.\n\n"
        "OUT appears whole at the end, and must not be there before. Until then OUT.part has a checkpoint, "
        "and the same command with --resume goes on from there after any end, to the same weights bit for "
        "bit on the same device and number of threads. The model runs in f32 unless --precision says "
        "otherwise; bf16 multiplies in 16 bits, and sums and keeps weights in 32.\n\n"
        "A picture that cannot be read is reported once, and left out of its batches.\n\n"
        "Exit status: 0 trained, 1 without some pictures that failed, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};
