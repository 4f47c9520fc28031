/* SPDX-License-Identifier: MIT */
/* execve(2), credentials(7): set-user-id and set-group-id programs, no_new_privs, AT_SECURE. */
#include "guest.h"

#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>

enum { USER = 1000, OWNER = 2000, GROUP = 3000 };

/* A copy of this program that belongs to OWNER and GROUP, in a place where it may run. */
static void prepare(mode_t mode, unsigned long mount_flags)
{
    static char buffer[65536];
    ssize_t got;
    if (geteuid() != 0)
        skip("needs root");
    umask(0);
    OK(chmod(".", 0755));
    mkdir("mounted", 0755);
    umount("mounted");
    if (mount("test", "mounted", "tmpfs", mount_flags, "mode=0755") != 0)
        skip("needs the right to mount");
    int in = (int)OK(open(guest_self(), O_RDONLY | O_CLOEXEC));
    int out = (int)OK(open("mounted/program", O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
    while ((got = OK(read(in, buffer, sizeof(buffer)))) > 0)
        EQ(write(out, buffer, (size_t)got), got);
    OK(fchown(out, OWNER, GROUP));
    OK(fchmod(out, mode));
    OK(close(in));
    OK(close(out));
}

static void finish(void)
{
    OK(umount("mounted"));
}

static void become(unsigned uid, unsigned gid)
{
    OK(syscall(SYS_setgroups, 0, NULL));
    OK(syscall(SYS_setresgid, gid, gid, gid));
    OK(syscall(SYS_setresuid, uid, uid, uid));
}

/* Run the copy as USER after `change`; what it says of itself. */
static const char *said_after(void (*change)(void))
{
    static char text[256];
    int fds[2];
    OK(pipe2(fds, O_CLOEXEC));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(dup2(fds[1], 1));
        if (change)
            change();
        execl("mounted/program", "program", "--ids", NULL);
        fail_at(__LINE__, "execl: %s", strerror(errno));
    }
    OK(close(fds[1]));
    ssize_t got = read(fds[0], text, sizeof(text) - 1);
    TRUE(got > 0);
    text[got] = '\0';
    OK(close(fds[0]));
    CHILD_OK(pid);
    return text;
}

static void show_ids(void)
{
    unsigned u[3], g[3];
    int death = -1;
    syscall(SYS_getresuid, &u[0], &u[1], &u[2]);
    syscall(SYS_getresgid, &g[0], &g[1], &g[2]);
    prctl(PR_GET_PDEATHSIG, &death);
    printf("%u %u %u / %u %u %u secure %lu dumpable %d death %d persona %x", u[0], u[1], u[2], g[0],
           g[1], g[2], getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE) == 1, death,
           personality(0xffffffff));
}

static void as_user(void)
{
    become(USER, USER);
    OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
}

static void as_user_without_randomization(void)
{
    as_user();
    OK(personality(ADDR_NO_RANDOMIZE));
}

static void as_user_without_new_privileges(void)
{
    as_user();
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void ordinary_programs_change_nothing(void)
{
    prepare(0755, 0);
    STR_EQ(said_after(as_user),
           "1000 1000 1000 / 1000 1000 1000 secure 0 dumpable 1 death 10 persona 0");
    STR_EQ(said_after(as_user_without_randomization),
           "1000 1000 1000 / 1000 1000 1000 secure 0 dumpable 1 death 10 persona 40000");
    finish();
}

static void set_user_id(void)
{
    prepare(04755, 0);
    STR_EQ(said_after(as_user),
           "1000 2000 2000 / 1000 1000 1000 secure 1 dumpable 0 death 0 persona 0");
    STR_EQ(said_after(as_user_without_randomization),
           "1000 2000 2000 / 1000 1000 1000 secure 1 dumpable 0 death 0 persona 0");
    STR_EQ(said_after(as_user_without_new_privileges),
           "1000 1000 1000 / 1000 1000 1000 secure 0 dumpable 1 death 10 persona 0");
    finish();
}

static void set_group_id(void)
{
    prepare(02755, 0);
    STR_EQ(said_after(as_user),
           "1000 1000 1000 / 1000 3000 3000 secure 1 dumpable 0 death 0 persona 0");
    OK(chmod("mounted/program", 06755));
    STR_EQ(said_after(as_user),
           "1000 2000 2000 / 1000 3000 3000 secure 1 dumpable 0 death 0 persona 0");
    OK(chmod("mounted/program", 02745)); /* without execute for the group it means nothing */
    STR_EQ(said_after(as_user),
           "1000 1000 1000 / 1000 1000 1000 secure 0 dumpable 1 death 10 persona 0");
    finish();
}

static void nosuid_mounts_have_none(void)
{
    prepare(06755, MS_NOSUID);
    STR_EQ(said_after(as_user),
           "1000 1000 1000 / 1000 1000 1000 secure 0 dumpable 1 death 10 persona 0");
    finish();
}

static void as_effective_owner(void)
{
    OK(syscall(SYS_setresuid, USER, OWNER, OWNER));
    OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
}

/* Ids that already differ make the program secure too. */
static void differing_ids_are_kept(void)
{
    prepare(0755, 0);
    STR_EQ(said_after(as_effective_owner), "1000 2000 2000 / 0 0 0 secure 1 dumpable 0 death 0 persona 0");
    finish();
}

/* A program that the user may run but not read is not to be looked into. */
static void unreadable_programs_are_not_dumpable(void)
{
    prepare(0711, 0);
    STR_EQ(said_after(as_user),
           "1000 1000 1000 / 1000 1000 1000 secure 0 dumpable 0 death 10 persona 0");
    finish();
}

/* A set-user-id-root program of a user has root's capabilities and can change its ids. */
static void set_user_id_root(void)
{
    prepare(0755, 0);
    OK(chown("mounted/program", 0, 0));
    OK(chmod("mounted/program", 04755));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        become(USER, USER);
        execl("mounted/program", "program", "--become-root", NULL);
        _exit(1);
    }
    EQ(WAIT(pid), 33 << 8);
    finish();
}

static int become_root(void)
{
    guest_case_name = "--become-root";
    EQ(getuid(), USER);
    EQ(geteuid(), 0);
    OK(syscall(SYS_setuid, 0));
    EQ(getuid(), 0);
    OK(syscall(SYS_setgid, 5));
    return 33;
}

GUEST_CASES(CASE(ordinary_programs_change_nothing), CASE(set_user_id), CASE(set_group_id),
            CASE(nosuid_mounts_have_none), CASE(differing_ids_are_kept),
            CASE(unreadable_programs_are_not_dumpable), CASE(set_user_id_root))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--ids") == 0) {
        show_ids();
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--become-root") == 0)
        return become_root();
    return guest_run_all(argc, argv);
}
