/* SPDX-License-Identifier: MIT */
/* kernel/ipc/sysv*.c, mqueue*.c: namespaces of their own, failing allocations, nothing left behind.
 */
#include "tests/unit/ipc/ipc_fixture.h"

#include "kernel/ipc/mqueue.h"
#include "kernel/ipc/sysv.h"

static struct ipc_namespace *new_namespace(void)
{
    struct ipc_namespace *ns;
    ck_assert_int_eq(ipc_namespace_create(this_kernel(), NULL, &ns), 0);
    return ns;
}

IPC_TEST(namespaces_do_not_see_each_other, 1)
{
    struct ipc_namespace *a = new_namespace(), *b = new_namespace();
    int id = msg_get(a, 77, IPC_CREAT | 0600);
    ck_assert_int_eq(id, 0);
    ck_assert_int_eq(msg_get(b, 77, 0), -ENOENT);
    ck_assert_int_eq(msg_get(a, 77, 0), id);
    ipc_namespace_put(b);
    ipc_namespace_put(a); /* takes the queue along */
}

IPC_TEST(last_put_of_namespace_frees_all_objects, 1)
{
    struct ipc_namespace *ns = new_namespace();
    struct message *message = message_create(1, 100);
    struct file *queue;
    ck_assert_int_ge(shm_get(ns, IPC_PRIVATE, 10000, 0600), 0);
    ck_assert_int_ge(sem_get(ns, IPC_PRIVATE, 5, 0600), 0);
    int id = msg_get(ns, IPC_PRIVATE, 0600);
    ck_assert_int_eq(msg_send(ns, id, message, 0), 0);
    ck_assert_int_eq(mqueue_open(ns, "q", O_CREAT | O_RDWR, 0600, NULL, &queue), 0);
    ck_assert_int_eq(mqueue_send(queue, mq_message_create(1, 10), 0), 0);
    file_put(queue);
    ipc_namespace_put(ns);
}

IPC_TEST(identifiers_are_not_reused_at_once, 1)
{
    struct ipc_namespace *ns = new_namespace();
    int last = -1;
    for (int i = 0; i < 200; i++) {
        int id = sem_get(ns, IPC_PRIVATE, 1, 0600);
        ck_assert_int_ge(id, 0);
        ck_assert_int_ne(id, last);
        ck_assert_int_eq(sem_remove(ns, id), 0);
        ck_assert_int_eq(sem_remove(ns, id), -EINVAL);
        last = id;
    }
    ipc_set_next_id(ns, IPC_SEM, 3 << 15 | 7);
    ck_assert_int_eq(sem_get(ns, IPC_PRIVATE, 1, 0600), 3 << 15 | 7);
    ck_assert_int_eq(ipc_next_id(ns, IPC_SEM), -1);
    ipc_namespace_put(ns);
}

IPC_TEST(undo_of_the_exiting_thread_is_applied, 1)
{
    struct ipc_namespace *ns = new_namespace();
    const struct linux_sembuf up = {.sem_num = 1, .sem_op = 5, .sem_flg = SEM_UNDO};
    int id = sem_get(ns, IPC_PRIVATE, 2, 0600);
    ck_assert_int_eq(sem_operate(ns, id, &up, 1, UINT64_MAX), 0);
    ck_assert_int_eq(sem_get_number(ns, id, 1, GETVAL), 5);
    sem_undo_exit();
    ck_assert_int_eq(sem_get_number(ns, id, 1, GETVAL), 0);
    ck_assert_int_eq(sem_operate(ns, id, &up, 1, UINT64_MAX), 0);
    ck_assert_int_eq(sem_remove(ns, id), 0); /* before the list goes */
    sem_undo_exit();
    ipc_namespace_put(ns);
}

static int call_everything(void)
{
    struct ipc_namespace *ns;
    const struct linux_sembuf up = {.sem_num = 0, .sem_op = 1, .sem_flg = SEM_UNDO};
    struct file *queue;
    int error = ipc_namespace_create(this_kernel(), NULL, &ns);
    if (error)
        return error;
    int shm = shm_get(ns, 1, 4096, IPC_CREAT | 0600);
    int sem = shm < 0 ? shm : sem_get(ns, 2, 1, IPC_CREAT | 0600);
    int msg = sem < 0 ? sem : msg_get(ns, 3, IPC_CREAT | 0600);
    error = msg < 0 ? msg : sem_operate(ns, sem, &up, 1, UINT64_MAX);
    if (!error)
        error = mqueue_open(ns, "queue", O_CREAT | O_RDWR, 0600, NULL, &queue);
    if (!error)
        file_put(queue);
    sem_undo_exit();
    ipc_namespace_put(ns);
    return error;
}

IPC_TEST(objects_survive_failure_of_nth_allocation, 1)
{
    fail_each_allocation(call_everything, -ENOMEM, -ENOMEM);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, namespaces_do_not_see_each_other);
    tcase_add_test(tcase, last_put_of_namespace_frees_all_objects);
    tcase_add_test(tcase, identifiers_are_not_reused_at_once);
    tcase_add_test(tcase, undo_of_the_exiting_thread_is_applied);
    tcase_add_test(tcase, objects_survive_failure_of_nth_allocation);
}

static Suite *sysv_suite(void)
{
    return unit_suite("sysv", add_tests);
}

UNIT_MAIN(sysv_suite)
