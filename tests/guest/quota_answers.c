/* SPDX-License-Identifier: MIT */
/* quotactl(2), quotactl_fd(2): what file systems without quotas answer. */
#include "guest.h"

#include <sys/quota.h>

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

static long quota(unsigned command, const char *special)
{
    char buffer[256];
    return syscall(SYS_quotactl, command, special, 0, buffer);
}

static void start(void)
{
    if (quota(QCMD(Q_SYNC, USRQUOTA), NULL) < 0 && errno == ENOSYS)
        skip("no quotas here");
}

static void special_files_are_looked_up(void)
{
    start();
    OK(quota(QCMD(Q_SYNC, USRQUOTA), NULL));
    OK(quota(QCMD(Q_SYNC, GRPQUOTA), NULL));
    FAILS(quota(QCMD(Q_SYNC, 77), NULL), EINVAL);
    FAILS(quota(QCMD(Q_GETFMT, 77), "nothing"), EINVAL);
    FAILS(quota(QCMD(Q_GETFMT, USRQUOTA), NULL), ENODEV);
    FAILS(quota(QCMD(Q_GETFMT, USRQUOTA), "nothing"), ENOENT);
    FAILS(quota(QCMD(Q_GETQUOTA, GRPQUOTA), "/dev/null"), ENOTBLK);
    FAILS(quota(QCMD(Q_GETQUOTA, GRPQUOTA), "/"), ENOTBLK);
    FAILS(quota(QCMD(Q_GETFMT, USRQUOTA), BAD_POINTER), EFAULT);
}

static void descriptors_name_file_systems(void)
{
    char buffer[256];
    start();
    int ends[2];
    OK(pipe(ends));
    if (syscall(SYS_quotactl_fd, ends[0], QCMD(Q_GETFMT, 77), 0, buffer) < 0 && errno == ENOSYS)
        skip("no quotactl_fd here");
    FAILS(syscall(SYS_quotactl_fd, ends[0], QCMD(Q_GETFMT, 77), 0, buffer), EINVAL);
    FAILS(syscall(SYS_quotactl_fd, ends[0], QCMD(Q_GETFMT, USRQUOTA), 0, buffer), ENOSYS);
    FAILS(syscall(SYS_quotactl_fd, -1, QCMD(Q_GETFMT, USRQUOTA), 0, buffer), EBADF);
    int proc = (int)OK(open("/proc", O_PATH));
    FAILS(syscall(SYS_quotactl_fd, proc, QCMD(Q_GETFMT, USRQUOTA), 0, buffer), ENOSYS);
}

GUEST_MAIN(CASE(special_files_are_looked_up), CASE(descriptors_name_file_systems))
