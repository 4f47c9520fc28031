/* SPDX-License-Identifier: MIT */
/* kernel/fs/locks*.c: ranges against a model, waiting between threads, deadlocks of three. */
#include "tests/unit/fs/fs_fixture.h"

#include "kernel/fs/locks.h"
#include "kernel/lib/random.h"

static int set_lock(struct file *file, int command, short type, int64_t start, int64_t length)
{
    struct linux_flock lock = {.l_type = type, .l_start = start, .l_len = length};
    return file_lock_fcntl(file, command, &lock);
}

enum { OWNERS = 3, BYTES = 40 };

/* Open-file locks of three files on one inode, against an array of bytes: 0 free, 1 read, 2 write.
 */
static void ranges_agree(void *argument)
{
    static unsigned char held[OWNERS][BYTES];
    struct file *files[OWNERS];
    struct prng prng;
    prng_seed(&prng, *(unsigned *)argument);
    memset(held, 0, sizeof(held));
    fs_make("f", "x");
    for (unsigned i = 0; i < OWNERS; i++)
        files[i] = fs_open("f", O_RDWR, 0);
    for (unsigned step = 0; step < 5000; step++) {
        unsigned owner = (unsigned)prng_below(&prng, OWNERS), kind = (unsigned)prng_below(&prng, 3);
        int64_t start = (int64_t)prng_below(&prng, BYTES);
        int64_t length = 1 + (int64_t)prng_below(&prng, (uint64_t)(BYTES - start));
        static const short types[] = {F_UNLCK, F_RDLCK, F_WRLCK};
        int wanted = 0;
        for (unsigned other = 0; other < OWNERS; other++)
            for (int64_t at = start; at < start + length; at++)
                if (other != owner && kind && held[other][at] &&
                    (kind == 2 || held[other][at] == 2))
                    wanted = -EAGAIN;
        ck_assert_int_eq(set_lock(files[owner], F_OFD_SETLK, types[kind], start, length), wanted);
        if (!wanted)
            memset(held[owner] + start, (int)kind, (size_t)length);
        /* What F_GETLK reports is really there, as long as it says. */
        struct linux_flock lock = {.l_type = F_WRLCK, .l_start = start, .l_len = length};
        ck_assert_int_eq(file_lock_fcntl(files[owner], F_OFD_GETLK, &lock), 0);
        bool found = false;
        for (unsigned other = 0; other < OWNERS && lock.l_type != F_UNLCK; other++) {
            unsigned char byte = lock.l_type == F_WRLCK ? 2 : 1;
            bool same = other != owner;
            for (int64_t at = lock.l_start; same && at < lock.l_start + lock.l_len; at++)
                same = held[other][at] == byte;
            if (same && lock.l_start > 0)
                same = held[other][lock.l_start - 1] != byte;
            found = found || same;
        }
        bool free = true;
        for (unsigned other = 0; other < OWNERS; other++)
            for (int64_t at = start; at < start + length; at++)
                free = free && (other == owner || !held[other][at]);
        ck_assert(free ? lock.l_type == F_UNLCK : found);
    }
    for (unsigned i = 0; i < OWNERS; i++)
        file_put(files[i]);
}

START_TEST(record_locks_agree_with_an_array_of_bytes)
{
    unsigned seed = (unsigned)_i + 1;
    fs_run(1, ranges_agree, &seed);
}
END_TEST

/* ---- threads ---- */

struct party {
    unsigned number, *running;
    int error; /* of its wait; read after the end */
    unsigned *stage;
};

static void wait_stage(unsigned *stage, unsigned wanted)
{
    while (atomic_load_acquire(stage) < wanted)
        kernel_fixture_sleep_ns(100000);
}

/* Thread n takes byte n, then wants byte n + 1: a circle. The last to ask is told. */
static void circle_thread(void *argument)
{
    struct party *party = argument;
    fs_thread_enter();
    struct file *file = fs_open("/t/f", O_RDWR, 0);
    ck_assert_int_eq(set_lock(file, F_SETLK, F_WRLCK, party->number, 1), 0);
    atomic_fetch_add_seq(party->stage, 1);
    wait_stage(party->stage, 3 + party->number);
    if (party->number < 2)
        atomic_fetch_add_seq(party->stage, 1);
    else
        kernel_fixture_sleep_ns(20000000); /* let the others get to their waits */
    party->error = set_lock(file, F_SETLKW, F_WRLCK, (party->number + 1) % 3, 1);
    file_locks_close(file, this_thread()->files);
    file_put(file);
    fs_thread_leave();
    atomic_fetch_sub_seq(party->running, 1);
}

static void three_way_deadlock(void *argument)
{
    unsigned running = 3, stage = 0;
    struct party parties[3];
    (void)argument;
    fs_make("f", "x");
    for (unsigned i = 0; i < 3; i++) {
        parties[i] = (struct party){.number = i, .running = &running, .stage = &stage};
        kernel_fixture_thread("party", circle_thread, &parties[i]);
    }
    while (atomic_load_seq(&running) > 0)
        kernel_fixture_sleep_ns(1000000);
    ck_assert_int_eq(parties[0].error, 0);
    ck_assert_int_eq(parties[1].error, 0);
    ck_assert_int_eq(parties[2].error, -EDEADLK);
}
FS_TEST(a_circle_of_three_waiters_is_a_deadlock, three_way_deadlock)

static void waiter_thread(void *argument)
{
    struct party *party = argument;
    fs_thread_enter();
    struct file *file = fs_open("/t/f", O_RDWR, 0);
    party->error = file_lock_flock(file, LOCK_EX);
    file_put(file);
    fs_thread_leave();
    atomic_fetch_sub_seq(party->running, 1);
}

static void interrupted_wait(void *argument)
{
    unsigned running = 1;
    struct party party = {.running = &running};
    (void)argument;
    fs_make("f", "x");
    struct file *file = fs_open("f", O_RDWR, 0);
    ck_assert_int_eq(file_lock_flock(file, LOCK_SH), 0);
    struct thread *thread = kernel_fixture_thread("waiter", waiter_thread, &party);
    kernel_fixture_sleep_ns(10000000);
    thread_interrupt(thread, false);
    while (atomic_load_seq(&running) > 0)
        kernel_fixture_sleep_ns(1000000);
    ck_assert_int_eq(party.error, -ERESTARTSYS);
    /* A waiter gets the lock when the holder closes the file. */
    running = 1;
    kernel_fixture_thread("waiter", waiter_thread, &party);
    kernel_fixture_sleep_ns(10000000);
    file_put(file);
    while (atomic_load_seq(&running) > 0)
        kernel_fixture_sleep_ns(1000000);
    ck_assert_int_eq(party.error, 0);
}
FS_TEST(waits_end_by_signal_or_by_the_holders_end, interrupted_wait)

struct described {
    unsigned posix, ofd, flock;
};

static bool describe(void *context, const struct file_lock_info *info)
{
    struct described *described = context;
    described->posix += kstr_equal(info->kind, "POSIX");
    described->ofd += kstr_equal(info->kind, "OFDLCK");
    described->flock += kstr_equal(info->kind, "FLOCK");
    return true;
}

static void listing(void *argument)
{
    struct described described = {0};
    (void)argument;
    fs_make("f", "x");
    struct file *file = fs_open("f", O_RDWR, 0);
    ck_assert_int_eq(set_lock(file, F_SETLK, F_WRLCK, 0, 1), 0);
    ck_assert_int_eq(set_lock(file, F_OFD_SETLK, F_RDLCK, 5, 1), 0);
    ck_assert_int_eq(file_lock_flock(file, LOCK_EX), 0);
    file_locks_describe(this_kernel(), describe, &described);
    ck_assert_uint_eq(described.posix, 1);
    ck_assert_uint_eq(described.ofd, 1);
    ck_assert_uint_eq(described.flock, 1);
    int fd = fd_add(file, false);
    ck_assert_int_eq(fd_close(fd), 0);
    described = (struct described){0};
    file_locks_describe(this_kernel(), describe, &described);
    ck_assert_uint_eq(described.posix + described.ofd + described.flock, 0);
}
FS_TEST(locks_are_listed_until_the_file_is_closed, listing)

static void add(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, record_locks_agree_with_an_array_of_bytes, 0, 5);
    tcase_add_test(tcase, a_circle_of_three_waiters_is_a_deadlock);
    tcase_add_test(tcase, waits_end_by_signal_or_by_the_holders_end);
    tcase_add_test(tcase, locks_are_listed_until_the_file_is_closed);
}

static Suite *suite(void)
{
    return unit_suite("locks", add);
}
UNIT_MAIN(suite)
