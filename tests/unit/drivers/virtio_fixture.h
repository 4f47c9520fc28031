/* SPDX-License-Identifier: MIT
 *
 * A virtio device on PCI that is all registers: it does nothing by itself, and what it says of
 * itself is the test's choice. Structures are in register window 0, where VIRTIO 1.1, 4.1.4 has the
 * fields.
 */
#ifndef TESTS_UNIT_DRIVERS_VIRTIO_FIXTURE_H
#define TESTS_UNIT_DRIVERS_VIRTIO_FIXTURE_H

#include <string.h>

#include "hal-hosted/device.h"
#include "hal/bus.h"
#include "kernel/abi/errno.h"
#include "kernel/drivers/virtio/virtio_internal.h"
#include "kernel/drivers/virtio/virtio_pci.h"
#include "tests/unit/support/test_machine.h"
#include "tests/unit/support/unit.h"

enum {
    WINDOW_BYTES = 0x1000,
    COMMON_AT = 0x000,
    NOTIFY_AT = 0x100,
    ISR_AT = 0x200,
    OWN_AT = 0x300,
    NOTIFY_STEP = 4,
    CAPABILITY_AT = 0x40, /* the first of four, CAPABILITY_BYTES apart */
    CAPABILITY_BYTES = 0x20,
};

struct fake_virtio {
    uint8_t config[256];
    uint8_t window[WINDOW_BYTES];
    uint64_t offered;  /* features */
    bool stuck;        /* a reset never ends */
    bool refuses;      /* whatever features the driver wants */
    bool no_vectors;   /* for queues */
    unsigned notified; /* how often, and where */
    uint64_t notified_at;
};

static struct fake_virtio fake;

static inline uint64_t window_value(uint64_t at, unsigned width)
{
    uint64_t value = 0;

    memcpy(&value, fake.window + at, width);
    return value;
}

static inline void set_window(uint64_t at, unsigned width, uint64_t value)
{
    memcpy(fake.window + at, &value, width);
}

static inline uint32_t fake_config_read(void *model, unsigned offset, unsigned width)
{
    uint32_t value = UINT32_MAX;

    (void)model;
    if (offset + width <= sizeof(fake.config)) {
        value = 0;
        memcpy(&value, fake.config + offset, width);
    }
    return value;
}

static inline void fake_config_write(void *model, unsigned offset, unsigned width, uint32_t value)
{
    (void)model;
    (void)offset;
    (void)width;
    (void)value;
}

static inline uint64_t fake_bar_size(void *model, unsigned bar)
{
    (void)model;
    return bar == 0 ? WINDOW_BYTES : 0;
}

static inline uint64_t fake_read(void *model, unsigned bar, uint64_t offset, unsigned width)
{
    (void)model;
    ck_assert_uint_eq(bar, 0);
    ck_assert_uint_le(offset + width, WINDOW_BYTES);
    if (offset == COMMON_AT + COMMON_DEVICE_FEATURE) {
        unsigned shift = window_value(COMMON_AT + COMMON_DEVICE_FEATURE_SELECT, 4) ? 32 : 0;
        return (uint32_t)(fake.offered >> shift);
    }
    return window_value(offset, width);
}

static inline void fake_write(void *model, unsigned bar, uint64_t offset, unsigned width,
                              uint64_t value)
{
    enum { FEATURES_OK = 8 };

    (void)model;
    ck_assert_uint_eq(bar, 0);
    ck_assert_uint_le(offset + width, WINDOW_BYTES);
    if (offset >= NOTIFY_AT && offset < ISR_AT) {
        fake.notified++;
        fake.notified_at = offset;
    }
    if (offset == COMMON_AT + COMMON_STATUS) {
        if (value == 0 && fake.stuck) {
            return;
        }
        if (fake.refuses) {
            value &= ~(uint64_t)FEATURES_OK;
        }
    }
    if (offset == COMMON_AT + COMMON_QUEUE_VECTOR && fake.no_vectors) {
        value = 0;
    }
    set_window(offset, width, value);
}

/* The index-th capability: a structure of this type (1 .. 4) at a place. */
static inline void set_capability(unsigned index, uint8_t type, uint8_t bar, uint32_t offset,
                                  uint32_t bytes)
{
    const uint32_t step = NOTIFY_STEP;
    uint8_t *at = fake.config + CAPABILITY_AT + index * CAPABILITY_BYTES;

    at[0] = 0x09;
    at[1] = (uint8_t)(index < 3 ? CAPABILITY_AT + (index + 1) * CAPABILITY_BYTES : 0);
    at[2] = 20;
    at[3] = type;
    at[4] = bar;
    memcpy(at + 8, &offset, sizeof(offset));
    memcpy(at + 12, &bytes, sizeof(bytes));
    memcpy(at + 16, &step, sizeof(step));
}

/* A device in order. Its identity is no disk's, so that nobody but the test cares for it. */
static inline void make_fake(void)
{
    fake = (struct fake_virtio){.offered = UINT64_MAX};
    fake.config[0x06] = 0x10;
    fake.config[0x34] = CAPABILITY_AT;
    set_capability(0, 1, 0, COMMON_AT, COMMON_BYTES);
    set_capability(1, 2, 0, NOTIFY_AT, 0x100);
    set_capability(2, 3, 0, ISR_AT, 1);
    set_capability(3, 4, 0, OWN_AT, 60);
    set_window(COMMON_AT + COMMON_QUEUE_SIZE, 2, 8);
}

static inline void run_with_fake(void (*test)(void *argument))
{
    static const struct machine_device_ops ops = {
        .config_read = fake_config_read,
        .config_write = fake_config_write,
        .bar_size = fake_bar_size,
        .read = fake_read,
        .write = fake_write,
    };
    static const struct machine_device_id id = {.vendor = VIRTIO_PCI_VENDOR, .device = 0x1050};

    ck_assert_int_eq(test_machine_run_device(test, NULL, &id, &ops, NULL), 0);
}

/* A test whose body runs in a machine with this device; it begins by make_fake. */
#define DEVICE_TEST(name)                                                                          \
    static void name##_body(void *argument);                                                       \
    START_TEST(name)                                                                               \
    {                                                                                              \
        make_fake();                                                                               \
        run_with_fake(name##_body);                                                                \
    }                                                                                              \
    END_TEST                                                                                       \
    static void name##_body(void *argument __attribute__((unused)))

#endif
