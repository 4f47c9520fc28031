/* SPDX-License-Identifier: MIT */
/*
 * kernel/drivers/virtio/virtio_pci.c against devices that lie about where things are, that do not
 * reset, and that do not agree.
 */
#include "tests/unit/drivers/virtio_fixture.h"

static struct virtio_pci pci;

static int open_fake(void)
{
    struct hal_device *device = hal_device_get(0);

    ck_assert_ptr_nonnull(device);
    return virtio_pci_open(&pci, device);
}

DEVICE_TEST(open_finds_the_structures)
{
    ck_assert_int_eq(open_fake(), 0);
    ck_assert_uint_eq(pci.common.offset, COMMON_AT);
    ck_assert_uint_eq(pci.notify.offset, NOTIFY_AT);
    ck_assert_uint_eq(pci.isr.offset, ISR_AT);
    ck_assert_uint_eq(pci.config.offset, OWN_AT);
    ck_assert_uint_eq(pci.notify_step, NOTIFY_STEP);
}

DEVICE_TEST(open_refuses_devices_without_capabilities)
{
    fake.config[0x06] = 0;
    ck_assert_int_eq(open_fake(), -ENODEV);
    make_fake();
    fake.config[0x34] = 0;
    ck_assert_int_eq(open_fake(), -ENODEV);
    memset(fake.config, 0xff, sizeof(fake.config)); /* unplugged */
    ck_assert_int_eq(open_fake(), -ENODEV);
}

DEVICE_TEST(open_ends_although_the_capabilities_are_a_circle)
{
    fake.config[CAPABILITY_AT + 3 * CAPABILITY_BYTES + 1] = CAPABILITY_AT;
    ck_assert_int_eq(open_fake(), 0);
    fake.config[CAPABILITY_AT + 1] = CAPABILITY_AT; /* and never comes to the others */
    ck_assert_int_eq(open_fake(), -ENODEV);
}

DEVICE_TEST(open_refuses_structures_that_are_not_in_a_register_window)
{
    static const struct {
        uint8_t bar;
        uint32_t offset, bytes;
    } wrong[] = {
        {1, COMMON_AT, COMMON_BYTES}, /* an absent window */
        {6, COMMON_AT, COMMON_BYTES}, /* no window */
        {255, COMMON_AT, COMMON_BYTES},
        {0, WINDOW_BYTES - COMMON_BYTES + 1, COMMON_BYTES}, /* over its end */
        {0, UINT32_MAX, COMMON_BYTES},
        {0, COMMON_AT, UINT32_MAX},
        {0, COMMON_AT, COMMON_BYTES - 1}, /* too short */
        {0, COMMON_AT, 0},
    };

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set_capability(0, 1, wrong[i].bar, wrong[i].offset, wrong[i].bytes);
        ck_assert_msg(open_fake() == -ENODEV, "case %u", i);
    }
}

DEVICE_TEST(open_takes_the_first_of_each_kind)
{
    set_capability(3, 1, 0, OWN_AT, COMMON_BYTES);
    ck_assert_int_eq(open_fake(), 0);
    ck_assert_uint_eq(pci.common.offset, COMMON_AT);
    ck_assert_uint_eq(pci.config.bytes, 0);
    ck_assert_uint_eq(virtio_pci_config(&pci, 0, 4), UINT64_MAX);
}

DEVICE_TEST(own_configuration_ends_where_the_device_says)
{
    ck_assert_int_eq(open_fake(), 0);
    set_window(OWN_AT + 56, 4, 0x12345678);
    ck_assert_uint_eq(virtio_pci_config(&pci, 56, 4), 0x12345678);
    ck_assert_uint_eq(virtio_pci_config(&pci, 57, 4), UINT64_MAX);
    ck_assert_uint_eq(virtio_pci_config(&pci, UINT32_MAX, 8), UINT64_MAX);
}

DEVICE_TEST(reset_gives_up_on_a_device_that_does_not_answer)
{
    ck_assert_int_eq(open_fake(), 0);
    set_window(COMMON_AT + COMMON_STATUS, 1, 0x0f);
    ck_assert_int_eq(virtio_pci_reset(&pci), 0);
    set_window(COMMON_AT + COMMON_STATUS, 1, 0x0f);
    fake.stuck = true;
    ck_assert_int_eq(virtio_pci_reset(&pci), -EIO);
}

DEVICE_TEST(negotiation_takes_what_both_want_and_needs_version_1)
{
    const uint64_t version = VIRTIO_FEATURE(VIRTIO_F_VERSION_1_BIT);

    ck_assert_int_eq(open_fake(), 0);
    fake.offered = version | 0xf0;
    ck_assert_int_eq(virtio_pci_negotiate(&pci, 0x3c), 0);
    ck_assert_uint_eq(pci.features, version | 0x30);
    ck_assert_int_eq(virtio_pci_reset(&pci), 0);
    fake.offered = 0xf0;
    ck_assert_int_eq(virtio_pci_negotiate(&pci, 0x3c), -EIO);
    ck_assert_int_eq(virtio_pci_reset(&pci), 0);
    fake.offered = version;
    fake.refuses = true;
    ck_assert_int_eq(virtio_pci_negotiate(&pci, 0), -EIO);
}

DEVICE_TEST(notification_outside_of_its_structure_is_not_made)
{
    ck_assert_int_eq(open_fake(), 0);
    virtio_pci_notify(&pci, 0, 2);
    ck_assert_uint_eq(fake.notified, 1);
    ck_assert_uint_eq(fake.notified_at, NOTIFY_AT + 2 * NOTIFY_STEP);
    virtio_pci_notify(&pci, 0, UINT16_MAX);
    pci.notify_step = UINT32_MAX;
    virtio_pci_notify(&pci, 0, UINT16_MAX);
    ck_assert_uint_eq(fake.notified, 1);
}

DEVICE_TEST(broken_device_says_so_or_is_gone)
{
    ck_assert_int_eq(open_fake(), 0);
    ck_assert(!virtio_pci_is_broken(&pci));
    set_window(COMMON_AT + COMMON_STATUS, 1, 0x40 | 0x0f);
    ck_assert(virtio_pci_is_broken(&pci));
    set_window(COMMON_AT + COMMON_STATUS, 1, 0xff);
    ck_assert(virtio_pci_is_broken(&pci));
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, open_finds_the_structures);
    tcase_add_test(tcase, open_refuses_devices_without_capabilities);
    tcase_add_test(tcase, open_ends_although_the_capabilities_are_a_circle);
    tcase_add_test(tcase, open_refuses_structures_that_are_not_in_a_register_window);
    tcase_add_test(tcase, open_takes_the_first_of_each_kind);
    tcase_add_test(tcase, own_configuration_ends_where_the_device_says);
    tcase_add_test(tcase, reset_gives_up_on_a_device_that_does_not_answer);
    tcase_add_test(tcase, negotiation_takes_what_both_want_and_needs_version_1);
    tcase_add_test(tcase, notification_outside_of_its_structure_is_not_made);
    tcase_add_test(tcase, broken_device_says_so_or_is_gone);
}

static Suite *suite(void)
{
    return unit_suite("virtio_pci", add_tests);
}

UNIT_MAIN(suite)
