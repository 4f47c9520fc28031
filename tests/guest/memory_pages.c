/* SPDX-License-Identifier: MIT */
/* What /proc tells about mappings and pages: pagemap, clear_refs, numa_maps, map_files, smaps. */
#include "guest.h"
#include "memory_probe.h"

#include <dirent.h>

enum { PRESENT = 1, SHARED = 2 };

static unsigned page_state(const void *address)
{
    uint64_t entry = 0;
    int fd = (int)OK(open("/proc/self/pagemap", O_RDONLY));
    EQ(OK(pread(fd, &entry, 8, (off_t)((uintptr_t)address / PAGE * 8))), 8);
    OK(close(fd));
    return (unsigned)((entry >> 63) * PRESENT | (entry >> 61 & 1) * SHARED);
}

static void pagemap_shows_what_is_resident(void)
{
    char *area = map_at(NULL, 4, RW, ANON);
    EQ(page_state(area), 0);
    area[0] = 1;
    EQ(page_state(area), PRESENT);
    OK(madvise(area, PAGE, MADV_DONTNEED));
    EQ(page_state(area), 0);
    char *shared = map_at(NULL, 1, RW, MAP_SHARED | MAP_ANONYMOUS);
    shared[0] = 1;
    EQ(page_state(shared), PRESENT | SHARED);
    int fd = (int)OK(open("m", O_RDWR | O_CREAT | O_TRUNC, 0600));
    OK(ftruncate(fd, PAGE));
    char *file = (char *)OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    EQ(*(volatile char *)file, 0);
    EQ(page_state(file), PRESENT | SHARED);
    file[0] = 1;
    EQ(page_state(file), PRESENT); /* a copy of our own */
    OK(close(fd));
}

static void pagemap_is_read_in_entries(void)
{
    char buffer[16];
    int fd = (int)OK(open("/proc/self/pagemap", O_RDONLY));
    FAILS(pread(fd, buffer, 8, 3), EINVAL);
    FAILS(pread(fd, buffer, 7, 0), EINVAL);
    EQ(OK(pread(fd, buffer, 0, 0)), 0);
    EQ(OK(pread(fd, buffer, 16, 0)), 16);
    EQ(OK(pread(fd, buffer, 8, (off_t)(0x7fffffffe000 / PAGE * 8))), 8);
    EQ(OK(pread(fd, buffer, 8, (off_t)1 << 50)), 0);
    FAILS(lseek(fd, 0, SEEK_END), EINVAL);
    EQ(OK(lseek(fd, 16, SEEK_SET)), 16);
    OK(close(fd));
}

static void frame_numbers_need_privilege(void)
{
    if (geteuid() != 0)
        skip("needs root");
    char *area = map_at(NULL, 1, RW, ANON);
    area[0] = 1;
    OK(setresuid(1000, 1000, 1000));
    int fd = open("/proc/self/pagemap", O_RDONLY); /* root's, as the ids have changed */
    if (fd >= 0) {
        uint64_t entry;
        EQ(OK(pread(fd, &entry, 8, (off_t)((uintptr_t)area / PAGE * 8))), 8);
        EQ(entry & ((1ull << 55) - 1), 0);
    }
}

static void clear_refs_takes_numbers(void)
{
    int fd = (int)OK(open("/proc/self/clear_refs", O_WRONLY));
    for (char digit = '1'; digit <= '5'; digit++)
        EQ(OK(write(fd, &digit, 1)), 1);
    EQ(OK(write(fd, " 1\n", 3)), 3);
    FAILS(write(fd, "0", 1), EINVAL);
    FAILS(write(fd, "6", 1), EINVAL);
    FAILS(write(fd, "x", 1), EINVAL);
    OK(close(fd));
}

static void clear_refs_forgets_the_peak(void)
{
    enum { PAGES = 4096 };
    char *area = map_at(NULL, PAGES, RW, ANON);
    memset(area, 1, PAGES * PAGE);
    OK(munmap(area, PAGES * PAGE));
    long peak = status_kib("VmHWM");
    int fd = (int)OK(open("/proc/self/clear_refs", O_WRONLY));
    EQ(OK(write(fd, "5", 1)), 1);
    OK(close(fd));
    TRUE(status_kib("VmHWM") < peak - (long)(PAGES * PAGE / 1024 / 2));
}

/* The rest of the line about the mapping that starts at the address. */
static bool numa_line(const void *address, char *line, size_t bytes)
{
    bool found = false;
    FILE *maps = fopen("/proc/self/numa_maps", "r");
    if (!maps)
        skip("no NUMA");
    while (!found && fgets(line, (int)bytes, maps))
        found = strtoul(line, NULL, 16) == (uintptr_t)address;
    fclose(maps);
    return found;
}

static void numa_maps_counts_pages(void)
{
    char line[512];
    char *area = free_area(16);
    map_at(area, 4, RW, ANON | MAP_FIXED);
    TRUE(numa_line(area, line, sizeof(line)));
    TRUE(strstr(line, " default\n") != NULL);
    area[0] = area[PAGE] = 1;
    TRUE(numa_line(area, line, sizeof(line)));
    TRUE(strstr(line, " default anon=2 dirty=2 ") != NULL);
    TRUE(strstr(line, " N0=2 kernelpagesize_kB=4\n") != NULL);
    int fd = (int)OK(open("n", O_RDWR | O_CREAT | O_TRUNC, 0600));
    OK(ftruncate(fd, PAGE));
    char *file = (char *)OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    TRUE(numa_line(file, line, sizeof(line)));
    TRUE(strstr(line, " default file=/") != NULL);
    OK(close(fd));
}

static void map_files_lead_to_the_files(void)
{
    char path[128], target[PATH_MAX] = "";
    if (geteuid() != 0)
        skip("needs root");
    int fd = (int)OK(open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600));
    OK(ftruncate(fd, 4 * PAGE));
    char *file = (char *)OK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0));
    char *anonymous = map_at(NULL, 4, RW, ANON);
    uintptr_t at = (uintptr_t)file, bare = (uintptr_t)anonymous;
    snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", at, at + 4 * PAGE);
    OK(readlink(path, target, sizeof(target) - 1));
    STR_EQ(strrchr(target, '/'), "/mapped");
    struct stat link, there, here;
    OK(lstat(path, &link));
    EQ(link.st_mode, S_IFLNK | 0600);
    OK(stat(path, &there));
    OK(fstat(fd, &here));
    EQ(there.st_ino, here.st_ino);
    OK(unlink("mapped"));
    OK(close((int)OK(open(path, O_RDWR)))); /* what no name leads to any more */
    snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", at, at + 3 * PAGE);
    FAILS(readlink(path, target, sizeof(target)), ENOENT);
    snprintf(path, sizeof(path), "/proc/self/map_files/0%lx-%lx", at, at + 4 * PAGE);
    FAILS(readlink(path, target, sizeof(target)), ENOENT);
    snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", bare, bare + 4 * PAGE);
    FAILS(readlink(path, target, sizeof(target)), ENOENT);
    FAILS(readlink("/proc/self/map_files/x", target, sizeof(target)), ENOENT);

    unsigned found = 0;
    DIR *dir = opendir("/proc/self/map_files");
    TRUE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));)
        found += strtoul(entry->d_name, NULL, 16) == at;
    EQ(found, 1);
    closedir(dir);
}

/* The flags of the mapping at the address in /proc/self/smaps. */
static const char *vm_flags(const void *address)
{
    static char line[512];
    bool here = false;
    FILE *smaps = fopen("/proc/self/smaps", "r");
    TRUE(smaps != NULL);
    while (fgets(line, sizeof(line), smaps)) {
        unsigned long start, end;
        char after;
        if (sscanf(line, "%lx-%lx%c", &start, &end, &after) == 3)
            here = start <= (uintptr_t)address && (uintptr_t)address < end;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            break;
    }
    fclose(smaps);
    strcat(strchr(line, '\n') ? strtok(line, "\n") : line, " ");
    return line;
}

#define HAS(address, flag) TRUE(strstr(vm_flags(address), " " flag " ") != NULL)
#define LACKS(address, flag) TRUE(strstr(vm_flags(address), " " flag " ") == NULL)

static void smaps_tells_flags(void)
{
    char *area = map_at(NULL, 4, RW, ANON);
    HAS(area, "ac");
    LACKS(area, "nr");
    LACKS(area, "ex");
    OK(madvise(area, PAGE, MADV_RANDOM));
    HAS(area, "rr");
    LACKS(area + PAGE, "rr");
    OK(madvise(area, PAGE, MADV_SEQUENTIAL));
    HAS(area, "sr");
    LACKS(area, "rr");
    OK(madvise(area, PAGE, MADV_NORMAL));
    LACKS(area, "sr");
    OK(madvise(area, PAGE, MADV_DONTFORK));
    HAS(area, "dc");
    OK(madvise(area, PAGE, MADV_DONTDUMP));
    HAS(area, "dd");
    OK(madvise(area, PAGE, MADV_WIPEONFORK));
    HAS(area, "wf");
    OK(syscall(SYS_mlock2, area, PAGE, MLOCK_ONFAULT));
    HAS(area, "lo");
    HAS(area, "lf");
    EQ(page_state(area), 0);
    OK(mlock(area, PAGE));
    LACKS(area, "lf");
    EQ(page_state(area), PRESENT);
    OK(munlock(area, PAGE));
    LACKS(area, "lo");
    char *spare = map_at(NULL, 1, RW, ANON | MAP_NORESERVE);
    HAS(spare, "nr");
    LACKS(spare, "ac");
    char *shared = map_at(NULL, 1, RW, MAP_SHARED | MAP_ANONYMOUS);
    HAS(shared, "sh");
    HAS(shared, "ms");
    LACKS(shared, "ac");
    char *none = map_at(NULL, 1, PROT_NONE, ANON);
    LACKS(none, "ac");
    OK(mprotect(none, PAGE, RW));
    HAS(none, "ac");
    write_text("r", "x", 0600);
    int fd = (int)OK(open("r", O_RDONLY));
    char *file = (char *)OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    HAS(file, "ms");
    LACKS(file, "sh");
    LACKS(file, "mw");
    OK(close(fd));
}

static void later_mappings_are_locked_on_fault(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(mlockall(MCL_FUTURE | MCL_ONFAULT));
    char *area = map_at(NULL, 4, RW, ANON);
    HAS(area, "lo");
    HAS(area, "lf");
    EQ(page_state(area), 0);
    OK(munlockall());
    LACKS(area, "lo");
}

GUEST_MAIN(CASE(pagemap_shows_what_is_resident), CASE(pagemap_is_read_in_entries),
           CASE(frame_numbers_need_privilege), CASE(clear_refs_takes_numbers),
           CASE(clear_refs_forgets_the_peak), CASE(numa_maps_counts_pages),
           CASE(map_files_lead_to_the_files), CASE(smaps_tells_flags),
           CASE(later_mappings_are_locked_on_fault))
