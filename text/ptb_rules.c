// SPDX-License-Identifier: Apache-2.0
/* Which rule wins. */
#include "text/ptb.h"

/* In this order: the first of those that see as much wins. */
static ptb_rule *const rules[] = {ptb_special, ptb_tag, ptb_contracted, ptb_negated, ptb_word,
    ptb_apostrophe_word, ptb_y, ptb_url, ptb_site, ptb_mail, ptb_handle, ptb_hashtag, ptb_contraction,
    ptb_negation, ptb_number, ptb_power, ptb_fraction, ptb_abbreviation, ptb_acronym, ptb_file, ptb_stop,
    ptb_phone, ptb_opening, ptb_smiley, ptb_face, ptb_year, ptb_literal, ptb_entity, ptb_dollar, ptb_dots,
    ptb_quotes, ptb_run, ptb_slashes, ptb_thing, ptb_capitals, ptb_hyphenated, ptb_contraction_only};

size_t ptb_token(struct span text)
{
    struct ptb_match best = {ptb_width(text), 0};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; ++i) {
        const struct ptb_match match = rules[i](text);
        if (match.length && match.extent > best.extent)
            best = match;
    }
    return best.length;
}
