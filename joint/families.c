// SPDX-License-Identifier: Apache-2.0
/* Templates: CLIP's is that of OpenAI's paper, SigLIP's that of transformers' pipeline, with which it is documented,
 * Chinese CLIP's the first of its authors' evaluation ("a photo of {}."). */
#include "joint/joint.h"

const struct family family_clip = {"clip", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_metaclip_2 = {"metaclip 2", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_clipa = {"clipa", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_eva = {"eva", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_pe = {"pe", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_mobileclip = {"mobileclip", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_nllb = {"nllb-clip", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_roberta = {"clip with roberta", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_xlm_roberta = {"clip with xlm-roberta", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_altclip = {"altclip", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_chinese_clip = {"chinese clip", "{}的照片。", preprocess_default};
const struct family family_coca = {"coca", TEMPLATE_DEFAULT, preprocess_default};
const struct family family_siglip = {"siglip", "This is a photo of {}.", preprocess_siglip};
const struct family family_siglip2 = {"siglip2", "This is a photo of {}.", preprocess_siglip2};
