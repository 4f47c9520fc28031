/* SPDX-License-Identifier: MIT
 *
 * Times as programs pass them: conversion and checks.
 *
 * Kernel times are uint64_t nanoseconds. What does not fit (some 580 years) saturates at TIME_MAX_NS,
 * which is far enough away to never come, and still leaves room for additions.
 */
#ifndef KERNEL_PROC_TIME_H
#define KERNEL_PROC_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/time.h"

#define TIME_MAX_NS ((uint64_t)INT64_MAX)

/* tv_sec >= 0 and 0 <= tv_nsec < 10^9; the same for microseconds. */
bool timespec_is_valid(const struct linux_timespec *time);
bool timeval_is_valid(const struct linux_timeval *time);

uint64_t timespec_to_ns(const struct linux_timespec *time);
uint64_t timeval_to_ns(const struct linux_timeval *time);
struct linux_timespec timespec_from_ns(uint64_t ns);
struct linux_timeval timeval_of_ns(uint64_t ns);

/* Copy and check a struct timespec: 0, -EFAULT, -EINVAL. */
int time_from_user(uint64_t uaddr, uint64_t *out_ns);

/* Saturates at TIME_MAX_NS. */
uint64_t time_add(uint64_t a_ns, uint64_t b_ns);

#endif
