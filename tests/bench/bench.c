/* SPDX-License-Identifier: MIT */
/*
 * The benchmark program: what a system call, a fault, a process costs on the kernel below.
 *
 * One static binary, run unchanged on every system that is compared. Prints one line a row,
 * "NAME VALUE UNIT", where VALUE is the median of several batches (the best of them would flatter
 * systems whose cost varies). `bench ROW…` runs only these; a row that cannot run says so with "-".
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/futex.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 9, BATCH_NS = 20 * 1000 * 1000 };

static const char *self;

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Time of one run(state, n), in ns for each of the n operations: the median of several batches, each
 * as long as BATCH_NS. */
static double measure(void (*run)(void *state, long n), void *state)
{
    double batches[BATCHES];
    long n = 1;

    for (;;) { /* how many operations fill a batch */
        double start = now_ns();
        run(state, n);
        double took = now_ns() - start;
        if (took >= BATCH_NS / 4 || n >= 1 << 24) {
            n = took > 0 ? (long)((double)n * BATCH_NS / took) : n;
            n = n < 1 ? 1 : n;
            break;
        }
        n *= took < BATCH_NS / 100 ? 10 : 2;
    }
    for (int i = 0; i < BATCHES; i++) {
        double start = now_ns();
        run(state, n);
        batches[i] = (now_ns() - start) / (double)n;
    }
    qsort(batches, BATCHES, sizeof(batches[0]), compare);
    return batches[BATCHES / 2];
}

static void report_us(const char *name, double ns)
{
    printf("%-14s %10.3f us\n", name, ns / 1000);
    fflush(stdout);
}

/* ---- system calls ---- */

static void run_null(void *state, long n)
{
    (void)state;
    while (n--)
        syscall(SYS_getppid);
}

static void row_null(const char *name)
{
    report_us(name, measure(run_null, NULL));
}

struct descriptor {
    int fd;
    size_t bytes;
    char buffer[65536];
};
static struct descriptor file;

static void run_pread(void *state, long n)
{
    struct descriptor *d = state;
    while (n--)
        check(pread(d->fd, d->buffer, d->bytes, 0) == (ssize_t)d->bytes, "pread");
}

static void run_read(void *state, long n)
{
    struct descriptor *d = state;
    while (n--)
        check(read(d->fd, d->buffer, d->bytes) == (ssize_t)d->bytes, "read");
}

static void run_pwrite(void *state, long n)
{
    struct descriptor *d = state;
    while (n--)
        check(pwrite(d->fd, d->buffer, d->bytes, 0) == (ssize_t)d->bytes, "pwrite");
}

static void row_read_zero(const char *name)
{
    file.fd = open("/dev/zero", O_RDONLY);
    check(file.fd >= 0, "/dev/zero");
    file.bytes = 1;
    report_us(name, measure(run_read, &file));
    close(file.fd);
}

static void open_scratch(size_t bytes)
{
    file.fd = open("bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    check(file.fd >= 0, "bench-file");
    file.bytes = bytes;
    check(pwrite(file.fd, file.buffer, sizeof(file.buffer), 0) == sizeof(file.buffer), "pwrite");
}

static void row_read_file(const char *name)
{
    open_scratch(1);
    report_us(name, measure(run_pread, &file));
    close(file.fd);
}

static void row_write_file(const char *name)
{
    open_scratch(1);
    report_us(name, measure(run_pwrite, &file));
    close(file.fd);
}

static void report_bandwidth(const char *name, double ns, size_t bytes)
{
    printf("%-14s %10.1f MB/s\n", name, (double)bytes / ns * 1000);
    fflush(stdout);
}

static void row_file_bw(const char *name)
{
    open_scratch(sizeof(file.buffer));
    report_bandwidth(name, measure(run_pread, &file), sizeof(file.buffer));
    close(file.fd);
}

static void run_stat(void *state, long n)
{
    struct stat st;
    (void)state;
    while (n--)
        check(stat("bench-file", &st) == 0, "stat");
}

static void row_stat(const char *name)
{
    open_scratch(1);
    close(file.fd);
    report_us(name, measure(run_stat, NULL));
}

static void run_open(void *state, long n)
{
    (void)state;
    while (n--) {
        int fd = open("bench-file", O_RDONLY);
        check(fd >= 0, "open");
        close(fd);
    }
}

static void row_open(const char *name)
{
    open_scratch(1);
    close(file.fd);
    report_us(name, measure(run_open, NULL));
}

static void run_create(void *state, long n)
{
    (void)state;
    while (n--) {
        int fd = open("bench-new", O_RDWR | O_CREAT | O_EXCL, 0600);
        check(fd >= 0, "create");
        close(fd);
        check(unlink("bench-new") == 0, "unlink");
    }
}

static void row_create(const char *name)
{
    report_us(name, measure(run_create, NULL));
}

static void run_pipe_self(void *state, long n)
{
    int *fds = state;
    char c = 0;
    while (n--)
        check(write(fds[1], &c, 1) == 1 && read(fds[0], &c, 1) == 1, "pipe");
}

static void row_pipe(const char *name)
{
    int fds[2];
    check(pipe(fds) == 0, "pipe");
    report_us(name, measure(run_pipe_self, fds));
    close(fds[0]);
    close(fds[1]);
}

static void run_epoll(void *state, long n)
{
    int *fds = state;
    struct epoll_event event;
    uint64_t value = 1;
    while (n--) {
        check(write(fds[1], &value, sizeof(value)) == sizeof(value), "eventfd");
        check(epoll_wait(fds[0], &event, 1, -1) == 1, "epoll_wait");
        check(read(fds[1], &value, sizeof(value)) == sizeof(value), "eventfd");
    }
}

static void row_epoll(const char *name)
{
    int fds[2] = {epoll_create1(0), eventfd(0, 0)};
    struct epoll_event event = {.events = EPOLLIN};
    check(fds[0] >= 0 && fds[1] >= 0, "epoll_create1");
    check(epoll_ctl(fds[0], EPOLL_CTL_ADD, fds[1], &event) == 0, "epoll_ctl");
    report_us(name, measure(run_epoll, fds));
    close(fds[0]);
    close(fds[1]);
}

static volatile sig_atomic_t signals_seen;

static void on_signal(int signo)
{
    (void)signo;
    signals_seen++;
}

static void run_signal(void *state, long n)
{
    (void)state;
    while (n--)
        raise(SIGUSR1);
}

static void row_signal(const char *name)
{
    signal(SIGUSR1, on_signal);
    report_us(name, measure(run_signal, NULL));
    signal(SIGUSR1, SIG_DFL);
}

/* ---- memory ---- */

enum { MAP_PAGES = 64, PAGE = 4096 };

static void run_mmap(void *state, long n)
{
    (void)state;
    while (n--) {
        char *p = mmap(NULL, MAP_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
        check(p != MAP_FAILED, "mmap");
        munmap(p, MAP_PAGES * PAGE);
    }
}

static void row_mmap(const char *name)
{
    report_us(name, measure(run_mmap, NULL));
}

static void run_fault(void *state, long n)
{
    (void)state;
    while (n > 0) {
        long pages = n < 1024 ? n : 1024;
        volatile char *p = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(p != MAP_FAILED, "mmap");
        for (long i = 0; i < pages; i++)
            p[i * PAGE] = 1;
        munmap((void *)p, (size_t)pages * PAGE);
        n -= pages;
    }
}

static void row_fault(const char *name)
{
    report_us(name, measure(run_fault, NULL));
}

/* ---- threads and processes ---- */

static void *thread_main(void *argument)
{
    return argument;
}

static void run_thread(void *state, long n)
{
    (void)state;
    while (n--) {
        pthread_t thread;
        check(pthread_create(&thread, NULL, thread_main, NULL) == 0, "pthread_create");
        pthread_join(thread, NULL);
    }
}

static void row_thread(const char *name)
{
    report_us(name, measure(run_thread, NULL));
}

static void wait_for(pid_t pid)
{
    int status;
    check(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "child");
}

static void run_fork(void *state, long n)
{
    (void)state;
    while (n--) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        wait_for(pid);
    }
}

static void row_fork(const char *name)
{
    report_us(name, measure(run_fork, NULL));
}

static void run_exec(void *state, long n)
{
    (void)state;
    while (n--) {
        pid_t pid = fork();
        if (pid == 0) {
            execl(self, self, "--true", (char *)NULL);
            _exit(1);
        }
        wait_for(pid);
    }
}

static void row_exec(const char *name)
{
    report_us(name, measure(run_exec, NULL));
}

/* ---- whole programs of a Debian root: these rows run only if they are named ---- */

static void run_program(void *state, long n)
{
    char *const *argv = state;
    while (n--) {
        pid_t pid = fork();
        if (pid == 0) {
            execv(argv[0], argv);
            _exit(1);
        }
        wait_for(pid);
    }
}

static void report_program(const char *name, char *const *argv)
{
    if (access(argv[0], X_OK) == 0)
        report_us(name, measure(run_program, (void *)argv));
    else
        printf("%-14s          - us\n", name);
}

static void row_dynamic_exec(const char *name)
{
    report_program(name, (char *[]){(char *)"/bin/true", NULL});
}

static void row_python(const char *name)
{
    report_program(name, (char *[]){(char *)"/usr/bin/python3", (char *)"-c", (char *)"pass", NULL});
}

static void row_gcc(const char *name)
{
    static const char source[] = "#include <stdio.h>\n#include <stdlib.h>\n"
                                 "int main(int argc, char **argv)\n"
                                 "{ return argc > 1 ? puts(argv[1]) : rand(); }\n";
    int fd = open("bench-file.c", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    check(fd >= 0 && write(fd, source, sizeof(source) - 1) == sizeof(source) - 1, "bench-file.c");
    close(fd);
    report_program(name, (char *[]){(char *)"/usr/bin/gcc", (char *)"-O2", (char *)"-o",
                                    (char *)"bench-program", (char *)"bench-file.c", NULL});
    unlink("bench-file.c");
    unlink("bench-program");
}

/* ---- waking each other ---- */

struct futex_pair {
    uint32_t turn;
    long rounds;
};

static void futex_turn(struct futex_pair *pair, uint32_t mine, long n)
{
    while (n--) {
        uint32_t turn;
        while ((turn = __atomic_load_n(&pair->turn, __ATOMIC_ACQUIRE)) != mine)
            syscall(SYS_futex, &pair->turn, FUTEX_WAIT, turn, NULL, NULL, 0);
        __atomic_store_n(&pair->turn, !mine, __ATOMIC_RELEASE);
        syscall(SYS_futex, &pair->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

static void *futex_partner(void *argument)
{
    struct futex_pair *pair = argument;
    futex_turn(pair, 1, pair->rounds);
    return NULL;
}

static void run_futex(void *state, long n)
{
    struct futex_pair pair = {.rounds = n};
    pthread_t thread;
    (void)state;
    check(pthread_create(&thread, NULL, futex_partner, &pair) == 0, "pthread_create");
    futex_turn(&pair, 0, n);
    pthread_join(thread, NULL);
}

static void row_futex(const char *name)
{
    report_us(name, measure(run_futex, NULL));
}

/* A byte there and back between two processes: fds[0] ours, fds[1] theirs (or pipes). */
struct ping_pong {
    int read_fd, write_fd;       /* ours */
};

static void run_ping_pong(void *state, long n)
{
    struct ping_pong *p = state;
    char c = 1;
    while (n--)
        check(write(p->write_fd, &c, 1) == 1 && read(p->read_fd, &c, 1) == 1, "ping-pong");
}

static void echo_until_end(int read_fd, int write_fd)
{
    char c;
    while (read(read_fd, &c, 1) == 1 && write(write_fd, &c, 1) == 1)
        ;
    _exit(0);
}

static void row_pipe_pp(const char *name)
{
    int there[2], back[2];
    check(pipe(there) == 0 && pipe(back) == 0, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        close(there[1]);
        close(back[0]);
        echo_until_end(there[0], back[1]);
    }
    close(there[0]);
    close(back[1]);
    report_us(name, measure(run_ping_pong, &(struct ping_pong){back[0], there[1]}));
    close(there[1]);
    close(back[0]);
    wait_for(pid);
}

static void row_unix_pp(const char *name)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) {
        printf("%-14s          - us\n", name);
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        echo_until_end(fds[1], fds[1]);
    }
    close(fds[1]);
    report_us(name, measure(run_ping_pong, &(struct ping_pong){fds[0], fds[0]}));
    close(fds[0]);
    wait_for(pid);
}

static void run_pipe_bw(void *state, long n)
{
    struct descriptor *d = state;
    while (n--) {
        for (size_t done = 0; done < d->bytes;) {
            ssize_t wrote = write(d->fd, d->buffer + done, d->bytes - done);
            check(wrote > 0, "pipe bandwidth");
            done += (size_t)wrote;
        }
    }
}

static void row_pipe_bw(const char *name)
{
    int fds[2];
    check(pipe(fds) == 0, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[1]);
        while (read(fds[0], file.buffer, sizeof(file.buffer)) > 0)
            ;
        _exit(0);
    }
    close(fds[0]);
    file.fd = fds[1];
    file.bytes = sizeof(file.buffer);
    report_bandwidth(name, measure(run_pipe_bw, &file), sizeof(file.buffer));
    close(fds[1]);
    wait_for(pid);
}

static const struct row {
    const char *name;
    void (*run)(const char *name);
} rows[] = {
    {"null", row_null},           {"read-zero", row_read_zero}, {"read-file", row_read_file},
    {"write-file", row_write_file}, {"stat", row_stat},         {"open-close", row_open},
    {"create-unlink", row_create}, {"pipe", row_pipe},          {"epoll-eventfd", row_epoll},
    {"signal", row_signal},       {"mmap-munmap", row_mmap},    {"page-fault", row_fault},
    {"thread", row_thread},       {"fork-wait", row_fork},      {"fork-exec-wait", row_exec},
    {"futex-pingpong", row_futex}, {"pipe-pingpong", row_pipe_pp}, {"unix-pingpong", row_unix_pp},
    {"file-bandwidth", row_file_bw}, {"pipe-bandwidth", row_pipe_bw},
};

static const struct row program_rows[] = {
    {"dynamic-exec", row_dynamic_exec},
    {"python-start", row_python},
    {"gcc-compile", row_gcc},
};

static void run_wanted(const struct row *list, size_t count, int argc, char **argv, bool all)
{
    for (size_t i = 0; i < count; i++) {
        bool wanted = all;
        for (int j = 1; j < argc && !wanted; j++)
            wanted = strcmp(argv[j], list[i].name) == 0;
        if (wanted)
            list[i].run(list[i].name);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--true") == 0)
        return 0;
    if (argc == 2 && strcmp(argv[1], "--poweroff") == 0) /* for a root without such a program */
        return reboot(RB_POWER_OFF);
    self = argv[0];
    setenv("PATH", "/usr/bin:/bin", 1); /* gcc looks for ld there; not every init has one */
    check(chdir("/tmp") == 0, "/tmp");
    run_wanted(rows, sizeof(rows) / sizeof(rows[0]), argc, argv, argc == 1);
    run_wanted(program_rows, sizeof(program_rows) / sizeof(program_rows[0]), argc, argv, false);
    unlink("bench-file");
    return 0;
}
