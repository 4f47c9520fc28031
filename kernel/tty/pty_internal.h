/* SPDX-License-Identifier: MIT
 *
 * Pseudoterminals: what pty.c (the pairs) and devpts.c (their names) share.
 */
#ifndef KERNEL_TTY_PTY_INTERNAL_H
#define KERNEL_TTY_PTY_INTERNAL_H

#include "kernel/core/spinlock.h"
#include "kernel/lib/byte_ring.h"
#include "kernel/lib/xarray.h"
#include "kernel/tty/tty_internal.h"

struct inode;
struct path;

enum {
    PTY_OUTPUT_BYTES = 8192,
    PTYS_NUMBERS_MAX = 1 << 20,
    PTY_SLAVE_MAJOR = 136, /* 136..143, 256 minors each; we number 136:N up to 2^20 */
    PTMX_MAJOR = 5,
    PTMX_MINOR = 2,
};

/* A pair. Belongs to the slave's tty (tty->driver_data) and is freed with it; the master's open
 * file and the name in devpts each hold a reference on the tty. */
struct pty {
    struct tty *slave;
    int index;
    struct inode *inode;         /* of the slave's name; referenced while the master is open */
    struct superblock *instance; /* the same */

    struct spinlock lock;    /* the fields below; LOCK_RANK_OBJECT */
    struct byte_ring output; /* slave -> master */
    bool locked;             /* unlockpt has not been called */
    bool packet_mode;
    uint8_t packet_events; /* TIOCPKT_* to be reported */
    bool master_closed;
    bool slave_opened; /* at least once */

    struct wait_queue read_wait, write_wait; /* of the master */
    uint8_t buffer[PTY_OUTPUT_BYTES];
};

struct pty_table {
    struct mutex lock; /* count, and what is in the instances */
    unsigned count;    /* of pairs with an open master; atomic for readers */
};

struct devpts_options {
    uint32_t uid, gid, mode, ptmx_mode, max;
    bool has_uid, has_gid; /* else the names are their makers' */
};

/* An instance: superblock.private. */
struct devpts {
    struct xarray by_index; /* -> struct pty, while its master is open */
    struct devpts_options options;
    bool may_use_reserve; /* mounted in the initial mount namespace: kernel.pty.reserve is for it */
};

/* Open the other end (ptmx): file->private becomes the pty. */
int pty_open_master(struct inode *inode, struct file *file);
extern const struct file_ops pty_master_ops, pty_slave_ops;

/* The live pair of that number with a reference on its tty, or NULL. */
struct pty *pty_find(struct superblock *sb, int index);

/* devpts.c */
int devpts_init(struct kernel *kernel);
int devpts_create_inode(struct superblock *sb, int index, struct inode **out);
struct devpts *devpts_of(const struct superblock *sb); /* NULL: another file system */
/* The root of the instance that an open ptmx belongs to, referenced; -ENODEV. */
int devpts_find(const struct file *ptmx, struct path *out_root);

#endif
