// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures in a table, for terminals that can show them, by one of three protocols:
 *
 *   kitty   PNG in base64, in chunks of 4,096 characters: kitty, Ghostty, Konsole, WezTerm
 *           (sw.kovidgoyal.net/kitty/graphics-protocol)
 *   iterm2  PNG in base64, OSC 1337 File=: iTerm2, WezTerm, mintty, VS Code (iterm2.com/documentation-images.html)
 *   sixel   256 colours, by libsixel, in builds that have it: xterm, foot, mlterm, Windows Terminal, tmux from 3.4 on
 *
 * Nothing is ever shown on what is no terminal.
 */
#ifndef DIPTYCH_CLI_PREVIEW_H
#define DIPTYCH_CLI_PREVIEW_H

#include "vision/vision.h"

#include <argp.h>

enum preview_protocol { PREVIEW_NONE, PREVIEW_KITTY, PREVIEW_ITERM2, PREVIEW_SIXEL, PREVIEW_AUTO };

struct preview {
    enum preview_protocol protocol; /* PREVIEW_NONE: preview_show shows nothing */
    int edge;                       /* in pixels */
    const struct picture_options *options;
};

/* --preview[=PROTOCOL]. Input: a struct preview, which has what is asked for, PREVIEW_AUTO too, until preview_begin. */
extern const struct argp preview_argp;

/* For a table, or another format, on stdout. Finds out which protocol the terminal speaks, and says so where it speaks
 * none; `options`, which may be NULL, are borrowed. */
void preview_begin(struct preview *preview, bool table, const struct picture_options *options);

/* The picture below the line that stdout is at the beginning of, and a line end. Nothing where the path is NULL or has no
 * picture any more. */
void preview_show(const struct preview *preview, struct picture_source source);

/* What the terminal of this process answers when it is asked, within a second. */
enum preview_protocol preview_terminal(void);

/* Which protocols this build has. */
const char *preview_protocols(void);

/* The picture, plain RGB, as stdout's terminal takes it. */
void preview_sixel(const struct picture *picture);

#endif
