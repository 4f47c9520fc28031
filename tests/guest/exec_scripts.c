/* SPDX-License-Identifier: MIT */
/* Interpreter scripts (execve(2)): this program is the interpreter and shows what it got. */
#include "guest.h"

#include <sys/auxv.h>
#include <sys/prctl.h>

static char interpreter[PATH_MAX];
static char *const no_strings[] = {NULL};

/* What the interpreter said: its arguments, its name, AT_EXECFN. */
static const char *said(const char *path, char *const argv[])
{
    static char text[8192];
    int fds[2];
    size_t length = 0;
    ssize_t got;
    OK(pipe2(fds, O_CLOEXEC));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(dup2(fds[1], 1));
        execve(path, argv, (char *[]){(char *)"GUEST_SHOW=1", NULL});
        fail_at(__LINE__, "%s: %s", path, strerror(errno));
    }
    OK(close(fds[1]));
    while ((got = OK(read(fds[0], text + length, sizeof(text) - 1 - length))) > 0)
        length += (size_t)got;
    OK(close(fds[0]));
    CHILD_OK(pid);
    text[length] = '\0';
    /* The path of the interpreter is nothing to compare with. */
    char *at;
    while ((at = strstr(text, interpreter)) != NULL) {
        at[0] = '@';
        memmove(at + 1, at + strlen(interpreter), strlen(at + strlen(interpreter)) + 1);
    }
    return text;
}

static void show(int argc, char **argv)
{
    char name[17] = "";
    OK(prctl(PR_GET_NAME, name));
    for (int i = 0; i < argc; i++)
        printf("[%s]", argv[i]);
    printf(" %s %s", name, (const char *)getauxval(AT_EXECFN));
}

static void write_script(const char *name, const char *format)
{
    char text[PATH_MAX + 512];
    int length = snprintf(text, sizeof(text), format, interpreter);
    write_file(name, text, (size_t)length, 0755);
}

static char *const argv_abc[] = {(char *)"zero", (char *)"a b", (char *)"c", NULL};

static void find_interpreter(void)
{
    unlink("interpreter");
    OK(symlink(guest_self(), "interpreter"));
    TRUE(getcwd(interpreter, sizeof(interpreter) - 16) != NULL);
    strcat(interpreter, "/interpreter");
    if (strlen(interpreter) > 100)
        skip("the path of the working directory is too long");
}

static void arguments_are_rearranged(void)
{
    find_interpreter();
    write_script("script", "#!%s\nbody\n");
    STR_EQ(said("./script", argv_abc), "[@][./script][a b][c] script ./script");
    write_script("script", "#!%s -x\n");
    STR_EQ(said("./script", argv_abc), "[@][-x][./script][a b][c] script ./script");
    write_script("script", "#! \t%s \t one  two \t \n");
    STR_EQ(said("./script", argv_abc), "[@][one  two][./script][a b][c] script ./script");
    write_script("script", "#!%s "); /* without the newline the blank is followed by something */
    STR_EQ(said("./script", argv_abc), "[@][][./script][a b][c] script ./script");
    write_script("script", "#!%s");
    STR_EQ(said("./script", argv_abc), "[@][./script][a b][c] script ./script");
    write_script("script", "#!%s -y");
    STR_EQ(said("./script", argv_abc), "[@][-y][./script][a b][c] script ./script");
    write_script("script", "#!%s\r\n");
    FAILS(execve("./script", argv_abc, no_strings), ENOENT);
    STR_EQ(said(interpreter, argv_abc), "[zero][a b][c] interpreter @");
}

static void no_arguments_at_all(void)
{
    find_interpreter();
    write_script("script", "#!%s\n");
    STR_EQ(said("./script", no_strings), "[@][./script] script ./script");
}

static void nul_ends_the_name(void)
{
    char text[PATH_MAX + 64];
    find_interpreter();
    int length = snprintf(text, sizeof(text), "#!%s", interpreter);
    memcpy(text + length, "\0 more\n", 7);
    write_file("script", text, (size_t)length + 7, 0755);
    STR_EQ(said("./script", argv_abc), "[@][./script][a b][c] script ./script");
}

static void scripts_of_scripts(void)
{
    char text[PATH_MAX], name[16];
    find_interpreter();
    write_script("s0", "#!%s zero\n");
    for (int i = 1; i <= 5; i++) {
        snprintf(text, sizeof(text), "#!./s%d %d\n", i - 1, i);
        snprintf(name, sizeof(name), "s%d", i);
        write_text(name, text, 0755);
    }
    STR_EQ(said("./s1", argv_abc), "[@][zero][./s0][1][./s1][a b][c] s1 ./s1");
    STR_EQ(said("./s4", argv_abc), "[@][zero][./s0][1][./s1][2][./s2][3][./s3][4][./s4][a b][c] s4 ./s4");
    FAILS(execve("./s5", argv_abc, no_strings), ELOOP);
    write_text("self", "#!./self\n", 0755);
    FAILS(execve("./self", argv_abc, no_strings), ELOOP);
}

static void interpreters_must_be_programs(void)
{
    find_interpreter();
    write_text("script", "#!/nonexistent/interpreter\n", 0755);
    FAILS(execve("./script", argv_abc, no_strings), ENOENT);
    write_text("script", "#!/\n", 0755);
    FAILS(execve("./script", argv_abc, no_strings), EACCES);
    write_text("text", "text", 0644);
    write_text("script", "#!./text\n", 0755);
    FAILS(execve("./script", argv_abc, no_strings), EACCES);
    OK(chmod("text", 0755));
    FAILS(execve("./script", argv_abc, no_strings), ENOEXEC);
    write_script("script", "#!%s\n");
    OK(chmod("script", 0644));
    FAILS(execve("./script", argv_abc, no_strings), EACCES);
}

/* Only the first 256 bytes are looked at. */
static void long_lines(void)
{
    char text[400];
    find_interpreter();
    int length = snprintf(text, sizeof(text), "#!%s ", interpreter);
    memset(text + length, 'x', sizeof(text) - (size_t)length);
    text[sizeof(text) - 1] = '\n';
    write_file("script", text, sizeof(text), 0755);
    char *expected = malloc(1024);
    snprintf(expected, 1024, "[@][%.*s][./script][a b][c] script ./script", 255 - length,
             text + length);
    STR_EQ(said("./script", argv_abc), expected); /* the argument is cut */
    memset(text + 2, 'y', sizeof(text) - 2);
    text[2] = '/';
    write_file("script", text, sizeof(text), 0755);
    FAILS(execve("./script", argv_abc, no_strings), ENOEXEC); /* a name is not */
    text[256] = ' ';
    write_file("script", text, sizeof(text), 0755);
    FAILS(execve("./script", argv_abc, no_strings), ENOEXEC);
}

static void scripts_by_descriptor(void)
{
    char wanted[128], path[64];
    int fds[2], status;
    find_interpreter();
    write_script("script", "#!%s\n");
    int fd = (int)OK(open("script", O_RDONLY | O_CLOEXEC));
    FAILS(syscall(SYS_execveat, fd, "", argv_abc, no_strings, AT_EMPTY_PATH), ENOENT);
    OK(fcntl(fd, F_SETFD, 0));
    OK(pipe2(fds, O_CLOEXEC));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(dup2(fds[1], 1));
        syscall(SYS_execveat, fd, "", argv_abc, (char *[]){(char *)"GUEST_SHOW=1", NULL},
                AT_EMPTY_PATH);
        fail_at(__LINE__, "%s", strerror(errno));
    }
    OK(close(fds[1]));
    char got[256] = "";
    TRUE(read(fds[0], got, sizeof(got) - 1) > 0);
    EQ(OK(waitpid(pid, &status, 0)), pid);
    EQ(status, 0);
    snprintf(path, sizeof(path), "[/dev/fd/%d][a b][c]", fd);
    TRUE(strstr(got, path) != NULL);
    snprintf(wanted, sizeof(wanted), " /dev/fd/%d", fd);
    TRUE(strstr(got, wanted) != NULL);
    int dir = (int)OK(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    FAILS(syscall(SYS_execveat, dir, "script", argv_abc, no_strings, 0), ENOENT);
}

/* Set-user-id bits of a script do not count. */
static void scripts_have_no_privileges(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(chmod(".", 0777));
    write_text("script", "#!/proc/self/exe\n", 04755);
    (void)interpreter;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(syscall(SYS_setresuid, 1000, 1000, 1000));
        execve("./script", argv_abc, (char *[]){(char *)"GUEST_IDS=1", NULL});
        fail_at(__LINE__, "%s", strerror(errno));
    }
    CHILD_OK(pid);
}

GUEST_CASES(CASE(arguments_are_rearranged), CASE(no_arguments_at_all), CASE(nul_ends_the_name),
            CASE(scripts_of_scripts), CASE(interpreters_must_be_programs), CASE(long_lines),
            CASE(scripts_by_descriptor), CASE(scripts_have_no_privileges))

int main(int argc, char **argv)
{
    if (getenv("GUEST_SHOW")) {
        show(argc, argv);
        return 0;
    }
    if (getenv("GUEST_IDS"))
        return geteuid() != 1000 || getauxval(AT_SECURE) != 0;
    return guest_run_all(argc, argv);
}
