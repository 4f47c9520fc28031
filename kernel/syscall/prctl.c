/* SPDX-License-Identifier: MIT
 *
 * prctl(2), arch_prctl(2), personality(2): attributes of the calling thread or process.
 */
#include "kernel/abi/prctl.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/seccomp.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/seccomp.h"
#include "kernel/proc/syscall_user_dispatch.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/task.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

enum { NAME_BYTES = THREAD_NAME_MAX };

static int64_t set_name(uint64_t uaddr)
{
    struct thread *thread = this_thread();
    char name[NAME_BYTES] = "";
    int64_t length = copy_string_from_user(name, uaddr, sizeof(name));
    if (length == -EFAULT)
        return length;
    name[NAME_BYTES - 1] = '\0';
    for (unsigned i = 0; i < NAME_BYTES; i++) /* read elsewhere without a lock */
        atomic_store_relaxed(&thread->name[i], name[i]);
    return 0;
}

static int64_t get_name(uint64_t uaddr)
{
    char name[NAME_BYTES];
    memcpy(name, this_thread()->name, sizeof(name));
    name[NAME_BYTES - 1] = '\0';
    return copy_to_user(uaddr, name, sizeof(name));
}

/* A change of the credentials: edit(cred, value) may refuse. */
static int64_t edit_cred(int (*edit)(struct cred *cred, uint64_t value), uint64_t value)
{
    struct cred *cred = cred_copy(current_cred());
    if (!cred)
        return -ENOMEM;
    int error = edit(cred, value);
    if (error) {
        cred_put(cred);
        return error;
    }
    cred_install(cred);
    return 0;
}

static int edit_keepcaps(struct cred *cred, uint64_t value)
{
    if (value > 1)
        return -EINVAL;
    if (cred->securebits & SECBIT_KEEP_CAPS_LOCKED)
        return -EPERM;
    cred->keep_caps = value;
    return 0;
}

static int edit_bounding_drop(struct cred *cred, uint64_t cap)
{
    if (!cred_has_cap_here(cred, CAP_SETPCAP))
        return -EPERM;
    if (cap > CAP_LAST_CAP)
        return -EINVAL;
    cred->cap_bounding &= ~BIT(cap);
    return 0;
}

static int edit_securebits(struct cred *cred, uint64_t bits)
{
    const uint32_t locks = 0xaa, all = 0xff; /* every second bit locks the one below it */
    uint32_t old = (cred->securebits & ~(uint32_t)SECBIT_KEEP_CAPS) |
                   (cred->keep_caps ? SECBIT_KEEP_CAPS : 0);
    if (((old & locks) >> 1 & (old ^ bits)) || (old & locks & ~bits) || (bits & ~(uint64_t)all) ||
        !cred_has_cap_here(cred, CAP_SETPCAP))
        return -EPERM;
    cred->securebits = (uint32_t)bits;
    cred->keep_caps = bits & SECBIT_KEEP_CAPS;
    return 0;
}

static int edit_ambient_raise(struct cred *cred, uint64_t cap)
{
    if (!(cred->cap_permitted & BIT(cap)) || !(cred->cap_inheritable & BIT(cap)) ||
        (cred->securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
        return -EPERM;
    cred->cap_ambient |= BIT(cap);
    return 0;
}

static int edit_ambient_lower(struct cred *cred, uint64_t cap)
{
    cred->cap_ambient &= ~BIT(cap);
    return 0;
}

static int edit_ambient_clear(struct cred *cred, uint64_t unused)
{
    (void)unused;
    cred->cap_ambient = 0;
    return 0;
}

static int64_t cap_ambient(uint64_t operation, uint64_t cap, uint64_t arg4, uint64_t arg5)
{
    if (arg4 || arg5)
        return -EINVAL;
    if (operation == PR_CAP_AMBIENT_CLEAR_ALL)
        return cap ? -EINVAL : edit_cred(edit_ambient_clear, 0);
    if (cap > CAP_LAST_CAP)
        return -EINVAL;
    switch (operation) {
    case PR_CAP_AMBIENT_IS_SET:
        return current_cred()->cap_ambient >> cap & 1;
    case PR_CAP_AMBIENT_RAISE:
        return edit_cred(edit_ambient_raise, cap);
    case PR_CAP_AMBIENT_LOWER:
        return edit_cred(edit_ambient_lower, cap);
    default:
        return -EINVAL;
    }
}

static int64_t set_dumpable(uint64_t value)
{
    if (value > 1)
        return -EINVAL;
    atomic_store_relaxed(&current_process()->dumpable, (uint32_t)value);
    atomic_store_relaxed(&this_thread()->mm->dumpable, value != 0);
    return 0;
}

static int64_t get_securebits(const struct cred *cred)
{
    return (cred->securebits & ~(uint32_t)SECBIT_KEEP_CAPS) |
           (cred->keep_caps ? SECBIT_KEEP_CAPS : 0);
}

/* Options about credentials and capabilities; -ENOSYS if it is none of them. */
static int64_t prctl_cred(int option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
    const struct cred *cred = current_cred();
    switch (option) {
    case PR_GET_KEEPCAPS:
        return cred->keep_caps;
    case PR_SET_KEEPCAPS:
        return edit_cred(edit_keepcaps, arg2);
    case PR_CAPBSET_READ:
        return arg2 > CAP_LAST_CAP ? -EINVAL : (int64_t)(cred->cap_bounding >> arg2 & 1);
    case PR_CAPBSET_DROP:
        return edit_cred(edit_bounding_drop, arg2);
    case PR_GET_SECUREBITS:
        return get_securebits(cred);
    case PR_SET_SECUREBITS:
        return edit_cred(edit_securebits, arg2);
    case PR_SET_NO_NEW_PRIVS:
        if (arg2 != 1 || arg3 || arg4 || arg5)
            return -EINVAL;
        atomic_store_relaxed(&current_task()->no_new_privs, true);
        return 0;
    case PR_GET_NO_NEW_PRIVS:
        return arg2 || arg3 || arg4 || arg5 ? -EINVAL : current_task()->no_new_privs;
    case PR_CAP_AMBIENT:
        return cap_ambient(arg2, arg3, arg4, arg5);
    default:
        return -ENOSYS;
    }
}

static void set_subreaper(struct process *process, bool on)
{
    spin_lock(process_tree_lock(process->kernel));
    process->is_subreaper = on;
    spin_unlock(process_tree_lock(process->kernel));
}

/* The time stamp counter can always be read. */
static int64_t set_tsc(uint64_t mode)
{
    return mode == PR_TSC_ENABLE ? 0 : -EINVAL;
}

static int64_t set_seccomp(uint64_t mode, uint64_t filter)
{
    switch (mode) {
    case SECCOMP_MODE_STRICT: /* the pointer is not looked at */
        return seccomp_operate(SECCOMP_SET_MODE_STRICT, 0, 0);
    case SECCOMP_MODE_FILTER:
        return seccomp_operate(SECCOMP_SET_MODE_FILTER, 0, filter);
    default:
        return -EINVAL;
    }
}

/* ---- what the machine does about errors and leaks: remembered, as there is nothing to do ---- */

static int64_t io_flusher(struct process *process, bool set, uint64_t value, uint64_t rest)
{
    if (!capable(CAP_SYS_RESOURCE))
        return -EPERM;
    if (rest || (set ? value > 1 : value))
        return -EINVAL;
    if (!set)
        return process->io_flusher;
    process->io_flusher = value;
    return 0;
}

static int64_t set_memory_error_policy(struct process *process, uint64_t how, uint64_t policy,
                                       uint64_t rest)
{
    if (rest)
        return -EINVAL;
    if (how == PR_MCE_KILL_CLEAR && policy == 0)
        policy = PR_MCE_KILL_DEFAULT;
    else if (how != PR_MCE_KILL_SET || policy > PR_MCE_KILL_DEFAULT)
        return -EINVAL;
    process->memory_error_policy = (uint8_t)(PR_MCE_KILL_DEFAULT - policy);
    return 0;
}

static int64_t prctl_machine(struct process *process, int option, uint64_t arg2, uint64_t arg3,
                             uint64_t arg4, uint64_t arg5)
{
    switch (option) {
    case PR_GET_IO_FLUSHER:
    case PR_SET_IO_FLUSHER:
        return io_flusher(process, option == PR_SET_IO_FLUSHER, arg2, arg3 | arg4 | arg5);
    case PR_MCE_KILL:
        return set_memory_error_policy(process, arg2, arg3, arg4 | arg5);
    case PR_MCE_KILL_GET:
        return arg2 | arg3 | arg4 | arg5 ? -EINVAL
                                         : PR_MCE_KILL_DEFAULT - process->memory_error_policy;
    case PR_GET_SPECULATION_CTRL: /* of a processor that does not leak */
        return arg3 | arg4 | arg5 ? -EINVAL : arg2 > PR_SPEC_L1D_FLUSH ? -ENODEV : 0;
    case PR_SET_SPECULATION_CTRL:
        return arg4 | arg5 ? -EINVAL : arg2 > PR_SPEC_L1D_FLUSH ? -ENODEV : -ENXIO;
    default:
        return -ENOSYS;
    }
}

int64_t sys_prctl(int option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
    struct task *task = current_task();
    struct process *process = task->process;

    switch (option) {
    case PR_SET_PDEATHSIG:
        if (arg2 > SIGNALS_MAX)
            return -EINVAL;
        atomic_store_relaxed(&task->parent_death_signal, (int)arg2);
        return 0;
    case PR_GET_PDEATHSIG:
        return put_user_u32(arg2, (uint32_t)task->parent_death_signal);
    case PR_GET_DUMPABLE:
        return process->dumpable;
    case PR_SET_DUMPABLE:
        return set_dumpable(arg2);
    case PR_SET_NAME:
        return set_name(arg2);
    case PR_GET_NAME:
        return get_name(arg2);
    case PR_GET_TIMERSLACK:
        return (int64_t)task->timer_slack_ns;
    case PR_SET_TIMERSLACK:
        task->timer_slack_ns = arg2 ? arg2 : task->timer_slack_default_ns;
        return 0;
    case PR_GET_TIMING:
        return PR_TIMING_STATISTICAL;
    case PR_SET_TIMING:
        return arg2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
    case PR_SET_PTRACER:
        return ptrace_allow_tracer(arg2);
    case PR_SET_CHILD_SUBREAPER:
        set_subreaper(process, arg2);
        return 0;
    case PR_GET_CHILD_SUBREAPER:
        return put_user_u32(arg2, process->is_subreaper);
    case PR_GET_TID_ADDRESS:
        return put_user_u64(arg2, task->clear_child_tid);
    case PR_GET_TSC:
        return put_user_u32(arg2, PR_TSC_ENABLE);
    case PR_SET_TSC:
        return set_tsc(arg2);
    case PR_GET_THP_DISABLE:
        return arg2 || arg3 || arg4 || arg5 ? -EINVAL : process->huge_pages_off;
    case PR_SET_THP_DISABLE: /* there are none; the setting is only kept */
        if (arg3 || arg4 || arg5)
            return -EINVAL;
        process->huge_pages_off = arg2;
        return 0;
    case PR_GET_SECCOMP:
        return task->seccomp_mode;
    case PR_SET_SECCOMP:
        return set_seccomp(arg2, arg3);
    case PR_SET_SYSCALL_USER_DISPATCH:
        return syscall_user_dispatch_set(task, arg2, arg3, arg4, arg5);
    default: {
        int64_t result = prctl_cred(option, arg2, arg3, arg4, arg5);
        if (result == -ENOSYS)
            result = prctl_machine(process, option, arg2, arg3, arg4, arg5);
        return result == -ENOSYS ? -EINVAL : result;
    }
    }
}

int64_t sys_arch_prctl(int code, uint64_t addr)
{
    struct hal_regs *regs = &current_task()->user.regs;
    uint64_t limit = this_kernel()->boot->user_addr_limit;

    switch (code) {
    case ARCH_SET_FS:
        if (addr >= limit)
            return -EPERM;
        regs->fs_base = addr;
        return 0;
    case ARCH_SET_GS:
        if (addr >= limit)
            return -EPERM;
        regs->gs_base = addr;
        return 0;
    case ARCH_GET_FS:
        return put_user_u64(addr, regs->fs_base);
    case ARCH_GET_GS:
        return put_user_u64(addr, regs->gs_base);
    case ARCH_GET_CPUID:
        return 1;
    case ARCH_SET_CPUID:
        return -ENODEV; /* no CPUID faulting */
    default:
        return -EINVAL;
    }
}

int64_t sys_personality(uint32_t persona)
{
    struct task *task = current_task();
    uint32_t old = task->personality;
    if (persona != UINT32_MAX)
        task->personality = persona;
    return old;
}
