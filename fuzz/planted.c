/* SPDX-License-Identifier: MIT
 *
 * Faults for oracles_test.c, planted just before the program's system call is made (planted.h).
 */
#include "fuzz/planted.h"

#include "fuzz/inside.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/syscalls.h"

#define PLANT_UNUSED (void)argument, (void)index, (void)lane

PLANTED_FAULT(no_fault)
{
    PLANT_UNUSED;
    (void)call, (void)result;
}

PLANTED_FAULT(leak_object)
{
    PLANT_UNUSED;
    (void)result;
    if (call)
        (void)!kmalloc(100);
}

PLANTED_FAULT(leak_page)
{
    PLANT_UNUSED;
    (void)result;
    if (call) {
        (void)!page_alloc(0, PAGE_ANON);
        page_account(PAGE_KIND_ANON, 1);
    }
}

/* The call becomes another one, whose error the first cannot have. */
PLANTED_FAULT(return_foreign_error)
{
    PLANT_UNUSED;
    (void)result;
    if (call) {
        struct prepared_call *mine = (struct prepared_call *)call;
        mine->number = SYS_close;
        mine->args[0] = UINT64_MAX;
    }
}

PLANTED_FAULT(sleep_for_ever)
{
    PLANT_UNUSED;
    (void)result;
    if (call) {
        sched_prepare_block(THREAD_UNINTERRUPTIBLE);
        sched_block();
    }
}

static struct mutex planted, planted_below;

PLANTED_FAULT(keep_lock)
{
    PLANT_UNUSED;
    (void)result;
    if (call) {
        mutex_init(&planted, LOCK_RANK_KEYS);
        mutex_lock(&planted);
    }
}

PLANTED_FAULT(take_locks_in_the_wrong_order)
{
    PLANT_UNUSED;
    (void)result;
    if (call) {
        mutex_init(&planted, LOCK_RANK_KEYS);
        mutex_init(&planted_below, LOCK_RANK_RENAME);
        mutex_lock(&planted);
        mutex_lock(&planted_below);
    }
}
