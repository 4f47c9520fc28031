/* SPDX-License-Identifier: MIT */
/* What calls answer beyond a limit of getrlimit(2): EAGAIN, ENOMEM, EFBIG, EPERM, EMFILE, EACCES.
 */
#include "guest.h"

#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/uio.h>

enum { USER = 54322, PAGE = 4096 };

static char page[PAGE];

static void set_limit(int resource, rlim_t limit)
{
    const struct rlimit both = {limit, limit};
    OK(setrlimit(resource, &both));
}

/* Whether a limit that may be lower already can be that high. */
static bool raise_limit(int resource, rlim_t limit)
{
    const struct rlimit both = {limit, limit};
    return setrlimit(resource, &both) == 0;
}

static void become_user(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(syscall(SYS_setgroups, 0, NULL));
    OK(syscall(SYS_setresgid, USER, USER, USER));
    OK(syscall(SYS_setresuid, USER, USER, USER));
}

static void *map(size_t pages, int flags)
{
    return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
                0);
}

/* ---- RLIMIT_SIGPENDING ---- */

static void queued_signals_are_limited(void)
{
    siginfo_t info = {.si_code = SI_QUEUE, .si_signo = SIGRTMIN + 1};
    const int sig = SIGRTMIN + 1;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    int timer;
    sigset_t set;
    set_limit(RLIMIT_SIGPENDING, 2);
    become_user();
    sigemptyset(&set);
    sigaddset(&set, sig);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(syscall(SYS_rt_sigqueueinfo, getpid(), sig, &info));
    OK(syscall(SYS_rt_sigqueueinfo, getpid(), sig, &info));
    FAILS(syscall(SYS_rt_sigqueueinfo, getpid(), sig, &info), EAGAIN);
    FAILS(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sig, &info), EAGAIN);
    FAILS(syscall(SYS_tkill, gettid(), sig), EAGAIN);
    FAILS(syscall(SYS_tgkill, getpid(), gettid(), sig), EAGAIN);
    FAILS(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), EAGAIN);
    /* One that only says that there is a signal comes always. */
    OK(kill(getpid(), SIGUSR1));
    EQ(OK(sigwaitinfo(&set, &info)), SIGUSR1);
    EQ(OK(sigwaitinfo(&set, &info)), sig);
    OK(syscall(SYS_rt_sigqueueinfo, getpid(), sig, &info));
    FAILS(syscall(SYS_rt_sigqueueinfo, getpid(), sig, &info), EAGAIN);
}

/* ---- RLIMIT_MEMLOCK ---- */

static void locked_memory_is_limited(void)
{
    int shm = (int)OK(shmget(IPC_PRIVATE, 16 * PAGE, 0600));
    struct shmid_ds ds;
    set_limit(RLIMIT_MEMLOCK, 8 * PAGE);
    OK(shmctl(shm, IPC_STAT, &ds));
    ds.shm_perm.uid = USER;
    OK(shmctl(shm, IPC_SET, &ds));
    become_user();
    char *area = map(16, 0);
    TRUE(area != MAP_FAILED);
    FAILS(syscall(SYS_mlock, area, 9 * PAGE), ENOMEM);
    FAILS(syscall(SYS_mlock2, area, 9 * PAGE, 0), ENOMEM);
    OK(syscall(SYS_mlock, area, 8 * PAGE));
    OK(syscall(SYS_mlock, area, 8 * PAGE)); /* counted once */
    FAILS(syscall(SYS_mlock, area + 8 * PAGE, PAGE), ENOMEM);
    FAILS((long)map(1, MAP_LOCKED), EAGAIN);
    FAILS((long)mremap(area, 8 * PAGE, 9 * PAGE, MREMAP_MAYMOVE), EAGAIN);
    FAILS(syscall(SYS_mlockall, MCL_CURRENT), ENOMEM);
    FAILS(shmctl(shm, SHM_LOCK, NULL), ENOMEM);
    OK(syscall(SYS_munlock, area, PAGE));
    OK(syscall(SYS_mlock, area + 8 * PAGE, PAGE));
    OK(syscall(SYS_munlockall));
    set_limit(RLIMIT_MEMLOCK, 0);
    FAILS(syscall(SYS_mlock, area, PAGE), EPERM);
    FAILS(syscall(SYS_mlock2, area, PAGE, 1), EPERM);
    FAILS(syscall(SYS_mlockall, MCL_FUTURE), EPERM);
    FAILS(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0),
          EPERM);
    FAILS(shmctl(shm, SHM_LOCK, NULL), EPERM);
    OK(shmctl(shm, IPC_RMID, NULL));
}

/* ---- RLIMIT_AS, RLIMIT_DATA ---- */

static void address_space_is_limited(void)
{
    int shm = (int)OK(shmget(IPC_PRIVATE, 64 << 20, 0600));
    char *area = map(1, 0);
    TRUE(area != MAP_FAILED);
    set_limit(RLIMIT_AS, 48 << 20);
    FAILS((long)map(64 << 8, 0), ENOMEM);
    FAILS((long)mmap(NULL, 64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    FAILS((long)mremap(area, PAGE, 64 << 20, MREMAP_MAYMOVE), ENOMEM);
    FAILS((long)shmat(shm, NULL, 0), ENOMEM);
    char *end = (char *)syscall(SYS_brk, 0);
    EQ(syscall(SYS_brk, end + (64 << 20)), (long)end);
    area[0] = 1;
    OK(shmctl(shm, IPC_RMID, NULL));
}

static void data_is_limited(void)
{
    char *end = (char *)syscall(SYS_brk, 0);
    char *readonly = mmap(NULL, 32 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(readonly != MAP_FAILED);
    set_limit(RLIMIT_DATA, 24 << 20);
    FAILS((long)map(32 << 8, 0), ENOMEM);
    FAILS(mprotect(readonly, 32 << 20, PROT_READ | PROT_WRITE), ENOMEM);
    EQ(syscall(SYS_brk, end + (32 << 20)), (long)end);
    OK((long)mmap(NULL, 32 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    OK((long)mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/* ---- RLIMIT_FSIZE ---- */

static void files_are_limited(void)
{
    struct iovec part = {page, PAGE};
    off_t from = 0, to = 100;
    int fds[2], fd = (int)OK(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    signal(SIGXFSZ, SIG_IGN);
    set_limit(RLIMIT_FSIZE, 100);
    EQ(write(fd, page, PAGE), 100); /* what fits */
    FAILS(syscall(SYS_write, fd, page, 1), EFBIG);
    FAILS(syscall(SYS_pwrite64, fd, page, 1, 100), EFBIG);
    FAILS(syscall(SYS_writev, fd, &part, 1), EFBIG);
    FAILS(syscall(SYS_pwritev, fd, &part, 1, 200, 0), EFBIG);
    FAILS(syscall(SYS_pwritev2, fd, &part, 1, 200, 0, 0), EFBIG);
    EQ(syscall(SYS_pwritev, fd, &part, 1, 60, 0), 40);
    FAILS(syscall(SYS_truncate, "file", 101), EFBIG);
    FAILS(syscall(SYS_ftruncate, fd, 101), EFBIG);
    FAILS(syscall(SYS_fallocate, fd, 0, 0, 101), EFBIG);
    FAILS(syscall(SYS_copy_file_range, fd, &from, fd, &to, 10, 0), EFBIG);
    int source = (int)OK(open("file", O_RDONLY));
    FAILS(syscall(SYS_sendfile, fd, source, &from, 10), EFBIG);
    OK(pipe(fds));
    EQ(write(fds[1], page, 10), 10); /* a pipe is no file */
    FAILS(syscall(SYS_splice, fds[0], NULL, fd, &to, 10, 0), EFBIG);
    OK(syscall(SYS_ftruncate, fd, 100));
    OK(unlink("file"));
}

static void who_writes_too_much_is_told(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        set_limit(RLIMIT_FSIZE, 10);
        int fd = (int)OK(open("file", O_RDWR | O_CREAT, 0600));
        EQ(write(fd, page, 20), 10);
        if (write(fd, page, 1) >= 0)
            _exit(0);
        _exit(2);
    }
    int status = WAIT(pid);
    TRUE(WIFSIGNALED(status));
    EQ(WTERMSIG(status), SIGXFSZ);
    OK(unlink("file"));
}

/* ---- RLIMIT_NICE, RLIMIT_RTPRIO, RLIMIT_MSGQUEUE, RLIMIT_NPROC, RLIMIT_STACK ---- */

static void priorities_are_limited(void)
{
    struct sched_param param = {.sched_priority = 4};
    bool nice = raise_limit(RLIMIT_NICE, 18); /* down to nice 2 */
    bool real_time = raise_limit(RLIMIT_RTPRIO, 3);
    become_user();
    OK(setpriority(PRIO_PROCESS, 0, 5));
    FAILS(syscall(SYS_setpriority, PRIO_PROCESS, 0, 1), EACCES);
    if (nice)
        OK(syscall(SYS_setpriority, PRIO_PROCESS, 0, 2));
    FAILS(syscall(SYS_setpriority, PRIO_PROCESS, 1, 19), EPERM);
    FAILS(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), EPERM);
    if (real_time) {
        param.sched_priority = 3;
        OK(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &param));
        param.sched_priority = 4;
        FAILS(syscall(SYS_sched_setparam, 0, &param), EPERM);
        param.sched_priority = 2;
        OK(syscall(SYS_sched_setparam, 0, &param));
    }
    FAILS(syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 4), EPERM); /* of the real-time class */
}

static void queues_are_limited(void)
{
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 1024};
    set_limit(RLIMIT_MSGQUEUE, 4096);
    become_user();
    FAILS(mq_open("/errors_limits", O_RDWR | O_CREAT, 0600, &attr), EMFILE);
    FAILS(mq_open("/errors_limits", O_RDWR), ENOENT);
    attr.mq_maxmsg = 1;
    OK(mq_open("/errors_limits", O_RDWR | O_CREAT, 0600, &attr));
    OK(mq_unlink("/errors_limits"));
}

static void processes_are_limited(void)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.exit_signal = SIGCHLD};
    set_limit(RLIMIT_NPROC, 1);
    become_user();
    FAILS(syscall(SYS_fork), EAGAIN);
    FAILS(vfork(), EAGAIN);
    FAILS(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), EAGAIN);
    FAILS(syscall(SYS_clone3, &args, sizeof(args)), EAGAIN);
}

static void arguments_are_limited(void)
{
    static char text[100000];
    char *const words[] = {"true", text, text, NULL};
    memset(text, 'x', sizeof(text) - 1);
    set_limit(RLIMIT_STACK, 512 << 10);
    FAILS(syscall(SYS_execve, "/proc/self/exe", words, NULL), E2BIG);
    FAILS(syscall(SYS_execveat, AT_FDCWD, "/proc/self/exe", words, NULL, 0), E2BIG);
}

/* ---- limits of a user ---- */

static void inotify_instances_are_limited(void)
{
    char text[32] = {0};
    int sysctl = open("/proc/sys/fs/inotify/max_user_instances", O_RDONLY);
    if (sysctl < 0 || read(sysctl, text, sizeof(text) - 1) <= 0 || atoi(text) > 4000)
        skip("no small limit");
    if (!raise_limit(RLIMIT_NOFILE, 5000))
        skip("needs many descriptors");
    become_user();
    for (int i = 0; i < atoi(text); i++)
        OK(syscall(SYS_inotify_init1, 0));
    FAILS(syscall(SYS_inotify_init1, 0), EMFILE);
    FAILS(syscall(SYS_inotify_init), EMFILE);
}

static void keys_are_limited(void)
{
    char name[32];
    int result = 0;
    become_user();
    if (syscall(SYS_add_key, "user", "first", page, 8, -2) < 0 && errno == ENOSYS)
        skip("no keys");
    for (int i = 0; i < 1000 && result >= 0; i++) {
        snprintf(name, sizeof(name), "key %d", i);
        result = (int)syscall(SYS_add_key, "user", name, page, 8, -2);
    }
    EQ(result, -1);
    EQ(errno, EDQUOT);
}

GUEST_MAIN(CASE(queued_signals_are_limited), CASE(locked_memory_is_limited),
           CASE(address_space_is_limited), CASE(data_is_limited), CASE(files_are_limited),
           CASE(who_writes_too_much_is_told), CASE(priorities_are_limited),
           CASE(queues_are_limited), CASE(processes_are_limited), CASE(arguments_are_limited),
           CASE(inotify_instances_are_limited), CASE(keys_are_limited))
