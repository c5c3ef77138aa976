// SPDX-License-Identifier: Apache-2.0
#include "cli/preview.h"
#include "cli/options.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    ROWS = 10,      /* of text that a picture takes */
    ROW_HEIGHT = 20 /* pixels, where the terminal does not tell */
};

static const struct argp_option options[] = {
    {"preview", 'p', "none|kitty|iterm2|sixel", OPTION_ARG_OPTIONAL,
        "Show the pictures, too, where the terminal can, by this protocol (default: as it says itself)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct preview *preview = state->input;
    if (key != 'p')
        return ARGP_ERR_UNKNOWN;
    preview->protocol =
        argument ? (enum preview_protocol)option_choice(state, "preview", argument) : PREVIEW_AUTO;
    return 0;
}

const struct argp preview_argp = {.options = options, .parser = parse};

/* ---- which ---------------------------------------------------------------------------------------------- */

#ifdef DIPTYCH_SIXEL
static const bool has_sixel = true;
#else
static const bool has_sixel = false;
void preview_sixel(const struct picture *picture)
{
    (void)picture;
}
#endif

const char *preview_protocols(void)
{
    return has_sixel ? "kitty, iterm2, sixel" : "kitty, iterm2";
}

static bool is_one_of(const char *name, const char *const *values)
{
    const char *value = getenv(name);
    for (; value && *values; values++)
        if (!strcmp(value, *values))
            return true;
    return false;
}

/* tmux and screen inherit the variables of the terminal that they run in, and do not hand its pictures on. */
static bool is_multiplexed(void)
{
    const char *term = getenv("TERM");
    return getenv("TMUX") || getenv("STY") ||
           (term && (!strncmp(term, "tmux", 4) || !strncmp(term, "screen", 6)));
}

static enum preview_protocol named_by_environment(void)
{
    static const char *const kitty_terms[] = {"xterm-kitty", "xterm-ghostty", NULL},
                             *const kitty_programs[] = {"ghostty", NULL},
                             *const iterm2_programs[] = {"iTerm.app", "WezTerm", "mintty", NULL},
                             *const iterm2_by_ssh[] = {"iTerm2", NULL};
    if (getenv("KITTY_WINDOW_ID") || is_one_of("TERM", kitty_terms) ||
        is_one_of("TERM_PROGRAM", kitty_programs))
        return PREVIEW_KITTY;
    if (is_one_of("TERM_PROGRAM", iterm2_programs) || is_one_of("LC_TERMINAL", iterm2_by_ssh))
        return PREVIEW_ITERM2;
    return PREVIEW_NONE;
}

static enum preview_protocol find_protocol(void)
{
    enum preview_protocol found = is_multiplexed() ? PREVIEW_NONE : named_by_environment();
    if (!found)
        found = preview_terminal();
    if (found == PREVIEW_SIXEL && !has_sixel) {
        message("no previews: this terminal takes sixel, which this build is without (libsixel)");
        return PREVIEW_NONE;
    }
    if (!found)
        message(is_multiplexed()
                    ? "no previews: tmux shows pictures from 3.4 on where it was built with sixel, and hands "
                      "on no others"
                    : "no previews: this terminal takes none of kitty's pictures, iTerm2's and sixel");
    return found;
}

static int edge_of_terminal(void)
{
    struct winsize size;
    if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_ypixel && size.ws_row)
        return ROWS * (size.ws_ypixel / size.ws_row);
    return ROWS * ROW_HEIGHT;
}

/* What can be shown of what is asked for. */
static enum preview_protocol choose(enum preview_protocol wanted, bool table)
{
    if (!table || !isatty(STDOUT_FILENO))
        message("no previews: they go with a table on a terminal");
    else if (wanted == PREVIEW_SIXEL && !has_sixel)
        message("no previews: this build is without libsixel");
    else
        return wanted == PREVIEW_AUTO ? find_protocol() : wanted;
    return PREVIEW_NONE;
}

void preview_begin(struct preview *preview, bool table, const struct picture_options *picture_options)
{
    preview->edge = edge_of_terminal();
    preview->options = picture_options;
    if (preview->protocol)
        preview->protocol = choose(preview->protocol, table);
}

/* ---- showing -------------------------------------------------------------------------------------------- */

/* a=T: send and show; f=100: PNG; q=2: answer nothing; m=1: more follows. */
static void put_kitty(const uint8_t *png, size_t size)
{
    enum { CHUNK = 4096 / 4 * 3 };
    for (size_t begin = 0; begin < size; begin += CHUNK) {
        const size_t left = size - begin, part = left < CHUNK ? left : CHUNK;
        printf("\033_G%sm=%d;", begin ? "" : "a=T,f=100,q=2,", part < left);
        text_base64(stdout, png + begin, part);
        fputs("\033\\", stdout);
    }
}

static void put_iterm2(const uint8_t *png, size_t size)
{
    printf("\033]1337;File=inline=1;size=%zu:", size);
    text_base64(stdout, png, size);
    putchar('\a');
}

static void put_png(enum preview_protocol protocol, const struct picture *picture)
{
    uint8_t *png;
    size_t size;
    if (picture_write_png(&png, &size, picture, NULL))
        return;
    if (protocol == PREVIEW_KITTY)
        put_kitty(png, size);
    else
        put_iterm2(png, size);
    free(png);
}

void preview_show(const struct preview *preview, struct picture_source source)
{
    struct picture picture;
    if (!preview->protocol || !source.path ||
        thumbnail_picture(&picture, source, preview->edge, preview->options, NULL))
        return;
    fputs("  ", stdout);
    if (preview->protocol == PREVIEW_SIXEL)
        preview_sixel(&picture);
    else
        put_png(preview->protocol, &picture);
    putchar('\n');
    picture_release(&picture);
}
