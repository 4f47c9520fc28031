/* SPDX-License-Identifier: MIT
 *
 * File leases (fcntl(2) F_SETLEASE) and directory notification by signals (F_NOTIFY).
 */
#include "guest.h"

static siginfo_t wait_for_signal(int signo, int timeout_ms)
{
    sigset_t set;
    siginfo_t info = {0};
    struct timespec time = {.tv_sec = timeout_ms / 1000,
                            .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    sigemptyset(&set);
    sigaddset(&set, signo);
    if (sigtimedwait(&set, &info, &time) < 0)
        info.si_signo = 0;
    return info;
}

static void block(int signo)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signo);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

static int open_file(int flags)
{
    return (int)OK(open("f", flags | O_CREAT | O_CLOEXEC, 0600));
}

static void leases_are_taken_and_given_up(void)
{
    OK(close(open_file(O_RDWR)));
    int fd = open_file(O_RDONLY);
    EQ(OK(fcntl(fd, F_GETLEASE)), F_UNLCK);
    FAILS(fcntl(fd, F_SETLEASE, F_UNLCK), EAGAIN);
    OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    EQ(OK(fcntl(fd, F_GETLEASE)), F_RDLCK);
    OK(fcntl(fd, F_SETLEASE, F_WRLCK)); /* nobody else has it open */
    EQ(OK(fcntl(fd, F_GETLEASE)), F_WRLCK);
    OK(fcntl(fd, F_SETLEASE, F_UNLCK));
    EQ(OK(fcntl(fd, F_GETLEASE)), F_UNLCK);
    FAILS(fcntl(fd, F_SETLEASE, 77), EINVAL);
    int second = open_file(O_RDONLY);
    FAILS(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN);
    OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    OK(fcntl(second, F_SETLEASE, F_RDLCK));
    FAILS(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN);
    OK(close(second));
    OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    OK(close(fd));
    fd = open_file(O_RDWR);
    FAILS(fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN);
    OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    OK(close(fd));
    int dir = (int)OK(open(".", O_RDONLY));
    FAILS(fcntl(dir, F_SETLEASE, F_RDLCK), EINVAL);
    FAILS(fcntl(-1, F_SETLEASE, F_RDLCK), EBADF);
    if (geteuid() == 0) {
        fd = open_file(O_RDONLY);
        OK(setresuid(1000, 1000, 1000));
        FAILS(fcntl(fd, F_SETLEASE, F_RDLCK), EACCES);
    }
}

/* The line of our lease in /proc/locks without number and place. */
static const char *proc_line(void)
{
    static char found[128];
    char line[256];
    FILE *file = fopen("/proc/locks", "r");
    found[0] = 0;
    while (fgets(line, sizeof(line), file)) {
        char kind[16], state[16], type[16];
        int pid;
        if (sscanf(line, "%*d: %15s %15s %15s %d ", kind, state, type, &pid) == 4 &&
            pid == getpid())
            snprintf(found, sizeof(found), "%s %s %s", kind, state, type);
    }
    fclose(file);
    return found;
}

static void open_for_reading(void *argument)
{
    (void)argument;
    OK(open("f", O_RDONLY));
}

static void open_for_writing(void *argument)
{
    (void)argument;
    OK(open("f", O_WRONLY));
}

static void openers_wait_for_the_holder(void)
{
    block(SIGIO);
    OK(close(open_file(O_RDWR)));
    int fd = open_file(O_RDONLY);
    OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    EQ(fcntl(fd, F_GETOWN), getpid());
    STR_EQ(proc_line(), "LEASE ACTIVE WRITE");
    FAILS(open("f", O_RDONLY | O_NONBLOCK), EWOULDBLOCK);
    EQ(wait_for_signal(SIGIO, 5000).si_signo, SIGIO);
    EQ(OK(fcntl(fd, F_GETLEASE)), F_RDLCK); /* this is what is wanted */
    STR_EQ(proc_line(), "LEASE BREAKING READ");
    pid_t pid = spawn(open_for_reading, NULL);
    EVENTUALLY(process_state(pid) == 'S');
    OK(fcntl(fd, F_SETLEASE, F_RDLCK)); /* downgraded: readers may go on */
    CHILD_OK(pid);
    EQ(OK(fcntl(fd, F_GETLEASE)), F_RDLCK);
    OK(close((int)OK(open("f", O_RDONLY))));
    pid = spawn(open_for_writing, NULL);
    EQ(wait_for_signal(SIGIO, 5000).si_signo, SIGIO);
    EQ(OK(fcntl(fd, F_GETLEASE)), F_UNLCK);
    EVENTUALLY(process_state(pid) == 'S');
    EQ(waitpid(pid, NULL, WNOHANG), 0);
    OK(fcntl(fd, F_SETLEASE, F_UNLCK));
    CHILD_OK(pid);
}

static void closing_lets_openers_go(void)
{
    block(SIGIO);
    OK(close(open_file(O_RDWR)));
    int fd = open_file(O_RDONLY);
    OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    struct gate gate = gate_make();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(close(fd));
        gate_open(&gate);
        OK(truncate("f", 5));
        _exit(0);
    }
    gate_pass(&gate);
    EQ(wait_for_signal(SIGIO, 5000).si_signo, SIGIO);
    OK(close(fd));
    CHILD_OK(pid);
}

static void chosen_signal_says_which_file(void)
{
    block(SIGRTMIN);
    OK(close(open_file(O_RDWR)));
    int fd = open_file(O_RDONLY);
    OK(fcntl(fd, F_SETSIG, SIGRTMIN));
    OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    FAILS(open("f", O_WRONLY | O_NONBLOCK), EWOULDBLOCK);
    siginfo_t info = wait_for_signal(SIGRTMIN, 5000);
    EQ(info.si_signo, SIGRTMIN);
    EQ(info.si_fd, fd);
    EQ(info.si_code, 3 /* POLL_MSG */);
    FAILS(open("f", O_WRONLY | O_NONBLOCK), EWOULDBLOCK);
    EQ(wait_for_signal(SIGRTMIN, 0).si_signo, 0); /* told once */
}

static void holders_that_sleep_lose_it(void)
{
    char old[32] = "";
    int setting = open("/proc/sys/fs/lease-break-time", O_RDWR);
    if (setting < 0)
        skip("lease-break-time cannot be set");
    OK(read(setting, old, sizeof(old) - 1));
    if (pwrite(setting, "1\n", 2, 0) != 2)
        skip("lease-break-time cannot be set");
    block(SIGIO);
    OK(close(open_file(O_RDWR)));
    int fd = open_file(O_RDONLY);
    OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    uint64_t before = now_ms();
    int writer = (int)OK(open("f", O_WRONLY));
    OK(pwrite(setting, old, strlen(old), 0));
    TRUE(now_ms() - before >= 900);
    EQ(OK(fcntl(fd, F_GETLEASE)), F_UNLCK);
    OK(close(writer));
}

static void directories_signal(void)
{
    block(SIGRTMIN);
    OK(mkdir("d", 0755));
    int fd = (int)OK(open("d", O_RDONLY));
    OK(fcntl(fd, F_SETSIG, SIGRTMIN));
    OK(fcntl(fd, F_NOTIFY, (long)(DN_CREATE | DN_MULTISHOT)));
    OK(close((int)OK(open("d/a", O_CREAT | O_WRONLY, 0600))));
    siginfo_t info = wait_for_signal(SIGRTMIN, 5000);
    EQ(info.si_signo, SIGRTMIN);
    EQ(info.si_fd, fd);
    EQ(info.si_code, 3 /* POLL_MSG */);
    OK(close((int)OK(open("d/b", O_CREAT | O_WRONLY, 0600))));
    EQ(wait_for_signal(SIGRTMIN, 5000).si_signo, SIGRTMIN);
    OK(unlink("d/b"));
    EQ(wait_for_signal(SIGRTMIN, 0).si_signo, 0);
    OK(fcntl(fd, F_NOTIFY, DN_DELETE)); /* adds */
    OK(unlink("d/a"));
    EQ(wait_for_signal(SIGRTMIN, 5000).si_signo, SIGRTMIN);
    OK(fcntl(fd, F_NOTIFY, 0));
    OK(close((int)OK(open("d/c", O_CREAT | O_WRONLY, 0600))));
    EQ(wait_for_signal(SIGRTMIN, 0).si_signo, 0);
    OK(fcntl(fd, F_NOTIFY, DN_DELETE));
    OK(unlink("d/c"));
    EQ(wait_for_signal(SIGRTMIN, 5000).si_signo, SIGRTMIN);
    OK(mkdir("d/e", 0700));
    OK(rmdir("d/e")); /* without DN_MULTISHOT it was the only time */
    EQ(wait_for_signal(SIGRTMIN, 0).si_signo, 0);
    int file = (int)OK(open("d/f", O_CREAT | O_WRONLY, 0600));
    FAILS(fcntl(file, F_NOTIFY, DN_CREATE), ENOTDIR);
    OK(fcntl(fd, F_NOTIFY, (long)(DN_CREATE | DN_MULTISHOT)));
    OK(close(fd)); /* ends it */
    OK(mkdir("d/g", 0700));
    EQ(wait_for_signal(SIGRTMIN, 0).si_signo, 0);
}

#define IN_DIRECTORY(body)                                                                         \
    static void body##_(void)                                                                      \
    {                                                                                              \
        OK(mkdir(#body, 0777));                                                                    \
        OK(chdir(#body));                                                                          \
        body();                                                                                    \
    }

IN_DIRECTORY(leases_are_taken_and_given_up)
IN_DIRECTORY(openers_wait_for_the_holder)
IN_DIRECTORY(closing_lets_openers_go)
IN_DIRECTORY(chosen_signal_says_which_file)
IN_DIRECTORY(holders_that_sleep_lose_it)
IN_DIRECTORY(directories_signal)

GUEST_MAIN(CASE(leases_are_taken_and_given_up_), CASE(openers_wait_for_the_holder_),
           CASE(closing_lets_openers_go_), CASE(chosen_signal_says_which_file_),
           CASE(holders_that_sleep_lose_it_), CASE(directories_signal_))
