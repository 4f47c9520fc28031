/* SPDX-License-Identifier: MIT
 *
 * Guests for tests that drive an engine directly: a test body runs as the kernel on CPU 0 of a
 * machine with the fake kernel, and its guests are a few instructions in pages of its own.
 */
#ifndef TESTS_UNIT_ENGINE_ENGINE_HARNESS_H
#define TESTS_UNIT_ENGINE_ENGINE_HARNESS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal-hosted/machine.h"
#include "hal-hosted/process.h"
#include "hal/hal.h"
#include "tests/unit/support/fake_kernel.h"

/* Inside the machine: Check's own assertions may not be used on a kernel context. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: expected: %s\n", __FILE__, __LINE__, #condition);              \
            hal_power_crash();                                                                     \
        }                                                                                          \
    } while (0)

#define EXPECT_EQ(actual, expected)                                                                \
    do {                                                                                           \
        unsigned long long actual_ = (unsigned long long)(actual);                                 \
        unsigned long long expected_ = (unsigned long long)(expected);                             \
        if (actual_ != expected_) {                                                                \
            fprintf(stderr, "%s:%d: %s is %#llx, expected %#llx\n", __FILE__, __LINE__, #actual,   \
                    actual_, expected_);                                                           \
            hal_power_crash();                                                                     \
        }                                                                                          \
    } while (0)

#define GUEST_CODE 0x400000ull
#define GUEST_DATA 0x600000ull
#define GUEST_STACK 0x7ffffffe0000ull /* one page below this */

enum { PAGE = HAL_PAGE_SIZE, HARNESS_RAM = 64 << 20 };

struct guest {
    struct hal_aspace *aspace;
    struct hal_user user;
    struct hal_fault fault;
    uint64_t code, data; /* frames of the pages at GUEST_CODE and GUEST_DATA */
};

/* Guest programs are position independent. */
#define GUEST_PROGRAM(name, text)                                                                  \
    extern const char name[], name##_end[];                                                        \
    __asm__(".pushsection .rodata\n.balign 16\n" #name ":\n" text "\n" #name "_end:\n."            \
            "popsection\n")

static inline enum machine_engine harness_engine(void)
{
    const char *name = getenv("ASSAY_TEST_ENGINE");

    return name && !strcmp(name, "ptrace") ? MACHINE_ENGINE_PTRACE : MACHINE_ENGINE_STUB;
}

static inline int harness_run_kernel(struct fake_kernel *kernel, unsigned cpus, bool trace_exact)
{
    struct machine_config config = {
        .ram_bytes = HARNESS_RAM,
        .cpus = cpus,
        .engine = harness_engine(),
        .trace_exact = trace_exact,
        .input_fd = -1,
        .output_fd = -1,
        .log_fd = 2,
        .trace_fd = -1,
    };

    return fake_kernel_run_config(kernel, config);
}

/* Run body on CPU 0 and other on the CPUs that it starts; 0 if all went well. */
static inline int harness_run(unsigned cpus, void (*body)(void *argument),
                              void (*other)(void *argument, unsigned cpu))
{
    struct fake_kernel kernel = {.main = body, .cpu_main = other};

    return harness_run_kernel(&kernel, cpus, false);
}

static inline uint64_t page_alloc(size_t pages)
{
    uint64_t paddr = fake_pages_alloc(pages * PAGE, PAGE);

    EXPECT(paddr != 0);
    return paddr;
}

static inline void *page_pointer(uint64_t paddr)
{
    return fake_kernel_this()->boot->direct_map + paddr;
}

static inline uint64_t data_word(const struct guest *guest, unsigned index)
{
    return __atomic_load_n((uint64_t *)page_pointer(guest->data) + index, __ATOMIC_SEQ_CST);
}

static inline void guest_user_create(struct guest *guest)
{
    memset(&guest->user, 0, sizeof guest->user);
    guest->user.aspace = guest->aspace;
    guest->user.fpu = page_pointer(page_alloc((hal_fpu_size() + PAGE - 1) / PAGE));
    hal_fpu_init(guest->user.fpu);
    hal_user_init(&guest->user);
    guest->user.regs.rip = GUEST_CODE;
    guest->user.regs.rsp = GUEST_STACK;
    guest->user.regs.rflags = 0x202;
}

/* A guest with its code mapped r-x, a data page and a stack page rw-. */
static inline void guest_create(struct guest *guest, const char *code, const char *code_end)
{
    size_t bytes = (size_t)(code_end - code), pages = (bytes + PAGE - 1) / PAGE;

    hal_irq_enable();
    EXPECT_EQ(hal_aspace_create(&guest->aspace), 0);
    guest->code = page_alloc(pages);
    guest->data = page_alloc(1);
    memcpy(page_pointer(guest->code), code, bytes);
    EXPECT_EQ(hal_aspace_map(guest->aspace, GUEST_CODE, guest->code, pages,
                             HAL_PROT_READ | HAL_PROT_EXEC),
              0);
    EXPECT_EQ(
        hal_aspace_map(guest->aspace, GUEST_DATA, guest->data, 1, HAL_PROT_READ | HAL_PROT_WRITE),
        0);
    EXPECT_EQ(hal_aspace_map(guest->aspace, GUEST_STACK - PAGE, page_alloc(1), 1,
                             HAL_PROT_READ | HAL_PROT_WRITE),
              0);
    guest_user_create(guest);
    hal_aspace_activate(guest->aspace);
}

/* A second thread in the same address space. */
static inline void guest_share(const struct guest *guest, struct guest *other)
{
    *other = *guest;
    guest_user_create(other);
}

static inline void guest_destroy(struct guest *guest)
{
    hal_user_exit(&guest->user);
    hal_aspace_activate(NULL);
    hal_aspace_destroy(guest->aspace);
}

/* Run until something else than an interrupt stops it. */
static inline enum hal_stop guest_run(struct guest *guest)
{
    enum hal_stop stop;

    do {
        stop = hal_user_run(&guest->user, &guest->fault);
    } while (hal_stop_is_interrupt(stop));
    return stop;
}

static inline void expect_syscall(struct guest *guest, uint64_t number)
{
    EXPECT_EQ(guest_run(guest), HAL_STOP_SYSCALL);
    EXPECT_EQ(guest->user.regs.rax, number);
}

static inline void expect_fault(struct guest *guest, unsigned vector)
{
    EXPECT_EQ(guest_run(guest), HAL_STOP_FAULT);
    EXPECT_EQ(guest->fault.vector, vector);
}

static inline int harness_main(char **argv, const char *name, void (*add)(TCase *tcase))
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    SRunner *runner;
    int failed;

    hosted_prepare_process(argv);
    tcase_set_timeout(tcase, 60);
    add(tcase);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
