/* SPDX-License-Identifier: MIT
 *
 * rseq(2): registration, the CPU number, and critical sections that a switch or a signal
 * interrupts.
 */
#include "guest.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

enum { SIGNATURE = 0x53053053, AREA_BYTES = 32, UNINITIALIZED = -1 };
enum { RSEQ_FLAG_UNREGISTER = 1, NO_RESTART_ON_PREEMPT = 1, NO_RESTART_ON_SIGNAL = 2 };

/* As in linux/rseq.h, whose versions differ in how they write it. */
struct area {
    uint32_t cpu_id_start, cpu_id;
    uint64_t rseq_cs;
    uint32_t flags, unused[11];
};
struct section {
    uint32_t version, flags;
    uint64_t start_ip, post_commit_offset, abort_ip;
};

/* glibc registers an area for every thread, musl does not. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static volatile struct area area __attribute__((aligned(64)));
static struct section section __attribute__((aligned(32)));
static volatile uint32_t rounds;

/* spin_in_section(area, section, &rounds): count in a critical section until it is aborted; then 1.
 * The first abort address has the right signature before it, the second another one. */
int spin_in_section(volatile struct area *area, struct section *section, volatile uint32_t *rounds);
extern char section_start[], section_end[], section_abort[], section_bad_abort[];
__asm__(".pushsection .text\n"
        "spin_in_section:\n"
        "    mov %rsi, 8(%rdi)\n"
        "section_start:\n"
        "    incl (%rdx)\n"
        "    jmp section_start\n"
        "section_end:\n"
        "    xor %eax, %eax\n"
        "    ret\n"
        "    .long 0x53053053\n"
        "section_abort:\n"
        "    mov $1, %eax\n"
        "    ret\n"
        "    .long 0x12345678\n"
        "section_bad_abort:\n"
        "    mov $2, %eax\n"
        "    ret\n"
        ".popsection\n");

static long rseq(volatile void *address, uint32_t bytes, int flags, uint32_t signature)
{
    return syscall(SYS_rseq, address, bytes, flags, signature);
}

static volatile struct area *libc_area(void)
{
    return (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* The library's own registration of this thread, if it made one, would be in the way. */
static void drop_libc_area(void)
{
    if (&__rseq_size && __rseq_size != 0 && (int)libc_area()->cpu_id >= 0)
        OK(rseq(libc_area(), AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE));
}

static void take_own_area(void)
{
    drop_libc_area();
    area = (struct area){.cpu_id = (uint32_t)UNINITIALIZED};
    OK(rseq(&area, AREA_BYTES, 0, SIGNATURE));
}

static void make_section(void)
{
    section = (struct section){
        .start_ip = (uintptr_t)section_start,
        .post_commit_offset = (uint64_t)(section_end - section_start),
        .abort_ip = (uintptr_t)section_abort,
    };
}

static unsigned first_cpu(const cpu_set_t *set, unsigned from)
{
    while (from < CPU_SETSIZE && !CPU_ISSET(from, set))
        from++;
    return from;
}

static void run_on(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    OK(sched_setaffinity(0, sizeof(set), &set));
}

/* ---- registration ---- */

static void register_checks_its_arguments(void)
{
    drop_libc_area();
    FAILS(rseq(&area, AREA_BYTES, 2, SIGNATURE), EINVAL);
    FAILS(rseq(&area, AREA_BYTES, 3, SIGNATURE), EINVAL);
    FAILS(rseq(&area, AREA_BYTES, -1, SIGNATURE), EINVAL);
    FAILS(rseq(&area, 0, 0, SIGNATURE), EINVAL);
    FAILS(rseq(&area, AREA_BYTES - 1, 0, SIGNATURE), EINVAL);
    FAILS(rseq((volatile char *)&area + 8, AREA_BYTES, 0, SIGNATURE), EINVAL);
    FAILS(rseq((void *)hidden(0x7ffffffff000), AREA_BYTES, 0, SIGNATURE), EFAULT);
    FAILS(rseq((void *)hidden(0xffff800000000000), AREA_BYTES, 0, SIGNATURE), EFAULT);
    FAILS(rseq(&area, AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE), EINVAL);
}

static void registered_area_is_busy(void)
{
    take_own_area();
    FAILS(rseq(&area, AREA_BYTES, 0, SIGNATURE), EBUSY);
    FAILS(rseq(&area, AREA_BYTES, 0, SIGNATURE + 1), EPERM);
    FAILS(rseq((volatile char *)&area + 32, AREA_BYTES, 0, SIGNATURE), EINVAL);
    FAILS(rseq(&area, 2 * AREA_BYTES, 0, SIGNATURE), EINVAL);
    FAILS(rseq((volatile char *)&area + 32, AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE), EINVAL);
    FAILS(rseq(&area, 2 * AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE), EINVAL);
    FAILS(rseq(&area, AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE + 1), EPERM);
    OK(rseq(&area, AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE));
    EQ(area.cpu_id_start, 0);
    EQ((int)area.cpu_id, UNINITIALIZED);
    FAILS(rseq(&area, AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE), EINVAL);
    OK(rseq(&area, AREA_BYTES, 0, SIGNATURE + 1));
    OK(rseq(&area, AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE + 1));
}

static void register_read_only(void *memory)
{
    rseq(memory, AREA_BYTES, 0, SIGNATURE);
    for (;;)
        sched_yield();
}

static void unwritable_area_is_fatal(void)
{
    drop_libc_area();
    void *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(memory != MAP_FAILED);
    int status = WAIT(spawn(register_read_only, memory));
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* ---- CPU numbers ---- */

static void cpu_id_follows_migration(void)
{
    cpu_set_t allowed;
    OK(sched_getaffinity(0, sizeof(allowed), &allowed));
    take_own_area();
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned cpu = first_cpu(&allowed, 0); cpu < CPU_SETSIZE;
             cpu = first_cpu(&allowed, cpu + 1)) {
            run_on(cpu);
            EQ(area.cpu_id, cpu);
            EQ(area.cpu_id_start, cpu);
        }
    }
}

static void *getcpu_in_thread(void *argument)
{
    const cpu_set_t *allowed = argument;
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned cpu = first_cpu(allowed, 0); cpu < CPU_SETSIZE;
             cpu = first_cpu(allowed, cpu + 1)) {
            unsigned number = UINT_MAX, node = UINT_MAX;
            run_on(cpu);
            EQ(sched_getcpu(), cpu);
            OK(syscall(SYS_getcpu, &number, &node, NULL));
            EQ(number, cpu);
        }
    }
    return NULL;
}

/* Whatever the library makes of it: an area for each thread, or a call. */
static void sched_getcpu_follows_migration(void)
{
    cpu_set_t allowed;
    pthread_t threads[2];
    OK(sched_getaffinity(0, sizeof(allowed), &allowed));
    for (unsigned i = 0; i < 2; i++)
        EQ(pthread_create(&threads[i], NULL, getcpu_in_thread, &allowed), 0);
    for (unsigned i = 0; i < 2; i++)
        EQ(pthread_join(threads[i], NULL), 0);
}

/* ---- inheritance ---- */

static void expect_registered(void *unused)
{
    (void)unused;
    TRUE(area.cpu_id < CPU_SETSIZE);
    FAILS(rseq(&area, AREA_BYTES, 0, SIGNATURE), EBUSY);
}

static void fork_inherits_area(void)
{
    take_own_area();
    CHILD_OK(spawn(expect_registered, NULL));
}

static void *expect_unregistered(void *unused)
{
    static struct area other __attribute__((aligned(32)));
    drop_libc_area();
    FAILS(rseq(&other, AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE), EINVAL);
    OK(rseq(&other, AREA_BYTES, 0, SIGNATURE));
    OK(rseq(&other, AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE));
    return unused;
}

static void thread_starts_without_area(void)
{
    pthread_t thread;
    take_own_area();
    EQ(pthread_create(&thread, NULL, expect_unregistered, NULL), 0);
    EQ(pthread_join(thread, NULL), 0);
}

/* ---- critical sections ---- */

static void keep_cpu_busy(void *unused)
{
    (void)unused;
    for (;;)
        __asm__ volatile("");
}

static void switch_aborts_section(void)
{
    cpu_set_t allowed;
    OK(sched_getaffinity(0, sizeof(allowed), &allowed));
    take_own_area();
    make_section();
    run_on(first_cpu(&allowed, 0));
    pid_t rival = spawn(keep_cpu_busy, NULL);
    for (unsigned i = 0; i < 5; i++) {
        EQ(spin_in_section(&area, &section, &rounds), 1);
        EQ(area.rseq_cs, 0);
    }
    OK(kill(rival, SIGKILL));
    WAIT(rival);
}

static volatile uintptr_t interrupted_at;

static void remember_ip(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)info;
    interrupted_at = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

static void arm_signal(void)
{
    struct sigaction action = {.sa_sigaction = remember_ip, .sa_flags = SA_SIGINFO};
    struct itimerval timer = {.it_value.tv_usec = 2000};
    OK(sigaction(SIGALRM, &action, NULL));
    OK(setitimer(ITIMER_REAL, &timer, NULL));
}

static void signal_aborts_section(void)
{
    take_own_area();
    make_section();
    for (unsigned i = 0; i < 5; i++) {
        interrupted_at = 0;
        arm_signal();
        while (interrupted_at == 0) /* a switch may come first */
            EQ(spin_in_section(&area, &section, &rounds), 1);
        EQ(area.rseq_cs, 0);
    }
}

/* A section that does not contain the code that runs is only forgotten. */
static void section_left_is_forgotten(void)
{
    take_own_area();
    make_section();
    area.rseq_cs = (uintptr_t)&section;
    interrupted_at = 0;
    arm_signal();
    while (interrupted_at == 0)
        rounds++;
    EQ(area.rseq_cs, 0);
}

static void spin_with_signal(void *unused)
{
    (void)unused;
    arm_signal();
    spin_in_section(&area, &section, &rounds);
}

#define SECTION_IS_FATAL(change)                                                                   \
    do {                                                                                           \
        take_own_area();                                                                           \
        make_section();                                                                            \
        change;                                                                                    \
        int status_ = WAIT(spawn(spin_with_signal, NULL));                                         \
        TRUE(WIFSIGNALED(status_) && WTERMSIG(status_) == SIGSEGV);                                \
        area.flags = 0;                                                                            \
        OK(rseq(&area, AREA_BYTES, RSEQ_FLAG_UNREGISTER, SIGNATURE));                              \
    } while (0)

static void bad_section_is_fatal(void)
{
    SECTION_IS_FATAL(section.abort_ip = (uintptr_t)section_bad_abort);
    SECTION_IS_FATAL(section.version = 1);
    SECTION_IS_FATAL(section.flags = NO_RESTART_ON_SIGNAL);
    SECTION_IS_FATAL(section.flags = 8);
    SECTION_IS_FATAL(area.flags = NO_RESTART_ON_PREEMPT);
    SECTION_IS_FATAL(section.abort_ip = section.start_ip + 2);
    SECTION_IS_FATAL(section.abort_ip = 8);
    SECTION_IS_FATAL(section.abort_ip = 0xffff800000000000);
    SECTION_IS_FATAL(section.post_commit_offset = UINT64_MAX);
}

GUEST_MAIN(CASE(register_checks_its_arguments), CASE(registered_area_is_busy),
           CASE(unwritable_area_is_fatal), CASE(cpu_id_follows_migration),
           CASE(sched_getcpu_follows_migration), CASE(fork_inherits_area),
           CASE(thread_starts_without_area), CASE(switch_aborts_section),
           CASE(signal_aborts_section), CASE(section_left_is_forgotten), CASE(bad_section_is_fatal))
