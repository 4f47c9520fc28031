/* SPDX-License-Identifier: MIT
 *
 * Which sanitizer this build has, for gcc and clang, and its fiber interface.
 */
#ifndef HAL_HOSTED_SANITIZER_H
#define HAL_HOSTED_SANITIZER_H

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define HOSTED_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define HOSTED_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define HOSTED_TSAN 1
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_func_entry(void *caller);
void __tsan_read_range(void *address, long bytes);
void __tsan_write_range(void *address, long bytes);
#else
#define HOSTED_TSAN 0
#endif

#endif
