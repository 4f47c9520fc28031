/* SPDX-License-Identifier: MIT */
/* getrlimit(2), prlimit(2), getrusage(2), times(2); RLIMIT_NPROC. */
#include "guest.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/times.h>

struct limit64 {
    uint64_t soft, hard;
};

static long prlimit_raw(pid_t pid, int resource, const void *new, void *old)
{
    return syscall(SYS_prlimit64, pid, resource, new, old);
}

static void limits_are_set_and_read(void)
{
    struct rlimit limit;
    for (int resource = 0; resource < 16; resource++) {
        OK(syscall(SYS_getrlimit, resource, &limit));
        TRUE(limit.rlim_cur <= limit.rlim_max);
        OK(syscall(SYS_setrlimit, resource, &limit));
    }
    FAILS(syscall(SYS_getrlimit, 16, &limit), EINVAL);
    FAILS(syscall(SYS_getrlimit, -1, &limit), EINVAL);
    FAILS(syscall(SYS_setrlimit, 16, &limit), EINVAL);
    FAILS(syscall(SYS_getrlimit, RLIMIT_CORE, BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_setrlimit, RLIMIT_CORE, BAD_POINTER), EFAULT);
    limit = (struct rlimit){2, 1};
    FAILS(syscall(SYS_setrlimit, RLIMIT_CORE, &limit), EINVAL);
}

static void users_only_lower_hard_limits(void)
{
    struct rlimit limit = {10, 20};
    OK(setrlimit(RLIMIT_CORE, &limit));
    if (geteuid() == 0)
        OK(syscall(SYS_setresuid, 1000, 1000, 1000));
    limit = (struct rlimit){20, 20};
    OK(setrlimit(RLIMIT_CORE, &limit));
    limit = (struct rlimit){20, 21};
    FAILS(setrlimit(RLIMIT_CORE, &limit), EPERM);
    limit = (struct rlimit){0, 15};
    OK(setrlimit(RLIMIT_CORE, &limit));
    limit = (struct rlimit){0, 20};
    FAILS(setrlimit(RLIMIT_CORE, &limit), EPERM);
    OK(getrlimit(RLIMIT_CORE, &limit));
    EQ(limit.rlim_max, 15);
}

static void file_limit_has_a_ceiling(void)
{
    struct rlimit limit = {100, 1u << 31};
    FAILS(setrlimit(RLIMIT_NOFILE, &limit), EPERM);
}

static void prlimit_acts_on_others(void)
{
    struct limit64 limit = {5, 6}, old;
    pid_t pid = (pid_t)OK(fork());
    while (pid == 0)
        pause();
    OK(prlimit_raw(pid, RLIMIT_CORE, &limit, NULL));
    OK(prlimit_raw(pid, RLIMIT_CORE, NULL, &old));
    EQ(old.soft, 5);
    EQ(old.hard, 6);
    limit = (struct limit64){1, 2};
    OK(prlimit_raw(pid, RLIMIT_CORE, &limit, &old));
    EQ(old.soft, 5);
    OK(prlimit_raw(pid, RLIMIT_CORE, NULL, NULL));
    FAILS(prlimit_raw(32001, RLIMIT_CORE, NULL, &old), ESRCH);
    FAILS(prlimit_raw(pid, 99, NULL, &old), EINVAL);
    FAILS(prlimit_raw(pid, RLIMIT_CORE, BAD_POINTER, NULL), EFAULT);
    FAILS(prlimit_raw(pid, RLIMIT_CORE, NULL, BAD_POINTER), EFAULT);
    if (geteuid() == 0) {
        OK(syscall(SYS_setresuid, 1000, 1000, 1000));
        FAILS(prlimit_raw(pid, RLIMIT_CORE, NULL, &old), EPERM);
        FAILS(prlimit_raw(getppid(), RLIMIT_CORE, NULL, &old), EPERM);
        OK(syscall(SYS_setresuid, 1000, 1000, 1000));
        exit(0);
    }
    OK(kill(pid, SIGKILL));
    WAIT(pid);
}

static void children_inherit_limits(void)
{
    struct rlimit limit = {123, 456};
    OK(setrlimit(RLIMIT_CORE, &limit));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(getrlimit(RLIMIT_CORE, &limit));
        EQ(limit.rlim_cur, 123);
        EQ(limit.rlim_max, 456);
        _exit(0);
    }
    CHILD_OK(pid);
}

/* ---- RLIMIT_NPROC ---- */

enum { USER = 54321 };

static void become_user(rlim_t processes)
{
    struct rlimit limit = {processes, processes};
    if (geteuid() != 0)
        skip("needs root");
    OK(setrlimit(RLIMIT_NPROC, &limit));
    OK(syscall(SYS_setresgid, USER, USER, USER));
    OK(syscall(SYS_setresuid, USER, USER, USER));
}

static void *sleep_forever(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

static void processes_of_a_user_are_limited(void)
{
    pid_t pids[4];
    become_user(4);
    for (int i = 0; i < 3; i++) {
        pids[i] = (pid_t)OK(fork());
        while (pids[i] == 0)
            pause();
    }
    FAILS(fork(), EAGAIN);
    FAILS(vfork(), EAGAIN);
    /* A zombie counts until it is waited for. */
    siginfo_t info;
    OK(kill(pids[0], SIGKILL));
    OK(waitid(P_PID, (id_t)pids[0], &info, WEXITED | WNOWAIT));
    WAIT(pids[0]);
    uint64_t until = now_ms() + 5000;
    while ((pids[0] = fork()) < 0 && now_ms() < until)
        EQ(errno, EAGAIN);
    while (pids[0] == 0)
        pause();
    TRUE(pids[0] > 0);
    for (int i = 0; i < 3; i++) {
        OK(kill(pids[i], SIGKILL));
        WAIT(pids[i]);
    }
}

static void threads_count_as_well(void)
{
    pthread_t thread;
    become_user(3);
    EQ(pthread_create(&thread, NULL, sleep_forever, NULL), 0);
    EQ(pthread_create(&thread, NULL, sleep_forever, NULL), 0);
    EQ(pthread_create(&thread, NULL, sleep_forever, NULL), EAGAIN);
    FAILS(fork(), EAGAIN);
}

/* The count is of all the user's processes, wherever they come from, by real user id. */
static void the_count_is_the_users(void)
{
    struct gate ready = gate_make();
    pid_t others[2];
    if (geteuid() != 0)
        skip("needs root");
    for (int i = 0; i < 2; i++) {
        others[i] = (pid_t)OK(fork());
        if (others[i] == 0) {
            if (i == 0)
                OK(syscall(SYS_setresuid, USER, USER, USER));
            else
                OK(syscall(SYS_setresuid, USER, 0, 0));
            gate_open(&ready);
            sleep_forever(NULL);
        }
    }
    gate_pass(&ready);
    gate_pass(&ready);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        become_user(3);
        FAILS(fork(), EAGAIN);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(kill(others[1], SIGKILL));
    WAIT(others[1]);
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        become_user(3);
        CHILD_OK(OK(fork()) ?: (_exit(0), 0));
        _exit(0);
    }
    CHILD_OK(pid);
    OK(kill(others[0], SIGKILL));
    WAIT(others[0]);
}

static void root_is_not_limited(void)
{
    struct rlimit limit = {1, 1};
    if (geteuid() != 0)
        skip("needs root");
    OK(setrlimit(RLIMIT_NPROC, &limit));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(0);
    CHILD_OK(pid);
}

static pid_t start_process_of_user(void)
{
    struct gate ready = gate_make();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(syscall(SYS_setresuid, USER, USER, USER));
        gate_open(&ready);
        sleep_forever(NULL);
    }
    gate_pass(&ready);
    return pid;
}

/* Become the user under the limit and try to run a program that is not there. */
static void expect_exec(struct limit64 limit, int error)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(prlimit_raw(0, RLIMIT_NPROC, &limit, NULL));
        OK(syscall(SYS_setresuid, USER, USER, USER));
        FAILS(execl("/not/there", "again", (char *)NULL), error);
        _exit(0);
    }
    CHILD_OK(pid);
}

/* setuid does not fail over the limit, the execve after it does. The process itself does not count.
 */
static void exec_after_setuid_over_the_limit_fails(void)
{
    struct rlimit limit = {1, 1};
    if (geteuid() != 0)
        skip("needs root");
    pid_t another = start_process_of_user(), other = start_process_of_user();
    expect_exec((struct limit64){1, 1}, EAGAIN);
    expect_exec((struct limit64){2, 2}, ENOENT);
    OK(kill(another, SIGKILL));
    WAIT(another);
    expect_exec((struct limit64){1, 1}, ENOENT);
    pid_t pid;
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setrlimit(RLIMIT_NPROC, &limit));
        OK(syscall(SYS_setresuid, USER, USER, USER));
        OK(kill(other, SIGKILL));
        EVENTUALLY(process_state(other) == 0 || process_state(other) == 'Z');
        _exit(0);
    }
    CHILD_OK(pid);
    WAIT(other);
    /* Lowering the limit below the present count does not stop execve. */
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(syscall(SYS_setresuid, USER, USER, USER));
        pid = (pid_t)OK(fork());
        if (pid == 0) {
            limit = (struct rlimit){0, 0};
            OK(setrlimit(RLIMIT_NPROC, &limit));
            execv("/proc/self/exe", (char *[]){(char *)"again", (char *)"--true", NULL});
            fail_at(__LINE__, "execv: %s", strerror(errno));
        }
        CHILD_OK(pid);
        _exit(0);
    }
    CHILD_OK(pid);
}

/* ---- usage ---- */

static void usage_and_times_agree(void)
{
    struct rusage usage, thread;
    struct tms tms;
    FAILS(syscall(SYS_getrusage, 5, &usage), EINVAL);
    FAILS(syscall(SYS_getrusage, -2, &usage), EINVAL);
    FAILS(syscall(SYS_getrusage, RUSAGE_SELF, BAD_POINTER), EFAULT);
    struct timespec used;
    do { /* of CPU time: a busy machine gives little of it */
        OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used));
    } while (used.tv_sec == 0 && used.tv_nsec < 30000000);
    OK(getrusage(RUSAGE_SELF, &usage));
    OK(getrusage(RUSAGE_THREAD, &thread));
    TRUE(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
             usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec >=
         10000);
    TRUE(thread.ru_utime.tv_sec <= usage.ru_utime.tv_sec);
    clock_t first = times(&tms);
    TRUE(tms.tms_utime + tms.tms_stime >= 1);
    EQ(tms.tms_cutime + tms.tms_cstime, 0);
    sleep_ms(30);
    TRUE(times(&tms) - first >= 2);
    FAILS(syscall(SYS_times, BAD_POINTER), EFAULT);
}

static void faults_and_switches_are_counted(void)
{
    struct rusage before, after;
    OK(getrusage(RUSAGE_SELF, &before));
    char *memory = malloc(1 << 20);
    for (int i = 0; i < 1 << 20; i += 4096)
        *(volatile char *)(memory + i) = 1;
    /* Each look but the first comes after a sleep; on a slow machine one may be over before it
     * begins. */
    EVENTUALLY(getrusage(RUSAGE_SELF, &after) == 0 && after.ru_nvcsw >= before.ru_nvcsw + 5);
    TRUE(after.ru_minflt > before.ru_minflt);
    TRUE(after.ru_maxrss >= 1024);
    free(memory);
}

static void *read_maxrss(void *argument)
{
    OK(getrusage(RUSAGE_SELF, argument));
    return NULL;
}

static void peak_memory_is_seen_by_all_threads(void)
{
    struct rusage usage = {.ru_maxrss = 0};
    pthread_t thread;
    char *memory = malloc(4 << 20);
    for (int i = 0; i < 4 << 20; i += 4096)
        *(volatile char *)(memory + i) = 1;
    EQ(pthread_create(&thread, NULL, read_maxrss, &usage), 0);
    EQ(pthread_join(thread, NULL), 0);
    TRUE(usage.ru_maxrss >= 3500);
    free(memory);
}

static void peak_memory_of_children_is_reported(void)
{
    struct rusage usage;
    int status;
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        char *memory = malloc(8 << 20);
        for (int i = 0; i < 8 << 20; i += 4096)
            *(volatile char *)(memory + i) = 1;
        free(memory);
        _exit(0);
    }
    EQ(wait4(pid, &status, 0, &usage), pid);
    TRUE(usage.ru_maxrss >= 7000);
    OK(getrusage(RUSAGE_CHILDREN, &usage));
    TRUE(usage.ru_maxrss >= 7000);
}

GUEST_CASES(CASE(limits_are_set_and_read), CASE(users_only_lower_hard_limits),
            CASE(file_limit_has_a_ceiling), CASE(prlimit_acts_on_others),
            CASE(children_inherit_limits), CASE(processes_of_a_user_are_limited),
            CASE(threads_count_as_well), CASE(the_count_is_the_users), CASE(root_is_not_limited),
            CASE(exec_after_setuid_over_the_limit_fails), CASE(usage_and_times_agree),
            CASE(faults_and_switches_are_counted), CASE(peak_memory_is_seen_by_all_threads),
            CASE(peak_memory_of_children_is_reported))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--true") == 0)
        return 0;
    return guest_run_all(argc, argv);
}
