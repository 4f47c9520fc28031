/* SPDX-License-Identifier: MIT */
/*
 * Credentials (kernel/security/cred.c).
 */
#include "kernel/abi/capability.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/security/cred.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

static struct cred *with_groups(unsigned count)
{
    struct cred *cred = cred_create_root();

    ck_assert_ptr_nonnull(cred);
    cred->groups = kmalloc(count * sizeof *cred->groups);
    ck_assert_ptr_nonnull(cred->groups);
    cred->group_count = count;
    for (unsigned i = 0; i < count; i++) {
        cred->groups[i] = 10 * i + 5;
    }
    return cred;
}

static void root(void *argument)
{
    struct cred *cred = cred_create_root();

    (void)argument;
    ck_assert_uint_eq(cred->uid, 0);
    ck_assert_uint_eq(cred->fsgid, 0);
    for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
        ck_assert(cred_has_cap(cred, cap));
    }
    ck_assert(!cred_has_cap(cred, CAP_LAST_CAP + 1));
    ck_assert(!cred_has_cap(cred, 64));
    ck_assert(!cred_has_cap(cred, UINT32_MAX));
    ck_assert(capable(CAP_SYS_ADMIN));
    cred->cap_effective = BIT(CAP_KILL);
    ck_assert(cred_has_cap(cred, CAP_KILL));
    ck_assert(!cred_has_cap(cred, CAP_CHOWN));
    cred_put(cred);
}

START_TEST(root_has_every_capability)
{
    kernel_fixture_run(1, root, NULL);
}
END_TEST

static void copies(void *argument)
{
    struct cred *cred = with_groups(100), *copy;

    (void)argument;
    cred->uid = 7;
    cred->keep_caps = true;
    copy = cred_copy(cred_get(cred));
    ck_assert_uint_eq(copy->refs, 1);
    ck_assert_uint_eq(copy->uid, 7);
    ck_assert(copy->keep_caps);
    ck_assert_ptr_ne(copy->groups, cred->groups);
    copy->groups[0] = 6;
    ck_assert_uint_eq(cred->groups[0], 5);
    cred_put(cred);
    cred_put(cred);
    cred_put(copy);
    cred_put(NULL);
}

START_TEST(copy_is_independent)
{
    kernel_fixture_run(1, copies, NULL);
}
END_TEST

static void groups(void *argument)
{
    struct cred *cred = with_groups(33);

    (void)argument;
    cred->fsgid = 1234567;
    for (unsigned gid = 0; gid < 400; gid++) {
        ck_assert_int_eq(cred_in_group(cred, gid), gid % 10 == 5 && gid < 330);
    }
    ck_assert(cred_in_group(cred, 1234567));
    cred->group_count = 0;
    ck_assert(!cred_in_group(cred, 5));
    cred_put(cred);
}

START_TEST(groups_are_found)
{
    kernel_fixture_run(1, groups, NULL);
}
END_TEST

static void installs(void *argument)
{
    const struct cred *before = cred_get(current_cred());
    struct cred *cred = cred_copy(before);
    const struct cred *seen;

    (void)argument;
    cred->euid = 1000;
    cred_install(cred);
    ck_assert_ptr_eq(current_cred(), cred);
    seen = thread_cred_get(this_thread());
    ck_assert_uint_eq(seen->euid, 1000);
    cred_put(seen);
    cred_install((struct cred *)before);
}

START_TEST(installed_credentials_replace_the_old_ones)
{
    kernel_fixture_run(1, installs, NULL);
}
END_TEST

static void out_of_memory(void *argument)
{
    struct fault_injection faults = {0};
    struct cred *cred = with_groups(8), *copy = NULL;
    unsigned failures = 0;

    (void)argument;
    this_kernel()->faults = &faults;
    for (faults.fail_at = 1; copy == NULL; faults.fail_at++) {
        faults.allocations = 0;
        copy = cred_copy(cred);
        failures += copy == NULL;
    }
    this_kernel()->faults = NULL;
    ck_assert_uint_eq(failures, 2);
    cred_put(copy);
    cred_put(cred);
}

START_TEST(copy_survives_failure_of_nth_allocation)
{
    kernel_fixture_run(1, out_of_memory, NULL);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, root_has_every_capability);
    tcase_add_test(tcase, copy_is_independent);
    tcase_add_test(tcase, groups_are_found);
    tcase_add_test(tcase, installed_credentials_replace_the_old_ones);
    tcase_add_test(tcase, copy_survives_failure_of_nth_allocation);
}

static Suite *suite(void)
{
    return unit_suite("cred", add_tests);
}

UNIT_MAIN(suite)
