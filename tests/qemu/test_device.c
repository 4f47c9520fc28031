/* SPDX-License-Identifier: MIT
 *
 * Devices as hal/bus.h shows them. The runs that ask for it have QEMU's "edu" device (MSI), an
 * e1000 (legacy line) and an e1000e (MSI-X), all of which raise interrupts on demand.
 */
#include "tests/qemu/fake_kernel.h"

static volatile unsigned interrupts;
static struct hal_device *interrupting;

static struct hal_device *find(uint16_t vendor, uint16_t device)
{
    struct hal_device *d;
    struct hal_device_id id;
    for (unsigned i = 0; (d = hal_device_get(i)) != NULL; i++) {
        hal_device_identify(d, &id);
        if (id.vendor == vendor && id.device == device)
            return d;
    }
    return NULL;
}

static bool interrupt_comes(unsigned before)
{
    uint64_t end = hal_time_monotonic_ns() + 2000000000;
    while (interrupts == before && hal_time_monotonic_ns() < end)
        hal_cpu_relax();
    return interrupts != before;
}

static void on_edu(void *argument)
{
    CHECK_EQUAL(argument, &interrupts);
    CHECK(!hal_irq_enabled());
    hal_device_write(interrupting, 0, 0x64, 4, hal_device_read(interrupting, 0, 0x24, 4));
    interrupts++;
}

static void edu(void)
{
    struct hal_device *d = interrupting = find(0x1234, 0x11e8);
    CHECK(d != NULL);
    if (!d)
        return;
    CHECK_EQUAL(hal_device_bar_size(d, 0), 1 << 20);
    CHECK_EQUAL(hal_device_bar_size(d, 1), 0);
    CHECK_EQUAL(hal_device_bar_size(d, 6), 0);
    CHECK_EQUAL(hal_device_read(d, 0, 0, 4) & 0xff, 0xed);
    hal_device_write(d, 0, 4, 4, 0x12345678);
    CHECK_EQUAL(hal_device_read(d, 0, 4, 4), 0xedcba987);
    CHECK_EQUAL(hal_device_read(d, 0, 1 << 20, 4), UINT64_MAX);
    CHECK_EQUAL(hal_device_config_read(d, 4096, 4), UINT32_MAX);
    for (unsigned i = 0; i < 3; i++) {
        unsigned before = interrupts;
        CHECK_EQUAL(hal_device_interrupt(d, 0, on_edu, (void *)&interrupts), 0);
        hal_device_write(d, 0, 0x60, 4, 1);
        CHECK(interrupt_comes(before));
    }
    CHECK(hal_device_interrupt(d, 1, on_edu, NULL) < 0);
    CHECK_EQUAL(hal_device_interrupt(d, 0, NULL, NULL), 0);
}

/* e1000: interrupt cause read (clears), cause set, mask set */
enum { ICR = 0xc0, ICS = 0xc8, IMS = 0xd0, IVAR = 0xe4 };

static void on_e1000(void *argument)
{
    (void)argument;
    uint64_t causes = hal_device_read(interrupting, 0, ICR, 4);
    hal_device_write(interrupting, 0, ICR, 4, causes); /* e1000e wants it in writing */
    interrupts++;
}

static void e1000(void)
{
    struct hal_device *d = interrupting = find(0x8086, 0x100e);
    CHECK(d != NULL);
    if (!d)
        return;
    CHECK_EQUAL(hal_device_bar_size(d, 0), 1 << 17);
    CHECK_EQUAL(hal_device_bar_size(d, 1), 64);
    CHECK(hal_device_read(d, 1, 0, 4) != UINT64_MAX); /* the port window */
    for (unsigned i = 0; i < 3; i++) {
        unsigned before = interrupts;
        CHECK_EQUAL(hal_device_interrupt(d, 0, on_e1000, NULL), 0);
        hal_device_write(d, 0, IMS, 4, 4);
        hal_device_write(d, 0, ICS, 4, 4);
        CHECK(interrupt_comes(before));
    }
    CHECK_EQUAL(hal_device_interrupt(d, 0, NULL, NULL), 0);
    unsigned before = interrupts;
    hal_device_write(d, 0, ICS, 4, 4);
    for (unsigned i = 0; i < 100000; i++)
        hal_cpu_relax();
    CHECK_EQUAL(interrupts, before);
}

static void e1000e(void)
{
    struct hal_device *d = interrupting = find(0x8086, 0x10d3);
    CHECK(d != NULL);
    if (!d)
        return;
    const unsigned other = 1u << 24, entry = 3;
    CHECK_EQUAL(hal_device_interrupt(d, entry, on_e1000, NULL), 0);
    hal_device_write(d, 0, IVAR, 4, (8 | entry) << 16);
    for (unsigned i = 0; i < 3; i++) {
        unsigned before = interrupts;
        hal_device_write(d, 0, IMS, 4, other);
        hal_device_write(d, 0, ICS, 4, other);
        CHECK(interrupt_comes(before));
    }
    CHECK(hal_device_interrupt(d, 1000, on_e1000, NULL) < 0);
    CHECK_EQUAL(hal_device_interrupt(d, entry, NULL, NULL), 0);
}

void test_device(void)
{
    struct hal_device_id id = {0}, again = {0};
    unsigned count = 0;
    for (struct hal_device *d; (d = hal_device_get(count)) != NULL; count++) {
        hal_device_identify(d, &id);
        CHECK(id.vendor != 0xffff);
        hal_device_identify(hal_device_get(count), &again);
        CHECK(memcmp(&id, &again, sizeof id) == 0);
    }
    CHECK(count > 0 || !cmdline_has("devices"));
    if (cmdline_has("devices")) {
        edu();
        e1000();
        e1000e();
    }
}
