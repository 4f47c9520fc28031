/* SPDX-License-Identifier: MIT
 *
 * A kernel that does nothing but test the backend under it. Each test_* function checks one part
 * of the contract in hal/ and reports failed checks; the number of failures is the exit status.
 */
#ifndef TESTS_QEMU_FAKE_KERNEL_H
#define TESTS_QEMU_FAKE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/hal.h"
#include "hal/kernel_on.h"

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

extern const struct hal_boot *boot;

void print(const char *text);
void print_number(const char *name, uint64_t value);
void check_failed(const char *file, unsigned line, const char *what);
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            check_failed(__FILE__, __LINE__, #condition);                                          \
    } while (0)
#define CHECK_EQUAL(a, b)                                                                          \
    do {                                                                                           \
        uint64_t check_a = (uint64_t)(a), check_b = (uint64_t)(b);                                 \
        if (check_a != check_b) {                                                                  \
            check_failed(__FILE__, __LINE__, #a " == " #b);                                        \
            print_number("    left ", check_a);                                                    \
            print_number("    right ", check_b);                                                   \
        }                                                                                          \
    } while (0)

/* Whether the command line has this word. */
bool cmdline_has(const char *word);

/* Zeroed physical pages. */
uint64_t page_alloc(void);
uint64_t pages_alloc(unsigned count); /* contiguous; for good */
void page_free(uint64_t paddr);
unsigned pages_in_use(void);
static inline void *page_address(uint64_t paddr)
{
    return boot->direct_map + paddr;
}

/* What has arrived, per CPU. */
struct arrivals {
    volatile unsigned timers, ipis;
    volatile uint64_t last_timer_ns;
};
extern struct arrivals arrivals[HAL_CPUS_MAX];

/* Run job(argument) on another CPU and wait; or start it, and wait later. */
void cpu_run(unsigned cpu, void (*job)(void *), void *argument);
void cpu_begin(unsigned cpu, void (*job)(void *), void *argument);
void cpu_finish(unsigned cpu);
extern unsigned cpus_started; /* the boot CPU included */

/* A user task with one page of code (the snippets of user_code.S), one of stack, one of data. */
enum { USER_CODE = 0x400000, USER_DATA = 0x600000, USER_STACK_TOP = 0x7fffffff0000 };
struct user {
    struct hal_user hal;
    struct hal_aspace *aspace;
    uint64_t data_page, stack_page, fpu_page;
};
extern const char user_code[], user_code_end[];
struct user *user_create(const char *entry);
void user_destroy(struct user *user);
void user_enter(struct user *user, const char *entry); /* next run starts there */
/* Run until something other than an interrupt; activates the address space first. */
enum hal_stop user_run(struct user *user, struct hal_fault *fault);

void test_time(void);
void test_context(void);
void test_string(void);
void test_image(void);
void test_user(void);
void test_fpu(void);
void test_aspace(void);
void test_copy(void);
void test_smp(void);
void test_console(void);
void test_device(void);
/* Prints what the hot paths cost. */
void bench(void);
/* One of the fatal=... tests: must end in kernel_on_fatal_exception. */
void test_fatal(void);
bool fatal_expected(unsigned vector, uint64_t error, uint64_t address, uint64_t rip, uint64_t rsp);

#endif
