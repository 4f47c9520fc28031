/* SPDX-License-Identifier: MIT
 *
 * What the inter-process communication objects need from the layers above them.
 */
#ifndef KERNEL_IPC_IPC_H
#define KERNEL_IPC_IPC_H

#include <stdbool.h>
#include <stdint.h>

struct kernel;
struct linux_siginfo;

struct ipc_hooks {
    void (*broken_pipe)(void);         /* SIGPIPE to the current thread */
    bool (*process_exists)(int pid);
    uint64_t (*nofile_limit)(void);    /* RLIMIT_NOFILE of the current process */
    uint64_t (*resource_limit)(unsigned resource); /* RLIMIT_* of the current process, soft */
    /* A process as something to send signals to: a reference; its number; is it the current one? */
    void *(*process_get_current)(void);
    void (*process_put)(void *process);
    int (*process_pid)(void *process);
    bool (*process_is_current)(void *process);
    void (*process_signal)(void *process, const struct linux_siginfo *info);
    int (*process_open)(int pid); /* a new close-on-exec pidfd; -ESRCH, -EMFILE … */
};

/* Installed at boot; until then nothing happens instead. `hooks` must outlive the kernel. */
void ipc_set_hooks(struct kernel *kernel, const struct ipc_hooks *hooks);

/* The current thread wrote where nobody reads any more (pipe(7), EPIPE). */
void ipc_broken_pipe(void);
bool ipc_process_exists(int pid);
uint64_t ipc_nofile_limit(void);
uint64_t ipc_resource_limit(unsigned resource);
/* The process may be NULL, which is nobody. */
void *ipc_process_get_current(void);
void ipc_process_put(void *process);
int ipc_process_pid(void *process);
bool ipc_process_is_current(void *process);
int ipc_process_open(int pid);
void ipc_process_signal(void *process, const struct linux_siginfo *info);

#endif
