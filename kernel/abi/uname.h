/* SPDX-License-Identifier: MIT */
/* uname(2). */
#ifndef KERNEL_ABI_UNAME_H
#define KERNEL_ABI_UNAME_H

#define UTSNAME_LENGTH 65

/* Each field is NUL-terminated. */
struct linux_utsname {
    char sysname[UTSNAME_LENGTH];
    char nodename[UTSNAME_LENGTH];
    char release[UTSNAME_LENGTH];
    char version[UTSNAME_LENGTH];
    char machine[UTSNAME_LENGTH];
    char domainname[UTSNAME_LENGTH];
};

/* personality(2) */
#define PER_LINUX 0x0000
#define PER_LINUX32 0x0008
#define PER_MASK 0x00ff
#define UNAME26 0x0020000
#define ADDR_NO_RANDOMIZE 0x0040000
#define MMAP_PAGE_ZERO 0x0100000
#define ADDR_COMPAT_LAYOUT 0x0200000
#define READ_IMPLIES_EXEC 0x0400000
#define PER_CLEAR_ON_SETID                                                                         \
    (READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO)
#define FDPIC_FUNCPTRS 0x0080000
#define MMAP_PAGE_ZERO 0x0100000
#define ADDR_COMPAT_LAYOUT 0x0200000
#define READ_IMPLIES_EXEC 0x0400000
#define ADDR_LIMIT_32BIT 0x0800000
#define SHORT_INODE 0x1000000
#define WHOLE_SECONDS 0x2000000
#define STICKY_TIMEOUTS 0x4000000
#define ADDR_LIMIT_3GB 0x8000000

/* Sizes that programs rely on. */
_Static_assert(sizeof(struct linux_utsname) == 390, "linux_utsname");

#endif
