/* SPDX-License-Identifier: MIT */
/* Memory that runs out: who is killed and what the log says (proc(5), oom_score_adj), and that a
 * full tmpfs only fails. Only on machines so small that this takes a moment. */
#include "guest.h"

#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>

enum { SMALL_MACHINE_KIB = 1 << 20, STEP = 1 << 20 };

static unsigned long memory_kib(const char *what)
{
    char line[128];
    unsigned long value = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    TRUE(file);
    while (fgets(line, sizeof(line), file))
        if (strncmp(line, what, strlen(what)) == 0 && line[strlen(what)] == ':')
            value = strtoul(line + strlen(what) + 1, NULL, 10);
    fclose(file);
    return value;
}

static void only_small_machines(void)
{
    if (memory_kib("MemTotal") > SMALL_MACHINE_KIB)
        skip("needs a machine with little memory");
    if (geteuid() != 0)
        skip("needs root");
}

static void set_oom_adj(int adj)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%d", adj);
    int fd = (int)OK(open("/proc/self/oom_score_adj", O_WRONLY));
    EQ(write(fd, text, (size_t)length), length);
    OK(close(fd));
}

/* Take and use memory for ever. */
static void fill_memory(void *argument)
{
    set_oom_adj(*(int *)argument);
    for (;;) {
        char *memory = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            _exit(3);
        memset(memory, 1, STEP);
    }
}

static bool log_names(pid_t pid)
{
    static char log[1 << 18];
    char wanted[64];
    int length = klogctl(3, log, sizeof(log) - 1);
    TRUE(length > 0);
    log[length] = 0;
    snprintf(wanted, sizeof(wanted), "Out of memory: Killed process %d (", pid);
    const char *line = strstr(log, wanted);
    return line && strstr(line, "anon-rss:") && strstr(line, "oom_score_adj:");
}

static void who_fills_memory_is_killed(void)
{
    int adj = 0;
    only_small_machines();
    pid_t pid = spawn(fill_memory, &adj);
    int status = WAIT(pid);
    TRUE(WIFSIGNALED(status));
    EQ(WTERMSIG(status), SIGKILL);
    TRUE(log_names(pid));
}

/* Something small that would be chosen first, or never. */
static void stand_by(void *argument)
{
    const int *order = argument;
    char c = 0;
    set_oom_adj(order[0]);
    EQ(write(order[1], &c, 1), 1);
    EQ(read(order[2], &c, 1), 1);
}

static void oom_score_adj_decides(void)
{
    int ready[2], go[2], adj = 0, status;
    char c = 0;
    only_small_machines();
    OK(pipe(ready));
    OK(pipe(go));
    int first[3] = {1000, ready[1], go[0]}, never[3] = {-1000, ready[1], go[0]};
    pid_t preferred = spawn(stand_by, first), spared = spawn(stand_by, never);
    EQ(read(ready[0], &c, 1), 1);
    EQ(read(ready[0], &c, 1), 1);
    pid_t hog = spawn(fill_memory, &adj);
    status = WAIT(preferred);
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    TRUE(log_names(preferred));
    status = WAIT(hog);
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EQ(write(go[1], &c, 1), 1);
    CHILD_OK(spared);
}

static void a_full_tmpfs_fails(void)
{
    static char block[STEP];
    only_small_machines();
    OK(mkdir("full", 0755));
    OK(mount("full", "full", "tmpfs", 0, "size=4m,nr_inodes=16"));
    int fd = (int)OK(open("full/file", O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < 4; i++)
        EQ(write(fd, block, sizeof(block)), sizeof(block));
    FAILS(write(fd, block, 1), ENOSPC);
    FAILS(posix_fallocate(fd, 0, 8 * STEP) ? (errno = ENOSPC, -1) : 0, ENOSPC);
    OK(close(fd));
    char name[32];
    int made = 0;
    for (; made < 16; made++) {
        snprintf(name, sizeof(name), "full/%d", made);
        if (mkdir(name, 0755) != 0)
            break;
    }
    EQ(errno, ENOSPC);
    EQ(made, 14); /* and the root, and the file */
    OK(umount("full"));
}

/* What a program without privileges holds in the kernel ends with it, and is not all there is. */
static void hoard(void *argument)
{
    static char block[1 << 16];
    int ends[2];
    (void)argument;
    OK(setgid(65534));
    OK(setuid(65534));
    unsigned made = 0;
    while (made++ < 4096 && pipe2(ends, O_NONBLOCK) == 0) {
        (void)!fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        while (write(ends[1], block, sizeof(block)) > 0)
            continue;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
            break;
        while (write(ends[0], block, sizeof(block)) > 0)
            continue;
    }
}

static void kernel_memory_comes_back(void)
{
    only_small_machines();
    unsigned long before = memory_kib("MemAvailable");
    for (int i = 0; i < 2; i++) {
        int status = WAIT(spawn(hoard, NULL));
        TRUE(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    }
    EVENTUALLY(memory_kib("MemAvailable") + 16384 > before);
}

GUEST_MAIN(CASE(who_fills_memory_is_killed), CASE(oom_score_adj_decides), CASE(a_full_tmpfs_fails),
           CASE(kernel_memory_comes_back))
