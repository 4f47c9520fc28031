/* SPDX-License-Identifier: MIT */
#include "tests/unit/proc/task_fixture.h"

#include "kernel/abi/futex.h"
#include "kernel/abi/time.h"
#include "kernel/proc/futex_internal.h"
#include "kernel/proc/wall_timer.h"

enum { WORD = USER_ADDRESS, WORD2 = USER_ADDRESS + 64, ANY = -1 };

static const struct futex_timeout forever = {.deadline_ns = FUTEX_NO_TIMEOUT};

/* What a waiter does is in its restart_args: the result goes to args[5]. */
static void wait_on_word(void *argument)
{
    struct task *task = argument;
    task->restart_args.args[5] = (uint64_t)futex_wait(WORD, true, 0, forever, (uint32_t)ANY);
    task_exit(0);
}

static struct task *start_waiter(void (*entry)(void *))
{
    struct task *task = start_thread(entry);
    await_state(task, THREAD_INTERRUPTIBLE);
    return task;
}

static void finish(struct task *task, int64_t wanted)
{
    task_get(task);
    await_exit(task);
    ck_assert_int_eq((int64_t)task->restart_args.args[5], wanted);
    task_put(task);
}

static unsigned waiters_counted(void)
{
    struct futex_key key;
    ck_assert_int_eq(futex_get_key(WORD, true, &key), 0);
    return futex_bucket(&key)->waiters;
}

static void wake_body(void)
{
    struct task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = start_waiter(wait_on_word);
    ck_assert_uint_eq(waiters_counted(), 3);
    ck_assert_int_eq(futex_wake(WORD, true, 1, (uint32_t)ANY), 1);
    finish(tasks[0], 0);
    ck_assert_int_eq(futex_wake(WORD, true, 5, (uint32_t)ANY), 2);
    finish(tasks[1], 0);
    finish(tasks[2], 0);
    ck_assert_uint_eq(waiters_counted(), 0);
    ck_assert_int_eq(futex_wake(WORD, true, 5, (uint32_t)ANY), 0);
    ck_assert_int_eq(futex_wait(WORD, true, 1, forever, (uint32_t)ANY), -EAGAIN);
    ck_assert_int_eq(futex_wait(WORD + 2, true, 0, forever, (uint32_t)ANY), -EINVAL);
    ck_assert_int_eq(futex_wait(0x1000, true, 0, forever, (uint32_t)ANY), -EFAULT);
    ck_assert_uint_eq(waiters_counted(), 0);
}
TASK_TEST(wake_takes_waiters_in_order, 2, wake_body)

static void interrupt_body(void)
{
    struct task *task = start_waiter(wait_on_word);
    thread_interrupt(&task->thread, false);
    finish(task, -ERESTARTSYS);
    ck_assert_uint_eq(waiters_counted(), 0);
}
TASK_TEST(an_interrupted_waiter_leaves_the_queue, 1, interrupt_body)

static void requeue_body(void)
{
    struct task *tasks[4];
    uint32_t zero = 0, one = 1;
    for (int i = 0; i < 4; i++)
        tasks[i] = start_waiter(wait_on_word);
    ck_assert_int_eq(futex_requeue(WORD, WORD2, true, 1, 2, &one), -EAGAIN);
    ck_assert_int_eq(futex_requeue(WORD, WORD2, true, 1, 2, &zero), 3);
    finish(tasks[0], 0);
    ck_assert_int_eq(futex_wake(WORD, true, 9, (uint32_t)ANY), 1);
    finish(tasks[3], 0);
    /* One of the moved ones is interrupted where it is now. */
    thread_interrupt(&tasks[1]->thread, false);
    finish(tasks[1], -ERESTARTSYS);
    ck_assert_int_eq(futex_wake(WORD2, true, 9, (uint32_t)ANY), 1);
    finish(tasks[2], 0);
}
TASK_TEST(requeued_waiters_belong_to_the_second_word, 2, requeue_body)

static void wait_on_word_until(void *argument)
{
    struct task *task = argument;
    const struct futex_timeout timeout = {
        .deadline_ns = clock_realtime_ns() + 3600 * NSEC_PER_SEC, .realtime = true};
    task->restart_args.args[5] = (uint64_t)futex_wait(WORD, true, 0, timeout, (uint32_t)ANY);
    task_exit(0);
}

static void clock_set_body(void)
{
    struct futex_timeout soon = {.deadline_ns = clock_monotonic_ns() + 3000000};
    ck_assert_int_eq(futex_wait(WORD, true, 0, soon, (uint32_t)ANY), -ETIMEDOUT);
    ck_assert_uint_ge(clock_monotonic_ns(), soon.deadline_ns);

    struct task *task = start_waiter(wait_on_word_until);
    wall_clock_set(clock_realtime_ns() + 1000 * NSEC_PER_SEC);
    await_state(task, THREAD_INTERRUPTIBLE);
    wall_clock_set(clock_realtime_ns() + 3000 * NSEC_PER_SEC);
    finish(task, -ETIMEDOUT);
}
TASK_TEST(a_realtime_deadline_follows_the_clock, 2, clock_set_body)

/* The page of the word is not there: the value is still compared atomically with queueing. */
static void absent_page_body(void)
{
    const uint64_t fresh = USER_ADDRESS + 8 * PAGE_SIZE;
    struct futex_timeout now = {.deadline_ns = 1};
    ck_assert_int_eq(futex_wait(fresh, true, 0, now, (uint32_t)ANY), -ETIMEDOUT);
    ck_assert_int_eq(futex_wake_op(WORD, fresh + PAGE_SIZE, true, 1, 1,
                                   FUTEX_OP_SET << 28 | 5 << 12 | FUTEX_OP_CMP_EQ << 24),
                     0);
    ck_assert_uint_eq(user_word(fresh + PAGE_SIZE), 5);
}
TASK_TEST(absent_pages_are_resolved, 1, absent_page_body)

static void waitv_body(void)
{
    struct linux_futex_waitv entries[3] = {
        {.uaddr = WORD, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
        {.uaddr = WORD2, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
        {.uaddr = 0x1000, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
    };
    struct futex_timeout soon = {.deadline_ns = clock_monotonic_ns() + 1000000};
    struct fault_injection faults;
    ck_assert_int_eq(futex_waitv(entries, 2, soon), -ETIMEDOUT);
    entries[1].val = 1;
    ck_assert_int_eq(futex_waitv(entries, 2, forever), -EAGAIN);
    ck_assert_uint_eq(waiters_counted(), 0);
    entries[1].val = 0;
    ck_assert_int_eq(futex_waitv(entries, 3, forever), -EFAULT);
    ck_assert_uint_eq(waiters_counted(), 0);
    fail_allocation(&faults, 1);
    ck_assert_int_eq(futex_waitv(entries, 2, forever), -ENOMEM);
    fail_allocation(&faults, 0);
}
TASK_TEST(waiting_on_several_words_leaves_none_behind, 1, waitv_body)

/* ---- owners ---- */

static void lock_word(void *argument)
{
    struct task *task = argument;
    int64_t result = futex_lock_pi(WORD, true, forever, false);
    task->restart_args.args[4] = user_word(WORD);
    if (!result && task->restart_args.args[3])
        result = futex_unlock_pi(WORD, true);
    task->restart_args.args[5] = (uint64_t)result;
    task_exit(0);
}

static struct task *start_locker(bool unlocks)
{
    const struct clone_args args = {.flags = THREAD_FLAGS};
    struct task *task;
    ck_assert_int_eq(task_create(&args, lock_word, &task), 0);
    task->restart_args.args[3] = unlocks;
    task_get(task);
    thread_start(&task->thread);
    await_state(task, THREAD_INTERRUPTIBLE);
    return task;
}

static void pi_body(void)
{
    uint32_t me = (uint32_t)current_task()->tid;
    ck_assert_int_eq(futex_lock_pi(WORD, true, forever, false), 0);
    ck_assert_uint_eq(user_word(WORD), me);
    struct task *first = start_locker(true), *second = start_locker(true);
    ck_assert_uint_eq(user_word(WORD), me | FUTEX_WAITERS);
    ck_assert_int_eq(futex_unlock_pi(WORD, true), 0);
    task_get(first);
    finish(first, 0);
    ck_assert_uint_eq(first->restart_args.args[4], (uint32_t)first->tid | FUTEX_WAITERS);
    task_put(first);
    finish(second, 0);
    ck_assert(list_empty(&futex_table()->pi_locks));
    ck_assert_uint_eq(user_word(WORD), 0);
}
TASK_TEST(unlock_hands_the_futex_to_the_first_waiter, 2, pi_body)

static void pi_interrupted_body(void)
{
    ck_assert_int_eq(futex_lock_pi(WORD, true, forever, false), 0);
    struct task *task = start_locker(true);
    thread_interrupt(&task->thread, false);
    finish(task, -ERESTARTNOINTR);
    ck_assert(list_empty(&futex_table()->pi_locks));
    ck_assert_int_eq(futex_unlock_pi(WORD, true), 0);
    ck_assert_int_eq(futex_unlock_pi(WORD, true), -EPERM);
}
TASK_TEST(an_interrupted_locker_leaves_nothing, 1, pi_interrupted_body)

static void lock_and_die(void *argument)
{
    (void)argument;
    ck_assert_int_eq(futex_lock_pi(WORD, true, forever, false), 0);
    for (;;) {
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (wait_interrupted(THREAD_INTERRUPTIBLE))
            break;
        sched_block();
    }
    sched_finish_block();
    task_exit(0);
}

static void pi_owner_dies_body(void)
{
    struct task *owner = start_thread(lock_and_die);
    await_state(owner, THREAD_INTERRUPTIBLE);
    struct task *heir = start_locker(false);
    thread_interrupt(&owner->thread, false);
    await_exit(owner);
    task_get(heir);
    finish(heir, 0);
    ck_assert_uint_eq(heir->restart_args.args[4],
                      (uint32_t)heir->tid | FUTEX_WAITERS | FUTEX_OWNER_DIED);
    task_put(heir);
    ck_assert(list_empty(&futex_table()->pi_locks));
    /* The heir died too, and nobody waited: its number in the word means nobody. */
    ck_assert_int_eq(futex_lock_pi(WORD, true, forever, false), -ESRCH);
}
TASK_TEST(a_dying_owner_leaves_its_futex_to_the_waiter, 2, pi_owner_dies_body)

static void pi_no_memory_body(void)
{
    struct fault_injection faults;
    set_user_word(WORD, 0);
    fail_allocation(&faults, 1);
    ck_assert_int_eq(futex_lock_pi(WORD, true, forever, false), -ENOMEM);
    fail_allocation(&faults, 0);
    ck_assert_uint_eq(user_word(WORD), 0);
}
TASK_TEST(locking_survives_failure_of_allocation, 1, pi_no_memory_body)

/* ---- robust lists: whatever is in memory, the walk ends ---- */

static void robust_body(void)
{
    struct task *task = current_task();
    const uint64_t head = USER_ADDRESS + 1024, node = USER_ADDRESS + 2048;
    const int64_t offset = 16;
    struct linux_robust_list_head list = {.list.next = node, .futex_offset = offset};
    uint32_t tid = (uint32_t)task->tid;

    ck_assert_int_eq(copy_to_user(head, &list, sizeof(list)), 0);
    ck_assert_int_eq(put_user_u64(node, head), 0);
    set_user_word(node + 16, tid | FUTEX_WAITERS);
    task->robust_list = head;
    futex_release_task(task);
    ck_assert_uint_eq(user_word(node + 16), FUTEX_WAITERS | FUTEX_OWNER_DIED);
    ck_assert_uint_eq(task->robust_list, 0);

    ck_assert_int_eq(put_user_u64(node, node), 0); /* endless */
    task->robust_list = head;
    futex_release_task(task);
    ck_assert_int_eq(put_user_u64(node, 0x1000), 0); /* into nowhere */
    set_user_word(node + 16, tid);
    task->robust_list = head;
    futex_release_task(task);
    ck_assert_uint_eq(user_word(node + 16), FUTEX_OWNER_DIED);
    task->robust_list = 0x1000;
    futex_release_task(task);
}
TASK_TEST(robust_lists_are_walked_and_never_trusted, 1, robust_body)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, wake_takes_waiters_in_order);
    tcase_add_test(tcase, an_interrupted_waiter_leaves_the_queue);
    tcase_add_test(tcase, requeued_waiters_belong_to_the_second_word);
    tcase_add_test(tcase, a_realtime_deadline_follows_the_clock);
    tcase_add_test(tcase, absent_pages_are_resolved);
    tcase_add_test(tcase, waiting_on_several_words_leaves_none_behind);
    tcase_add_test(tcase, unlock_hands_the_futex_to_the_first_waiter);
    tcase_add_test(tcase, an_interrupted_locker_leaves_nothing);
    tcase_add_test(tcase, a_dying_owner_leaves_its_futex_to_the_waiter);
    tcase_add_test(tcase, locking_survives_failure_of_allocation);
    tcase_add_test(tcase, robust_lists_are_walked_and_never_trusted);
}

static Suite *suite(void)
{
    return unit_suite("futex", add);
}

UNIT_MAIN(suite)
