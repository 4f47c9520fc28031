/* SPDX-License-Identifier: MIT
 *
 * The kernel command line that carries the options into the machine.
 */
#ifndef SIM_COMMAND_LINE_H
#define SIM_COMMAND_LINE_H

struct options;

/* Options, environment and program as one line, which the caller frees. Takes TERM from the host
 * unless it is given, and the size of the terminal on terminal_fd if it is one (-1: none). */
char *command_line_create(const struct options *options, int terminal_fd);

#endif
