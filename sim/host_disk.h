/* SPDX-License-Identifier: MIT
 *
 * Disks of a hosted machine whose contents are host files: the virtio block device of sim/virtio,
 * with a host thread that carries out its requests.
 */
#ifndef SIM_HOST_DISK_H
#define SIM_HOST_DISK_H

#include <stdbool.h>

struct host_disk;
struct machine;

/* Attach a file or block device to a machine that is not on. Its size in whole sectors is the
 * disk's. 0 or negative errno: -EINVAL: it is smaller than a sector, or no file. */
int host_disk_attach(struct machine *machine, const char *path, bool read_only,
                     struct host_disk **out);

/* After the machine has ended, and before it is destroyed. */
void host_disk_detach(struct host_disk *disk);

#endif
