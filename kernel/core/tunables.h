/* SPDX-License-Identifier: MIT
 *
 * Parameters of the machine that its administrator may change (/proc/sys) and that several parts of
 * the kernel go by. Each is one number, read and written atomically without a lock; procfs checks
 * what is written. See proc_sys_fs(5), proc_sys_kernel(5).
 */
#ifndef KERNEL_CORE_TUNABLES_H
#define KERNEL_CORE_TUNABLES_H

#include <stdint.h>

#include "kernel/lib/atomic.h"

struct tunables {
    int32_t pid_max;                                 /* process numbers are below it */
    int32_t nr_open;                                 /* what RLIMIT_NOFILE may be raised to */
    int32_t protected_symlinks, protected_hardlinks; /* 0, 1 */
    int32_t protected_regular, protected_fifos;      /* 0, 1, 2 */
    int32_t suid_dumpable;  /* SUID_DUMP_*: of who has changed its ids, or may not be read */
    int32_t pipe_bytes_max; /* to which the unprivileged may enlarge a pipe */
    int64_t pipe_user_pages_soft, pipe_user_pages_hard; /* of all pipes of a user; 0: no limit */
    int32_t pty_max, pty_reserve; /* pseudoterminals; those only the first devpts may have */
};

#define TUNABLES_DEFAULT                                                                           \
    {                                                                                              \
        .pid_max = 32768, .nr_open = 1048576, .protected_symlinks = 1, .protected_hardlinks = 1,   \
        .protected_regular = 2, .protected_fifos = 1, .pipe_bytes_max = 1048576,                   \
        .pipe_user_pages_soft = 16384, .pty_max = 4096, .pty_reserve = 1024                        \
    }

/* One of them, of the current machine. */
#define tunable(name) atomic_load_relaxed(&this_kernel()->tunables.name)

#endif
