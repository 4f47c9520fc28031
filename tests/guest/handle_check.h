/* SPDX-License-Identifier: MIT
 *
 * File handles in memory of their own size, name_to_handle_at(2). Include it after guest.h.
 */
#ifndef TESTS_GUEST_HANDLE_CHECK_H
#define TESTS_GUEST_HANDLE_CHECK_H

struct handle_of_file {
    unsigned bytes;
    int type;
    char id[128];
};

/* False where the file system has no handles. Skips the test without the right to open them. */
static inline bool find_handle(const char *name, struct handle_of_file *out)
{
    int mount_id;
    if (geteuid() != 0)
        skip("needs root");
    *out = (struct handle_of_file){.bytes = sizeof(out->id)};
    return syscall(SYS_name_to_handle_at, AT_FDCWD, name, out, &mount_id, 0) == 0;
}

#endif
