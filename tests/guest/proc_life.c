/* SPDX-License-Identifier: MIT */
/* proc(5): processes come, become zombies and go; threads; listings while that happens. */
#include "proc_check.h"

#include <pthread.h>
#include <sys/syscall.h>

static char state_of(pid_t pid)
{
    char *text = slurp(proc_path(pid, "stat"), NULL);
    char state = strrchr(text, ')')[2];
    free(text);
    return state;
}

static void wait_for_state(pid_t pid, char wanted)
{
    for (unsigned i = 0; i < 500 && state_of(pid) != wanted; i++)
        usleep(10000);
    EQ(state_of(pid), wanted);
}

static void states(void)
{
    int status;
    char text[8];
    struct stat st;
    pid_t pid = idle_child();
    wait_for_state(pid, 'S');
    OK(kill(pid, SIGSTOP));
    wait_for_state(pid, 'T');
    OK(kill(pid, SIGCONT));
    wait_for_state(pid, 'S');
    int dir = (int)OK(open(proc_path(pid, "."), O_RDONLY | O_DIRECTORY));
    int fd = (int)OK(open(proc_path(pid, "stat"), O_RDONLY));
    int unread = (int)OK(open(proc_path(pid, "status"), O_RDONLY));
    EQ(read(fd, text, 4), 4);
    OK(kill(pid, SIGKILL));
    wait_for_state(pid, 'Z');
    char *zombie = slurp(proc_path(pid, "status"), NULL);
    TRUE(strncmp(value_of(zombie, "State:\t"), "Z (zombie)\n", 11) == 0);
    TRUE(strstr(zombie, "VmSize") == NULL);
    free(zombie);
    size_t bytes;
    free(slurp(proc_path(pid, "cmdline"), &bytes));
    EQ(bytes, 0);
    FAILS(readlink(proc_path(pid, "exe"), text, sizeof(text)), ENOENT);
    FAILS(readlink(proc_path(pid, "cwd"), text, sizeof(text)), ENOENT);
    OK(waitpid(pid, &status, 0));
    FAILS(stat(proc_path(pid, "stat"), &st), ENOENT);
    EQ(read(fd, text, 4), 4); /* what was made when it lived */
    OK(lseek(fd, 0, SEEK_SET));
    FAILS(read(fd, text, 4), ESRCH);
    FAILS(read(unread, text, 4), ESRCH);
    FAILS(openat(dir, "stat", O_RDONLY), ESRCH);
    OK(fstat(dir, &st));
    close(dir);
    close(fd);
    close(unread);
}

static void many_processes(void)
{
    enum { COUNT = 300 };
    static pid_t pids[COUNT];
    static bool seen[COUNT];
    int last = 0;
    for (unsigned i = 0; i < COUNT; i++)
        pids[i] = idle_child();
    DIR *dir = opendir("/proc");
    TRUE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));) {
        int pid = atoi(entry->d_name);
        if (pid <= 0)
            continue;
        TRUE(pid > last); /* each once, in order */
        EQ(entry->d_type, DT_DIR);
        last = pid;
        for (unsigned i = 0; i < COUNT; i++) {
            if (pids[i] == pid)
                seen[i] = true;
            else if (!seen[i] && i % 2 == 1 && pids[i] && i > 200) { /* some die meanwhile */
                end_child(pids[i]);
                pids[i] = 0;
            }
        }
    }
    closedir(dir);
    for (unsigned i = 0; i < COUNT; i++) {
        TRUE(seen[i] || !pids[i]);
        if (pids[i])
            end_child(pids[i]);
    }
}

static int thread_tid;
static pthread_barrier_t barrier;

static void *thread_body(void *argument)
{
    char path[64], *text;
    (void)argument;
    thread_tid = (int)syscall(SYS_gettid);
    snprintf(path, sizeof(path), "%d/task/%d", getpid(), thread_tid);
    STR_EQ(link_of("/proc/thread-self"), path);
    text = slurp("/proc/thread-self/status", NULL);
    EQ(number_of(text, "Pid:\t"), thread_tid);
    EQ(number_of(text, "Tgid:\t"), getpid());
    free(text);
    write_file("/proc/thread-self/comm", "second");
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static unsigned count_tasks(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/task");
    TRUE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void threads(void)
{
    char path[64];
    struct stat st;
    pthread_t thread;
    EQ(count_tasks(), 1);
    OK(stat("/proc/self/task", &st));
    EQ(st.st_nlink, 3);
    pthread_barrier_init(&barrier, NULL, 2);
    TRUE(pthread_create(&thread, NULL, thread_body, NULL) == 0);
    pthread_barrier_wait(&barrier);
    EQ(count_tasks(), 2);
    OK(stat("/proc/self/task", &st));
    EQ(st.st_nlink, 4);
    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", thread_tid);
    char *text = slurp(path, NULL);
    STR_EQ(text, "second\n");
    free(text);
    /* A thread can be asked for by its number, though it is not listed. */
    text = slurp(proc_path(thread_tid, "status"), NULL);
    EQ(number_of(text, "Tgid:\t"), getpid());
    EQ(number_of(text, "Threads:\t"), 2);
    free(text);
    FAILS(stat(proc_path(1, "task/2"), &st), ENOENT);
    pthread_barrier_wait(&barrier);
    TRUE(pthread_join(thread, NULL) == 0);
    for (unsigned i = 0; i < 200 && count_tasks() > 1; i++)
        usleep(10000);
    EQ(count_tasks(), 1);
    FAILS(stat(path, &st), ENOENT);
}

static void children(void)
{
    pid_t a = idle_child(), b = idle_child();
    char path[64], want[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    if (access(path, R_OK) == 0) {
        char *text = slurp(path, NULL);
        snprintf(want, sizeof(want), "%d %d ", a, b);
        STR_EQ(text, want);
        free(text);
    }
    end_child(a);
    end_child(b);
}

static void names(void)
{
    struct stat st;
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", getpid());
    STR_EQ(link_of("/proc/self"), pid);
    OK(lstat("/proc/self", &st));
    TRUE(S_ISLNK(st.st_mode));
    FAILS(stat("/proc/0", &st), ENOENT);
    FAILS(stat("/proc/01", &st), ENOENT);
    FAILS(stat("/proc/4294967297", &st), ENOENT);
    FAILS(stat("/proc/self/nothing", &st), ENOENT);
    FAILS(mkdir("/proc/nothing", 0755), ENOENT);
    FAILS(open("/proc/nothing", O_CREAT | O_WRONLY, 0644), ENOENT);
    FAILS(unlink("/proc/version"), EPERM);
    FAILS(chmod("/proc/self", 0777), EPERM);
    OK(chdir("/proc/self/task"));
    char cwd[64];
    TRUE(getcwd(cwd, sizeof(cwd)) != NULL);
    OK(chdir("/"));
}

int main(void)
{
    names();
    states();
    threads();
    children();
    many_processes();
    return 0;
}
