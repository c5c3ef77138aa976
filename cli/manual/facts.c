// SPDX-License-Identifier: Apache-2.0
/* The environment and files that commands look at, by the options and arguments that have to do with them. */
#include "cli/manual/manual.h"
#include "cli/session.h"

#include <string.h>

const struct fact environment_facts[] = {
    {"DIPTYCH_MODEL", "The model where neither --model nor the index names one.", {&model_argp}, NULL},
    {"DIPTYCH_DEVICE", "The OpenCL device where --device names none.", {&device_argp}, NULL},
    {"DIPTYCH_KERNEL_CACHE", "The folder that compiled kernels are kept in, or off.", {&device_argp}, NULL},
    {"POCL_CACHE_DIR",
        "PoCL's own folder of compiled kernels, on CPUs. Where it is not set and not written to yet, it is "
        "one below "
        "XDG_CACHE_HOME.",
        {&device_argp}, NULL},
    {"DIPTYCH_DECODER", "The program diptych-decode, where it is not beside this one.", {&session_argp},
        NULL},
    {"HF_HUB_CACHE, HF_HOME", "Where the cache of models is, as for huggingface_hub.",
        {&model_argp, &pull_argp, &models_argp}, NULL},
    {"HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE, https_proxy",
        "How the hub is asked, as for huggingface_hub: a token for models that need one, the hub, 1 for not "
        "at all, a proxy.",
        {&pull_argp}, NULL},
    {"DIPTYCH_CONFIG", "The file of options where --config names none.", {&serve_argp}, NULL},
    {"DIPTYCH_TOKEN, DIPTYCH_WRITE_TOKEN", "The tokens where no file of them is named.", {&serve_argp}, NULL},
    {"WNSEARCHDIR", "Where METEOR finds WordNet 3.0.", {&score_argp}, NULL},
    {"XDG_DATA_HOME", "Where the default index is: see FILES.", {&serve_argp}, "INDEX"},
    {"XDG_CACHE_HOME", "Where kernels are kept: see FILES.", {&device_argp}, NULL},
    {"NO_COLOR", "No colour in tables, whatever its value.", {&common_argp}, NULL},
    {0},
};

const struct fact file_facts[] = {
    {DIPTYCH_MODEL_FOLDER, "The model that comes with diptych, --model default.", {&model_argp}, NULL},
    {"~/.cache/huggingface/hub", "The models that diptych pull has downloaded, and huggingface_hub.",
        {&model_argp, &pull_argp, &models_argp}, NULL},
    {"~/.cache/diptych", "Compiled kernels.", {&device_argp}, NULL},
    {"~/.local/share/diptych/default.dip", "The default index, which index build makes.", {&serve_argp},
        "INDEX"},
    {"NAME.dip/catalog.sqlite", "What an index knows of its pictures and texts; any SQLite tool reads it.",
        {NULL}, "INDEX"},
    {"NAME.dip/vectors.f16", "The vectors, one behind the other; .f32 or .i8 as --storage said.", {NULL},
        "INDEX"},
    {0},
};

static bool is_among(const struct argp *argp, const struct argp *root)
{
    if (argp == root)
        return true;
    for (const struct argp_child *child = root->children; child && child->argp; child++)
        if (is_among(argp, child->argp))
            return true;
    return false;
}

bool fact_is_of(const struct fact *fact, const struct argp *argp)
{
    for (size_t i = 0; i < sizeof fact->of / sizeof *fact->of && fact->of[i]; i++)
        if (is_among(fact->of[i], argp))
            return true;
    return fact->argument && argp->args_doc && strstr(argp->args_doc, fact->argument);
}
