/* SPDX-License-Identifier: MIT */
/* userfaultfd(2), ioctl_userfaultfd(2). */
#ifndef KERNEL_ABI_USERFAULTFD_H
#define KERNEL_ABI_USERFAULTFD_H

#include <stdint.h>

#define UFFD_USER_MODE_ONLY 1

#define UFFD_API 0xAAull
#define UFFD_EVENT_PAGEFAULT 0x12

#define UFFD_PAGEFAULT_FLAG_WRITE (1 << 0)
#define UFFD_PAGEFAULT_FLAG_WP (1 << 1)
#define UFFD_PAGEFAULT_FLAG_MINOR (1 << 2)

#define UFFD_FEATURE_PAGEFAULT_FLAG_WP (1 << 0)
#define UFFD_FEATURE_SIGBUS (1 << 7)
#define UFFD_FEATURE_THREAD_ID (1 << 8)
#define UFFD_FEATURE_EXACT_ADDRESS (1 << 11)

#define UFFDIO_REGISTER_MODE_MISSING (1ull << 0)
#define UFFDIO_REGISTER_MODE_WP (1ull << 1)
#define UFFDIO_REGISTER_MODE_MINOR (1ull << 2)
#define UFFDIO_COPY_MODE_DONTWAKE (1ull << 0)
#define UFFDIO_COPY_MODE_WP (1ull << 1)
#define UFFDIO_ZEROPAGE_MODE_DONTWAKE (1ull << 0)
#define UFFDIO_WRITEPROTECT_MODE_WP (1ull << 0)
#define UFFDIO_WRITEPROTECT_MODE_DONTWAKE (1ull << 1)

/* Numbers of the commands, which are also bits of uffdio_api.ioctls and uffdio_register.ioctls. */
#define _UFFDIO_REGISTER 0x00
#define _UFFDIO_UNREGISTER 0x01
#define _UFFDIO_WAKE 0x02
#define _UFFDIO_COPY 0x03
#define _UFFDIO_ZEROPAGE 0x04
#define _UFFDIO_WRITEPROTECT 0x06
#define _UFFDIO_CONTINUE 0x07
#define _UFFDIO_API 0x3F

#define UFFDIO_API 0xc018aa3fu
#define UFFDIO_REGISTER 0xc020aa00u
#define UFFDIO_UNREGISTER 0x8010aa01u
#define UFFDIO_WAKE 0x8010aa02u
#define UFFDIO_COPY 0xc028aa03u
#define UFFDIO_ZEROPAGE 0xc020aa04u
#define UFFDIO_WRITEPROTECT 0xc018aa06u
#define UFFDIO_CONTINUE 0xc020aa07u
#define USERFAULTFD_IOC_NEW 0xaa00u

struct linux_uffd_msg {
    uint8_t event;
    uint8_t reserved[7];
    uint64_t flags;
    uint64_t address;
    uint32_t ptid;
    uint32_t reserved2;
};

struct linux_uffdio_api {
    uint64_t api;
    uint64_t features;
    uint64_t ioctls;
};

struct linux_uffdio_range {
    uint64_t start;
    uint64_t len;
};

struct linux_uffdio_register {
    struct linux_uffdio_range range;
    uint64_t mode;
    uint64_t ioctls;
};

struct linux_uffdio_copy {
    uint64_t dst;
    uint64_t src;
    uint64_t len;
    uint64_t mode;
    int64_t copy;
};

struct linux_uffdio_zeropage {
    struct linux_uffdio_range range;
    uint64_t mode;
    int64_t zeropage;
};

struct linux_uffdio_writeprotect {
    struct linux_uffdio_range range;
    uint64_t mode;
};

#endif
