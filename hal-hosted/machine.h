/* SPDX-License-Identifier: MIT
 *
 * A machine inside a Linux process: the hosted backend's public interface, used by sim/ and tests.
 *
 * Any number of machines may live in one process; they share one copy of the kernel's code and no
 * data. Every function is called from ordinary host threads, never from kernel code.
 */
#ifndef HAL_HOSTED_MACHINE_H
#define HAL_HOSTED_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hal_fault;
struct hal_user;
struct machine;

enum machine_engine {
    MACHINE_ENGINE_AUTO, /* stub where seccomp works, else ptrace */
    MACHINE_ENGINE_STUB,
    MACHINE_ENGINE_PTRACE,
    MACHINE_ENGINE_NONE, /* no user code can run: unit tests, fuzzing */
};

/* What plays user code, time and chance for a machine with MACHINE_ENGINE_NONE: every run of such a
 * machine is a function of these. Each may be NULL. Called on the vCPU's thread, on the kernel stack
 * of the thread that runs. */
struct machine_hooks {
    /* In place of user code, for every hal_user_run: the task's address space is active, interrupts
     * are enabled, no lock is held. May change the registers, copy from and to user memory, and call
     * the kernel. Returns an enum hal_stop. NULL: every task dies at once. */
    int (*user_run)(void *argument, struct hal_user *user, struct hal_fault *out);
    uint64_t (*monotonic_ns)(void *argument); /* the wall clock follows it */
    /* A CPU has nothing to do before the clock reaches the deadline (UINT64_MAX: none); the clock has
     * to get there, or the call does not return. */
    void (*idle)(void *argument, uint64_t deadline_ns);
    void (*entropy)(void *argument, void *out, size_t bytes);
    void (*crashed)(void *argument); /* on a kernel panic, with its stack still whole */
    /* Several CPUs, for machine_run_paused: they take turns on the caller's thread, and this says
     * which one goes on: one of the set `ready`, bit n for CPU n. `cpu` has come to a point of the
     * kernel where another may run; with `must` it waits for one, and is not in the set.
     * *points_left: how many points to pass before the next question (set to UINT64_MAX: none,
     * until a CPU waits). */
    unsigned (*turn)(void *argument, unsigned cpu, uint32_t ready, bool must,
                     uint64_t *points_left);
    void *argument;
};

struct machine_config {
    uint64_t ram_bytes;  /* at least MACHINE_RAM_MIN; rounded down to pages */
    unsigned cpus;       /* 1 .. HAL_CPUS_MAX */
    const char *cmdline; /* kernel command line, copied */
    const void *initrd;  /* uncompressed newc archives, outside the machine's RAM; may be NULL. They
                          * stay in place and unchanged until machine_destroy. */
    size_t initrd_bytes;
    enum machine_engine engine;
    bool trace_exact; /* never patch guest code */

    const struct machine_hooks *hooks; /* for MACHINE_ENGINE_NONE; may be NULL; not copied */

    int input_fd;  /* console input; -1: none (end of file at once) */
    int output_fd; /* console output; -1: discard */
    int log_fd;    /* kernel log; -1: discard */
    int trace_fd;  /* syscall trace; -1: discard */
};

enum { MACHINE_RAM_MIN = 8 << 20 };

/* Exit statuses of machine_run beyond the guest's own 0..255. */
enum { MACHINE_CRASHED = 0x100, MACHINE_STOPPED = 0x101 };

/* New machine, powered off. 0 or negative errno; then message (if not NULL) holds one line that
 * says what failed and how to cure it. */
int machine_create(const struct machine_config *config, struct machine **out, char *message,
                   size_t message_bytes);

/* Power on and run until power-off. If input and output are terminals, the terminal is raw
 * meanwhile, and restored also if a signal stops or ends the process. Blocks the calling thread,
 * which becomes CPU 0. Returns the guest's status 0..255, MACHINE_CRASHED after a kernel panic,
 * MACHINE_STOPPED after machine_stop. */
int machine_run(struct machine *machine);

/* From another thread or a signal handler (async-signal-safe): end machine_run soon, without the
 * guest's cooperation. */
void machine_stop(struct machine *machine);

/* The terminal's size changed (async-signal-safe): the guest's console gets SIGWINCH. */
void machine_console_resized(struct machine *machine);

/* Free everything: RAM, stub processes, threads. The machine is not running. */
void machine_destroy(struct machine *machine);

#endif
