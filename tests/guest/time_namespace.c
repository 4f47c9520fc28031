/* SPDX-License-Identifier: MIT
 *
 * time_namespaces(7): offsets of the monotonic and boot-time clocks, who enters a namespace when,
 * and every place where a program meets the shifted clocks.
 */
#include "guest.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define NS_GET_USERNS 0xb701
#define NS_GET_PARENT 0xb702
#define NS_GET_NSTYPE 0xb703

enum { MONOTONIC_S = 1000000, BOOTTIME_S = 2000000, SLACK_S = 500000 };

static void need_namespace(void)
{
    if (geteuid() != 0)
        skip("needs root");
    if (access("/proc/self/ns/time", F_OK) != 0)
        skip("no time namespaces here");
}

static void read_text(const char *path, char *out, size_t size)
{
    int fd = (int)OK(open(path, O_RDONLY));
    ssize_t length = OK(read(fd, out, size - 1));
    out[length] = '\0';
    OK(close(fd));
}

/* 0 or the errno of writing the offsets of the caller's children. */
static int set_offsets(const char *text)
{
    int fd = (int)OK(open("/proc/self/timens_offsets", O_WRONLY));
    ssize_t got = write(fd, text, strlen(text));
    int error = got < 0 ? errno : 0;
    OK(close(fd));
    return error;
}

static int64_t seconds(clockid_t clock)
{
    struct timespec now;
    OK(clock_gettime(clock, &now));
    return now.tv_sec;
}

static int64_t seconds_by_call(clockid_t clock)
{
    struct timespec now;
    OK(syscall(__NR_clock_gettime, clock, &now));
    return now.tv_sec;
}

static uint64_t namespace_of(const char *name)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
    OK(stat(path, &st));
    return st.st_ino;
}

/* The body in a namespace whose clocks are far ahead. */
static void run_ahead(void (*body)(void *argument), void *argument)
{
    char text[128];
    OK(unshare(CLONE_NEWTIME));
    snprintf(text, sizeof(text), "monotonic %d 0\nboottime %d 0\n", MONOTONIC_S, BOOTTIME_S);
    EQ(set_offsets(text), 0);
    CHILD_OK(spawn(body, argument));
}

/* Clocks of one kind tick apart: CLOCK_MONOTONIC_RAW is not slewed, the coarse one lags. */
static bool is_ahead(int64_t now_s, int64_t before_s, int64_t offset_s)
{
    return now_s > before_s + offset_s - SLACK_S && now_s < before_s + offset_s + SLACK_S;
}

/* ---- the offsets ---- */

static void offsets_are_checked(void)
{
    static const struct {
        const char *text;
        int error;
    } refused[] = {
        {"monotonic 1\n", EINVAL},
        {"monotonic 1 1000000000\n", EINVAL},
        {"monotonic 1 -1\n", EINVAL},
        {"realtime 1 1\n", EINVAL},
        {"0 1 1\n", EINVAL},
        {"\n", EINVAL},
        {"monotonic 1 1\nnothing\n", EINVAL},
        {"monotonic -2000000000 0\n", ERANGE},
        {"boottime 9223372036 0\n", ERANGE},
    };
    char text[256];
    need_namespace();
    EQ(set_offsets("monotonic 1 0\n"), EACCES); /* the machine's own */
    OK(unshare(CLONE_NEWTIME));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        EQ(set_offsets(refused[i].text), refused[i].error);
    EQ(set_offsets("1 10 5\n7 -1 999999999\n"), 0);
    read_text("/proc/self/timens_offsets", text, sizeof(text));
    STR_EQ(text, "monotonic          10         5\nboottime           -1 999999999\n");
    EQ(set_offsets("monotonic 7 0 and more"), 0);
    read_text("/proc/self/timens_offsets", text, sizeof(text));
    STR_EQ(text, "monotonic           7         0\nboottime           -1 999999999\n");
    int fd = (int)OK(open("/proc/self/timens_offsets", O_WRONLY));
    EQ(write(fd, "1 1 1\n1 2 2\n1 3 3\n", 18), 12); /* two clocks, two lines */
    OK(close(fd));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(0);
    CHILD_OK(pid);
    EQ(set_offsets("monotonic 1 0\n"), EACCES); /* somebody has been in it */
}

static void offsets_need_a_right(void)
{
    need_namespace();
    OK(unshare(CLONE_NEWTIME));
    int fd = (int)OK(open("/proc/self/timens_offsets", O_WRONLY));
    OK(setresuid(1000, 1000, 1000));
    ssize_t got = write(fd, "monotonic 1 0\n", 14);
    TRUE(got == 14 || (got == -1 && errno == EPERM)); /* who opened it counts on newer Linux */
    FAILS(unshare(CLONE_NEWTIME), EPERM);
    FAILS(setns(fd, CLONE_NEWTIME), EINVAL);
}

/* ---- who enters ---- */

static void only_children_enter(void)
{
    need_namespace();
    uint64_t before = namespace_of("time");
    int64_t now_s = seconds(CLOCK_MONOTONIC);
    EQ(namespace_of("time_for_children"), before);
    OK(unshare(CLONE_NEWTIME));
    EQ(namespace_of("time"), before);
    uint64_t fresh = namespace_of("time_for_children");
    TRUE(fresh != before);
    EQ(set_offsets("monotonic 1000000 0\n"), 0);
    TRUE(seconds(CLOCK_MONOTONIC) < now_s + SLACK_S);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        EQ(namespace_of("time"), fresh);
        EQ(namespace_of("time_for_children"), fresh);
        TRUE(is_ahead(seconds(CLOCK_MONOTONIC), now_s, MONOTONIC_S));
        _exit(0);
    }
    CHILD_OK(pid);
    TRUE(seconds(CLOCK_MONOTONIC) < now_s + SLACK_S);
}

static void check_boottime(void *argument)
{
    int64_t *before_s = argument;
    TRUE(is_ahead(seconds(CLOCK_BOOTTIME), *before_s, BOOTTIME_S));
    TRUE(is_ahead(seconds_by_call(CLOCK_BOOTTIME), *before_s, BOOTTIME_S));
}

static void clone3_enters(void)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.flags = CLONE_NEWTIME, .exit_signal = SIGCHLD};
    char text[128];
    need_namespace();
    uint64_t before = namespace_of("time");
    OK(unshare(CLONE_NEWTIME));
    EQ(set_offsets("boottime 2000000 0\n"), 0);
    int64_t now_s = seconds(CLOCK_BOOTTIME);
    pid_t pid = (pid_t)OK(syscall(__NR_clone3, &args, sizeof(args)));
    if (pid == 0) {
        TRUE(namespace_of("time") != before);
        read_text("/proc/self/timens_offsets", text, sizeof(text)); /* inherited */
        STR_EQ(text, "monotonic           0         0\nboottime      2000000         0\n");
        EQ(set_offsets("boottime 1 0\n"), EACCES);
        check_boottime(&now_s);
        _exit(0);
    }
    CHILD_OK(pid);
    EQ(set_offsets("boottime 2000001 0\n"), 0); /* ours has still nobody in it */
}

static void *read_clock(void *argument)
{
    *(int64_t *)argument = seconds(CLOCK_MONOTONIC);
    return NULL;
}

static void threads_stay(void)
{
    pthread_t thread;
    int64_t got_s = 0;
    need_namespace();
    OK(unshare(CLONE_NEWTIME));
    EQ(set_offsets("monotonic 1000000 0\n"), 0);
    int64_t now_s = seconds(CLOCK_MONOTONIC);
    EQ(pthread_create(&thread, NULL, read_clock, &got_s), 0);
    EQ(pthread_join(thread, NULL), 0);
    TRUE(got_s >= now_s && got_s < now_s + SLACK_S);
}

static void setns_moves_the_clocks(void)
{
    need_namespace();
    int outside = (int)OK(open("/proc/self/ns/time", O_RDONLY));
    EQ(ioctl(outside, NS_GET_NSTYPE), CLONE_NEWTIME);
    FAILS(ioctl(outside, NS_GET_PARENT), EINVAL);
    int64_t now_s = seconds(CLOCK_MONOTONIC);
    OK(unshare(CLONE_NEWTIME));
    EQ(set_offsets("monotonic 1000000 0\n"), 0);
    int fd = (int)OK(open("/proc/self/ns/time_for_children", O_RDONLY));
    FAILS(setns(fd, CLONE_NEWUTS), EINVAL);
    OK(setns(fd, CLONE_NEWTIME));
    TRUE(is_ahead(seconds(CLOCK_MONOTONIC), now_s, MONOTONIC_S));
    TRUE(is_ahead(seconds_by_call(CLOCK_MONOTONIC), now_s, MONOTONIC_S));
    EQ(set_offsets("monotonic 1 0\n"), EACCES);
    OK(setns(outside, 0));
    TRUE(seconds(CLOCK_MONOTONIC) < now_s + SLACK_S);
    EQ(namespace_of("time_for_children"), namespace_of("time"));
}

static void *wait_in_thread(void *argument)
{
    gate_pass(argument);
    return NULL;
}

static void setns_needs_a_single_thread(void)
{
    struct gate gate = gate_make();
    pthread_t thread;
    need_namespace();
    int fd = (int)OK(open("/proc/self/ns/time", O_RDONLY));
    EQ(pthread_create(&thread, NULL, wait_in_thread, &gate), 0);
    FAILS(setns(fd, CLONE_NEWTIME), EUSERS);
    gate_open(&gate);
    EQ(pthread_join(thread, NULL), 0);
}

/* ---- what is shifted ---- */

static void read_clocks(void *argument)
{
    const int64_t *before_s = argument;
    struct sysinfo info;
    char text[256];
    static const clockid_t monotonic[] = {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
                                          CLOCK_MONOTONIC_COARSE};
    for (unsigned i = 0; i < sizeof(monotonic) / sizeof(monotonic[0]); i++) {
        TRUE(is_ahead(seconds(monotonic[i]), before_s[0], MONOTONIC_S));
        TRUE(is_ahead(seconds_by_call(monotonic[i]), before_s[0], MONOTONIC_S));
    }
    TRUE(is_ahead(seconds(CLOCK_BOOTTIME), before_s[1], BOOTTIME_S));
    TRUE(is_ahead(seconds_by_call(CLOCK_BOOTTIME), before_s[1], BOOTTIME_S));
    TRUE(is_ahead(seconds(CLOCK_REALTIME), before_s[2], 0));
    OK(sysinfo(&info));
    TRUE(is_ahead(info.uptime, before_s[1], BOOTTIME_S));
    read_text("/proc/uptime", text, sizeof(text));
    TRUE(is_ahead(atoll(text), before_s[1], BOOTTIME_S));
    read_text("/proc/self/stat", text, sizeof(text));
    const char *field = strrchr(text, ')');
    for (int i = 2; i < 22; i++)
        field = strchr(field + 1, ' ');
    TRUE(is_ahead(atoll(field) / sysconf(_SC_CLK_TCK) + 1, before_s[1], BOOTTIME_S));
}

static void clocks_are_shifted(void)
{
    need_namespace();
    int64_t before_s[] = {seconds(CLOCK_MONOTONIC), seconds(CLOCK_BOOTTIME),
                          seconds(CLOCK_REALTIME)};
    run_ahead(read_clocks, before_s);
}

static struct timespec soon(clockid_t clock)
{
    struct timespec at;
    OK(clock_gettime(clock, &at));
    at.tv_nsec += 2000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

/* Each would take eleven days if it were not converted. */
static void wait_for_points(void *argument)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME};
    uint32_t word = 0;
    uint64_t ticks;
    (void)argument;
    for (unsigned i = 0; i < 3; i++) {
        struct timespec at = soon(clocks[i]);
        OK(clock_nanosleep(clocks[i], TIMER_ABSTIME, &at, NULL));
        struct itimerspec setting = {.it_value = soon(clocks[i])}, left;
        int fd = (int)OK(timerfd_create(clocks[i], 0));
        OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL));
        OK(timerfd_gettime(fd, &left));
        TRUE(left.it_value.tv_sec < 10);
        EQ(read(fd, &ticks, sizeof(ticks)), 8);
        setting.it_value = (struct timespec){.tv_sec = 1}; /* long ago */
        OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL));
        EQ(read(fd, &ticks, sizeof(ticks)), 8);
        OK(close(fd));
    }
    struct timespec at = soon(CLOCK_MONOTONIC);
    FAILS(syscall(__NR_futex, &word, FUTEX_WAIT_BITSET, 0, &at, NULL, FUTEX_BITSET_MATCH_ANY),
          ETIMEDOUT);
    at = (struct timespec){.tv_nsec = 1000000};
    FAILS(syscall(__NR_futex, &word, FUTEX_WAIT, 0, &at, NULL, 0), ETIMEDOUT);
    OK(nanosleep(&at, NULL));
}

static void points_in_time_are_converted(void)
{
    need_namespace();
    run_ahead(wait_for_points, NULL);
}

static void wait_for_timer(void *argument)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec setting = {.it_value = soon(CLOCK_MONOTONIC)}, left;
    timer_t timer;
    sigset_t set;
    (void)argument;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    OK(timer_settime(timer, TIMER_ABSTIME, &setting, NULL));
    EQ(sigwaitinfo(&set, NULL), SIGUSR1);
    setting.it_value.tv_sec += 100;
    OK(timer_settime(timer, TIMER_ABSTIME, &setting, NULL));
    OK(timer_gettime(timer, &left));
    TRUE(left.it_value.tv_sec > 0 && left.it_value.tv_sec <= 100);
    OK(timer_delete(timer));
}

static void timers_are_converted(void)
{
    need_namespace();
    run_ahead(wait_for_timer, NULL);
}

/* ---- execve ---- */

static void run_self(const char *before_s)
{
    char *const argv[] = {(char *)"self", (char *)"--ahead", (char *)before_s, NULL};
    execve(guest_self(), argv, environ);
    _exit(1);
}

/* Who shares memory with the parent enters when it has a program of its own. */
static void programs_enter(void)
{
    char text[32];
    need_namespace();
    snprintf(text, sizeof(text), "%lld", (long long)seconds(CLOCK_BOOTTIME));
    guest_self();
    OK(unshare(CLONE_NEWTIME));
    EQ(set_offsets("boottime 2000000 0\n"), 0);
    pid_t pid = (pid_t)OK(vfork());
    if (pid == 0)
        run_self(text);
    CHILD_OK(pid);
    TRUE(seconds(CLOCK_BOOTTIME) < atoll(text) + SLACK_S);
    run_self(text); /* and who made the namespace, too */
}

GUEST_CASES(CASE(offsets_are_checked), CASE(offsets_need_a_right), CASE(only_children_enter),
            CASE(clone3_enters), CASE(threads_stay), CASE(setns_moves_the_clocks),
            CASE(setns_needs_a_single_thread), CASE(clocks_are_shifted),
            CASE(points_in_time_are_converted), CASE(timers_are_converted), CASE(programs_enter))

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--ahead") == 0) {
        int64_t before_s = atoll(argv[2]);
        check_boottime(&before_s);
        return 0;
    }
    return guest_run_all(argc, argv);
}
