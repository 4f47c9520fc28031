/* SPDX-License-Identifier: MIT
 *
 * What the values in good.tbl are written with: the system's headers, and what C libraries hide.
 */
#ifndef TESTS_ARGUMENTS_STRUCTS_H
#define TESTS_ARGUMENTS_STRUCTS_H

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct raw_sigaction {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

struct raw_sembuf {
    unsigned short number;
    short operation, flags;
};

struct raw_message {
    long type;
    char text[8];
};

struct raw_cap {
    uint32_t version;
    int pid;
};

struct raw_sched_attr {
    uint32_t size, policy;
    uint64_t flags;
    int nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

struct raw_open_how {
    uint64_t flags, mode, resolve;
};

struct raw_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

struct raw_waitv {
    uint64_t value, address;
    uint32_t flags, reserved;
};

struct raw_mask {
    long address;
    size_t size;
};

struct raw_filter {
    unsigned short length;
    long address;
};

struct raw_instruction {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

struct raw_mq_attr {
    long flags, max, size, count, reserved[4];
};

#endif
