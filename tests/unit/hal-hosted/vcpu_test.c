/* SPDX-License-Identifier: MIT
 *
 * Interrupt delivery, timers, idling without lost wake-ups, several machines, and their end.
 */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/hal-hosted/hosted_test.h"

enum { MS = 1000000 };

static void mask_main(void *argument)
{
    struct fake_cpu *cpu = fake_cpu_this();

    (void)argument;
    EXPECT(!hal_irq_enabled());
    hal_cpu_send_ipi(0);
    hal_irq_restore(false);
    EXPECT(cpu->ipis == 0);
    hal_irq_enable();
    EXPECT(cpu->ipis == 1);
    EXPECT(hal_irq_enabled());
    EXPECT(hal_irq_save());
    EXPECT(!hal_irq_save());
    hal_cpu_send_ipi(0);
    hal_cpu_send_ipi(0);
    EXPECT(cpu->ipis == 1);
    hal_irq_restore(true);
    EXPECT(cpu->ipis == 2);
    hal_irq_disable();
    EXPECT(!hal_irq_enabled());
}

START_TEST(interrupts_wait_while_masked_and_merge)
{
    struct fake_kernel kernel = {.main = mask_main};

    ck_assert_int_eq(fake_kernel_run(&kernel, 1), 0);
}
END_TEST

static void handler_masked(void *argument)
{
    bool *masked = argument;

    *masked = !hal_irq_enabled();
}

static void handler_main(void *argument)
{
    (void)argument;
    hal_cpu_send_ipi(0);
    hal_irq_enable();
    hal_irq_disable();
}

START_TEST(handlers_run_with_interrupts_masked)
{
    bool masked = false;
    struct fake_kernel kernel = {
        .main = handler_main, .on_ipi = handler_masked, .argument = &masked};

    ck_assert_int_eq(fake_kernel_run(&kernel, 1), 0);
    ck_assert(masked);
}
END_TEST

static void timer_main(void *argument)
{
    struct fake_cpu *cpu = fake_cpu_this();
    uint64_t start = hal_time_monotonic_ns(), end;

    (void)argument;
    hal_timer_arm(start + 5 * MS);
    hal_cpu_idle();
    end = hal_time_monotonic_ns();
    EXPECT(cpu->timers == 1);
    EXPECT(!hal_irq_enabled());
    EXPECT(end >= start + 5 * MS);

    /* One already past fires at the next delivery point; it is one-shot. */
    hal_timer_arm(start);
    hal_irq_enable();
    EXPECT(cpu->timers == 2);
    for (unsigned i = 0; i < 1000; i++) {
        hal_irq_enable();
    }
    EXPECT(cpu->timers == 2);
    hal_irq_disable();

    /* Rearming replaces, also when the first has expired but is not yet delivered. */
    hal_timer_arm(start);
    hal_timer_arm(UINT64_MAX);
    hal_irq_enable();
    EXPECT(cpu->timers == 2);

    /* A busy CPU that unmasks now and then gets its timer too. */
    hal_timer_arm(hal_time_monotonic_ns() + 2 * MS);
    while (cpu->timers == 2) {
        hal_irq_disable();
        hal_irq_enable();
    }
    hal_irq_disable();
}

START_TEST(timer_fires_once_not_before_its_deadline)
{
    struct fake_kernel kernel = {.main = timer_main};

    ck_assert_int_eq(fake_kernel_run(&kernel, 1), 0);
}
END_TEST

/* Two CPUs hand a number to and fro; each idles until the other has increased it. */
struct relay {
    unsigned number; /* atomic */
    unsigned limit;
};

static void relay_run(struct relay *relay, unsigned cpu)
{
    for (;;) {
        unsigned number = __atomic_load_n(&relay->number, __ATOMIC_ACQUIRE);

        if (number >= relay->limit) {
            break;
        }
        if (number % 2 == cpu) {
            __atomic_store_n(&relay->number, number + 1, __ATOMIC_RELEASE);
            hal_cpu_send_ipi(1 - cpu);
        } else {
            hal_cpu_idle();
        }
    }
}

static void relay_cpu_main(void *argument, unsigned cpu)
{
    relay_run(argument, cpu);
}

static void relay_main(void *argument)
{
    EXPECT(hal_cpu_start(2, NULL) < 0);
    EXPECT(hal_cpu_start(0, NULL) < 0);
    EXPECT(fake_cpu_start(1) == 0);
    EXPECT(hal_cpu_start(1, NULL) < 0);
    relay_run(argument, 0);
}

START_TEST(idle_loses_no_wakeup_between_two_cpus)
{
    struct relay relay = {.limit = 20000};
    struct fake_kernel kernel = {
        .main = relay_main, .cpu_main = relay_cpu_main, .argument = &relay};

    ck_assert_int_eq(fake_kernel_run(&kernel, 2), 0);
    ck_assert_uint_ge(relay.number, relay.limit);
}
END_TEST

static void *machine_thread(void *argument)
{
    struct relay *relay = argument;
    struct fake_kernel kernel = {.main = relay_main, .cpu_main = relay_cpu_main, .argument = relay};

    return (void *)(intptr_t)fake_kernel_run(&kernel, 2);
}

START_TEST(two_machines_run_at_once)
{
    struct relay relays[2] = {{.limit = 3000}, {.limit = 4000}};
    pthread_t threads[2];

    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, machine_thread, &relays[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        void *status;
        ck_assert_int_eq(pthread_join(threads[i], &status), 0);
        ck_assert_ptr_null(status);
        ck_assert_uint_ge(relays[i].number, relays[i].limit);
    }
}
END_TEST

static void sleep_for_ever(void *argument)
{
    *(bool *)argument = true;
    EXPECT(fake_cpu_start(1) == 0);
    for (;;) {
        hal_cpu_idle();
    }
}

static void spin_for_ever(void *argument, unsigned cpu)
{
    (void)argument;
    (void)cpu;
    for (;;) {
        hal_cpu_relax();
    }
}

static void crash_main(void *argument)
{
    (void)argument;
    EXPECT(fake_cpu_start(1) == 0);
    hal_power_crash();
}

START_TEST(crash_ends_only_the_machine)
{
    struct fake_kernel kernel = {.main = crash_main, .cpu_main = spin_for_ever};

    ck_assert_int_eq(fake_kernel_run(&kernel, 2), MACHINE_CRASHED);
}
END_TEST

static void *stopper(void *argument)
{
    usleep(20000);
    machine_stop(argument);
    return NULL;
}

START_TEST(stop_from_another_thread_ends_idle_and_spinning_cpus)
{
    bool ran = false;
    struct fake_kernel kernel = {
        .main = sleep_for_ever, .cpu_main = spin_for_ever, .argument = &ran};
    char cmdline[40];
    struct machine_config config = {
        .ram_bytes = MACHINE_RAM_MIN,
        .cpus = 2,
        .cmdline = cmdline,
        .engine = MACHINE_ENGINE_NONE,
        .input_fd = -1,
        .output_fd = -1,
        .log_fd = -1,
        .trace_fd = -1,
    };
    struct machine *machine;
    pthread_t thread;

    snprintf(cmdline, sizeof cmdline, "fake_kernel=%p", (void *)&kernel);
    ck_assert_int_eq(machine_create(&config, &machine, NULL, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, stopper, machine), 0);
    ck_assert_int_eq(machine_run(machine), MACHINE_STOPPED);
    pthread_join(thread, NULL);
    machine_destroy(machine);
    ck_assert(ran);
}
END_TEST

static void other_cpu_powers_off(void *argument, unsigned cpu)
{
    (void)argument;
    hal_power_off((int)cpu + 40);
}

START_TEST(any_cpu_may_power_off)
{
    bool ran = false;
    struct fake_kernel kernel = {
        .main = sleep_for_ever, .cpu_main = other_cpu_powers_off, .argument = &ran};

    ck_assert_int_eq(fake_kernel_run(&kernel, 2), 41);
}
END_TEST

START_TEST(create_refuses_bad_configurations)
{
    struct machine_config config = {.ram_bytes = 4096, .cpus = 1};
    struct machine *machine = NULL;
    char message[200] = "";

    ck_assert_int_lt(machine_create(&config, &machine, message, sizeof message), 0);
    ck_assert_str_ne(message, "");
    config.ram_bytes = MACHINE_RAM_MIN;
    config.cpus = HAL_CPUS_MAX + 1;
    ck_assert_int_lt(machine_create(&config, &machine, message, sizeof message), 0);
    ck_assert_ptr_null(machine);
}
END_TEST

static void boot_info_main(void *argument)
{
    const struct hal_boot *boot = fake_kernel_this()->boot;
    const char *initrd = boot->initrd;

    (void)argument;
    EXPECT(boot->ram_count == 1);
    EXPECT(boot->ram[0].paddr >= HAL_PAGE_SIZE);
    EXPECT(boot->ram[0].paddr + boot->ram[0].bytes == 1ull << boot->phys_bits);
    EXPECT(boot->initrd_paddr == 0);
    EXPECT(boot->initrd_bytes == 5);
    EXPECT(initrd[0] == 'a' && initrd[4] == 'e');
    EXPECT(boot->direct_map[boot->ram[0].paddr] == 0);
}

START_TEST(boot_describes_ram_and_initrd)
{
    struct fake_kernel kernel = {.main = boot_info_main};
    struct machine_config config = {
        .ram_bytes = 4ull << 30,
        .cpus = 1,
        .initrd = "abcde",
        .initrd_bytes = 5,
        .engine = MACHINE_ENGINE_NONE,
        .input_fd = -1,
        .output_fd = -1,
        .log_fd = 2,
        .trace_fd = -1,
    };

    ck_assert_int_eq(fake_kernel_run_config(&kernel, config), 0);
}
END_TEST

HOSTED_MAIN("vcpu", interrupts_wait_while_masked_and_merge, handlers_run_with_interrupts_masked,
            timer_fires_once_not_before_its_deadline, idle_loses_no_wakeup_between_two_cpus,
            two_machines_run_at_once, crash_ends_only_the_machine,
            stop_from_another_thread_ends_idle_and_spinning_cpus, any_cpu_may_power_off,
            create_refuses_bad_configurations, boot_describes_ram_and_initrd)
