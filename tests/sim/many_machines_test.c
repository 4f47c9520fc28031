/* SPDX-License-Identifier: MIT */
/*
 * Many machines in one process, each with a program of its own: host processes, descriptors and
 * memory of the host must suffice, and all must run on.
 */
#include <string.h>

#include "sim/sim.h"
#include "tests/sim/image.h"
#include "tests/unit/support/suite.h"

enum { MACHINES = 50 };

#define SECOND 1000000000ull

static struct sim *sim;
static struct sim_machine *machines[MACHINES];

static void boot_all(const struct image *image)
{
    const struct sim_machine_config config = {
        .image = image->bytes, .image_bytes = image->size, .ram_bytes = 8 << 20};
    const struct sim_program_config program = {.argv = (const char *[]){"/settle", NULL},
                                               .console = true};
    ck_assert_int_eq(sim_create(&(struct sim_config){.seed = 5}, &sim), 0);
    for (int i = 0; i < MACHINES; i++) {
        ck_assert_msg(sim_machine_add(sim, &config, &machines[i]) == 0, "%s", sim_message(sim));
        ck_assert_msg(sim_machine_boot(machines[i]) == 0, "%s", sim_message(sim));
        ck_assert_msg(sim_spawn(machines[i], &program) != NULL, "%s", sim_message(sim));
    }
}

START_TEST(fifty_machines_run_a_program_each)
{
    struct image image =
        image_make((const char *[]){"tests/sim/programs/musl/settle", "settle", NULL});
    boot_all(&image);
    sim_run_for(sim, SECOND);
    for (int i = 0; i < MACHINES; i++) {
        size_t bytes;
        const char *console = sim_machine_console(machines[i], &bytes);
        ck_assert_msg(bytes == 8 && memcmp(console, "settled\n", 8) == 0, "machine %d: %.*s", i,
                      (int)bytes, console);
        ck_assert_int_eq(sim_machine_state(machines[i]), SIM_MACHINE_ON);
    }
    sim_destroy(sim);
    free(image.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("many machines");
    TCase *tcase = tcase_create("programs");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, fifty_machines_run_a_program_each);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
