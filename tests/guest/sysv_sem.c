/* SPDX-License-Identifier: MIT
 *
 * System V semaphores: semget(2), semop(2), semctl(2).
 */
#include "guest.h"

#include <sys/ipc.h>
#include <sys/sem.h>

#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif
#ifndef CLONE_SYSVSEM
#define CLONE_SYSVSEM 0x00040000
#endif

union argument {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static int control(int id, int number, int command, union argument argument)
{
    return semctl(id, number, command, argument);
}

static int set_make(int count)
{
    return (int)OK(semget(IPC_PRIVATE, count, IPC_CREAT | 0600));
}

static int value(int id, int number)
{
    return (int)OK(semctl(id, number, GETVAL));
}

static void set_value(int id, int number, int to)
{
    OK(control(id, number, SETVAL, (union argument){.val = to}));
}

static int change(int id, int number, int by, int flags)
{
    struct sembuf op = {
        .sem_num = (unsigned short)number, .sem_op = (short)by, .sem_flg = (short)flags};
    return semop(id, &op, 1);
}

static void drop(int id)
{
    OK(semctl(id, 0, IPC_RMID));
}

static void keys_find_sets(void)
{
    key_t key = 0x53454d00 + getpid();
    FAILS(semget(key, 1, 0600), ENOENT);
    FAILS(semget(key, 0, IPC_CREAT | 0600), EINVAL);
    FAILS(semget(key, -1, IPC_CREAT | 0600), EINVAL);
    FAILS(semget(key, 32001, IPC_CREAT | 0600), EINVAL);
    int id = (int)OK(semget(key, 3, IPC_CREAT | 0600));
    EQ(OK(semget(key, 0, 0)), id);
    EQ(OK(semget(key, 3, IPC_CREAT)), id);
    FAILS(semget(key, 4, 0), EINVAL);
    FAILS(semget(key, 3, IPC_CREAT | IPC_EXCL), EEXIST);
    drop(id);
    FAILS(semctl(id, 0, IPC_RMID), EINVAL);
    FAILS(semctl(id, 0, GETVAL), EINVAL);
}

static void values_are_set_and_read(void)
{
    unsigned short values[3] = {1, 2, 32767}, back[3];
    int id = set_make(3);
    EQ(value(id, 0), 0);
    EQ(OK(semctl(id, 0, GETPID)), 0);
    set_value(id, 1, 9);
    EQ(value(id, 1), 9);
    EQ(OK(semctl(id, 1, GETPID)), getpid());
    FAILS(control(id, 1, SETVAL, (union argument){.val = -1}), ERANGE);
    FAILS(control(id, 1, SETVAL, (union argument){.val = 32768}), ERANGE);
    FAILS(control(id, 3, SETVAL, (union argument){.val = 1}), EINVAL);
    FAILS(semctl(id, 3, GETVAL), EINVAL);
    FAILS(semctl(id, -1, GETVAL), EINVAL);
    OK(control(id, 0, SETALL, (union argument){.array = values}));
    OK(control(id, 0, GETALL, (union argument){.array = back}));
    TRUE(memcmp(values, back, sizeof(values)) == 0);
    values[1] = 32768;
    FAILS(control(id, 0, SETALL, (union argument){.array = values}), ERANGE);
    FAILS(control(id, 0, SETALL, (union argument){.array = BAD_POINTER}), EFAULT);
    FAILS(control(id, 0, GETALL, (union argument){.array = BAD_POINTER}), EFAULT);
    FAILS(semctl(id, 0, 99), EINVAL);
    FAILS(semctl(-1, 0, GETVAL), EINVAL);
    drop(id);
}

static void operations_are_checked(void)
{
    struct sembuf ops[501] = {{0}};
    struct timespec bad = {.tv_sec = 0, .tv_nsec = 1000000000};
    int id = set_make(2);
    FAILS(semop(id, ops, 0), EINVAL);
    FAILS(semop(id, ops, 501), E2BIG);
    FAILS(semop(id, BAD_POINTER, 1), EFAULT);
    FAILS(semop(-1, ops, 1), EINVAL);
    FAILS(change(id, 2, 1, 0), EFBIG);
    FAILS(semtimedop(id, ops, 1, &bad), EINVAL);
    FAILS(semtimedop(id, ops, 1, BAD_POINTER), EFAULT);
    OK(semop(id, ops, 500)); /* 500 times: wait for zero */
    set_value(id, 0, 32767);
    FAILS(change(id, 0, 1, 0), ERANGE);
    FAILS(change(id, 0, 0, IPC_NOWAIT), EAGAIN);
    FAILS(change(id, 1, -1, IPC_NOWAIT), EAGAIN);
    drop(id);
}

static void operations_happen_all_or_not_at_all(void)
{
    int id = set_make(3);
    set_value(id, 0, 1);
    struct sembuf ops[] = {{0, -1, 0}, {1, 5, 0}, {2, -1, IPC_NOWAIT}};
    FAILS(semop(id, ops, 3), EAGAIN);
    EQ(value(id, 0), 1);
    EQ(value(id, 1), 0);
    struct sembuf twice[] = {{0, 1, 0}, {0, -2, 0}, {0, 0, IPC_NOWAIT}, {0, 7, 0}};
    OK(semop(id, twice, 4)); /* the same one several times, in order */
    EQ(value(id, 0), 7);
    struct sembuf too_many[] = {{1, 5, 0}, {0, 32767, 0}};
    FAILS(semop(id, too_many, 2), ERANGE);
    EQ(value(id, 1), 0);
    drop(id);
}

static void timeout_passes(void)
{
    struct sembuf op = {0, -1, 0};
    struct timespec time = {.tv_nsec = 20000000}, zero = {0};
    int id = set_make(1);
    uint64_t before = now_ms();
    FAILS(semtimedop(id, &op, 1, &time), EAGAIN);
    TRUE(now_ms() - before >= 19);
    FAILS(semtimedop(id, &op, 1, &zero), EAGAIN);
    EQ(OK(semctl(id, 0, GETNCNT)), 0);
    drop(id);
}

static void take_one(void *argument)
{
    OK(change(*(int *)argument, 0, -1, 0));
}

static void wait_for_zero(void *argument)
{
    OK(change(*(int *)argument, 1, 0, 0));
}

static void waiters_are_counted_and_woken(void)
{
    int id = set_make(2);
    set_value(id, 1, 2);
    pid_t taker = spawn(take_one, &id), zero = spawn(wait_for_zero, &id);
    EVENTUALLY(semctl(id, 0, GETNCNT) == 1 && semctl(id, 1, GETZCNT) == 1);
    EQ(OK(semctl(id, 1, GETNCNT)), 0);
    EQ(OK(semctl(id, 0, GETZCNT)), 0);
    OK(change(id, 1, -1, 0));
    EQ(waitpid(zero, NULL, WNOHANG), 0);
    OK(change(id, 1, -1, 0));
    CHILD_OK(zero);
    OK(change(id, 0, 1, 0));
    CHILD_OK(taker);
    EQ(value(id, 0), 0);
    EQ(OK(semctl(id, 0, GETPID)), taker);
    drop(id);
}

static void wait_removed(void *argument)
{
    FAILS(change(*(int *)argument, 0, -1, SEM_UNDO), EIDRM);
}

static void removal_ends_waits(void)
{
    int id = set_make(1);
    pid_t pid = spawn(wait_removed, &id);
    EVENTUALLY(semctl(id, 0, GETNCNT) == 1);
    drop(id);
    CHILD_OK(pid);
}

static void on_signal(int signo)
{
    (void)signo;
}

static void wait_interrupted(void *argument)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    OK(sigaction(SIGUSR1, &action, NULL));
    FAILS(change(*(int *)argument, 0, -1, 0), EINTR);
}

static void handlers_interrupt_even_with_restart(void)
{
    int id = set_make(1);
    pid_t pid = spawn(wait_interrupted, &id);
    EVENTUALLY(semctl(id, 0, GETNCNT) == 1);
    OK(kill(pid, SIGUSR1));
    CHILD_OK(pid);
    EQ(OK(semctl(id, 0, GETNCNT)), 0);
    drop(id);
}

static void undo_some(void *argument)
{
    int id = *(int *)argument;
    OK(change(id, 0, -3, SEM_UNDO));
    OK(change(id, 1, 4, SEM_UNDO));
    OK(change(id, 1, 1, 0));
    OK(change(id, 2, 5, SEM_UNDO));
    set_value(id, 2, 1); /* forgets what was to be undone */
    EQ(value(id, 0), 7);
}

static void exit_undoes(void)
{
    int id = set_make(3);
    set_value(id, 0, 10);
    pid_t pid = spawn(undo_some, &id);
    CHILD_OK(pid);
    EQ(value(id, 0), 10);
    EQ(value(id, 1), 1);
    EQ(value(id, 2), 1);
    EQ(OK(semctl(id, 0, GETPID)), pid);
    drop(id);
}

static void add_with_undo(void *argument)
{
    struct gate *gates = ((void **)argument)[1];
    OK(change(*(int *)((void **)argument)[0], 0, 5, SEM_UNDO));
    gate_open(&gates[0]);
    gate_pass(&gates[1]);
}

static void undo_stops_at_zero_and_wakes(void)
{
    int id = set_make(1);
    struct gate gates[2] = {gate_make(), gate_make()};
    void *argument[] = {&id, gates};
    pid_t pid = spawn(add_with_undo, argument);
    gate_pass(&gates[0]);
    OK(change(id, 0, -3, 0));
    EQ(value(id, 0), 2);
    gate_open(&gates[1]);
    OK(change(id, 0, 0, 0)); /* wait for zero: the exit of the other one brings it */
    EQ(value(id, 0), 0);
    CHILD_OK(pid);
    drop(id);
}

static int undo_in_thread(void *argument)
{
    return change(*(int *)argument, 0, 1, SEM_UNDO) ? 1 : 0;
}

static char stack[2][65536];

static void sharers_undo_at_the_last_exit(void)
{
    int id = set_make(1), status;
    int flags = CLONE_VM | CLONE_FILES | SIGCHLD;
    pid_t pid =
        (pid_t)OK(clone(undo_in_thread, stack[0] + sizeof(stack[0]), flags | CLONE_SYSVSEM, &id));
    EQ(OK(waitpid(pid, &status, 0)), pid);
    EQ(status, 0);
    EQ(value(id, 0), 1); /* we share the list and live on */
    pid = (pid_t)OK(clone(undo_in_thread, stack[1] + sizeof(stack[1]), flags, &id));
    EQ(OK(waitpid(pid, &status, 0)), pid);
    EQ(status, 0);
    EQ(value(id, 0), 1);
    drop(id);
}

static void undo_range_is_limited(void)
{
    int id = set_make(1);
    set_value(id, 0, 32767);
    OK(change(id, 0, -32767, SEM_UNDO));
    OK(change(id, 0, 32767, 0));
    FAILS(change(id, 0, -1, SEM_UNDO), ERANGE);
    EQ(value(id, 0), 32767);
    drop(id);
}

static void status_and_limits(void)
{
    struct semid_ds status;
    struct seminfo info;
    int id = (int)OK(semget(IPC_PRIVATE, 4, 0620));
    OK(control(id, 0, IPC_STAT, (union argument){.buf = &status}));
    EQ(status.sem_perm.mode, 0620);
    EQ(status.sem_nsems, 4);
    EQ(status.sem_otime, 0);
    TRUE(status.sem_ctime > 0);
    OK(change(id, 0, 1, 0));
    status.sem_perm.mode = 0600;
    OK(control(id, 0, IPC_SET, (union argument){.buf = &status}));
    OK(control(id, 0, IPC_STAT, (union argument){.buf = &status}));
    EQ(status.sem_perm.mode, 0600);
    TRUE(status.sem_otime > 0);
    int highest = (int)OK(control(0, 0, IPC_INFO, (union argument){.info = &info}));
    EQ(info.semvmx, 32767);
    EQ(info.semopm, 500);
    EQ(info.semmsl, 32000);
    OK(control(0, 0, SEM_INFO, (union argument){.info = &info}));
    TRUE(info.semusz >= 1 && info.semaem >= 4);
    bool found = false;
    for (int index = 0; index <= highest; index++)
        found |= control(index, 0, SEM_STAT, (union argument){.buf = &status}) == id;
    TRUE(found);
    found = false;
    for (int index = 0; index <= highest; index++)
        found |= control(index, 0, SEM_STAT_ANY, (union argument){.buf = &status}) == id;
    TRUE(found);
    FAILS(control(id, 0, IPC_STAT, (union argument){.buf = BAD_POINTER}), EFAULT);
    drop(id);
}

static void stranger_may_not(void)
{
    if (geteuid() != 0)
        skip("not root");
    int id = (int)OK(semget(IPC_PRIVATE, 1, 0604));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        struct semid_ds status;
        OK(setresgid(1000, 1000, 1000));
        OK(setresuid(1000, 1000, 1000));
        EQ(value(id, 0), 0);
        OK(change(id, 0, 0, 0));
        FAILS(change(id, 0, 1, 0), EACCES);
        FAILS(control(id, 0, SETVAL, (union argument){.val = 1}), EACCES);
        OK(control(id, 0, IPC_STAT, (union argument){.buf = &status}));
        FAILS(control(id, 0, IPC_SET, (union argument){.buf = &status}), EPERM);
        FAILS(semctl(id, 0, IPC_RMID), EPERM);
        _exit(0);
    }
    CHILD_OK(pid);
    drop(id);
}

enum { PHILOSOPHERS = 4, MEALS = 100 };

static void dine(void *argument)
{
    int id = ((int *)argument)[0], seat = ((int *)argument)[1];
    unsigned short left = (unsigned short)seat, right = (unsigned short)((seat + 1) % PHILOSOPHERS);
    struct sembuf take[] = {{left, -1, SEM_UNDO}, {right, -1, SEM_UNDO}};
    struct sembuf give[] = {{left, 1, SEM_UNDO}, {right, 1, SEM_UNDO}};
    for (int i = 0; i < MEALS; i++) {
        OK(semop(id, take, 2));
        EQ(value(id, left), 0);
        OK(semop(id, give, 2));
    }
}

static void contention_is_fair_enough(void)
{
    int id = set_make(PHILOSOPHERS);
    pid_t pids[PHILOSOPHERS];
    for (int i = 0; i < PHILOSOPHERS; i++)
        set_value(id, i, 1);
    for (int i = 0; i < PHILOSOPHERS; i++) {
        int argument[] = {id, i};
        pids[i] = spawn(dine, argument);
    }
    for (int i = 0; i < PHILOSOPHERS; i++)
        CHILD_OK(pids[i]);
    for (int i = 0; i < PHILOSOPHERS; i++)
        EQ(value(id, i), 1);
    drop(id);
}

GUEST_MAIN(CASE(keys_find_sets), CASE(values_are_set_and_read), CASE(operations_are_checked),
           CASE(operations_happen_all_or_not_at_all), CASE(timeout_passes),
           CASE(waiters_are_counted_and_woken), CASE(removal_ends_waits),
           CASE(handlers_interrupt_even_with_restart), CASE(exit_undoes),
           CASE(undo_stops_at_zero_and_wakes), CASE(sharers_undo_at_the_last_exit),
           CASE(undo_range_is_limited), CASE(status_and_limits), CASE(stranger_may_not),
           CASE(contention_is_fair_enough))
