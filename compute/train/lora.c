// SPDX-License-Identifier: Apache-2.0
/* LoRA: which factors there are, and what they begin with. Their products stand in lora_products.c. */
#include "compute/train/lora.h"
#include "compute/train/parameters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(struct block_tensors, name)
#define LEARNED(name) TRAINED(struct block_tensors, name)

const char *const lora_target_names[LORA_TARGETS] = {[LORA_QUERY] = "q_proj",
    [LORA_KEY] = "k_proj",
    [LORA_VALUE] = "v_proj",
    [LORA_OUT] = "out_proj",
    [LORA_FC_1] = "fc1",
    [LORA_FC_2] = "fc2"};

/* The linear layers of a block, and which targets are parts of which. */
static const struct lora_place {
    size_t field;
    enum lora_target first;
    unsigned of;
} places[] = {
    {FIELD(qkv.lora), LORA_QUERY, 3},
    {FIELD(out.lora), LORA_OUT, 1},
    {FIELD(fc_1.lora), LORA_FC_1, 1},
    {FIELD(fc_2.lora), LORA_FC_2, 1},
};

enum { PLACES = sizeof places / sizeof *places };

/* Of all targets; those of queries, keys and values get the names of what changes. */
static const struct param all_rows[LORA_ROWS] = {
    {PARAM_LORA_A, 0, "self_attn.{%s}.lora_A.weight", {DIM_QKV_RANKS, DIM_WIDTH}, WITH_LORA_QKV,
        LEARNED(qkv.lora.a)},
    {PARAM_LORA_B, 0, "self_attn.{%s}.lora_B.weight", {DIM_QKV_CHANGED, DIM_RANK}, WITH_LORA_QKV,
        LEARNED(qkv.lora.b)},
    {PARAM_LORA_A, 0, "self_attn.out_proj.lora_A.weight", {DIM_RANK, DIM_WIDTH}, WITH_LORA_OUT,
        LEARNED(out.lora.a)},
    {PARAM_LORA_B, 0, "self_attn.out_proj.lora_B.weight", {DIM_WIDTH, DIM_RANK}, WITH_LORA_OUT,
        LEARNED(out.lora.b)},
    {PARAM_LORA_A, 0, "mlp.fc1.lora_A.weight", {DIM_RANK, DIM_WIDTH}, WITH_LORA_FC_1, LEARNED(fc_1.lora.a)},
    {PARAM_LORA_B, 0, "mlp.fc1.lora_B.weight", {DIM_MLP, DIM_RANK}, WITH_LORA_FC_1, LEARNED(fc_1.lora.b)},
    {PARAM_LORA_A, 0, "mlp.fc2.lora_A.weight", {DIM_RANK, DIM_MLP}, WITH_LORA_FC_2, LEARNED(fc_2.lora.a)},
    {PARAM_LORA_B, 0, "mlp.fc2.lora_B.weight", {DIM_WIDTH, DIM_RANK}, WITH_LORA_FC_2, LEARNED(fc_2.lora.b)},
};

/* ---- options ------------------------------------------------------------------------------------------- */

static int check(const struct lora_options *options, struct err *err)
{
    enum { RANK_MAX = 1 << 12 };
    if (!options->rank || options->rank > RANK_MAX)
        return err_set(err, ERR_ARGUMENT, "a rank of %zu is not from 1 to %d", options->rank, RANK_MAX);
    if (!isfinite(options->alpha) || options->alpha <= 0)
        return err_set(err, ERR_ARGUMENT, "an alpha of %g is not above 0", options->alpha);
    if (!(options->dropout >= 0 && options->dropout < 1))
        return err_set(err, ERR_ARGUMENT, "a dropout of %g is not from 0 to below 1", options->dropout);
    if (!options->targets || options->targets >> LORA_TARGETS)
        return err_set(err, ERR_ARGUMENT, "no matrices that change");
    return 0;
}

/* "self_attn.{q_proj,v_proj}.lora_A.weight" */
static void name_qkv(char *out, size_t size, const char *form, unsigned targets)
{
    char names[64] = "";
    for (unsigned i = LORA_QUERY; i <= LORA_VALUE; i++)
        if (targets >> i & 1) {
            if (*names)
                strcat(names, ",");
            strcat(names, lora_target_names[i]);
        }
    const char *mark = strstr(form, "%s");
    snprintf(out, size, "%.*s%s%s", (int)(mark - form), form, names, mark + strlen("%s"));
}

int lora_new(struct lora **out, const struct lora_options *options, struct err *err)
{
    const int rc = check(options, err);
    if (rc)
        return rc;
    struct lora *lora = mem_new(1, sizeof *lora);
    if (!lora)
        return err_memory(err, sizeof *lora);
    const double rank = (double)options->rank;
    lora->options = *options;
    lora->scale = (float)(options->alpha / (options->rank_stabilized ? sqrt(rank) : rank));
    memcpy(lora->rows, all_rows, sizeof all_rows);
    for (size_t i = 0; i < 2; i++) {
        name_qkv(lora->names[i], sizeof lora->names[i], all_rows[i].name, options->targets);
        lora->rows[i].name = lora->names[i];
    }
    *out = lora;
    return 0;
}

void lora_free(struct lora *lora)
{
    free(lora);
}

const struct lora_options *lora_options_of(const struct lora *lora)
{
    return &lora->options;
}

void lora_draw(struct lora *lora, uint64_t batch, size_t first, size_t count)
{
    lora->drops = batch && lora->options.dropout > 0;
    lora->batch = batch;
    lora->first = first;
    lora->count = count;
}

/* ---- parameters ---------------------------------------------------------------------------------------- */

static unsigned bits_of(unsigned targets, const struct lora_place *place)
{
    return targets >> place->first & ((1u << place->of) - 1);
}

int lora_parameters(const struct lora *lora, const char *prefix, size_t layer, const size_t dims[DIM_COUNT],
    struct parameters *parameters, struct block_tensors *values, struct block_tensors *gradients,
    struct err *err)
{
    const unsigned targets = lora->options.targets;
    const size_t rank = lora->options.rank;
    size_t own[DIM_COUNT], changed = 0;
    for (unsigned i = LORA_QUERY; i <= LORA_VALUE; i++)
        changed += targets >> i & 1;
    memcpy(own, dims, sizeof own);
    own[DIM_RANK] = rank;
    own[DIM_QKV_RANKS] = changed * rank;
    own[DIM_QKV_CHANGED] = changed * dims[DIM_WIDTH];
    own[WITH_LORA_QKV] = changed > 0;
    own[WITH_LORA_OUT] = targets >> LORA_OUT & 1;
    own[WITH_LORA_FC_1] = targets >> LORA_FC_1 & 1;
    own[WITH_LORA_FC_2] = targets >> LORA_FC_2 & 1;
    for (unsigned i = 0; i < PLACES; i++) {
        struct lora_tensors *tensors = (struct lora_tensors *)((char *)values + places[i].field);
        *tensors = (struct lora_tensors){.lora = lora,
            .parts = bits_of(targets, &places[i]),
            .of = places[i].of,
            .number = (unsigned)parameters->layers++};
    }
    parameters->seed = lora->options.seed;
    return parameters_add(
        parameters, lora->rows, LORA_ROWS, prefix, layer, own, values, gradients, TRAIN_FROM_FIRST, err);
}

/* torch's kaiming_uniform_ with a = sqrt(5) is uniform from -1 to 1 / sqrt(K). */
void lora_start(float *values, enum param_kind kind, struct shape shape, uint64_t seed)
{
    const size_t count = shape_count(shape);
    const double bound = kind == PARAM_LORA_A ? 1 / sqrt((double)shape.size[shape.rank - 1]) : 0;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(bound * ((double)(random_at(seed, i) >> 11) * 0x1p-52 - 1));
}
