/* SPDX-License-Identifier: MIT
 *
 * fanotify(7).
 */
#include "kernel/ipc/notify_marks.h"

void fanotify_event_locked(struct kernel *kernel, const struct fs_event *event,
                           struct fs_marks *const sources[], unsigned count)
{
    (void)kernel;
    (void)event;
    (void)sources;
    (void)count;
}

int fanotify_permission(struct file *file, uint32_t mask)
{
    (void)file;
    (void)mask;
    return 0;
}
