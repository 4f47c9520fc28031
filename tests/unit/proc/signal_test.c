/* SPDX-License-Identifier: MIT */
#include "tests/unit/proc/task_fixture.h"

#include "kernel/proc/signal_internal.h"

static void set_action(int signo, uint64_t handler, uint64_t flags)
{
    const struct linux_sigaction action = {
        .handler = handler, .flags = flags | SA_RESTORER, .restorer = 0x1000};
    struct linux_sigaction old;
    signal_change_action(signo, &action, &old);
}

enum { HANDLER = 0x123450 };

static struct linux_siginfo queued(int value)
{
    struct linux_siginfo info = {.si_code = SI_QUEUE};
    info.rt.value.sival_int = value;
    return info;
}

static int send_value(int signo, int value)
{
    struct linux_siginfo info = queued(value);
    return signal_send_process(current_process(), signo, &info);
}

/* ---- queues ---- */

static void queue_order_body(void)
{
    struct linux_siginfo info;
    signal_set_blocked(~0ull);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(send_value(SIGRTMIN + 1, i), 0);
        ck_assert_int_eq(send_value(SIGUSR1, i), 0);
    }
    ck_assert_int_eq(send_value(SIGSEGV, 9), 0);
    ck_assert_uint_eq(signal_pending_set(current_task()),
                      LINUX_SIGMASK(SIGRTMIN + 1) | LINUX_SIGMASK(SIGUSR1) | LINUX_SIGMASK(SIGSEGV));
    ck_assert(!signal_pending_current());

    ck_assert_int_eq(signal_take(current_task(), ~0ull, &info), SIGSEGV);
    ck_assert_int_eq(signal_take(current_task(), ~0ull, &info), SIGUSR1);
    ck_assert_int_eq(info.rt.value.sival_int, 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(signal_take(current_task(), ~0ull, &info), SIGRTMIN + 1);
        ck_assert_int_eq(info.rt.value.sival_int, i);
    }
    ck_assert_int_eq(signal_take(current_task(), ~0ull, &info), 0);
    ck_assert_uint_eq(current_process()->signals_queued, 0);
}
TASK_TEST(taking_gives_synchronous_then_lowest_then_oldest, 1, queue_order_body)

static void limit_body(void)
{
    struct process *process = current_process();
    struct linux_siginfo info;
    signal_set_blocked(~0ull);
    process->rlimits[RLIMIT_SIGPENDING].rlim_cur = 2;
    ck_assert_int_eq(send_value(SIGRTMIN, 0), 0);
    ck_assert_int_eq(send_value(SIGRTMIN, 1), 0);
    ck_assert_int_eq(send_value(SIGRTMIN, 2), -EAGAIN);
    /* Kernel and kill(2) signals come through without their information. */
    ck_assert_int_eq(signal_send_process(process, SIGRTMIN + 1, SIGINFO_KERNEL), 0);
    ck_assert_int_eq(signal_send_process(process, SIGUSR1, NULL), 0);
    ck_assert_int_eq(signal_take(current_task(), LINUX_SIGMASK(SIGRTMIN + 1), &info), SIGRTMIN + 1);
    ck_assert_int_eq(info.si_code, SI_USER);
    ck_assert_int_eq(info.kill.pid, 0);
    ck_assert_int_eq(signal_take(current_task(), LINUX_SIGMASK(SIGUSR1), &info), SIGUSR1);
    ck_assert_int_eq(info.kill.pid, process->pid);
}
TASK_TEST(queue_limit_refuses_only_real_time_signals, 1, limit_body)

static void no_memory_body(void)
{
    struct fault_injection faults;
    signal_set_blocked(~0ull);
    fail_allocation(&faults, 1);
    ck_assert_int_eq(send_value(SIGRTMIN, 0), -EAGAIN);
    fail_allocation(&faults, 1);
    ck_assert_int_eq(signal_send_process(current_process(), SIGUSR1, NULL), 0);
    fail_allocation(&faults, 0);
    ck_assert_uint_eq(signal_pending_set(current_task()), LINUX_SIGMASK(SIGUSR1));
}
TASK_TEST(sending_survives_failure_of_allocation, 1, no_memory_body)

/* ---- what is dropped ---- */

static void ignored_body(void)
{
    struct process *process = current_process();
    struct task *task = current_task();
    signal_send_process(process, SIGCHLD, SIGINFO_KERNEL);
    ck_assert_uint_eq(signal_pending_set(task), 0);
    set_action(SIGUSR1, SIG_IGN, 0);
    signal_send_process(process, SIGUSR1, SIGINFO_KERNEL);
    ck_assert_uint_eq(signal_pending_set(task), 0);
    signal_set_blocked(LINUX_SIGMASK(SIGUSR1));
    signal_send_process(process, SIGUSR1, SIGINFO_KERNEL);
    ck_assert_uint_eq(signal_pending_set(task), LINUX_SIGMASK(SIGUSR1));
    set_action(SIGUSR1, SIG_IGN, 0);
    ck_assert_uint_eq(signal_pending_set(task), 0);
    ck_assert_uint_eq(process->signals_queued, 0);
}
TASK_TEST(ignored_signals_are_dropped_unless_blocked, 1, ignored_body)

static void init_body(void)
{
    struct process *init = process_find(this_kernel(), 1);
    ck_assert_ptr_nonnull(init);
    ck_assert_int_eq(signal_send_process(init, SIGTERM, SIGINFO_KERNEL), 0);
    ck_assert_int_eq(signal_send_process(init, SIGKILL, SIGINFO_KERNEL), 0);
    ck_assert_int_eq(signal_send_process(init, SIGSTOP, SIGINFO_KERNEL), 0);
    ck_assert(!init->group_exiting);
    ck_assert_uint_eq(init->shared_pending.set, 0);
    process_put(init);
}
TASK_TEST(init_is_immune_to_signals_without_a_handler, 1, init_body)

static void contrary_body(void)
{
    struct process *process = current_process();
    signal_set_blocked(~0ull);
    signal_send_process(process, SIGTSTP, SIGINFO_KERNEL);
    signal_send_task(current_task(), SIGTTIN, SIGINFO_KERNEL);
    signal_send_process(process, SIGCONT, SIGINFO_KERNEL);
    ck_assert_uint_eq(signal_pending_set(current_task()), LINUX_SIGMASK(SIGCONT));
    signal_send_process(process, SIGTTOU, SIGINFO_KERNEL);
    ck_assert_uint_eq(signal_pending_set(current_task()), LINUX_SIGMASK(SIGTTOU));
}
TASK_TEST(continue_and_stop_signals_cancel_each_other, 1, contrary_body)

/* ---- who takes it ---- */

static void wait_for_interrupt(void *argument)
{
    struct task *task = argument;
    for (;;) {
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (wait_interrupted(THREAD_INTERRUPTIBLE))
            break;
        sched_block();
    }
    sched_finish_block();
    task->restart_args.args[5] = 1;
    task_exit(0);
}

static void chooses_body(void)
{
    set_action(SIGUSR1, HANDLER, 0);
    struct task *other = start_thread(wait_for_interrupt);
    await_state(other, THREAD_INTERRUPTIBLE);
    signal_send_process(current_process(), SIGUSR1, SIGINFO_KERNEL);
    ck_assert(signal_pending_current()); /* the main thread first */
    ck_assert(!other->thread.interrupted);
    signal_set_blocked(LINUX_SIGMASK(SIGUSR1)); /* it changes its mind: the other one is called */
    ck_assert(!signal_pending_current());
    ck_assert(other->thread.interrupted);
    await_exit(other);
    /* Nobody took it. */
    ck_assert_uint_eq(signal_pending_set(current_task()), LINUX_SIGMASK(SIGUSR1));
}
TASK_TEST(a_signal_moves_to_a_thread_that_does_not_block_it, 2, chooses_body)

static void retarget_body(void)
{
    set_action(SIGUSR1, HANDLER, 0);
    signal_set_blocked(LINUX_SIGMASK(SIGUSR1));
    struct task *first = start_thread(wait_for_interrupt), *second;
    await_state(first, THREAD_INTERRUPTIBLE);
    first->blocked = 0;
    second = start_thread(wait_for_interrupt);
    await_state(second, THREAD_INTERRUPTIBLE);
    second->blocked = 0;
    /* It goes to one of them, which exits without taking it; then to the other. */
    signal_send_process(current_process(), SIGUSR1, SIGINFO_KERNEL);
    await_exit(first);
    await_exit(second);
    ck_assert_uint_eq(signal_pending_set(current_task()), LINUX_SIGMASK(SIGUSR1));
}
TASK_TEST(an_exiting_thread_leaves_group_signals_to_others, 2, retarget_body)

static void kill_threads_body(void)
{
    struct task *other = start_thread(wait_for_interrupt);
    await_state(other, THREAD_INTERRUPTIBLE);
    struct linux_siginfo info = queued(1);
    ck_assert_int_eq(signal_send_task(other, SIGRTMIN, &info), 0); /* fatal to all */
    ck_assert(current_process()->group_exiting);
    ck_assert_int_eq(current_process()->group_exit_status, SIGRTMIN);
    ck_assert(current_task()->thread.killed);
    await_exit(other);
    ck_assert_int_eq(signal_send_process(current_process(), SIGUSR1, &info), 0);
    current_process()->group_exit_status = 0; /* for the fixture */
}
TASK_TEST(a_deadly_signal_starts_the_end_of_the_group, 1, kill_threads_body)

static void dead_body(void)
{
    struct task *other = start_thread(wait_for_interrupt);
    await_state(other, THREAD_INTERRUPTIBLE);
    task_get(other);
    thread_interrupt(&other->thread, false);
    await_exit(other);
    ck_assert_int_eq(signal_send_task(other, SIGUSR1, SIGINFO_KERNEL), -ESRCH);
    task_put(other);
}
TASK_TEST(an_exited_task_takes_no_signals, 1, dead_body)

/* ---- sigtimedwait ---- */

static void wait_body(void)
{
    struct linux_siginfo info;
    signal_set_blocked(LINUX_SIGMASK(SIGUSR1));
    uint64_t before_ns = clock_monotonic_ns();
    ck_assert_int_eq(signal_wait(LINUX_SIGMASK(SIGUSR1), 2000000, &info), -EAGAIN);
    ck_assert_uint_ge(clock_monotonic_ns() - before_ns, 2000000);
    ck_assert_uint_eq(current_task()->blocked, LINUX_SIGMASK(SIGUSR1));
    ck_assert_uint_eq(current_task()->real_blocked, 0);
    signal_send_process(current_process(), SIGUSR1, SIGINFO_KERNEL);
    ck_assert_int_eq(signal_wait(LINUX_SIGMASK(SIGUSR1), UINT64_MAX, &info), SIGUSR1);
    set_action(SIGUSR2, HANDLER, 0);
    signal_send_process(current_process(), SIGUSR2, SIGINFO_KERNEL);
    ck_assert_int_eq(signal_wait(LINUX_SIGMASK(SIGUSR1), UINT64_MAX, &info), -EINTR);
}
TASK_TEST(waiting_restores_the_mask, 1, wait_body)

/* ---- delivery ---- */

enum { SOME_CALL = 42, RESTART_CALL = 219, RIP = 0x400002, STACK = USER_ADDRESS + USER_BYTES - 64 };

static struct hal_regs *after_call(int64_t result)
{
    struct task *task = current_task();
    task->orig_rax = SOME_CALL;
    task->user.regs.rip = RIP;
    task->user.regs.rsp = STACK;
    task->user.regs.rax = (uint64_t)result;
    return &task->user.regs;
}

static void restart_body(void)
{
    static const struct {
        int64_t result;
        int64_t without, with, with_restart; /* rax; SOME_CALL: made again */
    } cases[] = {
        {-ERESTARTSYS, SOME_CALL, -EINTR, SOME_CALL},
        {-ERESTARTNOINTR, SOME_CALL, SOME_CALL, SOME_CALL},
        {-ERESTARTNOHAND, SOME_CALL, -EINTR, -EINTR},
        {-ERESTART_RESTARTBLOCK, RESTART_CALL, -EINTR, -EINTR},
        {-EINTR, -EINTR, -EINTR, -EINTR},
        {7, 7, 7, 7},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hal_regs *regs = after_call(cases[i].result);
        signal_deliver(current_task());
        ck_assert_int_eq((int64_t)regs->rax, cases[i].without);
        bool again = cases[i].without == SOME_CALL || cases[i].without == RESTART_CALL;
        ck_assert_uint_eq(regs->rip, again ? RIP - 2 : RIP);

        for (int restart = 0; restart < 2; restart++) {
            int64_t wanted = restart ? cases[i].with_restart : cases[i].with;
            struct linux_sigcontext saved;
            set_action(SIGUSR1, HANDLER, restart ? SA_RESTART : 0);
            after_call(cases[i].result);
            signal_send_process(current_process(), SIGUSR1, SIGINFO_KERNEL);
            signal_deliver(current_task());
            ck_assert_uint_eq(regs->rip, HANDLER);
            ck_assert_uint_eq((regs->rsp + 8) % 16, 0);
            uint64_t frame = regs->rsp;
            ck_assert_int_eq(copy_from_user(&saved,
                                            frame + offsetof(struct linux_rt_sigframe,
                                                             uc.uc_mcontext),
                                            sizeof(saved)),
                             0);
            ck_assert_int_eq((int64_t)saved.ax, wanted);
            ck_assert_uint_eq(saved.ip, wanted == SOME_CALL ? RIP - 2 : RIP);
            regs->rsp = frame + 8; /* as the handler's return leaves it */
            ck_assert(signal_return(current_task()));
            ck_assert_int_eq((int64_t)regs->rax, wanted);
            ck_assert_uint_eq(regs->rsp, STACK);
            ck_assert_uint_eq(current_task()->orig_rax, UINT64_MAX);
        }
    }
    /* Outside of a system call rax is the program's own. */
    struct hal_regs *regs = after_call(-ERESTARTSYS);
    current_task()->orig_rax = UINT64_MAX;
    signal_deliver(current_task());
    ck_assert_int_eq((int64_t)regs->rax, -ERESTARTSYS);
    ck_assert_uint_eq(regs->rip, RIP);
}
TASK_TEST(interrupted_calls_restart_as_their_codes_say, 1, restart_body)

static void temporary_mask_body(void)
{
    struct task *task = current_task();
    set_action(SIGUSR1, HANDLER, 0);
    signal_set_blocked(LINUX_SIGMASK(SIGUSR1) | LINUX_SIGMASK(SIGUSR2));
    signal_send_process(current_process(), SIGUSR1, SIGINFO_KERNEL);
    ck_assert(!signal_pending_current());
    signal_set_temporary_mask(0);
    ck_assert(signal_pending_current());
    struct hal_regs *regs = after_call(-ERESTARTNOHAND);
    signal_deliver(task);
    ck_assert_uint_eq(task->blocked, LINUX_SIGMASK(SIGUSR1)); /* the temporary one and its own */
    regs->rsp += 8;
    ck_assert(signal_return(task));
    ck_assert_uint_eq(task->blocked, LINUX_SIGMASK(SIGUSR1) | LINUX_SIGMASK(SIGUSR2));
    /* Without a handler it is restored on the way out. */
    signal_set_temporary_mask(0);
    after_call(-ERESTARTNOHAND);
    signal_deliver(task);
    ck_assert_uint_eq(task->blocked, LINUX_SIGMASK(SIGUSR1) | LINUX_SIGMASK(SIGUSR2));
}
TASK_TEST(a_temporary_mask_lasts_until_the_handler_has_its_frame, 1, temporary_mask_body)

static void no_stack_body(void)
{
    set_action(SIGUSR1, HANDLER, 0);
    after_call(0);
    current_task()->user.regs.rsp = 0x1000;
    signal_send_process(current_process(), SIGUSR1, SIGINFO_KERNEL);
    signal_deliver(current_task());
    ck_assert(signal_in(signal_pending_set(current_task()), SIGSEGV) ||
              current_process()->group_exiting);
    /* What follows would be the end; take it back. */
    struct linux_siginfo info;
    ck_assert_int_eq(signal_take(current_task(), LINUX_SIGMASK(SIGSEGV), &info), SIGSEGV);
    ck_assert_int_eq(info.si_code, SI_KERNEL);
}
TASK_TEST(a_frame_that_cannot_be_written_raises_segv, 1, no_stack_body)

static void frame_loss_body(void)
{
    /* Every word of the frame may be anything. */
    struct task *task = current_task();
    set_action(SIGUSR1, HANDLER, 0);
    for (uint64_t offset = 0; offset < sizeof(struct linux_rt_sigframe); offset += 8) {
        struct hal_regs *regs = after_call(0);
        signal_send_process(current_process(), SIGUSR1, SIGINFO_KERNEL);
        signal_deliver(task);
        ck_assert_uint_eq(regs->rip, HANDLER);
        ck_assert_int_eq(put_user_u64(regs->rsp + offset, 0xa5a5a5a5a5a5a5a5ull), 0);
        regs->rsp += 8;
        signal_return(task);
        signal_set_blocked(0);
        task->altstack = (struct linux_stack){.ss_flags = SS_DISABLE};
        ck_assert_uint_eq(regs->rflags & 0x3000, 0);
    }
}
TASK_TEST(sigreturn_survives_any_frame, 1, frame_loss_body)

/* ---- stops ---- */

static void stop_and_exit(void *argument)
{
    struct task *task = argument;
    while (!task->restart_args.args[4]) {
        for (;;) {
            sched_prepare_block(THREAD_INTERRUPTIBLE);
            if (wait_interrupted(THREAD_INTERRUPTIBLE))
                break;
            sched_block();
        }
        sched_finish_block();
        signal_deliver(task);
    }
    task_exit(0);
}

static void stop_body(void)
{
    struct task *child = start_task(0, stop_and_exit);
    struct process *process = process_get(child->process);
    struct wait_result result;
    int pid = process->pid;

    for (int i = 0; i < 3; i++) {
        await_state(child, THREAD_INTERRUPTIBLE);
        signal_send_process(process, SIGSTOP, SIGINFO_KERNEL);
        ck_assert_int_eq(process_wait(P_PID, pid, WUNTRACED, &result), pid);
        ck_assert_int_eq(result.si_code, CLD_STOPPED);
        await_state(child, THREAD_STOPPED);
        ck_assert_int_eq(process_wait(P_PID, pid, WUNTRACED | WNOHANG, &result), 0);
        signal_send_process(process, SIGCONT, SIGINFO_KERNEL);
        ck_assert_int_eq(process_wait(P_PID, pid, WCONTINUED, &result), pid);
        ck_assert_int_eq(result.si_code, CLD_CONTINUED);
    }
    await_state(child, THREAD_INTERRUPTIBLE);
    signal_send_process(process, SIGSTOP, SIGINFO_KERNEL);
    await_state(child, THREAD_STOPPED);
    signal_send_process(process, SIGKILL, SIGINFO_KERNEL);
    ck_assert_int_eq(process_wait(P_PID, pid, WEXITED, &result), pid);
    ck_assert_int_eq(result.status, SIGKILL);
    task_put(child);
    process_put(process);
}
TASK_TEST(stops_are_reported_once_and_ended_by_cont_and_kill, 2, stop_body)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, taking_gives_synchronous_then_lowest_then_oldest);
    tcase_add_test(tcase, queue_limit_refuses_only_real_time_signals);
    tcase_add_test(tcase, sending_survives_failure_of_allocation);
    tcase_add_test(tcase, ignored_signals_are_dropped_unless_blocked);
    tcase_add_test(tcase, init_is_immune_to_signals_without_a_handler);
    tcase_add_test(tcase, continue_and_stop_signals_cancel_each_other);
    tcase_add_test(tcase, a_signal_moves_to_a_thread_that_does_not_block_it);
    tcase_add_test(tcase, an_exiting_thread_leaves_group_signals_to_others);
    tcase_add_test(tcase, a_deadly_signal_starts_the_end_of_the_group);
    tcase_add_test(tcase, an_exited_task_takes_no_signals);
    tcase_add_test(tcase, waiting_restores_the_mask);
    tcase_add_test(tcase, interrupted_calls_restart_as_their_codes_say);
    tcase_add_test(tcase, a_temporary_mask_lasts_until_the_handler_has_its_frame);
    tcase_add_test(tcase, a_frame_that_cannot_be_written_raises_segv);
    tcase_add_test(tcase, sigreturn_survives_any_frame);
    tcase_add_test(tcase, stops_are_reported_once_and_ended_by_cont_and_kill);
}

static Suite *suite(void)
{
    return unit_suite("signal", add);
}

UNIT_MAIN(suite)
