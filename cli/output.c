// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"
#include "cli/json.h"
#include "cli/text.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { BAR_WIDTH = 20 };

void output_init(struct output *output, int format)
{
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: any value but the empty one */
    *output = (struct output){
        .format = (enum output_format)format,
        .unicode = text_unicode(),
        .colour = isatty(STDOUT_FILENO) && !(no_color && *no_color),
    };
}

/* stdout forgets why it failed, and so does errno by the end of the program. */
static int stdout_error;

void output_flush(void)
{
    if (fflush(stdout) && !stdout_error)
        stdout_error = errno;
}

int output_close(void)
{
    output_flush();
    const bool failed = ferror(stdout);
    if (fclose(stdout) && !stdout_error)
        stdout_error = errno;
    return failed && !stdout_error ? EIO : stdout_error;
}

int output_failure(
    const struct output *output, const char *schema, const char *path, const char *reason, struct err *err)
{
    if (output->format != OUTPUT_JSON) {
        output_flush(); /* so that messages on a terminal stand between the right lines */
        message("%s", reason);
        return 0;
    }
    json_t *line = path ? json_pack("{s:o, s:o}", "path", json_text(path), "error", json_text(reason))
                        : json_pack("{s:o}", "error", json_text(reason));
    return json_print(schema, line, 0, err);
}

void output_warning(const struct output *output, const char *warning)
{
    if (!*warning || output->format == OUTPUT_JSON)
        return;
    output_flush();
    message("%s", warning);
}

void output_path(const struct output *output, const char *path)
{
    fputs(output->colour ? "\033[1m" : "", stdout);
    text_escape(stdout, path);
    fputs(output->colour ? "\033[0m\n" : "\n", stdout);
}

void output_cosine(double cosine)
{
    printf("%7.4f  ", cosine);
}

void output_share(const struct output *output, double share)
{
    printf("%5.1f %%  ", 100 * share);
    fputs(output->colour ? "\033[36m" : "", stdout);
    text_bar(stdout, share, BAR_WIDTH, output->unicode);
    fputs(output->colour ? "\033[0m  " : "  ", stdout);
}
