/* SPDX-License-Identifier: MIT */
/* prctl(2), arch_prctl(2), personality(2), uname(2), sethostname(2), sysinfo(2), getrandom(2). */
#include "guest.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void names_are_cut_at_fifteen(void)
{
    char name[32] = "";
    OK(prctl(PR_SET_NAME, "short"));
    OK(prctl(PR_GET_NAME, name));
    STR_EQ(name, "short");
    OK(prctl(PR_SET_NAME, "0123456789abcdefgh"));
    memset(name, 'x', sizeof(name));
    OK(prctl(PR_GET_NAME, name));
    STR_EQ(name, "0123456789abcde");
    EQ(name[16], 'x');
    OK(prctl(PR_SET_NAME, ""));
    OK(prctl(PR_GET_NAME, name));
    STR_EQ(name, "");
    FAILS(prctl(PR_SET_NAME, BAD_POINTER), EFAULT);
    FAILS(prctl(PR_GET_NAME, BAD_POINTER), EFAULT);
}

static void dumpable_is_zero_or_one(void)
{
    EQ(prctl(PR_GET_DUMPABLE), 1);
    OK(prctl(PR_SET_DUMPABLE, 0));
    EQ(prctl(PR_GET_DUMPABLE), 0);
    FAILS(prctl(PR_SET_DUMPABLE, 2), EINVAL);
    FAILS(prctl(PR_SET_DUMPABLE, -1), EINVAL);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        EQ(prctl(PR_GET_DUMPABLE), 0);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(prctl(PR_SET_DUMPABLE, 1));
}

static void no_new_privs_stays(void)
{
    EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    FAILS(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
    FAILS(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
    FAILS(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0), EINVAL);
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
        _exit(0);
    }
    CHILD_OK(pid);
}

static void timer_slack_has_an_inherited_default(void)
{
    EQ(prctl(PR_GET_TIMERSLACK), 50000);
    OK(prctl(PR_SET_TIMERSLACK, 70000));
    EQ(prctl(PR_GET_TIMERSLACK), 70000);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        EQ(prctl(PR_GET_TIMERSLACK), 70000);
        OK(prctl(PR_SET_TIMERSLACK, 1));
        EQ(prctl(PR_GET_TIMERSLACK), 1);
        OK(prctl(PR_SET_TIMERSLACK, 0));
        EQ(prctl(PR_GET_TIMERSLACK), 70000);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(prctl(PR_SET_TIMERSLACK, 0));
    EQ(prctl(PR_GET_TIMERSLACK), 50000);
}

static void unknown_options_are_refused(void)
{
    FAILS(prctl(0x12345, 0, 0, 0, 0), EINVAL);
    FAILS(prctl(-1, 0, 0, 0, 0), EINVAL);
    FAILS(prctl(PR_GET_PDEATHSIG, BAD_POINTER), EFAULT);
    FAILS(prctl(PR_GET_CHILD_SUBREAPER, BAD_POINTER), EFAULT);
    EQ(prctl(PR_GET_TIMING), PR_TIMING_STATISTICAL);
    FAILS(prctl(PR_SET_TIMING, PR_TIMING_TIMESTAMP), EINVAL);
    EQ(prctl(PR_GET_SECCOMP), 0);
}

static void tid_address_is_read_back(void)
{
    static int tid;
    int *got = NULL;
    syscall(SYS_set_tid_address, &tid);
    if (prctl(PR_GET_TID_ADDRESS, &got) != 0)
        return; /* a Linux without checkpoint/restore */
    TRUE(got == &tid);
}

static void segment_bases(void)
{
    unsigned long fs, gs;
    OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
    TRUE(fs != 0);
    OK(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x12345000ul));
    OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
    EQ(gs, 0x12345000ul);
    for (int i = 0; i < 3; i++)
        sched_yield();
    OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
    EQ(gs, 0x12345000ul);
    FAILS(syscall(SYS_arch_prctl, ARCH_SET_GS, 1ul << 47), EPERM);
    FAILS(syscall(SYS_arch_prctl, ARCH_SET_FS, ~0ul), EPERM);
    FAILS(syscall(SYS_arch_prctl, ARCH_GET_FS, BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
        EQ(gs, 0x12345000ul);
        _exit(0);
    }
    CHILD_OK(pid);
}

static void personality_is_inherited(void)
{
    EQ(personality(0xffffffff), 0);
    EQ(personality(ADDR_NO_RANDOMIZE), 0);
    EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
        _exit(0);
    }
    CHILD_OK(pid);
}

static void host_name_is_set_by_root(void)
{
    struct utsname names;
    char long_name[66];
    FAILS(syscall(SYS_uname, BAD_POINTER), EFAULT);
    OK(uname(&names));
    STR_EQ(names.sysname, "Linux");
    STR_EQ(names.machine, "x86_64");
    if (geteuid() != 0)
        skip("needs root");
    memset(long_name, 'n', sizeof(long_name));
    FAILS(sethostname(long_name, 65), EINVAL);
    FAILS(syscall(SYS_sethostname, long_name, -1), EINVAL);
    FAILS(sethostname(BAD_POINTER, 3), EFAULT);
    OK(sethostname(long_name, 64));
    OK(uname(&names));
    EQ(strlen(names.nodename), 64);
    OK(sethostname("abcdef", 3));
    OK(uname(&names));
    STR_EQ(names.nodename, "abc");
    OK(setdomainname("dom", 3));
    OK(uname(&names));
    STR_EQ(names.domainname, "dom");
    OK(syscall(SYS_setresuid, 1000, 1000, 1000));
    FAILS(sethostname("x", 1), EPERM);
    FAILS(setdomainname("x", 1), EPERM);
}

static void sysinfo_makes_sense(void)
{
    struct sysinfo info;
    OK(sysinfo(&info));
    TRUE(info.totalram > info.freeram);
    TRUE(info.freeram > 0);
    TRUE(info.procs > 0);
    TRUE(info.mem_unit >= 1);
    FAILS(syscall(SYS_sysinfo, BAD_POINTER), EFAULT);
}

static void random_bytes(void)
{
    static unsigned char a[1000], b[1000];
    EQ(getrandom(a, sizeof(a), 0), sizeof(a));
    EQ(getrandom(b, sizeof(b), GRND_NONBLOCK), sizeof(b));
    TRUE(memcmp(a, b, sizeof(a)) != 0);
    EQ(getrandom(a, 0, 0), 0);
    FAILS(syscall(SYS_getrandom, a, 1, 0x100), EINVAL);
    FAILS(syscall(SYS_getrandom, a, 1, GRND_RANDOM | 4), EINVAL);
    FAILS(syscall(SYS_getrandom, BAD_POINTER, 10, 0), EFAULT);
}

static void reboot_needs_rights_and_magic(void)
{
    FAILS(syscall(SYS_reboot, 1, 2, 3, 0), geteuid() == 0 ? EINVAL : EPERM);
    if (geteuid() == 0)
        OK(syscall(SYS_setresuid, 1000, 1000, 1000));
    FAILS(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x4321fedc, 0), EPERM);
}

static void numbers_beyond_the_table_are_not_implemented(void)
{
    long result;
    FAILS(syscall(100000), ENOSYS);
    FAILS(syscall(-1), ENOSYS);
    FAILS(syscall(0x40000000 + SYS_getpid), ENOSYS);
    /* Only the lower half of the register counts. */
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(0x100000000l + SYS_getpid)
                     : "rcx", "r11", "memory");
    EQ(result, getpid());
}

GUEST_MAIN(CASE(names_are_cut_at_fifteen), CASE(dumpable_is_zero_or_one), CASE(no_new_privs_stays),
           CASE(timer_slack_has_an_inherited_default), CASE(unknown_options_are_refused),
           CASE(tid_address_is_read_back), CASE(segment_bases), CASE(personality_is_inherited),
           CASE(host_name_is_set_by_root), CASE(sysinfo_makes_sense), CASE(random_bytes),
           CASE(reboot_needs_rights_and_magic), CASE(numbers_beyond_the_table_are_not_implemented))
