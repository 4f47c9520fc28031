/* SPDX-License-Identifier: MIT */
/*
 * Landlock's rulesets and domains (kernel/security/landlock.c), with integers for objects.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/landlock.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/security/cred.h"
#include "kernel/security/landlock.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

enum { OBJECTS = 3000 };

struct object {
    int refs;
};

static void object_get(void *object)
{
    ((struct object *)object)->refs++;
}

static void object_put(void *object)
{
    ((struct object *)object)->refs--;
}

static const struct landlock_object_ops ops = {.get = object_get, .put = object_put};

static struct landlock_ruleset *make_ruleset(uint32_t handled)
{
    struct landlock_ruleset *ruleset;
    ck_assert_int_eq(landlock_ruleset_create(handled, &ops, &ruleset), 0);
    return ruleset;
}

static struct landlock_layer *make_layer(struct landlock_layer *parent,
                                         struct landlock_ruleset *ruleset)
{
    struct landlock_layer *layer;
    ck_assert_int_eq(landlock_layer_create(parent, ruleset, &layer), 0);
    return layer;
}

/* What is denied of `rights` at an object. */
static uint32_t denied(const struct landlock_layer *domain, struct object *object, uint32_t rights)
{
    struct landlock_denial denial;
    landlock_denial_init(domain, rights, &denial);
    landlock_denial_visit(domain, object, &denial);
    return landlock_denial_of(&denial, rights);
}

static void layers(void *argument)
{
    const uint32_t both = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
    struct object a = {0}, b = {0};
    struct landlock_ruleset *ruleset = make_ruleset(both);
    (void)argument;

    ck_assert_uint_eq(landlock_ruleset_handled(ruleset), both);
    ck_assert_int_eq(landlock_ruleset_allow(ruleset, &a, LANDLOCK_ACCESS_FS_READ_FILE), 0);
    struct landlock_layer *first = make_layer(NULL, ruleset);
    ck_assert_int_eq(landlock_ruleset_allow(ruleset, &a, LANDLOCK_ACCESS_FS_WRITE_FILE), 0);
    ck_assert_int_eq(a.refs, 2); /* of the ruleset and the layer */
    ck_assert_uint_eq(denied(first, &a, both), LANDLOCK_ACCESS_FS_WRITE_FILE);
    ck_assert_uint_eq(denied(first, &b, both), both);
    ck_assert_uint_eq(denied(first, &b, LANDLOCK_ACCESS_FS_EXECUTE), 0);
    ck_assert_uint_eq(denied(first, &a, LANDLOCK_ACCESS_FS_REFER), LANDLOCK_ACCESS_FS_REFER);
    ck_assert_uint_eq(denied(NULL, &a, LANDLOCK_RIGHTS_ALL), 0);

    struct landlock_layer *second = make_layer(first, ruleset);
    ck_assert_uint_eq(denied(second, &a, both), LANDLOCK_ACCESS_FS_WRITE_FILE);
    landlock_ruleset_put(ruleset);
    ck_assert(landlock_may_trace(NULL, first) && landlock_may_trace(first, second));
    ck_assert(landlock_may_trace(first, first));
    ck_assert(!landlock_may_trace(second, first) && !landlock_may_trace(first, NULL));

    landlock_layer_put(this_kernel(), first);
    landlock_reap(this_kernel());
    ck_assert_int_eq(a.refs, 2); /* the second holds the first */
    landlock_layer_put(this_kernel(), second);
    ck_assert_int_eq(a.refs, 2); /* until somebody may block */
    landlock_reap(this_kernel());
    ck_assert_int_eq(a.refs, 0);
}

START_TEST(layer_denies_what_no_rule_of_it_grants)
{
    kernel_fixture_run(1, layers, NULL);
}
END_TEST

static void many(void *argument)
{
    static struct object objects[LANDLOCK_RULES_MAX + 1];
    struct landlock_ruleset *ruleset = make_ruleset(LANDLOCK_ACCESS_FS_READ_FILE);
    (void)argument;
    for (unsigned i = 0; i < LANDLOCK_RULES_MAX; i++)
        ck_assert_int_eq(landlock_ruleset_allow(ruleset, &objects[i], LANDLOCK_ACCESS_FS_READ_FILE),
                         0);
    ck_assert_int_eq(landlock_ruleset_allow(ruleset, &objects[LANDLOCK_RULES_MAX], 1), -E2BIG);
    ck_assert_int_eq(landlock_ruleset_allow(ruleset, &objects[0], 1), 0);
    struct landlock_layer *layer = make_layer(NULL, ruleset);
    landlock_ruleset_put(ruleset);
    for (unsigned i = 0; i <= LANDLOCK_RULES_MAX; i++)
        ck_assert_uint_eq(denied(layer, &objects[i], LANDLOCK_ACCESS_FS_READ_FILE),
                          i == LANDLOCK_RULES_MAX ? LANDLOCK_ACCESS_FS_READ_FILE : 0);
    landlock_layer_put(this_kernel(), layer);
    landlock_reap(this_kernel());
    for (unsigned i = 0; i <= LANDLOCK_RULES_MAX; i++)
        ck_assert_int_eq(objects[i].refs, 0);
}

START_TEST(ruleset_holds_a_limited_number_of_rules)
{
    kernel_fixture_run(1, many, NULL);
}
END_TEST

static void stacked(void *argument)
{
    struct landlock_ruleset *ruleset = make_ruleset(LANDLOCK_ACCESS_FS_READ_FILE);
    struct landlock_layer *top = NULL, *next;
    (void)argument;
    for (unsigned i = 0; i < LANDLOCK_LAYERS_MAX; i++) {
        next = make_layer(top, ruleset);
        landlock_layer_put(this_kernel(), top);
        top = next;
    }
    ck_assert_int_eq(landlock_layer_create(top, ruleset, &next), -E2BIG);
    struct cred *cred = cred_create_root();
    cred->landlock = top;
    struct cred *copy = cred_copy(cred);
    cred_put(cred);
    ck_assert_ptr_eq(copy->landlock, top);
    cred_put(copy);
    landlock_reap(this_kernel());
    landlock_ruleset_put(ruleset);
}

START_TEST(layers_are_limited_and_held_by_credentials)
{
    kernel_fixture_run(1, stacked, NULL);
}
END_TEST

/* All or nothing: every allocation of a ruleset, its rules and a layer fails once. */
static int build(struct object *objects, unsigned count)
{
    struct landlock_ruleset *ruleset;
    struct landlock_layer *layer;
    int error = landlock_ruleset_create(1, &ops, &ruleset);
    if (error)
        return error;
    for (unsigned i = 0; i < count && !error; i++)
        error = landlock_ruleset_allow(ruleset, &objects[i], 1);
    if (!error)
        error = landlock_layer_create(NULL, ruleset, &layer);
    landlock_ruleset_put(ruleset);
    if (!error) {
        landlock_layer_put(this_kernel(), layer);
        landlock_reap(this_kernel());
    }
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(objects[i].refs, 0);
    return error;
}

static void failing(void *argument)
{
    struct object objects[20] = {{0}};
    struct fault_injection faults = {0};
    int error = -ENOMEM;
    (void)argument;
    this_kernel()->faults = &faults;
    for (faults.fail_at = 1; error; faults.fail_at++) {
        faults.allocations = 0;
        error = build(objects, 20);
        ck_assert(error == 0 || error == -ENOMEM);
    }
    this_kernel()->faults = NULL;
    ck_assert_uint_gt(faults.fail_at, 6);
}

START_TEST(building_survives_failure_of_nth_allocation)
{
    kernel_fixture_run(1, failing, NULL);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, layer_denies_what_no_rule_of_it_grants);
    tcase_add_test(tcase, ruleset_holds_a_limited_number_of_rules);
    tcase_add_test(tcase, layers_are_limited_and_held_by_credentials);
    tcase_add_test(tcase, building_survives_failure_of_nth_allocation);
}

static Suite *suite(void)
{
    return unit_suite("landlock", add_tests);
}

UNIT_MAIN(suite)
