/* SPDX-License-Identifier: MIT */
/* proc(5), ptrace(2) "Ptrace access mode checking": who may look into a process. */
#include "proc_check.h"

#include <sys/prctl.h>

static pid_t roots, mine;

static uid_t owner(const char *name)
{
    struct stat st;
    OK(lstat(name, &st));
    return st.st_uid;
}

static void look_at_root(void)
{
    char text[64];
    struct stat st;
    free(slurp(proc_path(roots, "stat"), NULL));
    free(slurp(proc_path(roots, "status"), NULL));
    free(slurp(proc_path(roots, "cmdline"), NULL));
    OK(stat(proc_path(roots, "fd"), &st));
    FAILS(open(proc_path(roots, "environ"), O_RDONLY), EACCES);
    FAILS(open(proc_path(roots, "maps"), O_RDONLY), EACCES);
    FAILS(open(proc_path(roots, "smaps"), O_RDONLY), EACCES);
    FAILS(open(proc_path(roots, "mem"), O_RDONLY), EACCES);
    FAILS(open(proc_path(roots, "fd"), O_RDONLY), EACCES);
    FAILS(open(proc_path(roots, "auxv"), O_RDONLY), EACCES);
    FAILS(readlink(proc_path(roots, "cwd"), text, sizeof(text)), EACCES);
    FAILS(readlink(proc_path(roots, "exe"), text, sizeof(text)), EACCES);
    FAILS(readlink(proc_path(roots, "root"), text, sizeof(text)), EACCES);
    FAILS(stat(proc_path(roots, "cwd/."), &st), EACCES);
    FAILS(stat(proc_path(roots, "fd/0"), &st), EACCES);
    FAILS(open(proc_path(roots, "comm"), O_WRONLY), EACCES);
    FAILS(open("/proc/sys/kernel/hostname", O_WRONLY), EACCES);
    FAILS(open("/proc/slabinfo", O_RDONLY), EACCES);
    char *line = slurp(proc_path(roots, "stat"), NULL);
    TRUE(strstr(strrchr(line, ')'), " 1 1 0 ") != NULL); /* addresses are not shown */
    free(line);
}

static void look_at_own(void)
{
    look_at_root();
    /* Changing the user has made it one that may not be dumped. */
    EQ(prctl(PR_GET_DUMPABLE), 0);
    EQ(owner("/proc/self/stat"), 0);
    OK(prctl(PR_SET_DUMPABLE, 1));
    mine = idle_child();
    EQ(owner(proc_path(mine, "stat")), 1234);
    EQ(owner(proc_path(mine, "fd")), 1234);
    free(slurp(proc_path(mine, "environ"), NULL));
    free(slurp(proc_path(mine, "maps"), NULL));
    link_of(proc_path(mine, "cwd"));
    link_of(proc_path(mine, "fd/0"));
    end_child(mine);
    /* What may not be dumped belongs to root, but stays open to itself. */
    OK(prctl(PR_SET_DUMPABLE, 0));
    EQ(owner("/proc/self/stat"), 0);
    EQ(owner(proc_path(getpid(), "")), 1234);
    free(slurp("/proc/self/maps", NULL));
    link_of("/proc/self/cwd");
    link_of("/proc/self/fd/0");
    FAILS(open("/proc/self/environ", O_RDONLY), EACCES); /* by its mode: 0400, root's */
    pid_t hidden_child = idle_child();
    FAILS(open(proc_path(hidden_child, "maps"), O_RDONLY), EACCES);
    FAILS(open(proc_path(hidden_child, "fd"), O_RDONLY), EACCES);
    end_child(hidden_child);
    OK(prctl(PR_SET_DUMPABLE, 1));
    EQ(owner("/proc/self/stat"), 1234);
}

/* The owner is the effective user of now, also for a name that was looked up before. */
static void change_user(void)
{
    char name[64];
    snprintf(name, sizeof(name), "/proc/%d", getpid());
    EQ(owner(name), 0);
    int fd = (int)OK(open(name, O_RDONLY | O_DIRECTORY));
    OK(syscall(SYS_setresuid, 77, 77, 0));
    struct stat st;
    EQ(owner(name), 77);
    OK(fstat(fd, &st));
    EQ(st.st_uid, 77);
    close(fd);
}

static void oom_adjustment(void)
{
    OK(prctl(PR_SET_DUMPABLE, 1));
    write_file("/proc/self/oom_score_adj", "300\n");
    char *text = slurp("/proc/self/oom_score_adj", NULL);
    STR_EQ(text, "300\n");
    free(text);
    int fd = (int)OK(open("/proc/self/oom_score_adj", O_WRONLY));
    EQ(write(fd, "100", 3), 3);
    FAILS(write(fd, "-1", 2), EACCES);
    FAILS(write(fd, "1001", 4), EINVAL);
    FAILS(write(fd, "x", 1), EINVAL);
    EQ(write(fd, "301", 3), 3);
    close(fd);
}

int main(void)
{
    if (getuid() != 0) {
        printf("needs root\n");
        return 77;
    }
    roots = idle_child();
    as_user(1234, 1234, look_at_own);
    as_user(1234, 1234, oom_adjustment);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        change_user();
        _exit(0);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    end_child(roots);
    return status != 0;
}
