/* SPDX-License-Identifier: MIT
 *
 * What each user has of things that are limited by user: bytes in message queues, inotify
 * instances.
 */
#ifndef KERNEL_IPC_USER_TOTALS_H
#define KERNEL_IPC_USER_TOTALS_H

#include <stdint.h>

struct kernel;

enum user_total {
    USER_MQ_BYTES,
    USER_INOTIFY_INSTANCES,
    USER_INOTIFY_WATCHES,
    USER_FANOTIFY_GROUPS,
    USER_FANOTIFY_MARKS,
    USER_PIPE_PAGES,
    USER_TOTALS,
};

/* Count `amount` more for the user unless that exceeds `limit`. 0, -EMFILE, -ENOMEM. */
int user_total_add(struct kernel *kernel, uint32_t uid, enum user_total which, uint64_t amount,
                   uint64_t limit);
void user_total_sub(struct kernel *kernel, uint32_t uid, enum user_total which, uint64_t amount);

#endif
