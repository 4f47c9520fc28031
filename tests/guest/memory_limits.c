/* SPDX-License-Identifier: MIT */
/* How many mappings and how much memory a program may ask for: setrlimit(2), proc_sys_vm(5). */
#include "guest.h"
#include "memory_probe.h"

#include <sys/utsname.h>

static long meminfo_kib(const char *label)
{
    char line[256];
    long value = -1;
    FILE *info = fopen("/proc/meminfo", "r");
    TRUE(info != NULL);
    while (fgets(line, sizeof(line), info))
        if (strncmp(line, label, strlen(label)) == 0 && line[strlen(label)] == ':')
            value = atol(line + strlen(label) + 1);
    fclose(info);
    return value;
}

static void set_limit(int resource, rlim_t bytes)
{
    struct rlimit limit;
    OK(getrlimit(resource, &limit));
    limit.rlim_cur = bytes;
    OK(setrlimit(resource, &limit));
}

static void data_limit_counts_private_writable_memory(void)
{
    set_limit(RLIMIT_DATA, (rlim_t)status_kib("VmData") * 1024 + 8 * PAGE);
    map_at(NULL, 2, RW, ANON);
    FAILS(mmap(NULL, 100 * PAGE, RW, ANON, -1, 0), ENOMEM);
    char *readable = map_at(NULL, 100, PROT_READ, ANON);
    FAILS(mprotect(readable, 100 * PAGE, RW), ENOMEM);
    map_at(NULL, 100, RW, MAP_SHARED | MAP_ANONYMOUS);
    map_at(NULL, 100, RW, ANON | MAP_GROWSDOWN);
    char *end = sbrk(0);
    TRUE((char *)syscall(SYS_brk, end + 1000 * PAGE) == end);
}

static void size_limit_counts_everything(void)
{
    char *area = map_at(NULL, 4, RW, ANON);
    set_limit(RLIMIT_AS, (rlim_t)status_kib("VmSize") * 1024 + 8 * PAGE);
    map_at(NULL, 4, RW, ANON);
    FAILS(mmap(NULL, 100 * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1, 0), ENOMEM);
    FAILS(mremap(area, PAGE, 100 * PAGE, MREMAP_MAYMOVE), ENOMEM);
    char *end = sbrk(0);
    TRUE((char *)syscall(SYS_brk, end + 1000 * PAGE) == end);
    /* What replaces as much is no growth. */
    map_at(area, 4, PROT_READ, ANON | MAP_FIXED);
}

static void locked_memory_is_limited_without_privilege(void)
{
    if (geteuid() != 0)
        skip("needs root");
    set_limit(RLIMIT_MEMLOCK, 8 * PAGE);
    OK(setresuid(1000, 1000, 1000));
    char *area = map_at(NULL, 32, RW, ANON);
    OK(mlock(area, 8 * PAGE));
    OK(mlock(area, 8 * PAGE)); /* the same again */
    FAILS(mlock(area + 8 * PAGE, PAGE), ENOMEM);
    FAILS(syscall(SYS_mlock2, area + 8 * PAGE, PAGE, MLOCK_ONFAULT), ENOMEM);
    FAILS(mremap(area, 4 * PAGE, 12 * PAGE, MREMAP_MAYMOVE), EAGAIN);
    FAILS(mmap(NULL, PAGE, RW, ANON | MAP_LOCKED, -1, 0), EAGAIN);
    FAILS(mlockall(MCL_CURRENT), ENOMEM);
    EQ((uintptr_t)OK(mremap(area, 8 * PAGE, 2 * PAGE, MREMAP_MAYMOVE)), (uintptr_t)area);
    OK(mlock(area + 10 * PAGE, 6 * PAGE));
    FAILS(mlock(area + 20 * PAGE, PAGE), ENOMEM);
    OK(munlockall());
    OK(mlockall(MCL_FUTURE));
    FAILS(mmap(NULL, 9 * PAGE, PROT_NONE, ANON, -1, 0), EAGAIN);
}

static void mappings_are_limited(void)
{
    enum { PAGES = 200000 };
    char *area = map_at(NULL, PAGES, PROT_NONE, ANON | MAP_NORESERVE);
    unsigned long made = 0;
    while (made < 70000 && mprotect(area + 2 * made * PAGE, PAGE, PROT_READ) == 0)
        made++;
    EQ(errno, ENOMEM);
    TRUE(made > 30000 && made < 33000);
    FAILS(munmap(area + 150000 * PAGE, PAGE), ENOMEM); /* would leave two for one */
    OK(munmap(area + (PAGES - 1) * PAGE, PAGE));
    FAILS(madvise(area + 170000 * PAGE, PAGE, MADV_DONTFORK), EAGAIN);
    FAILS(mlock(area + 170000 * PAGE, PAGE), ENOMEM);
    OK(munmap(area, PAGES * PAGE));
    map_at(NULL, 1, RW, ANON);
}

static void obvious_overcommit_is_refused(void)
{
    size_t much = (size_t)meminfo_kib("MemTotal") * 1024 * 16;
    if (meminfo_kib("SwapTotal") > 0)
        skip("there is swap");
    FAILS(mmap(NULL, much, RW, ANON, -1, 0), ENOMEM);
    FAILS(mmap(NULL, much, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), ENOMEM);
    char *none = mmap(NULL, much, PROT_NONE, ANON, -1, 0);
    TRUE(none != MAP_FAILED);
    FAILS(mprotect(none, much, RW), ENOMEM);
    OK(munmap(none, much));
    char *area = mmap(NULL, much, RW, ANON | MAP_NORESERVE, -1, 0);
    TRUE(area != MAP_FAILED);
    area[much - PAGE] = 1;
    OK(munmap(area, much));
}

static void committed_memory_is_counted(void)
{
    enum { BYTES = 48 << 20 };
    long before = meminfo_kib("Committed_AS");
    char *area = map_at(NULL, BYTES / PAGE, RW, ANON);
    TRUE(meminfo_kib("Committed_AS") - before > BYTES / 1024 / 2);
    OK(munmap(area, BYTES));
    before = meminfo_kib("Committed_AS");
    map_at(NULL, BYTES / PAGE, PROT_NONE, ANON);
    map_at(NULL, BYTES / PAGE, RW, ANON | MAP_NORESERVE);
    TRUE(meminfo_kib("Committed_AS") - before < BYTES / 1024 / 2);
    TRUE(meminfo_kib("CommitLimit") > 0);
}

/* ---- changing the machine, where it is a machine of our own ---- */

static void needs_own_machine(void)
{
    struct utsname name;
    OK(uname(&name));
    if (geteuid() != 0 || !strstr(name.version, "Assay"))
        skip("changes the whole machine");
}

static void set_parameter(const char *name, const char *value)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/sys/vm/%s", name);
    int fd = (int)OK(open(path, O_WRONLY));
    EQ(OK(write(fd, value, strlen(value))), strlen(value));
    OK(close(fd));
}

static void strict_accounting_refuses_what_is_promised_already(void)
{
    needs_own_machine();
    set_parameter("overcommit_memory", "2");
    set_parameter("overcommit_ratio", "200");
    long limit = meminfo_kib("CommitLimit"), used = meminfo_kib("Committed_AS");
    TRUE(limit > meminfo_kib("MemTotal"));
    size_t half = (size_t)(limit - used) * 1024 / 2 & ~(PAGE - 1);
    char *first = mmap(NULL, half, RW, ANON | MAP_NORESERVE, -1, 0); /* is not honoured */
    TRUE(first != MAP_FAILED);
    FAILS(mmap(NULL, half, RW, ANON, -1, 0), ENOMEM);
    FAILS(mmap(NULL, half, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), ENOMEM);
    FAILS(fork(), ENOMEM);
    OK(munmap(first, half));
    first = mmap(NULL, half, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    TRUE(first != MAP_FAILED);
    FAILS(mmap(NULL, half, RW, ANON, -1, 0), ENOMEM);
    OK(munmap(first, half));
    set_parameter("overcommit_memory", "1");
    first = mmap(NULL, (size_t)limit * 4096, RW, ANON, -1, 0);
    TRUE(first != MAP_FAILED);
    OK(munmap(first, (size_t)limit * 4096));
    set_parameter("overcommit_memory", "0");
    set_parameter("overcommit_ratio", "50");
}

static void number_of_mappings_can_be_set(void)
{
    needs_own_machine();
    set_parameter("max_map_count", "1000");
    unsigned made = 0;
    while (made < 2000 && mmap(NULL, PAGE, made % 2 ? PROT_READ : RW, ANON, -1, 0) != MAP_FAILED)
        made++;
    EQ(errno, ENOMEM);
    set_parameter("max_map_count", "65530");
    TRUE(made > 900 && made < 1000);
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[256];
    unsigned lines = 0;
    while (fgets(line, sizeof(line), maps))
        lines += !strstr(line, "[vsyscall]");
    TRUE(lines >= 1001 && lines <= 1004); /* with what the C library has got since */
    fclose(maps);
}

static void parameters_have_limits(void)
{
    needs_own_machine();
    int fd = (int)OK(open("/proc/sys/vm/overcommit_memory", O_RDWR));
    FAILS(write(fd, "3", 1), EINVAL);
    FAILS(write(fd, "x", 1), EINVAL);
    FAILS(write(fd, "-1", 2), EINVAL);
    OK(close(fd));
    set_parameter("drop_caches", "3");
    set_parameter("swappiness", "10");
    char text[8] = "";
    fd = (int)OK(open("/proc/sys/vm/swappiness", O_RDONLY));
    EQ(OK(read(fd, text, sizeof(text) - 1)), 3);
    STR_EQ(text, "10\n");
    OK(close(fd));
    set_parameter("swappiness", "60");
}

GUEST_MAIN(CASE(data_limit_counts_private_writable_memory), CASE(size_limit_counts_everything),
           CASE(locked_memory_is_limited_without_privilege), CASE(mappings_are_limited),
           CASE(obvious_overcommit_is_refused), CASE(committed_memory_is_counted),
           CASE(strict_accounting_refuses_what_is_promised_already),
           CASE(number_of_mappings_can_be_set), CASE(parameters_have_limits))
