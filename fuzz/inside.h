/* SPDX-License-Identifier: MIT
 *
 * The machine inside a fuzz target: booted once in a process, put back to the same state before
 * each input. A target's body runs as the user code of the machine's first program would: on its
 * task's kernel stack, with descriptors, credentials, a root file system and an address space.
 *
 * Time is virtual and chance is fixed, so an input always does the same. A kernel panic aborts the
 * process on the panicking stack.
 */
#ifndef FUZZ_INSIDE_H
#define FUZZ_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* User memory that every body finds: readable and writable, zero. */
#define FUZZ_USER_MEMORY 0x10000000ull
enum { FUZZ_USER_BYTES = 64 * 4096 };

/* Put the machine back and run body(data, size) inside it. Returns when it has returned, when
 * nothing in the machine can go on, or when its task has been killed. */
void fuzz_inside(void (*body)(const uint8_t *data, size_t size), const uint8_t *data, size_t size);

/* Before the first fuzz_inside: have attach called with the machine before it boots, to put devices
 * on its bus (hal-hosted/device.h). Their models are the target's to put back for each input. */
struct machine;
void fuzz_attach(void (*attach)(struct machine *machine));

/* ... and have it boot with that many CPUs. They take turns only from a stage_schedule (stage.h)
 * on; the first program stays on the first, and so does what it makes until it asks otherwise. */
void fuzz_cpus(unsigned cpus);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target that is nothing but a body. */
#define FUZZ_TARGET(body)                                                                          \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                   \
    {                                                                                              \
        fuzz_inside(body, data, size);                                                             \
        return 0;                                                                                  \
    }

/* ---- for bodies ---- */

/* A system call of the current task, as the dispatcher makes it: the result, or a negative errno,
 * the kernel's internal ones included. No signal is delivered. */
int64_t fuzz_call(unsigned number, ...);
#define FUZZ_CALL(number, ...) fuzz_call6(number, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define fuzz_call6(number, a, b, c, d, e, f, ...)                                                  \
    fuzz_call(number, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e),   \
              (uint64_t)(f))

/* fork(2), whose child runs `child` and then exits; the parent gets its wait status. -1 if there is
 * no memory for it. */
int fuzz_child(void (*child)(void));

/* From now on, tasks that the body makes (fork, clone) run this for user code: called at each
 * return to user mode, with what the last call returned in regs->rax, it says what comes next, most
 * often by fuzz_user_call. It may itself make calls by FUZZ_CALL; those take no signals. */
struct hal_regs;
struct hal_fault;
void fuzz_user(int (*user)(struct hal_regs *regs, struct hal_fault *fault));
/* What a system call instruction does: its arguments are in regs already. */
int fuzz_user_call(struct hal_regs *regs, unsigned number);

/* Kill every other process, and wait until no child is left. The input fails if one stays. */
void fuzz_end_children(void);
/* Wait until all children have ended by themselves. The input fails, with the text, if they cannot.
 */
void fuzz_join_children(const char *failure);

/* Let others run for a millisecond of the machine's time; no signal ends it. */
void fuzz_nap(void);

/* Copies to user memory that must succeed. */
void fuzz_put_user(uint64_t uaddr, const void *bytes, size_t count);
void fuzz_get_user(void *bytes, uint64_t uaddr, size_t count);
uint64_t fuzz_put_string(uint64_t uaddr, const char *text); /* uaddr */

/* Slab objects, and pages that are neither free nor a cache's. */
struct fuzz_usage {
    uint64_t objects, pages;
};
struct fuzz_usage fuzz_usage(void);
/* Fails if more is in use than then, and stays so while dead tasks may still be put away. */
void fuzz_check_leaks(const struct fuzz_usage *before);

/* Fail the input: print the message and abort. */
__attribute__((noreturn, format(printf, 1, 2))) void fuzz_fail(const char *format, ...);

/* ... unless the result is none of an error. */
void fuzz_must(int64_t result, const char *what);

/* The rest of an input: numbers and strings off its front, zero at its end. */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
};
uint8_t fuzz_u8(struct fuzz_input *input);
uint32_t fuzz_u32(struct fuzz_input *input);
uint64_t fuzz_u64(struct fuzz_input *input);
/* Up to `max` bytes, as many as the next byte says; *out points into the input. */
size_t fuzz_bytes(struct fuzz_input *input, size_t max, const uint8_t **out);

#endif
