/* SPDX-License-Identifier: MIT
 *
 * x86-64 signal frames (sigreturn(2), uapi asm/sigcontext.h): what a handler finds on its stack, and
 * the way back through rt_sigreturn.
 *
 * From high to low addresses: the red zone of the interrupted code (128 bytes, kept), the XSAVE area
 * at a multiple of 64 with FP_XSTATE_MAGIC2 behind it, struct linux_rt_sigframe with its last
 * member ending before it and its address 8 below a multiple of 16, as after a call instruction.
 * Nothing in a frame is trusted on the way back: the FPU area is sanitised, flags are masked, and
 * selectors other than those of 64-bit user code end in SIGSEGV. fs and gs bases are not in frames.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal_internal.h"

enum {
    RED_ZONE_BYTES = 128,
    FXSAVE_BYTES = 512,
    USER_CS = 0x33,
    USER_SS = 0x2b,
    FEATURES_LEGACY = 3, /* x87 and SSE */
};

/* Flags that a handler may change: AC OF DF TF SF ZF AF PF CF, and RF. */
#define FLAGS_RESTORED 0x50dd5ull
#define FLAG_TF 0x100ull
#define FLAG_DF 0x400ull
#define FLAG_RF 0x10000ull

/* ---- floating point ---- */

static bool has_xsave(void)
{
    return hal_fpu_size() > FXSAVE_BYTES;
}

static size_t fpu_frame_bytes(void)
{
    return hal_fpu_size() + (has_xsave() ? FP_XSTATE_MAGIC2_SIZE : 0);
}

static int push_fpu(struct task *task, uint64_t uaddr)
{
    size_t bytes = hal_fpu_size();
    const uint32_t magic2 = FP_XSTATE_MAGIC2;
    struct linux_fpx_sw_bytes software = {
        .magic1 = FP_XSTATE_MAGIC1,
        .extended_size = (uint32_t)fpu_frame_bytes(),
        .xfeatures = hal_fpu_features(),
        .xstate_size = (uint32_t)bytes,
    };

    hal_user_fpu_sync(&task->user);
    if (copy_to_user(uaddr, task->user.fpu, bytes))
        return -EFAULT;
    if (!has_xsave())
        return 0;
    /* A handler may change x87 and SSE registers in the frame even if they were in their initial
     * state. */
    const struct linux_xstate_header *header =
        (const void *)((const char *)task->user.fpu + FXSAVE_BYTES);
    if (put_user_u64(uaddr + FXSAVE_BYTES, header->xfeatures | FEATURES_LEGACY) ||
        copy_to_user(uaddr + offsetof(struct linux_fpstate, sw_reserved), &software,
                     sizeof(software)) ||
        copy_to_user(uaddr + bytes, &magic2, sizeof(magic2)))
        return -EFAULT;
    return 0;
}

/* How many bytes of XSAVE area the frame holds; FXSAVE_BYTES if only the legacy part is valid. */
static int frame_xstate(uint64_t uaddr, size_t *out_bytes, uint64_t *out_features)
{
    struct linux_fpx_sw_bytes software;
    uint32_t magic2;

    *out_bytes = FXSAVE_BYTES;
    *out_features = FEATURES_LEGACY;
    if (!has_xsave())
        return 0;
    if (copy_from_user(&software, uaddr + offsetof(struct linux_fpstate, sw_reserved),
                       sizeof(software)))
        return -EFAULT;
    if (software.magic1 != FP_XSTATE_MAGIC1 ||
        software.xstate_size < FXSAVE_BYTES + sizeof(struct linux_xstate_header) ||
        software.xstate_size > hal_fpu_size() || software.xstate_size > software.extended_size)
        return 0;
    if (get_user_u32(&magic2, uaddr + software.xstate_size))
        return -EFAULT;
    if (magic2 == FP_XSTATE_MAGIC2) {
        *out_bytes = software.xstate_size;
        *out_features = software.xfeatures;
    }
    return 0;
}

/* Load the area at uaddr (0: the initial state) into the task. The area is not live while it is
 * written: hal_user_fpu_changed comes first, and again when it is complete. */
static int pop_fpu(struct task *task, uint64_t uaddr)
{
    char *area = task->user.fpu;
    size_t bytes;
    uint64_t features;
    int error = 0;

    hal_user_fpu_changed(&task->user);
    if (!uaddr) {
        hal_fpu_init(area);
    } else {
        error = frame_xstate(uaddr, &bytes, &features);
        if (!error && bytes < hal_fpu_size())
            hal_fpu_init(area); /* which the copy does not cover */
        if (!error)
            error = copy_from_user(area, uaddr, bytes);
        if (!error && has_xsave()) {
            struct linux_xstate_header *header = (void *)(area + FXSAVE_BYTES);
            if (bytes == FXSAVE_BYTES)
                *header = (struct linux_xstate_header){.xfeatures = features};
            header->xfeatures &= features & hal_fpu_features();
        }
        if (!error)
            error = hal_fpu_sanitize(area, hal_fpu_size());
        if (error)
            hal_fpu_init(area);
    }
    hal_user_fpu_changed(&task->user);
    return error ? -EFAULT : 0;
}

/* ---- registers ---- */

static void save_registers(struct linux_sigcontext *context, const struct task *task, uint64_t mask)
{
    const struct hal_regs *regs = &task->user.regs;
    *context = (struct linux_sigcontext){
        .r8 = regs->r8, .r9 = regs->r9, .r10 = regs->r10, .r11 = regs->r11,
        .r12 = regs->r12, .r13 = regs->r13, .r14 = regs->r14, .r15 = regs->r15,
        .di = regs->rdi, .si = regs->rsi, .bp = regs->rbp, .bx = regs->rbx,
        .dx = regs->rdx, .ax = regs->rax, .cx = regs->rcx, .sp = regs->rsp,
        .ip = regs->rip, .flags = regs->rflags,
        .cs = USER_CS, .ss = USER_SS,
        .err = task->last_error, .trapno = (uint64_t)task->last_trap,
        .cr2 = task->last_fault_address, .oldmask = mask,
    };
}

static void restore_registers(struct hal_regs *regs, const struct linux_sigcontext *context)
{
    regs->r8 = context->r8;
    regs->r9 = context->r9;
    regs->r10 = context->r10;
    regs->r11 = context->r11;
    regs->r12 = context->r12;
    regs->r13 = context->r13;
    regs->r14 = context->r14;
    regs->r15 = context->r15;
    regs->rdi = context->di;
    regs->rsi = context->si;
    regs->rbp = context->bp;
    regs->rbx = context->bx;
    regs->rdx = context->dx;
    regs->rax = context->ax;
    regs->rcx = context->cx;
    regs->rsp = context->sp;
    regs->rip = context->ip;
    regs->rflags = (regs->rflags & ~FLAGS_RESTORED) | (context->flags & FLAGS_RESTORED);
}

/* ---- the frame ---- */

/* Where the frame and the FPU area go: 0 or -EFAULT if an alternate stack is too small. */
static int place_frame(const struct task *task, const struct linux_sigaction *action,
                       uint64_t *out_frame, uint64_t *out_fpu)
{
    const struct linux_stack *altstack = &task->altstack;
    uint64_t rsp = task->user.regs.rsp, sp = rsp - RED_ZONE_BYTES;
    bool on_altstack = signal_on_altstack(task, rsp);

    if ((action->flags & SA_ONSTACK) && altstack->ss_size && !signal_on_altstack(task, sp)) {
        sp = altstack->ss_sp + altstack->ss_size;
        on_altstack = true;
    }
    sp = ALIGN_DOWN(sp - fpu_frame_bytes(), 64);
    *out_fpu = sp;
    sp = ALIGN_DOWN(sp - sizeof(struct linux_rt_sigframe), 16) - 8;
    *out_frame = sp;
    if (on_altstack && (sp <= altstack->ss_sp || sp - altstack->ss_sp > altstack->ss_size))
        return -EFAULT;
    return 0;
}

int signal_frame_push(struct task *task, int signo, const struct linux_siginfo *info,
                      const struct linux_sigaction *action)
{
    struct hal_regs *regs = &task->user.regs;
    uint64_t mask = task->restore_blocked ? task->saved_blocked : task->blocked;
    uint64_t frame_uaddr, fpu_uaddr;
    struct linux_rt_sigframe frame = {
        .pretcode = action->restorer,
        .uc.uc_flags =
            (has_xsave() ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
        .uc.uc_stack = task->altstack,
        .uc.uc_sigmask = mask,
        .info = *info,
    };

    if (!(action->flags & SA_RESTORER) || place_frame(task, action, &frame_uaddr, &fpu_uaddr))
        return -EFAULT;
    frame.uc.uc_stack.pad = 0;
    save_registers(&frame.uc.uc_mcontext, task, mask);
    frame.uc.uc_mcontext.fpstate = fpu_uaddr;
    if (push_fpu(task, fpu_uaddr) || copy_to_user(frame_uaddr, &frame, sizeof(frame)))
        return -EFAULT;

    if ((uint32_t)task->altstack.ss_flags & SS_AUTODISARM)
        task->altstack = (struct linux_stack){.ss_flags = SS_DISABLE};
    regs->rdi = (uint64_t)signo;
    regs->rsi = frame_uaddr + offsetof(struct linux_rt_sigframe, info);
    regs->rdx = frame_uaddr + offsetof(struct linux_rt_sigframe, uc);
    regs->rax = 0;
    regs->rip = action->handler;
    regs->rsp = frame_uaddr;
    regs->rflags &= ~(FLAG_DF | FLAG_RF | FLAG_TF);
    task->orig_rax = UINT64_MAX; /* the handler's registers are not those of a system call */
    return 0;
}

static bool selectors_usable(const struct linux_ucontext *uc)
{
    if ((uc->uc_mcontext.cs | 3) != USER_CS)
        return false;
    return !(uc->uc_flags & UC_STRICT_RESTORE_SS) || (uc->uc_mcontext.ss | 3) == USER_SS;
}

bool signal_return(struct task *task)
{
    struct hal_regs *regs = &task->user.regs;
    /* The handler's return took the first word off the stack. */
    uint64_t frame_uaddr = regs->rsp - sizeof(uint64_t);
    struct linux_ucontext uc;

    if (copy_from_user(&uc, frame_uaddr + offsetof(struct linux_rt_sigframe, uc), sizeof(uc)))
        return false;
    task->orig_rax = UINT64_MAX;
    task->restart = NULL;
    task->restore_blocked = false;
    signal_set_blocked(uc.uc_sigmask);
    restore_registers(regs, &uc.uc_mcontext);
    if (pop_fpu(task, uc.uc_mcontext.fpstate))
        return false;
    signal_set_altstack(task, &uc.uc_stack, regs->rsp); /* a bad one is not an error */
    return selectors_usable(&uc);
}
