/* SPDX-License-Identifier: MIT
 *
 * What the inter-process communication objects need from the layers above them.
 */
#ifndef KERNEL_IPC_IPC_H
#define KERNEL_IPC_IPC_H

#include <stdbool.h>
#include <stdint.h>

struct kernel;

struct ipc_hooks {
    void (*broken_pipe)(void);         /* SIGPIPE to the current thread */
    bool (*process_exists)(int pid);
    uint64_t (*nofile_limit)(void);    /* RLIMIT_NOFILE of the current process */
};

/* Installed at boot; until then nothing happens instead. `hooks` must outlive the kernel. */
void ipc_set_hooks(struct kernel *kernel, const struct ipc_hooks *hooks);

/* The current thread wrote where nobody reads any more (pipe(7), EPIPE). */
void ipc_broken_pipe(void);
bool ipc_process_exists(int pid);
uint64_t ipc_nofile_limit(void);

#endif
