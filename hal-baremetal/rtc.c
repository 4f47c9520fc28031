/* SPDX-License-Identifier: MIT
 *
 * Wall-clock time from the CMOS clock (MC146818), read once at boot and whenever asked; to the
 * second. It is taken to run in UTC.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"

enum {
    SECONDS = 0,
    MINUTES = 2,
    HOURS = 4,
    DAY = 7,
    MONTH = 8,
    YEAR = 9,
    STATUS_A = 10,
    STATUS_B = 11
};
enum { UPDATE_IN_PROGRESS = 0x80, BINARY = 0x04, HOURS_24 = 0x02 };

static uint8_t cmos_read(uint8_t reg)
{
    outb(0x70, reg | 0x80); /* no NMI between index and data */
    return inb(0x71);
}

static unsigned decode(uint8_t value, bool binary)
{
    return binary ? value : (value >> 4) * 10u + (value & 15u);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static uint64_t days_since_epoch(unsigned year, unsigned month, unsigned day)
{
    year -= month <= 2; /* years from March */
    unsigned m = (month + 9) % 12;
    uint64_t days =
        365ull * year + year / 4 - year / 100 + year / 400 + (153 * m + 2) / 5 + day - 1;
    return days - 719468;
}

uint64_t hal_time_realtime_ns(void)
{
    static const uint8_t order[] = {SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR};
    uint8_t raw[6], again[6], century = 0;
    for (unsigned tries = 0; tries < 100; tries++) {
        for (unsigned wait = 0; wait < 100000 && cmos_read(STATUS_A) & UPDATE_IN_PROGRESS; wait++)
            cpu_pause();
        for (unsigned i = 0; i < 6; i++)
            raw[i] = cmos_read(order[i]);
        if (x86_acpi_info.century_register && x86_acpi_info.century_register < 0x80)
            century = cmos_read(x86_acpi_info.century_register);
        for (unsigned i = 0; i < 6; i++)
            again[i] = cmos_read(order[i]);
        if (memcmp(raw, again, sizeof raw) == 0)
            break;
    }
    uint8_t status = cmos_read(STATUS_B);
    outb(0x70, STATUS_A); /* NMI enabled again */
    bool binary = status & BINARY, pm = raw[2] & 0x80;
    unsigned hour = decode(raw[2] & 0x7f, binary);
    if (!(status & HOURS_24))
        hour = hour % 12 + (pm ? 12 : 0);
    unsigned centuries = decode(century, binary);
    unsigned year =
        decode(raw[5], binary) + (centuries >= 19 && centuries < 40 ? centuries : 20) * 100;
    unsigned month = decode(raw[4], binary), day = decode(raw[3], binary);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
        return 0;
    uint64_t seconds = days_since_epoch(year, month, day) * 86400 + hour * 3600ull +
                       decode(raw[1], binary) * 60ull + decode(raw[0], binary);
    return seconds * 1000000000ull;
}
