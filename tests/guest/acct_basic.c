/* SPDX-License-Identifier: MIT */
/* acct(2), acct(5). */
#include "guest.h"

#include <linux/acct.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void need_root(void)
{
    if (acct(NULL) != 0)
        skip("no process accounting for us here");
}

/* The record of a process in the file. */
static struct acct_v3 record_of(const char *name, pid_t pid)
{
    struct acct_v3 record;
    int fd = (int)OK(open(name, O_RDONLY));
    while (OK(read(fd, &record, sizeof(record))) == sizeof(record)) {
        EQ(record.ac_version, 3);
        if ((pid_t)record.ac_pid == pid) {
            close(fd);
            return record;
        }
    }
    fail_at(__LINE__, "process %d has no record", pid);
}

static void arguments_are_checked(void)
{
    need_root();
    FAILS(acct("nothing"), ENOENT);
    FAILS(acct(""), ENOENT);
    FAILS(acct(BAD_POINTER), EFAULT);
    FAILS(acct("/dev/null"), EACCES);
    FAILS(acct("/"), EISDIR);
    write_text("plain", "", 0600);
    FAILS(acct("plain/x"), ENOTDIR);
    OK(symlink("loop", "loop"));
    FAILS(acct("loop"), ELOOP);
    OK(setresuid(1000, 1000, 1000));
    FAILS(acct(NULL), EPERM);
    FAILS(acct("plain"), EPERM);
}

static void exit_with_3(void *unused)
{
    (void)unused;
    _exit(3);
}

static void exec_true(void *unused)
{
    (void)unused;
    execl(guest_self(), "renamed", "--true", NULL);
    _exit(9);
}

static void be_killed(void *unused)
{
    (void)unused;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    OK(setresgid(7, 7, 7));
    OK(setresuid(1001, 1001, 1001));
    kill(getpid(), SIGKILL);
}

static void each_end_is_recorded(void)
{
    need_root();
    write_text("log", "", 0600);
    time_t before = time(NULL);
    OK(acct("log"));
    pid_t plain = spawn(exit_with_3, NULL);
    EQ(WAIT(plain), 3 << 8);
    pid_t executed = spawn(exec_true, NULL);
    EQ(WAIT(executed), 0);
    pid_t killed = spawn(be_killed, NULL);
    EQ(WAIT(killed), SIGKILL);
    OK(acct(NULL));
    pid_t unseen = spawn(exit_with_3, NULL);
    EQ(WAIT(unseen), 3 << 8);

    struct acct_v3 record = record_of("log", plain);
    EQ(record.ac_exitcode, 3 << 8);
    EQ(record.ac_flag & (AFORK | AXSIG | ACORE), AFORK);
    EQ(record.ac_ppid, getpid());
    EQ(record.ac_uid, getuid());
    TRUE(record.ac_btime + 2 >= before && record.ac_btime <= time(NULL) + 1);
    TRUE(record.ac_etime >= 0 && record.ac_etime < 100 * 60);
    TRUE(record.ac_mem > 0);
    TRUE(record.ac_minflt > 0);
    char name[17] = {0};
    OK(prctl(PR_GET_NAME, name));
    EQ(strncmp(record.ac_comm, name, sizeof(record.ac_comm)), 0);
    record = record_of("log", executed);
    EQ(record.ac_flag & (AFORK | AXSIG), 0);
    EQ(record.ac_exitcode, 0);
    record = record_of("log", killed);
    EQ(record.ac_flag & (AFORK | AXSIG | ACORE), AFORK | AXSIG);
    EQ(record.ac_exitcode, SIGKILL);
    EQ(record.ac_uid, 1001);
    EQ(record.ac_gid, 7);
    struct stat st;
    OK(stat("log", &st));
    EQ(st.st_size % (off_t)sizeof(record), 0);
    int fd = (int)OK(open("log", O_RDONLY));
    while (OK(read(fd, &record, sizeof(record))) == sizeof(record))
        TRUE((pid_t)record.ac_pid != unseen);
}

static void the_file_can_be_changed(void)
{
    need_root();
    write_text("a", "", 0600);
    write_text("b", "", 0600);
    OK(acct("a"));
    pid_t first = spawn(exit_with_3, NULL);
    EQ(WAIT(first), 3 << 8);
    OK(acct("b"));
    pid_t second = spawn(exit_with_3, NULL);
    EQ(WAIT(second), 3 << 8);
    OK(acct(NULL));
    OK(acct(NULL));
    record_of("a", first);
    record_of("b", second);
}

GUEST_CASES(CASE(arguments_are_checked), CASE(each_end_is_recorded), CASE(the_file_can_be_changed))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--true") == 0)
        return 0;
    return guest_run_all(argc, argv);
}
