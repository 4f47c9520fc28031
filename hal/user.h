/* SPDX-License-Identifier: MIT
 *
 * Running user code: one call that returns when the kernel is needed.
 */
#ifndef HAL_USER_H
#define HAL_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hal_aspace;

/* User-visible registers. After HAL_STOP_SYSCALL rax holds the system call number, rdi rsi rdx r10
 * r8 r9 the arguments, rip the address after the instruction, rcx and r11 as SYSCALL left them
 * (rip and rflags). The kernel may change anything before the next run; the backend makes rflags
 * safe and refuses a non-canonical rip by a fault stop, never by crashing. */
struct hal_regs {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    uint64_t fs_base, gs_base;
};

/* A thread's user-mode state. The kernel allocates it (inside struct task) zeroed, fills regs, and
 * calls hal_user_init once and hal_user_exit once. */
struct hal_user {
    struct hal_regs regs;
    struct hal_aspace *aspace; /* set by the kernel; may change between runs (exec) */
    void *fpu;                 /* XSAVE area, hal_fpu_size() bytes, 64-byte aligned, kernel's memory */
    uint64_t priv[8];
    uint32_t waiting; /* after HAL_STOP_WAIT; the backend clears it before kernel_on_user_wake */
};

enum hal_stop {
    HAL_STOP_SYSCALL,   /* SYSCALL instruction; see regs */
    HAL_STOP_FAULT,     /* page fault or any other exception; see hal_fault */
    HAL_STOP_INTERRUPT, /* an interrupt was delivered (or is about to be); nothing to decode */
    HAL_STOP_DEAD,      /* the address space's host process died; the task must be killed */
    HAL_STOP_PENDING,   /* as HAL_STOP_INTERRUPT, but the interrupt came before any user code ran */
    HAL_STOP_WAIT,      /* user code has nothing to do: sleep until user->waiting is 0 or a signal
                         * comes, then run again; only where the "user code" is a test's script */
};

static inline bool hal_stop_is_interrupt(enum hal_stop stop)
{
    return stop == HAL_STOP_INTERRUPT || stop == HAL_STOP_PENDING;
}

enum hal_vector { /* x86 exception numbers */
    HAL_VECTOR_DIVIDE = 0,
    HAL_VECTOR_DEBUG = 1,
    HAL_VECTOR_BREAKPOINT = 3,
    HAL_VECTOR_OVERFLOW = 4,
    HAL_VECTOR_BOUND = 5,
    HAL_VECTOR_INVALID_OPCODE = 6,
    HAL_VECTOR_NO_FPU = 7,
    HAL_VECTOR_STACK = 12,
    HAL_VECTOR_PROTECTION = 13,
    HAL_VECTOR_PAGE = 14,
    HAL_VECTOR_X87 = 16,
    HAL_VECTOR_ALIGNMENT = 17,
    HAL_VECTOR_SIMD = 19,
};

enum hal_page_fault_bits { /* hal_fault.error of HAL_VECTOR_PAGE, as the CPU reports them */
    HAL_PF_PRESENT = 1,
    HAL_PF_WRITE = 2,
    HAL_PF_USER = 4,
    HAL_PF_FETCH = 16,
};

struct hal_fault {
    unsigned vector;
    uint64_t error;
    uint64_t address; /* page faults: CR2 */
};

/* Bytes of an XSAVE area (standard format) on this machine; constant after boot. A fresh area is
 * set to the ABI's initial state by hal_fpu_init. */
size_t hal_fpu_size(void);
void hal_fpu_init(void *fpu);

/* XCR0-style mask of the components in use; for signal frames and core dumps. */
uint64_t hal_fpu_features(void);

/* Check an XSAVE area that came from user memory (signal return) and make it loadable: clears
 * reserved bits. 0 or -EINVAL. */
int hal_fpu_sanitize(void *fpu, size_t bytes);

void hal_user_init(struct hal_user *user);
void hal_user_exit(struct hal_user *user);

/* Bring user->fpu up to date before the kernel reads it; after this the kernel may also change it,
 * followed by hal_user_fpu_changed. Thread context; user is the caller's own or not running. */
void hal_user_fpu_sync(struct hal_user *user);
void hal_user_fpu_changed(struct hal_user *user);

/* Run user code in user->aspace (which is active on this CPU) until it stops. Called with
 * interrupts enabled, no lock held; returns with interrupts enabled. If an interrupt is pending on
 * entry it is delivered first and HAL_STOP_PENDING returned without running user code.
 * `out` is filled for HAL_STOP_FAULT. */
enum hal_stop hal_user_run(struct hal_user *user, struct hal_fault *out);

/* Single-step flag for ptrace: the next run stops with HAL_VECTOR_DEBUG after one instruction is
 * expressed by RFLAGS.TF in regs.rflags; no call is needed. */

#endif
