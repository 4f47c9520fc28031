/* SPDX-License-Identifier: MIT */
/* proc(5): the machine: memory, CPUs, time, mounts, parameters; and that they agree with the calls.
 */
#include "proc_check.h"

#include <poll.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>

static void memory(void)
{
    struct sysinfo info;
    char *text = slurp("/proc/meminfo", NULL);
    OK(sysinfo(&info));
    EQ(number_of(text, "MemTotal:"), info.totalram * info.mem_unit / 1024);
    TRUE(number_of(text, "MemFree:") > 0);
    TRUE(number_of(text, "MemAvailable:") > 0);
    TRUE(number_of(text, "MemAvailable:") <= number_of(text, "MemTotal:"));
    static const char *const labels[] = {
        "Buffers:", "Cached:",       "SwapTotal:", "SwapFree:", "Shmem:",
        "Slab:",    "SReclaimable:", "Active:",    "Inactive:"};
    for (unsigned i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        TRUE(number_of(text, labels[i]) >= 0);
    for (char *line = text; *line; line = strchr(line, '\n') + 1)
        TRUE(strncmp(line, "HugePages", 9) == 0 || strncmp(strchr(line, '\n') - 3, " kB", 3) == 0);
    free(text);
    text = slurp("/proc/vmstat", NULL);
    TRUE(number_of(text, "nr_free_pages ") > 0);
    free(text);
    text = slurp("/proc/swaps", NULL);
    TRUE(strncmp(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", 38) == 0);
    free(text);
}

static void cpus(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN), count = 0;
    char *text = slurp("/proc/cpuinfo", NULL);
    for (char *at = text; (at = strstr(at, "processor\t: ")); at++)
        count++;
    EQ(count, online);
    TRUE(strstr(text, "\nmodel name\t: ") != NULL);
    TRUE(strstr(text, " sse2 ") != NULL && strstr(text, " lm ") != NULL);
    free(text);
    text = slurp("/proc/stat", NULL);
    count = 0;
    for (char *at = text; (at = strstr(at, "cpu")); at++)
        count++;
    EQ(count, online + 1);
    unsigned long long v[10], one[10];
    EQ(sscanf(text, "cpu  %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu\n", &v[0], &v[1], &v[2],
              &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9]),
       10);
    EQ(sscanf(strchr(text, '\n'), "\ncpu0 %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu\n",
              &one[0], &one[1], &one[2], &one[3], &one[4], &one[5], &one[6], &one[7], &one[8],
              &one[9]),
       10);
    TRUE(number_of(text, "btime ") > 1000000000);
    TRUE(number_of(text, "processes ") > 0);
    TRUE(number_of(text, "procs_running ") >= 1);
    TRUE(number_of(text, "ctxt ") > 0);
    free(text);
    free(slurp("/proc/interrupts", NULL));
}

static void times(void)
{
    struct timespec now;
    double up, idle, load[3];
    int running, total, last;
    char *text = slurp("/proc/uptime", NULL);
    EQ(sscanf(text, "%lf %lf\n", &up, &idle), 2);
    OK(clock_gettime(CLOCK_BOOTTIME, &now));
    TRUE(up <= (double)now.tv_sec + 1 && up > (double)now.tv_sec - 5);
    free(text);
    text = slurp("/proc/loadavg", NULL);
    EQ(sscanf(text, "%lf %lf %lf %d/%d %d\n", &load[0], &load[1], &load[2], &running, &total,
              &last),
       6);
    TRUE(running >= 1 && total >= running && last >= 1);
    free(text);
    pid_t pid = idle_child();
    text = slurp("/proc/loadavg", NULL);
    EQ(atoi(strrchr(text, ' ') + 1), pid);
    free(text);
    end_child(pid);
}

static void version(void)
{
    struct utsname name;
    char want[512];
    OK(uname(&name));
    char *text = slurp("/proc/version", NULL);
    snprintf(want, sizeof(want), "Linux version %s ", name.release);
    TRUE(strncmp(text, want, strlen(want)) == 0);
    TRUE(strstr(text, name.version) != NULL);
    free(text);
    text = slurp("/proc/sys/kernel/osrelease", NULL);
    snprintf(want, sizeof(want), "%s\n", name.release);
    STR_EQ(text, want);
    free(text);
    text = slurp("/proc/sys/kernel/hostname", NULL);
    snprintf(want, sizeof(want), "%s\n", name.nodename);
    STR_EQ(text, want);
    free(text);
    text = slurp("/proc/cmdline", NULL);
    TRUE(text[strlen(text) - 1] == '\n');
    free(text);
}

static void mounts(void)
{
    struct statfs fs;
    char *text = slurp("/proc/mounts", NULL);
    TRUE(strstr(text, " /proc proc rw") != NULL);
    TRUE(strstr(text, " 0 0\n") != NULL);
    free(text);
    STR_EQ(link_of("/proc/mounts"), "self/mounts");
    text = slurp("/proc/self/mountinfo", NULL);
    TRUE(strstr(text, " / /proc rw") != NULL);
    TRUE(strstr(text, " - proc ") != NULL);
    free(text);
    text = slurp("/proc/filesystems", NULL);
    TRUE(strstr(text, "nodev\tproc\n") != NULL && strstr(text, "nodev\ttmpfs\n") != NULL);
    free(text);
    OK(statfs("/proc", &fs));
    EQ(fs.f_type, 0x9fa0);
    text = slurp("/proc/devices", NULL);
    TRUE(strstr(text, "Character devices:\n") == text);
    TRUE(strstr(text, "\n  1 mem\n") != NULL && strstr(text, "\nBlock devices:\n") != NULL);
    free(text);
}

/* A change of the mounts shows in what the file says and in poll(2). */
static void mount_changes(void)
{
    char cwd[4096], want[4200];
    TRUE(getcwd(cwd, sizeof(cwd)) != NULL);
    OK(mkdir("with space", 0755));
    struct pollfd fd = {.fd = (int)OK(open("/proc/self/mounts", O_RDONLY)), .events = POLLPRI};
    EQ(poll(&fd, 1, 0), 0);
    if (mount("a b", "with space", "tmpfs", MS_NOSUID | MS_RDONLY, "size=64k") != 0) {
        TRUE(errno == EPERM);
    } else {
        EQ(poll(&fd, 1, 0), 1);
        EQ(fd.revents, POLLERR | POLLPRI);
        EQ(poll(&fd, 1, 0), 0);
        char *text = slurp("/proc/self/mounts", NULL);
        snprintf(want, sizeof(want), "a\\040b %s/with\\040space tmpfs ro,nosuid,relatime,size=64k",
                 cwd);
        TRUE(strstr(text, want) != NULL);
        free(text);
        text = slurp("/proc/self/mountinfo", NULL);
        snprintf(want, sizeof(want),
                 " / %s/with\\040space ro,nosuid,relatime - tmpfs a\\040b ro,size", cwd);
        TRUE(strstr(text, want) != NULL);
        free(text);
        OK(umount("with space"));
    }
    close(fd.fd);
    OK(rmdir("with space"));
}

/* Each lock that is held has a line, with its holder, file and range. */
static void locks(void)
{
    char want[128];
    struct stat st;
    struct flock range = {.l_type = F_RDLCK, .l_start = 100, .l_len = 50};
    int fd = (int)OK(open("locked", O_RDWR | O_CREAT, 0600));
    OK(fstat(fd, &st));
    OK(flock(fd, LOCK_EX));
    OK(fcntl(fd, F_SETLK, &range));
    char *text = slurp("/proc/locks", NULL);
    snprintf(want, sizeof(want), ": FLOCK  ADVISORY  WRITE %d %02x:%02x:%llu 0 EOF\n", getpid(),
             major(st.st_dev), minor(st.st_dev), (unsigned long long)st.st_ino);
    TRUE(strstr(text, want) != NULL);
    snprintf(want, sizeof(want), ": POSIX  ADVISORY  READ %d %02x:%02x:%llu 100 149\n", getpid(),
             major(st.st_dev), minor(st.st_dev), (unsigned long long)st.st_ino);
    TRUE(strstr(text, want) != NULL);
    free(text);
    close(fd);
    OK(unlink("locked"));
    text = slurp("/proc/locks", NULL);
    snprintf(want, sizeof(want), " %d ", getpid());
    TRUE(strstr(text, want) == NULL);
    free(text);
}

static void parameters(void)
{
    static const char *const numbers[] = {
        "kernel/pid_max",
        "kernel/threads-max",
        "kernel/cap_last_cap",
        "kernel/ngroups_max",
        "kernel/overflowuid",
        "kernel/overflowgid",
        "vm/overcommit_memory",
        "vm/max_map_count",
        "vm/mmap_min_addr",
        "fs/file-max",
        "fs/nr_open",
        "fs/pipe-max-size",
        "kernel/random/entropy_avail",
        "kernel/random/poolsize",
        "fs/protected_symlinks",
    };
    char path[128];
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        snprintf(path, sizeof(path), "/proc/sys/%s", numbers[i]);
        char *text = slurp(path, NULL), *end;
        strtoull(text, &end, 10);
        TRUE(end > text && *end == '\n');
        free(text);
    }
    char *boot = slurp("/proc/sys/kernel/random/boot_id", NULL);
    char *again = slurp("/proc/sys/kernel/random/boot_id", NULL);
    STR_EQ(boot, again);
    EQ(strlen(boot), 37);
    TRUE(boot[8] == '-' && boot[14] == '4' && boot[36] == '\n');
    char *uuid = slurp("/proc/sys/kernel/random/uuid", NULL);
    char *other = slurp("/proc/sys/kernel/random/uuid", NULL);
    TRUE(strcmp(uuid, other) != 0 && strcmp(uuid, boot) != 0);
    free(boot);
    free(again);
    free(uuid);
    free(other);
    unsigned long used, zero, max;
    char *text = slurp("/proc/sys/fs/file-nr", NULL);
    EQ(sscanf(text, "%lu\t%lu\t%lu\n", &used, &zero, &max), 3);
    TRUE(used > 0 && zero == 0 && max > 0);
    free(text);
}

int main(void)
{
    memory();
    cpus();
    times();
    version();
    mounts();
    mount_changes();
    locks();
    parameters();
    return 0;
}
