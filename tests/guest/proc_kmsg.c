/* SPDX-License-Identifier: MIT
 *
 * The kernel log as a stream that is read once: /proc/kmsg (proc(5)) and syslog(2). Only where the
 * machine is our own.
 */
#include <sys/prctl.h>

#include "tests/guest/guest.h"

enum { SYSLOG_READ = 2, SYSLOG_SIZE_UNREAD = 9, SOMEBODY = 4711 };
enum { CAP_SYS_ADMIN_NUMBER = 21, CAP_SYSLOG_NUMBER = 34 };

static void need_log(void)
{
    need_own_machine();
    if (geteuid() != 0)
        skip("needs root");
}

static int open_log(int flags)
{
    return (int)OK(open("/proc/kmsg", O_RDONLY | O_CLOEXEC | flags));
}

/* A line of the kernel log that nobody else writes; `text` has room for 64 bytes. */
static void write_line(char text[64])
{
    static int count;
    int fd = (int)OK(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
    snprintf(text, 64, "guest test %d line %d of proc_kmsg\n", getpid(), ++count);
    char line[80];
    size_t length = (size_t)snprintf(line, sizeof(line), "<6>%s", text);
    EQ(write(fd, line, length), length);
    OK(close(fd));
}

/* Everything that is there, until there is no more: is the text in it? Terminated in `found`. */
static bool drain(int fd, size_t piece, const char *text)
{
    static char all[1 << 20];
    size_t length = 0;
    ssize_t got;
    while ((got = read(fd, all + length, piece)) > 0) {
        length += (size_t)got;
        TRUE(length + piece < sizeof(all));
    }
    EQ(errno, EAGAIN);
    all[length] = 0;
    const char *at = text ? strstr(all, text) : NULL;
    if (!at)
        return false;
    while (at > all && at[-1] != '\n')
        at--;
    EQ(strncmp(at, "<14>", 4), 0); /* written by a user, as information */
    return true;
}

static void a_line_is_read_once(void)
{
    char text[64];
    need_log();
    int fd = open_log(O_NONBLOCK), other = open_log(O_NONBLOCK);
    drain(fd, 8192, NULL);
    write_line(text);
    TRUE(drain(fd, 8192, text));
    TRUE(!drain(other, 8192, text));
    write_line(text);
    TRUE(OK(syscall(SYS_syslog, SYSLOG_SIZE_UNREAD, NULL, 0)) >= (long)strlen(text));
    static char line[65536];
    long got = OK(syscall(SYS_syslog, SYSLOG_READ, line, sizeof(line) - 1));
    TRUE(got > 0);
    line[got] = 0;
    TRUE(strstr(line, text) != NULL);
    TRUE(!drain(fd, 8192, text));
}

static void a_long_line_is_read_in_parts(void)
{
    char text[64];
    need_log();
    int fd = open_log(O_NONBLOCK);
    drain(fd, 8192, NULL);
    write_line(text);
    EQ(read(fd, text, 0), 0);
    long before = OK(syscall(SYS_syslog, SYSLOG_SIZE_UNREAD, NULL, 0));
    TRUE(before >= (long)strlen(text));
    TRUE(drain(fd, 1, text));
}

static void read_until(void *argument)
{
    static char all[65536];
    size_t length = 0;
    const char *text = argument;
    int fd = open_log(0);
    while (!strstr(all, text)) {
        ssize_t got = OK(read(fd, all + length, sizeof(all) - 1 - length));
        TRUE(got > 0);
        length += (size_t)got;
    }
}

static void a_reader_waits(void)
{
    char text[64];
    need_log();
    int fd = open_log(O_NONBLOCK);
    drain(fd, 8192, NULL);
    snprintf(text, sizeof(text), "guest test %d line 1 of proc_kmsg\n", getpid());
    pid_t reader = spawn(read_until, text);
    EVENTUALLY(process_state(reader) == 'S');
    write_line(text);
    CHILD_OK(reader);
}

static void poll_tells_of_lines(void)
{
    char text[64];
    need_log();
    int fd = open_log(O_NONBLOCK);
    struct pollfd poller = {.fd = fd, .events = POLLIN | POLLRDNORM};
    drain(fd, 8192, NULL);
    write_line(text);
    EQ(OK(poll(&poller, 1, -1)), 1);
    EQ(poller.revents, POLLIN | POLLRDNORM);
    TRUE(drain(fd, 8192, text));
}

/* Without the two capabilities that allow it, but with the one that opens any file. */
static void open_as_mere_root(void *argument)
{
    struct {
        uint32_t version;
        int pid;
    } header = {0x20080522, 0};
    struct {
        uint32_t effective, permitted, inheritable;
    } data[2];
    (void)argument;
    OK(syscall(SYS_capget, &header, data));
    data[0].effective &= ~(1u << CAP_SYS_ADMIN_NUMBER);
    data[1].effective &= ~(1u << (CAP_SYSLOG_NUMBER - 32));
    OK(syscall(SYS_capset, &header, data));
    FAILS(open("/proc/kmsg", O_RDONLY), EPERM);
}

static void open_as_somebody(void *argument)
{
    (void)argument;
    OK(syscall(SYS_setresuid, SOMEBODY, SOMEBODY, SOMEBODY));
    FAILS(open("/proc/kmsg", O_RDONLY), EACCES);
}

static void who_may_read(void)
{
    struct stat st;
    need_log();
    OK(stat("/proc/kmsg", &st));
    EQ(st.st_mode, S_IFREG | 0400);
    CHILD_OK(spawn(open_as_somebody, NULL));
    CHILD_OK(spawn(open_as_mere_root, NULL));
    int fd = (int)OK(open("/proc/kmsg", O_RDWR));
    FAILS(write(fd, "x", 1), EIO);
    /* Who has opened it may go on reading. */
    fd = open_log(O_NONBLOCK);
    OK(syscall(SYS_setresuid, SOMEBODY, SOMEBODY, SOMEBODY));
    drain(fd, 8192, NULL);
}

GUEST_MAIN(CASE(a_line_is_read_once), CASE(a_long_line_is_read_in_parts), CASE(a_reader_waits),
           CASE(poll_tells_of_lines), CASE(who_may_read))
