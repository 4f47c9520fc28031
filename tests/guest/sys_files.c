/* SPDX-License-Identifier: MIT */
/*
 * Files of sysfs that programs read, with Linux's formats: sysfs(5), Documentation/ABI.
 */
#include "tests/guest/guest.h"

#include <dirent.h>

/* The file's text, or NULL if there is none. */
static const char *read_text(const char *path)
{
    static char text[8192];
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return NULL;
    ssize_t bytes = read(fd, text, sizeof(text) - 1);
    OK(bytes);
    text[bytes] = '\0';
    OK(close(fd));
    return text;
}

/* The value in brackets is the choice; others may be chosen. */
static void expect_choice(const char *path, const char *one)
{
    const char *text = read_text(path);
    if (!text)
        skip(path);
    const char *open = strchr(text, '['), *close = strchr(text, ']');
    EQ(open && close && open < close, 1);
    EQ(strstr(text, one) != NULL, 1);
    EQ(text[strlen(text) - 1], '\n');
}

static void cpus_are_counted(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN), found = 0;
    const char *text = read_text("/sys/devices/system/cpu/online");
    EQ(text != NULL && text[0] == '0', 1);
    DIR *dir = opendir("/sys/devices/system/cpu");
    EQ(dir != NULL, 1);
    for (struct dirent *entry; (entry = readdir(dir));)
        found += strncmp(entry->d_name, "cpu", 3) == 0 && entry->d_name[3] >= '0' &&
                 entry->d_name[3] <= '9';
    closedir(dir);
    EQ(found >= online, 1);
    text = read_text("/sys/devices/system/cpu/cpu0/topology/core_cpus_list");
    EQ(text != NULL && text[0] == '0', 1);
}

static void node_has_cpus_and_memory(void)
{
    char label[32];
    unsigned long long total, free_kb;
    const char *text = read_text("/sys/devices/system/node/node0/meminfo");
    if (!text)
        skip("no NUMA");
    EQ(sscanf(text, "Node 0 %31s %llu kB Node 0 MemFree: %llu kB", label, &total, &free_kb), 3);
    EQ(strcmp(label, "MemTotal:"), 0);
    EQ(free_kb < total, 1);
    text = read_text("/sys/devices/system/node/node0/cpulist");
    EQ(text != NULL && text[0] == '0', 1);
    text = read_text("/sys/devices/system/node/online");
    EQ(text != NULL && text[0] == '0', 1);
    text = read_text("/sys/devices/system/node/node0/numastat");
    EQ(text != NULL && strncmp(text, "numa_hit ", 9) == 0, 1);
    text = read_text("/sys/devices/system/node/node0/distance");
    EQ(text != NULL && strncmp(text, "10", 2) == 0, 1);
}

static void huge_pages_say_what_was_chosen(void)
{
    expect_choice("/sys/kernel/mm/transparent_hugepage/enabled", "never");
    expect_choice("/sys/kernel/mm/transparent_hugepage/defrag", "madvise");
}

static void tree_has_its_folders(void)
{
    static const char *const names[] = {"block",    "bus",     "class",     "dev/block",
                                        "dev/char", "devices", "firmware",  "fs",
                                        "kernel",   "module",  "class/net", "class/tty"};
    char path[64];
    struct stat info;
    const size_t count = sizeof(names) / sizeof(names[0]);
    for (size_t i = 0; i < 2 * count; i++) { /* looked up, then cached */
        snprintf(path, sizeof(path), "/sys/%s", names[i % count]);
        OK(stat(path, &info));
        EQ(S_ISDIR(info.st_mode), 1);
    }
    FAILS(mkdir("/sys/new", 0755), EPERM);
    FAILS(open("/sys/kernel/none", O_RDONLY), ENOENT);
}

GUEST_MAIN(CASE(cpus_are_counted), CASE(node_has_cpus_and_memory),
           CASE(huge_pages_say_what_was_chosen), CASE(tree_has_its_folders))
