/* SPDX-License-Identifier: MIT
 *
 * Boot of the inter-process communication subsystem.
 */
#include "kernel/core/init.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/pipe.h"

int ipc_init(struct kernel *kernel)
{
    vfs_set_fifo_ops(kernel, &fifo_file_ops);
    return 0;
}
