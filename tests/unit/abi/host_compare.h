/* SPDX-License-Identifier: MIT */
/*
 * Comparison of kernel/abi with the host's headers. A test program includes the host's headers,
 * then this, then takes HOST_TABLE(NAMES) of their values; then it defines ABI_HEADER, includes
 * quiet_include.h, and takes ABI_TABLE(NAMES). Both sides use the same names, hence the order:
 * our definitions silently replace the host's.
 */
#ifndef TESTS_UNIT_ABI_HOST_COMPARE_H
#define TESTS_UNIT_ABI_HOST_COMPARE_H

#include "tests/unit/support/unit.h"

#include <stddef.h>
#include <stdint.h>

struct abi_value {
    const char *name;
    uint64_t value;
};

#define ABI_VALUE_(name) {#name, (uint64_t)(name)},
#define HOST_TABLE(names) static const struct abi_value host_values[] = {names(ABI_VALUE_)}
#define ABI_TABLE(names) static const struct abi_value our_values[] = {names(ABI_VALUE_)}

struct abi_layout {
    const char *name;
    size_t our_offset, our_size, host_offset, host_size;
};

/* Entries of a struct abi_layout table: a whole type, a field. */
#define SAME_SIZE(ours, host)                                                                      \
    {                                                                                              \
#ours, 0, sizeof(ours), 0, sizeof(host)                                                    \
    }
#define SAME_FIELD(ours, our_field, host, host_field)                                              \
    {                                                                                              \
#ours "." #our_field, offsetof(ours, our_field), sizeof(((ours *)0)->our_field),           \
            offsetof(host, host_field), sizeof(((host *)0)->host_field)                            \
    }

/* 0x80000000 and 1 << 31 are the same constant in an int-sized field. */
static inline uint64_t abi_narrow(uint64_t value)
{
    return (int64_t)value == (int32_t)value ? (uint32_t)value : value;
}

static inline void abi_check_values(const struct abi_value *ours, const struct abi_value *host,
                                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(abi_narrow(ours[i].value) == abi_narrow(host[i].value),
                      "%s is 0x%llx here, 0x%llx on the host", ours[i].name,
                      (unsigned long long)ours[i].value, (unsigned long long)host[i].value);
}

static inline void abi_check_layouts(const struct abi_layout *layouts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(layouts[i].our_offset == layouts[i].host_offset &&
                          layouts[i].our_size == layouts[i].host_size,
                      "%s: offset %zu size %zu here, %zu and %zu on the host", layouts[i].name,
                      layouts[i].our_offset, layouts[i].our_size, layouts[i].host_offset,
                      layouts[i].host_size);
}

/* Defines the test of all values in both tables. */
#define ABI_VALUES_TEST                                                                            \
    START_TEST(values_equal_those_of_the_host)                                                     \
    {                                                                                              \
        abi_check_values(our_values, host_values, sizeof(our_values) / sizeof(our_values[0]));     \
    }                                                                                              \
    END_TEST

/* Defines the test of the table `layouts`. */
#define ABI_LAYOUTS_TEST                                                                           \
    START_TEST(structures_are_laid_out_as_on_the_host)                                             \
    {                                                                                              \
        abi_check_layouts(layouts, sizeof(layouts) / sizeof(layouts[0]));                          \
    }                                                                                              \
    END_TEST

#endif
