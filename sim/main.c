/* SPDX-License-Identifier: MIT */
/*
 * The `assay` command: chooses a subcommand.
 */
#include <stdio.h>
#include <string.h>

#include "sim/commands.h"
#include "sim/options.h"

static const char help[] = "Usage: assay COMMAND [OPTION...] [-- PROGRAM ARG...]\n"
                           "\n"
                           "  run    run the kernel as a Linux process, and PROGRAM on it\n"
                           "  qemu   run the kernel in QEMU, and PROGRAM on it\n"
                           "  pack   write a root file system to a file, for a fast start\n"
                           "  sim    simulate machines as a scenario says, and read event logs\n"
                           "  replay run a failure of a simulation again\n"
                           "\n"
                           "`assay COMMAND --help` explains a command's options.\n";

static const struct {
    const char *name;
    const char *full_name;
    int (*main)(int argc, char **argv);
} commands[] = {
    {"run", "assay run", command_run},          {"qemu", "assay qemu", command_qemu},
    {"pack", "assay pack", command_pack},       {"sim", "assay sim", command_sim},
    {"replay", "assay replay", command_replay},
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        die(EXIT_USAGE, "no command given; `assay --help` lists them");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            argv[1] = (char *)commands[i].full_name;
            return commands[i].main(argc - 1, argv + 1);
        }
    }
    die(EXIT_USAGE, "no command %s; `assay --help` lists them", argv[1]);
}
