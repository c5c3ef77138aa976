// SPDX-License-Identifier: Apache-2.0
#define REAL double
#define REAL_EXP exp
#define BLOCK loss_block_f64
#include "joint/train/probe_block.h"
