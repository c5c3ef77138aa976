// SPDX-License-Identifier: Apache-2.0
#include "base/shard.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/preview.h"
#include "cli/text.h"
#include "vision/vision.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct command commands[] = {
    {"classify", cmd_classify, "say what pictures show, from a list of labels"},
    {"rank", cmd_rank, "order captions by how well they fit a picture"},
    {"score", cmd_score, "score captions against references: BLEU, ROUGE-L, CIDEr and kin"},
    {"evaluate", cmd_evaluate, "measure a model on pictures with known captions or classes"},
    {"embed", cmd_embed, "write the embeddings of pictures or texts for other programs"},
    {"index", cmd_index, "keep the embeddings of pictures and texts, to be searched"},
    {"search", cmd_search, "find what an index has that is closest to texts and pictures"},
    {"serve", cmd_serve, "answer programs over HTTP"},
    {"pull", cmd_pull, "download a model by its name"},
    {"models", cmd_models, "list the models that have been downloaded, or remove one"},
    {"devices", cmd_devices, "list the OpenCL devices and the one that is used"},
    {"doctor", cmd_doctor, "find out whether all that is needed is there, and what to install"},
    {"inspect", cmd_inspect, "show what a model directory holds"},
    {"convert", cmd_convert, "write a model as safetensors, in the layout of Hugging Face"},
    {"bench", cmd_bench, "measure how fast pictures and texts are encoded"},
    {"help", cmd_help, "show how to use diptych or one of its commands"},
    {0},
};

static void put_commands(FILE *out)
{
    fputs("Usage: diptych COMMAND [OPTION...]\n\nCLIP without Python, on any OpenCL device.\n\n", out);
    command_list(commands, out);
    fputs("\nTo begin with a folder of pictures:\n\n"
          "  diptych pull ViT-B-32/laion2b_s34b_b79k\n"
          "  export DIPTYCH_MODEL=ViT-B-32/laion2b_s34b_b79k\n"
          "  diptych classify holiday/ --labels cat,dog,\"traffic light\"\n"
          "  diptych index build photos.dip holiday/\n"
          "  diptych search photos.dip a red kite over the sea\n"
          "\n'diptych help COMMAND' shows how to use one, 'diptych help options' what most of them share.\n",
        out);
}

int cmd_help(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "options")) {
        options_show_shared();
        return STATUS_DONE;
    }
    if (argc > 1 && argv[1][0] != '-') { /* "help index build" runs "index build --help" */
        argv[argc] = "--help";
        return command_run(commands, "diptych", argc, argv + 1);
    }
    put_commands(stdout);
    return STATUS_DONE;
}

/* Which formats of pictures this build reads, and which it would with libraries that were not there. */
static void put_formats(bool read)
{
    struct picture_format format = {0};
    const char *before = read ? "reads " : "was built without what reads ";
    while (picture_format_next(&format)) {
        if (format.is_read != read)
            continue;
        printf("%s%s", before, format.name);
        if (format.library)
            printf(" (%s)", format.library);
        before = ", ";
    }
    if (!strcmp(before, ", "))
        putchar('\n');
}

static void put_version(void)
{
    const char *library = shard_library();
    puts("diptych " DIPTYCH_VERSION);
    put_formats(true);
    put_formats(false);
    if (library)
        printf("reads tar and zip archives of pictures (%s)\n", library);
    else
        puts("was built without what reads tar and zip archives (libarchive)");
    printf("previews by %s\n", preview_protocols());
}

/* Runs at every exit, also those inside argp: what could not be written was not done. */
static void close_output(void)
{
    const int failure = output_close();
    if (failure) {
        message("cannot write the output: %s", strerror(failure));
        _exit(STATUS_CANNOT);
    }
}

int main(int argc, char **argv)
{
    interrupt_begin();
    setlocale(LC_CTYPE, "");          /* numbers stay as in C */
    setvbuf(stderr, NULL, _IOLBF, 0); /* a message is one write, whole beside those of other programs */
    atexit(close_output);
    if (argc < 2) {
        put_commands(stderr);
        return STATUS_CANNOT;
    }
    if (!strcmp(argv[1], "--version")) {
        put_version();
        return STATUS_DONE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        argv[1] = "help";
    return command_run(commands, "diptych", argc - 1, argv + 1);
}
