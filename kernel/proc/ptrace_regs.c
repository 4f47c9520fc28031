/* SPDX-License-Identifier: MIT
 *
 * ptrace(2): registers of a stopped tracee: general, floating point, extended state, and the fields
 * of `struct user` that PTRACE_PEEKUSER counts in.
 *
 * Nothing that a tracer writes is trusted: flags are masked here and by the backend, segment bases
 * are user addresses, and extended state is checked before it is loaded.
 */
#include "kernel/abi/elf.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/ptrace_internal.h"

enum {
    USER_CS = 0x33,
    USER_SS = 0x2b,
    FXSAVE_BYTES = 512,
    XSTATE_SOFTWARE = 464, /* where debuggers look for XCR0 */
    FEATURES_LEGACY = 3,
    RPL_MASK = 3,
};

/* What a tracer may change: AC NT OF DF TF SF ZF AF PF CF, and RF. */
#define FLAGS_TRACER 0x54dd5ull

/* ---- general registers ---- */

void ptrace_get_regs(struct task *task, struct linux_user_regs *out)
{
    const struct hal_regs *regs = &task->user.regs;
    *out = (struct linux_user_regs){
        .r15 = regs->r15,
        .r14 = regs->r14,
        .r13 = regs->r13,
        .r12 = regs->r12,
        .bp = regs->rbp,
        .bx = regs->rbx,
        .r11 = regs->r11,
        .r10 = regs->r10,
        .r9 = regs->r9,
        .r8 = regs->r8,
        .ax = regs->rax,
        .cx = regs->rcx,
        .dx = regs->rdx,
        .si = regs->rsi,
        .di = regs->rdi,
        .orig_ax = task->orig_rax,
        .ip = regs->rip,
        .cs = USER_CS,
        .flags = regs->rflags,
        .sp = regs->rsp,
        .ss = USER_SS,
        .fs_base = regs->fs_base,
        .gs_base = regs->gs_base,
    };
}

static bool selector_bad(uint64_t value)
{
    return value > UINT16_MAX || (value && (value & RPL_MASK) != RPL_MASK);
}

/* Selectors are checked, and stay as they are. */
static int check_regs(const struct linux_user_regs *in)
{
    uint64_t limit = this_kernel()->boot->user_addr_limit;
    if (selector_bad(in->cs) || selector_bad(in->ss) || selector_bad(in->ds) ||
        selector_bad(in->es) || selector_bad(in->fs) || selector_bad(in->gs) || !in->cs || !in->ss)
        return -EIO;
    return in->fs_base >= limit || in->gs_base >= limit ? -EIO : 0;
}

static int set_regs(struct task *task, const struct linux_user_regs *in)
{
    int error = check_regs(in);
    if (error)
        return error;
    struct hal_regs *regs = &task->user.regs;
    *regs = (struct hal_regs){
        .r15 = in->r15,
        .r14 = in->r14,
        .r13 = in->r13,
        .r12 = in->r12,
        .rbp = in->bp,
        .rbx = in->bx,
        .r11 = in->r11,
        .r10 = in->r10,
        .r9 = in->r9,
        .r8 = in->r8,
        .rax = in->ax,
        .rcx = in->cx,
        .rdx = in->dx,
        .rsi = in->si,
        .rdi = in->di,
        .rip = in->ip,
        .rsp = in->sp,
        .rflags = (regs->rflags & ~FLAGS_TRACER) | (in->flags & FLAGS_TRACER),
        .fs_base = in->fs_base,
        .gs_base = in->gs_base,
    };
    task->orig_rax = in->orig_ax;
    return 0;
}

/* ---- struct user ---- */

int ptrace_peek_user(struct task *task, uint64_t offset, uint64_t *out)
{
    struct linux_user_regs regs;
    if (offset % 8 || offset >= LINUX_USER_BYTES)
        return -EIO;
    *out = 0;
    if (offset < sizeof(regs)) {
        ptrace_get_regs(task, &regs);
        memcpy(out, (const char *)&regs + offset, sizeof(*out));
    } else if (offset >= LINUX_USER_DEBUGREG && offset < LINUX_USER_DEBUGREG_END) {
        *out = task->ptrace->debug[(offset - LINUX_USER_DEBUGREG) / 8];
    }
    return 0;
}

int ptrace_poke_user(struct task *task, uint64_t offset, uint64_t value)
{
    struct linux_user_regs regs;
    if (offset % 8 || offset >= LINUX_USER_BYTES)
        return -EIO;
    if (offset >= LINUX_USER_DEBUGREG && offset < LINUX_USER_DEBUGREG_END)
        return ptrace_set_debug(task, (offset - LINUX_USER_DEBUGREG) / 8, value);
    if (offset >= sizeof(regs))
        return -EIO;
    ptrace_get_regs(task, &regs);
    memcpy((char *)&regs + offset, &value, sizeof(value));
    return set_regs(task, &regs);
}

/* ---- floating point and more ---- */

void ptrace_get_xstate(struct task *task, void *out)
{
    uint64_t features = hal_fpu_features();
    hal_user_fpu_sync(&task->user);
    memcpy(out, task->user.fpu, hal_fpu_size());
    memset((char *)out + XSTATE_SOFTWARE, 0, FXSAVE_BYTES - XSTATE_SOFTWARE);
    memcpy((char *)out + XSTATE_SOFTWARE, &features, sizeof(features));
}

static bool has_xsave(void)
{
    return hal_fpu_size() > FXSAVE_BYTES;
}

/* The header of an area that a user gave names only features that exist, in the plain format. */
static bool header_valid(const char *area)
{
    struct linux_xstate_header header;
    memcpy(&header, area + FXSAVE_BYTES, sizeof(header));
    return !(header.xfeatures & ~hal_fpu_features()) && !header.reserved1[0] &&
           !header.reserved1[1];
}

/* `bytes` of state, FXSAVE_BYTES or everything, replace what the task has. */
static int set_fpu(struct task *task, uint64_t uaddr, size_t bytes)
{
    char *area = kmalloc(hal_fpu_size());
    if (!area)
        return -ENOMEM;
    hal_user_fpu_sync(&task->user);
    memcpy(area, task->user.fpu, hal_fpu_size());
    int error = copy_from_user(area, uaddr, bytes);
    memset(area + XSTATE_SOFTWARE, 0, FXSAVE_BYTES - XSTATE_SOFTWARE);
    if (!error && has_xsave()) {
        uint64_t *features = (uint64_t *)(area + FXSAVE_BYTES);
        if (bytes == FXSAVE_BYTES)
            *features |= FEATURES_LEGACY;
        else if (!header_valid(area))
            error = -EINVAL;
    }
    if (!error)
        error = hal_fpu_sanitize(area, hal_fpu_size());
    if (!error) {
        hal_user_fpu_changed(&task->user);
        memcpy(task->user.fpu, area, hal_fpu_size());
    }
    kfree(area);
    return error;
}

static int get_fpu(struct task *task, uint64_t uaddr, size_t bytes)
{
    char *area = kmalloc(hal_fpu_size());
    if (!area)
        return -ENOMEM;
    ptrace_get_xstate(task, area);
    if (bytes == FXSAVE_BYTES)
        memset(area + XSTATE_SOFTWARE, 0, FXSAVE_BYTES - XSTATE_SOFTWARE);
    int error = copy_to_user(uaddr, area, MIN(bytes, hal_fpu_size()));
    kfree(area);
    return error;
}

/* ---- register sets ---- */

static int set_some_regs(struct task *task, uint64_t uaddr, size_t bytes)
{
    struct linux_user_regs regs;
    ptrace_get_regs(task, &regs);
    if (copy_from_user(&regs, uaddr, bytes))
        return -EFAULT;
    return set_regs(task, &regs);
}

static int get_some_regs(struct task *task, uint64_t uaddr, size_t bytes)
{
    struct linux_user_regs regs;
    ptrace_get_regs(task, &regs);
    return copy_to_user(uaddr, &regs, bytes);
}

static size_t set_size(uint64_t type)
{
    switch (type) {
    case NT_PRSTATUS:
        return sizeof(struct linux_user_regs);
    case NT_PRFPREG:
        return FXSAVE_BYTES;
    case NT_X86_XSTATE:
        return has_xsave() ? hal_fpu_size() : 0;
    default:
        return 0;
    }
}

static int transfer_set(struct task *task, bool write, uint64_t type, uint64_t base, size_t bytes)
{
    if (type == NT_PRSTATUS)
        return write ? set_some_regs(task, base, bytes) : get_some_regs(task, base, bytes);
    if (!write)
        return get_fpu(task, base, type == NT_PRFPREG ? MIN(bytes, (size_t)FXSAVE_BYTES) : bytes);
    if (bytes != set_size(type))
        return type == NT_PRFPREG ? -EINVAL : -EFAULT;
    return set_fpu(task, base, bytes);
}

static int64_t register_set(struct task *task, bool write, uint64_t type, uint64_t iov_uaddr)
{
    uint64_t iov[2]; /* base, length */
    size_t size = set_size(type);
    if (copy_from_user(iov, iov_uaddr, sizeof(iov)))
        return -EFAULT;
    if (!size || iov[1] % 8)
        return -EINVAL;
    iov[1] = MIN(iov[1], (uint64_t)size);
    int error = transfer_set(task, write, type, iov[0], iov[1]);
    return error ? error : put_user_u64(iov_uaddr + 8, iov[1]);
}

/* arch_prctl(2) of the tracee; results go to the tracer. */
static int64_t arch_request(struct task *task, uint64_t value, uint64_t code)
{
    struct hal_regs *regs = &task->user.regs;
    uint64_t limit = this_kernel()->boot->user_addr_limit;
    switch (code) {
    case ARCH_GET_FS:
        return put_user_u64(value, regs->fs_base);
    case ARCH_GET_GS:
        return put_user_u64(value, regs->gs_base);
    case ARCH_SET_FS:
    case ARCH_SET_GS:
        if (value >= limit)
            return -EPERM;
        *(code == ARCH_SET_FS ? &regs->fs_base : &regs->gs_base) = value;
        return 0;
    default:
        return -EINVAL;
    }
}

int64_t ptrace_regs_request(struct task *task, int64_t request, uint64_t addr, uint64_t data)
{
    uint64_t word;
    int error;
    switch (request) {
    case PTRACE_PEEKUSR:
        error = ptrace_peek_user(task, addr, &word);
        return error ? error : put_user_u64(data, word);
    case PTRACE_POKEUSR:
        return ptrace_poke_user(task, addr, data);
    case PTRACE_GETREGS:
        return get_some_regs(task, data, sizeof(struct linux_user_regs));
    case PTRACE_SETREGS:
        return set_some_regs(task, data, sizeof(struct linux_user_regs));
    case PTRACE_GETFPREGS:
        return get_fpu(task, data, FXSAVE_BYTES);
    case PTRACE_SETFPREGS:
        return set_fpu(task, data, FXSAVE_BYTES);
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET:
        return register_set(task, request == PTRACE_SETREGSET, addr, data);
    case PTRACE_ARCH_PRCTL:
        return arch_request(task, addr, data);
    default:
        return -EIO;
    }
}
