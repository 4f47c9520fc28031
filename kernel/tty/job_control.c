/* SPDX-License-Identifier: MIT
 *
 * Job control: the bond between a terminal and a session (credentials(7), tcsetpgrp(3)).
 *
 * tty->session, tty->foreground and session->tty change under the process-tree lock; a session and
 * its terminal hold a reference on each other, dropped when the bond ends.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/signal.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/session.h"
#include "kernel/proc/signal.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/tty/tty_internal.h"

struct tty *job_control_current_tty(void)
{
    struct kernel *kernel = this_kernel();
    spin_lock(process_tree_lock(kernel));
    struct tty *tty = current_process()->group->session->tty;
    if (tty)
        tty_get(tty);
    spin_unlock(process_tree_lock(kernel));
    return tty;
}

int job_control_check(struct tty *tty, int signo)
{
    struct process *self = current_process();
    struct process_group *group = NULL;
    bool orphaned = false;

    spin_lock(process_tree_lock(tty->kernel));
    if (self->group->session == tty->session && tty->foreground && tty->foreground != self->group) {
        group = process_group_get(self->group);
        orphaned = process_group_is_orphaned(group);
    }
    spin_unlock(process_tree_lock(tty->kernel));
    if (!group)
        return 0;

    int result = -ERESTARTSYS;
    bool deaf = signal_is_blocked_current(signo) || signal_is_ignored(self, signo);
    if (deaf)
        result = signo == SIGTTIN ? -EIO : 0;
    else if (orphaned)
        result = -EIO;
    else
        signal_send_group(group, signo, SIGINFO_KERNEL);
    process_group_put(group);
    return result;
}

void job_control_signal_foreground(struct tty *tty, int signo)
{
    spin_lock(process_tree_lock(tty->kernel));
    struct process_group *group =
        tty->foreground ? process_group_get(tty->foreground) : NULL;
    spin_unlock(process_tree_lock(tty->kernel));
    if (!group)
        return;
    signal_send_group(group, signo, SIGINFO_KERNEL);
    process_group_put(group);
}

/* Bind tty and session to each other; both unbound. */
static void bind_locked(struct tty *tty, struct session *session, struct process_group *group)
{
    tty->session = session_get(session);
    tty->foreground = process_group_get(group);
    session->tty = tty_get(tty);
}

struct unbound {
    struct session *session;
    struct process_group *foreground;
    struct tty *tty;
};

static struct unbound unbind_locked(struct tty *tty)
{
    struct unbound out = {.session = tty->session, .foreground = tty->foreground};
    if (tty->session) {
        out.tty = tty->session->tty;
        tty->session->tty = NULL;
    }
    tty->session = NULL;
    tty->foreground = NULL;
    return out;
}

static void put_unbound(const struct unbound *unbound)
{
    if (unbound->foreground)
        process_group_put(unbound->foreground);
    if (unbound->session)
        session_put(unbound->session);
    if (unbound->tty)
        tty_put(unbound->tty);
}

void job_control_open(struct tty *tty, struct file *file)
{
    struct process *self = current_process();
    if ((file->flags & O_NOCTTY) || self->is_init)
        return;
    spin_lock(process_tree_lock(tty->kernel));
    struct session *session = self->group->session;
    if (session->leader == self && !session->tty && !tty->session)
        bind_locked(tty, session, self->group);
    spin_unlock(process_tree_lock(tty->kernel));
}

int64_t job_control_set_controlling(struct tty *tty, bool steal)
{
    struct process *self = current_process();
    struct unbound old = {NULL, NULL, NULL};
    bool may_steal = capable(CAP_SYS_ADMIN);
    int64_t result = -EPERM;

    spin_lock(process_tree_lock(tty->kernel));
    struct session *session = self->group->session;
    if (session->leader == self && tty->session == session) {
        result = 0;
    } else if (session->leader == self && !session->tty &&
               (!tty->session || (steal && may_steal))) {
        old = unbind_locked(tty);
        bind_locked(tty, session, self->group);
        result = 0;
    }
    spin_unlock(process_tree_lock(tty->kernel));
    put_unbound(&old);
    return result;
}

int64_t job_control_give_up(struct tty *tty)
{
    struct process *self = current_process();
    struct unbound old = {NULL, NULL, NULL};
    int64_t result = -ENOTTY;

    spin_lock(process_tree_lock(tty->kernel));
    if (self->group->session == tty->session && tty->session) {
        result = 0;
        if (tty->session->leader == self)
            old = unbind_locked(tty);
    }
    spin_unlock(process_tree_lock(tty->kernel));
    if (old.foreground) {
        signal_send_group(old.foreground, SIGHUP, SIGINFO_KERNEL);
        signal_send_group(old.foreground, SIGCONT, SIGINFO_KERNEL);
    }
    put_unbound(&old);
    return result;
}

int64_t job_control_get_foreground(struct tty *tty, bool master)
{
    int64_t result = -ENOTTY;
    spin_lock(process_tree_lock(tty->kernel));
    if (master || (tty->session && current_process()->group->session == tty->session))
        result = tty->foreground ? current_pid_shown(tty->foreground->pgid) : 0;
    spin_unlock(process_tree_lock(tty->kernel));
    return result;
}

int64_t job_control_set_foreground(struct tty *tty, int pgid)
{
    struct process *self = current_process();
    struct process_group *group, *old = NULL;
    int64_t result = job_control_check(tty, SIGTTOU);
    if (result)
        return result;
    if (pgid < 0)
        return -EINVAL;
    group = process_group_find(tty->kernel, current_pid_given(pgid));

    spin_lock(process_tree_lock(tty->kernel));
    if (!tty->session || self->group->session != tty->session)
        result = -ENOTTY;
    else if (!group)
        result = -ESRCH;
    else if (group->session != tty->session)
        result = -EPERM;
    if (!result) {
        old = tty->foreground;
        tty->foreground = group;
        group = NULL;
    }
    spin_unlock(process_tree_lock(tty->kernel));
    if (old)
        process_group_put(old);
    if (group)
        process_group_put(group);
    return result;
}

int64_t job_control_get_session(struct tty *tty, bool master)
{
    int64_t result = -ENOTTY;
    spin_lock(process_tree_lock(tty->kernel));
    if (tty->session && (master || current_process()->group->session == tty->session))
        result = current_pid_shown(tty->session->sid);
    spin_unlock(process_tree_lock(tty->kernel));
    return result;
}

void job_control_hangup(struct tty *tty)
{
    struct process *leader = NULL;

    spin_lock(process_tree_lock(tty->kernel));
    struct unbound old = unbind_locked(tty);
    if (old.session && old.session->leader)
        leader = process_get(old.session->leader);
    spin_unlock(process_tree_lock(tty->kernel));
    if (leader) {
        signal_send_process(leader, SIGHUP, SIGINFO_KERNEL);
        signal_send_process(leader, SIGCONT, SIGINFO_KERNEL);
        process_put(leader);
    }
    if (old.foreground) {
        signal_send_group(old.foreground, SIGHUP, SIGINFO_KERNEL);
        signal_send_group(old.foreground, SIGCONT, SIGINFO_KERNEL);
    }
    put_unbound(&old);
}

/* ---- what proc/ asks ---- */

/* The session's leader has exited: its terminal is hung up for the session. */
static void leader_exited(struct session *session)
{
    struct kernel *kernel = this_kernel();
    spin_lock(process_tree_lock(kernel));
    struct tty *tty = session->tty ? tty_get(session->tty) : NULL;
    spin_unlock(process_tree_lock(kernel));
    if (!tty)
        return;
    job_control_hangup(tty);
    tty_put(tty);
}

static void get_tty(struct tty *tty)
{
    tty_get(tty);
}

static uint64_t tty_number(struct tty *tty)
{
    return tty->rdev;
}

/* Process-tree lock held by the caller. */
static int tty_foreground(struct tty *tty)
{
    return tty->foreground ? tty->foreground->pgid : -1;
}

void job_control_init(struct kernel *kernel)
{
    static const struct session_tty_ops ops = {
        .leader_exited = leader_exited,
        .get = get_tty,
        .put = tty_put,
        .number = tty_number,
        .foreground = tty_foreground,
    };
    session_set_tty_ops(kernel, &ops);
}
