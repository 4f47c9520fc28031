/* SPDX-License-Identifier: MIT
 *
 * Descriptor tables (dup(2), fcntl(2), close_range(2)); shared with CLONE_FILES.
 */
#ifndef KERNEL_FS_FILE_TABLE_H
#define KERNEL_FS_FILE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/core/spinlock.h"
#include "kernel/lib/compiler.h"

struct file;
struct kernel;

struct file_table {
    uint32_t refs; /* atomic */
    struct spinlock lock;
    struct file **files; /* capacity entries */
    uint64_t *open_bits, *cloexec_bits;
    unsigned capacity;
    unsigned next_hint; /* no free descriptor below it */
};

/* In a request that names an open file by other means than a descriptor (io_uring): the number that
 * stands for the thread's request_file. Otherwise as bad as every negative number. */
#define FD_OF_REQUEST INT32_MIN

int file_table_create(struct file_table **out);
int file_table_copy(struct file_table *from, struct file_table **out);
struct file_table *file_table_get(struct file_table *table);
void file_table_put(struct file_table *table); /* the last put closes everything */

/* Of the current thread. fd_get: a reference, or NULL (-EBADF); O_PATH files only with fd_get_path.
 * The fast path of a single-threaded process takes no lock. */
struct file *fd_get(int fd);
struct file *fd_get_any(int fd); /* O_PATH too */

/* Descriptors of the current thread are below this; at least 64. */
unsigned fd_table_capacity(void);

/* As fd_get and fd_get_any, without touching the file's count where no other thread can close the
 * descriptor meanwhile. Give back with fd_release. For the length of one system call. */
struct fd_borrow {
    struct file *file; /* NULL: -EBADF */
    bool counted;
};
struct fd_borrow fd_borrow(int fd);
struct fd_borrow fd_borrow_any(int fd);
void fd_release_counted(struct fd_borrow borrow);
static inline void fd_release(struct fd_borrow borrow)
{
    if (unlikely(borrow.counted))
        fd_release_counted(borrow);
}

/* Lowest free descriptor >= minimum below RLIMIT_NOFILE (thread_nofile_limit): reserved, then
 * installed (consumes the file reference) or given back. -EMFILE -ENOMEM. */
int fd_reserve(unsigned minimum, bool cloexec);
void fd_install(int fd, struct file *file);
void fd_unreserve(int fd);
/* Both at once; on failure the reference is dropped. */
int fd_add(struct file *file, bool cloexec);

int fd_close(int fd);                              /* flush + put; -EBADF */
int fd_dup2(int old_fd, int new_fd, bool cloexec); /* dup3 semantics apart from old == new */
/* A file (consumed) at this very number, in place of what is there. The number, -EBADF, -EBUSY,
 * -ENOMEM. */
int fd_replace(int fd, struct file *file, bool cloexec);
int fd_close_range(unsigned first, unsigned last, bool cloexec_only);
int file_table_unshare(void); /* the current thread gets a table of its own */
void file_table_close_on_exec(struct file_table *table);
int fd_get_cloexec(int fd);
int fd_set_cloexec(int fd, bool on);

/* Another task's table (for /proc/PID/fd, pidfd_getfd): a reference or NULL; next open fd >= fd or
 * -1. */
struct file *file_table_lookup(struct file_table *table, int fd);
int file_table_next(struct file_table *table, int fd);

/* RLIMIT_NOFILE of the current process: supplied by proc/ through this hook field. */
struct file_limits_ops {
    uint64_t (*nofile_limit)(void);
    uint64_t (*fsize_limit)(void); /* RLIMIT_FSIZE */
    void (*fsize_exceeded)(void);  /* a write or truncation goes beyond it: SIGXFSZ */
};
void file_table_set_limits_ops(struct kernel *kernel, const struct file_limits_ops *ops);

#endif
