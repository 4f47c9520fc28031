/* SPDX-License-Identifier: MIT
 *
 * The subcommands of `assay`. Each takes its argv, with a name for messages in argv[0], and returns
 * the exit status of the process.
 */
#ifndef SIM_COMMANDS_H
#define SIM_COMMANDS_H

int command_run(int argc, char **argv);
int command_qemu(int argc, char **argv);
int command_sim(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_pack(int argc, char **argv);

#endif
