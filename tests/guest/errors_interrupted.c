/* SPDX-License-Identifier: MIT */
/* EINTR of every call that blocks, by a handler without SA_RESTART: signal(7). */
#include "guest.h"

#include <linux/aio_abi.h>
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { TICK_NS = 5000000, FAR_S = 1000 };

static char bytes[65536];
static struct iovec part = {bytes, sizeof(bytes)};
static const struct timespec far = {.tv_sec = FAR_S};

static void tick(int sig)
{
    (void)sig;
}

/* SIGUSR1 again and again: one that comes before the call blocks is followed by another. */
static void interruptions_begin(void)
{
    const struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct sigaction action = {.sa_handler = tick};
    int timer;
    OK(sigaction(SIGUSR1, &action, NULL));
    OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
    OK(syscall(SYS_timer_settime, timer, 0, &every, NULL));
}

static void fill(int fd)
{
    int flags = (int)OK(fcntl(fd, F_GETFL));
    OK(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    while (write(fd, bytes, sizeof(bytes)) > 0)
        continue;
    while (write(fd, bytes, 1) > 0)
        continue;
    EQ(errno, EAGAIN);
    OK(fcntl(fd, F_SETFL, flags));
}

static void pipes_are_interrupted(void)
{
    int empty[2], full[2], file;
    OK(pipe(empty));
    OK(pipe(full));
    fill(full[1]);
    OK(mkfifo("fifo", 0600));
    file = (int)OK(open("file", O_RDWR | O_CREAT, 0600));
    EQ(write(file, bytes, 100), 100);
    OK(lseek(file, 0, SEEK_SET));
    interruptions_begin();
    FAILS(read(empty[0], bytes, 1), EINTR);
    FAILS(syscall(SYS_readv, empty[0], &part, 1), EINTR);
    FAILS(syscall(SYS_preadv2, empty[0], &part, 1, -1l, -1l, 0), EINTR);
    FAILS(write(full[1], bytes, 1), EINTR);
    FAILS(syscall(SYS_writev, full[1], &part, 1), EINTR);
    FAILS(syscall(SYS_pwritev2, full[1], &part, 1, -1l, -1l, 0), EINTR);
    FAILS(open("fifo", O_RDONLY), EINTR);
    FAILS(syscall(SYS_openat, AT_FDCWD, "fifo", O_WRONLY), EINTR);
    FAILS(syscall(SYS_splice, empty[0], NULL, file, NULL, 100, 0), EINTR);
    FAILS(syscall(SYS_tee, empty[0], full[1], 100, 0), EINTR);
    FAILS(syscall(SYS_vmsplice, full[1], &part, 1, 0), EINTR);
    FAILS(syscall(SYS_sendfile, full[1], file, NULL, 100), EINTR);
    OK(unlink("fifo"));
    OK(unlink("file"));
}

static void event_files_are_interrupted(void)
{
    const struct itimerspec late = {{0, 0}, {FAR_S, 0}};
    const uint64_t most = UINT64_MAX - 1;
    uint64_t word;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    int event = (int)OK(eventfd(0, 0)), full = (int)OK(eventfd(0, 0));
    int timer = (int)OK(timerfd_create(CLOCK_MONOTONIC, 0));
    int signals = (int)OK(signalfd(-1, &set, 0)), watch = (int)OK(inotify_init());
    EQ(write(full, &most, 8), 8);
    OK(timerfd_settime(timer, 0, &late, NULL));
    interruptions_begin();
    FAILS(read(event, &word, 8), EINTR);
    FAILS(write(full, &most, 8), EINTR);
    FAILS(read(timer, &word, 8), EINTR);
    FAILS(read(signals, bytes, sizeof(struct signalfd_siginfo)), EINTR);
    FAILS(read(watch, bytes, sizeof(bytes)), EINTR);
}

static void terminals_are_interrupted(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        skip("no pseudoterminals");
    int slave = (int)OK(open(ptsname(master), O_RDWR | O_NOCTTY));
    interruptions_begin();
    FAILS(read(slave, bytes, 1), EINTR);
    FAILS(read(master, bytes, 1), EINTR);
}

static int listener(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
    OK(listen(fd, 0));
    return fd;
}

static void sockets_are_interrupted(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    struct mmsghdr many = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    int pair[2], waiting = listener(), client;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    fill(pair[0]);
    interruptions_begin();
    FAILS(syscall(SYS_accept, waiting, NULL, NULL), EINTR);
    FAILS(syscall(SYS_accept4, waiting, NULL, NULL, 0), EINTR);
    FAILS(syscall(SYS_recvfrom, pair[0], bytes, 1, 0, NULL, NULL), EINTR);
    FAILS(syscall(SYS_recvmsg, pair[0], &many.msg_hdr, 0), EINTR);
    FAILS(syscall(SYS_recvmmsg, pair[0], &many, 1, 0, NULL), EINTR);
    FAILS(syscall(SYS_sendto, pair[0], bytes, 1, 0, NULL, 0), EINTR);
    FAILS(syscall(SYS_sendmsg, pair[0], &many.msg_hdr, 0), EINTR);
    FAILS(syscall(SYS_sendmmsg, pair[0], &many, 1, 0), EINTR);
    FAILS(read(pair[0], bytes, 1), EINTR);
    FAILS(write(pair[0], bytes, 1), EINTR);
    int result = 0;
    for (int i = 0; i < 4 && result == 0; i++) { /* until the backlog is full */
        client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
        result = connect(client, (struct sockaddr *)&address, sizeof(address));
    }
    EQ(result, -1);
    EQ(errno, EINTR);
    FAILS(connect(client, (struct sockaddr *)&address, sizeof(address)), EINTR);
    OK(unlink("socket"));
}

static void waiting_for_descriptors_is_interrupted(void)
{
    int pipe_fds[2], epoll = (int)OK(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    struct pollfd poll_fd;
    struct timeval old_far = {.tv_sec = FAR_S};
    struct timespec left = far;
    fd_set set;
    OK(pipe(pipe_fds));
    poll_fd = (struct pollfd){.fd = pipe_fds[0], .events = POLLIN};
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_fds[0], &event));
    FD_ZERO(&set);
    FD_SET(pipe_fds[0], &set);
    interruptions_begin();
    FAILS(syscall(SYS_poll, &poll_fd, 1, -1), EINTR);
    FAILS(syscall(SYS_ppoll, &poll_fd, 1, &left, NULL, 8), EINTR);
    FAILS(syscall(SYS_select, pipe_fds[0] + 1, &set, NULL, NULL, &old_far), EINTR);
    FAILS(syscall(SYS_pselect6, pipe_fds[0] + 1, &set, NULL, NULL, NULL, NULL), EINTR);
    FAILS(syscall(SYS_epoll_wait, epoll, &event, 1, -1), EINTR);
    FAILS(syscall(SYS_epoll_pwait, epoll, &event, 1, FAR_S * 1000, NULL, 8), EINTR);
    FAILS(syscall(SYS_epoll_pwait2, epoll, &event, 1, &far, NULL, 8), EINTR);
    TRUE(left.tv_sec < FAR_S); /* what is left is told */
}

static void sleeping_is_interrupted(void)
{
    struct timespec left = {0, 0};
    sigset_t set;
    uint32_t word = 0;
    struct {
        uint64_t value, address;
        uint32_t flags, reserved;
    } wait = {0, (uint64_t)(uintptr_t)&word, 2, 0};
    sigemptyset(&set);
    interruptions_begin();
    FAILS(pause(), EINTR);
    FAILS(syscall(SYS_rt_sigsuspend, &set, 8), EINTR);
    sigaddset(&set, SIGUSR2);
    FAILS(syscall(SYS_rt_sigtimedwait, &set, NULL, &far, 8), EINTR);
    FAILS(syscall(SYS_nanosleep, &far, &left), EINTR);
    TRUE(left.tv_sec > FAR_S - 60);
    FAILS(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &far, &left), EINTR);
    FAILS(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, TIMER_ABSTIME,
                  &((struct timespec){.tv_sec = INT_MAX}), NULL),
          EINTR);
    FAILS(syscall(SYS_futex, &word, 0 /* WAIT */, 0, NULL, NULL, 0), EINTR);
    FAILS(syscall(SYS_futex, &word, 9 /* WAIT_BITSET */, 0, NULL, NULL, ~0u), EINTR);
    FAILS(syscall(SYS_futex_waitv, &wait, 1, 0, NULL, 0), EINTR);
}

static void waiting_for_children_is_interrupted(void)
{
    siginfo_t info;
    pid_t pid = (pid_t)OK(fork());
    while (pid == 0)
        pause();
    interruptions_begin();
    FAILS(syscall(SYS_wait4, pid, NULL, 0, NULL), EINTR);
    FAILS(syscall(SYS_waitid, P_PID, pid, &info, WEXITED, NULL), EINTR);
    OK(kill(pid, SIGKILL));
    while (waitpid(pid, NULL, 0) < 0)
        EQ(errno, EINTR);
}

static void locks_are_interrupted(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct gate gate = gate_make(), held = gate_make();
    int fd = (int)OK(open("file", O_RDWR | O_CREAT, 0600));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        fd = (int)OK(open("file", O_RDWR));
        OK(fcntl(fd, F_SETLK, &lock));
        OK(flock(fd, LOCK_EX));
        gate_open(&held);
        gate_pass(&gate);
        _exit(0);
    }
    gate_pass(&held);
    interruptions_begin();
    FAILS(flock(fd, LOCK_SH), EINTR);
    FAILS(fcntl(fd, F_SETLKW, &lock), EINTR);
    FAILS(fcntl(fd, F_OFD_SETLKW, &lock), EINTR);
    gate_open(&gate);
    while (waitpid(pid, NULL, 0) < 0)
        EQ(errno, EINTR);
    OK(unlink("file"));
}

static void ipc_is_interrupted(void)
{
    struct sembuf take = {0, -1, 0};
    struct {
        long type;
        char text[1024];
    } message = {1, ""};
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
    int sem = (int)OK(semget(IPC_PRIVATE, 1, 0600)), msg = (int)OK(msgget(IPC_PRIVATE, 0600));
    mqd_t queue = (mqd_t)OK(mq_open("/errors_interrupted", O_RDWR | O_CREAT, 0600, &attr));
    OK(mq_unlink("/errors_interrupted"));
    interruptions_begin();
    FAILS(syscall(SYS_semop, sem, &take, 1), EINTR);
    FAILS(syscall(SYS_semtimedop, sem, &take, 1, &far), EINTR);
    FAILS(syscall(SYS_msgrcv, msg, &message, 8, 0, 0), EINTR);
    int result;
    do {
        result = msgsnd(msg, &message, sizeof(message.text), 0);
    } while (result == 0);
    EQ(errno, EINTR);
    FAILS(syscall(SYS_msgsnd, msg, &message, sizeof(message.text), 0), EINTR);
    FAILS(syscall(SYS_mq_timedreceive, queue, bytes, 8, NULL, NULL), EINTR);
    OK(mq_send(queue, bytes, 8, 0));
    FAILS(syscall(SYS_mq_timedsend, queue, bytes, 8, 0, NULL), EINTR);
    OK(semctl(sem, 0, IPC_RMID));
    OK(msgctl(msg, IPC_RMID, NULL));
}

static void asynchronous_io_is_interrupted(void)
{
    aio_context_t context = 0;
    struct io_event event;
    OK(syscall(SYS_io_setup, 1, &context));
    char params[120] = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 1, params);
    interruptions_begin();
    FAILS(syscall(SYS_io_getevents, context, 1, 1, &event, NULL), EINTR);
    FAILS(syscall(SYS_io_pgetevents, context, 1, 1, &event, NULL, NULL), EINTR);
    if (ring >= 0)
        FAILS(syscall(SYS_io_uring_enter, ring, 0, 1, 1 /* GETEVENTS */, NULL, 0), EINTR);
    OK(syscall(SYS_io_destroy, context));
}

GUEST_MAIN(CASE(pipes_are_interrupted), CASE(event_files_are_interrupted),
           CASE(terminals_are_interrupted), CASE(sockets_are_interrupted),
           CASE(waiting_for_descriptors_is_interrupted), CASE(sleeping_is_interrupted),
           CASE(waiting_for_children_is_interrupted), CASE(locks_are_interrupted),
           CASE(ipc_is_interrupted), CASE(asynchronous_io_is_interrupted))
