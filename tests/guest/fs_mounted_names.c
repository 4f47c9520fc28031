/* SPDX-License-Identifier: MIT */
/* unlink(2), rmdir(2) and rename(2) of names that another mount namespace has mounted something on:
 * allowed since Linux 3.18, what is mounted there goes. And whiteouts (renameat2(2)). */
#include "fs_check.h"

#include <sched.h>
#include <sys/sysmacros.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#define RENAME_EXCHANGE (1 << 1)
#endif
#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT (1 << 2)
#endif

static int whiteout(const char *from, const char *to, unsigned flags)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_WHITEOUT | flags);
}

static void is_whiteout(const char *name)
{
    struct stat st;
    OK(lstat(name, &st));
    TRUE(S_ISCHR(st.st_mode));
    EQ(st.st_mode & 07777, 0);
    EQ(st.st_rdev, makedev(0, 0));
}

static void whiteouts_take_the_old_name(void)
{
    struct stat st;
    write_file("a", "text");
    write_file("b", "other");
    OK(whiteout("a", "c", 0));
    is_whiteout("a");
    OK(stat("c", &st));
    EQ(st.st_size, 4);
    OK(whiteout("c", "b", 0)); /* replaces */
    is_whiteout("c");
    OK(stat("b", &st));
    EQ(st.st_size, 4);
    OK(mkdir("d", 0755));
    OK(whiteout("b", "d/b", 0));
    is_whiteout("b");
    OK(mkdir("e", 0755));
    OK(whiteout("e", "d/e", RENAME_NOREPLACE));
    is_whiteout("e");
    write_file("f", "x");
    FAILS(whiteout("f", "d/b", RENAME_NOREPLACE), EEXIST);
    FAILS(whiteout("f", "d/e", 0), EISDIR);
    FAILS(whiteout("d", "e", 0), ENOTDIR);
    FAILS(whiteout("f", "d/b", RENAME_EXCHANGE), EINVAL);
    FAILS(whiteout("none", "x", 0), ENOENT);
    OK(stat("f", &st));
    TRUE(S_ISREG(st.st_mode));
    OK(unlink("d/b"));
    OK(rmdir("d/e"));
    OK(rmdir("d"));
    static const char *const rest[] = {"a", "b", "c", "e", "f"};
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
        OK(unlink(rest[i]));
}

static bool is_mounted(const char *what)
{
    char line[512];
    bool found = false;
    FILE *mounts = fopen("/proc/self/mounts", "r");
    TRUE(mounts);
    while (fgets(line, sizeof(line), mounts))
        found |= strncmp(line, what, strlen(what)) == 0 && line[strlen(what)] == ' ';
    fclose(mounts);
    return found;
}

/* In a namespace of its own: mounts on the names, until told to look whether they are still there.
 */
static void hold_mounts(int ready, int go)
{
    char c = 0;
    OK(unshare(CLONE_NEWNS));
    OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mount("on-dir", "dir", "tmpfs", 0, NULL));
    OK(mount("on-target", "target", "tmpfs", 0, NULL));
    OK(mount("on-moved", "moved", "tmpfs", 0, NULL));
    OK(mount("file", "name", NULL, MS_BIND, NULL));
    write_file("moved/inside", "x");
    FAILS(rmdir("dir"), EBUSY);
    FAILS(unlink("name"), EBUSY);
    EQ(write(ready, &c, 1), 1);
    EQ(read(go, &c, 1), 1);
    TRUE(!is_mounted("on-dir") && !is_mounted("on-target"));
    TRUE(is_mounted("on-moved"));
    OK(access("moved2/inside", F_OK));
    _exit(0);
}

static void names_with_mounts_elsewhere_are_removed(void)
{
    int ready[2], go[2], status;
    char c = 0;
    OK(mkdir("dir", 0755));
    OK(mkdir("target", 0755));
    OK(mkdir("source", 0755));
    OK(mkdir("moved", 0755));
    write_file("file", "x");
    write_file("name", "y");
    OK(pipe(ready));
    OK(pipe(go));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        hold_mounts(ready[1], go[0]);
    OK(close(ready[1]));
    EQ(read(ready[0], &c, 1), 1);
    OK(rmdir("dir"));
    OK(unlink("name"));
    OK(rename("source", "target"));
    OK(rename("moved", "moved2"));
    EQ(write(go[1], &c, 1), 1);
    EQ(waitpid(pid, &status, 0), pid);
    EQ(status, 0);
    OK(unlink("file"));
    OK(rmdir("target"));
    OK(rmdir("moved2"));
}

int main(void)
{
    fresh_tmpfs("mode=0755");
    whiteouts_take_the_old_name();
    names_with_mounts_elsewhere_are_removed();
    leave_tmpfs();
    return 0;
}
