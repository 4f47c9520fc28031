/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line as core_early_init parses it (kernel/core/options.c, early.c). This test
 * brings its own kernel_on_boot.
 */
#include <string.h>

#include "hal-hosted/machine.h"
#include "hal/kernel_on.h"
#include "hal/power.h"
#include "kernel/core/clock.h"
#include "kernel/core/init.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/lib/log.h"
#include "tests/unit/support/unit.h"

static void (*body)(const struct hal_boot *boot, struct kernel *kernel);

void kernel_on_boot(const struct hal_boot *boot)
{
    body(boot, core_early_init(boot));
    hal_power_off(0);
}

static void boot_with(const char *cmdline,
                      void (*function)(const struct hal_boot *boot, struct kernel *kernel))
{
    struct machine_config config = {
        .ram_bytes = MACHINE_RAM_MIN,
        .cpus = 1,
        .cmdline = cmdline,
        .engine = MACHINE_ENGINE_NONE,
        .input_fd = -1,
        .output_fd = -1,
        .log_fd = -1,
        .trace_fd = -1,
    };
    struct machine *machine;

    body = function;
    ck_assert_int_eq(machine_create(&config, &machine, NULL, 0), 0);
    ck_assert_int_eq(machine_run(machine), 0);
    machine_destroy(machine);
}

static void check_empty(const struct hal_boot *boot, struct kernel *kernel)
{
    (void)boot;
    ck_assert(!kernel->options.trace);
    ck_assert(!kernel->options.quiet);
    ck_assert_ptr_null(kernel->options.argv[0]);
    ck_assert_ptr_null(kernel->options.envp[0]);
    ck_assert_uint_eq(kernel->options.tty_columns, 0);
    ck_assert_uint_eq(kernel->options.log_level, klog_console_level());
    ck_assert_uint_eq(klog_first_sequence(), klog_next_sequence());
}

START_TEST(empty_command_line_gives_defaults)
{
    boot_with("", check_empty);
}
END_TEST

static void check_full(const struct hal_boot *boot, struct kernel *kernel)
{
    const struct boot_options *options = &kernel->options;

    (void)boot;
    ck_assert(options->trace);
    ck_assert(options->quiet);
    ck_assert_uint_eq(options->log_level, 6);
    ck_assert_uint_eq(options->tty_columns, 132);
    ck_assert_uint_eq(options->tty_rows, 43);
    ck_assert_str_eq(options->envp[0], "A=1");
    ck_assert_str_eq(options->envp[1], "B=x y=z");
    ck_assert_ptr_null(options->envp[2]);
    ck_assert_str_eq(options->argv[0], "/bin/sh");
    ck_assert_str_eq(options->argv[1], "-c");
    ck_assert_str_eq(options->argv[2], "echo trace quiet");
    ck_assert_ptr_null(options->argv[3]);
    ck_assert_uint_eq(klog_first_sequence(), klog_next_sequence());
}

START_TEST(every_option_is_understood)
{
    boot_with("env=A=1 trace quiet loglevel=6 tty=132x43 \"env=B=x y=z\" "
              "-- /bin/sh -c \"echo trace quiet\"",
              check_full);
}
END_TEST

static void check_logged(const struct hal_boot *boot, struct kernel *kernel)
{
    char text[LOG_TEXT_MAX];
    struct log_record record;
    uint64_t sequence = klog_first_sequence();
    unsigned count = 0;

    (void)boot;
    while (klog_read(&sequence, &record, text) == 1) {
        count++;
    }
    ck_assert_uint_eq(count, 6);
    ck_assert_uint_eq(kernel->options.tty_rows, 0);
    ck_assert_ptr_null(kernel->options.envp[0]);
}

START_TEST(unknown_and_senseless_options_are_logged_and_ignored)
{
    boot_with("root=/dev/vda tty=0x0 tty=80 loglevel=many env=NOVALUE frobnicate", check_logged);
}
END_TEST

static void check_broken(const struct hal_boot *boot, struct kernel *kernel)
{
    (void)boot;
    ck_assert_ptr_null(kernel->options.argv[0]);
    ck_assert_ptr_null(kernel->options.envp[0]);
    ck_assert_uint_eq(klog_next_sequence() - klog_first_sequence(), 1);
}

START_TEST(unfinished_quote_leaves_defaults)
{
    boot_with("env=A=1 \"trace", check_broken);
}
END_TEST

static void check_words(const struct hal_boot *boot, struct kernel *kernel)
{
    unsigned count = 0;

    (void)boot;
    while (kernel->options.argv[count] != NULL) {
        ck_assert_str_eq(kernel->options.argv[count++], "a");
    }
    ck_assert_uint_eq(count, 200);
}

START_TEST(many_one_letter_words_fit)
{
    char cmdline[3 + 400 + 1] = "-- ";

    for (unsigned i = 0; i < 200; i++) {
        strcat(cmdline, i ? " a" : "a");
    }
    boot_with(cmdline, check_words);
}
END_TEST

static void check_early(const struct hal_boot *boot, struct kernel *kernel)
{
    uint64_t first_ns = clock_monotonic_ns();

    ck_assert_ptr_eq(kernel->boot, boot);
    ck_assert_ptr_eq(this_kernel(), kernel);
    ck_assert_uint_eq(this_cpu()->id, 0);
    ck_assert_uint_eq(kernel->cpu_count, 1);
    ck_assert_uint_eq(kernel->early_paddr % HAL_PAGE_SIZE, 0);
    ck_assert_uint_eq(kernel->early_bytes % HAL_PAGE_SIZE, 0);
    ck_assert_ptr_eq(boot->direct_map + kernel->early_paddr, kernel);
    ck_assert_uint_gt(first_ns, 0);
    ck_assert_uint_lt(first_ns, 10000000000ull);
    ck_assert_uint_ge(clock_monotonic_ns(), first_ns);
    clock_set_realtime_ns(1000000000ull * 86400 * 365);
    ck_assert_uint_ge(clock_realtime_ns(), 1000000000ull * 86400 * 365);
    ck_assert_uint_lt(clock_realtime_ns(), 1000000000ull * (86400 * 365 + 10));
    ck_assert_int_eq((int64_t)(clock_realtime_ns() - clock_monotonic_ns()) / 1000000000,
                     clock_realtime_offset_ns() / 1000000000);
}

START_TEST(early_kernel_has_clock_and_memory)
{
    boot_with("", check_early);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, empty_command_line_gives_defaults);
    tcase_add_test(tcase, every_option_is_understood);
    tcase_add_test(tcase, unknown_and_senseless_options_are_logged_and_ignored);
    tcase_add_test(tcase, unfinished_quote_leaves_defaults);
    tcase_add_test(tcase, many_one_letter_words_fit);
    tcase_add_test(tcase, early_kernel_has_clock_and_memory);
}

static Suite *suite(void)
{
    return unit_suite("options", add_tests);
}

UNIT_MAIN(suite)
