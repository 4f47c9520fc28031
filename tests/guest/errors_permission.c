/* SPDX-License-Identifier: MIT */
/* EACCES and EPERM for a user without privileges: path_resolution(7), capabilities(7). */
#include "guest.h"

#include <mqueue.h>
#include <sys/fsuid.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "creation_check.h"
#include <sys/xattr.h>
#include <utime.h>

enum { USER = 54323 };

static const struct timeval some_times[2] = {{1, 0}, {2, 0}};
static const struct timespec some_timespecs[2] = {{1, 0}, {2, 0}};
static char bytes[4096];

static void become_user(void)
{
    OK(syscall(SYS_setgroups, 0, NULL));
    OK(syscall(SYS_setresgid, USER, USER, USER));
    OK(syscall(SYS_setresuid, USER, USER, USER));
    OK(prctl(PR_SET_DUMPABLE, 1));
}

/* closed/: nobody but root may search it. stuck/: nobody but root may write it. sticky/: with a
 * file of root. */
static void make_files(void)
{
    if (geteuid() != 0)
        skip("needs root");
    umask(0);
    OK(mkdir("closed", 0777));
    write_text("closed/file", "text", 0777);
    OK(mkdir("closed/dir", 0777));
    OK(chmod("closed", 0700));
    OK(mkdir("stuck", 0755));
    write_text("stuck/file", "text", 0644);
    OK(mkdir("stuck/dir", 0777));
    OK(symlink("file", "stuck/link"));
    OK(mkdir("sticky", 01777));
    write_text("sticky/file", "text", 0666);
    OK(mkdir("sticky/dir", 0777));
    OK(mkdir("open", 0777));
}

static void remove_files(void)
{
    static const char *const names[] = {"closed/file", "stuck/file", "stuck/link", "sticky/file"};
    static const char *const folders[] = {"closed/dir", "stuck/dir", "sticky/dir", "closed",
                                          "stuck",      "sticky",    "open"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        OK(unlink(names[i]));
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        OK(rmdir(folders[i]));
}

static void as_user_with_files(void (*body)(void))
{
    make_files();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        become_user();
        body();
        _exit(0);
    }
    CHILD_OK(pid);
    remove_files();
}

/* ---- a directory that may not be searched ---- */

static void search(void)
{
    struct stat st;
    struct statfs fs;
    struct utimbuf old = {1, 2};
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_RDONLY, 0, 0};
    FAILS(syscall(SYS_open, "closed/file", O_RDONLY), EACCES);
    FAILS(syscall(SYS_openat, AT_FDCWD, "closed/file", O_PATH), EACCES);
    FAILS(syscall(SYS_openat2, AT_FDCWD, "closed/file", &how, sizeof(how)), EACCES);
    FAILS(syscall(SYS_creat, "closed/new", 0600), EACCES);
    FAILS(syscall(SYS_stat, "closed/file", &st), EACCES);
    FAILS(syscall(SYS_lstat, "closed/file", &st), EACCES);
    FAILS(syscall(SYS_newfstatat, AT_FDCWD, "closed/file", &st, 0), EACCES);
    FAILS(syscall(SYS_statx, AT_FDCWD, "closed/file", 0, 0xfff, bytes), EACCES);
    FAILS(syscall(SYS_statfs, "closed/file", &fs), EACCES);
    FAILS(syscall(SYS_access, "closed/file", F_OK), EACCES);
    FAILS(syscall(SYS_faccessat, AT_FDCWD, "closed/file", F_OK), EACCES);
    FAILS(syscall(SYS_faccessat2, AT_FDCWD, "closed/file", F_OK, 0), EACCES);
    FAILS(syscall(SYS_chmod, "closed/file", 0600), EACCES);
    FAILS(syscall(SYS_fchmodat, AT_FDCWD, "closed/file", 0600), EACCES);
    FAILS(syscall(SYS_chown, "closed/file", USER, USER), EACCES);
    FAILS(syscall(SYS_lchown, "closed/file", USER, USER), EACCES);
    FAILS(syscall(SYS_fchownat, AT_FDCWD, "closed/file", USER, USER, 0), EACCES);
    FAILS(syscall(SYS_utime, "closed/file", &old), EACCES);
    FAILS(syscall(SYS_utimes, "closed/file", some_times), EACCES);
    FAILS(syscall(SYS_futimesat, AT_FDCWD, "closed/file", some_times), EACCES);
    FAILS(syscall(SYS_utimensat, AT_FDCWD, "closed/file", some_timespecs, 0), EACCES);
    FAILS(syscall(SYS_truncate, "closed/file", 0), EACCES);
    FAILS(syscall(SYS_readlink, "closed/file", bytes, 10), EACCES);
    FAILS(syscall(SYS_readlinkat, AT_FDCWD, "closed/file", bytes, 10), EACCES);
    FAILS(syscall(SYS_chdir, "closed"), EACCES);
    FAILS(syscall(SYS_chdir, "closed/dir"), EACCES);
    FAILS(syscall(SYS_execve, "closed/file", NULL, NULL), EACCES);
    FAILS(syscall(SYS_execveat, AT_FDCWD, "closed/file", NULL, NULL, 0), EACCES);
    FAILS(syscall(SYS_inotify_add_watch, OK(syscall(SYS_inotify_init)), "closed/file", 2), EACCES);
    FAILS(syscall(SYS_getxattr, "closed/file", "user.x", bytes, 1), EACCES);
    FAILS(syscall(SYS_lgetxattr, "closed/file", "user.x", bytes, 1), EACCES);
    FAILS(syscall(SYS_setxattr, "closed/file", "user.x", bytes, 1, 0), EACCES);
    FAILS(syscall(SYS_lsetxattr, "closed/file", "user.x", bytes, 1, 0), EACCES);
    FAILS(syscall(SYS_listxattr, "closed/file", bytes, 10), EACCES);
    FAILS(syscall(SYS_llistxattr, "closed/file", bytes, 10), EACCES);
    FAILS(syscall(SYS_removexattr, "closed/file", "user.x"), EACCES);
    FAILS(syscall(SYS_lremovexattr, "closed/file", "user.x"), EACCES);
    int fd = (int)OK(open("closed", O_PATH | O_DIRECTORY));
    FAILS(syscall(SYS_fchdir, fd), EACCES);
    FAILS(syscall(SYS_openat, fd, "file", O_RDONLY), EACCES);
    FAILS(syscall(SYS_open, "closed", O_RDONLY), EACCES);
}

static void a_closed_directory_is_not_searched(void)
{
    as_user_with_files(search);
}

/* ---- a directory that may not be written, and a sticky one ---- */

static void bind_name(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, name);
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(bind(fd, (struct sockaddr *)&address, sizeof(address)), EACCES);
    OK(close(fd));
}

static void change_names(void)
{
    write_text("open/file", "text", 0600);
    creating_fails("stuck", "open/file", EACCES);
    FAILS(syscall(SYS_unlink, "stuck/file"), EACCES);
    FAILS(syscall(SYS_unlinkat, AT_FDCWD, "stuck/file", 0), EACCES);
    FAILS(syscall(SYS_rmdir, "stuck/dir"), EACCES);
    FAILS(syscall(SYS_unlinkat, AT_FDCWD, "stuck/dir", AT_REMOVEDIR), EACCES);
    FAILS(syscall(SYS_rename, "stuck/file", "open/new"), EACCES);
    FAILS(syscall(SYS_renameat, AT_FDCWD, "open/file", AT_FDCWD, "stuck/new"), EACCES);
    FAILS(syscall(SYS_renameat2, AT_FDCWD, "open/file", AT_FDCWD, "stuck/file", 2), EACCES);
    FAILS(syscall(SYS_mkdir, "stuck/dir", 0700), EEXIST); /* told first */
    FAILS(syscall(SYS_unlink, "stuck/none"), ENOENT);
    bind_name("stuck/socket");
    bind_name("closed/socket");
    FAILS(syscall(SYS_unlink, "sticky/file"), EPERM);
    FAILS(syscall(SYS_unlinkat, AT_FDCWD, "sticky/file", 0), EPERM);
    FAILS(syscall(SYS_rmdir, "sticky/dir"), EPERM);
    FAILS(syscall(SYS_rename, "sticky/file", "open/new"), EPERM);
    FAILS(syscall(SYS_renameat, AT_FDCWD, "sticky/file", AT_FDCWD, "sticky/new"), EPERM);
    FAILS(syscall(SYS_renameat2, AT_FDCWD, "open/file", AT_FDCWD, "sticky/file", 0), EPERM);
    OK(unlink("open/file"));
    OK(mkdir("sticky/own", 0700));
    OK(rmdir("sticky/own"));
}

static void names_are_protected(void)
{
    as_user_with_files(change_names);
}

/* ---- files of somebody else ---- */

static void change_files(void)
{
    const struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    int fd = (int)OK(open("stuck/file", O_RDONLY));
    FAILS(syscall(SYS_open, "stuck/file", O_WRONLY), EACCES);
    FAILS(syscall(SYS_open, "stuck/file", O_RDONLY | O_TRUNC), EACCES);
    FAILS(syscall(SYS_openat, AT_FDCWD, "stuck/file", O_RDONLY | O_NOATIME), EPERM);
    FAILS(syscall(SYS_truncate, "stuck/file", 0), EACCES);
    FAILS(syscall(SYS_access, "stuck/file", W_OK), EACCES);
    FAILS(syscall(SYS_execve, "stuck/file", NULL, NULL), EACCES);
    FAILS(syscall(SYS_chmod, "stuck/file", 0777), EPERM);
    FAILS(syscall(SYS_fchmod, fd, 0777), EPERM);
    FAILS(syscall(SYS_fchmodat, AT_FDCWD, "stuck/file", 0777), EPERM);
    FAILS(syscall(SYS_chown, "stuck/file", USER, USER), EPERM);
    FAILS(syscall(SYS_lchown, "stuck/link", USER, USER), EPERM);
    FAILS(syscall(SYS_fchown, fd, USER, -1), EPERM);
    FAILS(syscall(SYS_fchownat, AT_FDCWD, "stuck/file", -1, USER, 0), EPERM);
    FAILS(syscall(SYS_utime, "stuck/file", NULL), EACCES);
    FAILS(syscall(SYS_utimes, "stuck/file", some_times), EPERM);
    FAILS(syscall(SYS_futimesat, AT_FDCWD, "stuck/file", some_times), EPERM);
    FAILS(syscall(SYS_utimensat, AT_FDCWD, "stuck/file", some_timespecs, 0), EPERM);
    FAILS(syscall(SYS_utimensat, AT_FDCWD, "stuck/file", now, 0), EACCES);
    OK(syscall(SYS_utimensat, AT_FDCWD, "sticky/file", now, 0)); /* who may write may touch */
    FAILS(syscall(SYS_utimensat, AT_FDCWD, "sticky/file", some_timespecs, 0), EPERM);
    FAILS(fcntl(fd, F_SETFL, O_NOATIME), EPERM);
    FAILS(fcntl(fd, F_SETLEASE, F_RDLCK), EACCES);
    FAILS(syscall(SYS_fgetxattr, fd, "trusted.x", bytes, 1), ENODATA);
    FAILS(syscall(SYS_setxattr, "sticky/file", "trusted.x", bytes, 1, 0), EPERM);
    const uint32_t capability[5] = {0x02000000 /* VFS_CAP_REVISION_2 */};
    FAILS(syscall(SYS_fsetxattr, fd, "security.capability", bytes, 20, 0), EINVAL);
    FAILS(syscall(SYS_fsetxattr, fd, "security.capability", capability, 20, 0), EPERM);
    FAILS(syscall(SYS_removexattr, "sticky/file", "trusted.x"), EPERM);
    FAILS((long)mmap(NULL, 4, PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
    FAILS(syscall(SYS_mknod, "open/null", S_IFCHR | 0666, 0x103), EPERM);
    FAILS(syscall(SYS_mknodat, AT_FDCWD, "open/disk", S_IFBLK | 0666, 0x100), EPERM);
    const uint32_t handle[4] = {8 /* bytes */, 1 /* type */};
    FAILS(syscall(SYS_open_by_handle_at, AT_FDCWD, handle, O_RDONLY), EPERM);
    FAILS(syscall(SYS_link, "closed", "open/x"), EPERM); /* a directory */
}

static void files_are_protected(void)
{
    as_user_with_files(change_files);
}

/* ---- what only an administrator may do ---- */

static void administer(void)
{
    const struct timespec time = {1, 0};
    const struct timeval old_time = {1, 0};
    struct timex timex = {.modes = ADJ_FREQUENCY};
    FAILS(syscall(SYS_settimeofday, &old_time, NULL), EPERM);
    FAILS(syscall(SYS_clock_settime, CLOCK_REALTIME, &time), EPERM);
    FAILS(syscall(SYS_adjtimex, &timex), EPERM);
    FAILS(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &timex), EPERM);
    FAILS(syscall(SYS_sethostname, "name", 4), EPERM);
    FAILS(syscall(SYS_setdomainname, "name", 4), EPERM);
    FAILS(syscall(SYS_chroot, "open"), EPERM);
    FAILS(syscall(SYS_mount, "none", "open", "tmpfs", 0, NULL), EPERM);
    FAILS(syscall(SYS_umount2, "open", 0), EPERM);
    FAILS(syscall(SYS_pivot_root, "open", "open"), EPERM);
    FAILS(syscall(SYS_open_tree, AT_FDCWD, "open", 1 /* OPEN_TREE_CLONE */), EPERM);
    FAILS(syscall(SYS_fsopen, "tmpfs", 0), EPERM);
    FAILS(syscall(SYS_fspick, AT_FDCWD, "open", 0), EPERM);
    FAILS(syscall(SYS_move_mount, AT_FDCWD, "open", AT_FDCWD, "open", 0), EPERM);
    FAILS(syscall(SYS_mount_setattr, AT_FDCWD, "open", 0, bytes, 32), EPERM);
    FAILS(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x89abcdef, NULL), EPERM);
    FAILS(syscall(SYS_vhangup), EPERM);
    FAILS(syscall(SYS_syslog, 5 /* clear */, NULL, 0), EPERM);
    FAILS(syscall(SYS_setgroups, 0, NULL), EPERM);
    FAILS(syscall(SYS_unshare, CLONE_NEWUTS), EPERM);
    FAILS(syscall(SYS_setns, OK(open("/proc/self/ns/uts", O_RDONLY)), 0), EPERM);
    FAILS(syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0), EPERM);
    FAILS(syscall(SYS_fanotify_init, 4 /* FAN_CLASS_CONTENT */, 0), EPERM);
    FAILS(syscall(SYS_quotactl, 0x800002 << 8, "/dev/null", 0, bytes), ENOTBLK);
    if (syscall(SYS_acct, NULL) == 0 || errno != ENOSYS)
        FAILS(syscall(SYS_acct, NULL), EPERM);
}

static void administration_is_for_root(void)
{
    as_user_with_files(administer);
}

static void change_identity(void)
{
    FAILS(syscall(SYS_setuid, 0), EPERM);
    FAILS(syscall(SYS_setgid, 0), EPERM);
    FAILS(syscall(SYS_setreuid, 0, -1), EPERM);
    FAILS(syscall(SYS_setregid, 0, -1), EPERM);
    FAILS(syscall(SYS_setresuid, -1, 0, -1), EPERM);
    FAILS(syscall(SYS_setresgid, -1, -1, 0), EPERM);
    EQ(setfsuid(0), USER); /* says nothing, does nothing */
    EQ(setfsuid(0), USER);
    FAILS(syscall(SYS_prctl, PR_CAPBSET_DROP, 0, 0, 0, 0), EPERM);
    FAILS(syscall(SYS_prctl, PR_SET_SECUREBITS, 0, 0, 0, 0), EPERM);
    const struct {
        uint32_t version;
        int pid;
    } header = {0x20080522, 0};
    const uint32_t data[6] = {1, 1, 0, 0, 0, 0};
    FAILS(syscall(SYS_capset, &header, data), EPERM);
    const struct {
        unsigned short length;
        void *code;
    } program = {1, bytes};
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
        FAILS(syscall(SYS_seccomp, 1, 0, &program), EACCES);
    /* Without a clock that wakes the machine there is none of that kind. */
    EQ(syscall(SYS_timer_create, 8 /* CLOCK_REALTIME_ALARM */, NULL, bytes), -1);
    TRUE(errno == EPERM || errno == EOPNOTSUPP);
}

static void identity_is_protected(void)
{
    as_user_with_files(change_identity);
}

/* ---- processes and objects of somebody else ---- */

static void reach_others(void)
{
    pid_t root = getppid();
    struct iovec part = {bytes, 8};
    siginfo_t info = {.si_code = SI_QUEUE};
    struct sched_param param = {0};
    const unsigned long cpus = 1;
    FAILS(syscall(SYS_kill, root, 0), EPERM);
    FAILS(syscall(SYS_tkill, root, SIGUSR1), EPERM);
    FAILS(syscall(SYS_tgkill, root, root, SIGUSR1), EPERM);
    FAILS(syscall(SYS_rt_sigqueueinfo, root, SIGUSR1, &info), EPERM);
    FAILS(syscall(SYS_rt_tgsigqueueinfo, root, root, SIGUSR1, &info), EPERM);
    FAILS(syscall(SYS_ptrace, 0x4206 /* SEIZE */, root, 0, 0), EPERM);
    FAILS(syscall(SYS_process_vm_readv, root, &part, 1, &part, 1, 0), EPERM);
    FAILS(syscall(SYS_process_vm_writev, root, &part, 1, &part, 1, 0), EPERM);
    FAILS(syscall(SYS_kcmp, root, root, 2, 0, 0), EPERM);
    FAILS(syscall(SYS_prlimit64, root, RLIMIT_CORE, NULL, bytes), EPERM);
    FAILS(syscall(SYS_setpriority, PRIO_PROCESS, root, 10), EPERM);
    FAILS(syscall(SYS_sched_setscheduler, root, SCHED_OTHER, &param), EPERM);
    FAILS(syscall(SYS_sched_setparam, root, &param), EPERM);
    FAILS(syscall(SYS_sched_setaffinity, root, 8, &cpus), EPERM);
    FAILS(syscall(SYS_ioprio_set, 1, root, 2 << 13 | 4), EPERM);
    FAILS(syscall(SYS_get_robust_list, root, bytes, bytes + 8), EPERM);
    FAILS(syscall(SYS_move_pages, root, 0, NULL, NULL, NULL, 0), EPERM);
    FAILS(syscall(SYS_migrate_pages, root, 64, &cpus, &cpus), EPERM);
    int pidfd = (int)OK(syscall(SYS_pidfd_open, root, 0));
    FAILS(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0), EPERM);
    FAILS(syscall(SYS_pidfd_getfd, pidfd, 0, 0), EPERM);
    FAILS(syscall(SYS_process_madvise, pidfd, &part, 1, 20 /* MADV_COLD */, 0), EACCES);
    FAILS(syscall(SYS_setns, pidfd, CLONE_NEWUTS), EPERM);
    FAILS(syscall(SYS_setpgid, root, 0), ESRCH); /* no child */
}

static void others_are_protected(void)
{
    as_user_with_files(reach_others);
}

static int shm, sem, msg;

static void use_objects(void)
{
    struct sembuf take = {0, 0, IPC_NOWAIT};
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "stuck/socket"};
    FAILS(syscall(SYS_shmget, 0x5aa1, 0, 0400), EACCES);
    FAILS(syscall(SYS_shmat, shm, NULL, SHM_RDONLY), EACCES);
    FAILS(syscall(SYS_shmctl, shm, IPC_STAT, bytes), EACCES);
    FAILS(syscall(SYS_shmctl, shm, IPC_RMID, NULL), EPERM);
    FAILS(syscall(SYS_shmctl, shm, SHM_LOCK, NULL), EPERM);
    FAILS(syscall(SYS_semget, 0x5aa1, 0, 0400), EACCES);
    FAILS(syscall(SYS_semop, sem, &take, 1), EACCES);
    FAILS(syscall(SYS_semtimedop, sem, &take, 1, NULL), EACCES);
    FAILS(syscall(SYS_semctl, sem, 0, GETVAL, 0), EACCES);
    FAILS(syscall(SYS_semctl, sem, 0, IPC_RMID, 0), EPERM);
    FAILS(syscall(SYS_msgget, 0x5aa1, 0400), EACCES);
    FAILS(syscall(SYS_msgsnd, msg, bytes + 8, 0, IPC_NOWAIT), EINVAL); /* type 0 */
    bytes[8] = 1;
    FAILS(syscall(SYS_msgsnd, msg, bytes + 8, 0, IPC_NOWAIT), EACCES);
    FAILS(syscall(SYS_msgrcv, msg, bytes, 0, 0, IPC_NOWAIT), EACCES);
    FAILS(syscall(SYS_msgctl, msg, IPC_STAT, bytes), EACCES);
    FAILS(syscall(SYS_msgctl, msg, IPC_RMID, NULL), EPERM);
    FAILS(mq_open("/errors_permission", O_RDWR), EACCES);
    FAILS(mq_unlink("/errors_permission"), EACCES);
    int fd = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    FAILS(connect(fd, (struct sockaddr *)&address, sizeof(address)), EACCES);
    FAILS(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)), EACCES);
    struct iovec part = {bytes, 1};
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1};
    FAILS(sendmsg(fd, &message, 0), EACCES);
}

static void objects_are_protected(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "stuck/socket"};
    make_files();
    if (unshare(CLONE_NEWIPC) != 0)
        skip("needs an IPC namespace");
    shm = (int)OK(shmget(0x5aa1, 4096, IPC_CREAT | 0600));
    sem = (int)OK(semget(0x5aa1, 1, IPC_CREAT | 0600));
    msg = (int)OK(msgget(0x5aa1, IPC_CREAT | 0600));
    OK(mq_open("/errors_permission", O_RDWR | O_CREAT, 0600, NULL));
    int fd = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
    OK(chmod("stuck/socket", 0755));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        become_user();
        use_objects();
        _exit(0);
    }
    CHILD_OK(pid);
    OK(unlink("stuck/socket"));
    remove_files();
}

GUEST_MAIN(CASE(a_closed_directory_is_not_searched), CASE(names_are_protected),
           CASE(files_are_protected), CASE(administration_is_for_root), CASE(identity_is_protected),
           CASE(others_are_protected), CASE(objects_are_protected))
