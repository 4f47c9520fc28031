/* SPDX-License-Identifier: MIT */
/*
 * Numbers of processes in several namespaces (kernel/security/pid_namespace.c).
 */
#include "kernel/security/pid_namespace.h"

#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/slab.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

/* Run a body on a machine that has process numbers but no processes. */
static void run_body(void *body)
{
    struct kernel *kernel = this_kernel();
    bool made = kernel->pids == NULL;
    if (made)
        ck_assert_int_eq(pid_namespaces_init(kernel), 0);
    ((void (*)(void))(uintptr_t)body)();
    if (!made)
        return;
    ck_assert_uint_eq(pid_namespace_count(&kernel->pids->initial), 0);
    kfree(kernel->pids);
    kernel->pids = NULL;
}

static struct pid_namespace *child_of(struct pid_namespace *parent)
{
    struct pid_namespace *ns;
    ck_assert_int_eq(pid_namespace_create(parent, NULL, &ns), 0);
    return ns;
}

static struct pid_slot *slot_in(struct pid_namespace *ns)
{
    struct pid_slot *slot;
    ck_assert_int_eq(pid_slot_create(ns, NULL, 0, &slot), 0);
    return slot;
}

static void translation(void)
{
    struct pid_namespace *top = &this_kernel()->pids->initial;
    struct pid_namespace *ns = child_of(top), *inner = child_of(ns), *other = child_of(top);
    struct pid_slot *outer = slot_in(top), *slot = slot_in(inner);
    int pid = pid_slot_kernel_pid(slot);
    ck_assert_int_eq(pid_number_in(top, pid), pid);
    ck_assert_int_eq(pid_number_in(ns, pid), 1);
    ck_assert_int_eq(pid_number_in(inner, pid), 1);
    ck_assert_int_eq(pid_number_in(other, pid), 0);
    ck_assert_int_eq(pid_number_in(ns, pid_slot_kernel_pid(outer)), 0);
    ck_assert_int_eq(pid_from_number(inner, 1), pid);
    ck_assert_int_eq(pid_from_number(other, 1), PID_NONE);
    ck_assert_int_eq(pid_from_number(inner, 0), 0);
    ck_assert_int_eq(pid_from_number(inner, -1), -1);
    ck_assert(pid_namespace_is_below(inner, ns) && pid_namespace_is_below(inner, inner));
    ck_assert(!pid_namespace_is_below(ns, inner) && !pid_namespace_is_below(inner, other));

    /* One who holds the slot knows the numbers when they are long free. */
    struct pid_slot *held = pid_slot_of(this_kernel(), pid);
    ck_assert_ptr_eq(held, slot);
    pid_slot_remove(slot);
    ck_assert_int_eq(pid_number_in(ns, pid), 0);
    ck_assert_int_eq(pid_slot_number_in(ns, held), 1);
    ck_assert_int_eq(pid_slot_number_in(other, held), 0);
    pid_slot_put(held);
    pid_slot_remove(outer);
    pid_namespace_put(other);
    pid_namespace_put(ns); /* the inner one holds it */
    pid_namespace_put(inner);
}

START_TEST(numbers_are_translated_between_namespaces)
{
    kernel_fixture_run(1, run_body, (void *)(uintptr_t)translation);
}
END_TEST

static void wanted_numbers(void)
{
    struct pid_namespace *top = &this_kernel()->pids->initial, *ns = child_of(top);
    struct pid_slot *slot, *second;
    ck_assert_int_eq(pid_slot_create(ns, (int[]){5}, 1, &slot), -EINVAL);
    ck_assert_int_eq(pid_slot_create(ns, (int[]){1}, 1, &slot), 0);
    ns->init = (struct process *)slot; /* only that there is one counts here */
    ck_assert_int_eq(pid_slot_create(ns, (int[]){1}, 1, &second), -EEXIST);
    ck_assert_int_eq(pid_slot_create(ns, (int[]){9}, 1, &second), 0);
    ck_assert_int_eq(pid_slot_number_in(ns, second), 9);
    /* What fails above leaves nothing below. */
    uint64_t before = pid_namespace_count(ns);
    struct pid_slot *third;
    ck_assert_int_eq(pid_slot_create(ns, (int[]){10, pid_slot_kernel_pid(second)}, 2, &third),
                     -EINVAL);
    ck_assert_uint_eq(pid_namespace_count(ns), before);
    pid_namespace_set_last(ns, 30);
    third = slot_in(ns);
    ck_assert_int_eq(pid_slot_number_in(ns, third), 31);
    ck_assert_int_eq(pid_namespace_last(ns), 31);
    pid_slot_remove(third);
    pid_namespace_close(ns);
    ck_assert_int_eq(pid_slot_create(ns, NULL, 0, &third), -ENOMEM);
    pid_slot_remove(second);
    pid_slot_remove(slot);
    ns->init = NULL;
    pid_namespace_put(ns);
}

START_TEST(numbers_can_be_asked_for)
{
    kernel_fixture_run(1, run_body, (void *)(uintptr_t)wanted_numbers);
}
END_TEST

static void first_number(void)
{
    struct pid_namespace *ns = child_of(&this_kernel()->pids->initial);
    for (int i = 0; i < 3; i++) { /* each time nobody has become its init */
        struct pid_slot *slot = slot_in(ns);
        ck_assert_int_eq(pid_slot_number_in(ns, slot), 1);
        pid_slot_remove(slot);
    }
    pid_namespace_put(ns);
}

START_TEST(first_process_that_is_made_gets_one)
{
    kernel_fixture_run(1, run_body, (void *)(uintptr_t)first_number);
}
END_TEST

static void levels(void)
{
    struct pid_namespace *ns = pid_namespace_get(&this_kernel()->pids->initial), *below;
    for (unsigned i = 0; i < PID_NAMESPACE_LEVELS; i++) {
        below = child_of(ns);
        pid_namespace_put(ns);
        ns = below;
    }
    ck_assert_int_eq(pid_namespace_create(ns, NULL, &below), -ENOSPC);
    struct pid_slot *slot = slot_in(ns);
    ck_assert_int_eq(pid_slot_number_in(ns, slot), 1);
    pid_slot_remove(slot);
    pid_namespace_put(ns);
}

START_TEST(levels_have_a_limit)
{
    kernel_fixture_run(1, run_body, (void *)(uintptr_t)levels);
}
END_TEST

static void nth_allocation_fails(void)
{
    struct pid_namespace *top = &this_kernel()->pids->initial;
    struct fault_injection faults = {0};
    for (faults.fail_at = 1;; faults.fail_at++) {
        struct pid_namespace *ns;
        struct pid_slot *slot;
        uint64_t before = pid_namespace_count(top);
        faults.allocations = faults.failed = 0;
        this_kernel()->faults = &faults;
        int error = pid_namespace_create(top, NULL, &ns);
        if (!error) {
            error = pid_slot_create(ns, NULL, 0, &slot);
            if (!error)
                pid_slot_remove(slot);
            pid_namespace_put(ns);
        }
        this_kernel()->faults = NULL;
        ck_assert_uint_eq(pid_namespace_count(top), before);
        if (!faults.failed) {
            ck_assert_int_eq(error, 0);
            return;
        }
        ck_assert_int_eq(error, -ENOMEM);
    }
}

START_TEST(create_survives_failure_of_nth_allocation)
{
    kernel_fixture_run(1, run_body, (void *)(uintptr_t)nth_allocation_fails);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, numbers_are_translated_between_namespaces);
    tcase_add_test(tcase, numbers_can_be_asked_for);
    tcase_add_test(tcase, first_process_that_is_made_gets_one);
    tcase_add_test(tcase, levels_have_a_limit);
    tcase_add_test(tcase, create_survives_failure_of_nth_allocation);
}

static Suite *suite(void)
{
    return unit_suite("pid_namespace", add_tests);
}

UNIT_MAIN(suite)
