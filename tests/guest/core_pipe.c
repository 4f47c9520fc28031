/* SPDX-License-Identifier: MIT
 *
 * core(5), "Piping core dumps to a program": the program that takes a dump, its arguments, rights
 * and limits. The pattern is the whole machine's: a case runs only where it may set it, and puts
 * the old one back.
 */
#include "guest.h"

#include <elf.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const char pattern_file[] = "/proc/sys/kernel/core_pattern";
static char old_pattern[128];

static void read_text(const char *path, char *out, size_t size)
{
    int fd = (int)OK(open(path, O_RDONLY));
    ssize_t length = OK(read(fd, out, size - 1));
    out[length] = '\0';
    OK(close(fd));
}

static bool set_pattern(const char *text)
{
    int fd = open(pattern_file, O_WRONLY);
    if (fd < 0)
        return false;
    bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    OK(close(fd));
    return written;
}

/* This program takes dumps; `more` are its arguments. */
static void take_dumps(const char *more)
{
    char text[128];
    need_own_machine();
    int length = snprintf(text, sizeof(text), "|%s --take %s", guest_self(), more);
    if (length >= (int)sizeof(text) || access(guest_self(), X_OK) != 0)
        skip("the path of the test is too long");
    if (geteuid() != 0 || !set_pattern(text))
        skip("may not set core_pattern");
}

static void die(void *argument)
{
    const struct rlimit *limit = argument;
    OK(setrlimit(RLIMIT_CORE, limit));
    OK(prctl(PR_SET_DUMPABLE, 1));
    OK(chdir("/tmp"));
    raise(SIGSEGV);
}

/* How the child ended, and what the program that took its dump had to say in the file. */
static int wait_for_report(pid_t pid, const char *file, char *out, size_t size)
{
    int status = WAIT(pid);
    if (WCOREDUMP(status)) {
        EVENTUALLY(access(file, F_OK) == 0);
        read_text(file, out, size);
        OK(unlink(file));
    }
    return status;
}

static void report_path(char *out, size_t size, pid_t pid)
{
    snprintf(out, size, "/tmp/core-pipe-report.%d", pid);
}

/* ---- the program ---- */

static size_t read_dump(Elf64_Ehdr *header)
{
    static char buffer[65536];
    size_t total = 0;
    ssize_t got;
    memset(header, 0, sizeof(*header));
    while ((got = read(STDIN_FILENO, buffer, sizeof(buffer))) > 0) {
        if (total == 0 && got >= (ssize_t)sizeof(*header))
            memcpy(header, buffer, sizeof(*header));
        total += (size_t)got;
    }
    return total;
}

/* --take PID SIGNAL LIMIT WORD: the report appears under its name when it is whole. */
static int take(int argc, char **argv)
{
    char path[80], whole[64], cwd[64], text[256];
    struct rlimit limit = {0};
    Elf64_Ehdr header;
    if (argc < 4)
        return 1;
    bool has_output = fcntl(1, F_GETFD) >= 0;
    size_t bytes = read_dump(&header);
    getrlimit(RLIMIT_CORE, &limit);
    report_path(whole, sizeof(whole), atoi(argv[2]));
    snprintf(path, sizeof(path), "%s.new", whole);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int length = snprintf(text, sizeof(text),
                          "args %d signal %s limit %s uid %d cwd %s core %llu "
                          "elf %d big %d output %d last %s\n",
                          argc, argv[3], argv[4], (int)geteuid(), getcwd(cwd, sizeof(cwd)),
                          (unsigned long long)limit.rlim_cur,
                          memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_type == ET_CORE,
                          bytes > 8192, has_output, argv[argc - 1]);
    if (fd < 0 || write(fd, text, (size_t)length) != length)
        return 1;
    return rename(path, whole);
}

/* ---- the cases ---- */

static void dumps_go_to_the_program(void)
{
    struct rlimit none = {0, RLIM_INFINITY};
    char path[64], text[256];
    take_dumps("%P %s %c a%%b");
    pid_t pid = spawn(die, &none); /* the limit is for files */
    report_path(path, sizeof(path), pid);
    int status = wait_for_report(pid, path, text, sizeof(text));
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    TRUE(WCOREDUMP(status));
    STR_EQ(text, "args 6 signal 11 limit 0 uid 0 cwd / core 1 elf 1 big 1 output 0 last a%b\n");
}

static void a_limit_of_one_prevents_them(void)
{
    struct rlimit one = {1, RLIM_INFINITY};
    take_dumps("%P %s %c");
    int status = WAIT(spawn(die, &one));
    EQ(WTERMSIG(status), SIGSEGV);
    TRUE(!WCOREDUMP(status));
}

static void a_missing_program_takes_none(void)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    take_dumps("%P %s %c");
    TRUE(set_pattern("|/nowhere/at/all %p"));
    int status = WAIT(spawn(die, &all));
    EQ(WTERMSIG(status), SIGSEGV);
    TRUE(!WCOREDUMP(status));
}

static void the_pattern_can_be_read_back(void)
{
    char text[128];
    take_dumps("%P %s %c");
    TRUE(set_pattern("|/bin/false  x\n"));
    read_text(pattern_file, text, sizeof(text));
    STR_EQ(text, "|/bin/false  x\n");
}

GUEST_CASES(CASE(dumps_go_to_the_program), CASE(a_limit_of_one_prevents_them),
            CASE(a_missing_program_takes_none), CASE(the_pattern_can_be_read_back))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--take") == 0)
        return take(argc, argv);
    int fd = open(pattern_file, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, old_pattern, sizeof(old_pattern) - 1);
    int result = guest_run_all(argc, argv);
    if (length > 0) /* whatever became of the cases */
        set_pattern(old_pattern);
    return result;
}
