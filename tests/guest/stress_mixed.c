/* SPDX-License-Identifier: MIT
 *
 * Everything at once: stress_mixed [SECONDS [NAME...]].
 *
 * One process for each load below, all at the same time until the time is over (2 s by default, with
 * names only those loads). Each load checks what it gets back. A load that fails exits with 1 and
 * says why; the parent kills a load that does not end, and reports it as hanging.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_S 60 /* for a load to notice that the time is over */
#define PAGE 4096
/* musl installs no header of the kernel. */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

static const char *load_name = "stress_mixed";
static const char *self;
static time_t end_s;
static long duration_s = 2;

static time_t now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static bool over(void)
{
    return now_s() >= end_s;
}

static _Noreturn void fail(int line, const char *what)
{
    int error = errno;
    printf("%s, line %d: %s: %s\n", load_name, line, what, strerror(error));
    fflush(stdout);
    _exit(1);
}

#define CHECK(condition) ((condition) ? (void)0 : fail(__LINE__, #condition))

static int reap(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) != pid)
        CHECK(errno == EINTR);
    return status;
}

/* fork; when the machine has no room just now, -1. */
static pid_t fork_or_full(void)
{
    pid_t pid = fork();
    CHECK(pid >= 0 || errno == EAGAIN || errno == ENOMEM);
    return pid;
}

/* ---- processes ---- */

static void exec_storm(void)
{
    while (!over()) {
        pid_t pids[4];
        for (int i = 0; i < 4; i++) {
            pids[i] = fork_or_full();
            if (pids[i] == 0) {
                execl(self, self, "--exit-7", (char *)NULL);
                _exit(1);
            }
        }
        for (int i = 0; i < 4; i++)
            if (pids[i] > 0) {
                int status = reap(pids[i]);
                CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
            }
    }
}

/* Everyone forks until the limit says no; then the whole group is killed. */
static void fork_bomb(void)
{
    if (geteuid() != 0)
        return;
    while (!over()) {
        pid_t pid = fork_or_full();
        if (pid == 0) {
            struct rlimit limit = {40, 40};
            CHECK(setpgid(0, 0) == 0 && setrlimit(RLIMIT_NPROC, &limit) == 0);
            CHECK(setgid(65533) == 0 && setuid(65533) == 0);
            for (;;)
                if (fork() < 0)
                    sched_yield();
        }
        if (pid < 0)
            continue;
        usleep(100000);
        while (kill(-pid, SIGKILL) != 0)
            CHECK(errno == ESRCH && kill(pid, 0) == 0);
        int status = reap(pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        /* A child born while the signal went round belongs to the same group. */
        while (kill(-pid, SIGKILL) == 0)
            sched_yield();
    }
}

/* Many live processes, all waiting for one byte. */
static void crowd(void)
{
    int size = duration_s >= 10 ? 500 : 60;
    while (!over()) {
        int gate[2], living = 0;
        CHECK(pipe(gate) == 0);
        while (living < size && !over()) {
            pid_t pid = fork_or_full();
            if (pid == 0) {
                char byte;
                close(gate[1]);
                _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
            }
            if (pid < 0)
                break;
            living++;
        }
        close(gate[1]);
        for (int i = 0; i < living; i++) {
            int status;
            CHECK(wait(&status) > 0 && status == 0);
        }
        close(gate[0]);
    }
}

/* ---- pipes, signals, memory ---- */

static void pipe_chain(void)
{
    int there[2], back[2];
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    char buffer[6000];
    if (pid == 0) {
        close(there[1]);
        close(back[0]);
        ssize_t bytes;
        while ((bytes = read(there[0], buffer, sizeof(buffer))) > 0)
            for (ssize_t done = 0; done < bytes;) {
                ssize_t n = write(back[1], buffer + done, (size_t)(bytes - done));
                CHECK(n > 0);
                done += n;
            }
        _exit(bytes == 0 ? 0 : 1);
    }
    close(there[0]);
    close(back[1]);
    unsigned char sent = 0, got = 0;
    while (!over()) {
        size_t bytes = (size_t)rand() % sizeof(buffer) + 1;
        for (size_t i = 0; i < bytes; i++)
            buffer[i] = (char)sent++;
        CHECK(write(there[1], buffer, bytes) == (ssize_t)bytes);
        for (size_t done = 0; done < bytes;) {
            ssize_t n = read(back[0], buffer, bytes - done);
            CHECK(n > 0);
            for (ssize_t i = 0; i < n; i++)
                CHECK((unsigned char)buffer[i] == got++);
            done += (size_t)n;
        }
    }
    close(there[1]);
    CHECK(reap(pid) == 0);
}

static volatile sig_atomic_t signals_seen;

static void count_signal(int signo)
{
    (void)signo;
    signals_seen++;
}

static void signal_storm(void)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    while (!over()) {
        pid_t pid = fork_or_full();
        if (pid < 0)
            continue;
        if (pid == 0) {
            pid_t parent = getppid();
            for (int i = 0; i < 200; i++) {
                kill(parent, SIGUSR1);
                if (i % 16 == 0)
                    kill(getpid(), SIGUSR1);
            }
            for (;;)
                pause();
        }
        kill(pid, SIGSTOP);
        kill(pid, SIGCONT);
        usleep(2000);
        kill(pid, rand() % 2 ? SIGKILL : SIGTERM);
        kill(pid, SIGCONT);
        CHECK(WIFSIGNALED(reap(pid)));
    }
    CHECK(signals_seen > 0);
}

#define ARENA_PAGES 64

struct arena {
    unsigned char *base;
    atomic_bool done;
};

/* Faults in an area whose last pages come and go: only the first half always exists. */
static void *arena_touch(void *argument)
{
    struct arena *arena = argument;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    while (!arena->done) {
        size_t page = (size_t)rand_r(&seed) % (ARENA_PAGES / 2);
        volatile unsigned char *byte = arena->base + page * PAGE;
        *byte = (unsigned char)page;
        unsigned char seen = *byte;
        CHECK(seen == (unsigned char)page || seen == 0); /* 0: dropped meanwhile */
    }
    return NULL;
}

static void memory_threads(void)
{
    struct arena arena = {mmap(NULL, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), false};
    CHECK(arena.base != MAP_FAILED);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, arena_touch, &arena) == 0);
    unsigned char *upper = arena.base + ARENA_PAGES / 2 * PAGE;
    while (!over()) {
        size_t bytes = (size_t)(rand() % (ARENA_PAGES / 2) + 1) * PAGE;
        CHECK(madvise(arena.base, bytes, MADV_DONTNEED) == 0);
        CHECK(munmap(upper, bytes) == 0);
        CHECK(mmap(upper, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                   0) == upper);
        memset(upper, 1, bytes);
        CHECK(mprotect(upper, bytes, PROT_READ) == 0 && upper[bytes - 1] == 1);
        CHECK(mprotect(upper, bytes, PROT_READ | PROT_WRITE) == 0);
        unsigned char *moving = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(moving != MAP_FAILED);
        moving[7 * PAGE] = 9;
        moving = mremap(moving, 8 * PAGE, 40 * PAGE, MREMAP_MAYMOVE);
        CHECK(moving != MAP_FAILED && moving[7 * PAGE] == 9 && moving[39 * PAGE] == 0);
        CHECK(munmap(moving, 40 * PAGE) == 0);
        if (rand() % 8 == 0) {
            pid_t pid = fork_or_full();
            if (pid == 0) {
                memset(arena.base, 3, ARENA_PAGES / 2 * PAGE);
                _exit(arena.base[PAGE] == 3 ? 0 : 1);
            }
            CHECK(pid < 0 || reap(pid) == 0);
        }
    }
    arena.done = true;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

/* A lock made of a futex word, in memory that several threads and a process share. */
struct shared_count {
    atomic_int lock; /* 0 free, 1 held, 2 held and waited for */
    long long count;
};

static void futex_lock(atomic_int *lock)
{
    int seen = 0;
    if (atomic_compare_exchange_strong(lock, &seen, 1))
        return;
    while (atomic_exchange(lock, 2) != 0)
        syscall(SYS_futex, lock, FUTEX_WAIT, 2, NULL, NULL, 0);
}

static void futex_unlock(atomic_int *lock)
{
    if (atomic_exchange(lock, 0) == 2)
        syscall(SYS_futex, lock, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *futex_count(void *argument)
{
    struct shared_count *shared = argument;
    long long mine = 0;
    for (; mine % 64 != 0 || !over(); mine++) {
        futex_lock(&shared->lock);
        shared->count++;
        futex_unlock(&shared->lock);
    }
    return (void *)(intptr_t)mine;
}

static void futex_threads(void)
{
    struct shared_count *shared =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long long *child_count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && child_count != MAP_FAILED);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        *child_count = (intptr_t)futex_count(shared);
        _exit(0);
    }
    pthread_t threads[3];
    long long sum = 0;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, futex_count, shared) == 0);
    for (int i = 0; i < 3; i++) {
        void *mine;
        pthread_join(threads[i], &mine);
        sum += (intptr_t)mine;
    }
    CHECK(reap(pid) == 0);
    CHECK(shared->count == sum + *child_count);
}

/* ---- files ---- */

static void file_worker(const char *folder, unsigned seed)
{
    char from[64], to[64];
    while (!over()) {
        snprintf(from, sizeof(from), "%s/%d", folder, rand_r(&seed) % 16);
        snprintf(to, sizeof(to), "%s/%d", folder, rand_r(&seed) % 16);
        int fd;
        switch (rand_r(&seed) % 8) {
        case 0:
            CHECK(rename(from, to) == 0 || errno == ENOENT || errno == EISDIR || errno == ENOTDIR ||
                  errno == ENOTEMPTY || errno == EEXIST || errno == EINVAL);
            break;
        case 1:
            CHECK(unlink(from) == 0 || errno == ENOENT || errno == EISDIR || errno == EPERM);
            break;
        case 2:
            CHECK(mkdir(from, 0755) == 0 || errno == EEXIST);
            break;
        case 3:
            CHECK(rmdir(from) == 0 || errno == ENOENT || errno == ENOTDIR || errno == ENOTEMPTY);
            break;
        case 4:
            CHECK(link(from, to) == 0 || errno == ENOENT || errno == EEXIST || errno == EPERM);
            break;
        case 5: {
            DIR *open_folder = opendir(folder);
            CHECK(open_folder);
            while (readdir(open_folder))
                ;
            closedir(open_folder);
            break;
        }
        default:
            fd = open(from, O_RDWR | O_CREAT, 0644);
            CHECK(fd >= 0 || errno == EISDIR);
            if (fd < 0)
                break;
            CHECK(pwrite(fd, from, sizeof(from), rand_r(&seed) % 20000) == sizeof(from));
            CHECK(ftruncate(fd, rand_r(&seed) % 20000) == 0);
            struct stat stat;
            CHECK(fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode));
            close(fd);
        }
    }
}

static void files(void)
{
    char folder[] = "/tmp/stress_XXXXXX";
    CHECK(mkdtemp(folder));
    pid_t pids[3];
    for (unsigned i = 0; i < 3; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            file_worker(folder, i + 1);
            _exit(0);
        }
    }
    for (int i = 0; i < 3; i++)
        CHECK(reap(pids[i]) == 0);
    char name[64];
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "%s/%d", folder, i);
        CHECK(remove(name) == 0 || errno == ENOENT);
    }
    CHECK(rmdir(folder) == 0);
}

/* ---- events, terminals, sockets, /proc ---- */

static void *event_writer(void *argument)
{
    int fd = *(int *)argument;
    while (!over())
        CHECK(write(fd, &(uint64_t){1}, 8) == 8);
    CHECK(write(fd, &(uint64_t){1}, 8) == 8);
    return NULL;
}

static void events(void)
{
    int poller = epoll_create1(EPOLL_CLOEXEC), fds[4];
    pthread_t threads[4];
    CHECK(poller >= 0);
    for (int i = 0; i < 4; i++) {
        struct epoll_event event = {.events = EPOLLIN | (i % 2 ? EPOLLET : 0), .data.u32 = (uint32_t)i};
        fds[i] = eventfd(0, EFD_NONBLOCK);
        CHECK(fds[i] >= 0 && epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &event) == 0);
        CHECK(pthread_create(&threads[i], NULL, event_writer, &fds[i]) == 0);
    }
    while (!over()) {
        struct epoll_event ready[4];
        int count = epoll_wait(poller, ready, 4, 1000);
        CHECK(count >= 0 || errno == EINTR);
        for (int i = 0; i < count; i++) {
            uint64_t value;
            ssize_t bytes = read(fds[ready[i].data.u32], &value, 8);
            CHECK((bytes == 8 && value > 0) || errno == EAGAIN);
        }
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = 0};
        CHECK(epoll_ctl(poller, EPOLL_CTL_DEL, fds[0], NULL) == 0);
        CHECK(epoll_ctl(poller, EPOLL_CTL_ADD, fds[0], &event) == 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

/* A session of its own on a new terminal; ends by the terminal's hang-up or by ^C. */
static void terminals(void)
{
    while (!over()) {
        int master = posix_openpt(O_RDWR | O_NOCTTY);
        CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
        char name[64], buffer[256];
        CHECK(ptsname_r(master, name, sizeof(name)) == 0);
        pid_t pid = fork_or_full();
        if (pid == 0) {
            close(master);
            CHECK(setsid() > 0);
            int terminal = open(name, O_RDWR);
            CHECK(terminal >= 0 && ioctl(terminal, TIOCSCTTY, 0) == 0);
            CHECK(write(terminal, "ready\n", 6) == 6);
            while (read(terminal, buffer, sizeof(buffer)) > 0)
                ;
            for (;;)
                pause();
        }
        if (pid > 0) {
            size_t got = 0;
            while (got < 7) {
                ssize_t bytes = read(master, buffer + got, sizeof(buffer) - got);
                CHECK(bytes > 0);
                got += (size_t)bytes;
            }
            CHECK(memcmp(buffer, "ready\r\n", 7) == 0);
            CHECK(write(master, "line\n", 5) == 5);
            if (rand() % 2)
                CHECK(write(master, "\003", 1) == 1);
        }
        close(master);
        if (pid > 0)
            CHECK(WIFSIGNALED(reap(pid)));
    }
}

/* Descriptors sent to and fro, some never received. */
static void sockets(void)
{
    while (!over()) {
        int pair[2];
        CHECK(socketpair(AF_UNIX, rand() % 2 ? SOCK_STREAM : SOCK_SEQPACKET, 0, pair) == 0);
        pid_t pid = fork_or_full();
        if (pid == 0) {
            close(pair[0]);
            for (int i = 0; i < 32; i++)
                CHECK(send(pair[1], &i, sizeof(i), 0) == sizeof(i));
            char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
            struct iovec part = {&byte, 1};
            struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                                     .msg_controllen = sizeof(control)};
            struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof(int));
            memcpy(CMSG_DATA(rights), &pair[1], sizeof(int));
            CHECK(sendmsg(pair[1], &message, 0) == 1);
            _exit(0);
        }
        close(pair[1]);
        if (pid > 0) {
            for (int i = 0; i < 32; i++) {
                int got;
                CHECK(recv(pair[0], &got, sizeof(got), MSG_WAITALL) == sizeof(got) && got == i);
            }
            CHECK(reap(pid) == 0);
        }
        close(pair[0]);
    }
}

static void read_all(const char *path)
{
    char buffer[4096];
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return;
    while (read(fd, buffer, sizeof(buffer)) > 0)
        ;
    close(fd);
}

static void proc_readers(void)
{
    static const char *const names[] = {"stat", "status", "cmdline", "maps", "statm", "wchan",
                                        "limits", "environ", "smaps", "mountinfo", "io"};
    char path[300];
    while (!over()) {
        DIR *proc = opendir("/proc");
        CHECK(proc);
        for (struct dirent *entry; (entry = readdir(proc)) && !over();) {
            if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
                continue;
            for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                snprintf(path, sizeof(path), "/proc/%s/%s", entry->d_name, names[i]);
                read_all(path);
            }
            snprintf(path, sizeof(path), "/proc/%s/fd", entry->d_name);
            DIR *fds = opendir(path);
            while (fds && readdir(fds))
                ;
            if (fds)
                closedir(fds);
            snprintf(path, sizeof(path), "/proc/%s/exe", entry->d_name);
            char target[100];
            (void)!readlink(path, target, sizeof(target));
        }
        closedir(proc);
        read_all("/proc/meminfo");
        read_all("/proc/stat");
        read_all("/proc/loadavg");
    }
}

static const struct load {
    const char *name;
    void (*run)(void);
} loads[] = {
    {"exec_storm", exec_storm},
    {"fork_bomb", fork_bomb},
    {"crowd", crowd},
    {"pipe_chain", pipe_chain},
    {"signal_storm", signal_storm},
    {"memory_threads", memory_threads},
    {"futex_threads", futex_threads},
    {"files", files},
    {"events", events},
    {"terminals", terminals},
    {"sockets", sockets},
    {"proc_readers", proc_readers},
};

#define LOADS (sizeof(loads) / sizeof(loads[0]))

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc <= 2;
}

/* Wait for one load until the deadline; true if it ended well. */
static bool finish(const char *name, pid_t pid)
{
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_s() > end_s + GRACE_S + duration_s) {
            printf("%s hangs\n", name);
            kill(pid, SIGKILL);
            return false;
        }
        usleep(20000);
    }
    if (status != 0)
        printf("%s ended with wait status 0x%x\n", name, status);
    return status == 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--exit-7") == 0)
        return 7;
    static char path[4096];
    CHECK(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
    self = path;
    if (argc > 1)
        duration_s = atol(argv[1]);
    end_s = now_s() + duration_s;
    pid_t pids[LOADS] = {0};
    for (size_t i = 0; i < LOADS; i++) {
        if (!wanted(loads[i].name, argc, argv))
            continue;
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            load_name = loads[i].name;
            loads[i].run();
            exit(0);
        }
    }
    bool good = true;
    for (size_t i = 0; i < LOADS; i++)
        if (pids[i])
            good &= finish(loads[i].name, pids[i]);
    return good ? 0 : 1;
}
