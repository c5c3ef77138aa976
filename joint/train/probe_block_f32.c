// SPDX-License-Identifier: Apache-2.0
#define REAL float
#define REAL_EXP expf
#define BLOCK loss_block_f32
#include "joint/train/probe_block.h"
