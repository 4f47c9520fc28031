/* SPDX-License-Identifier: MIT
 *
 * Memory policies and moving pages on a machine with one node (numa(7)), process_madvise(2),
 * process_mrelease(2), ioprio_set(2).
 */
#include "guest.h"

#include <sys/mman.h>
#include <sys/resource.h>

#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

enum {
    PAGE = 4096,
    DEFAULT = 0,
    PREFERRED = 1,
    BIND = 2,
    INTERLEAVE = 3,
    LOCAL = 4,
    PREFERRED_MANY = 5,
    STATIC_NODES = 1 << 15,
    RELATIVE_NODES = 1 << 14,
    F_NODE = 1,
    F_ADDR = 2,
    F_MEMS_ALLOWED = 4,
    MF_STRICT = 1,
    MF_MOVE = 2,
    MF_MOVE_ALL = 4,
};

static const unsigned long node0 = 1, node1 = 2, both = 3, none = 0;

static void only_with_one_node(void)
{
    unsigned long nodes[1024] = {0};
    int policy;
    if (syscall(SYS_get_mempolicy, &policy, nodes, 8192, NULL, F_MEMS_ALLOWED) != 0)
        skip("no memory policies here");
    if (nodes[0] != 1)
        skip("more than one node");
}

static void expect_policy(const void *at, int wanted, unsigned long wanted_nodes)
{
    unsigned long nodes = 77;
    int policy = -1;
    OK(syscall(SYS_get_mempolicy, &policy, &nodes, 64, at, at ? F_ADDR : 0));
    EQ(policy, wanted);
    EQ(nodes, wanted_nodes);
}

#define SET(mode, mask) syscall(SYS_set_mempolicy, mode, mask, 64)

static void task_policy_is_kept(void)
{
    only_with_one_node();
    expect_policy(NULL, DEFAULT, 0);
    OK(SET(BIND, &node0));
    expect_policy(NULL, BIND, 1);
    OK(SET(BIND, &both)); /* what is not there is left out */
    expect_policy(NULL, BIND, 1);
    OK(SET(BIND | STATIC_NODES, &both));
    expect_policy(NULL, BIND | STATIC_NODES, 3);
    OK(SET(BIND | RELATIVE_NODES, &node1));
    expect_policy(NULL, BIND | RELATIVE_NODES, 2);
    OK(SET(PREFERRED, NULL));
    expect_policy(NULL, LOCAL, 0);
    OK(SET(PREFERRED, &node0));
    expect_policy(NULL, PREFERRED, 1);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        expect_policy(NULL, PREFERRED, 1);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(SET(INTERLEAVE, &node0));
    int next = -1;
    OK(syscall(SYS_get_mempolicy, &next, NULL, 0, NULL, F_NODE));
    EQ(next, 0);
    OK(SET(LOCAL, NULL));
    OK(SET(DEFAULT, NULL));
    expect_policy(NULL, DEFAULT, 0);
}

static void task_policy_is_checked(void)
{
    unsigned long mask[1024] = {1};
    int policy;
    only_with_one_node();
    FAILS(SET(DEFAULT, &node0), EINVAL);
    FAILS(SET(BIND, NULL), EINVAL);
    FAILS(SET(BIND, &none), EINVAL);
    FAILS(SET(BIND, &node1), EINVAL);
    FAILS(SET(BIND, BAD_POINTER), EFAULT);
    FAILS(SET(LOCAL, &node0), EINVAL);
    FAILS(SET(LOCAL | STATIC_NODES, NULL), EINVAL);
    FAILS(SET(PREFERRED | STATIC_NODES, NULL), EINVAL);
    FAILS(SET(BIND | STATIC_NODES | RELATIVE_NODES, &node0), EINVAL);
    FAILS(SET(99, &node0), EINVAL);
    FAILS(SET(-1, &node0), EINVAL);
    FAILS(syscall(SYS_set_mempolicy, BIND, mask, 1), EINVAL);
    OK(syscall(SYS_set_mempolicy, BIND, mask, 2));
    OK(syscall(SYS_set_mempolicy, BIND, mask, 32769));
    FAILS(syscall(SYS_set_mempolicy, BIND, mask, 32770), EINVAL);
    mask[100] = 1;
    FAILS(syscall(SYS_set_mempolicy, BIND, mask, 8192), EINVAL);
    OK(SET(DEFAULT, NULL));
    FAILS(syscall(SYS_get_mempolicy, &policy, mask, 0, NULL, 0), EINVAL);
    FAILS(syscall(SYS_get_mempolicy, &policy, NULL, 0, NULL, 8), EINVAL);
    FAILS(syscall(SYS_get_mempolicy, &policy, mask, 64, NULL, F_MEMS_ALLOWED | F_NODE), EINVAL);
    FAILS(syscall(SYS_get_mempolicy, &policy, NULL, 0, mask, 0), EINVAL);
    FAILS(syscall(SYS_get_mempolicy, &policy, NULL, 0, BAD_POINTER, F_ADDR), EFAULT);
    FAILS(syscall(SYS_get_mempolicy, &policy, NULL, 0, NULL, F_NODE), EINVAL);
    FAILS(syscall(SYS_get_mempolicy, BAD_POINTER, NULL, 0, NULL, 0), EFAULT);
    FAILS(syscall(SYS_get_mempolicy, NULL, BAD_POINTER, 64, NULL, 0), EFAULT);
}

static void mappings_have_policies(void)
{
    int node = -1;
    only_with_one_node();
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#define BIND_AT(at, bytes, mode, mask, flags) syscall(SYS_mbind, at, bytes, mode, mask, 64, flags)
    OK(BIND_AT(p, 2 * PAGE, BIND, &node0, MF_STRICT | MF_MOVE));
    expect_policy(p, BIND, 1);
    expect_policy(p + PAGE, BIND, 1);
    expect_policy(p + 2 * PAGE, DEFAULT, 0);
    OK(syscall(SYS_get_mempolicy, &node, NULL, 0, p, F_NODE | F_ADDR));
    EQ(node, 0);
    OK(BIND_AT(p + PAGE, PAGE, INTERLEAVE, &node0, 0));
    expect_policy(p, BIND, 1);
    expect_policy(p + PAGE, INTERLEAVE, 1);
    FAILS(BIND_AT(p + 1, PAGE, BIND, &node0, 0), EINVAL);
    FAILS(BIND_AT(p, PAGE, BIND, &node0, 8), EINVAL);
    FAILS(BIND_AT(p, PAGE, BIND, &node1, 0), EINVAL);
    FAILS(BIND_AT(p, -(long)PAGE, BIND, &node0, 0), EINVAL);
    FAILS(BIND_AT(p, PAGE, 99, NULL, 0), EINVAL);
    FAILS(BIND_AT(p, PAGE, DEFAULT, &node0, 0), EINVAL);
    OK(BIND_AT(p, 0, BIND, &node0, 0));
    OK(syscall(SYS_set_mempolicy_home_node, p, PAGE, 0, 0));
    FAILS(syscall(SYS_set_mempolicy_home_node, p, PAGE, 1, 0), EINVAL);
    FAILS(syscall(SYS_set_mempolicy_home_node, p, PAGE, 0, 1), EINVAL);
    FAILS(syscall(SYS_set_mempolicy_home_node, p + 1, PAGE, 0, 0), EINVAL);
    FAILS(syscall(SYS_set_mempolicy_home_node, p + PAGE, PAGE, 0, 0), EOPNOTSUPP);
    FAILS(syscall(SYS_set_mempolicy_home_node, p + 2 * PAGE, PAGE, 0, 0), ENOENT);
    OK(syscall(SYS_set_mempolicy_home_node, p, 0, 0, 0));
    OK(BIND_AT(p, 4 * PAGE, DEFAULT, NULL, 0));
    expect_policy(p, DEFAULT, 0);
    OK(munmap(p + PAGE, PAGE));
    FAILS(BIND_AT(p, 4 * PAGE, BIND, &node0, 0), EFAULT);
    FAILS(BIND_AT(8192, PAGE, BIND, &node0, 0), EFAULT);
}

static void pages_stay(void)
{
    int status[4], nodes[4] = {0};
    only_with_one_node();
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *pages[] = {p, p + PAGE, p + 2 * PAGE};
    p[0] = 1;
    OK(munmap(p + 2 * PAGE, PAGE));
    OK(syscall(SYS_move_pages, 0, 3, pages, NULL, status, 0));
    EQ(status[0], 0);
    EQ(status[1], -ENOENT);
    EQ(status[2], -EFAULT);
    OK(syscall(SYS_move_pages, 0, 1, pages, nodes, status, MF_MOVE));
    EQ(status[0], 0);
    nodes[0] = 1;
    FAILS(syscall(SYS_move_pages, 0, 1, pages, nodes, status, MF_MOVE), ENODEV);
    FAILS(syscall(SYS_move_pages, 0, 1, pages, NULL, status, 1), EINVAL);
    FAILS(syscall(SYS_move_pages, 0, 1, BAD_POINTER, NULL, status, 0), EFAULT);
    FAILS(syscall(SYS_move_pages, 0, 1, pages, NULL, BAD_POINTER, 0), EFAULT);
    FAILS(syscall(SYS_move_pages, 0, 1, pages, BAD_POINTER, status, MF_MOVE), EFAULT);
    FAILS(syscall(SYS_move_pages, 999999, 1, pages, NULL, status, 0), ESRCH);
    OK(syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0));
    OK(syscall(SYS_migrate_pages, 0, 64, &node0, &node0));
    OK(syscall(SYS_migrate_pages, 0, 64, &node1, &node0));
    FAILS(syscall(SYS_migrate_pages, 0, 64, &none, &none), EINVAL);
    FAILS(syscall(SYS_migrate_pages, 999999, 64, &node0, &node0), ESRCH);
    FAILS(syscall(SYS_migrate_pages, 0, 64, BAD_POINTER, &node0), EFAULT);
    FAILS(syscall(SYS_migrate_pages, 0, 64, &node0, BAD_POINTER), EFAULT);
    if (geteuid() == 0) {
        OK(setresuid(1000, 1000, 1000));
        FAILS(syscall(SYS_move_pages, 0, 1, pages, NULL, status, MF_MOVE_ALL), EPERM);
        FAILS(syscall(SYS_move_pages, getppid(), 1, pages, NULL, status, 0), EPERM);
    }
}

static void other_processes_are_advised(void)
{
    struct iovec {
        void *base;
        size_t bytes;
    } vec[2];
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct gate gate = gate_make();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        gate_pass(&gate);
        _exit(0);
    }
    int pidfd = (int)OK(syscall(SYS_pidfd_open, pid, 0));
#define ADVISE(count, advice, flags) syscall(SYS_process_madvise, pidfd, vec, count, advice, flags)
    vec[0] = (struct iovec){p, PAGE};
    vec[1] = (struct iovec){p + 2 * PAGE, 2 * PAGE};
    EQ(OK(ADVISE(2, 20 /* MADV_COLD */, 0)), 3 * PAGE);
    EQ(OK(ADVISE(2, MADV_WILLNEED, 0)), 3 * PAGE);
    EQ(OK(ADVISE(0, 20, 0)), 0);
    FAILS(ADVISE(2, MADV_DONTNEED, 0), EINVAL);
    FAILS(ADVISE(2, 999, 0), EINVAL);
    FAILS(ADVISE(2, 20, 1), EINVAL);
    FAILS(ADVISE(1025, 20, 0), EINVAL);
    FAILS(syscall(SYS_process_madvise, -1, vec, 2, 20, 0), EBADF);
    FAILS(syscall(SYS_process_madvise, 0, vec, 2, 20, 0), EBADF);
    FAILS(syscall(SYS_process_madvise, pidfd, BAD_POINTER, 2, 20, 0), EFAULT);
    vec[1].base = (void *)(uintptr_t)(16 * PAGE);
    EQ(OK(ADVISE(2, 20, 0)), PAGE);
    vec[0].base = p + 1;
    FAILS(ADVISE(2, 20, 0), EINVAL);
    FAILS(syscall(SYS_process_mrelease, pidfd, 0), EINVAL); /* it is not dying */
    FAILS(syscall(SYS_process_mrelease, pidfd, 1), EINVAL);
    FAILS(syscall(SYS_process_mrelease, -1, 0), EBADF);
    FAILS(syscall(SYS_process_mrelease, 0, 0), EBADF);
    gate_open(&gate);
    CHILD_OK(pid);
    FAILS(syscall(SYS_process_mrelease, pidfd, 0), ESRCH);
    FAILS(ADVISE(1, 20, 0), ESRCH);
}

static int priority_of(int class, int level)
{
    return class << 13 | level;
}

static void io_priorities_are_kept(void)
{
    enum { PROCESS = 1, GROUP = 2, USER = 3 };
#define IO_SET(which, who, value) syscall(SYS_ioprio_set, which, who, value)
#define IO_GET(which, who) syscall(SYS_ioprio_get, which, who)
    OK(setpgid(0, 0));
    EQ(OK(IO_GET(PROCESS, 0)), 0);
    EQ(OK(IO_GET(GROUP, 0)), priority_of(2, 4)); /* from the nice value */
    OK(setpriority(PRIO_PROCESS, 0, 10));
    EQ(OK(IO_GET(GROUP, 0)), priority_of(2, 6));
    OK(IO_SET(PROCESS, 0, priority_of(2, 3)));
    EQ(OK(IO_GET(PROCESS, getpid())), priority_of(2, 3));
    EQ(OK(IO_GET(GROUP, 0)), priority_of(2, 3));
    OK(IO_SET(GROUP, 0, priority_of(3, 7)));
    EQ(OK(IO_GET(PROCESS, 0)), priority_of(3, 7));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        EQ(OK(IO_GET(PROCESS, 0)), priority_of(3, 7));
        _exit(0);
    }
    CHILD_OK(pid);
    FAILS(IO_SET(PROCESS, 0, 7), EINVAL);
    FAILS(IO_SET(PROCESS, 0, priority_of(4, 0)), EINVAL);
    FAILS(IO_SET(0, 0, 0), EINVAL);
    FAILS(IO_SET(PROCESS, 999999, 0), ESRCH);
    FAILS(IO_GET(0, 0), EINVAL);
    FAILS(IO_GET(PROCESS, 999999), ESRCH);
    FAILS(IO_GET(GROUP, 999999), ESRCH);
    FAILS(IO_GET(USER, 54321), ESRCH);
    if (geteuid() == 0) {
        OK(setresuid(1000, 1000, 1000));
        FAILS(IO_SET(PROCESS, 0, priority_of(1, 0)), EPERM);
        FAILS(IO_SET(PROCESS, getppid(), 0), EPERM);
        OK(IO_SET(PROCESS, 0, 0));
    }
}

GUEST_MAIN(CASE(task_policy_is_kept), CASE(task_policy_is_checked), CASE(mappings_have_policies),
           CASE(pages_stay), CASE(other_processes_are_advised), CASE(io_priorities_are_kept))
