// SPDX-License-Identifier: Apache-2.0
#include "cli/manual/manual.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ------------------------------------------------------------------------------------------- */

/* The rows of a command and its children, each in its group. */
struct rows {
    struct row {
        const struct argp_option *option;
        int group;
    } items[128];
    size_t count;
    struct header {
        const char *text;
        int group;
    } headers[16];
    size_t header_count;
};

static void add_header(struct rows *rows, const char *text, int group)
{
    if (rows->header_count < sizeof rows->headers / sizeof *rows->headers)
        rows->headers[rows->header_count++] = (struct header){text, group};
}

/* group: that of all of them; 0: each its own */
static void collect(struct rows *rows, const struct argp *argp, int group)
{
    for (const struct argp_option *o = argp->options; o && !option_is_last(o); o++) {
        const int own = group ? group : o->group;
        if (!o->name)
            add_header(rows, o->doc, own);
        else if (rows->count < sizeof rows->items / sizeof *rows->items)
            rows->items[rows->count++] = (struct row){o, own};
    }
    for (const struct argp_child *child = argp->children; child && child->argp; child++) {
        const int own = group ? group : child->group;
        if (child->header && *child->header)
            add_header(rows, child->header, own);
        collect(rows, child->argp, own);
    }
}

/* Negative groups come last, as argp has it. */
static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->group != y->group) {
        if ((x->group < 0) != (y->group < 0))
            return x->group < 0 ? 1 : -1;
        return x->group < y->group ? -1 : 1;
    }
    return strcmp(x->option->name, y->option->name);
}

/* The title of the group of rows[first], where it has none by what is in it. */
static void put_header(FILE *out, const struct rows *rows, size_t first)
{
    const int group = rows->items[first].group;
    const char *text = group < 0 ? "Common" : first ? "Others" : NULL;
    for (size_t i = first; i < rows->count && rows->items[i].group == group; i++)
        if (group > 0 && !strcmp(rows->items[i].option->name, "format"))
            text = "Output";
    for (size_t i = rows->header_count; i--;)
        if (rows->headers[i].group == group)
            text = rows->headers[i].text;
    if (text)
        fprintf(out, ".SS %.*s\n", (int)strcspn(text, ":"), text);
}

static void put_option(FILE *out, const struct argp_option *option)
{
    char text[256];
    const bool optional = option->flags & OPTION_ARG_OPTIONAL;
    snprintf(text, sizeof text, "--%s%s%s%s%s", option->name, optional ? "[" : "", option->arg ? "=" : "",
        option->arg ? option->arg : "", optional ? "]" : "");
    fputs(".TP\n", out);
    if (option->key > ' ' && option->key < 0x7f) {
        roff_usage(out, span_of((char[]){'-', (char)option->key, '\0'}));
        fputs(", ", out);
    }
    roff_usage(out, span_of(text));
    putc('\n', out);
    roff_prose(out, span_of(option->doc), option->arg);
}

static void put_options(const struct page *page)
{
    struct rows rows = {0};
    collect(&rows, page->argp, 0);
    qsort(rows.items, rows.count, sizeof *rows.items, compare_rows);
    fputs(".SH OPTIONS\n", page->out);
    for (size_t i = 0; i < rows.count; i++) {
        if (!i || rows.items[i].group != rows.items[i - 1].group)
            put_header(page->out, &rows, i);
        put_option(page->out, rows.items[i].option);
    }
}

/* ---- sections ------------------------------------------------------------------------------------------ */

static void put_synopsis(const struct page *page)
{
    const char *usage = page->argp ? page->argp->args_doc ? page->argp->args_doc : "" : "COMMAND";
    struct lines lines = {.rest = span_of(*usage ? usage : "\n")};
    fputs(".SH SYNOPSIS\n.nh\n.ad l\n", page->out);
    for (bool first = true; lines_next(&lines); first = false) {
        if (!first)
            fputs(".br\n", page->out);
        roff_usage(page->out, span_of(page->title));
        if (page->argp)
            fputs(" [\\fIOPTION\\fR...]", page->out);
        if (lines.line.length)
            putc(' ', page->out);
        roff_usage(page->out, lines.line);
        fputs(page->argp ? "\n" : " [\\fIOPTION\\fR...]\n", page->out);
    }
    fputs(".ad\n.hy\n", page->out);
}

/* The documentation, in which "\v" is where help has the options. */
static struct span part_of(const char *doc, bool behind)
{
    const size_t length = doc ? strcspn(doc, "\v") : 0;
    if (!behind)
        return (struct span){doc, length};
    return span_of(doc && doc[length] ? doc + length + 1 : "");
}

/* Those blocks of it that are examples, or its status, or neither. */
static bool put_blocks(const struct page *page, struct span text, bool examples, bool status, bool first)
{
    struct block block;
    bool any = false, code_next = false;
    while (block_next(&block, &text)) {
        const struct span after = text;
        struct block next;
        struct span rest = after;
        /* a caption belongs to the example below it */
        code_next = block.kind == BLOCK_PROSE && block.text.data[block.text.length - 1] == ':' &&
                    block_next(&next, &rest) && next.kind == BLOCK_CODE;
        const bool is_example = block.kind == BLOCK_CODE || code_next;
        if (is_example != examples || (block.kind == BLOCK_STATUS) != status)
            continue;
        block_put(page->out, &block, page->argp ? page->argp->args_doc : "COMMAND", first && !any);
        any = true;
    }
    return any;
}

static void put_description(const struct page *page)
{
    const char *doc = page->argp ? page->argp->doc : NULL;
    fputs(".SH DESCRIPTION\n", page->out);
    bool first = !put_blocks(page, part_of(doc, false), false, false, true);
    first = !put_blocks(page, part_of(doc, true), false, false, first) && first;
    put_blocks(page, page->examples, false, false, first);
}

static void put_commands(const struct page *page)
{
    if (!page->subcommands)
        return;
    fputs(page->argp ? ".SH SUBCOMMANDS\n" : ".SH COMMANDS\n", page->out);
    for (const struct command *command = page->subcommands; command->name; command++) {
        fputs(".TP\n", page->out);
        if (command->argp) {
            fputs(".BR ", page->out);
            roff_name(page->out, page->title);
            fprintf(page->out, "\\-%s (1)\n", command->name);
        } else {
            fprintf(page->out, "\\fB%s %s\\fR\n", page->title, command->name);
        }
        fputc(toupper((unsigned char)command->summary[0]), page->out);
        roff_prose(page->out, span_of(command->summary + 1), NULL);
    }
}

static void put_status(const struct page *page)
{
    const char *doc = page->argp ? page->argp->doc : NULL;
    fputs(".SH EXIT STATUS\n", page->out);
    const bool before = put_blocks(page, part_of(doc, false), false, true, true);
    const bool after = put_blocks(page, part_of(doc, true), false, true, true);
    if (!before && !after)
        block_put(page->out,
            &(struct block){
                span_of(
                    page->argp && !page->subcommands
                        ? "Exit status: 0 done, 2 wrong usage, or it cannot be done."
                        : "Exit status: 0 done, 1 some inputs failed or a check was false, 2 wrong usage, it "
                          "cannot be done or the output cannot be written."),
                BLOCK_STATUS},
            NULL, true);
}

static void put_facts(const struct page *page, const char *title, const struct fact *facts)
{
    bool any = false;
    for (const struct fact *fact = facts; fact->name; fact++) {
        if (page->argp && !fact_is_of(fact, page->argp))
            continue;
        if (!any)
            fprintf(page->out, ".SH %s\n", title);
        any = true;
        fputs(".TP\n\\fB", page->out);
        roff_code(page->out, span_of(fact->name));
        fputs("\\fR\n", page->out);
        roff_prose(page->out, span_of(fact->text), NULL);
    }
}

static void put_examples(const struct page *page)
{
    const char *doc = page->argp ? page->argp->doc : NULL;
    char *text = NULL;
    size_t size;
    struct page into = *page;
    into.out = open_memstream(&text, &size);
    if (!into.out)
        exit(STATUS_CANNOT);
    bool first = !put_blocks(&into, part_of(doc, false), true, false, true);
    first = !put_blocks(&into, part_of(doc, true), true, false, first) && first;
    put_blocks(&into, page->examples, true, false, first);
    fclose(into.out);
    if (size)
        fprintf(page->out, ".SH EXAMPLES\n%s", text);
    free(text);
}

static void put_related(const struct page *page)
{
    fputs(".SH SEE ALSO\n", page->out);
    if (page->related) {
        fputs(".BR ", page->out);
        roff_name(page->out, page->related);
        fputs(" (1)\n", page->out);
    }
    if (page->related && strcmp(page->related, "diptych") != 0)
        fputs(".BR diptych (1)\n", page->out);
    for (const struct command *command = page->subcommands; command && command->name; command++)
        if (command->argp) {
            fputs(".BR ", page->out);
            roff_name(page->out, page->title);
            fprintf(page->out, "\\-%s (1)\n", command->name);
        }
}

void page_put(const struct page *page)
{
    fputs(".\\\" SPDX-License-Identifier: Apache-2.0\n.\\\" Made by cli/manual from the tables of commands "
          "and options.\n.TH ",
        page->out);
    for (const char *c = page->title; *c; c++)
        fputs(*c == ' ' ? "\\-" : (char[]){(char)toupper((unsigned char)*c), '\0'}, page->out);
    fprintf(page->out, " 1 %s \"diptych " DIPTYCH_VERSION "\" \"Diptych\"\n.SH NAME\n", page->date);
    roff_name(page->out, page->title);
    fputs(" \\-\n", page->out);
    roff_prose(page->out, span_of(page->summary), NULL);
    put_synopsis(page);
    put_description(page);
    put_commands(page);
    if (page->argp)
        put_options(page);
    put_status(page);
    put_facts(page, "ENVIRONMENT", environment_facts);
    put_facts(page, "FILES", file_facts);
    put_examples(page);
    put_related(page);
}
