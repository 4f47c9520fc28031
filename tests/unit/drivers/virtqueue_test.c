/* SPDX-License-Identifier: MIT */
/*
 * kernel/drivers/virtio/virtqueue.c: chains go to the device and come back, and a device that
 * answers what nobody asked is found out.
 */
#include "tests/unit/drivers/virtio_fixture.h"

#include "kernel/core/kernel.h"
#include "kernel/drivers/virtio/virtqueue.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/mm.h"

enum { SIZE = 8 };

static struct virtio_pci pci;
static struct virtqueue queue;

static void open_queue(void)
{
    ck_assert_int_eq(virtio_pci_open(&pci, hal_device_get(0)), 0);
    ck_assert_int_eq(virtqueue_create(&queue, &pci, 0), 0);
    ck_assert_int_eq(virtqueue_enable(&queue), 0);
    ck_assert_uint_eq(queue.size, SIZE);
}

/* ---- the device's side ---- */

/* The head of the count-th chain that was made available. */
static uint16_t available(unsigned count)
{
    const uint16_t *ring = phys_to_virt(window_value(COMMON_AT + COMMON_QUEUE_AVAILABLE, 8));

    return ring[2 + count % SIZE];
}

static uint16_t available_count(void)
{
    const uint16_t *ring = phys_to_virt(window_value(COMMON_AT + COMMON_QUEUE_AVAILABLE, 8));

    return ring[1];
}

static void use(uint32_t head, uint32_t bytes)
{
    uint16_t *ring = phys_to_virt(window_value(COMMON_AT + COMMON_QUEUE_USED, 8));
    uint32_t *element = (uint32_t *)(ring + 2) + 2 * (ring[1] % SIZE);

    element[0] = head;
    element[1] = bytes;
    ring[1]++;
}

static void set_used_count(uint16_t count)
{
    uint16_t *ring = phys_to_virt(window_value(COMMON_AT + COMMON_QUEUE_USED, 8));

    ring[1] = count;
}

/* ---- the driver's ---- */

static int add(unsigned readable, unsigned writable, void *token)
{
    struct virtqueue_part parts[SIZE + 1];

    for (unsigned i = 0; i < readable + writable; i++) {
        parts[i] = (struct virtqueue_part){0x1000 * (i + 1), 16 * (i + 1)};
    }
    return virtqueue_add(&queue, parts, readable, writable, token);
}

static int take(void **token, uint32_t *bytes)
{
    uint16_t head;

    return virtqueue_take(&queue, token, &head, bytes);
}

DEVICE_TEST(chain_shows_its_parts_to_the_device)
{
    struct descriptor {
        uint64_t address;
        uint32_t bytes;
        uint16_t flags, next;
    };

    open_queue();
    ck_assert_int_eq(add(1, 2, &queue), 0);
    ck_assert_uint_eq(available_count(), 1);
    const struct descriptor *table =
        phys_to_virt(window_value(COMMON_AT + COMMON_QUEUE_DESCRIPTORS, 8));
    const struct descriptor *at = &table[available(0)];
    ck_assert_uint_eq(at->address, 0x1000);
    ck_assert_uint_eq(at->flags, 1);
    at = &table[at->next];
    ck_assert_uint_eq(at->bytes, 32);
    ck_assert_uint_eq(at->flags, 3);
    at = &table[at->next];
    ck_assert_uint_eq(at->address, 0x3000);
    ck_assert_uint_eq(at->flags, 2);
    virtqueue_kick(&queue);
    ck_assert_uint_eq(fake.notified, 1);
    virtqueue_destroy(&queue);
}

/* Two chains that come back the other way round. False if one does not. */
static bool exchange(unsigned round)
{
    int tokens[2];
    void *token[2];
    uint32_t bytes[2];

    if (add(2, 1, &tokens[0]) != 0 || add(1, 3, &tokens[1]) != 0) {
        return false;
    }
    use(available(2 * round + 1), round);
    use(available(2 * round), 1);
    if (take(&token[1], &bytes[1]) != 1 || take(&token[0], &bytes[0]) != 1) {
        return false;
    }
    return token[0] == &tokens[0] && token[1] == &tokens[1] && bytes[0] == 1 && bytes[1] == round;
}

DEVICE_TEST(chains_come_back_in_the_order_of_the_device_while_indices_wrap)
{
    enum { ROUNDS = 40000 };
    void *token;
    uint32_t bytes;

    open_queue();
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (!exchange(round)) {
            ck_abort_msg("round %u", round);
        }
    }
    ck_assert_int_eq(take(&token, &bytes), 0);
    ck_assert_uint_eq(queue.free_count, SIZE);
    virtqueue_destroy(&queue);
}

DEVICE_TEST(full_queue_is_busy_and_changes_nothing)
{
    open_queue();
    ck_assert_int_eq(add(SIZE, 1, &queue), -EBUSY);
    ck_assert_int_eq(add(3, 3, &queue), 0);
    ck_assert_int_eq(add(2, 1, &queue), -EBUSY);
    ck_assert_int_eq(add(1, 1, &queue), 0);
    ck_assert_int_eq(add(0, 1, &queue), -EBUSY);
    ck_assert_uint_eq(available_count(), 2);
    virtqueue_destroy(&queue);
}

static const struct {
    uint32_t head; /* relative to that of a chain of 3 that is under way */
    uint16_t count;
} nonsense[] = {
    {1, 1},          /* inside of a chain */
    {3, 1},          /* not in use */
    {SIZE, 1},       /* no descriptor */
    {UINT32_MAX, 1}, /* far away */
    {0x10000, 1},    /* the right one in 16 bits */
    {0, SIZE + 1},   /* more answers than there are descriptors */
    {0, UINT16_MAX}, /* the index runs backwards */
};

static void answer_nonsense(void *argument)
{
    const unsigned index = *(const unsigned *)argument;
    void *token = NULL;
    uint32_t bytes;

    open_queue();
    ck_assert_int_eq(add(2, 1, &queue), 0);
    use(available(0) + nonsense[index].head, 1);
    set_used_count(nonsense[index].count);
    ck_assert_int_eq(take(&token, &bytes), -EIO);
    ck_assert_ptr_null(token);
    ck_assert_uint_eq(queue.free_count, SIZE - 3);
    virtqueue_destroy(&queue);
}

static unsigned current;

static void answer_current_nonsense(void *argument)
{
    (void)argument;
    answer_nonsense(&current);
}

START_TEST(answer_that_nobody_waits_for_is_an_error)
{
    make_fake();
    current = (unsigned)_i;
    run_with_fake(answer_current_nonsense);
}
END_TEST

DEVICE_TEST(second_answer_to_a_chain_is_an_error)
{
    void *token;
    uint32_t bytes;

    open_queue();
    ck_assert_int_eq(add(1, 1, &queue), 0);
    use(available(0), 1);
    ck_assert_int_eq(take(&token, &bytes), 1);
    use(available(0), 1);
    ck_assert_int_eq(take(&token, &bytes), -EIO);
    virtqueue_destroy(&queue);
}

/* What the device writes into descriptors is never believed. */
DEVICE_TEST(descriptors_that_the_device_overwrites_do_not_matter)
{
    void *token;
    uint32_t bytes;

    open_queue();
    ck_assert_int_eq(add(2, 2, &queue), 0);
    memset(phys_to_virt(window_value(COMMON_AT + COMMON_QUEUE_DESCRIPTORS, 8)), 0xff, SIZE * 16);
    use(available(0), 5);
    ck_assert_int_eq(take(&token, &bytes), 1);
    ck_assert_uint_eq(queue.free_count, SIZE);
    ck_assert_int_eq(add(4, 4, &queue), 0);
    virtqueue_destroy(&queue);
}

static unsigned visited;

static void visit(void *context, void *token)
{
    ck_assert_ptr_null(context);
    ck_assert_ptr_eq(token, &queue);
    visited++;
}

DEVICE_TEST(chains_under_way_are_visited_and_gone_after_a_reset)
{
    open_queue();
    ck_assert_int_eq(add(1, 1, &queue), 0);
    ck_assert_int_eq(add(2, 1, &queue), 0);
    virtqueue_for_each_token(&queue, visit, NULL);
    ck_assert_uint_eq(visited, 2);
    ck_assert_int_eq(virtqueue_enable(&queue), 0);
    virtqueue_for_each_token(&queue, visit, NULL);
    ck_assert_uint_eq(visited, 2);
    ck_assert_uint_eq(queue.free_count, SIZE);
    virtqueue_destroy(&queue);
}

DEVICE_TEST(enable_refuses_impossible_sizes_and_bounds_large_ones)
{
    static const unsigned wrong[] = {0, 3, 100, 0xffff, 0xc000};

    open_queue();
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set_window(COMMON_AT + COMMON_QUEUE_SIZE, 2, wrong[i]);
        ck_assert_int_eq(virtqueue_enable(&queue), -EIO);
    }
    set_window(COMMON_AT + COMMON_QUEUE_SIZE, 2, 0x8000);
    ck_assert_int_eq(virtqueue_enable(&queue), 0);
    ck_assert_uint_eq(queue.size, VIRTQUEUE_SIZE_MAX);
    ck_assert_uint_eq(window_value(COMMON_AT + COMMON_QUEUE_SIZE, 2), VIRTQUEUE_SIZE_MAX);
    fake.no_vectors = true;
    ck_assert_int_eq(virtqueue_enable(&queue), -EIO);
    virtqueue_destroy(&queue);
}

DEVICE_TEST(create_survives_failure_of_nth_allocation)
{
    struct fault_injection faults = {.fail_at = 1};

    ck_assert_int_eq(virtio_pci_open(&pci, hal_device_get(0)), 0);
    this_kernel()->faults = &faults;
    ck_assert_int_eq(virtqueue_create(&queue, &pci, 0), -ENOMEM);
    this_kernel()->faults = NULL;
    ck_assert_ptr_null(queue.memory);
    virtqueue_destroy(&queue);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, chain_shows_its_parts_to_the_device);
    tcase_add_test(tcase, chains_come_back_in_the_order_of_the_device_while_indices_wrap);
    tcase_add_test(tcase, full_queue_is_busy_and_changes_nothing);
    tcase_add_loop_test(tcase, answer_that_nobody_waits_for_is_an_error, 0,
                        sizeof(nonsense) / sizeof(nonsense[0]));
    tcase_add_test(tcase, second_answer_to_a_chain_is_an_error);
    tcase_add_test(tcase, descriptors_that_the_device_overwrites_do_not_matter);
    tcase_add_test(tcase, chains_under_way_are_visited_and_gone_after_a_reset);
    tcase_add_test(tcase, enable_refuses_impossible_sizes_and_bounds_large_ones);
    tcase_add_test(tcase, create_survives_failure_of_nth_allocation);
}

static Suite *suite(void)
{
    return unit_suite("virtqueue", add_tests);
}

UNIT_MAIN(suite)
