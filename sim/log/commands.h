/* SPDX-License-Identifier: MIT
 *
 * The commands on event logs, as in sim/commands.h.
 */
#ifndef SIM_LOG_COMMANDS_H
#define SIM_LOG_COMMANDS_H

int command_sim_diff(int argc, char **argv);
int command_sim_export(int argc, char **argv);

#endif
