/* SPDX-License-Identifier: MIT
 *
 * XSAVE areas: initial state, and checking of areas that came from user memory.
 */
#include <errno.h>
#include <string.h>

#include "tests/unit/hal-hosted/hosted_test.h"

enum { HEADER = 512, MXCSR = 24 };

static unsigned char *area_create(void)
{
    unsigned char *area = aligned_alloc(64, (hal_fpu_size() + 63) / 64 * 64);

    hal_fpu_init(area);
    return area;
}

START_TEST(initial_area_loads_and_has_abi_defaults)
{
    unsigned char *area = area_create();
    uint32_t mxcsr;
    uint16_t control;

    ck_assert_uint_ge(hal_fpu_size(), 576);
    ck_assert_uint_eq(hal_fpu_features() & 3, 3);
    memcpy(&mxcsr, area + MXCSR, sizeof mxcsr);
    memcpy(&control, area, sizeof control);
    ck_assert_uint_eq(mxcsr, 0x1f80);
    ck_assert_uint_eq(control, 0x37f);
    ck_assert_int_eq(hal_fpu_sanitize(area, hal_fpu_size()), 0);
    free(area);
}
END_TEST

START_TEST(sanitize_clears_reserved_bits)
{
    unsigned char *area = area_create();
    uint64_t features;
    uint32_t mxcsr;

    memset(area + MXCSR, 0xff, 4);
    memset(area + HEADER, 0xff, 8);
    memset(area + HEADER + 16, 0xff, 48);
    ck_assert_int_eq(hal_fpu_sanitize(area, hal_fpu_size()), 0);
    memcpy(&mxcsr, area + MXCSR, sizeof mxcsr);
    memcpy(&features, area + HEADER, sizeof features);
    ck_assert_uint_eq(mxcsr, 0xffff);
    ck_assert_uint_eq(features, hal_fpu_features());
    for (unsigned i = 8; i < 64; i++) {
        ck_assert_uint_eq(area[HEADER + i], 0);
    }
    free(area);
}
END_TEST

START_TEST(sanitize_refuses_compacted_and_short_areas)
{
    unsigned char *area = area_create();
    uint64_t features = UINT64_MAX;

    ck_assert_int_eq(hal_fpu_sanitize(area, 511), -EINVAL);
    ck_assert_int_eq(hal_fpu_sanitize(area, 512), 0);
    memcpy(area + HEADER, &features, sizeof features);
    ck_assert_int_eq(hal_fpu_sanitize(area, 576), 0);
    memcpy(&features, area + HEADER, sizeof features);
    ck_assert_uint_eq(features, 3); /* nothing that lies beyond what was given */
    area[HEADER + 15] = 0x80;
    ck_assert_int_eq(hal_fpu_sanitize(area, hal_fpu_size()), -EINVAL);
    free(area);
}
END_TEST

HOSTED_MAIN("fpu", initial_area_loads_and_has_abi_defaults, sanitize_clears_reserved_bits,
            sanitize_refuses_compacted_and_short_areas)
