// SPDX-License-Identifier: Apache-2.0
// The parts of stb that the renderer uses; their code is compiled once, in stb.c. No SIMD: the same bytes on
// every machine.
#ifndef SCENES_STB_H
#define SCENES_STB_H

#define STBI_NO_SIMD
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#include <stb/stb_truetype.h>

#endif
