// SPDX-License-Identifier: Apache-2.0
/* Rules for what comes from the web: addresses, mail, file names, markup. */
#include "text/ptb.h"

#include <string.h>

/* Everything up to a gap, without the punctuation that ends the sentence around it. */
static size_t address(struct span text)
{
    size_t length = 0, width;
    for (enum ptb_class class;
         (class = ptb_class(span_from(text, length), NULL, &width)) != PTB_GAP && class != PTB_END;) {
        if (ptb_has("<>\"|{}", span_from(text, length)))
            break;
        length += width;
    }
    while (length && ptb_has(".,;:!?'()[]", span_from(text, length - 1)))
        --length;
    return length;
}

size_t ptb_url(struct span text)
{
    static const char *const schemes[] = {"http://", "https://", "ftp://", "www."};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; ++i) {
        const size_t length = ptb_like(text, schemes[i]);
        if (length && ptb_is_ascii_word(span_from(text, length)))
            return address(text);
    }
    return 0;
}

static size_t label(struct span text)
{
    size_t length = 0;
    while (ptb_is_ascii_word(span_from(text, length)))
        ++length;
    return length;
}

static bool is_one_of(const char *const *words, struct span text)
{
    for (; *words; ++words)
        if (text.length == strlen(*words) && ptb_like(text, *words))
            return true;
    return false;
}

/* flickr.com/photos, photo2.jpg */
size_t ptb_site(struct span text)
{
    enum { LONGEST = 255 }; /* as RFC 1035 has it; it also keeps the scanner linear */
    size_t length = label(text), last = 0;
    while (length && length < LONGEST && ptb_has(".", span_from(text, length)) &&
           (last = label(span_from(text, length + 1))) > 0)
        length += 1 + last;
    if (!last && !length)
        return 0;
    const struct span name = {text.data + length - last, last};
    if (is_one_of(ptb_domains, name))
        return ptb_has("/", span_from(text, length)) ? address(text) : length;
    return is_one_of(ptb_extensions, name) ? length : 0;
}

size_t ptb_mail(struct span text)
{
    enum { LONGEST = 64 }; /* as RFC 5321 has it; it also keeps the scanner linear */
    size_t length = 0, dots = 0;
    while (length <= LONGEST &&
           (ptb_is_ascii_word(span_from(text, length)) || ptb_has("._%+-", span_from(text, length))))
        ++length;
    if (length == 0 || !ptb_is_ascii_word(text) || !ptb_has("@", span_from(text, length)))
        return 0;
    for (size_t more; (more = label(span_from(text, length + 1))) > 0;) {
        length += 1 + more;
        if (!ptb_has(".-", span_from(text, length)))
            break;
        dots += ptb_has(".", span_from(text, length));
    }
    return dots ? length : 0;
}

/* <b>, </b>, <img src="x">. A second '<' before the '>' makes it none, and keeps the scanner linear. */
size_t ptb_tag(struct span text)
{
    if (!ptb_has("<", text))
        return 0;
    size_t length = 1 + ptb_has("/", span_from(text, 1));
    const size_t name = label(span_from(text, length));
    length += name;
    if (!name || !ptb_has(" />", span_from(text, length)))
        return 0;
    while (length < text.length && !ptb_has("<>\n", span_from(text, length)))
        ++length;
    return ptb_has(">", span_from(text, length)) ? length + 1 : 0;
}
