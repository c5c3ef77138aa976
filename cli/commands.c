// SPDX-License-Identifier: Apache-2.0
/* The table of commands, and the help that it makes. */
#include "cli/command.h"
#include "cli/options.h"

#include <string.h>

const struct command commands[] = {
    {"classify", cmd_classify, "say what pictures show, from a list of labels", &classify_argp, NULL},
    {"rank", cmd_rank, "order captions by how well they fit a picture", &rank_argp, NULL},
    {"score", cmd_score, "score captions against references: BLEU, ROUGE-L, CIDEr and kin", &score_argp,
        NULL},
    {"evaluate", cmd_evaluate, "measure a model on pictures with known captions or classes", &evaluate_argp,
        evaluate_commands},
    {"probe", cmd_probe, "learn labels from pictures that have them", &probe_argp, probe_commands},
    {"train", cmd_train, "train a model on pictures and what is said of them", &train_argp, NULL},
    {"embed", cmd_embed, "write the embeddings of pictures or texts for other programs", &embed_argp, NULL},
    {"index", cmd_index, "keep the embeddings of pictures and texts, to be searched", &index_argp,
        index_commands},
    {"search", cmd_search, "find what an index has that is closest to texts and pictures", &search_argp,
        NULL},
    {"serve", cmd_serve, "answer programs over HTTP", &serve_argp, NULL},
    {"pull", cmd_pull, "download a model by its name", &pull_argp, NULL},
    {"models", cmd_models, "list the models that have been downloaded, or remove one", &models_argp,
        models_commands},
    {"devices", cmd_devices, "list the OpenCL devices and the one that is used", &devices_argp, NULL},
    {"doctor", cmd_doctor, "find out whether all that is needed is there, and what to install", &doctor_argp,
        NULL},
    {"inspect", cmd_inspect, "show what a model directory holds", &inspect_argp, NULL},
    {"convert", cmd_convert, "write a model as safetensors, in the layout of Hugging Face", &convert_argp,
        NULL},
    {"bench", cmd_bench, "measure how fast pictures and texts are encoded", &bench_argp, NULL},
    {"plan", cmd_plan, "say what an index of many pictures takes: hours, memory, disks", &plan_argp, NULL},
    {"help", cmd_help, "show how to use diptych or one of its commands", NULL, NULL},
    {0},
};

void command_help(FILE *out)
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
    command_help(stdout);
    return STATUS_DONE;
}
