/* SPDX-License-Identifier: MIT
 *
 * Files and descriptors to call with. Numbers are the lowest free ones, so results compare.
 */
#include "tests/arguments/arguments.h"
#include "tests/arguments/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char content[64] = "An assay tests what a metal really contains. Sixty-four bytes.\n";

/* Remove whatever a case left in a directory, and what is in that. */
static void clear_directory(const char *path, int depth)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        char name[600];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (unlink(name) == 0)
            continue;
        if (depth < 4)
            clear_directory(name, depth + 1);
        rmdir(name);
    }
    closedir(dir);
}

static void make_file(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, content, sizeof(content)) != (ssize_t)sizeof(content))
        perror(name);
    close(fd);
}

void fixture_files(void)
{
    clear_directory(".", 0);
    chmod(".", 0755);
    make_file("file");
    mkdir("dir", 0755);
    mkdir("empty", 0755);
    make_file("dir/inner");
    if (symlink("file", "symlink") != 0 || symlink("missing", "dangling") != 0 ||
        symlink("loop", "loop") != 0 || mkfifo("fifo", 0644) != 0)
        perror("the fixture's files");
}

void fixture_fresh_mounts(void)
{
    if (unshare(CLONE_NEWNS) == 0)
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

long fd_file(void)
{
    return open("file", O_RDWR);
}

long file_x(void)
{
    setxattr("file", "trusted.x", "value", 5, 0);
    return str("file");
}

long fd_file_x(void)
{
    setxattr("file", "trusted.x", "value", 5, 0);
    return fd_file();
}

long fd_readonly(void)
{
    return open("file", O_RDONLY);
}

long fd_writeonly(void)
{
    return open("file", O_WRONLY);
}

long fd_append(void)
{
    return open("file", O_RDWR | O_APPEND);
}

long fd_new(void)
{
    return open("new", O_RDWR | O_CREAT, 0644);
}

long fd_dir(void)
{
    return open("dir", O_RDONLY | O_DIRECTORY);
}

long fd_opath(void)
{
    return open("file", O_PATH);
}

long fd_opath_dir(void)
{
    return open("dir", O_PATH);
}

static long pipe_end(int end, bool ready)
{
    int fds[2];
    if (pipe2(fds, O_NONBLOCK) != 0)
        return -1;
    if (ready && write(fds[1], content, sizeof(content)) < 0)
        return -1;
    return fds[end];
}

long fd_pipe_read(void)
{
    return pipe_end(0, false);
}

long fd_pipe_write(void)
{
    return pipe_end(1, false);
}

long fd_pipe_ready(void)
{
    return pipe_end(0, true);
}

long fd_fifo(void)
{
    return open("fifo", O_RDWR | O_NONBLOCK);
}

static long stream(bool ready)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
        return -1;
    if (ready && write(fds[1], content, sizeof(content)) < 0)
        return -1;
    return fds[0];
}

long fd_stream(void)
{
    return stream(false);
}

long fd_stream_ready(void)
{
    return stream(true);
}

long fd_unconnected(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static const struct sockaddr_un listening_address = {.sun_family = AF_UNIX,
                                                     .sun_path = "\0assay arguments"};

long unix_address(void)
{
    long fd = fd_listening();
    dup2((int)fd, 90); /* out of the way of the numbers that are told */
    close((int)fd);
    return object(&listening_address, sizeof(listening_address));
}

long unix_new_address(void)
{
    return OBJ(struct sockaddr_un, .sun_family = AF_UNIX, .sun_path = "new");
}

long fd_listening(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(fd, (const struct sockaddr *)&listening_address, sizeof(listening_address)) != 0)
        return fd; /* there is one already: this one only needs a type */
    listen(fd, 4);
    return fd;
}

long fd_listening_ready(void)
{
    int fd = (int)fd_listening(), client = (int)fd_unconnected();
    connect(client, (const struct sockaddr *)&listening_address, sizeof(listening_address));
    return fd;
}

long fd_dgram(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

long fd_event(void)
{
    return eventfd(1, EFD_NONBLOCK);
}

long fd_epoll(void)
{
    return epoll_create1(0);
}

long fd_epoll_ready(void)
{
    int epoll = epoll_create1(0), event = eventfd(1, 0);
    struct epoll_event interest = {.events = EPOLLIN, .data.u64 = 7};
    epoll_ctl(epoll, EPOLL_CTL_ADD, event, &interest);
    return epoll;
}

long fd_timer(void)
{
    return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
}

long fd_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return signalfd(-1, &set, SFD_NONBLOCK);
}

long fd_inotify(void)
{
    return inotify_init1(IN_NONBLOCK);
}

long fd_inotify_watching(void)
{
    int fd = inotify_init1(IN_NONBLOCK);
    inotify_add_watch(fd, "file", IN_MODIFY);
    return fd;
}

long fd_fanotify(void)
{
    return syscall(SYS_fanotify_init, 2 /* FAN_NONBLOCK */, 0);
}

long fd_pidfd(void)
{
    return syscall(SYS_pidfd_open, getpid(), 0);
}

long fd_pidfd_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    return syscall(SYS_pidfd_open, child, 0);
}

long fd_memfd(void)
{
    return memfd_create("arguments", 0);
}

long fd_memfd_sealable(void)
{
    return memfd_create("arguments", MFD_ALLOW_SEALING);
}

static long queue(bool ready)
{
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 8};
    mqd_t fd = mq_open("/arguments", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr);
    mq_unlink("/arguments");
    if (ready)
        mq_send(fd, "message", 8, 1);
    return fd;
}

long fd_mqueue(void)
{
    return queue(false);
}

long fd_mqueue_ready(void)
{
    return queue(true);
}

long fd_null(void)
{
    return open("/dev/null", O_RDWR);
}

long fd_zero(void)
{
    return open("/dev/zero", O_RDWR);
}

long fd_ptmx(void)
{
    return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
}

long fd_proc(void)
{
    return open("/proc/self/stat", O_RDONLY);
}

long fd_namespace(void)
{
    return open("/proc/self/ns/uts", O_RDONLY);
}

long fd_uring(void)
{
    char params[120] = {0};
    return syscall(SYS_io_uring_setup, 1, params);
}

long fd_fs_context(void)
{
    return syscall(SYS_fsopen, "tmpfs", 0);
}

long fd_fs_created(void)
{
    long fd = fd_fs_context();
    syscall(SYS_fsconfig, fd, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0);
    return fd;
}

long fd_tree(void)
{
    long context = fd_fs_created();
    long fd = syscall(SYS_fsmount, context, 0, 0);
    close((int)context);
    return fd;
}

long fd_ruleset(void)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = 2 | 4 | 8};
    return syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
}

long fd_userfault_raw(void)
{
    return syscall(SYS_userfaultfd, O_NONBLOCK);
}

long fd_userfault(void)
{
    long fd = fd_userfault_raw();
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register area = {.range = {USERFAULT_PAGE, 4096},
                                   .mode = UFFDIO_REGISTER_MODE_MISSING};

    mmap((void *)USERFAULT_PAGE, 4096, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ioctl((int)fd, UFFDIO_API, &api);
    ioctl((int)fd, UFFDIO_REGISTER, &area);
    return fd;
}

long fd_secret(void)
{
    return syscall(SYS_memfd_secret, 0);
}

long fd_secret_page(void)
{
    long fd = fd_secret();
    if (ftruncate((int)fd, 4096) != 0)
        return -1;
    return fd;
}

long fd_seccomp_listener(void)
{
    struct {
        unsigned short code;
        unsigned char jt, jf;
        unsigned k;
    } allow = {6 /* return */, 0, 0, SECCOMP_RET_ALLOW};
    struct {
        unsigned short length;
        void *instructions;
    } program = {1, &allow};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                   &program);
}

long mounted(void)
{
    mount("none", "dir", "tmpfs", 0, NULL);
    return str("dir");
}
