/* SPDX-License-Identifier: MIT
 *
 * Signal frames: a child returns from a signal that it never got, by way of a frame made of the
 * input (kernel/proc/signal_frame.c). Whatever the frame says, the registers it leaves must be
 * those of user code.
 */
#include <string.h>

#include "fuzz/inside.h"
#include "kernel/abi/signal.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/dispatch.h"
#include "kernel/syscall/syscalls.h"

enum { FRAME = 0x10001000, FPU = FRAME + 1024, FPU_MAX = 4096 };
#define FLAGS_USER_MAY_HAVE                                                                        \
    0x254fd7ull /* what user code can set, IF and the bit that is always 1 */

static struct fuzz_input rest;

static void check_registers(const struct hal_regs *regs)
{
    if (regs->rflags & ~FLAGS_USER_MAY_HAVE)
        fuzz_fail("flags %#llx after sigreturn", (unsigned long long)regs->rflags);
}

/* The input patches a frame that would be accepted: pairs of an offset and eight bytes. */
static void child(void)
{
    struct hal_regs *regs = &current_task()->user.regs;
    struct linux_rt_sigframe frame;
    uint8_t fpu[FPU_MAX];

    memset(&frame, 0, sizeof frame);
    memset(fpu, 0, sizeof fpu);
    frame.uc.uc_mcontext.ip = 0x400000;
    frame.uc.uc_mcontext.sp = FRAME + 8192;
    frame.uc.uc_mcontext.cs = 0x33;
    frame.uc.uc_mcontext.ss = 0x2b;
    frame.uc.uc_mcontext.fpstate = fuzz_u8(&rest) % 4 ? FPU : 0;
    memcpy(fpu, current_task()->user.fpu, hal_fpu_size() < FPU_MAX ? hal_fpu_size() : FPU_MAX);
    while (rest.size > 0) {
        const uint32_t at = fuzz_u8(&rest) * 8u, in_fpu = fuzz_u8(&rest) & 1;
        const uint64_t value = fuzz_u64(&rest);
        if (in_fpu)
            memcpy(fpu + at, &value, sizeof value);
        else
            memcpy((char *)&frame + at % (sizeof frame - 8), &value, sizeof value);
    }
    fuzz_put_user(FRAME, &frame, sizeof frame);
    fuzz_put_user(FPU, fpu, sizeof fpu);
    regs->rsp = FRAME + 8;
    regs->rax = SYS_rt_sigreturn;
    syscall_dispatch(regs);
    check_registers(regs);
    hal_user_fpu_sync(&current_task()->user);
}

static void body(const uint8_t *data, size_t size)
{
    rest = (struct fuzz_input){.data = data, .size = size};
    fuzz_child(child);
}

FUZZ_TARGET(body)
