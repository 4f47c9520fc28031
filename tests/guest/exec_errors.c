/* SPDX-License-Identifier: MIT */
/* execve(2), execveat(2): what cannot be executed, and why. */
#include "guest.h"

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>

static char *const no_strings[] = {NULL};
static char *const again[] = {(char *)"again", (char *)"--exit-9", NULL};

#define EXEC_FAILS(path, wanted) FAILS(execve(path, again, no_strings), wanted)

static void copy_self(const char *name, mode_t mode)
{
    static char buffer[65536];
    ssize_t got;
    int in = (int)OK(open(guest_self(), O_RDONLY | O_CLOEXEC));
    int out = (int)OK(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
    while ((got = OK(read(in, buffer, sizeof(buffer)))) > 0)
        EQ(write(out, buffer, (size_t)got), got);
    OK(fchmod(out, mode));
    OK(close(in));
    OK(close(out));
}

/* Run a program with arguments in a child; its status. */
static int status_of(const char *path, char *const argv[])
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        execve(path, argv, no_strings);
        fail_at(__LINE__, "%s: %s", path, strerror(errno));
    }
    return WAIT(pid);
}

static void paths(void)
{
    static char longest[5000];
    EXEC_FAILS("", ENOENT);
    EXEC_FAILS("./none", ENOENT);
    EXEC_FAILS("./none/none", ENOENT);
    EXEC_FAILS(BAD_POINTER, EFAULT);
    EXEC_FAILS(".", EACCES);
    EXEC_FAILS("/", EACCES);
    EXEC_FAILS("/dev/null", EACCES);
    write_text("file", "x", 0755);
    EXEC_FAILS("file/x", ENOTDIR);
    OK(symlink("loop", "loop"));
    EXEC_FAILS("loop", ELOOP);
    OK(mkfifo("fifo", 0755));
    EXEC_FAILS("fifo", EACCES);
    memset(longest, 'x', sizeof(longest) - 1);
    EXEC_FAILS(longest, ENAMETOOLONG);
    longest[300] = '\0';
    EXEC_FAILS(longest, ENAMETOOLONG);
}

static void permissions(void)
{
    copy_self("program", 0644);
    EXEC_FAILS("program", EACCES); /* not even root */
    OK(chmod("program", 0100));
    if (geteuid() == 0) {
        EQ(status_of("program", again), 9 << 8);
        OK(chmod("program", 0700));
        OK(chmod(".", 0755));
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            OK(syscall(SYS_setresuid, 1000, 1000, 1000));
            EXEC_FAILS("program", EACCES);
            _exit(0);
        }
        CHILD_OK(pid);
        OK(chmod("program", 0111)); /* it need not be readable */
        pid = (pid_t)OK(fork());
        if (pid == 0) {
            OK(syscall(SYS_setresuid, 1000, 1000, 1000));
            execve("program", again, no_strings);
            fail_at(__LINE__, "%s", strerror(errno));
        }
        EQ(WAIT(pid), 9 << 8);
    }
}

static void noexec_mount(void)
{
    OK(mkdir("mounted", 0755));
    if (mount("test", "mounted", "tmpfs", MS_NOEXEC, "") != 0)
        skip("needs the right to mount");
    copy_self("mounted/program", 0755);
    EXEC_FAILS("mounted/program", EACCES);
    OK(mount("test", "mounted", "tmpfs", MS_REMOUNT, ""));
    EQ(status_of("mounted/program", again), 9 << 8);
    OK(umount("mounted"));
}

static void formats(void)
{
    static const struct {
        const char *bytes;
        size_t count;
    } bad[] = {{"", 0},  {"x", 1},    {"\n", 1},       {"\177ELF", 4},
               {"#", 1}, {"#!\n", 3}, {"#! \t \n", 6}, {"echo hello\n", 11}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file("bad", bad[i].bytes, bad[i].count, 0755);
        EXEC_FAILS("bad", ENOEXEC);
    }
    /* A program that was cut short. */
    copy_self("cut", 0755);
    OK(truncate("cut", 63));
    EXEC_FAILS("cut", ENOEXEC);
    OK(truncate("cut", 64));
    EXEC_FAILS("cut", ENOEXEC);
}

static void text_file_busy(void)
{
    copy_self("program", 0755);
    int fd = (int)OK(open("program", O_WRONLY | O_CLOEXEC));
    EXEC_FAILS("program", ETXTBSY);
    OK(close(fd));
    fd = (int)OK(open("program", O_RDONLY | O_CLOEXEC));
    EQ(status_of("program", again), 9 << 8);
    OK(close(fd));

    struct gate gate = gate_make();
    char c;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        execve("program", (char *[]){(char *)"again", (char *)"--sleep", NULL}, no_strings);
        _exit(1);
    }
    OK(close(gate.fds[1]));
    EQ(read(gate.fds[0], &c, 1), 0); /* it has executed */
    FAILS(open("program", O_WRONLY), ETXTBSY);
    FAILS(truncate("program", 0), ETXTBSY);
    FAILS(open("program", O_RDONLY | O_TRUNC), ETXTBSY);
    OK(close((int)OK(open("program", O_RDONLY))));
    OK(unlink("program"));
    OK(kill(pid, SIGKILL));
    WAIT(pid);
}

/* A refused execve changes nothing. */
static void failure_changes_nothing(void)
{
    struct sigaction action = {.sa_handler = guest_timeout};
    OK(sigaction(SIGUSR1, &action, NULL));
    int fd = (int)OK(open("/dev/null", O_RDONLY | O_CLOEXEC));
    copy_self("program", 0755);
    int writer = (int)OK(open("program", O_WRONLY | O_CLOEXEC));
    EXEC_FAILS("program", ETXTBSY);
    EXEC_FAILS("/none", ENOENT);
    OK(close(writer));
    OK(truncate("program", 64));
    EXEC_FAILS("program", ENOEXEC);
    OK(sigaction(SIGUSR1, NULL, &action));
    TRUE(action.sa_handler == guest_timeout);
    OK(fcntl(fd, F_GETFD));
}

/* ---- arguments ---- */

static void bad_addresses(void)
{
    const char *self = guest_self();
    char *bad_string[] = {(char *)"again", BAD_POINTER, NULL};
    FAILS(execve(self, BAD_POINTER, no_strings), EFAULT);
    FAILS(execve(self, again, BAD_POINTER), EFAULT);
    FAILS(execve(self, bad_string, no_strings), EFAULT);
    FAILS(execve(self, again, bad_string), EFAULT);
    /* A string that runs into nothing. */
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(pages != MAP_FAILED);
    OK(munmap(pages + 4096, 4096));
    memset(pages, 'x', 4096);
    char *runs_out[] = {(char *)"again", pages + 1000, NULL};
    FAILS(execve(self, runs_out, no_strings), EFAULT);
}

enum { STRING_MAX = 131072 };

static char *string_of(size_t bytes)
{
    char *string = malloc(bytes);
    TRUE(string != NULL);
    memset(string, 'a', bytes - 1);
    string[bytes - 1] = '\0';
    return string;
}

static void one_string_has_a_limit(void)
{
    char *argv[] = {(char *)"again", (char *)"--length-1", string_of(STRING_MAX), NULL};
    EQ(status_of(guest_self(), argv), 0);
    argv[2] = string_of(STRING_MAX + 1);
    FAILS(execve(guest_self(), argv, no_strings), E2BIG);
    FAILS(execve(guest_self(), again, argv), E2BIG);
}

/* Strings and pointers together: a quarter of the stack limit, but never less than 128 KiB. */
static void all_strings_have_a_limit(void)
{
    struct rlimit limit = {1 << 20, 1 << 20};
    char *argv[1024] = {(char *)"again", (char *)"--exit-9"};
    const char *self = guest_self();
    OK(setrlimit(RLIMIT_STACK, &limit));
    size_t room = (1 << 18) - (strlen(self) + 1) - (sizeof("again") + sizeof("--exit-9"));
    int count = 2;
    while (room > 2 * 4096) {
        argv[count++] = string_of(4096);
        room -= 4096;
    }
    room -= (size_t)(count + 1) * sizeof(char *);
    argv[count] = string_of(room);
    EQ(status_of(self, argv), 9 << 8);
    argv[count] = string_of(room + 1);
    FAILS(execve(self, argv, no_strings), E2BIG);
    argv[count] = string_of(room);
    argv[count + 1] = (char *)"";
    FAILS(execve(self, argv, no_strings), E2BIG);
}

static void small_stacks_leave_the_minimum(void)
{
    struct rlimit limit = {256 << 10, 256 << 10};
    char *argv[40] = {(char *)"again", (char *)"--exit-9"};
    OK(setrlimit(RLIMIT_STACK, &limit));
    for (int i = 2; i < 31; i++)
        argv[i] = string_of(4096);
    EQ(status_of(guest_self(), argv), 9 << 8);
    for (int i = 31; i < 35; i++)
        argv[i] = string_of(4096);
    FAILS(execve(guest_self(), argv, no_strings), E2BIG);
}

/* A program still finds room for mappings below the stack. */
static void any_stack_limit_leaves_room(void)
{
    static const rlim_t limits[] = {RLIM_INFINITY, RLIM_INFINITY - 1, (8 << 20) + 1, 160000001};
    char *argv[] = {(char *)"again", (char *)"--map", NULL};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit limit = {limits[i], RLIM_INFINITY};
        OK(setrlimit(RLIMIT_STACK, &limit));
        EQ(status_of(guest_self(), argv), 0);
    }
}

static void many_strings(void)
{
    enum { COUNT = 40000 };
    char **argv = calloc(COUNT + 1, sizeof(*argv));
    argv[0] = (char *)"again";
    argv[1] = (char *)"--count";
    for (int i = 2; i < COUNT; i++)
        argv[i] = (char *)"arg";
    EQ(status_of(guest_self(), argv), 40 << 8); /* thousands */
}

static void no_arguments_become_one_empty(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        setenv("GUEST_NO_ARGUMENTS", "1", 1);
        syscall(SYS_execve, guest_self(), NULL, (char *[]){(char *)"GUEST_NO_ARGUMENTS=1", NULL});
        _exit(1);
    }
    EQ(WAIT(pid), 11 << 8);
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        syscall(SYS_execve, guest_self(), no_strings,
                (char *[]){(char *)"GUEST_NO_ARGUMENTS=1", NULL});
        _exit(1);
    }
    EQ(WAIT(pid), 11 << 8);
}

/* ---- execveat(2) ---- */

static long execveat_raw(int dir, const char *path, int flags)
{
    return syscall(SYS_execveat, dir, path, again, no_strings, flags);
}

static int status_at(int dir, const char *path, int flags)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        execveat_raw(dir, path, flags);
        fail_at(__LINE__, "%s: %s", path, strerror(errno));
    }
    return WAIT(pid);
}

static void execveat_finds_programs(void)
{
    OK(mkdir("dir", 0755));
    copy_self("dir/program", 0755);
    OK(symlink("program", "dir/link"));
    int dir = (int)OK(open("dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int program = (int)OK(open("dir/program", O_RDONLY | O_CLOEXEC));
    int by_path = (int)OK(open("dir/program", O_PATH | O_CLOEXEC));
    EQ(status_at(dir, "program", 0), 9 << 8);
    EQ(status_at(AT_FDCWD, "dir/program", 0), 9 << 8);
    EQ(status_at(dir, "link", 0), 9 << 8);
    EQ(status_at(program, "", AT_EMPTY_PATH), 9 << 8);
    EQ(status_at(by_path, "", AT_EMPTY_PATH), 9 << 8);
    EQ(status_at(-7, guest_self(), 0), 9 << 8);
    FAILS(execveat_raw(dir, "link", AT_SYMLINK_NOFOLLOW), ELOOP);
    FAILS(execveat_raw(program, "", 0), ENOENT);
    FAILS(execveat_raw(program, "x", 0), ENOTDIR);
    FAILS(execveat_raw(-7, "program", 0), EBADF);
    FAILS(execveat_raw(-7, "", AT_EMPTY_PATH), EBADF);
    FAILS(execveat_raw(dir, "", AT_EMPTY_PATH), EACCES);
    FAILS(execveat_raw(dir, "program", 0x8000), EINVAL);
}

GUEST_CASES(CASE(paths), CASE(permissions), CASE(noexec_mount), CASE(formats), CASE(text_file_busy),
            CASE(failure_changes_nothing), CASE(bad_addresses), CASE(one_string_has_a_limit),
            CASE(all_strings_have_a_limit), CASE(small_stacks_leave_the_minimum),
            CASE(any_stack_limit_leaves_room), CASE(many_strings),
            CASE(no_arguments_become_one_empty), CASE(execveat_finds_programs))

static int map_some(void)
{
    char *map = mmap(NULL, 12345, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return map == MAP_FAILED || (uintptr_t)map % 4096 != 0 || map[12000] != 0;
}

int main(int argc, char **argv)
{
    if (getenv("GUEST_NO_ARGUMENTS"))
        return argc == 1 && argv[0][0] == '\0' && argv[1] == NULL ? 11 : 12;
    if (argc > 1 && strcmp(argv[1], "--exit-9") == 0)
        return 9;
    if (argc > 1 && strcmp(argv[1], "--count") == 0)
        return argc / 1000;
    if (argc > 1 && strcmp(argv[1], "--map") == 0)
        return map_some();
    if (argc > 1 && strcmp(argv[1], "--sleep") == 0)
        return pause();
    if (argc > 1 && strcmp(argv[1], "--length-1") == 0)
        return argc != 3 || strlen(argv[2]) != STRING_MAX - 1;
    return guest_run_all(argc, argv);
}
