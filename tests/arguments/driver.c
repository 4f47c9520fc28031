/* SPDX-License-Identifier: MIT
 *
 * Tries every system call of the table with bad arguments, one bad at a time and then in pairs, and
 * tells what came of it: "CALL ARGUMENT=VALUE RESULT [writes ARGUMENT…]", one line a case.
 *
 *     arguments all|CALL…
 *
 * Cases run in a child until one of them succeeds (and so may have changed that process), dies or
 * blocks; then another child goes on. The result is in shared memory and nothing that a call may
 * have broken (thread pointer, descriptors, handlers) is used after it. Everything a case makes is
 * gone with its process but for files and IPC objects, which are put in order here.
 */
#include "tests/arguments/arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CASES_MAX = 512,
    IPC_MAX = 64,
    /* A case blocks if it is seen asleep in its call that many times in a row. */
    ASLEEP_TIMES = 8,
    LOOK_NS = 10000000,
    STUCK_TIMES = 3000,
};

enum case_state { CASE_OPEN, CASE_PREPARED, CASE_DONE };

/* A case: up to two arguments of a call are bad. */
struct test_case {
    int first, second; /* which, -1: none */
    const struct value *first_value, *second_value;
};

struct outcome {
    volatile enum case_state state;
    volatile unsigned changed; /* bit by argument */
    volatile long result;
};

static struct shared {
    volatile unsigned current, ipc_count;
    struct {
        char kind;
        int id;
    } ipc[IPC_MAX];
    struct outcome outcomes[CASES_MAX];
} * shared;

static struct test_case cases[CASES_MAX];
static unsigned cases_count;

void driver_note_ipc(char kind, int id)
{
    if (shared->ipc_count < IPC_MAX) {
        shared->ipc[shared->ipc_count].kind = kind;
        shared->ipc[shared->ipc_count].id = id;
        shared->ipc_count++;
    }
}

/* ---- which cases a call has ---- */

static void add_case(int first, const struct value *first_value, int second,
                     const struct value *second_value)
{
    if (cases_count == CASES_MAX) {
        fprintf(stderr, "too many cases\n");
        exit(2);
    }
    cases[cases_count++] = (struct test_case){first, second, first_value, second_value};
}

static void list_cases(const struct call *call)
{
    cases_count = 0;
    add_case(-1, NULL, -1, NULL);
    for (unsigned i = 0; i < call->count; i++) {
        unsigned count;
        const struct value *values = values_of(call->arguments[i].kind, &count);
        for (unsigned v = 0; v < count; v++)
            add_case((int)i, &values[v], -1, NULL);
    }
    for (unsigned i = 0; i < call->count; i++) {
        for (unsigned j = i + 1; j < call->count; j++) {
            const struct value *a = value_of_pair(call->arguments[i].kind);
            const struct value *b = value_of_pair(call->arguments[j].kind);
            if (a && b)
                add_case((int)i, a, (int)j, b);
        }
    }
}

/* ---- one case, in the child ---- */

static long raw_call(long number, const long *a)
{
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    long result = number;
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* The same where the call returns twice: the new process ends at once and touches no memory. */
static long raw_fork(long number, const long *a)
{
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    long result = number;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "mov $60, %%eax\n\t"
                     "xor %%edi, %%edi\n\t"
                     "syscall\n"
                     "1:"
                     : "+a"(result)
                     : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

__attribute__((noreturn)) static void raw_exit(void)
{
    for (;;)
        raw_call(SYS_exit, (const long[ARGUMENTS_MAX]){0});
}

static void run_case(const struct call *call, const struct test_case *test, struct outcome *outcome)
{
    long values[ARGUMENTS_MAX] = {0}, changed = 0;

    call->good(values);
    if (test->first >= 0)
        values[test->first] =
            test->first_value->make(values[test->first], test->first_value->constant);
    if (test->second >= 0)
        values[test->second] =
            test->second_value->make(values[test->second], test->second_value->constant);
    objects_snapshot();
    outcome->state = CASE_PREPARED;
    long result =
        call->flags & CALL_FORKS ? raw_fork(call->number, values) : raw_call(call->number, values);
    for (unsigned i = 0; i < call->count; i++) {
        if (call->arguments[i].kind == ARGUMENT_POINTER && object_changed(values[i]))
            changed |= 1l << i;
    }
    outcome->result = result;
    outcome->changed = (unsigned)changed;
    outcome->state = CASE_DONE;
    if (result >= 0 || result < -4095)
        raw_exit();
}

__attribute__((noreturn)) static void run_cases(const struct call *call, unsigned from)
{
    if (call->flags & CALL_MOUNTS)
        fixture_fresh_mounts();
    if (call->flags & CALL_FORKS) { /* the signal of a child that ends is none of the results */
        static const uint64_t all = ~0ull; /* the library's call leaves out 32 and 33, its own */
        raw_call(SYS_rt_sigprocmask,
                 (const long[ARGUMENTS_MAX]){SIG_BLOCK, (long)&all, 0, sizeof(all)});
    }
    for (unsigned i = from; i < cases_count; i++) {
        shared->current = i;
        run_case(call, &cases[i], &shared->outcomes[i]);
        raw_call(SYS_close_range, (const long[ARGUMENTS_MAX]){3, 0xffffffff});
        objects_release();
    }
    raw_exit();
}

/* ---- the children, seen from outside ---- */

static char process_state(pid_t pid)
{
    char path[32], text[256];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    close(fd);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    char *after = strrchr(text, ')');
    return after && after[1] == ' ' ? after[2] : 0;
}

/* Wait until a child ends, or end it if it blocks: its status, with *blocked. */
static int await_child(pid_t child, bool *blocked)
{
    const struct timespec look = {.tv_nsec = LOOK_NS};
    unsigned asleep = 0, looks = 0, last = ~0u;
    sigset_t chld;
    int status;

    *blocked = false;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    for (;;) {
        pid_t got = waitpid(child, &status, WNOHANG | __WALL);
        if (got == child && !WIFSTOPPED(status))
            return status;
        bool stopped = got == child;
        if (!stopped && sigtimedwait(&chld, NULL, &look) == SIGCHLD)
            continue;
        unsigned current = shared->current;
        bool sleeps = current == last && shared->outcomes[current].state == CASE_PREPARED &&
                      process_state(child) == 'S';
        asleep = sleeps ? asleep + 1 : 0;
        looks = current == last ? looks + 1 : 0;
        last = current;
        if (stopped || asleep == ASLEEP_TIMES || looks == STUCK_TIMES) {
            *blocked = asleep == ASLEEP_TIMES || stopped;
            kill(child, SIGKILL);
            while (waitpid(child, &status, __WALL) == child && WIFSTOPPED(status))
                continue;
            return status;
        }
    }
}

static const char *error_name(int error)
{
    static char text[16];
    const char *name = strerrorname_np(error);
    if (name)
        return name;
    snprintf(text, sizeof(text), "error-%d", error);
    return text;
}

static void print_case(const struct call *call, const struct test_case *test)
{
    printf("%s ", call->name);
    if (test->first < 0)
        printf("good");
    else
        printf("%s=%s", call->arguments[test->first].name, test->first_value->name);
    if (test->second >= 0)
        printf(",%s=%s", call->arguments[test->second].name, test->second_value->name);
}

static void print_outcome(const struct call *call, const struct test_case *test,
                          const struct outcome *outcome)
{
    print_case(call, test);
    if (outcome->result < 0 && outcome->result >= -4095)
        printf(" %s", error_name((int)-outcome->result));
    else if (call->flags & CALL_ANY)
        printf(" ok");
    else
        printf(" %ld", outcome->result);
    for (unsigned i = 0; i < call->count; i++) {
        if (outcome->changed & (1u << i))
            printf(" writes %s", call->arguments[i].name);
    }
    printf("\n");
}

static void print_end(const struct call *call, const struct test_case *test, int status,
                      bool blocked)
{
    print_case(call, test);
    if (blocked)
        printf(" blocks\n");
    else if (WIFEXITED(status))
        printf(" exits %d\n", WEXITSTATUS(status));
    else
        printf(" signal %d\n", WTERMSIG(status));
}

static void remove_ipc(void)
{
    for (unsigned i = 0; i < shared->ipc_count; i++) {
        switch (shared->ipc[i].kind) {
        case 'm':
            shmctl(shared->ipc[i].id, IPC_RMID, NULL);
            break;
        case 's':
            semctl(shared->ipc[i].id, 0, IPC_RMID);
            break;
        case 'q':
            msgctl(shared->ipc[i].id, IPC_RMID, NULL);
            break;
        }
    }
    shared->ipc_count = 0;
}

/* One child runs cases from `from` on; returns the first that is left. */
static unsigned run_some(const struct call *call, unsigned from)
{
    bool blocked;
    unsigned i = from;

    shared->current = from;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        run_cases(call, from);
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    int status = await_child(child, &blocked);
    for (; i < cases_count && shared->outcomes[i].state == CASE_DONE; i++)
        print_outcome(call, &cases[i], &shared->outcomes[i]);
    bool clean = i == cases_count || (i > from && shared->outcomes[i].state == CASE_OPEN);
    if (i < cases_count && shared->outcomes[i].state == CASE_PREPARED)
        print_end(call, &cases[i++], status, blocked);
    else if (i == from) { /* not even prepared */
        print_case(call, &cases[i++]);
        printf(" cannot be prepared: status %#x\n", status);
    }
    if (!clean || (i > 0 && shared->outcomes[i - 1].result >= 0))
        while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
            continue;
    remove_ipc();
    if (call->flags & CALL_FILES)
        fixture_files();
    return i;
}

static void run_call(const struct call *call)
{
    if (call->flags & CALL_FILES)
        fixture_files(); /* what calls before it have left */
    list_cases(call);
    memset(shared->outcomes, 0, sizeof(shared->outcomes));
    for (unsigned i = 0; i < cases_count;)
        i = run_some(call, i);
}

/* ---- a place to run in: as alike as possible everywhere ---- */

static void prepare(void)
{
    static const char *const folder = "/tmp/arguments";
    const struct rlimit no_core = {0, 0};
    sigset_t chld;

    mkdir("/tmp", 01777);
    mkdir(folder, 0755);
    if (mount("none", folder, "tmpfs", 0, "size=16m,mode=755") != 0)
        perror("mount");
    if (chdir(folder) != 0) {
        perror(folder);
        exit(2);
    }
    setsid();
    umask(022);
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 1024});
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, NULL);
    syscall(SYS_close_range, 3, ~0u, 0);
    shared = mmap((void *)0x2f0000000, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    objects_reserve();
    fixture_files();
}

/* "name" and "name/variant" are asked for by "name". */
static bool is_wanted(const struct call *call, int argc, char **argv)
{
    size_t length = strcspn(call->name, "/");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], call->name) == 0 ||
            (strlen(argv[i]) == length && strncmp(argv[i], call->name, length) == 0))
            return true;
    }
    return strcmp(argv[1], "all") == 0;
}

static int run_all(int argc, char **argv)
{
    prepare();
    for (unsigned i = 0; i < calls_count; i++) {
        if (is_wanted(&calls[i], argc, argv))
            run_call(&calls[i]);
    }
    printf("end\n");
    fflush(stdout);
    umount2("/tmp/arguments", MNT_DETACH);
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0;

    if (argc <= 1)
        return 0; /* executed by a case */
    /* As process 1 of a machine it would have privileges and duties: not for a test. */
    pid_t child = fork();
    if (child == 0)
        exit(run_all(argc, argv));
    while (child > 0) {
        pid_t ended = wait(&status);
        if (ended == child || (ended < 0 && errno != EINTR))
            break;
    }
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
