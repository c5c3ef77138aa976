// SPDX-License-Identifier: Apache-2.0
/* How a device computes: in which precision, and by which provider of products. */
#include "compute/gemm/gemm.h"

#include <string.h>

const struct layer_provider *const layer_providers[] = {&provider_amx, &provider_amx_int8, &provider_avx512,
    &provider_avx512_floats, &provider_avx2, &provider_onednn, &provider_clblast, NULL};

/* By name, and the type that activations have in each. What the operands of products become inside a provider
 * is its own affair. */
static const struct {
    const char *name;
    enum dtype activations;
} precisions[PRECISION_COUNT] = {
    [PRECISION_F32] = {"f32", DTYPE_F32},
    [PRECISION_BF16] = {"bf16", DTYPE_BF16},
    [PRECISION_F16] = {"f16", DTYPE_F16},
    [PRECISION_INT8] = {"int8", DTYPE_BF16},
};

const char *precision_name(enum precision precision)
{
    return precisions[precision].name;
}

enum dtype precision_activations(enum precision precision)
{
    return precisions[precision].activations;
}

static bool is_auto(const char *wanted)
{
    return !wanted || !strcmp(wanted, "auto");
}

static int precision_parse(enum precision *out, const char *wanted, struct err *err)
{
    for (int i = 0; i < PRECISION_COUNT; i++)
        if (!strcmp(wanted, precisions[i].name)) {
            *out = (enum precision)i;
            return 0;
        }
    return err_set(err, ERR_ARGUMENT, "unknown precision '%s': use auto, f32, bf16, f16 or int8", wanted);
}

int arithmetic_choose(const struct layer_provider **out, enum precision *precision, cl_device_id id,
    const char *wanted_gemm, const char *wanted, struct err *err)
{
    const char *const gemm = wanted_gemm ? wanted_gemm : "auto";
    enum precision asked = PRECISION_F32;
    bool known = false;
    int rc = is_auto(wanted) ? 0 : precision_parse(&asked, wanted, err);
    if (rc)
        return rc;
    for (size_t i = 0; layer_providers[i]; i++) {
        const struct layer_provider *provider = layer_providers[i];
        if (!is_auto(gemm) && strcmp(gemm, provider->name))
            continue;
        known = true;
        *precision = is_auto(wanted) ? provider->best() : asked;
        if (provider->serves(id, *precision)) {
            *out = provider;
            return 0;
        }
    }
    return known ? err_set(err, ERR_ARGUMENT, "the GEMM provider '%s' does not run on this device in %s",
                       gemm, precision_name(*precision))
                 : err_set(err, ERR_ARGUMENT,
                       "unknown GEMM provider '%s': use auto, amx, avx512, avx2, clblast or onednn", gemm);
}

enum precision precision_plain(enum precision precision)
{
    return precision == PRECISION_INT8 ? PRECISION_BF16 : precision;
}

int plain_choose(struct device *device, struct err *err)
{
    enum precision precision = precision_plain(device->precision);
    const char *gemm = device->provider->serves(device->id, precision) ? device->provider->name : NULL;
    return arithmetic_choose(&device->plain, &precision, device->id, gemm, precisions[precision].name, err);
}
