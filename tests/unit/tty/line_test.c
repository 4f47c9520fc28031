/* SPDX-License-Identifier: MIT */
/* kernel/tty/line_input.c, line_output.c, line_read.c, tty.c: the line discipline of termios(3),
 * with a driver that keeps what comes out. */
#include "kernel/tty/tty_internal.h"
#include "tests/unit/proc/task_fixture.h"

enum {
    ERASE = 0x7f,
    KILL = 0x15,
    WORD_ERASE = 0x17,
    END = 4,
    STOP = 0x13,
    START = 0x11,
    NEXT = 0x16
};

struct line {
    struct tty *tty;
    char out[4096];
    size_t fill, room; /* what the driver still takes */
};

static size_t take_output(struct tty *tty, const char *bytes, size_t count)
{
    struct line *line = tty->driver_data;
    if (count == 0)
        return line->room > 0;
    size_t taken = MIN(count, line->room);
    memcpy(line->out + line->fill, bytes, taken);
    line->fill += taken;
    line->room -= taken;
    return taken;
}

static const struct tty_driver driver = {.write = take_output};

static struct line *line_make(void)
{
    struct line *line = calloc(1, sizeof(*line));
    line->room = sizeof(line->out);
    ck_assert_int_eq(tty_create(this_kernel(), &driver, line, 0, &line->tty), 0);
    return line;
}

static void line_drop(struct line *line)
{
    tty_put(line->tty);
    free(line);
}

static void type(struct line *line, const char *text)
{
    ck_assert_uint_eq(tty_receive(line->tty, text, kstrlen(text)), kstrlen(text));
}

static int64_t read_some(struct line *line, char *out, size_t bytes, uint32_t flags)
{
    struct file file = {.flags = flags};
    struct uio uio;
    uio_init_kernel(&uio, out, bytes);
    return line_read(line->tty, &file, &uio);
}

/* A read that does not wait gives this text, all of it. */
static void expect(struct line *line, const char *text)
{
    char got[256];
    ck_assert_int_eq(read_some(line, got, sizeof(got), O_NONBLOCK), (int64_t)kstrlen(text));
    ck_assert_int_eq(memcmp(got, text, kstrlen(text)), 0);
}

static void expect_nothing(struct line *line)
{
    char got[16];
    ck_assert_int_eq(read_some(line, got, sizeof(got), O_NONBLOCK), -EAGAIN);
}

static void expect_output(struct line *line, const char *text)
{
    ck_assert_uint_eq(line->fill, kstrlen(text));
    ck_assert_int_eq(memcmp(line->out, text, line->fill), 0);
    line->fill = 0;
}

static void line_is_read_when_it_is_finished(void)
{
    struct line *line = line_make();
    char few[2];
    type(line, "ab");
    expect_nothing(line);
    type(line, "c\nnext");
    expect(line, "abc\n");
    expect_nothing(line);
    expect_output(line, "abc\r\nnext");
    type(line, "\n");
    ck_assert_int_eq(read_some(line, few, 2, O_NONBLOCK), 2); /* the rest stays */
    expect(line, "xt\n");
    line_drop(line);
}

static void line_is_edited(void)
{
    struct line *line = line_make();
    type(line, (char[]){'a', 'b', 'x', ERASE, 'c', '\n', 0});
    expect(line, "abc\n");
    expect_output(line, "abx\b \bc\r\n");
    type(line, (char[]){'g', 'o', 'n', 'e', KILL, 'n', 'e', 'w', '\n', 0});
    expect(line, "new\n");
    type(line, (char[]){'o', 'n', 'e', ' ', 't', 'w', 'o', WORD_ERASE, '2', '\n', 0});
    expect(line, "one 2\n");
    type(line, (char[]){ERASE, 'x', NEXT, 3, NEXT, ERASE, '\n', 0}); /* nothing to erase; literal */
    expect(line, (char[]){'x', 3, ERASE, '\n', 0});
    line_drop(line);
}

static void end_of_file_finishes_a_line(void)
{
    struct line *line = line_make();
    char byte;
    type(line, (char[]){'a', 'b', END, 0});
    expect(line, "ab");
    expect_nothing(line);
    type(line, (char[]){END, 'c', '\n', 0});
    ck_assert_int_eq(read_some(line, &byte, 1, O_NONBLOCK), 0);
    expect(line, "c\n");
    line_drop(line);
}

static void raw_bytes_are_read_at_once(void)
{
    struct line *line = line_make();
    char got[4];
    line->tty->termios.c_lflag &= ~(uint32_t)(ICANON | ECHO | ISIG | IEXTEN);
    line->tty->termios.c_iflag &= ~(uint32_t)(ICRNL | IXON);
    line->tty->termios.c_cc[VMIN] = 1;
    line->tty->termios.c_cc[VTIME] = 0;
    expect_nothing(line);
    type(line, (char[]){3, END, '\r', STOP, 0});
    expect(line, (char[]){3, END, '\r', STOP, 0});
    expect_output(line, "");
    line->tty->termios.c_cc[VMIN] = 0;
    ck_assert_int_eq(read_some(line, got, sizeof(got), 0), 0); /* neither waits nor complains */
    line_drop(line);
}

/* What is left of a newline's two bytes waits and comes before everything else. */
static void output_is_cut_where_the_driver_is_full(void)
{
    struct line *line = line_make();
    line->room = 2;
    mutex_lock(&line->tty->lock);
    ck_assert_uint_eq(line_output(line->tty, "a\nb", 3), 2);
    ck_assert_uint_eq(line_output(line->tty, "b", 1), 0);
    line->room = 8;
    ck_assert_uint_eq(line_output(line->tty, "b\t", 2), 2);
    mutex_unlock(&line->tty->lock);
    expect_output(line, "a\r\nb\t");
    line_drop(line);
}

static void output_stops_and_starts(void)
{
    struct line *line = line_make();
    type(line, (char[]){STOP, 0});
    ck_assert(line->tty->stopped);
    mutex_lock(&line->tty->lock);
    ck_assert_uint_eq(line_output(line->tty, "held", 4), 0);
    mutex_unlock(&line->tty->lock);
    type(line, (char[]){START, 0});
    ck_assert(!line->tty->stopped);
    expect_output(line, "");
    line_drop(line);
}

static void buffer_takes_no_more_than_it_has(void)
{
    struct line *line = line_make();
    char *many = calloc(1, 2 * TTY_INPUT_BYTES);
    line->tty->termios.c_lflag &= ~(uint32_t)(ICANON | ECHO);
    memset(many, 'x', 2 * TTY_INPUT_BYTES);
    size_t taken = tty_receive(line->tty, many, 2 * TTY_INPUT_BYTES);
    ck_assert_uint_gt(taken, TTY_INPUT_BYTES / 2);
    ck_assert_uint_le(taken, TTY_INPUT_BYTES);
    ck_assert_uint_eq(tty_receive_room(line->tty), 0);
    ck_assert_int_eq(read_some(line, many, 2 * TTY_INPUT_BYTES, O_NONBLOCK), (int64_t)taken);
    free(many);
    line_drop(line);
}

static void hung_up_line_ends_behind_what_was_typed(void)
{
    struct line *line = line_make();
    char got[16];
    type(line, "left\n");
    tty_hangup(line->tty);
    type(line, "lost\n");
    expect(line, "left\n");
    ck_assert_int_eq(read_some(line, got, sizeof(got), 0), 0);
    line_drop(line);
}

/* ---- what is typed last, while another CPU reads ---- */

enum { ROUNDS = 300 };
static struct line *shared;

static void type_and_end(void *argument)
{
    struct tty *tty = shared->tty;
    (void)argument;
    tty_receive(tty, "last\n", 5);
    mutex_lock(&tty->lock);
    tty->input_ended = true;
    mutex_unlock(&tty->lock);
    wait_queue_wake(&tty->read_wait, 0, EPOLLIN | EPOLLHUP);
    task_exit(0);
}

static void last_words_come_before_the_end(void)
{
    char got[16];
    for (int i = 0; i < ROUNDS; i++) {
        shared = line_make();
        struct task *typist = start_thread(type_and_end);
        ck_assert_int_eq(read_some(shared, got, sizeof(got), 0), 5);
        ck_assert_int_eq(read_some(shared, got, sizeof(got), 0), 0);
        await_exit(typist);
        line_drop(shared);
    }
}

static void creation_may_fail(void)
{
    struct fault_injection faults;
    struct tty *tty;
    fail_allocation(&faults, 1);
    ck_assert_int_eq(tty_create(this_kernel(), &driver, NULL, 0, &tty), -ENOMEM);
    fail_allocation(&faults, 0);
}

TASK_TEST(reading_lines, 1, line_is_read_when_it_is_finished)
TASK_TEST(editing, 1, line_is_edited)
TASK_TEST(end_of_file, 1, end_of_file_finishes_a_line)
TASK_TEST(raw, 1, raw_bytes_are_read_at_once)
TASK_TEST(full_driver, 1, output_is_cut_where_the_driver_is_full)
TASK_TEST(flow, 1, output_stops_and_starts)
TASK_TEST(full_buffer, 1, buffer_takes_no_more_than_it_has)
TASK_TEST(hangup, 1, hung_up_line_ends_behind_what_was_typed)
TASK_TEST(last_words, 2, last_words_come_before_the_end)
TASK_TEST(no_memory, 1, creation_may_fail)

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, reading_lines);
    tcase_add_test(tcase, editing);
    tcase_add_test(tcase, end_of_file);
    tcase_add_test(tcase, raw);
    tcase_add_test(tcase, full_driver);
    tcase_add_test(tcase, flow);
    tcase_add_test(tcase, full_buffer);
    tcase_add_test(tcase, hangup);
    tcase_add_test(tcase, last_words);
    tcase_add_test(tcase, no_memory);
}

static Suite *suite(void)
{
    return unit_suite("tty/line", add_tests);
}

UNIT_MAIN(suite)
