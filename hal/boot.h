/* SPDX-License-Identifier: MIT
 *
 * What the backend tells the kernel at boot. The structure and everything it points to stay
 * valid and unchanged for the life of the machine.
 */
#ifndef HAL_BOOT_H
#define HAL_BOOT_H

#include <stddef.h>
#include <stdint.h>

enum { HAL_PAGE_SHIFT = 12, HAL_PAGE_SIZE = 1 << HAL_PAGE_SHIFT };
enum { HAL_CPUS_MAX = 64, HAL_RAM_RANGES_MAX = 32 };

/* One range of usable RAM, page aligned, sorted by address, not overlapping. It contains nothing
 * that the kernel must preserve: the backend has already cut out its own image, the initrd and
 * the tables it keeps. */
struct hal_ram_range {
    uint64_t paddr;
    uint64_t bytes;
};

struct hal_boot {
    /* Direct map: physical address p is readable and writable at direct_map + p for every p in
     * ram[] and in an initrd with a physical address. Page aligned. */
    char *direct_map;

    struct hal_ram_range ram[HAL_RAM_RANGES_MAX];
    unsigned ram_count;

    unsigned cpu_count;  /* CPUs that hal_cpu_start may start, the boot CPU (0) included */
    unsigned phys_bits;  /* physical addresses are below 1 << phys_bits */

    const char *cmdline; /* NUL-terminated, never NULL */
    const void *initrd;  /* newc cpio archives, uncompressed; NULL if none. The kernel may read them
                          * for the life of the machine, and never writes to them. */
    uint64_t initrd_bytes;
    uint64_t initrd_paddr; /* page aligned start of the initrd if its RAM may be reclaimed with
                            * kernel's page allocator after unpacking, else 0: it may be outside
                            * the machine's RAM */

    uint64_t user_addr_min;   /* lowest address the guest may map (mmap_min_addr), page aligned */
    uint64_t user_addr_limit; /* one past the highest, page aligned; at most 0x7ffffffff000 */

    const char *backend;  /* "hosted", "baremetal": for /proc/cmdline-style reports only */
    const char *cpu_model; /* for /proc/cpuinfo */
    uint64_t tsc_hz;      /* for /proc/cpuinfo; 0 if unknown */
    uint64_t hwcap;       /* AT_HWCAP: CPUID.1:EDX as user code sees it */
    uint64_t hwcap2;      /* AT_HWCAP2: bit 1 = FSGSBASE usable by user code */
};

#endif
