// SPDX-License-Identifier: Apache-2.0
/* Inside compute/train: its kernels, which are programs of their own, so that a device that only runs models does not compile
 * them. */
#ifndef DIPTYCH_COMPUTE_TRAIN_KERNELS_H
#define DIPTYCH_COMPUTE_TRAIN_KERNELS_H

#include "compute/compute.h"

extern const struct kernel_source norm_backward_source, activation_backward_source, attention_backward_source,
    tokens_backward_source, loss_source, adamw_source, lora_source, pool_backward_source;

#endif
