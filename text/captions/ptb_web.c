// SPDX-License-Identifier: Apache-2.0
/* Rules for what comes from the web: addresses, mail, names, files, markup. */
#include "text/captions/ptb.h"

#include <string.h>

/* Parts of addresses are no longer, which also keeps the scanner linear. */
enum { LONGEST = 255 };

/* No address goes on behind these, nor behind white space. */
#define ENDS "\"<>|()"

/* Bytes before the first that is white space or in the set. */
static size_t up_to(const char *set, struct span text, size_t most)
{
    size_t length = 0;
    while (length < most && length < text.length && !strchr(" \t\n\f\r", text.data[length]) &&
           !strchr(set, text.data[length]))
        length++;
    return length;
}

/* The same without bytes of another set at the end, where two or more characters remain. */
static size_t address(const char *set, const char *last, struct span text)
{
    size_t length = up_to(set, text, SIZE_MAX);
    while (length && strchr(last, text.data[length - 1]))
        length--;
    return length > ptb_width(text) ? length : 0;
}

/* /photos/1.html */
static size_t path(struct span text)
{
    const size_t length = ptb_has("/", text) ? address(ENDS, ENDS ".!?{},-", span_from(text, 1)) : 0;
    return length ? 1 + length : 0;
}

struct ptb_match ptb_url(struct span text)
{
    const size_t https = ptb_like(text, "https://"), scheme = https ? https : ptb_like(text, "http://");
    const size_t length = scheme ? address(ENDS "{}", ENDS ".!?{},-", span_from(text, scheme)) : 0;
    return ptb_whole(length ? scheme + length : 0);
}

/* Bytes of the domain that begins at an offset, whatever is before it, and of a path. */
static size_t longer(size_t end, struct span text, size_t offset, size_t domain)
{
    const size_t length = domain ? offset + domain + path(span_from(text, offset + domain)) : 0;
    return length > end ? length : end;
}

static size_t domain(struct span text)
{
    for (const char *const *name = ptb_domains; *name; name++)
        if (ptb_like(text, *name))
            return strlen(*name);
    return 0;
}

/* flickr.com/photos */
static size_t known_site(struct span text)
{
    size_t length = 0, end = 0, label;
    while (length < LONGEST &&
           (label = up_to(ENDS "`'.!?{},-/0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_$",
                span_from(text, length), LONGEST)) > 0 &&
           ptb_has(".", span_from(text, length + label))) {
        length += label + 1;
        end = longer(end, text, length, domain(span_from(text, length)));
    }
    return end;
}

/* www.flickr.de */
static size_t www_site(struct span text)
{
    size_t length = ptb_like(text, "www."), end = 0, label;
    while (length && length < LONGEST &&
           (label = up_to(ENDS ".!?{},", span_from(text, length), LONGEST)) > 0 &&
           ptb_has(".", span_from(text, length + label))) {
        length += label + 1;
        size_t last = 0;
        while (last < 4 && ptb_is_ascii_letter(span_from(text, length + last)))
            last++;
        end = longer(end, text, length, last > 1 ? last : 0);
    }
    return end;
}

struct ptb_match ptb_site(struct span text)
{
    const size_t known = known_site(text), www = www_site(text);
    return ptb_whole(known > www ? known : www);
}

/* Bytes that a part of a mail address may have: not even a no-break space. */
static size_t mail_part(const char *set, struct span text)
{
    const size_t length = up_to(set, text, LONGEST);
    for (size_t i = 0; i < length; i++)
        if (span_begins(span_from(text, i), span_of("\u00a0")))
            return i;
    return length;
}

static size_t bracket(const char *sign, const char *entity, struct span text)
{
    return ptb_has(sign, text) ? 1 : ptb_like(text, entity);
}

/* Bytes of the labels of a host: home.net */
static size_t host(struct span text)
{
    size_t length = 0, part;
    while ((part = mail_part(ENDS "{}.", span_from(text, length))) > 0) {
        length += part;
        if (!ptb_has(".", span_from(text, length)) || !mail_part(ENDS "{}.", span_from(text, length + 1)))
            break;
        length++;
    }
    return length;
}

/* dog@home.net, <dog@home> */
struct ptb_match ptb_mail(struct span text)
{
    const size_t open = bracket("<", "&lt;", text);
    const struct span rest = span_from(text, open);
    if (!ptb_is_ascii_word(rest) || !memchr(rest.data, '@', rest.length < LONGEST ? rest.length : LONGEST))
        return ptb_whole(0);
    for (size_t at = mail_part(ENDS "{}", rest); at-- > 1;) {
        const size_t name = open + at + 1,
                     end = rest.data[at] == '@' ? name + host(span_from(text, name)) : name;
        if (end > name)
            return ptb_whole(end + bracket(">", "&gt;", span_from(text, end)));
    }
    return ptb_whole(0);
}

/* @home_1 */
struct ptb_match ptb_handle(struct span text)
{
    size_t length = ptb_has("@", text);
    if (!length || !(ptb_is_ascii_letter(span_from(text, 1)) || ptb_has("_", span_from(text, 1))))
        return ptb_whole(0);
    while (ptb_is_ascii_word(span_from(text, length)) || ptb_has("_", span_from(text, length)))
        length++;
    return ptb_whole(length);
}

/* #dog */
struct ptb_match ptb_hashtag(struct span text)
{
    size_t length = ptb_has("#", text), width;
    while (length && ptb_class(span_from(text, length), NULL, &width) == PTB_LETTER)
        length += width;
    return ptb_whole(length > 1 ? length : 0);
}

static bool is_extension(struct span name)
{
    for (const char *const *known = ptb_extensions; *known; known++)
        if (ptb_like(name, *known) == name.length && name.length == strlen(*known))
            return true;
    return false;
}

/* photo.2.jpg, before white space or a stop */
struct ptb_match ptb_file(struct span text)
{
    enum { NAME = 64, EXTENSION = 4 }; /* no longer, which also keeps the scanner linear */
    size_t length = 0, width;
    struct ptb_match match = {0, 0};
    while (length < NAME && (width = ptb_alnum(span_from(text, length))) > 0) {
        for (; width; width = ptb_alnum(span_from(text, length)))
            length += width;
        if (!ptb_has(".", span_from(text, length++)))
            break;
        const struct span name = {text.data + length, ptb_ascii_words(span_from(text, length), EXTENSION)};
        const struct span rest = span_from(text, length + name.length);
        if ((ptb_is_gap(rest) || ptb_has(".?!,", rest)) && is_extension(name))
            match = ptb_before(length + name.length, ptb_width(rest));
    }
    return match;
}

/* ---- markup -------------------------------------------------------------------------------------------- */

static size_t blanks(struct span text)
{
    size_t length = 0;
    while (ptb_has(" ", span_from(text, length)))
        length++;
    return length;
}

static size_t tag_name(struct span text)
{
    size_t length = ptb_is_ascii_letter(text);
    while (length && (ptb_is_ascii_word(span_from(text, length)) || ptb_has("_:.-", span_from(text, length))))
        length++;
    return length;
}

/* = "value" */
static size_t tag_value(struct span text)
{
    size_t length = blanks(text);
    if (!ptb_has("=", span_from(text, length)))
        return 0;
    length += 1 + blanks(span_from(text, length + 1));
    const struct span rest = span_from(text, length);
    if (!ptb_has("\"'", rest))
        return 0;
    const char *end = memchr(rest.data + 1, rest.data[0], rest.length - 1);
    const char *line = memchr(rest.data, '\n', rest.length);
    return end && (!line || end < line) ? length + (size_t)(end - rest.data) + 1 : 0;
}

/* <!-- text -->, <!doctype html>, <?xml> */
static size_t declaration(struct span text)
{
    enum { DECLARATION = 1024 }; /* keeps the scanner linear */
    if (!ptb_has("!?", text) ||
        !(ptb_is_ascii_letter(span_from(text, 1)) || ptb_has("-", span_from(text, 1))))
        return 0;
    size_t length = 2;
    while (length < DECLARATION && length < text.length && !ptb_has(">\n\r", span_from(text, length)))
        length++;
    return length;
}

/* <b>, </b>, <img src="x"> */
size_t ptb_tag_length(struct span text)
{
    if (!ptb_has("<", text))
        return 0;
    size_t length = 1 + declaration(span_from(text, 1)), name;
    if (length == 1) {
        const bool closes = ptb_has("/", span_from(text, 1));
        length += closes;
        name = tag_name(span_from(text, length));
        if (!name)
            return 0;
        for (size_t gap = 0; name; gap = blanks(span_from(text, length)),
                    name = gap && !closes ? tag_name(span_from(text, length + gap)) : 0) {
            length += gap + name;
            if (gap)
                length += tag_value(span_from(text, length));
        }
        length += blanks(span_from(text, length));
        length += !closes && ptb_has("/", span_from(text, length));
    }
    length += blanks(span_from(text, length));
    return ptb_has(">", span_from(text, length)) ? length + 1 : 0;
}

struct ptb_match ptb_tag(struct span text)
{
    return ptb_whole(ptb_tag_length(text));
}
