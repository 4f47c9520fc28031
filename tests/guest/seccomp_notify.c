/* SPDX-License-Identifier: MIT */
/* seccomp_unotify(2): system calls that another process decides. */
#include "guest.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH 16
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND 2
#endif
#ifndef SECCOMP_IOCTL_NOTIF_ADDFD
struct seccomp_notif_addfd {
    __u64 id;
    __u32 flags, srcfd, newfd, newfd_flags;
};
#define SECCOMP_ADDFD_FLAG_SETFD 1
#define SECCOMP_IOCTL_NOTIF_ADDFD _IOW('!', 3, struct seccomp_notif_addfd)
#endif

#define LISTENER SECCOMP_FILTER_FLAG_NEW_LISTENER

static long seccomp(unsigned operation, unsigned flags, void *arguments)
{
    return syscall(__NR_seccomp, operation, flags, arguments);
}

/* A filter that asks about getppid. */
static long install(unsigned flags)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    return seccomp(SECCOMP_SET_MODE_FILTER, flags, &program);
}

static long ask(void)
{
    return syscall(__NR_getppid, 1, 2, 3);
}

static void receive(int listener, struct seccomp_notif *out)
{
    memset(out, 0, sizeof(*out));
    OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, out));
}

static int reply(int listener, uint64_t id, int64_t value, int error, unsigned flags)
{
    struct seccomp_notif_resp resp = {.id = id, .val = value, .error = error, .flags = flags};
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static void arguments_are_checked(void)
{
    struct seccomp_notif_sizes sizes;
    OK(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
    TRUE(sizes.seccomp_notif >= sizeof(struct seccomp_notif));
    TRUE(sizes.seccomp_notif_resp >= sizeof(struct seccomp_notif_resp));
    TRUE(sizes.seccomp_data >= sizeof(struct seccomp_data));
    FAILS(seccomp(SECCOMP_GET_NOTIF_SIZES, 1, &sizes), EINVAL);
    FAILS(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, BAD_POINTER), EFAULT);
    uint32_t action = SECCOMP_RET_USER_NOTIF;
    OK(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action));
    FAILS(install(LISTENER | SECCOMP_FILTER_FLAG_TSYNC), EINVAL);
    FAILS(install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), EINVAL);
    int listener =
        (int)OK(install(LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
    EQ(OK(fcntl(listener, F_GETFD)), FD_CLOEXEC);
    FAILS(install(LISTENER), EBUSY); /* one for all filters */
    OK(install(0));
    struct pollfd ready = {.fd = listener, .events = POLLIN | POLLOUT};
    EQ(OK(poll(&ready, 1, 0)), 0);
    uint64_t id = 77;
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id), ENOENT);
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, NULL), EFAULT);
    FAILS(reply(listener, id, 0, 0, 0), ENOENT);
    FAILS(reply(listener, id, 0, 0, 1u << 20), EINVAL);
    FAILS(reply(listener, id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, NULL), EFAULT);
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, NULL), EFAULT);
    struct seccomp_notif dirty = {.pid = 1};
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &dirty), EINVAL);
    struct seccomp_notif_addfd gift = {.id = id, .newfd = 3};
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift), EINVAL);
    gift = (struct seccomp_notif_addfd){.id = id, .flags = 1u << 20};
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift), EINVAL);
    gift = (struct seccomp_notif_addfd){.id = id, .newfd_flags = O_NONBLOCK};
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift), EINVAL);
    gift = (struct seccomp_notif_addfd){.id = id, .srcfd = 999};
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift), EBADF);
    gift.srcfd = 0;
    FAILS(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift), ENOENT);
    FAILS(ioctl(listener, 0x1234, 0), EINVAL);
    FAILS(install(LISTENER), EBUSY);
    OK(close(listener));
    OK(install(LISTENER));
}

/* The child installs the filter and hands the listener up through its descriptor table. */
struct target {
    pid_t pid;
    int listener;
    struct gate installed, go;
};

static struct target start(void (*body)(void), unsigned flags)
{
    struct target target = {.installed = gate_make(), .go = gate_make()};
    int numbers[2];
    OK(pipe(numbers));
    target.pid = (pid_t)OK(fork());
    if (target.pid == 0) {
        int listener = (int)OK(install(LISTENER | flags));
        EQ(write(numbers[1], &listener, sizeof(listener)), sizeof(listener));
        gate_pass(&target.go);
        OK(close(listener));
        body();
        _exit(0);
    }
    int theirs, pidfd = (int)OK(syscall(SYS_pidfd_open, target.pid, 0));
    EQ(read(numbers[0], &theirs, sizeof(theirs)), sizeof(theirs));
    target.listener = (int)OK(syscall(SYS_pidfd_getfd, pidfd, theirs, 0));
    gate_open(&target.go);
    return target;
}

static void expect_answers(void)
{
    EQ(ask(), 4711);
    FAILS(ask(), EXDEV);
    FAILS(ask(), 512);
    TRUE(ask() > 0); /* let through */
    errno = 0;
    EQ(ask(), -1);
    EQ(errno, ENOSYS); /* the listener is closed */
}

static void the_listener_decides(void)
{
    struct target target = start(expect_answers, 0);
    struct seccomp_notif notif;
    struct pollfd ready = {.fd = target.listener, .events = POLLIN | POLLOUT};
    EQ(OK(poll(&ready, 1, -1)), 1);
    EQ(ready.revents & (POLLIN | POLLOUT), POLLIN);
    FAILS(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_RECV, BAD_POINTER), EFAULT);
    receive(target.listener, &notif);
    EQ(notif.pid, target.pid);
    EQ(notif.flags, 0);
    EQ(notif.data.nr, __NR_getppid);
    EQ(notif.data.arch, AUDIT_ARCH_X86_64);
    EQ(notif.data.args[1], 2);
    EQ(OK(poll(&ready, 1, -1)), 1);
    EQ(ready.revents & (POLLIN | POLLOUT), POLLOUT);
    OK(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif.id));
    OK(reply(target.listener, notif.id, 4711, 0, 0));
    uint64_t first = notif.id;
    receive(target.listener, &notif);
    TRUE(notif.id != first);
    FAILS(reply(target.listener, first, 0, 0, 0), ENOENT);
    OK(reply(target.listener, notif.id, 0, -EXDEV, 0));
    receive(target.listener, &notif);
    OK(reply(target.listener, notif.id, 0, -512, 0)); /* the kernel's own number for a restart */
    receive(target.listener, &notif);
    OK(reply(target.listener, notif.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
    receive(target.listener, &notif);
    OK(close(target.listener));
    CHILD_OK(target.pid);
}

static void expect_files(void)
{
    char c;
    EQ(ask(), 1); /* told after the file has come */
    EQ(read(50, &c, 1), 1);
    EQ(c, 'g');
    EQ(fcntl(50, F_GETFD), FD_CLOEXEC);
    int fd = (int)ask(); /* the number is the answer */
    TRUE(fd >= 0);
    EQ(fcntl(fd, F_GETFD), 0);
    EQ(read(fd, &c, 1), 1);
    EQ(c, 'g');
}

static void descriptors_are_given(void)
{
    struct target target = start(expect_files, 0);
    struct seccomp_notif notif;
    int ends[2];
    OK(pipe(ends));
    EQ(write(ends[1], "ggg", 3), 3);
    receive(target.listener, &notif);
    struct seccomp_notif_addfd gift = {.id = notif.id,
                                       .flags = SECCOMP_ADDFD_FLAG_SETFD,
                                       .srcfd = (unsigned)ends[0],
                                       .newfd = 50,
                                       .newfd_flags = O_CLOEXEC};
    EQ(OK(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift)), 50);
    EQ(OK(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift)), 50); /* replaced */
    struct {
        struct seccomp_notif_addfd gift;
        char more[8];
    } big = {.gift = gift};
    /* The number of the request says how long the structure is; which way it goes does not matter.
     */
    EQ(OK(ioctl(target.listener, _IOWR('!', 3, big), &big)), 50);
    big.more[7] = 1;
    FAILS(ioctl(target.listener, _IOWR('!', 3, big), &big), E2BIG);
    FAILS(ioctl(target.listener, _IOWR('!', 3, char[8]), &big), EINVAL);
    gift.newfd = 1u << 30;
    FAILS(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift), EBADF);
    OK(reply(target.listener, notif.id, 1, 0, 0));
    receive(target.listener, &notif);
    gift = (struct seccomp_notif_addfd){
        .id = notif.id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (unsigned)ends[0]};
    TRUE(OK(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift)) >= 0);
    CHILD_OK(target.pid);
    struct pollfd ready = {.fd = target.listener, .events = POLLIN};
    EQ(OK(poll(&ready, 1, -1)), 1);
    TRUE(ready.revents & POLLHUP); /* nobody is under the filter any more */
}

static void ask_once(void)
{
    ask();
}

static void a_killed_task_is_forgotten(void)
{
    struct target target = start(ask_once, 0);
    struct seccomp_notif notif;
    receive(target.listener, &notif);
    OK(kill(target.pid, SIGKILL));
    EQ(WAIT(target.pid), SIGKILL);
    FAILS(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif.id), ENOENT);
    FAILS(reply(target.listener, notif.id, 0, 0, 0), ENOENT);
}

static volatile sig_atomic_t handled;

static void count_signal(int signo)
{
    (void)signo;
    handled++;
}

static void ask_with_restart(void)
{
    const struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    OK(sigaction(SIGUSR1, &action, NULL));
    EQ(ask(), 5);
    EQ(handled, 1);
}

static void a_signal_restarts_the_question(void)
{
    struct target target = start(ask_with_restart, 0);
    struct seccomp_notif notif, again;
    receive(target.listener, &notif);
    OK(kill(target.pid, SIGUSR1));
    receive(target.listener, &again);
    TRUE(again.id != notif.id);
    FAILS(reply(target.listener, notif.id, 5, 0, 0), ENOENT);
    OK(reply(target.listener, again.id, 5, 0, 0));
    CHILD_OK(target.pid);
}

static void after_receipt_only_death_ends_the_wait(void)
{
    struct target target = start(ask_with_restart, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    struct seccomp_notif notif;
    receive(target.listener, &notif);
    OK(kill(target.pid, SIGUSR1));
    EVENTUALLY(process_state(target.pid) == 'D' || process_state(target.pid) == 'S');
    OK(ioctl(target.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif.id));
    OK(reply(target.listener, notif.id, 5, 0, 0));
    CHILD_OK(target.pid);
    target = start(ask_once, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    receive(target.listener, &notif);
    OK(kill(target.pid, SIGKILL));
    EQ(WAIT(target.pid), SIGKILL);
}

enum { ASKERS = 6, QUESTIONS = 20 };

static void *ask_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < QUESTIONS; i++)
        if (ask() != 9)
            return (void *)1;
    return NULL;
}

static void many_threads(void)
{
    pthread_t threads[ASKERS];
    for (int i = 0; i < ASKERS; i++)
        EQ(pthread_create(&threads[i], NULL, ask_many, NULL), 0);
    for (int i = 0; i < ASKERS; i++) {
        void *failed;
        EQ(pthread_join(threads[i], &failed), 0);
        TRUE(!failed);
    }
}

static void threads_are_told_apart(void)
{
    struct target target = start(many_threads, 0);
    struct seccomp_notif notif;
    for (int i = 0; i < ASKERS * QUESTIONS; i++) {
        receive(target.listener, &notif);
        OK(reply(target.listener, notif.id, 9, 0, 0));
    }
    CHILD_OK(target.pid);
}

static void without_a_listener_there_is_no_call(void)
{
    OK(install(0));
    FAILS(ask(), ENOSYS);
}

GUEST_MAIN(CASE(arguments_are_checked), CASE(the_listener_decides), CASE(descriptors_are_given),
           CASE(a_killed_task_is_forgotten), CASE(a_signal_restarts_the_question),
           CASE(after_receipt_only_death_ends_the_wait), CASE(threads_are_told_apart),
           CASE(without_a_listener_there_is_no_call))
