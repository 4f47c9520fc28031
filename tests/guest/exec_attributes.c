/* SPDX-License-Identifier: MIT */
/* execve(2), "Effect on process attributes": what stays, what goes; the new program's stack. */
#include "guest.h"

#include <elf.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

static const char *mode;         /* what the program is asked to do when it is run again */

/* Become `again MODE argument`. */
static void exec_again(const char *what, const char *argument)
{
    execve(guest_self(), (char *[]){(char *)"again", (char *)what, (char *)argument, NULL},
           (char *[]){(char *)"ONE=1", (char *)"TWO=2", NULL});
    fail_at(__LINE__, "execve: %s", strerror(errno));
}

static void ignore_it(int signo)
{
    (void)signo;
}

/* ---- signals ---- */

static void signals_before(void)
{
    struct sigaction action = {.sa_handler = ignore_it, .sa_flags = SA_RESTART};
    sigset_t set;
    static char stack[16384];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    OK(sigaction(SIGUSR1, &action, NULL));
    TRUE(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    OK(sigaltstack(&alternate, NULL));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(raise(SIGUSR1));
    OK(kill(getpid(), SIGRTMIN));
    exec_again("--signals", NULL);
}

static void signals_after(void)
{
    struct sigaction action;
    sigset_t set;
    stack_t alternate;
    OK(sigaction(SIGUSR1, NULL, &action));
    TRUE(action.sa_handler == SIG_DFL);
    OK(sigaction(SIGUSR2, NULL, &action));
    TRUE(action.sa_handler == SIG_IGN);
    OK(sigaltstack(NULL, &alternate));
    EQ(alternate.ss_flags, SS_DISABLE);
    OK(sigprocmask(SIG_BLOCK, NULL, &set));
    EQ(sigismember(&set, SIGUSR1), 1);
    EQ(sigismember(&set, SIGUSR2), 0);
    OK(sigpending(&set));
    EQ(sigismember(&set, SIGUSR1), 1);
    EQ(sigismember(&set, SIGRTMIN), 1);
}

/* ---- files, timers, numbers ---- */

static void process_before(void)
{
    char numbers[64];
    struct itimerval timer = {.it_value = {100, 0}, .it_interval = {50, 0}};
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    struct itimerspec spec = {.it_value = {100, 0}};
    timer_t posix_timer;
    OK(dup2(0, 20));
    OK(dup2(0, 21));
    OK(fcntl(21, F_SETFD, FD_CLOEXEC));
    umask(0123);
    OK(setitimer(ITIMER_REAL, &timer, NULL));
    OK(timer_create(CLOCK_MONOTONIC, &event, &posix_timer));
    OK(timer_settime(posix_timer, 0, &spec, NULL));
    OK(nice(3));
    OK(prctl(PR_SET_NAME, "old name"));
    OK(prctl(PR_SET_PDEATHSIG, SIGUSR2));
    OK(prctl(PR_SET_TIMERSLACK, 77777));
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    OK(prctl(PR_SET_DUMPABLE, 0));
    OK(setrlimit(RLIMIT_CORE, &(struct rlimit){11, 22}));
    OK(mlockall(MCL_FUTURE));
    snprintf(numbers, sizeof(numbers), "%d %d %d %d", getpid(), getppid(), getpgrp(), getsid(0));
    exec_again("--process", numbers);
}

static void process_after(const char *numbers)
{
    char now[64], name[32] = "";
    struct itimerval timer;
    struct rlimit limit;
    int value = -1;
    snprintf(now, sizeof(now), "%d %d %d %d", getpid(), getppid(), getpgrp(), getsid(0));
    STR_EQ(now, numbers);
    OK(fcntl(20, F_GETFD));
    FAILS(fcntl(21, F_GETFD), EBADF);
    EQ(umask(0), 0123);
    OK(getitimer(ITIMER_REAL, &timer));
    TRUE(timer.it_value.tv_sec > 50);
    EQ(timer.it_interval.tv_sec, 50);
    FAILS(syscall(SYS_timer_delete, 0), EINVAL);
    EQ(getpriority(PRIO_PROCESS, 0), 3);
    OK(prctl(PR_GET_NAME, name));
    TRUE(strcmp(name, "old name") != 0);
    TRUE(strncmp(strrchr(guest_self(), '/') + 1, name, strlen(name)) == 0);
    OK(prctl(PR_GET_PDEATHSIG, &value));
    EQ(value, SIGUSR2);
    EQ(prctl(PR_GET_TIMERSLACK), 77777);
    OK(prctl(PR_GET_CHILD_SUBREAPER, &value));
    EQ(value, 1);
    EQ(prctl(PR_GET_DUMPABLE), 1);
    OK(getrlimit(RLIMIT_CORE, &limit));
    EQ(limit.rlim_cur, 11);
    EQ(limit.rlim_max, 22);
}

static void signals_and_masks(void)
{
    signals_before();
}

static void numbers_files_and_timers(void)
{
    process_before();
}

/* ---- memory ---- */

static void memory_is_new(void)
{
    char text[32];
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(page != MAP_FAILED);
    snprintf(text, sizeof(text), "%p", (void *)page);
    exec_again("--memory", text);
}

static void memory_after(const char *text)
{
    void *page = NULL;
    EQ(sscanf(text, "%p", &page), 1);
    FAILS(msync(page, 4096, MS_ASYNC), ENOMEM);
}

/* The futex of CLONE_CHILD_CLEARTID is cleared and woken by execve as by an exit. */
static int exec_true(void *unused)
{
    (void)unused;
    exec_again("--true", NULL);
    return 1;
}

static void execve_clears_the_tid(void)
{
    static int tid = 777;
    static char stack[65536] __attribute__((aligned(16)));
    guest_self();
    int pid = (int)OK(clone(exec_true, stack + sizeof(stack),
                            CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL, &tid));
    uint64_t until = now_ms() + 5000;
    while (__atomic_load_n(&tid, __ATOMIC_ACQUIRE) != 0 && now_ms() < until) {
        struct timespec wait = {1, 0};
        syscall(SYS_futex, &tid, FUTEX_WAIT, 777, &wait, NULL, 0);
    }
    EQ(tid, 0);
    EQ(WAIT(pid), 0);
}

/* ---- the initial stack ---- */

static void stack_layout(void)
{
    exec_again("--stack", "argument");
}

static void check_vectors(int argc, char **argv, char **envp)
{
    unsigned long *word = (unsigned long *)(void *)argv - 1;
    EQ((uintptr_t)word % 16, 0);
    EQ(*word, argc);
    EQ(argc, 3);
    TRUE(argv[3] == NULL);
    TRUE(envp == argv + 4);
    STR_EQ(envp[0], "ONE=1");
    STR_EQ(envp[1], "TWO=2");
    TRUE(envp[2] == NULL);
    /* Strings lie one behind the other. */
    TRUE(argv[1] == argv[0] + strlen(argv[0]) + 1);
    TRUE(argv[2] == argv[1] + strlen(argv[1]) + 1);
    TRUE(envp[0] == argv[2] + strlen(argv[2]) + 1);
    TRUE(envp[1] == envp[0] + strlen(envp[0]) + 1);
    TRUE((char *)getauxval(AT_EXECFN) == envp[1] + strlen(envp[1]) + 1);
}

static void check_auxv(char **envp)
{
    const Elf64_auxv_t *aux = (const void *)(envp + 3);
    unsigned long seen = 0;
    for (; aux->a_type != AT_NULL; aux++) {
        if (aux->a_type < 64)
            seen |= 1ul << aux->a_type;
    }
    static const int needed[] = {AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY,
                                 AT_UID, AT_EUID, AT_GID, AT_EGID, AT_SECURE, AT_RANDOM, AT_HWCAP,
                                 AT_CLKTCK, AT_EXECFN, AT_PLATFORM, AT_HWCAP2, AT_MINSIGSTKSZ};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (needed[i] < 64 && !(seen & 1ul << needed[i]))
            fail_at(__LINE__, "no entry %d in the auxiliary vector", needed[i]);
    }
    EQ(getauxval(AT_PAGESZ), 4096);
    EQ(getauxval(AT_CLKTCK), sysconf(_SC_CLK_TCK));
    EQ(getauxval(AT_UID), getuid());
    EQ(getauxval(AT_EGID), getegid());
    EQ(getauxval(AT_SECURE), 0);
    EQ(getauxval(AT_PHENT), sizeof(Elf64_Phdr));
    STR_EQ((char *)getauxval(AT_PLATFORM), "x86_64");
    STR_EQ((char *)getauxval(AT_EXECFN), guest_self());
    const unsigned char *random = (void *)getauxval(AT_RANDOM);
    int bits = 0;
    for (int i = 0; i < 16; i++)
        bits |= random[i];
    TRUE(bits != 0);
    const Elf64_Phdr *headers = (void *)getauxval(AT_PHDR);
    bool found = false;
    for (unsigned i = 0; i < getauxval(AT_PHNUM); i++)
        found = found || headers[i].p_type == PT_LOAD;
    TRUE(found);
}

/* ---- randomization ---- */

static void *stack_address(void)
{
    return __builtin_frame_address(0);
}

static void addresses_of(char *text, size_t bytes)
{
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    snprintf(text, bytes, "%p %p %p\n", stack_address(), page, sbrk(0));
}

static void run_and_read(char *text, size_t bytes)
{
    int fds[2];
    OK(pipe2(fds, O_CLOEXEC));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(dup2(fds[1], 1));
        exec_again("--addresses", NULL);
    }
    OK(close(fds[1]));
    ssize_t got = read(fds[0], text, bytes - 1);
    TRUE(got > 0);
    text[got] = '\0';
    OK(close(fds[0]));
    CHILD_OK(pid);
}

static void addresses_are_random_unless_told(void)
{
    char first[128], second[128];
    run_and_read(first, sizeof(first));
    run_and_read(second, sizeof(second));
    TRUE(strcmp(first, second) != 0);
    OK(syscall(SYS_personality, 0x0040000));
    run_and_read(first, sizeof(first));
    run_and_read(second, sizeof(second));
    STR_EQ(first, second);
}

static void proc_shows_the_new_program(void)
{
    exec_again("--proc", "some argument");
}

static void check_proc(void)
{
    char text[256];
    int fd = (int)OK(open("/proc/self/cmdline", O_RDONLY));
    ssize_t got = OK(read(fd, text, sizeof(text)));
    EQ(got, sizeof("again\0--proc\0some argument"));
    TRUE(memcmp(text, "again\0--proc\0some argument", (size_t)got) == 0);
    fd = (int)OK(open("/proc/self/environ", O_RDONLY));
    got = OK(read(fd, text, sizeof(text)));
    EQ(got, sizeof("ONE=1\0TWO=2"));
    TRUE(memcmp(text, "ONE=1\0TWO=2", (size_t)got) == 0);
}

GUEST_CASES(CASE(signals_and_masks), CASE(numbers_files_and_timers), CASE(memory_is_new),
            CASE(execve_clears_the_tid), CASE(stack_layout), CASE(addresses_are_random_unless_told),
            CASE(proc_shows_the_new_program))

int main(int argc, char **argv, char **envp)
{
    mode = argc > 1 ? argv[1] : "";
    guest_case_name = mode;
    if (strcmp(mode, "--signals") == 0) {
        signals_after();
    } else if (strcmp(mode, "--process") == 0) {
        process_after(argv[2]);
    } else if (strcmp(mode, "--memory") == 0) {
        memory_after(argv[2]);
    } else if (strcmp(mode, "--stack") == 0) {
        check_vectors(argc, argv, envp);
        check_auxv(envp);
    } else if (strcmp(mode, "--addresses") == 0) {
        char text[128];
        addresses_of(text, sizeof(text));
        return write(1, text, strlen(text)) < 0;
    } else if (strcmp(mode, "--proc") == 0) {
        check_proc();
    } else if (strcmp(mode, "--true") != 0) {
        return guest_run_all(argc, argv);
    }
    return 0;
}
