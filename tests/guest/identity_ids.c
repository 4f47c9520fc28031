/* SPDX-License-Identifier: MIT */
/* setuid(2) and relatives, getgroups(2), setfsuid(2): by raw calls, which act on one thread. */
#include "guest.h"

#include <sys/fsuid.h>
#include <sys/prctl.h>

enum { KEEP = -1 };

static void set_uids(unsigned r, unsigned e, unsigned s)
{
    OK(syscall(SYS_setresuid, r, e, s));
}

static void expect_uids_at(int line, unsigned r, unsigned e, unsigned s)
{
    unsigned got[3];
    OK(syscall(SYS_getresuid, &got[0], &got[1], &got[2]));
    if (got[0] != r || got[1] != e || got[2] != s)
        fail_at(line, "uids are %u %u %u, not %u %u %u", got[0], got[1], got[2], r, e, s);
}

static void expect_gids_at(int line, unsigned r, unsigned e, unsigned s)
{
    unsigned got[3];
    OK(syscall(SYS_getresgid, &got[0], &got[1], &got[2]));
    if (got[0] != r || got[1] != e || got[2] != s)
        fail_at(line, "gids are %u %u %u, not %u %u %u", got[0], got[1], got[2], r, e, s);
}

#define UIDS(r, e, s) expect_uids_at(__LINE__, r, e, s)
#define GIDS(r, e, s) expect_gids_at(__LINE__, r, e, s)

static void need_root(void)
{
    if (geteuid() != 0)
        skip("needs root");
}

static void setuid_of_root_sets_all_three(void)
{
    need_root();
    OK(syscall(SYS_setuid, 1000));
    UIDS(1000, 1000, 1000);
    FAILS(syscall(SYS_setuid, 0), EPERM);
    FAILS(syscall(SYS_setuid, 1001), EPERM);
    FAILS(syscall(SYS_setuid, -1), EINVAL);
    OK(syscall(SYS_setuid, 1000));
}

static void setuid_of_a_user_sets_the_effective_one(void)
{
    need_root();
    set_uids(1000, 1001, 1002);
    OK(syscall(SYS_setuid, 1002));
    UIDS(1000, 1002, 1002);
    OK(syscall(SYS_setuid, 1000));
    UIDS(1000, 1000, 1002);
    FAILS(syscall(SYS_setuid, 1001), EPERM);
}

static void setreuid_rules(void)
{
    need_root();
    OK(syscall(SYS_setreuid, 1000, KEEP));
    UIDS(1000, 0, 0);
    OK(syscall(SYS_setreuid, KEEP, 1001));
    UIDS(1000, 1001, 1001);
    OK(syscall(SYS_setreuid, 1001, 1000));
    UIDS(1001, 1000, 1000);
    FAILS(syscall(SYS_setreuid, 0, KEEP), EPERM);
    FAILS(syscall(SYS_setreuid, KEEP, 0), EPERM);
    OK(syscall(SYS_setreuid, KEEP, KEEP));
    UIDS(1001, 1000, 1000);
    OK(syscall(SYS_setresuid, KEEP, 1001, 1000));
    UIDS(1001, 1001, 1000);
    FAILS(syscall(SYS_setreuid, 1000, KEEP), EPERM); /* not from the saved one */
    OK(syscall(SYS_setreuid, KEEP, 1000));
    UIDS(1001, 1000, 1000);
}

static void setreuid_saves_the_new_effective_one(void)
{
    need_root();
    set_uids(1000, 1000, 1001);
    OK(syscall(SYS_setreuid, KEEP, 1000));
    UIDS(1000, 1000, 1001); /* the effective id is the real one: saved stays */
    OK(syscall(SYS_setreuid, 1000, KEEP));
    UIDS(1000, 1000, 1000);
}

static void setresuid_rules(void)
{
    need_root();
    set_uids(1, 2, 3);
    UIDS(1, 2, 3);
    set_uids(3, 1, 2);
    UIDS(3, 1, 2);
    set_uids(KEEP, KEEP, 1);
    UIDS(3, 1, 1);
    FAILS(syscall(SYS_setresuid, 2, KEEP, KEEP), EPERM);
    FAILS(syscall(SYS_setresuid, KEEP, 2, KEEP), EPERM);
    FAILS(syscall(SYS_setresuid, KEEP, KEEP, 2), EPERM);
    UIDS(3, 1, 1);
}

static void group_ids_follow_the_same_rules(void)
{
    need_root();
    OK(syscall(SYS_setresgid, 1, 2, 3));
    GIDS(1, 2, 3);
    OK(syscall(SYS_setgid, 7));
    GIDS(7, 7, 7);
    OK(syscall(SYS_setresgid, 1, 2, 3));
    set_uids(1000, 1000, 1000);
    FAILS(syscall(SYS_setgid, 2), EPERM);
    OK(syscall(SYS_setgid, 3));
    GIDS(1, 3, 3);
    OK(syscall(SYS_setregid, 3, 1));
    GIDS(3, 1, 1);
    FAILS(syscall(SYS_setregid, 2, KEEP), EPERM);
    FAILS(syscall(SYS_setregid, KEEP, 2), EPERM);
    FAILS(syscall(SYS_setresgid, 2, KEEP, KEEP), EPERM);
    FAILS(syscall(SYS_setgid, -1), EINVAL);
}

static void getres_checks_addresses(void)
{
    unsigned a, b;
    FAILS(syscall(SYS_getresuid, &a, &b, BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_getresgid, BAD_POINTER, &a, &b), EFAULT);
}

/* ---- file system ids ---- */

static void setfsuid_answers_the_old_one(void)
{
    need_root();
    EQ(syscall(SYS_setfsuid, 1000), 0);
    EQ(syscall(SYS_setfsuid, -1), 1000);
    EQ(syscall(SYS_setfsuid, 0), 1000);
    EQ(syscall(SYS_setfsgid, 1000), getegid());
    EQ(syscall(SYS_setfsgid, -1), 1000);
    set_uids(1000, 1001, 1002);
    EQ(syscall(SYS_setfsuid, -1), 1001);
    EQ(syscall(SYS_setfsuid, 5), 1001);
    EQ(syscall(SYS_setfsuid, 1002), 1001);
    EQ(syscall(SYS_setfsuid, -1), 1002);
}

static void setfsuid_takes_file_capabilities_along(void)
{
    need_root();
    write_text("secret", "x", 0600);
    OK(open("secret", O_RDONLY));
    EQ(syscall(SYS_setfsuid, 1000), 0);
    FAILS(open("secret", O_RDONLY), EACCES);
    EQ(syscall(SYS_setfsuid, 0), 1000);
    OK(open("secret", O_RDONLY));
}

/* ---- supplementary groups ---- */

static void groups_are_set_and_read(void)
{
    gid_t groups[4] = {30, 10, 20}, got[4];
    need_root();
    OK(syscall(SYS_setgroups, 3, groups));
    EQ(syscall(SYS_getgroups, 0, NULL), 3);
    FAILS(syscall(SYS_getgroups, 2, got), EINVAL);
    FAILS(syscall(SYS_getgroups, -1, got), EINVAL);
    FAILS(syscall(SYS_getgroups, 3, BAD_POINTER), EFAULT);
    EQ(syscall(SYS_getgroups, 4, got), 3);
    EQ(got[0] + got[1] + got[2], 60);
    FAILS(syscall(SYS_setgroups, 65537, groups), EINVAL);
    FAILS(syscall(SYS_setgroups, -1, groups), EINVAL);
    FAILS(syscall(SYS_setgroups, 3, BAD_POINTER), EFAULT);
    EQ(syscall(SYS_getgroups, 4, got), 3);
    OK(syscall(SYS_setgroups, 0, NULL));
    EQ(syscall(SYS_getgroups, 0, NULL), 0);
    set_uids(1000, 1000, 1000);
    FAILS(syscall(SYS_setgroups, 0, NULL), EPERM);
}

static void many_groups_are_searched(void)
{
    static gid_t groups[1000];
    need_root();
    for (int i = 0; i < 1000; i++)
        groups[i] = (gid_t)(100000 + 7 * (999 - i));
    OK(syscall(SYS_setgroups, 1000, groups));
    umask(0);
    write_text("theirs", "x", 0040);
    OK(chown("theirs", 0, 100000 + 7 * 500));
    OK(chmod(".", 0755));
    set_uids(1000, 1000, 1000);
    OK(open("theirs", O_RDONLY));
    pid_t pid = (pid_t)OK(fork()); /* inherited */
    if (pid == 0) {
        OK(open("theirs", O_RDONLY));
        FAILS(open("theirs", O_WRONLY), EACCES);
        _exit(0);
    }
    CHILD_OK(pid);
}

/* ---- what else changes ---- */

static void changes_make_the_process_undumpable(void)
{
    need_root();
    int signo = 0;
    EQ(prctl(PR_GET_DUMPABLE), 1);
    OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    set_uids(KEEP, 1000, KEEP);
    TRUE(prctl(PR_GET_DUMPABLE) != 1);
    OK(prctl(PR_GET_PDEATHSIG, &signo));
    EQ(signo, 0);
    set_uids(KEEP, 0, KEEP);
    OK(prctl(PR_SET_DUMPABLE, 1));
    OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    set_uids(1000, KEEP, KEEP); /* the real id alone does not */
    EQ(prctl(PR_GET_DUMPABLE), 1);
    OK(prctl(PR_GET_PDEATHSIG, &signo));
    EQ(signo, SIGUSR1);
}

static void threads_have_ids_of_their_own(void)
{
    need_root();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        set_uids(1000, 1000, 1000);
        OK(setpgid(0, 0));
        _exit(0);
    }
    CHILD_OK(pid);
    EQ(getuid(), 0);
}

GUEST_MAIN(CASE(setuid_of_root_sets_all_three), CASE(setuid_of_a_user_sets_the_effective_one),
           CASE(setreuid_rules), CASE(setreuid_saves_the_new_effective_one), CASE(setresuid_rules),
           CASE(group_ids_follow_the_same_rules), CASE(getres_checks_addresses),
           CASE(setfsuid_answers_the_old_one), CASE(setfsuid_takes_file_capabilities_along),
           CASE(groups_are_set_and_read), CASE(many_groups_are_searched),
           CASE(changes_make_the_process_undumpable), CASE(threads_have_ids_of_their_own))
