/* SPDX-License-Identifier: MIT
 *
 * The error numbers that the contract in hal/ names; the kernel's own list is above this backend.
 */
#ifndef HAL_BAREMETAL_ERRNO_H
#define HAL_BAREMETAL_ERRNO_H

enum { ENOMEM = 12, ENODEV = 19, EINVAL = 22, ENOSPC = 28, ETIMEDOUT = 110 };

#endif
