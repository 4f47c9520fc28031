/* SPDX-License-Identifier: MIT
 *
 * The fixture of tests that run inside a test machine and must leave nothing behind.
 */
#ifndef TESTS_UNIT_SUPPORT_KERNEL_FIXTURE_H
#define TESTS_UNIT_SUPPORT_KERNEL_FIXTURE_H

/* Boot a machine with `cpus` CPUs and whatever parts of the kernel the program links, run
 * test(argument) as a kernel thread, and fail the Check test if the machine crashed, or if the test
 * left slab objects, pages or threads behind. Threads that the test started may still be on their
 * way out when it returns: they are given a moment. */
void kernel_fixture_run(unsigned cpus, void (*test)(void *argument), void *argument);

/* The same without the check for leaks. */
void kernel_fixture_run_leaky(unsigned cpus, void (*test)(void *argument), void *argument);

/* For the inside: start a kernel thread, or fail the test. */
struct thread;
struct thread *kernel_fixture_thread(const char *name, void (*entry)(void *), void *argument);

/* For the inside: block for a time, measured by the kernel's clock. */
void kernel_fixture_sleep_ns(unsigned long long ns);

#endif
