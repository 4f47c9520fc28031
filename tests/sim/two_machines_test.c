/* SPDX-License-Identifier: MIT */
/*
 * Several machines in one process, from one copy of the kernel's code: each has its own memory,
 * processes, console and exit status, and the end of one does not disturb the other.
 */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal-hosted/machine.h"
#include "sim/newc.h"
#include "tests/sim/tiny_program.h"
#include "tests/unit/support/suite.h"

enum { OUTPUT_MAX = 4096, RAM_BYTES = 32 << 20 };

struct guest {
    const char *text; /* what its program says */
    uint8_t status;
    unsigned cpus;

    char *root;
    size_t root_bytes;
    struct machine *machine;
    int output[2];
    int result;
    char said[OUTPUT_MAX];
    pthread_t thread;
};

static void add_entry(FILE *out, const char *path, uint32_t mode, const void *bytes, size_t size)
{
    const struct newc_entry entry = {
        .path = path, .ino = mode, .mode = mode, .nlink = 1, .size = (uint32_t)size};
    newc_write_header(out, &entry);
    fwrite(bytes, 1, size, out);
    newc_write_pad(out, size);
}

static void make_root(struct guest *guest)
{
    unsigned char program[TINY_PROGRAM_MAX];
    size_t size = tiny_program(program, guest->text, guest->status);
    FILE *out = open_memstream(&guest->root, &guest->root_bytes);
    ck_assert_ptr_nonnull(out);
    add_entry(out, "hello", S_IFREG | 0755, program, size);
    newc_write_trailer(out);
    fclose(out);
}

static void power_on(struct guest *guest)
{
    char message[256] = "";
    make_root(guest);
    ck_assert_int_eq(pipe(guest->output), 0);
    const struct machine_config config = {
        .ram_bytes = RAM_BYTES,
        .cpus = guest->cpus,
        .cmdline = "quiet -- /hello",
        .initrd = guest->root,
        .initrd_bytes = guest->root_bytes,
        .input_fd = -1,
        .output_fd = guest->output[1],
        .log_fd = STDERR_FILENO,
        .trace_fd = -1,
    };
    int error = machine_create(&config, &guest->machine, message, sizeof(message));
    ck_assert_msg(error == 0, "machine_create: %d %s", error, message);
}

static void *run(void *argument)
{
    struct guest *guest = argument;
    guest->result = machine_run(guest->machine);
    return NULL;
}

static void power_off(struct guest *guest)
{
    machine_destroy(guest->machine);
    close(guest->output[1]);
    ssize_t count = read(guest->output[0], guest->said, sizeof(guest->said) - 1);
    guest->said[count < 0 ? 0 : count] = '\0';
    close(guest->output[0]);
    free(guest->root);
    ck_assert_str_eq(guest->said, guest->text);
    ck_assert_int_eq(guest->result, guest->status);
}

START_TEST(two_machines_run_at_once_without_sharing_anything)
{
    struct guest guests[2] = {
        {.text = "first machine\n", .status = 3, .cpus = 1},
        {.text = "the second one\n", .status = 200, .cpus = 2},
    };
    for (int i = 0; i < 2; i++)
        power_on(&guests[i]);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&guests[i].thread, NULL, run, &guests[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(guests[i].thread, NULL);
    for (int i = 0; i < 2; i++)
        power_off(&guests[i]);
}
END_TEST

START_TEST(machines_can_be_started_one_after_the_other_in_one_process)
{
    for (int i = 0; i < 5; i++) {
        struct guest guest = {.text = "again\n", .status = (uint8_t)i, .cpus = 1};
        power_on(&guest);
        run(&guest);
        power_off(&guest);
    }
}
END_TEST

START_TEST(a_machine_that_never_ran_can_be_destroyed)
{
    struct guest guest = {.text = "unheard\n", .cpus = 1};
    power_on(&guest);
    machine_destroy(guest.machine);
    close(guest.output[0]);
    close(guest.output[1]);
    free(guest.root);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("two machines");
    TCase *tcase = tcase_create("machines");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, two_machines_run_at_once_without_sharing_anything);
    tcase_add_test(tcase, machines_can_be_started_one_after_the_other_in_one_process);
    tcase_add_test(tcase, a_machine_that_never_ran_can_be_destroyed);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
