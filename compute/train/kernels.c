// SPDX-License-Identifier: Apache-2.0
#include "compute/train/kernels.h"

#include "train_kernels.h" /* made by CMake */

#define SOURCE(name)                                                                                         \
    const struct kernel_source name##_source = {"compute/kernels/" #name ".cl", train_kernels_##name##_cl}

SOURCE(norm_backward);
SOURCE(activation_backward);
SOURCE(attention_backward);
SOURCE(tokens_backward);
SOURCE(loss);
SOURCE(adamw);
SOURCE(lora);
SOURCE(pool_backward);
