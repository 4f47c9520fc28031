/* SPDX-License-Identifier: MIT */
/* capabilities(7): capget(2), capset(2), ambient set, securebits, what id changes do. */
#include "guest.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

#define BIT(n) (1ull << (n))

struct caps {
    uint64_t effective, permitted, inheritable;
};

static struct caps get_caps(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    OK(syscall(SYS_capget, &header, data));
    return (struct caps){data[0].effective | (uint64_t)data[1].effective << 32,
                         data[0].permitted | (uint64_t)data[1].permitted << 32,
                         data[0].inheritable | (uint64_t)data[1].inheritable << 32};
}

static long set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = (uint32_t)(effective >> 32 * i);
        data[i].permitted = (uint32_t)(permitted >> 32 * i);
        data[i].inheritable = (uint32_t)(inheritable >> 32 * i);
    }
    return syscall(SYS_capset, &header, data);
}

/* Root with at least the capabilities that these tests need. */
static void need_capabilities(void)
{
    uint64_t needed = BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) | BIT(CAP_KILL) |
                      BIT(CAP_CHOWN) | BIT(CAP_NET_RAW);
    if (geteuid() != 0 || (get_caps().effective & needed) != needed)
        skip("needs root's capabilities");
}

static void set_uids(unsigned r, unsigned e, unsigned s)
{
    OK(syscall(SYS_setresuid, r, e, s));
}

static void header_is_checked(void)
{
    struct __user_cap_header_struct header = {.version = 0x12345678};
    struct __user_cap_data_struct data[2];
    FAILS(syscall(SYS_capget, &header, data), EINVAL);
    EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
    header.version = 1;
    OK(syscall(SYS_capget, &header, NULL));
    EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
    FAILS(syscall(SYS_capget, BAD_POINTER, data), EFAULT);
    FAILS(syscall(SYS_capget, &header, BAD_POINTER), EFAULT);
    header.pid = -1;
    FAILS(syscall(SYS_capget, &header, data), EINVAL);
    header.pid = 32001;
    FAILS(syscall(SYS_capget, &header, data), ESRCH);
    header.pid = 0;
    header.version = _LINUX_CAPABILITY_VERSION_1;
    OK(syscall(SYS_capget, &header, data));
    header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, getppid()};
    OK(syscall(SYS_capget, &header, data));
    FAILS(syscall(SYS_capset, &header, data), EPERM);
    header.pid = 0;
    FAILS(syscall(SYS_capset, &header, BAD_POINTER), EFAULT);
}

static void sets_only_shrink(void)
{
    need_capabilities();
    struct caps caps = get_caps();
    OK(set_caps(caps.effective & ~BIT(CAP_CHOWN), caps.permitted, caps.inheritable));
    OK(set_caps(caps.effective, caps.permitted, caps.inheritable));
    uint64_t less = caps.permitted & ~BIT(CAP_CHOWN);
    FAILS(set_caps(caps.effective, less, caps.inheritable), EPERM);
    OK(set_caps(caps.effective & less, less, caps.inheritable));
    FAILS(set_caps(caps.effective & less, caps.permitted, caps.inheritable), EPERM);
    /* What is in the bounding set may be made inheritable with CAP_SETPCAP. */
    OK(set_caps(caps.effective & less, less, caps.inheritable | BIT(CAP_CHOWN)));
    OK(set_caps(0, less, 0));
    FAILS(set_caps(0, less, BIT(CAP_CHOWN)), EPERM);
    OK(set_caps(0, less, BIT(CAP_KILL)));
}

static void leaving_root_drops_capabilities(void)
{
    need_capabilities();
    struct caps before = get_caps();
    set_uids(-1, 1000, -1);
    EQ(get_caps().effective, 0);
    EQ(get_caps().permitted, before.permitted);
    set_uids(-1, 0, -1);
    EQ(get_caps().effective, before.permitted);
    set_uids(1000, 1000, 1000);
    EQ(get_caps().effective, 0);
    EQ(get_caps().permitted, 0);
    EQ(get_caps().inheritable, before.inheritable);
}

static void keepcaps_keeps_the_permitted_set(void)
{
    need_capabilities();
    struct caps before = get_caps();
    FAILS(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
    EQ(prctl(PR_GET_KEEPCAPS), 0);
    OK(prctl(PR_SET_KEEPCAPS, 1));
    EQ(prctl(PR_GET_KEEPCAPS), 1);
    EQ(prctl(PR_GET_SECUREBITS) & SECBIT_KEEP_CAPS, SECBIT_KEEP_CAPS);
    set_uids(1000, 1000, 1000);
    EQ(get_caps().effective, 0);
    EQ(get_caps().permitted, before.permitted);
    OK(set_caps(BIT(CAP_KILL), before.permitted, 0));
    OK(kill(getppid(), 0));
}

static void securebits_are_guarded(void)
{
    need_capabilities();
    EQ(prctl(PR_GET_SECUREBITS), 0);
    FAILS(prctl(PR_SET_SECUREBITS, 0x100000), EPERM);
    OK(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED));
    FAILS(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS), EPERM);
    FAILS(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED), EPERM);
    FAILS(prctl(PR_SET_KEEPCAPS, 0), EPERM);
    OK(prctl(PR_SET_SECUREBITS,
             SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_SETUID_FIXUP));
    struct caps before = get_caps();
    set_uids(1000, 1000, 1000);
    EQ(get_caps().effective, before.effective);
    EQ(get_caps().permitted, before.permitted);
}

static void bounding_set_is_dropped(void)
{
    need_capabilities();
    FAILS(prctl(PR_CAPBSET_READ, 64), EINVAL);
    FAILS(prctl(PR_CAPBSET_DROP, 64), EINVAL);
    EQ(prctl(PR_CAPBSET_READ, CAP_NET_RAW), 1);
    OK(prctl(PR_CAPBSET_DROP, CAP_NET_RAW));
    EQ(prctl(PR_CAPBSET_READ, CAP_NET_RAW), 0);
    TRUE(get_caps().permitted & BIT(CAP_NET_RAW));
    set_uids(1000, 1000, 1000);
    FAILS(prctl(PR_CAPBSET_DROP, CAP_CHOWN), EPERM);
}

static void ambient_set_follows_the_others(void)
{
    need_capabilities();
    struct caps caps = get_caps();
    FAILS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 1), EINVAL);
    FAILS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 64, 0, 0), EINVAL);
    FAILS(prctl(PR_CAP_AMBIENT, 9, CAP_KILL, 0, 0), EINVAL);
    FAILS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0), EINVAL);
    OK(set_caps(caps.effective, caps.permitted, 0));
    FAILS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), EPERM);
    OK(set_caps(caps.effective, caps.permitted, BIT(CAP_KILL) | BIT(CAP_CHOWN)));
    OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 1);
    OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0));
    EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 0);
    OK(set_caps(caps.effective, caps.permitted, 0));
    EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 0);
    OK(set_caps(caps.effective, caps.permitted, BIT(CAP_KILL)));
    OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 0);
}

/* ---- across execve ---- */

static void show_caps(void)
{
    struct caps caps = get_caps();
    printf("%d %d %d\n", !!(caps.effective & BIT(CAP_KILL)), !!(caps.permitted & BIT(CAP_KILL)),
           !!(caps.inheritable & BIT(CAP_KILL)));
}

static void expect_after_exec_at(int line, const char *wanted)
{
    int fds[2];
    char got[64] = "";
    OK(pipe(fds));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(dup2(fds[1], 1));
        execv("./again", (char *[]){(char *)"again", (char *)"--caps", NULL});
        fail_at(line, "execv: %s", strerror(errno));
    }
    OK(close(fds[1]));
    if (read(fds[0], got, sizeof(got) - 1) <= 0)
        fail_at(line, "no answer");
    CHILD_OK(pid);
    if (strcmp(got, wanted) != 0)
        fail_at(line, "capabilities after execve are %s, not %s", got, wanted);
}
#define AFTER_EXEC(wanted) expect_after_exec_at(__LINE__, wanted "\n")

static void copy_self(void)
{
    char buffer[65536];
    ssize_t got;
    int in = (int)OK(open(guest_self(), O_RDONLY)), out = (int)OK(open("again", O_WRONLY | O_CREAT, 0755));
    while ((got = OK(read(in, buffer, sizeof(buffer)))) > 0)
        EQ(write(out, buffer, (size_t)got), got);
    OK(close(in));
    OK(fchmod(out, 0755));
    OK(close(out));
    OK(chmod(".", 0755));
}

static void execve_transforms_capabilities(void)
{
    need_capabilities();
    copy_self();
    struct caps caps = get_caps();
    OK(set_caps(caps.effective, caps.permitted, 0));
    AFTER_EXEC("1 1 0");
    OK(set_caps(caps.effective, caps.permitted, BIT(CAP_KILL)));
    AFTER_EXEC("1 1 1");
    OK(set_caps(caps.effective & ~BIT(CAP_KILL), caps.permitted & ~BIT(CAP_KILL), 0));
    AFTER_EXEC("1 1 0"); /* root gets everything back */
    OK(prctl(PR_CAPBSET_DROP, CAP_KILL));
    AFTER_EXEC("0 0 0"); /* but not what is out of bounds */
}

static void execve_of_a_user_keeps_the_ambient_set(void)
{
    need_capabilities();
    copy_self();
    struct caps caps = get_caps();
    OK(prctl(PR_SET_KEEPCAPS, 1));
    set_uids(1000, 1000, 1000);
    EQ(prctl(PR_GET_KEEPCAPS), 1);
    OK(set_caps(caps.effective, caps.permitted, BIT(CAP_KILL)));
    AFTER_EXEC("0 0 1");
    OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    AFTER_EXEC("1 1 1");
}

static void noroot_makes_root_ordinary(void)
{
    need_capabilities();
    copy_self();
    OK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
    AFTER_EXEC("0 0 0");
}

GUEST_CASES(CASE(header_is_checked), CASE(sets_only_shrink), CASE(leaving_root_drops_capabilities),
            CASE(keepcaps_keeps_the_permitted_set), CASE(securebits_are_guarded),
            CASE(bounding_set_is_dropped), CASE(ambient_set_follows_the_others),
            CASE(execve_transforms_capabilities), CASE(execve_of_a_user_keeps_the_ambient_set),
            CASE(noroot_makes_root_ordinary))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--caps") == 0) {
        show_caps();
        return 0;
    }
    return guest_run_all(argc, argv);
}
