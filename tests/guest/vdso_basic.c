/* SPDX-License-Identifier: MIT
 *
 * vdso(7): the image that the kernel maps, its symbols, and clocks that agree with the system
 * calls.
 */
#include "guest.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>

#define NS_PER_SECOND 1000000000ll

struct vdso {
    const char *base, *strings;
    const ElfW(Sym) * symbols;
    const ElfW(Half) * versions;
    const ElfW(Verdef) * definitions;
    const uint32_t *hash;
};

static const char *image_base(void)
{
    unsigned long base = getauxval(AT_SYSINFO_EHDR);
    if (!base)
        skip("no vDSO here");
    return (const char *)base;
}

static struct vdso parse_image(void)
{
    struct vdso vdso = {.base = image_base()};
    const ElfW(Ehdr) *header = (const void *)vdso.base;
    const ElfW(Dyn) *dynamic = NULL;

    TRUE(memcmp(header->e_ident, ELFMAG, SELFMAG) == 0);
    EQ(header->e_type, ET_DYN);
    const ElfW(Phdr) *segments = (const void *)(vdso.base + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_DYNAMIC)
            dynamic = (const void *)(vdso.base + segments[i].p_vaddr);
    }
    TRUE(dynamic != NULL);
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        const void *address = vdso.base + dynamic->d_un.d_ptr;
        switch (dynamic->d_tag) {
        case DT_STRTAB:
            vdso.strings = address;
            break;
        case DT_SYMTAB:
            vdso.symbols = address;
            break;
        case DT_HASH:
            vdso.hash = address;
            break;
        case DT_VERSYM:
            vdso.versions = address;
            break;
        case DT_VERDEF:
            vdso.definitions = address;
            break;
        default:
            break;
        }
    }
    TRUE(vdso.strings && vdso.symbols && vdso.hash && vdso.versions && vdso.definitions);
    return vdso;
}

static const char *version_name(const struct vdso *vdso, unsigned index)
{
    const ElfW(Verdef) *definition = vdso->definitions;
    while ((definition->vd_ndx & 0x7fff) != index) {
        TRUE(definition->vd_next != 0);
        definition = (const void *)((const char *)definition + definition->vd_next);
    }
    const ElfW(Verdaux) *aux = (const void *)((const char *)definition + definition->vd_aux);
    return vdso->strings + aux->vda_name;
}

/* By walking the whole table: its size is in the hash section. */
static void *find(const char *name)
{
    struct vdso vdso = parse_image();
    for (uint32_t i = 0; i < vdso.hash[1]; i++) {
        const ElfW(Sym) *symbol = &vdso.symbols[i];
        if (symbol->st_shndx == SHN_UNDEF || strcmp(vdso.strings + symbol->st_name, name) != 0)
            continue;
        STR_EQ(version_name(&vdso, vdso.versions[i] & 0x7fff), "LINUX_2.6");
        return (void *)(uintptr_t)(vdso.base + symbol->st_value);
    }
    fail_at(__LINE__, "no symbol %s", name);
}

static void image_has_versioned_symbols(void)
{
    static const char *const names[] = {
        "__vdso_clock_gettime", "__vdso_gettimeofday",
        "__vdso_time",          "__vdso_clock_getres",
        "__vdso_getcpu",        "clock_gettime",
        "gettimeofday",         "time",
        "clock_getres",         "getcpu",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        TRUE(find(names[i]) != NULL);
}

/* ---- clocks ---- */

typedef int (*clock_function)(clockid_t clock, struct timespec *time);

static int64_t ns_of(const struct timespec *time)
{
    TRUE(time->tv_nsec >= 0 && time->tv_nsec < NS_PER_SECOND);
    return time->tv_sec * NS_PER_SECOND + time->tv_nsec;
}

static int64_t ns_by_vdso(clockid_t clock)
{
    struct timespec time = {0};
    clock_function function = (clock_function)(uintptr_t)find("__vdso_clock_gettime");
    EQ(function(clock, &time), 0);
    return ns_of(&time);
}

static int64_t ns_by_call(clockid_t clock)
{
    struct timespec time = {0};
    OK(syscall(SYS_clock_gettime, clock, &time));
    return ns_of(&time);
}

static void clocks_agree_with_system_calls(void)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
                                       CLOCK_BOOTTIME, CLOCK_TAI};
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        for (unsigned round = 0; round < 1000; round++) {
            int64_t first = ns_by_call(clocks[i]), second = ns_by_vdso(clocks[i]),
                    third = ns_by_call(clocks[i]), fourth = ns_by_vdso(clocks[i]);
            TRUE(first <= second && second <= third && third <= fourth);
        }
    }
}

static void coarse_clocks_follow(void)
{
    static const clockid_t pairs[][2] = {{CLOCK_REALTIME_COARSE, CLOCK_REALTIME},
                                         {CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC}};
    for (size_t i = 0; i < 2; i++) {
        int64_t coarse = ns_by_vdso(pairs[i][0]), fine = ns_by_vdso(pairs[i][1]);
        TRUE(coarse <= fine && fine - coarse < NS_PER_SECOND);
    }
}

static void other_clocks_are_system_calls(void)
{
    clock_function function = (clock_function)(uintptr_t)find("__vdso_clock_gettime");
    struct timespec time;
    EQ(function(CLOCK_THREAD_CPUTIME_ID, &time), 0);
    EQ(function(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
    EQ(function(77, &time), -EINVAL);
    EQ(function(-1, &time), -EINVAL);
    EQ(function(31, &time), -EINVAL);
    EQ(function(32, &time), -EINVAL);
}

static void resolutions_agree(void)
{
    clock_function function = (clock_function)(uintptr_t)find("__vdso_clock_getres");
    for (clockid_t clock = CLOCK_REALTIME; clock <= CLOCK_TAI; clock++) {
        struct timespec a = {-1, -1}, b = {-1, -1};
        long result = syscall(SYS_clock_getres, clock, &a);
        EQ(function(clock, &b), result == 0 ? 0 : -errno);
        EQ(a.tv_sec, b.tv_sec);
        EQ(a.tv_nsec, b.tv_nsec);
        EQ(function(clock, NULL), result == 0 ? 0 : -errno);
    }
    EQ(function(77, NULL), -EINVAL);
}

static void wall_clock_functions_agree(void)
{
    int (*day)(struct timeval *, struct timezone *) =
        (int (*)(struct timeval *, struct timezone *))(uintptr_t)find("__vdso_gettimeofday");
    time_t (*seconds)(time_t *) = (time_t(*)(time_t *))(uintptr_t)find("__vdso_time");
    struct timezone zone = {.tz_minuteswest = 77, .tz_dsttime = 77}, by_call;
    struct timeval now;
    time_t stored = 0;

    int64_t before = ns_by_call(CLOCK_REALTIME);
    EQ(day(&now, NULL), 0);
    int64_t middle = now.tv_sec * NS_PER_SECOND + now.tv_usec * 1000ll;
    int64_t after = ns_by_call(CLOCK_REALTIME);
    TRUE(before - 1000 < middle && middle <= after);
    EQ(day(NULL, &zone), 0);
    OK(syscall(SYS_gettimeofday, NULL, &by_call));
    EQ(zone.tz_minuteswest, by_call.tz_minuteswest);
    EQ(zone.tz_dsttime, by_call.tz_dsttime);

    time_t now_seconds = seconds(&stored);
    EQ(now_seconds, stored);
    TRUE(now_seconds >= before / NS_PER_SECOND - 1);
    TRUE(seconds(NULL) >= now_seconds);
    TRUE(now_seconds <= ns_by_call(CLOCK_REALTIME) / NS_PER_SECOND);
}

static void sleeps_are_never_short(void)
{
    for (unsigned i = 0; i < 50; i++) {
        int64_t until = ns_by_vdso(CLOCK_MONOTONIC) + 500000;
        struct timespec time = {.tv_sec = until / NS_PER_SECOND, .tv_nsec = until % NS_PER_SECOND};
        OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL));
        TRUE(ns_by_vdso(CLOCK_MONOTONIC) >= until);
    }
}

static void time_follows_between_cpus(void)
{
    cpu_set_t allowed, one;
    int64_t last = 0;
    OK(sched_getaffinity(0, sizeof(allowed), &allowed));
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (!CPU_ISSET(cpu, &allowed))
                continue;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            OK(sched_setaffinity(0, sizeof(one), &one));
            int64_t now = ns_by_vdso(CLOCK_MONOTONIC);
            TRUE(now >= last);
            last = now;
        }
    }
}

static void clock_settime_is_seen(void)
{
    struct timespec old, changed;
    image_base();
    OK(clock_gettime(CLOCK_REALTIME, &old));
    if (access("/sys/devices/system/clocksource", F_OK) == 0)
        return; /* somebody's computer: leave its clock alone */
    changed = old;
    changed.tv_sec += 1000000;
    OK(clock_settime(CLOCK_REALTIME, &changed));
    TRUE(ns_by_vdso(CLOCK_REALTIME) >= ns_of(&changed));
    TRUE(ns_by_vdso(CLOCK_REALTIME) - ns_of(&changed) < 100 * NS_PER_SECOND);
    old.tv_sec += 1;
    OK(clock_settime(CLOCK_REALTIME, &old));
    TRUE(ns_by_vdso(CLOCK_REALTIME) < ns_of(&changed));
}

static void getcpu_agrees(void)
{
    long (*function)(unsigned *, unsigned *, void *) =
        (long (*)(unsigned *, unsigned *, void *))(uintptr_t)find("__vdso_getcpu");
    cpu_set_t allowed, one;
    OK(sched_getaffinity(0, sizeof(allowed), &allowed));
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        unsigned number = 12345, node = 12345;
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        OK(sched_setaffinity(0, sizeof(one), &one));
        EQ(function(&number, &node, NULL), 0);
        EQ(number, cpu);
        EQ(node, 0);
        EQ(function(NULL, NULL, NULL), 0);
    }
}

/* ---- mappings ---- */

struct mapping {
    uintptr_t start, end;
    char flags[8];
};

static struct mapping find_mapping(const char *name)
{
    char line[512];
    struct mapping mapping;
    FILE *maps = fopen("/proc/self/maps", "re");
    TRUE(maps != NULL);
    while (fgets(line, sizeof(line), maps)) {
        if (strstr(line, name)) {
            EQ(sscanf(line, "%lx-%lx %7s", &mapping.start, &mapping.end, mapping.flags), 3);
            fclose(maps);
            return mapping;
        }
    }
    fail_at(__LINE__, "no %s in maps", name);
}

static void maps_show_image_and_data(void)
{
    uintptr_t base = (uintptr_t)image_base();
    struct mapping image = find_mapping("[vdso]"), data = find_mapping("[vvar]");
    EQ(image.start, base);
    STR_EQ(image.flags, "r-xp");
    STR_EQ(data.flags, "r--p");
}

static void data_cannot_be_made_writable(void)
{
    image_base();
    struct mapping data = find_mapping("[vvar]");
    FAILS(mprotect((void *)data.start, 4096, PROT_READ | PROT_WRITE), EACCES);
}

static void read_clock_again(void *unused)
{
    (void)unused;
    TRUE(ns_by_vdso(CLOCK_MONOTONIC) > 0);
}

static void image_survives_fork_and_private_write(void)
{
    char *base = (char *)(uintptr_t)image_base();
    CHILD_OK(spawn(read_clock_again, NULL));
    int fd = (int)OK(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
    EQ(OK(pwrite(fd, "\1", 1, (off_t)(uintptr_t)(base + 4095))), 1); /* now a copy of our own */
    EQ(base[4095], 1);
    OK(close(fd));
    read_clock_again(NULL);
    struct mapping image = find_mapping("[vdso]");
    OK(munmap((void *)image.start, image.end - image.start));
}

GUEST_MAIN(CASE(image_has_versioned_symbols), CASE(clocks_agree_with_system_calls),
           CASE(coarse_clocks_follow), CASE(other_clocks_are_system_calls), CASE(resolutions_agree),
           CASE(wall_clock_functions_agree), CASE(sleeps_are_never_short),
           CASE(time_follows_between_cpus), CASE(clock_settime_is_seen), CASE(getcpu_agrees),
           CASE(maps_show_image_and_data), CASE(data_cannot_be_made_writable),
           CASE(image_survives_fork_and_private_write))
