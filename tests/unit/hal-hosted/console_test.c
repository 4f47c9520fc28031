/* SPDX-License-Identifier: MIT
 *
 * Console channels on pipes and terminals; the terminal is restored whatever ends the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "hal-hosted/sanitizer.h"
#include "tests/unit/hal-hosted/hosted_test.h"

static struct machine_config config_quiet(void)
{
    return (struct machine_config){
        .ram_bytes = MACHINE_RAM_MIN,
        .cpus = 1,
        .engine = MACHINE_ENGINE_NONE,
        .input_fd = -1,
        .output_fd = -1,
        .log_fd = -1,
        .trace_fd = -1,
    };
}

/* --- input --- */

/* Read input to its end; power off with the number of bytes. */
static void input_main(void *argument)
{
    char *out = argument;
    size_t fill = 0, got;

    while (!hal_console_input_ended()) {
        got = hal_console_read(out + fill, 7);
        fill += got;
        if (!got) {
            hal_cpu_idle();
        }
    }
    EXPECT(hal_console_read(out, 1) == 0);
    hal_power_off((int)fill);
}

START_TEST(input_is_read_to_its_end)
{
    char out[256] = "";
    struct fake_kernel kernel = {.main = input_main, .argument = out};
    struct machine_config config = config_quiet();
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], "hello, guest", 12), 12);
    close(fds[1]);
    config.input_fd = fds[0];
    ck_assert_int_eq(fake_kernel_run_config(&kernel, config), 12);
    ck_assert_str_eq(out, "hello, guest");
    close(fds[0]);
}
END_TEST

START_TEST(no_input_is_end_of_input)
{
    char out[256] = "";
    struct fake_kernel kernel = {.main = input_main, .argument = out};

    ck_assert_int_eq(fake_kernel_run_config(&kernel, config_quiet()), 0);
}
END_TEST

enum { BULK = 100000 };

static void *feeder(void *argument)
{
    int fd = *(int *)argument;
    char bytes[1000];

    for (unsigned i = 0; i < BULK / sizeof bytes; i++) {
        memset(bytes, 'a' + (int)(i % 26), sizeof bytes);
        if (write(fd, bytes, sizeof bytes) != sizeof bytes) {
            break;
        }
    }
    close(fd);
    return NULL;
}

static void bulk_input_main(void *argument)
{
    unsigned *total = argument;
    char bytes[333];

    while (!hal_console_input_ended()) {
        size_t got = hal_console_read(bytes, sizeof bytes);
        for (size_t i = 0; i < got; i++, ++*total) {
            EXPECT(bytes[i] == (char)('a' + *total / 1000 % 26));
        }
        if (!got) {
            hal_cpu_idle();
        }
    }
}

START_TEST(input_larger_than_the_ring_arrives_in_order)
{
    unsigned total = 0;
    struct fake_kernel kernel = {.main = bulk_input_main, .argument = &total};
    struct machine_config config = config_quiet();
    pthread_t thread;
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    config.input_fd = fds[0];
    pthread_create(&thread, NULL, feeder, &fds[1]);
    ck_assert_int_eq(fake_kernel_run_config(&kernel, config), 0);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(total, BULK);
    close(fds[0]);
}
END_TEST

/* --- output --- */

static void bulk_output_main(void *argument)
{
    bool *short_write = argument;
    char bytes[1000];

    for (unsigned i = 0; i < BULK / sizeof bytes; i++) {
        size_t done = 0;
        memset(bytes, 'a' + (int)(i % 26), sizeof bytes);
        for (;;) {
            done += hal_console_write(HAL_CHANNEL_CONSOLE, bytes + done, sizeof bytes - done);
            if (done == sizeof bytes) {
                break;
            }
            *short_write = true;
            hal_cpu_idle(); /* until kernel_on_console_writable */
        }
    }
}

struct drain {
    int fd;
    unsigned total;
    bool wrong;
};

static void *drain_main(void *argument)
{
    struct drain *drain = argument;
    char bytes[500];
    ssize_t got;

    usleep(50000); /* let the pipe fill */
    while ((got = read(drain->fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < got; i++, drain->total++) {
            drain->wrong |= bytes[i] != (char)('a' + drain->total / 1000 % 26);
        }
    }
    return NULL;
}

START_TEST(output_to_a_full_pipe_is_short_and_continues)
{
    bool short_write = false;
    struct fake_kernel kernel = {.main = bulk_output_main, .argument = &short_write};
    struct machine_config config = config_quiet();
    struct drain drain = {0};
    pthread_t thread;
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    drain.fd = fds[0];
    config.output_fd = fds[1];
    pthread_create(&thread, NULL, drain_main, &drain);
    ck_assert_int_eq(fake_kernel_run_config(&kernel, config), 0);
    close(fds[1]);
    pthread_join(thread, NULL);
    ck_assert(short_write);
    ck_assert(!drain.wrong);
    ck_assert_uint_eq(drain.total, BULK);
    ck_assert_uint_gt(kernel.writables, 0);
    close(fds[0]);
}
END_TEST

START_TEST(output_to_a_closed_pipe_is_discarded)
{
    bool short_write = false;
    struct fake_kernel kernel = {.main = bulk_output_main, .argument = &short_write};
    struct machine_config config = config_quiet();
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    close(fds[0]);
    config.output_fd = config.log_fd = fds[1];
    ck_assert_int_eq(fake_kernel_run_config(&kernel, config), 0); /* no SIGPIPE */
    close(fds[1]);
}
END_TEST

static void log_main(void *argument)
{
    (void)argument;
    EXPECT(hal_console_write(HAL_CHANNEL_LOG, "one", 3) == 3);
    EXPECT(hal_console_write(HAL_CHANNEL_TRACE, "trace\n", 6) == 6);
    EXPECT(hal_console_write(HAL_CHANNEL_LOG, " line\nrest", 10) == 10);
}

START_TEST(log_is_written_in_lines_and_flushed_at_the_end)
{
    struct fake_kernel kernel = {.main = log_main};
    struct machine_config config = config_quiet();
    char text[64] = "";
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    config.log_fd = config.trace_fd = fds[1];
    ck_assert_int_eq(fake_kernel_run_config(&kernel, config), 0);
    ck_assert_int_eq(read(fds[0], text, sizeof text - 1), 19);
    ck_assert_str_eq(text, "trace\none line\nrest");
    close(fds[0]);
    close(fds[1]);
}
END_TEST

/* --- terminals --- */

static void report_and_wait(void *argument)
{
    (void)argument;
    EXPECT(hal_console_write(HAL_CHANNEL_CONSOLE, "R", 1) == 1);
    for (;;) {
        hal_cpu_idle();
    }
}

static void read_one_key(void *argument)
{
    unsigned columns = 0, rows = 0;
    char key;

    (void)argument;
    EXPECT(hal_console_size(&columns, &rows));
    EXPECT(columns == 91 && rows == 33);
    EXPECT(hal_console_write(HAL_CHANNEL_CONSOLE, "R", 1) == 1);
    while (hal_console_read(&key, 1) == 0) {
        hal_cpu_idle();
    }
    hal_power_off(key);
}

static void child_session(int slave)
{
    signal(SIGTERM, SIG_DFL); /* Check's handlers */
    signal(SIGINT, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    login_tty(dup(slave));
}

/* A child with its own session on a new terminal that runs `body` in a machine. */
static pid_t terminal_child(void (*body)(void *argument), int *master, int *slave)
{
    struct winsize size = {.ws_col = 91, .ws_row = 33};
    pid_t child;

    ck_assert_int_eq(openpty(master, slave, NULL, NULL, &size), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct fake_kernel kernel = {.main = body};
        struct machine_config config = config_quiet();

        child_session(*slave);
        config.input_fd = 0;
        config.output_fd = 1;
        _exit(fake_kernel_run_config(&kernel, config) & 0xff);
    }
    return child;
}

static bool is_raw(int fd)
{
    struct termios mode;

    return tcgetattr(fd, &mode) == 0 && !(mode.c_lflag & (ICANON | ISIG | ECHO));
}

static bool wait_until_raw(int fd)
{
    for (unsigned i = 0; i < 500 && !is_raw(fd); i++) {
        usleep(10000);
    }
    return is_raw(fd);
}

static void wait_until_ready(int master)
{
    char ready;

    ck_assert_int_eq(read(master, &ready, 1), 1);
    ck_assert_int_eq(ready, 'R');
}

START_TEST(terminal_is_raw_while_the_machine_runs)
{
    int master, slave, status;
    pid_t child = terminal_child(read_one_key, &master, &slave);

    wait_until_ready(master);
    ck_assert(is_raw(slave));
    ck_assert_int_eq(write(master, "\3", 1), 1); /* Ctrl-C is a key for the guest */
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    ck_assert(!is_raw(slave));
    close(master);
    close(slave);
}
END_TEST

static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT};

START_TEST(terminal_is_restored_when_a_signal_ends_the_process)
{
    int master, slave, status;
    pid_t child = terminal_child(report_and_wait, &master, &slave);

    wait_until_ready(master);
    ck_assert(is_raw(slave));
    kill(child, ending[_i]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
#if !HOSTED_ASAN && !HOSTED_TSAN
    ck_assert(WIFSIGNALED(status)); /* sanitizers turn crashes into exits */
#endif
    ck_assert(!is_raw(slave));
    close(master);
    close(slave);
}
END_TEST

/* A shell with job control, in small: stop the machine's process, look, continue, look, end it. */
static void job_control(void)
{
    struct fake_kernel kernel = {.main = report_and_wait};
    struct machine_config config = config_quiet();
    bool restored, raw_again;
    int status;
    pid_t job;

    signal(SIGTTOU, SIG_IGN);
    job = fork();
    if (job < 0) {
        _exit(10);
    }
    if (job == 0) {
        setpgid(0, 0);
        tcsetpgrp(0, getpgrp());
        signal(SIGTTOU, SIG_DFL);
        config.input_fd = 0;
        config.output_fd = 1;
        _exit(fake_kernel_run_config(&kernel, config) & 0xff);
    }
    if (!wait_until_raw(0)) {
        _exit(11);
    }
    kill(job, SIGTSTP);
    waitpid(job, &status, WUNTRACED);
    restored = WIFSTOPPED(status) && !is_raw(0);
    kill(job, SIGCONT);
    raw_again = wait_until_raw(0);
    kill(job, SIGTERM);
    waitpid(job, &status, 0);
    _exit(!restored ? 12 : !raw_again ? 13 : is_raw(0) ? 14 : 0);
}

START_TEST(terminal_is_restored_while_the_process_is_stopped)
{
    int master, slave, status;
    pid_t leader;

    ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
    leader = fork();
    ck_assert_int_ge(leader, 0);
    if (leader == 0) {
        child_session(slave);
        job_control();
    }
    ck_assert_int_eq(waitpid(leader, &status, 0), leader);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    close(master);
    close(slave);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("console");
    TCase *tcase = tcase_create("console");
    SRunner *runner;
    int failed;

    (void)argc;
    hosted_prepare_process(argv);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, input_is_read_to_its_end);
    tcase_add_test(tcase, no_input_is_end_of_input);
    tcase_add_test(tcase, input_larger_than_the_ring_arrives_in_order);
    tcase_add_test(tcase, output_to_a_full_pipe_is_short_and_continues);
    tcase_add_test(tcase, output_to_a_closed_pipe_is_discarded);
    tcase_add_test(tcase, log_is_written_in_lines_and_flushed_at_the_end);
    tcase_add_test(tcase, terminal_is_raw_while_the_machine_runs);
    tcase_add_loop_test(tcase, terminal_is_restored_when_a_signal_ends_the_process, 0,
                        sizeof ending / sizeof ending[0]);
    tcase_add_test(tcase, terminal_is_restored_while_the_process_is_stopped);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
