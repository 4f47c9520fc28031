/* SPDX-License-Identifier: MIT */
/* getrandom(2), random(4). */
#ifndef KERNEL_ABI_RANDOM_H
#define KERNEL_ABI_RANDOM_H

#include <stdint.h>

#define GRND_NONBLOCK 0x0001
#define GRND_RANDOM 0x0002
#define GRND_INSECURE 0x0004

/* ioctls of /dev/random, random(4) */
#define RNDGETENTCNT 0x80045200
#define RNDADDTOENTCNT 0x40045201
#define RNDADDENTROPY 0x40085203
#define RNDZAPENTCNT 0x5204
#define RNDCLEARPOOL 0x5206
#define RNDRESEEDCRNG 0x5207

/* What RNDADDENTROPY takes; so many bytes follow. */
struct linux_rand_pool_info {
    int32_t entropy_count; /* bits */
    int32_t buf_size;      /* bytes */
};

#endif
