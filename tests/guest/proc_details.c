/* SPDX-License-Identifier: MIT
 *
 * proc(5): files of a process that few programs read: timers, projid_map; and /proc/softirqs.
 */
#include <sys/prctl.h>

#include "tests/guest/text_file.h"

enum { SOMEBODY = 4711 };

/* ---- timers ---- */

static int make_timer(clockid_t clock, int notify, int signo, void *value)
{
    int id;
    struct sigevent event = {.sigev_notify = notify, .sigev_signo = signo};
    event.sigev_value.sival_ptr = value;
    int tid = gettid();
    memcpy((char *)&event + 16, &tid, sizeof(tid)); /* sigev_notify_thread_id, by any name */
    OK(syscall(SYS_timer_create, clock, notify < 0 ? NULL : &event, &id));
    return id;
}

static void timers_the_newest_first(void)
{
    char wanted[1024];
    int pid = getpid();
    const char *text = text_of("/proc/self/timers");
    STR_EQ(text, "");
    int a = make_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, 34, (void *)0x123456789abcul);
    int b = make_timer(CLOCK_REALTIME, SIGEV_NONE, 0, NULL);
    int c = make_timer(CLOCK_BOOTTIME, SIGEV_THREAD_ID, 35, (void *)1);
    int d = make_timer(CLOCK_THREAD_CPUTIME_ID, -1, 0, NULL);
    int e = make_timer(CLOCK_PROCESS_CPUTIME_ID, SIGEV_THREAD, 36, (void *)2);
    OK(syscall(SYS_timer_delete, b));
    int f = make_timer(CLOCK_REALTIME, SIGEV_NONE, 34, (void *)3);
    snprintf(wanted, sizeof(wanted),
             "ID: %d\nsignal: 34/0000000000000003\nnotify: none/pid.%d\nClockID: 0\n"
             "ID: %d\nsignal: 36/0000000000000002\nnotify: thread/pid.%d\nClockID: -6\n"
             "ID: %d\nsignal: 14/%016x\nnotify: signal/pid.%d\nClockID: -2\n"
             "ID: %d\nsignal: 35/0000000000000001\nnotify: signal/tid.%d\nClockID: 7\n"
             "ID: %d\nsignal: 34/0000123456789abc\nnotify: signal/pid.%d\nClockID: 1\n",
             f, pid, e, pid, d, (unsigned)d, pid, c, pid, a, pid);
    text = text_of("/proc/self/timers");
    STR_EQ(text, wanted);
    EQ(access("/proc/self/task", F_OK), 0);
    EQ(access("/proc/thread-self/timers", F_OK), -1);
}

static void timers_of_others(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/timers", getpid());
    make_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, 34, NULL);
    pid_t child = (pid_t)OK(fork());
    if (child == 0) { /* who inherits none */
        STR_EQ(text_of("/proc/self/timers"), "");
        TRUE(strstr(text_of(path), "signal: 34/") != NULL);
        _exit(0);
    }
    CHILD_OK(child);
}

/* ---- projid_map ---- */

#define MAP "/proc/self/projid_map"

static void map_projects(void *argument)
{
    (void)argument;
    if (unshare(CLONE_NEWUSER) != 0)
        skip("no user namespaces here");
    STR_EQ(text_of(MAP), "");
    FAILS(put_text(MAP, "0 1\n"), EINVAL);
    FAILS(put_text(MAP, "0 1 0\n"), EINVAL);
    FAILS(put_text(MAP, "0 1 5\n3 100 1\n"), EINVAL); /* which is both */
    EQ(put_text(MAP, "0 5 10\n20 100 1\n"), 16);
    STR_EQ(text_of(MAP), "         0          5         10\n        20        100          1\n");
    FAILS(put_text(MAP, "0 5 10\n"), EPERM); /* once only */
    STR_EQ(text_of("/proc/self/uid_map"), "");
}

static void map_projects_below(void *argument)
{
    map_projects(argument);
    OK(put_text("/proc/self/uid_map", "0 0 1\n"));
    OK(put_text("/proc/self/setgroups", "deny\n"));
    OK(put_text("/proc/self/gid_map", "0 0 1\n"));
    OK(unshare(CLONE_NEWUSER));              /* another one, below */
    FAILS(put_text(MAP, "0 10 1\n"), EPERM); /* which the one above has not */
    EQ(put_text(MAP, "7 8 2\n"), 6);
    STR_EQ(text_of(MAP), "         7          8          2\n");
}

static void map_projects_as_somebody(void *argument)
{
    OK(syscall(SYS_setresgid, SOMEBODY, SOMEBODY, SOMEBODY));
    OK(syscall(SYS_setresuid, SOMEBODY, SOMEBODY, SOMEBODY));
    OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); /* whose files in /proc are the own ones again */
    map_projects(argument);
}

static int child_result(void (*body)(void *argument))
{
    int status = WAIT(spawn(body, NULL));
    TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void projects_are_mapped_once_by_anybody(void)
{
    STR_EQ(text_of("/proc/1/projid_map"), "         0          0 4294967295\n");
    int result = child_result(map_projects);
    if (result == 0 && geteuid() == 0) {
        result = child_result(map_projects_below);
        if (result == 0)
            result = child_result(map_projects_as_somebody);
    }
    _exit(result);
}

/* ---- softirqs ---- */

static void softirqs(void)
{
    static const char *const names[] = {"HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                        "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU"};
    const char *line = text_of("/proc/softirqs"), *next = strchr(line, '\n');
    long cpus = 0;
    TRUE(strncmp(line, "                    CPU0       ", 31) == 0);
    for (const char *at = line; (at = strstr(at, "CPU")) && at < next; at++)
        cpus++;
    TRUE(cpus >= sysconf(_SC_NPROCESSORS_ONLN));
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char label[16];
        line = next + 1;
        next = strchr(line, '\n');
        TRUE(next != NULL);
        snprintf(label, sizeof(label), "%12s:", names[i]);
        EQ(strncmp(line, label, 13), 0);
        EQ(next - line, 13 + 11 * cpus);
    }
    STR_EQ(next, "\n");
}

GUEST_MAIN(CASE(timers_the_newest_first), CASE(timers_of_others),
           CASE(projects_are_mapped_once_by_anybody), CASE(softirqs))
