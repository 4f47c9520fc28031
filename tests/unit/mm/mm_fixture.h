/* SPDX-License-Identifier: MIT
 *
 * Frame of the mm tests: each body runs in a small machine, with a check that it leaks neither
 * pages nor objects.
 */
#ifndef TESTS_UNIT_MM_MM_FIXTURE_H
#define TESTS_UNIT_MM_MM_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "hal/aspace.h"
#include "hal/cpu.h"
#include "hal/kernel_on.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/random.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_internal.h"
#include "kernel/mm/slab_internal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"
#include "tests/unit/support/test_machine.h"
#include "tests/unit/support/unit.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

struct leak_check {
    uint64_t objects, pages, committed;
};

/* Everything cached is given back, so that free memory can be compared. */
static inline uint64_t settled_free_pages(void)
{
    slab_trim(this_kernel());
    page_cpu_drain();
    page_check(this_kernel());
    struct page_counts counts;
    page_count(this_kernel(), &counts);
    return counts.free;
}

static inline struct leak_check leak_check_begin(void)
{
    return (struct leak_check){
        .objects = slab_live_objects(this_kernel()),
        .pages = settled_free_pages(),
        .committed = mm_committed(this_kernel()),
    };
}

static inline void leak_check_end(const struct leak_check *check)
{
    ck_assert_uint_eq(slab_live_objects(this_kernel()), check->objects);
    ck_assert_uint_eq(settled_free_pages(), check->pages);
    ck_assert_uint_eq(mm_committed(this_kernel()), check->committed);
}

struct leak_checked {
    void (*body)(int index);
    int index;
};

static inline void leak_checked_body(void *argument)
{
    const struct leak_checked *run = argument;
    struct leak_check check = leak_check_begin();
    run->body(run->index);
    leak_check_end(&check);
}

static inline void run_leak_checked(void (*body)(int index), int index, unsigned cpus,
                                    unsigned long ram_bytes)
{
    struct leak_checked run = {body, index};
    ck_assert_int_eq(test_machine_run_ram(leak_checked_body, &run, cpus, ram_bytes), 0);
}

/* A test whose body runs in a machine of 64 MiB with one CPU; `_i` is the loop index. */
#define MACHINE_TEST(name)                                                                         \
    static void name##_body(int _i);                                                               \
    START_TEST(name)                                                                               \
    {                                                                                              \
        run_leak_checked(name##_body, _i, 1, 64 * MIB);                                            \
    }                                                                                              \
    END_TEST                                                                                       \
    static void name##_body(int _i UNUSED)

/* Make the n-th allocation from now on fail; 0: none any more. */
static inline void fail_allocation(struct fault_injection *faults, uint64_t n)
{
    memset(faults, 0, sizeof(*faults));
    faults->fail_at = n;
    this_kernel()->faults = n ? faults : NULL;
}

/* An address space that the user copies of the test refer to. */
static inline void use_mm(struct mm *mm)
{
    this_thread()->mm = mm;
    this_cpu()->aspace = mm ? mm->aspace : NULL;
    bool irq = hal_irq_save();
    hal_aspace_activate(mm ? mm->aspace : NULL);
    hal_irq_restore(irq);
}

static inline struct mm *begin_mm(void)
{
    struct mm *mm;
    ck_assert_int_eq(mm_create(this_kernel(), &mm), 0);
    use_mm(mm);
    return mm;
}

static inline void end_mm(struct mm *mm)
{
    use_mm(NULL);
    mm_put(mm);
}

enum { RW = VMA_READ | VMA_WRITE | VMA_MAY_ALL };

/* Private anonymous memory; addr 0: anywhere. */
static inline uint64_t map_anon(struct mm *mm, uint64_t addr, uint64_t bytes, unsigned flags)
{
    const struct mm_map_request request = {
        .addr = addr,
        .bytes = bytes,
        .vma_flags = flags,
        .fixed = addr != 0,
    };
    uint64_t out = 0;
    ck_assert_int_eq(mm_map(mm, &request, &out), 0);
    return out;
}

static inline uint32_t peek(uint64_t uaddr)
{
    uint32_t value = 0;
    ck_assert_int_eq(get_user_u32(&value, uaddr), 0);
    return value;
}

static inline void poke(uint64_t uaddr, uint32_t value)
{
    ck_assert_int_eq(put_user_u32(uaddr, value), 0);
}

#endif
