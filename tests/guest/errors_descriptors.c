/* SPDX-License-Identifier: MIT */
/* EMFILE of every call that makes descriptors: RLIMIT_NOFILE of getrlimit(2), and nothing is lost.
 */
#include "guest.h"

#include <dirent.h>
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include "handle_check.h"

enum { LIMIT = 20 };

/* No new descriptor from here on, or one with the number LIMIT - 1. */
static void fill_descriptors(int spare)
{
    const struct rlimit limit = {LIMIT, LIMIT};
    int fd;
    OK(syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit));
    while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        continue;
    EQ(errno, EMFILE);
    for (int i = 1; i <= spare; i++)
        OK(close(LIMIT - i));
}

/* How many descriptors this process has. */
static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < LIMIT; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void opening_fails(void)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_RDONLY, 0, 0};
    write_text("file", "text", 0600);
    fill_descriptors(0);
    FAILS(syscall(SYS_open, "file", O_RDONLY), EMFILE);
    FAILS(syscall(SYS_creat, "new", 0600), EMFILE);
    FAILS(syscall(SYS_openat, AT_FDCWD, "new", O_WRONLY | O_CREAT, 0600), EMFILE);
    FAILS(syscall(SYS_openat, AT_FDCWD, "file", O_WRONLY | O_TRUNC), EMFILE);
    FAILS(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how)), EMFILE);
    FAILS(syscall(SYS_openat, AT_FDCWD, "file", O_PATH), EMFILE);
    /* Neither was the new file made nor the old one made empty. */
    struct stat st;
    FAILS(stat("new", &st), ENOENT);
    OK(stat("file", &st));
    EQ(st.st_size, 4);
    OK(unlink("file"));
}

static void duplicating_fails(void)
{
    fill_descriptors(0);
    FAILS(syscall(SYS_dup, 0), EMFILE);
    FAILS(fcntl(0, F_DUPFD, 0), EMFILE);
    FAILS(fcntl(0, F_DUPFD_CLOEXEC, 3), EMFILE);
    FAILS(fcntl(0, F_DUPFD, LIMIT), EINVAL);
    FAILS(syscall(SYS_dup2, 0, LIMIT), EBADF);
    FAILS(syscall(SYS_dup3, 0, LIMIT, 0), EBADF);
    OK(syscall(SYS_dup2, 0, LIMIT - 1)); /* in the place of another */
    EQ(descriptors(), LIMIT);
}

static void pipes_and_socketpairs_need_two(void)
{
    int fds[2] = {-7, -7};
    fill_descriptors(1);
    FAILS(syscall(SYS_pipe, fds), EMFILE);
    FAILS(syscall(SYS_pipe2, fds, O_CLOEXEC), EMFILE);
    FAILS(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, fds), EMFILE);
    EQ(fds[0], -7);
    EQ(fds[1], -7);
    EQ(descriptors(), LIMIT - 1);
    OK(close(LIMIT - 2));
    OK(syscall(SYS_pipe, fds));
    EQ(fds[0], LIMIT - 2);
    EQ(fds[1], LIMIT - 1);
}

static void sockets_fail(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int listener = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    int client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind(listener, (struct sockaddr *)&address, sizeof(address)));
    OK(listen(listener, 1));
    OK(connect(client, (struct sockaddr *)&address, sizeof(address)));
    fill_descriptors(0);
    FAILS(syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0), EMFILE);
    FAILS(syscall(SYS_accept, listener, NULL, NULL), EMFILE);
    FAILS(syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC), EMFILE);
    /* The connection waits still. */
    OK(close(LIMIT - 1));
    EQ(syscall(SYS_accept, listener, NULL, NULL), LIMIT - 1);
    OK(unlink("socket"));
}

/* Descriptors that find no place are dropped, and the reader is told. */
static void rights_are_cut_off(void)
{
    int pair[2];
    char byte = 'x';
    struct iovec part = {&byte, 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(3 * sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control.bytes)};
    const int files[3] = {0, 1, 2};
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    memcpy(CMSG_DATA(&control.header), files, sizeof(files));
    message.msg_controllen = CMSG_LEN(sizeof(files));
    EQ(OK(sendmsg(pair[0], &message, 0)), 1);
    fill_descriptors(2);
    memset(&control, 0, sizeof(control));
    message.msg_controllen = sizeof(control.bytes);
    EQ(OK(recvmsg(pair[1], &message, 0)), 1);
    EQ(message.msg_flags & MSG_CTRUNC, MSG_CTRUNC);
    EQ(control.header.cmsg_len, CMSG_LEN(2 * sizeof(int)));
    EQ(descriptors(), LIMIT);
}

static void event_descriptors_fail(void)
{
    sigset_t set;
    sigemptyset(&set);
    char params[120] = {0};
    fill_descriptors(0);
    FAILS(syscall(SYS_epoll_create, 1), EMFILE);
    FAILS(syscall(SYS_epoll_create1, EPOLL_CLOEXEC), EMFILE);
    FAILS(syscall(SYS_eventfd, 0), EMFILE);
    FAILS(syscall(SYS_eventfd2, 0, EFD_CLOEXEC), EMFILE);
    FAILS(syscall(SYS_signalfd, -1, &set, 8), EMFILE);
    FAILS(syscall(SYS_signalfd4, -1, &set, 8, SFD_CLOEXEC), EMFILE);
    FAILS(syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0), EMFILE);
    FAILS(syscall(SYS_inotify_init), EMFILE);
    FAILS(syscall(SYS_inotify_init1, IN_CLOEXEC), EMFILE);
    FAILS(syscall(SYS_memfd_create, "name", 0), EMFILE);
    FAILS(syscall(SYS_pidfd_open, getpid(), 0), EMFILE);
    FAILS(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */), EMFILE);
    FAILS(mq_open("/errors_descriptors", O_RDWR | O_CREAT, 0600, NULL), EMFILE);
    FAILS(mq_unlink("/errors_descriptors"), ENOENT);
    if (syscall(SYS_io_uring_setup, 0, params) < 0 && errno == EINVAL)
        FAILS(syscall(SYS_io_uring_setup, 1, params), EMFILE);
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0) {
        const uint64_t handled = 4;
        FAILS(syscall(SYS_landlock_create_ruleset, &handled, 8, 0), EMFILE);
    }
}

static void descriptors_of_others_fail(void)
{
    int pidfd = (int)OK(syscall(SYS_pidfd_open, getpid(), 0));
    fill_descriptors(0);
    FAILS(syscall(SYS_pidfd_getfd, pidfd, 0, 0), EMFILE);
    EQ(descriptors(), LIMIT);
}

static void clone_for_a_pidfd_makes_no_child(void)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.flags = 0x1000 /* CLONE_PIDFD */, .exit_signal = SIGCHLD};
    int pidfd = -7;
    args.pidfd = (uint64_t)(uintptr_t)&pidfd;
    fill_descriptors(0);
    FAILS(syscall(SYS_clone3, &args, sizeof(args)), EMFILE);
    FAILS(syscall(SYS_clone, 0x1000 | SIGCHLD, 0, &pidfd, 0, 0), EMFILE);
    EQ(pidfd, -7);
    FAILS(waitpid(-1, NULL, WNOHANG | __WALL), ECHILD);
}

static void what_root_opens_fails(void)
{
    struct handle_of_file handle;
    write_text("file", "text", 0600);
    bool handles = find_handle("file", &handle);
    int dot = (int)OK(open(".", O_RDONLY | O_DIRECTORY));
    fill_descriptors(0);
    if (handles)
        FAILS(syscall(SYS_open_by_handle_at, dot, &handle, O_RDONLY), EMFILE);
    FAILS(syscall(SYS_open_tree, AT_FDCWD, ".", 0), EMFILE);
    FAILS(syscall(SYS_fsopen, "tmpfs", 0), EMFILE);
    FAILS(syscall(SYS_fspick, AT_FDCWD, "/", 0), EMFILE);
    FAILS(syscall(SYS_fanotify_init, 0, 0), EMFILE);
    OK(unlink("file"));
}

static void a_filter_without_a_listener_is_none(void)
{
    struct {
        uint16_t code;
        uint8_t jt, jf;
        uint32_t k;
    } refuse = {6 /* return */, 0, 0, 0x00050001 /* errno 1 */};
    struct {
        unsigned short length;
        void *code;
    } program = {1, &refuse};
    if (geteuid() != 0)
        skip("needs root");
    fill_descriptors(0);
    FAILS(syscall(SYS_seccomp, 1, 8 /* NEW_LISTENER */, &program), EMFILE);
    OK(syscall(SYS_getppid)); /* not refused */
}

GUEST_MAIN(CASE(opening_fails), CASE(duplicating_fails), CASE(pipes_and_socketpairs_need_two),
           CASE(sockets_fail), CASE(rights_are_cut_off), CASE(event_descriptors_fail),
           CASE(descriptors_of_others_fail), CASE(clone_for_a_pidfd_makes_no_child),
           CASE(what_root_opens_fails), CASE(a_filter_without_a_listener_is_none))
