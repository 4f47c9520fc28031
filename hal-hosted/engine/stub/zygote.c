/* SPDX-License-Identifier: MIT
 *
 * The zygote: a tiny process started once for each machine, from which all stubs are cloned, so
 * that the big multi-threaded kernel process is never forked.
 *
 * Lifeline: when its socket to the kernel process reaches end of file the zygote ends its pagers,
 * waits for all its descendants, and ends. Should it be killed, PR_SET_PDEATHSIG kills them. So
 * nothing outlives a killed kernel process, and no thread of it has to live as long as the machine.
 *
 * The socket carries requests (16 bytes) to the zygote and answers from the zygote and from pagers:
 * a byte, with a process descriptor when a process was made. zygote_lock admits one request at a
 * time. All that write to it are trusted: guest code has no descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal-hosted/engine/stub/stub_internal.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u /* Linux 6.3 */
#endif

enum { ANSWER_TIMEOUT_MS = 10000 };

extern const char stub_image[], stub_image_end[];

static int image_create(void)
{
    size_t bytes = (size_t)(stub_image_end - stub_image);
    int fd = memfd_create("assay-stub", MFD_CLOEXEC | MFD_EXEC);

    if (fd < 0 && errno == EINVAL) {
        fd = memfd_create("assay-stub", MFD_CLOEXEC);
    }
    if (fd >= 0 && write(fd, stub_image, bytes) != (ssize_t)bytes) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* In the child of vfork: shares all memory with its parent. */
static void zygote_exec(int image, int socket, int ram, int ctl, bool simulated)
{
    static char name[] = "assay-stub";
    static char *arguments[] = {name, NULL}, *environment[] = {NULL};
    int fds[3] = {socket, ram, ctl};

    image = fcntl(image, F_DUPFD_CLOEXEC, 10);
    for (int i = 0; i < 3; i++) {
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
    }
    if (dup2(fds[0], STUB_FD_SOCKET) >= 0 && dup2(fds[1], STUB_FD_RAM) >= 0 &&
        dup2(fds[2], STUB_FD_CTL) >= 0) {
        if (simulated) {
            prctl(PR_SET_TSC, PR_TSC_SIGSEGV); /* inherited by all that come from it */
        }
        syscall(SYS_execveat, image, "", arguments, environment, AT_EMPTY_PATH);
    }
    _exit(127);
}

static pid_t zygote_spawn(struct stub_machine *sm, int image, int socket)
{
    sigset_t all, old;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    pid = vfork();
    if (pid == 0) {
        zygote_exec(image, socket, sm->machine->ram_fd, sm->ctl_fd, sm->machine->sim != NULL);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pid;
}

int stub_zygote_start(struct stub_machine *sm, char *message, size_t message_bytes)
{
    int sockets[2], error = 0, image = image_create();

    if (image < 0) {
        error = -errno;
        snprintf(message, message_bytes, "cannot create the stub program: %s", strerror(-error));
        return error;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
        error = -errno;
        goto close_image;
    }
    sm->socket = sockets[0];
    sm->zygote = zygote_spawn(sm, image, sockets[1]);
    error = sm->zygote < 0 ? -errno : 0;
    close(sockets[1]);
    if (error == 0 && stub_zygote_receive(sm, -1) != -ENOENT) { /* "hello" carries nothing */
        error = -EPERM;
        snprintf(message, message_bytes,
                 "the stub process did not start: is seccomp available, and vm.mmap_min_addr at "
                 "most 65536?");
    }
    if (error < 0) {
        stub_zygote_stop(sm);
    }
close_image:
    close(image);
    return error;
}

void stub_zygote_stop(struct stub_machine *sm)
{
    if (sm->socket >= 0) {
        close(sm->socket);
        sm->socket = -1;
    }
    if (sm->zygote > 0) {
        kill(sm->zygote, SIGKILL); /* our own child, not yet waited for */
        while (waitpid(sm->zygote, NULL, 0) < 0 && errno == EINTR) {
        }
        sm->zygote = -1;
    }
}

/* Wait for the next answer: a process descriptor, -ENOENT for an answer without one, -EAGAIN for a
 * refusal by the host, or -EIO when the zygote or the process that watch_pidfd names has died.
 * zygote_lock held. */
int stub_zygote_receive(struct stub_machine *sm, int watch_pidfd)
{
    char byte = 0;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr header = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    struct pollfd polls[2] = {{.fd = sm->socket, .events = POLLIN},
                              {.fd = watch_pidfd, .events = POLLIN}};
    const struct cmsghdr *part;
    int ready, fd = -ENOENT;

    do {
        ready = poll(polls, 2, ANSWER_TIMEOUT_MS);
    } while (ready < 0 && errno == EINTR);
    if (!(polls[0].revents & POLLIN) || recvmsg(sm->socket, &header, MSG_CMSG_CLOEXEC) != 1) {
        return -EIO;
    }
    part = CMSG_FIRSTHDR(&header);
    if (part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
        memcpy(&fd, CMSG_DATA(part), sizeof fd);
    }
    return byte == 'F' ? -EAGAIN : fd;
}

/* A request to a pager has failed: kill it, and drop the answer that it may have sent after all.
 * zygote_lock held. */
void stub_zygote_forget(struct stub_machine *sm, int pager_pidfd)
{
    struct pollfd socket = {.fd = sm->socket, .events = POLLIN};
    struct pollfd pager = {.fd = pager_pidfd, .events = POLLIN};

    stub_pidfd_signal(pager_pidfd, SIGKILL);
    poll(&pager, 1, ANSWER_TIMEOUT_MS);
    while (poll(&socket, 1, 0) == 1 && socket.revents == POLLIN) {
        int fd = stub_zygote_receive(sm, -1);
        if (fd >= 0) {
            close(fd);
        }
    }
}

/* A new pager for the slot at this offset of the control file; its process descriptor or an error
 * as above. */
int stub_zygote_request(struct stub_machine *sm, uint64_t slot_offset, uint64_t frame_bytes)
{
    uint64_t request[2] = {slot_offset, frame_bytes};
    int fd = -EIO;

    _Static_assert(sizeof request == STUB_REQUEST_SIZE, "layout.h");
    pthread_mutex_lock(&sm->zygote_lock);
    if (send(sm->socket, request, sizeof request, MSG_NOSIGNAL) == (ssize_t)sizeof request) {
        fd = stub_zygote_receive(sm, -1);
    }
    pthread_mutex_unlock(&sm->zygote_lock);
    return fd;
}
