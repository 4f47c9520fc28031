/* SPDX-License-Identifier: MIT */
/*
 * The kernel's log as programs see it: syslog(2), and /dev/kmsg by
 * Documentation/ABI/testing/dev-kmsg.
 */
#include "tests/guest/guest.h"

#include <sys/klog.h>

enum { READ = 2, READ_ALL, READ_CLEAR, CLEAR, CONSOLE_LEVEL = 8, SIZE_UNREAD, SIZE_BUFFER };
enum { RECORD_MAX = 8192 };

struct record {
    unsigned priority;
    unsigned long long sequence, time_us;
    char text[RECORD_MAX];
};

static int open_kmsg(int flags)
{
    int fd = open("/dev/kmsg", flags | O_NONBLOCK);
    if (fd < 0 && (errno == EPERM || errno == EACCES))
        skip("the log is not for this user");
    return (int)OK(fd);
}

/* False behind the newest record. */
static bool next_record(int fd, struct record *out)
{
    char line[RECORD_MAX];
    ssize_t bytes;
    while ((bytes = read(fd, line, sizeof(line) - 1)) < 0 && errno == EPIPE) /* overwritten */
        continue;
    if (bytes < 0) {
        EQ(errno, EAGAIN);
        return false;
    }
    line[bytes] = '\0';
    char *text = strchr(line, ';'), *end = strchr(line, '\n');
    TRUE(text && end && text < end);
    *end = '\0';
    EQ(sscanf(line, "%u,%llu,%llu,", &out->priority, &out->sequence, &out->time_us), 3);
    strcpy(out->text, text + 1);
    return true;
}

static void records_are_read_one_by_one(void)
{
    static struct record record, next;
    int fd = open_kmsg(O_RDONLY);
    TRUE(next_record(fd, &record));
    for (int i = 0; i < 3 && next_record(fd, &next); i++) {
        TRUE(next.sequence > record.sequence);
        record = next;
    }
    EQ(OK(lseek(fd, 0, SEEK_SET)), 0);
    char small[4];
    FAILS(read(fd, small, sizeof(small)), EINVAL);
    TRUE(next_record(fd, &next)); /* it was not lost */
    TRUE(next.sequence <= record.sequence);
    OK(close(fd));
}

static void positions_are_few(void)
{
    int fd = open_kmsg(O_RDONLY);
    FAILS(lseek(fd, 1, SEEK_SET), ESPIPE);
    FAILS(lseek(fd, 0, SEEK_CUR), EINVAL);
    EQ(OK(lseek(fd, 0, SEEK_DATA)), 0);
    OK(close(fd));
    fd = open_kmsg(O_WRONLY);
    FAILS(read(fd, (char[16]){0}, 16), EBADF);
    OK(close(fd));
}

static void lines_of_the_boot_are_there(void)
{
    static char log[1 << 20];
    int size = (int)OK(klogctl(SIZE_BUFFER, NULL, 0));
    TRUE(size >= 4096);
    int length = klogctl(READ_ALL, log, sizeof(log) - 1);
    if (length < 0 && errno == EPERM)
        skip("the log is not for this user");
    OK(length);
    if (length == 0)
        skip("the log has been cleared");
    log[length] = '\0';
    FAILS(klogctl(READ_ALL, (char *)8, 4096), EFAULT);
    EQ(log[0], '<');
    EQ(log[length - 1], '\n');
    char few[256];
    int fewer = (int)OK(klogctl(READ_ALL, few, sizeof(few))); /* whole lines, the last ones */
    TRUE(fewer > 0 && fewer <= (int)sizeof(few) && few[0] == '<');
}

static void actions_are_checked(void)
{
    char byte;
    EQ(klogctl(0, NULL, 0), 0);
    EQ(klogctl(1, NULL, 0), 0);
    EQ(klogctl(READ_ALL, &byte, 0), 0);
    FAILS(klogctl(READ_ALL, NULL, 16), EINVAL);
    FAILS(klogctl(READ_ALL, &byte, -1), EINVAL);
    FAILS(klogctl(READ, NULL, 16), EINVAL);
    FAILS(klogctl(CONSOLE_LEVEL, NULL, 0), EINVAL);
    FAILS(klogctl(CONSOLE_LEVEL, NULL, 9), EINVAL);
    FAILS(klogctl(11, NULL, 0), EINVAL);
    FAILS(klogctl(-1, NULL, 0), EINVAL);
}

/* One line of syslog(2), with the time or without: printk.time decides. */
static bool is_line(const char *log, const char *begin, const char *end)
{
    size_t length = strlen(log), end_length = strlen(end);
    return length > end_length && strncmp(log, begin, strlen(begin)) == 0 &&
           strchr(log, '\n') == log + length - 1 && strcmp(log + length - end_length, end) == 0;
}

static void what_is_written_is_read(void)
{
    need_own_machine();
    static struct record record;
    int fd = open_kmsg(O_RDWR);
    EQ(OK(lseek(fd, 0, SEEK_END)), 0);
    TRUE(!next_record(fd, &record));
    EQ(write(fd, "<4>first\n", 9), 9);
    EQ(write(fd, "second\n", 7), 7);
    TRUE(next_record(fd, &record));
    EQ(record.priority, 1 << 3 | 4); /* of user space, whatever it says */
    STR_EQ(record.text, "first");
    unsigned long long sequence = record.sequence;
    TRUE(next_record(fd, &record));
    EQ(record.sequence, sequence + 1);
    EQ(record.priority, 1 << 3 | 4); /* the default */
    STR_EQ(record.text, "second");
    EQ(write(fd, "tab\tand \x01\n", 10), 10);
    TRUE(next_record(fd, &record));
    STR_EQ(record.text, "tab\\x09and \\x01");
    char *much = calloc(1, RECORD_MAX);
    FAILS(write(fd, much, RECORD_MAX), EINVAL);
    free(much);
    OK(close(fd));
}

static void cleared_lines_are_hidden(void)
{
    need_own_machine();
    static struct record record;
    char log[1024];
    int fd = open_kmsg(O_RDWR);
    EQ(write(fd, "<6>before\n", 10), 10);
    OK(klogctl(CLEAR, NULL, 0));
    EQ(klogctl(READ_ALL, log, sizeof(log)), 0);
    EQ(write(fd, "<6>after\n", 9), 9);
    int length = (int)OK(klogctl(READ_CLEAR, log, sizeof(log) - 1));
    log[length] = '\0';
    TRUE(is_line(log, "<14>", "after\n"));
    EQ(klogctl(READ_ALL, log, sizeof(log)), 0);
    EQ(OK(lseek(fd, 0, SEEK_DATA)), 0);
    TRUE(!next_record(fd, &record));
    EQ(OK(lseek(fd, 0, SEEK_SET)), 0); /* hidden only from syslog(2) */
    TRUE(next_record(fd, &record));
    OK(close(fd));
}

static void reading_consumes(void)
{
    need_own_machine();
    char log[16384];
    int fd = open_kmsg(O_WRONLY);
    while (OK(klogctl(SIZE_UNREAD, NULL, 0)) > 0)
        OK(klogctl(READ, log, sizeof(log)));
    EQ(write(fd, "<5>fresh\n", 9), 9);
    int unread = (int)OK(klogctl(SIZE_UNREAD, NULL, 0));
    EQ(klogctl(READ, log, sizeof(log) - 1), unread);
    log[unread] = '\0';
    TRUE(is_line(log, "<13>", "fresh\n"));
    EQ(klogctl(SIZE_UNREAD, NULL, 0), 0);
    OK(close(fd));
}

GUEST_MAIN(CASE(records_are_read_one_by_one), CASE(positions_are_few),
           CASE(lines_of_the_boot_are_there), CASE(actions_are_checked),
           CASE(what_is_written_is_read), CASE(cleared_lines_are_hidden), CASE(reading_consumes))
