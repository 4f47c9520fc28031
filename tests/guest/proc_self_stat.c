/* SPDX-License-Identifier: MIT */
/* proc_pid_stat(5), proc_pid_statm(5), proc_pid_status(5), comm, cmdline, environ, limits. */
#include "proc_check.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/times.h>

/* The fields of stat after the name, from field 3 (state) on. */
static int split_stat(char *text, char **fields, int max)
{
    char *cursor = strrchr(text, ')');
    int count = 0;
    TRUE(cursor != NULL && cursor[1] == ' ');
    for (char *word = strtok(cursor + 2, " \n"); word && count < max; word = strtok(NULL, " \n"))
        fields[count++] = word;
    return count;
}

static long long field(char **fields, int number)
{
    return strtoll(fields[number - 3], NULL, 10);
}

static void stat_fields(void)
{
    char *fields[64], *text = slurp("/proc/self/stat", NULL);
    EQ(strtol(text, NULL, 10), getpid());
    TRUE(text[strlen(text) - 1] == '\n');
    EQ(split_stat(text, fields, 64), 50);
    TRUE(fields[0][0] == 'R' && fields[0][1] == 0);
    EQ(field(fields, 4), getppid());
    EQ(field(fields, 5), getpgrp());
    EQ(field(fields, 6), getsid(0));
    TRUE(field(fields, 10) > 0); /* minor faults */
    EQ(field(fields, 18), 20 + getpriority(PRIO_PROCESS, 0));
    EQ(field(fields, 19), getpriority(PRIO_PROCESS, 0));
    EQ(field(fields, 20), 1);                    /* threads */
    TRUE(field(fields, 23) > 100000);            /* virtual bytes */
    TRUE(field(fields, 24) >= 0);                /* resident pages */
    TRUE(field(fields, 26) < field(fields, 27)); /* code */
    uintptr_t here = (uintptr_t)stat_fields, stack = (uintptr_t)&fields;
    TRUE((uintptr_t)field(fields, 26) <= here && here < (uintptr_t)field(fields, 27));
    TRUE(stack < (uintptr_t)field(fields, 28));
    EQ(field(fields, 38), SIGCHLD);
    EQ(field(fields, 41), 0);                                           /* policy */
    TRUE((uintptr_t)field(fields, 48) < (uintptr_t)field(fields, 49));  /* arguments */
    TRUE((uintptr_t)field(fields, 50) <= (uintptr_t)field(fields, 51)); /* environment */
    free(text);
}

static void start_time(void)
{
    char *fields[64];
    char *uptime = slurp("/proc/uptime", NULL);
    pid_t pid = idle_child();
    char *text = slurp(proc_path(pid, "stat"), NULL);
    split_stat(text, fields, 64);
    double start = (double)field(fields, 22) / (double)sysconf(_SC_CLK_TCK);
    double now = strtod(uptime, NULL);
    TRUE(start >= now - 0.02 && start < now + 20);
    EQ(field(fields, 4), getpid());
    end_child(pid);
    free(text);
    free(uptime);
}

static void odd_names(void)
{
    char *fields[64];
    OK(prctl(PR_SET_NAME, "a) R b (\\\n"));
    char *text = slurp("/proc/self/stat", NULL);
    TRUE(strstr(text, "(a) R b (") != NULL);
    EQ(split_stat(text, fields, 64), 50);
    free(text);
    text = slurp("/proc/self/status", NULL);
    TRUE(strncmp(value_of(text, "Name:\t"), "a) R b (\\\\\\n\n", 13) == 0);
    free(text);
    write_file("/proc/self/comm", "a-name-of-more-than-15-characters");
    text = slurp("/proc/self/comm", NULL);
    STR_EQ(text, "a-name-of-more-\n");
    free(text);
    char name[17] = "";
    OK(prctl(PR_GET_NAME, name));
    STR_EQ(name, "a-name-of-more-");
    pid_t pid = idle_child();
    int fd = (int)OK(open(proc_path(pid, "comm"), O_WRONLY));
    FAILS(write(fd, "x", 1), EINVAL);
    close(fd);
    end_child(pid);
}

static void status_fields(void)
{
    uid_t r, e, s;
    sigset_t set;
    OK(getresuid(&r, &e, &s));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 3);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    signal(SIGUSR2, SIG_IGN);
    signal(SIGHUP, (void (*)(int))(uintptr_t)0x1000);
    OK(kill(getpid(), SIGUSR1));
    char *text = slurp("/proc/self/status", NULL);
    EQ(number_of(text, "Pid:\t"), getpid());
    EQ(number_of(text, "Tgid:\t"), getpid());
    EQ(number_of(text, "PPid:\t"), getppid());
    EQ(number_of(text, "TracerPid:\t"), 0);
    EQ(number_of(text, "Uid:\t"), r);
    EQ(number_of(text, "Threads:\t"), 1);
    TRUE(strncmp(value_of(text, "State:\t"), "R (running)\n", 12) == 0);
    mode_t mask = umask(027);
    umask(mask);
    EQ(strtol(value_of(text, "Umask:\t"), NULL, 8), mask);
    EQ(hex_of(text, "SigBlk:\t"), 1ull << (SIGUSR1 - 1) | 1ull << (SIGRTMIN + 2));
    EQ(hex_of(text, "ShdPnd:\t"), 1ull << (SIGUSR1 - 1));
    TRUE(hex_of(text, "SigIgn:\t") & 1ull << (SIGUSR2 - 1));
    TRUE(hex_of(text, "SigCgt:\t") & 1ull << (SIGHUP - 1));
    TRUE(number_of(text, "VmSize:\t") > number_of(text, "VmRSS:\t"));
    TRUE(number_of(text, "VmRSS:\t") > 0);
    TRUE(number_of(text, "VmHWM:\t") >= number_of(text, "VmRSS:\t"));
    TRUE(number_of(text, "VmPeak:\t") >= number_of(text, "VmSize:\t"));
    TRUE(number_of(text, "VmStk:\t") > 0);
    TRUE(number_of(text, "FDSize:\t") >= 32);
    value_of(text, "voluntary_ctxt_switches:\t");
    value_of(text, "CapEff:\t");
    value_of(text, "Cpus_allowed_list:\t");
    free(text);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGHUP, SIG_DFL);
    OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

/* Size, resident, shared, text, library, data, dirty: in pages, the same as in status. */
static void memory_sizes(void)
{
    long long pages[7];
    size_t bytes = 8 << 20;
    char *text = slurp("/proc/self/statm", NULL);
    EQ(sscanf(text, "%lld %lld %lld %lld %lld %lld %lld", &pages[0], &pages[1], &pages[2],
              &pages[3], &pages[4], &pages[5], &pages[6]),
       7);
    TRUE(pages[0] > pages[1] && pages[1] >= pages[2] && pages[3] > 0);
    EQ(pages[4], 0);
    free(text);
    char *memory = malloc(bytes);
    memset(memory, 1, bytes);
    __asm__ volatile("" ::"r"(memory) : "memory");
    long long after[2];
    text = slurp("/proc/self/statm", NULL);
    EQ(sscanf(text, "%lld %lld", &after[0], &after[1]), 2);
    TRUE(after[0] >= pages[0] + 2048);
    TRUE(after[1] >= pages[1] + 1900);
    free(text);
    free(memory);
}

static void strings(int argc, char **argv)
{
    size_t bytes, at = 0;
    char *text = slurp("/proc/self/cmdline", &bytes);
    for (int i = 0; i < argc; i++) {
        STR_EQ(text + at, argv[i]);
        at += strlen(argv[i]) + 1;
    }
    EQ(at, bytes);
    free(text);
    text = slurp("/proc/self/environ", &bytes);
    STR_EQ(text, "FIRST=1");
    STR_EQ(text + 8, "SECOND=two words");
    EQ(bytes, 8 + 17);
    free(text);
    unsigned long auxv[128];
    text = slurp("/proc/self/auxv", &bytes);
    TRUE(bytes % 16 == 0 && bytes <= sizeof(auxv));
    memcpy(auxv, text, bytes);
    EQ(auxv[bytes / 8 - 2], 0);
    bool found = false;
    for (size_t i = 0; i < bytes / 8; i += 2)
        found |= auxv[i] == 6 && auxv[i + 1] == 4096; /* AT_PAGESZ */
    TRUE(found);
    free(text);
}

static void limits(void)
{
    struct rlimit limit = {.rlim_cur = 77, .rlim_max = 99};
    OK(setrlimit(RLIMIT_NOFILE, &limit));
    char *text = slurp("/proc/self/limits", NULL);
    TRUE(strstr(text, "Limit                     Soft Limit           Hard Limit           Units   "
                      "  \n") == text);
    TRUE(strstr(text,
                "\nMax open files            77                   99                   files  "
                "   \n") != NULL);
    TRUE(strstr(text, "\nMax nice priority         ") != NULL);
    free(text);
}

static void position(void)
{
    char one[8], whole[600];
    int fd = (int)OK(open("/proc/self/limits", O_RDONLY));
    ssize_t total = read(fd, whole, sizeof(whole));
    EQ(total, sizeof(whole));
    OK(lseek(fd, 0, SEEK_SET));
    for (size_t at = 0; at < sizeof(whole); at += sizeof(one)) {
        EQ(read(fd, one, sizeof(one)), sizeof(one));
        TRUE(memcmp(one, whole + at, sizeof(one)) == 0);
    }
    EQ(pread(fd, one, sizeof(one), 100), sizeof(one));
    TRUE(memcmp(one, whole + 100, sizeof(one)) == 0);
    EQ(lseek(fd, 0, SEEK_CUR), sizeof(whole));
    FAILS(lseek(fd, 0, SEEK_END), EINVAL);
    FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
    FAILS(read(fd, BAD_POINTER, 5), EFAULT);
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_size, 0);
    FAILS(ftruncate(fd, 0), EINVAL);
    close(fd);
    FAILS(open("/proc/self/limits", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    FAILS(open("/proc/self/none", O_WRONLY | O_CREAT, 0600), ENOENT);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        char *args[] = {argv[0], "two", "", "the fourth", NULL};
        char *env[] = {"FIRST=1", "SECOND=two words", NULL};
        execve("/proc/self/exe", args, env);
        fail_at(__LINE__, "execve: %s", strerror(errno));
    }
    strings(argc, argv);
    stat_fields();
    start_time();
    odd_names();
    status_fields();
    memory_sizes();
    position();
    limits();
    return 0;
}
