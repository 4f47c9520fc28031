/* SPDX-License-Identifier: MIT */
/*
 * Scheduling parameters: sched_setscheduler(2) and relatives, sched_setattr(2),
 * sched_setaffinity(2), getpriority(2), getcpu(2).
 *
 * Each call finds its task, checks everything, then changes. SCHED_DEADLINE and utilisation clamps
 * are not implemented and refused like by a Linux built without them.
 */
#include "kernel/abi/sched.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/time.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/syscall/syscalls.h"

enum {
    RT_PRIO_MIN = 1,
    RT_PRIO_MAX = 99,
    NICE_MIN = -20,
    NICE_MAX = 19,
    KEEP_POLICY = -1,
};

/* A task by pid, 0 for the caller; referenced, or NULL. */
static struct task *find_task(int pid)
{
    return pid != 0 ? task_find_unreaped_given(pid) : task_get(current_task());
}

/* The caller's effective uid is the target's real or effective one. */
static bool owns(struct task *target)
{
    const struct cred *theirs = thread_cred_get(&target->thread);
    uint32_t euid = current_cred()->euid;
    bool result = euid == theirs->euid || euid == theirs->uid;

    cred_put(theirs);
    return result;
}

/* The same, or the right to it where the target lives. */
static bool owns_or_capable(struct task *target)
{
    if (owns(target)) {
        return true;
    }
    const struct cred *theirs = thread_cred_get(&target->thread);
    bool result = cred_has_cap_in(current_cred(), theirs->user_ns, CAP_SYS_NICE);

    cred_put(theirs);
    return result;
}

static bool is_rt(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_fair(int policy)
{
    return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

/* RLIMIT_NICE counts 1..40 for nice 19..-20. */
static bool may_have_nice(struct task *task, int nice)
{
    return (uint64_t)(20 - nice) <= process_limit(task->process, RLIMIT_NICE);
}

/* ---- policy ---- */

/* What a call asks for, decoded. */
struct request {
    int policy; /* or KEEP_POLICY */
    int rt_priority;
    int nice;
    bool set_nice; /* else keep it */
    bool reset_on_fork;
    bool keep_params;
};

static int check_parameters(const struct request *request, int policy)
{
    if (!is_rt(policy) && !is_fair(policy)) {
        return -EINVAL;
    }
    if (request->rt_priority < 0 || request->rt_priority > RT_PRIO_MAX ||
        is_rt(policy) != (request->rt_priority != 0)) {
        return -EINVAL;
    }
    return 0;
}

static int check_permission(struct task *task, const struct request *request,
                            const struct sched_params *now, int policy)
{
    uint64_t rt_limit = process_limit(task->process, RLIMIT_RTPRIO);
    bool allowed = owns(task);

    if (is_fair(policy) && request->set_nice && request->nice < now->nice &&
        !may_have_nice(task, request->nice)) {
        allowed = false;
    }
    if (is_rt(policy)) {
        allowed = allowed && (policy == now->policy || rt_limit != 0);
        allowed = allowed && (request->rt_priority <= now->rt_priority ||
                              (uint64_t)request->rt_priority <= rt_limit);
    }
    if (now->policy == SCHED_IDLE && policy != SCHED_IDLE && !may_have_nice(task, now->nice)) {
        allowed = false;
    }
    if (now->reset_on_fork && !request->reset_on_fork) {
        allowed = false;
    }
    return allowed || capable(CAP_SYS_NICE) ? 0 : -EPERM;
}

static int set_scheduler(struct task *task, struct request *request)
{
    struct sched_params now;
    int policy, error;

    sched_get_params(&task->thread, &now);
    policy = request->policy;
    if (policy == KEEP_POLICY) {
        policy = now.policy;
        request->reset_on_fork = request->reset_on_fork || now.reset_on_fork;
    }
    if (request->keep_params) {
        if (is_rt(now.policy))
            request->rt_priority = now.rt_priority;
        else
            request->set_nice = false;
    }
    error = check_parameters(request, policy);
    if (error == 0) {
        error = check_permission(task, request, &now, policy);
    }
    if (error < 0) {
        return error;
    }
    if (request->keep_params) { /* keeps the policy, too, once it has been checked */
        policy = now.policy;
        request->rt_priority = now.rt_priority;
    }
    sched_set_policy(&task->thread, policy, request->rt_priority, request->reset_on_fork);
    if (is_fair(policy) && request->set_nice) {
        sched_set_nice(&task->thread, request->nice);
    }
    futex_pi_priority_changed(task);
    if (is_rt(policy)) {
        process_cpu_limits_changed(task->process);
    }
    return 0;
}

static int64_t set_scheduler_of(int pid, struct request *request)
{
    struct task *task = find_task(pid);
    int error;

    if (task == NULL) {
        return -ESRCH;
    }
    error = set_scheduler(task, request);
    task_put(task);
    return error;
}

static int64_t set_from_param(int pid, int policy, uint64_t param)
{
    struct linux_sched_param value;
    struct request request = {.policy = policy};

    if (param == 0 || pid < 0) {
        return -EINVAL;
    }
    if (copy_from_user(&value, param, sizeof value) < 0) {
        return -EFAULT;
    }
    if (policy != KEEP_POLICY) {
        request.reset_on_fork = (policy & SCHED_RESET_ON_FORK) != 0;
        request.policy = policy & ~SCHED_RESET_ON_FORK;
    }
    request.rt_priority = value.sched_priority;
    return set_scheduler_of(pid, &request);
}

int64_t sys_sched_setscheduler(int pid, int policy, uint64_t param)
{
    return policy < 0 ? -EINVAL : set_from_param(pid, policy, param);
}

int64_t sys_sched_setparam(int pid, uint64_t param)
{
    return set_from_param(pid, KEEP_POLICY, param);
}

/* The parameters of a task: 0, -EINVAL or -ESRCH. */
static int get_params_of(int pid, struct sched_params *out)
{
    struct task *task;

    if (pid < 0) {
        return -EINVAL;
    }
    task = find_task(pid);
    if (task == NULL) {
        return -ESRCH;
    }
    sched_get_params(&task->thread, out);
    task_put(task);
    return 0;
}

int64_t sys_sched_getscheduler(int pid)
{
    struct sched_params params;
    int error = get_params_of(pid, &params);

    if (error < 0) {
        return error;
    }
    return params.policy | (params.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

int64_t sys_sched_getparam(int pid, uint64_t param)
{
    struct sched_params params;
    struct linux_sched_param value;
    int error;

    if (param == 0) {
        return -EINVAL;
    }
    error = get_params_of(pid, &params);
    if (error < 0) {
        return error;
    }
    value.sched_priority = params.rt_priority;
    return copy_to_user(param, &value, sizeof value);
}

/* ---- attributes ---- */

static int read_attr(uint64_t uaddr, struct linux_sched_attr *out)
{
    uint32_t size;
    int error;

    if (get_user_u32(&size, uaddr) < 0) {
        return -EFAULT;
    }
    if (size == 0) {
        size = SCHED_ATTR_SIZE_VER0;
    }
    error = size < SCHED_ATTR_SIZE_VER0 || size > HAL_PAGE_SIZE
                ? -E2BIG
                : copy_struct_from_user(out, sizeof *out, uaddr, size, SCHED_ATTR_SIZE_VER0);
    if (error == -E2BIG) {
        (void)put_user_u32(uaddr, sizeof *out); /* tell what we know */
        return -E2BIG;
    }
    if (error < 0) {
        return error;
    }
    if ((out->sched_flags & (SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX)) &&
        size < SCHED_ATTR_SIZE_VER1) {
        return -EINVAL;
    }
    return 0;
}

int64_t sys_sched_setattr(int pid, uint64_t uattr, uint32_t flags)
{
    struct linux_sched_attr attr;
    struct request request;
    int error;

    if (uattr == 0 || pid < 0 || flags != 0) {
        return -EINVAL;
    }
    error = read_attr(uattr, &attr);
    if (error < 0) {
        return error;
    }
    if ((int32_t)attr.sched_policy < 0 || (attr.sched_flags & ~(uint64_t)SCHED_FLAG_ALL) != 0 ||
        attr.sched_priority > RT_PRIO_MAX) {
        return -EINVAL;
    }
    if (attr.sched_flags & (SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX)) {
        return -EOPNOTSUPP;
    }
    request = (struct request){
        .policy = attr.sched_flags & SCHED_FLAG_KEEP_POLICY ? KEEP_POLICY : (int)attr.sched_policy,
        .rt_priority = (int)attr.sched_priority,
        .nice = CLAMP((int)attr.sched_nice, NICE_MIN, NICE_MAX),
        .set_nice = true,
        .reset_on_fork = (attr.sched_flags & SCHED_FLAG_RESET_ON_FORK) != 0,
        .keep_params = (attr.sched_flags & SCHED_FLAG_KEEP_PARAMS) != 0,
    };
    return set_scheduler_of(pid, &request);
}

int64_t sys_sched_getattr(int pid, uint64_t uattr, uint32_t size, uint32_t flags)
{
    struct sched_params params;
    struct linux_sched_attr attr;
    int error;

    if (uattr == 0 || pid < 0 || size > HAL_PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0 ||
        flags != 0) {
        return -EINVAL;
    }
    error = get_params_of(pid, &params);
    if (error < 0) {
        return error;
    }
    memset(&attr, 0, sizeof attr);
    attr.size = MIN(size, (uint32_t)sizeof attr);
    attr.sched_policy = (uint32_t)params.policy;
    attr.sched_flags = params.reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
    if (is_rt(params.policy)) {
        attr.sched_priority = (uint32_t)params.rt_priority;
    } else {
        attr.sched_nice = params.nice;
    }
    return copy_to_user(uattr, &attr, attr.size);
}

/* ---- constants of the policies ---- */

int64_t sys_sched_get_priority_max(int policy)
{
    if (is_rt(policy)) {
        return RT_PRIO_MAX;
    }
    return is_fair(policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

int64_t sys_sched_get_priority_min(int policy)
{
    if (is_rt(policy)) {
        return RT_PRIO_MIN;
    }
    return is_fair(policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

int64_t sys_sched_rr_get_interval(int pid, uint64_t interval)
{
    struct linux_timespec value = {0};
    struct task *task;
    uint64_t ns;

    if (pid < 0) {
        return -EINVAL;
    }
    task = find_task(pid);
    if (task == NULL) {
        return -ESRCH;
    }
    ns = sched_interval_ns(&task->thread);
    task_put(task);
    value.tv_sec = (int64_t)(ns / 1000000000);
    value.tv_nsec = (int64_t)(ns % 1000000000);
    return copy_to_user(interval, &value, sizeof value);
}

/* ---- CPUs ---- */

int64_t sys_sched_yield(void)
{
    sched_yield_cpu();
    return 0;
}

int64_t sys_sched_setaffinity(int pid, uint32_t size, uint64_t umask)
{
    struct cpu_mask mask = {0};
    struct task *task;
    int64_t error;

    if (copy_from_user(&mask.bits, umask, MIN((size_t)size, sizeof mask.bits)) < 0) {
        return -EFAULT;
    }
    task = find_task(pid);
    if (task == NULL) {
        return -ESRCH;
    }
    error = owns_or_capable(task) ? sched_set_affinity(&task->thread, mask) : -EPERM;
    task_put(task);
    return error;
}

int64_t sys_sched_getaffinity(int pid, uint32_t size, uint64_t umask)
{
    struct sched_params params;
    struct task *task;

    if (size * 8 < atomic_load_relaxed(&this_kernel()->cpu_count) || size % sizeof(uint64_t) != 0) {
        return -EINVAL;
    }
    task = find_task(pid);
    if (task == NULL) {
        return -ESRCH;
    }
    sched_get_params(&task->thread, &params);
    task_put(task);
    params.affinity.bits &= sched_online_mask(this_kernel()).bits;
    if (copy_to_user(umask, &params.affinity.bits, sizeof params.affinity.bits) < 0) {
        return -EFAULT;
    }
    return sizeof params.affinity.bits;
}

int64_t sys_getcpu(uint64_t cpu, uint64_t node, uint64_t cache)
{
    uint32_t here = this_cpu()->id;

    (void)cache; /* unused since Linux 2.6.24 */
    int cpu_error = cpu != 0 ? put_user_u32(cpu, here) : 0;
    int node_error = node != 0 ? put_user_u32(node, 0) : 0; /* whatever came of the other */
    return cpu_error ? cpu_error : node_error;
}

/* ---- nice ---- */

/* Called for each task that getpriority/setpriority means; *result accumulates. */
typedef void visit_fn(struct task *task, int nice, int *result);

static bool belongs(struct process *process, struct task *task, int which, uint32_t who)
{
    bool result;

    if (which == PRIO_PGRP) {
        spin_lock(process_tree_lock(process->kernel));
        result = process->group != NULL && (uint32_t)process->group->pgid == who;
        spin_unlock(process_tree_lock(process->kernel));
    } else {
        const struct cred *cred = thread_cred_get(&task->thread);

        result = cred->uid == who;
        cred_put(cred);
    }
    return result;
}

static void visit_all(int which, uint32_t who, visit_fn *visit, int nice, int *result)
{
    struct process *process, *next_process;
    struct task *task, *next_task;

    struct pid_namespace *ns = current_pid_namespace();
    int number = 0;

    for (process = process_next(ns, &number); process != NULL; process = next_process) {
        for (task = process_next_task(process, 0); task != NULL; task = next_task) {
            if (belongs(process, task, which, who)) {
                visit(task, nice, result);
            }
            next_task = process_next_task(process, task->tid);
            task_put(task);
        }
        next_process = process_next(ns, &number);
        process_put(process);
    }
}

static uint32_t own_group(void)
{
    struct process *process = current_process();
    uint32_t pgid;

    spin_lock(process_tree_lock(process->kernel));
    pgid = (uint32_t)process->group->pgid;
    spin_unlock(process_tree_lock(process->kernel));
    return pgid;
}

static int64_t visit_priority(int which, int who, visit_fn *visit, int nice, int *result)
{
    uint32_t id = (uint32_t)who;

    if (which == PRIO_PROCESS) {
        struct task *task = find_task(who);

        if (task != NULL) {
            visit(task, nice, result);
            task_put(task);
        }
        return 0;
    }
    if (which != PRIO_PGRP && which != PRIO_USER) {
        return -EINVAL;
    }
    if (id == 0) {
        id = which == PRIO_PGRP ? own_group() : current_cred()->uid;
    } else if (which == PRIO_PGRP) {
        id = (uint32_t)current_pid_given((int)id);
    }
    visit_all(which, id, visit, nice, result);
    return 0;
}

static void visit_get(struct task *task, int nice, int *result)
{
    struct sched_params params;

    (void)nice;
    sched_get_params(&task->thread, &params);
    *result = MAX(*result, 20 - params.nice);
}

int64_t sys_getpriority(int which, int who)
{
    int result = -ESRCH;
    int64_t error = visit_priority(which, who, visit_get, 0, &result);

    return error < 0 ? error : result;
}

static void visit_set(struct task *task, int nice, int *result)
{
    struct sched_params params;

    sched_get_params(&task->thread, &params);
    if (!owns_or_capable(task)) {
        *result = -EPERM;
    } else if (nice < params.nice && !may_have_nice(task, nice) && !capable(CAP_SYS_NICE)) {
        *result = -EACCES;
    } else {
        sched_set_nice(&task->thread, nice);
        if (*result == -ESRCH) {
            *result = 0;
        }
    }
}

int64_t sys_setpriority(int which, int who, int nice)
{
    int result = -ESRCH;
    int64_t error = visit_priority(which, who, visit_set, CLAMP(nice, NICE_MIN, NICE_MAX), &result);

    return error < 0 ? error : result;
}
