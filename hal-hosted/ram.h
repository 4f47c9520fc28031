/* SPDX-License-Identifier: MIT
 *
 * The machine's RAM: one memfd, mapped shared; file offset = physical address.
 */
#ifndef HAL_HOSTED_RAM_H
#define HAL_HOSTED_RAM_H

#include <stddef.h>
#include <stdint.h>

struct machine;

/* Create machine->ram_bytes of RAM; costs nothing until touched. 0 or negative errno. */
int machine_ram_create(struct machine *machine);
void machine_ram_destroy(struct machine *machine);

#endif
