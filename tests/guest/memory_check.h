/* SPDX-License-Identifier: MIT
 *
 * What the guest tests of memory share: probing an address without dying.
 */
#ifndef TESTS_GUEST_MEMORY_CHECK_H
#define TESTS_GUEST_MEMORY_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "fs_check.h"

#include "memory_probe.h"

#endif
