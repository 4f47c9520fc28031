/* SPDX-License-Identifier: MIT
 *
 * XSAVE areas (hal/user.h): size, initial state and checking, from what the host has enabled.
 *
 * Components that Linux enables for a process only on request (AMX tile data) are left out: they
 * are in XCR0, but not in the state of processes that did not ask. Intel SDM volume 1 chapter 13.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "hal/user.h"

enum {
    LEGACY_BYTES = 512,
    HEADER_BYTES = 64,
    MXCSR_OFFSET = 24,
    MXCSR_MASK_OFFSET = 28,
    MXCSR_DEFAULT = 0x1f80,
    MXCSR_VALID = 0xffff,
    X87_CONTROL_DEFAULT = 0x37f,
};

#define FEATURES_ON_REQUEST (1ull << 17 | 1ull << 18) /* AMX TILECFG, TILEDATA */
#define FEATURES_LEGACY 3ull                          /* x87, SSE */

static uint64_t features_read(void)
{
    unsigned eax, ebx, ecx, edx;
    uint32_t low, high;

    __cpuid(1, eax, ebx, ecx, edx);
    if (!(ecx & bit_OSXSAVE)) {
        return FEATURES_LEGACY;
    }
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32 | low) & ~FEATURES_ON_REQUEST;
}

/* CPUID traps to the hypervisor on virtual machines: ask once. Benign race: same answer. */
uint64_t hal_fpu_features(void)
{
    static uint64_t cached;
    uint64_t features = __atomic_load_n(&cached, __ATOMIC_RELAXED);

    if (!features) {
        features = features_read();
        __atomic_store_n(&cached, features, __ATOMIC_RELAXED);
    }
    return features;
}

/* One past the last byte of component `index` >= 2 in the standard format. */
static size_t component_end(unsigned index)
{
    unsigned bytes, offset, ecx, edx;

    __cpuid_count(0xd, index, bytes, offset, ecx, edx);
    return (size_t)offset + bytes;
}

static size_t fpu_size_compute(void)
{
    uint64_t features = hal_fpu_features();
    size_t size = LEGACY_BYTES + HEADER_BYTES;

    for (unsigned i = 2; i < 63; i++) {
        if (features >> i & 1 && component_end(i) > size) {
            size = component_end(i);
        }
    }
    return size;
}

/* The features whose components lie within the first `bytes` bytes of an area. */
static uint64_t features_within(size_t bytes)
{
    uint64_t features = hal_fpu_features();

    for (unsigned i = 2; bytes < hal_fpu_size() && i < 63; i++) {
        if (features >> i & 1 && component_end(i) > bytes) {
            features &= ~(1ull << i);
        }
    }
    return features;
}

size_t hal_fpu_size(void)
{
    static size_t cached;
    size_t size = __atomic_load_n(&cached, __ATOMIC_RELAXED);

    if (!size) {
        size = fpu_size_compute();
        __atomic_store_n(&cached, size, __ATOMIC_RELAXED);
    }
    return size;
}

void hal_fpu_init(void *fpu)
{
    static const uint16_t control = X87_CONTROL_DEFAULT;
    static const uint32_t mxcsr = MXCSR_DEFAULT, mxcsr_mask = MXCSR_VALID;

    memset(fpu, 0, hal_fpu_size());
    memcpy(fpu, &control, sizeof control);
    memcpy((char *)fpu + MXCSR_OFFSET, &mxcsr, sizeof mxcsr);
    memcpy((char *)fpu + MXCSR_MASK_OFFSET, &mxcsr_mask, sizeof mxcsr_mask);
}

int hal_fpu_sanitize(void *fpu, size_t bytes)
{
    uint32_t mxcsr;
    uint64_t header[HEADER_BYTES / 8];

    if (bytes < LEGACY_BYTES) {
        return -EINVAL;
    }
    memcpy(&mxcsr, (char *)fpu + MXCSR_OFFSET, sizeof mxcsr);
    mxcsr &= MXCSR_VALID;
    memcpy((char *)fpu + MXCSR_OFFSET, &mxcsr, sizeof mxcsr);
    if (bytes < LEGACY_BYTES + HEADER_BYTES) {
        return 0;
    }
    memcpy(header, (char *)fpu + LEGACY_BYTES, sizeof header);
    if (header[1]) {
        return -EINVAL; /* compacted format */
    }
    header[0] &= features_within(bytes);
    memset(&header[1], 0, sizeof header - sizeof header[0]);
    memcpy((char *)fpu + LEGACY_BYTES, header, sizeof header);
    return 0;
}
