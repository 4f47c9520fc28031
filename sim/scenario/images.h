/* SPDX-License-Identifier: MIT
 *
 * The root file systems of a scenario's machines.
 */
#ifndef SIM_SCENARIO_IMAGES_H
#define SIM_SCENARIO_IMAGES_H

#include "sim/scenario/run.h"

/* Pack all of them; machines with the same contents share one image. NULL without memory; exits
 * with EXIT_USAGE and "FILE:LINE: what is wrong" when something cannot be packed. */
struct scenario_image *images_create(const struct scenario *scenario);

/* Read them from NAME.cpio in a folder instead. NULL, and a line in message, if one is not there.
 */
struct scenario_image *images_read(const struct scenario *scenario, const char *folder,
                                   char *message, size_t message_bytes);

/* Write them there, and links to the images of the machines' disks. 0 or negative errno. */
int images_write(const struct scenario *scenario, const struct scenario_image *images,
                 const char *folder);

#endif
