/* SPDX-License-Identifier: MIT */
/* Directory entries: getdents64(2). */
#ifndef KERNEL_ABI_DIRENT_H
#define KERNEL_ABI_DIRENT_H

#include <stdint.h>

#define DT_UNKNOWN 0
#define DT_FIFO 1
#define DT_CHR 2
#define DT_DIR 4
#define DT_BLK 6
#define DT_REG 8
#define DT_LNK 10
#define DT_SOCK 12
#define DT_WHT 14

/* The DT_ type of a file mode. */
#define DT_OF_MODE(mode) (((mode) >> 12) & 15)

/* d_name is NUL-terminated; d_reclen is a multiple of 8. */
struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off; /* cookie to seek to the next entry */
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};

/* getdents(2), the old form: the type is in the last byte of the record. */
struct linux_dirent {
    uint64_t d_ino;
    uint64_t d_off;
    uint16_t d_reclen;
    char d_name[];
};

#endif
