/* SPDX-License-Identifier: MIT
 *
 * Unit tests of kernel code run it in a real small machine: the hosted backend boots, the parts of
 * the kernel that the test program links are initialised in boot order, and the test's function
 * runs as a kernel thread (or, without the scheduler, as the boot code).
 *
 *     static void body(void *argument) { ck_assert_ptr_nonnull(page_alloc(0, 0)); }
 *     START_TEST(name) { ck_assert_int_eq(test_machine_run(body, NULL, 1), 0); } END_TEST
 *
 * Check's assertions work inside the machine as long as Check forks (its default), as a failing one
 * then ends the process at once.
 */
#ifndef TESTS_UNIT_SUPPORT_TEST_MACHINE_H
#define TESTS_UNIT_SUPPORT_TEST_MACHINE_H

/* Boot a machine with `cpus` CPUs and 64 MiB of RAM, run function(argument), power off. Returns 0,
 * what the function gave hal_power_off, or MACHINE_CRASHED (hal-hosted/machine.h) after a panic;
 * -1 if there is no machine to be had. The kernel's log goes to standard error if the environment
 * has ASSAY_TEST_LOG, else nowhere; a panic is always printed. */
int test_machine_run(void (*function)(void *argument), void *argument, unsigned cpus);

/* The same with another amount of RAM (at least MACHINE_RAM_MIN, 8 MiB). */
int test_machine_run_ram(void (*function)(void *argument), void *argument, unsigned cpus,
                         unsigned long ram_bytes);

/* The same with a device on its bus (hal-hosted/device.h): the first that hal_device_get gives. */
struct machine_device_id;
struct machine_device_ops;
int test_machine_run_device(void (*function)(void *argument), void *argument,
                            const struct machine_device_id *id,
                            const struct machine_device_ops *ops, void *model);

#endif
