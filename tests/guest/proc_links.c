/* SPDX-License-Identifier: MIT */
/* proc_pid_cwd(5), proc_pid_root(5), proc_pid_exe(5): links that lead to the place itself. */
#include "proc_check.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char cwd[4096];

static void working_directory(void)
{
    struct stat st, other;
    STR_EQ(link_of("/proc/self/cwd"), cwd);
    OK(stat("/proc/self/cwd", &st));
    OK(stat(".", &other));
    EQ(st.st_ino, other.st_ino);
    OK(mkdir("d", 0755));
    OK(chdir("d"));
    OK(rmdir("../d"));
    char want[4200];
    snprintf(want, sizeof(want), "%s/d (deleted)", cwd);
    STR_EQ(link_of("/proc/self/cwd"), want);
    OK(stat("/proc/self/cwd", &st));
    TRUE(S_ISDIR(st.st_mode));
    OK(chdir(cwd));
}

static void in_new_root(void)
{
    pid_t pid = (pid_t)OK(fork());
    int status, fds[2];
    OK(pipe(fds));
    if (pid == 0) {
        OK(mkdir("root", 0755));
        if (chroot("root") != 0)
            _exit(errno == EPERM ? 77 : 1);
        OK(chdir("/"));
        for (;;)
            pause();
    }
    char want[4200];
    snprintf(want, sizeof(want), "%s/root", cwd);
    for (unsigned i = 0; i < 200; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return; /* may not */
        if (strcmp(link_of(proc_path(pid, "cwd")), want) == 0)
            break;
        usleep(10000);
    }
    STR_EQ(link_of(proc_path(pid, "root")), want);
    STR_EQ(link_of(proc_path(pid, "cwd")), want);
    write_file("root/file", "x");
    struct stat st;
    OK(stat(proc_path(pid, "root/file"), &st));
    end_child(pid);
    OK(unlink("root/file"));
    OK(rmdir("root"));
}

static void copy_self(const char *to)
{
    char buffer[65536];
    int in = (int)OK(open("/proc/self/exe", O_RDONLY));
    int out = (int)OK(open(to, O_WRONLY | O_CREAT | O_EXCL, 0755));
    for (ssize_t got; (got = OK(read(in, buffer, sizeof(buffer)))) > 0;)
        EQ(write(out, buffer, (size_t)got), got);
    close(in);
    close(out);
}

/* The program can be removed and still be found, read and run. */
static void program(void)
{
    int status;
    char want[4200];
    copy_self("program");
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        char *args[] = {"program", "sleep", NULL};
        execv("./program", args);
        _exit(9);
    }
    snprintf(want, sizeof(want), "%s/program", cwd);
    for (unsigned i = 0; i < 500 && strcmp(link_of(proc_path(pid, "exe")), want) != 0; i++)
        usleep(10000);
    STR_EQ(link_of(proc_path(pid, "exe")), want);
    FAILS(open("program", O_WRONLY), ETXTBSY);
    OK(unlink("program"));
    strcat(want, " (deleted)");
    STR_EQ(link_of(proc_path(pid, "exe")), want);
    char *text = slurp(proc_path(pid, "exe"), NULL);
    TRUE(memcmp(text, "\177ELF", 4) == 0);
    free(text);
    pid_t again = (pid_t)OK(fork());
    if (again == 0) {
        char *args[] = {"again", "exit", NULL};
        execv(proc_path(pid, "exe"), args);
        _exit(9);
    }
    OK(waitpid(again, &status, 0));
    EQ(WEXITSTATUS(status), 33);
    end_child(pid);
    FAILS(readlink(proc_path(pid, "exe"), want, sizeof(want)), ENOENT);
}

/* A child that has not executed anything runs its parent's program. */
static void program_of_fork(void)
{
    char mine[4096];
    strcpy(mine, link_of("/proc/self/exe"));
    pid_t pid = idle_child();
    STR_EQ(link_of(proc_path(pid, "exe")), mine);
    end_child(pid);
}

/* proc_pid_syscall(5) of the reader itself, proc_pid_map_files(5) of a task that has no memory. */
static void calls_and_mappings(void)
{
    char text[256] = "", want[128];
    struct dirent *entry;
    int fd = (int)OK(open("/proc/self/syscall", O_RDONLY));
    TRUE(OK(syscall(SYS_read, fd, text, sizeof(text) - 1)) > 0);
    snprintf(want, sizeof(want), "%d %#x %#lx %#zx ", (int)SYS_read, (unsigned)fd,
             (unsigned long)text, sizeof(text) - 1);
    TRUE(strncmp(text, want, strlen(want)) == 0);
    close(fd);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(0);
    siginfo_t info;
    OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    DIR *dir = opendir(proc_path(pid, "map_files"));
    if (dir) {
        TRUE((entry = readdir(dir)) != NULL);
        STR_EQ(entry->d_name, ".");
        TRUE((entry = readdir(dir)) != NULL);
        STR_EQ(entry->d_name, "..");
        TRUE(readdir(dir) == NULL);
        closedir(dir);
    }
    EQ(waitpid(pid, NULL, 0), pid);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "exit") == 0)
        return 33;
    while (argc > 1)
        pause();
    TRUE(getcwd(cwd, sizeof(cwd)) != NULL);
    working_directory();
    program();
    program_of_fork();
    in_new_root();
    calls_and_mappings();
    return 0;
}
