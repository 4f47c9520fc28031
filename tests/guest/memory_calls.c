/* SPDX-License-Identifier: MIT */
/* Corners of the memory calls: mmap(2), mremap(2), madvise(2), mincore(2), membarrier(2), vdso(7).
 */
#include "guest.h"
#include "memory_probe.h"

#include <linux/membarrier.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#ifndef MADV_POPULATE_READ /* an older C library */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

static int sized_file(const char *name, size_t bytes)
{
    int fd = (int)OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0600));
    OK(ftruncate(fd, (off_t)bytes));
    return fd;
}

/* ---- mmap ---- */

static void validated_flags_are_the_old_ones(void)
{
    char *area = free_area(1);
    int fd = sized_file("v", PAGE);
    FAILS(mmap(area, PAGE, RW, MAP_SHARED_VALIDATE | MAP_FIXED_NOREPLACE, fd, 0), EOPNOTSUPP);
    FAILS(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | 0x200000, fd, 0), EOPNOTSUPP);
    OK(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_STACK | MAP_NORESERVE, fd, 0));
    FAILS(mmap(NULL, PAGE, RW, MAP_ANONYMOUS | 4, -1, 0), EINVAL);
}

static void offsets_end_with_what_a_file_may_have(void)
{
    int fd = sized_file("o", PAGE);
    FAILS(syscall(SYS_mmap, NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, -4096l), EOVERFLOW);
    FAILS(syscall(SYS_mmap, NULL, PAGE, RW, MAP_PRIVATE, fd, 1ul << 63), EOVERFLOW);
    FAILS(syscall(SYS_mmap, NULL, PAGE, RW, MAP_PRIVATE, fd, 100), EINVAL);
    OK(syscall(SYS_mmap, NULL, 2 * PAGE, RW, ANON, -1, -8192l)); /* means nothing there */
}

static void huge_pages_are_refused(void)
{
    FAILS(mmap(NULL, 2 << 20, RW, ANON | MAP_HUGETLB | 5u << MAP_HUGE_SHIFT, -1, 0), EINVAL);
    FAILS(mmap(NULL, 2 << 20, RW, ANON | MAP_HUGETLB | MAP_GROWSDOWN, -1, 0), EINVAL);
    FAILS(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_HUGETLB, sized_file("h", PAGE), 0), EINVAL);
}

static void low_addresses_take_hints(void)
{
    char *low = map_at(NULL, 1, RW, ANON | MAP_32BIT);
    TRUE((uintptr_t)low < 1ul << 31);
    char *hint = (char *)(uintptr_t)0x21230000;
    TRUE(map_at(hint, 1, RW, ANON | MAP_32BIT) == hint);
    TRUE(map_at(hint, 1, RW, ANON | MAP_32BIT) != hint);
    char *high = map_at((char *)(1ul << 45), 1, RW, ANON | MAP_32BIT);
    TRUE((uintptr_t)high < 1ul << 31);
}

static void reading_need_not_imply_executing(void)
{
    if (geteuid() != 0)
        skip("needs root");
    int fd = sized_file("p", PAGE);
    OK(syscall(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */));
    static const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    EQ(OK(pwrite(fd, code, sizeof(code), 0)), sizeof(code));
    int (*function)(void);
    *(void **)&function = (void *)OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
    EQ(function(), 42);
}

/* ---- mremap, mincore, madvise ---- */

static void a_size_that_stays_needs_no_single_mapping(void)
{
    char *area = free_area(16);
    map_at(area, 4, RW, ANON | MAP_FIXED);
    map_at(area + 4 * PAGE, 4, PROT_READ, ANON | MAP_FIXED);
    EQ((uintptr_t)OK(mremap(area, 8 * PAGE, 8 * PAGE, 0)), (uintptr_t)area);
    EQ((uintptr_t)OK(mremap(area, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE)), (uintptr_t)area);
    FAILS(mremap(area, 8 * PAGE, 9 * PAGE, MREMAP_MAYMOVE), EFAULT);
    EQ((uintptr_t)OK(mremap(area, 8 * PAGE, 2 * PAGE, 0)), (uintptr_t)area);
    EQ(read_signal(area + 5 * PAGE), SIGSEGV);
}

static void residency_is_told_up_to_a_hole(void)
{
    unsigned char vec[8];
    char *area = map_at(NULL, 8, RW, ANON);
    area[0] = area[2 * PAGE] = 1;
    OK(munmap(area + 4 * PAGE, PAGE));
    memset(vec, 9, sizeof(vec));
    FAILS(mincore(area, 8 * PAGE, vec), ENOMEM);
    EQ(vec[0], 1);
    EQ(vec[1], 0);
    EQ(vec[2], 1);
    EQ(vec[4], 9);
}

static void population_needs_the_right(void)
{
    unsigned char vec[4];
    FAILS(madvise(map_at(NULL, 4, PROT_WRITE, ANON), 4 * PAGE, MADV_POPULATE_READ), EINVAL);
    char *area = map_at(NULL, 4, PROT_READ, ANON);
    FAILS(madvise(area, 4 * PAGE, MADV_POPULATE_WRITE), EINVAL);
    OK(madvise(area, 4 * PAGE, MADV_POPULATE_READ));
    OK(mincore(area, 4 * PAGE, vec));
    EQ(vec[3] & 1, 1);
    OK(munmap(area + PAGE, PAGE));
    FAILS(madvise(area, 4 * PAGE, MADV_POPULATE_READ), ENOMEM);
    int fd = sized_file("q", PAGE);
    char *file = (char *)OK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0));
    FAILS(madvise(file, 4 * PAGE, MADV_POPULATE_READ), EFAULT); /* beyond the end */
}

static void advice_is_checked_for_each_kind_of_mapping(void)
{
    char *shared = map_at(NULL, 2, RW, MAP_SHARED | MAP_ANONYMOUS);
    char *private = map_at(NULL, 2, RW, ANON);
    FAILS(madvise(shared, PAGE, MADV_FREE), EINVAL);
    FAILS(madvise(shared, PAGE, MADV_WIPEONFORK), EINVAL);
    FAILS(madvise(private, PAGE, MADV_REMOVE), EINVAL);
    FAILS(madvise(private, PAGE, 26), EINVAL);
    OK(mlock(private, PAGE));
    FAILS(madvise(private, PAGE, MADV_DONTNEED), EINVAL);
    FAILS(madvise(private, PAGE, MADV_PAGEOUT), EINVAL);
    private[0] = 1;
    OK(madvise(private, PAGE, MADV_DONTNEED_LOCKED));
    EQ(private[0], 0);
}

static void holes_need_a_file_that_is_not_sealed(void)
{
    int fd = (int)OK(memfd_create("sealed", MFD_ALLOW_SEALING));
    OK(ftruncate(fd, 2 * PAGE));
    char *map = (char *)OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    map[0] = map[PAGE] = 1;
    OK(madvise(map, PAGE, MADV_REMOVE));
    EQ(map[0], 0);
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    FAILS(madvise(map + PAGE, PAGE, MADV_REMOVE), EPERM);
    EQ(map[PAGE], 1);
}

/* ---- accounting ---- */

static void status_tells_kinds_of_memory(void)
{
    enum { PAGES = 256, KIB = PAGES * 4 };
    long size = status_kib("VmSize"), data = status_kib("VmData"), stack = status_kib("VmStk");
    long shmem = status_kib("RssShmem"), anon = status_kib("RssAnon");
    char *area = map_at(NULL, PAGES, RW, ANON);
    EQ(status_kib("VmSize") - size, KIB);
    EQ(status_kib("VmData") - data, KIB);
    map_at(NULL, PAGES, PROT_READ, ANON);
    map_at(NULL, PAGES, RW, ANON | MAP_GROWSDOWN);
    char *shared = map_at(NULL, PAGES, RW, MAP_SHARED | MAP_ANONYMOUS);
    EQ(status_kib("VmData") - data, KIB);
    EQ(status_kib("VmStk") - stack, KIB);
    memset(area, 1, PAGES * PAGE);
    TRUE(status_kib("RssAnon") - anon >= KIB);
    memset(shared, 1, PAGES * PAGE);
    EQ(status_kib("RssShmem") - shmem, KIB);
    OK(munmap(shared, PAGES * PAGE));
    EQ(status_kib("RssShmem"), shmem);
    TRUE(status_kib("VmPeak") >= size + 4 * KIB);
    TRUE(status_kib("VmSize") < size + 4 * KIB);
}

static void killer_scores_are_numbers(void)
{
    int fd = (int)OK(open("/proc/self/oom_score_adj", O_RDWR));
    EQ(OK(write(fd, " 3 \n", 4)), 4);
    char text[8] = "";
    EQ(OK(pread(fd, text, 7, 0)), 2);
    STR_EQ(text, "3\n");
    FAILS(write(fd, "1001", 4), EINVAL);
    FAILS(write(fd, "-1001", 5), EINVAL);
    FAILS(write(fd, "3 4", 3), EINVAL);
    FAILS(write(fd, "x", 1), EINVAL);
    OK(close(fd));
}

/* ---- membarrier ---- */

static long membarrier(int command, unsigned flags, int cpu)
{
    return syscall(SYS_membarrier, command, flags, cpu);
}

static void barriers_for_restartable_sequences(void)
{
    enum { RSEQ = 1 << 7, REGISTER_RSEQ = 1 << 8, FLAG_CPU = 1 };
    if (!(OK(membarrier(MEMBARRIER_CMD_QUERY, 0, 0)) & RSEQ))
        skip("a kernel without");
    FAILS(membarrier(RSEQ, 0, 0), EPERM);
    FAILS(membarrier(RSEQ, 2, 0), EINVAL);
    FAILS(membarrier(REGISTER_RSEQ, FLAG_CPU, 0), EINVAL);
    OK(membarrier(REGISTER_RSEQ, 0, 0));
    OK(membarrier(RSEQ, 0, 0));
    OK(membarrier(RSEQ, FLAG_CPU, 0));
    OK(membarrier(RSEQ, FLAG_CPU, 999));
    FAILS(membarrier(MEMBARRIER_CMD_GLOBAL, FLAG_CPU, 0), EINVAL);
}

/* ---- what the kernel maps ---- */

static bool find_mapping(const char *name, uintptr_t *start, uintptr_t *end)
{
    char line[256];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (!found && fgets(line, sizeof(line), maps))
        found = strstr(line, name) && sscanf(line, "%lx-%lx", start, end) == 2;
    fclose(maps);
    return found;
}

static void kernel_pages_are_protected(void)
{
    uintptr_t clock, clock_end, code, code_end;
    if (!find_mapping("[vvar]", &clock, &clock_end) || !find_mapping("[vdso]", &code, &code_end))
        skip("no vDSO");
    size_t bytes = code_end - code;
    FAULTS(write_signal((char *)clock, 1), SIGSEGV, SEGV_ACCERR, clock);
    FAILS(mprotect((void *)clock, clock_end - clock, RW), EACCES);
    FAILS(madvise((void *)clock, clock_end - clock, MADV_DONTNEED), EINVAL);
    FAILS(mremap((void *)code, bytes, bytes + PAGE, MREMAP_MAYMOVE), EFAULT);
    if (bytes > PAGE)
        FAILS(munmap((void *)code, PAGE), EINVAL); /* all of it or nothing */
    char *place = free_area(16);
    EQ((uintptr_t)OK(mremap((void *)code, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place)),
       (uintptr_t)place);
    TRUE(find_mapping("[vdso]", &code, &code_end));
    EQ(code, (uintptr_t)place);
    OK(munmap(place, bytes));
    TRUE(!find_mapping("[vdso]", &code, &code_end));
    struct timespec now;
    OK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now));
}

/* ---- moving data ---- */

static void descriptors_of_events_cannot_be_spliced(void)
{
    int ends[2], event = (int)OK(eventfd(1, EFD_NONBLOCK));
    OK(pipe(ends));
    FAILS(splice(event, NULL, ends[1], NULL, 8, SPLICE_F_NONBLOCK), EINVAL);
    OK(write(ends[1], "12345678", 8));
    FAILS(splice(ends[0], NULL, event, NULL, 8, SPLICE_F_NONBLOCK), EINVAL);
}

static void splicing_respects_a_reader_that_writes_later(void)
{
    int ends[2];
    char buffer[16] = "", *area = map_at(NULL, 1, RW, ANON);
    strcpy(area, "parent");
    OK(pipe(ends));
    struct iovec piece = {area, 6};
    EQ(OK(vmsplice(ends[1], &piece, 1, 0)), 6);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        strcpy(area, "child!");
        _exit(0);
    }
    CHILD_OK(pid);
    EQ(OK(read(ends[0], buffer, sizeof(buffer))), 6);
    STR_EQ(buffer, "parent");
    EQ(OK(vmsplice(ends[1], &piece, 1, 0)), 6);
    OK(munmap(area, PAGE));
    EQ(OK(read(ends[0], buffer, sizeof(buffer))), 6);
    STR_EQ(buffer, "parent");
}

static void copying_ends_with_what_a_file_may_have(void)
{
    int from = sized_file("from", 100), to = sized_file("to", 0);
    off_t in = 0, out = INT64_MAX - 5;
    if (copy_file_range(from, &in, to, &out, 100, 0) == -1)
        EQ(errno, EFBIG); /* file systems with smaller files */
    in = 5;
    FAILS(copy_file_range(from, &in, to, NULL, SIZE_MAX, 0), EOVERFLOW);
}

GUEST_CASES(CASE(validated_flags_are_the_old_ones), CASE(offsets_end_with_what_a_file_may_have),
            CASE(huge_pages_are_refused), CASE(low_addresses_take_hints),
            CASE(reading_need_not_imply_executing), CASE(a_size_that_stays_needs_no_single_mapping),
            CASE(residency_is_told_up_to_a_hole), CASE(population_needs_the_right),
            CASE(advice_is_checked_for_each_kind_of_mapping),
            CASE(holes_need_a_file_that_is_not_sealed), CASE(status_tells_kinds_of_memory),
            CASE(killer_scores_are_numbers), CASE(barriers_for_restartable_sequences),
            CASE(kernel_pages_are_protected), CASE(descriptors_of_events_cannot_be_spliced),
            CASE(splicing_respects_a_reader_that_writes_later),
            CASE(copying_ends_with_what_a_file_may_have))

int main(int argc, char **argv)
{
    catch_faults();
    return guest_run_all(argc, argv);
}
