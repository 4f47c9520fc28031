/* SPDX-License-Identifier: MIT */
/* kernel/abi/poll.h against the host's headers. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(POLLIN) V(POLLPRI) V(POLLOUT) V(POLLERR) V(POLLHUP) V(POLLNVAL) V(POLLRDNORM) \
    V(POLLRDBAND) V(POLLWRNORM) V(POLLWRBAND) V(POLLMSG) V(POLLREMOVE) V(POLLRDHUP) V(EPOLLIN) \
    V(EPOLLPRI) V(EPOLLOUT) V(EPOLLERR) V(EPOLLHUP) V(EPOLLRDNORM) V(EPOLLRDBAND) V(EPOLLWRNORM) \
    V(EPOLLWRBAND) V(EPOLLMSG) V(EPOLLRDHUP) V(EPOLLEXCLUSIVE) V(EPOLLWAKEUP) V(EPOLLONESHOT) \
    V(EPOLLET) V(EPOLL_CTL_ADD) V(EPOLL_CTL_DEL) V(EPOLL_CTL_MOD) V(EPOLL_CLOEXEC) \
    V(EFD_SEMAPHORE) V(EFD_CLOEXEC) V(EFD_NONBLOCK) V(SFD_CLOEXEC) V(SFD_NONBLOCK)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/poll.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_pollfd, struct pollfd),
    SAME_FIELD(struct linux_pollfd, fd, struct pollfd, fd),
    SAME_FIELD(struct linux_pollfd, events, struct pollfd, events),
    SAME_FIELD(struct linux_pollfd, revents, struct pollfd, revents),
    SAME_SIZE(struct linux_epoll_event, struct epoll_event),
    SAME_FIELD(struct linux_epoll_event, events, struct epoll_event, events),
    SAME_FIELD(struct linux_epoll_event, data, struct epoll_event, data),
    SAME_SIZE(struct linux_signalfd_siginfo, struct signalfd_siginfo),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_signo, struct signalfd_siginfo, ssi_signo),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_errno, struct signalfd_siginfo, ssi_errno),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_code, struct signalfd_siginfo, ssi_code),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_pid, struct signalfd_siginfo, ssi_pid),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_uid, struct signalfd_siginfo, ssi_uid),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_fd, struct signalfd_siginfo, ssi_fd),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_tid, struct signalfd_siginfo, ssi_tid),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_band, struct signalfd_siginfo, ssi_band),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_overrun, struct signalfd_siginfo, ssi_overrun),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_trapno, struct signalfd_siginfo, ssi_trapno),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_status, struct signalfd_siginfo, ssi_status),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_int, struct signalfd_siginfo, ssi_int),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_ptr, struct signalfd_siginfo, ssi_ptr),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_utime, struct signalfd_siginfo, ssi_utime),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_stime, struct signalfd_siginfo, ssi_stime),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_addr, struct signalfd_siginfo, ssi_addr),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_addr_lsb, struct signalfd_siginfo, ssi_addr_lsb),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_syscall, struct signalfd_siginfo, ssi_syscall),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_call_addr, struct signalfd_siginfo,
               ssi_call_addr),
    SAME_FIELD(struct linux_signalfd_siginfo, ssi_arch, struct signalfd_siginfo, ssi_arch),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *poll_suite(void)
{
    return unit_suite("poll", add);
}

UNIT_MAIN(poll_suite)
