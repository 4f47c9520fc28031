/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of machines with disks: what is on them, in their caches and under way comes back.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sim/sim.h"
#include "sim/virtio/virtio.h"
#include "tests/unit/support/suite.h"

enum { SECTORS = 256, LATENCY_NS = 1000000, PIECE = 4096 };

static struct sim *sim;
static struct sim_machine *machine;
static struct sim_task *task;
static struct sim_device *device;
static struct virtio_model *model;
static struct disk *disk;

static uint64_t now(void *context)
{
    return sim_now_ns(context);
}

static int call_at(void *context, uint64_t when_ns, void (*run)(void *argument), void *argument)
{
    return sim_at(context, when_ns, run, argument) == 0 ? -ENOMEM : 0;
}

static void *memory(void *context, uint64_t paddr, size_t bytes)
{
    (void)context;
    return sim_machine_memory(machine, paddr, bytes);
}

static void raise_interrupt(void *context, unsigned index)
{
    (void)context;
    sim_device_raise(device, index);
}

static void boot(void)
{
    static const struct sim_device_id id = {VIRTIO_VENDOR, VIRTIO_DEVICE_BLK, 0, 0,
                                            VIRTIO_CLASS_BLK};
    const struct sim_machine_config machine_config = {.no_programs = true};

    ck_assert_int_eq(sim_create(&(struct sim_config){.seed = 3}, &sim), 0);
    ck_assert_int_eq(sim_machine_add(sim, &machine_config, &machine), 0);
    const struct disk_config config = {.name = "d",
                                       .clock = {now, call_at, sim},
                                       .sectors = SECTORS,
                                       .base_fd = -1,
                                       .quality = {.latency_ns = LATENCY_NS}};
    ck_assert_int_eq(disk_create(&config, &disk), 0);
    ck_assert_int_eq(
        virtio_blk_create(&(struct virtio_host){memory, raise_interrupt, NULL}, disk, &model), 0);
    ck_assert_int_eq(sim_device_add(machine, &id, &virtio_device_ops, model, &device), 0);
    ck_assert_msg(sim_machine_boot(machine) == 0, "%s", sim_message(sim));
    task = sim_machine_task(machine);
}

static void end(void)
{
    sim_destroy(sim);
    virtio_destroy(model);
    disk_destroy(disk);
}

static int open_disk(void)
{
    uint64_t path = sim_buffer_string(task, "/dev/vda");
    int64_t fd = sim_syscall(task, SYS_openat, (uint64_t)AT_FDCWD, path, O_RDWR, 0, 0, 0);

    ck_assert_int_ge(fd, 0);
    return (int)fd;
}

static uint64_t filled(char letter)
{
    char bytes[PIECE];

    memset(bytes, letter, sizeof(bytes));
    uint64_t address = sim_buffer(task, bytes, sizeof(bytes));
    ck_assert_uint_ne(address, 0);
    return address;
}

static void store(int fd, char letter, bool flush)
{
    ck_assert_int_eq(sim_syscall(task, SYS_pwrite64, (uint64_t)fd, filled(letter), PIECE, 0, 0, 0),
                     PIECE);
    if (flush) {
        ck_assert_int_eq(sim_syscall(task, SYS_fsync, (uint64_t)fd, 0, 0, 0, 0, 0), 0);
    }
}

static char on_platter(void)
{
    char bytes[DISK_SECTOR];

    ck_assert_int_eq(disk_peek_durable(disk, 0, 1, bytes), 0);
    return bytes[0];
}

static struct sim_snapshot *take(void)
{
    struct sim_snapshot *snapshot;

    ck_assert_msg(sim_snapshot(sim, &snapshot) == 0, "%s", sim_message(sim));
    return snapshot;
}

START_TEST(contents_of_a_disk_come_back)
{
    const int fd = open_disk();

    store(fd, 'a', true);
    struct sim_snapshot *snapshot = take();
    for (int round = 0; round < 3; round++) {
        store(fd, 'b', true);
        ck_assert_int_eq(on_platter(), 'b');
        ck_assert_int_eq(sim_restore(sim, snapshot), 0);
        ck_assert_int_eq(on_platter(), 'a');
    }
    sim_snapshot_free(snapshot);
}
END_TEST

START_TEST(requests_under_way_come_back)
{
    const int fd = open_disk();
    const uint64_t arguments[6] = {(uint64_t)fd};
    uint64_t hash[2][2];

    store(fd, 'c', false);
    ck_assert_int_eq(sim_syscall_begin(task, SYS_fsync, arguments), 0);
    sim_run_for(sim, LATENCY_NS / 2);
    ck_assert_uint_eq(disk_pending(disk), 1);
    struct sim_snapshot *snapshot = take();
    for (int round = 0; round < 4; round++) {
        ck_assert_int_eq(sim_syscall_wait(task, UINT64_MAX), 0);
        ck_assert_int_eq(on_platter(), 'c');
        ck_assert_uint_eq(disk_pending(disk), 0);
        hash[round % 2][0] = sim_now_ns(sim);
        ck_assert(round == 0 || hash[0][0] == hash[1][0]);
        ck_assert_int_eq(sim_restore(sim, snapshot), 0);
        ck_assert_uint_eq(disk_pending(disk), 1);
        ck_assert_int_eq(on_platter(), 0);
    }
    ck_assert_int_eq(sim_syscall_wait(task, UINT64_MAX), 0);
    sim_snapshot_free(snapshot);
}
END_TEST

START_TEST(reads_under_way_come_back)
{
    const int fd = open_disk();

    store(fd, 'd', true);
    const uint64_t into = filled('-'), flush[6] = {(uint64_t)fd, 0x1261 /* BLKFLSBUF */};
    ck_assert_int_eq(sim_syscall(task, SYS_ioctl, flush[0], flush[1], 0, 0, 0, 0), 0);
    const uint64_t arguments[6] = {(uint64_t)fd, into, PIECE, 0};
    ck_assert_int_eq(sim_syscall_begin(task, SYS_pread64, arguments), 0);
    sim_run_for(sim, LATENCY_NS / 2);
    ck_assert_uint_eq(disk_pending(disk), 1);
    struct sim_snapshot *snapshot = take();
    for (int round = 0; round < 3; round++) {
        char bytes[PIECE];
        ck_assert_int_eq(sim_syscall_wait(task, UINT64_MAX), PIECE);
        ck_assert_int_eq(sim_peek(task, into, bytes, sizeof(bytes)), 0);
        ck_assert_int_eq(bytes[0], 'd');
        ck_assert_int_eq(bytes[PIECE - 1], 'd');
        ck_assert_int_eq(sim_restore(sim, snapshot), 0);
    }
    ck_assert_int_eq(sim_syscall_wait(task, UINT64_MAX), PIECE);
    sim_snapshot_free(snapshot);
}
END_TEST

static int finish_in_child(struct sim *child, void *argument)
{
    (void)child;
    (void)argument;
    return sim_syscall_wait(task, UINT64_MAX) == 0 && on_platter() == 'e' ? 0 : 1;
}

START_TEST(a_fork_has_a_disk_of_its_own)
{
    const int fd = open_disk();
    const uint64_t arguments[6] = {(uint64_t)fd};
    int status;

    store(fd, 'e', false);
    ck_assert_int_eq(sim_syscall_begin(task, SYS_fsync, arguments), 0);
    sim_run_for(sim, LATENCY_NS / 2);
    int pid = sim_fork(sim, finish_in_child, NULL);
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(on_platter(), 0);
    ck_assert_int_eq(sim_syscall_wait(task, UINT64_MAX), 0);
    ck_assert_int_eq(on_platter(), 'e');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disk_snapshot");
    TCase *tcase = tcase_create("snapshots");

    tcase_add_checked_fixture(tcase, boot, end);
    tcase_add_test(tcase, contents_of_a_disk_come_back);
    tcase_add_test(tcase, requests_under_way_come_back);
    tcase_add_test(tcase, reads_under_way_come_back);
    tcase_add_test(tcase, a_fork_has_a_disk_of_its_own);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
