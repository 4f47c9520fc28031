/* SPDX-License-Identifier: MIT
 *
 * inotify(7): which events come for what, in which order.
 */
#include "guest.h"

#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#ifndef IN_MASK_CREATE
#define IN_MASK_CREATE 0x10000000
#endif

static int inotify;
static char buffer[65536];
static char *next, *end;

static void start(void)
{
    inotify = (int)OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    next = end = buffer;
}

static int watch(const char *path, uint32_t mask)
{
    return (int)OK(inotify_add_watch(inotify, path, mask));
}

static struct inotify_event *take(void)
{
    if (next == end) {
        ssize_t got = read(inotify, buffer, sizeof(buffer));
        if (got < 0)
            return NULL;
        next = buffer;
        end = buffer + got;
    }
    struct inotify_event *event = (struct inotify_event *)(void *)next;
    next += sizeof(*event) + event->len;
    return event;
}

static uint32_t expect_at(int line, int number, uint32_t mask, const char *name)
{
    struct inotify_event *event = take();
    if (!event)
        fail_at(line, "no event, %#x wanted", mask);
    if (event->wd != number || event->mask != mask ||
        strcmp(event->len ? event->name : "", name) != 0)
        fail_at(line, "watch %d mask %#x name \"%s\", not %d %#x \"%s\"", event->wd, event->mask,
                event->len ? event->name : "", number, mask, name);
    if (event->len % sizeof(*event) != 0)
        fail_at(line, "name padded to %u", event->len);
    return event->cookie;
}

#define EXPECT(number, mask, name) expect_at(__LINE__, number, mask, name)
#define NOTHING()                                                                                  \
    do {                                                                                           \
        struct inotify_event *more_ = take();                                                      \
        if (more_)                                                                                 \
            fail_at(__LINE__, "watch %d mask %#x left", more_->wd, more_->mask);                   \
    } while (0)

static void touch(const char *path)
{
    OK(close((int)OK(open(path, O_CREAT | O_WRONLY, 0644))));
}

static void open_files_tell(void)
{
    char byte;
    start();
    OK(mkdir("d", 0755));
    int d = watch("d", IN_ALL_EVENTS);
    int fd = (int)OK(open("d/f", O_CREAT | O_RDWR, 0644));
    EXPECT(d, IN_CREATE, "f");
    EXPECT(d, IN_OPEN, "f");
    int f = watch("d/f", IN_ALL_EVENTS);
    EQ(f, d + 1);
    EQ(write(fd, "x", 1), 1);
    EXPECT(d, IN_MODIFY, "f");
    EXPECT(f, IN_MODIFY, "");
    EQ(pread(fd, &byte, 1, 0), 1);
    EXPECT(d, IN_ACCESS, "f");
    EXPECT(f, IN_ACCESS, "");
    OK(ftruncate(fd, 0));
    EXPECT(d, IN_MODIFY, "f");
    EXPECT(f, IN_MODIFY, "");
    OK(fchmod(fd, 0600));
    EXPECT(d, IN_ATTRIB, "f");
    EXPECT(f, IN_ATTRIB, "");
    OK(close(fd));
    EXPECT(d, IN_CLOSE_WRITE, "f");
    EXPECT(f, IN_CLOSE_WRITE, "");
    OK(close((int)OK(open("d/f", O_RDONLY))));
    EXPECT(d, IN_OPEN, "f");
    EXPECT(f, IN_OPEN, "");
    EXPECT(d, IN_CLOSE_NOWRITE, "f");
    EXPECT(f, IN_CLOSE_NOWRITE, "");
    EQ(watch("d", IN_MODIFY), d);
    OK(inotify_rm_watch(inotify, f));
    EXPECT(f, IN_IGNORED, "");
    OK(close((int)OK(open("d/f", O_WRONLY | O_TRUNC))));
    EXPECT(d, IN_MODIFY, "f");
    NOTHING();
}

static void directories_tell(void)
{
    start();
    OK(mkdir("d", 0755));
    int d = watch("d", IN_ALL_EVENTS);
    OK(mkdir("d/sub", 0755));
    EXPECT(d, IN_CREATE | IN_ISDIR, "sub");
    int fd = (int)OK(open("d", O_RDONLY));
    EXPECT(d, IN_OPEN | IN_ISDIR, "");
    OK(close(fd));
    EXPECT(d, IN_CLOSE_NOWRITE | IN_ISDIR, "");
    OK(chmod("d/sub", 0700));
    EXPECT(d, IN_ATTRIB | IN_ISDIR, "sub");
    OK(symlink("nowhere", "d/link"));
    EXPECT(d, IN_CREATE, "link");
    OK(mkfifo("d/fifo", 0600));
    EXPECT(d, IN_CREATE, "fifo");
    OK(link("d/fifo", "d/fifo2"));
    EXPECT(d, IN_CREATE, "fifo2");
    OK(unlink("d/link"));
    EXPECT(d, IN_DELETE, "link");
    OK(rmdir("d/sub"));
    EXPECT(d, IN_DELETE | IN_ISDIR, "sub");
    OK(unlink("d/fifo"));
    EXPECT(d, IN_DELETE, "fifo");
    OK(unlink("d/fifo2"));
    EXPECT(d, IN_DELETE, "fifo2");
    OK(rmdir("d"));
    EXPECT(d, IN_DELETE_SELF, "");
    EXPECT(d, IN_IGNORED, "");
    NOTHING();
    FAILS(inotify_rm_watch(inotify, d), EINVAL);
}

static void removal_of_a_file_tells(void)
{
    start();
    touch("f");
    int here = watch(".", IN_DELETE), f = watch("f", IN_ALL_EVENTS);
    OK(link("f", "g"));
    EXPECT(f, IN_ATTRIB, "");
    OK(unlink("f"));
    EXPECT(f, IN_ATTRIB, "");
    EXPECT(here, IN_DELETE, "f");
    int fd = (int)OK(open("g", O_RDONLY));
    EXPECT(f, IN_OPEN, "");
    OK(unlink("g"));
    EXPECT(f, IN_ATTRIB, "");
    EXPECT(here, IN_DELETE, "g");
    NOTHING(); /* it is still open */
    OK(close(fd));
    EXPECT(f, IN_CLOSE_NOWRITE, "");
    EXPECT(f, IN_DELETE_SELF, "");
    EXPECT(f, IN_IGNORED, "");
    NOTHING();
}

static void renames_come_in_pairs(void)
{
    start();
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
    touch("a/f");
    touch("b/old");
    int a = watch("a", IN_MOVE | IN_DELETE | IN_CREATE), b = watch("b", IN_MOVE | IN_DELETE);
    int f = watch("a/f", IN_MOVE_SELF | IN_ATTRIB), old = watch("b/old", IN_ALL_EVENTS);
    OK(rename("a/f", "a/g"));
    uint32_t from = EXPECT(a, IN_MOVED_FROM, "f"), to = EXPECT(a, IN_MOVED_TO, "g");
    TRUE(from != 0);
    EQ(from, to);
    EQ(EXPECT(f, IN_MOVE_SELF, ""), 0);
    OK(rename("a/g", "b/old"));
    uint32_t second = EXPECT(a, IN_MOVED_FROM, "g");
    TRUE(second != from);
    EQ(EXPECT(b, IN_MOVED_TO, "old"), second);
    EXPECT(old, IN_ATTRIB, "");
    EXPECT(f, IN_MOVE_SELF, "");
    EXPECT(old, IN_DELETE_SELF, "");
    EXPECT(old, IN_IGNORED, "");
    NOTHING();
    OK(mkdir("a/dir", 0755));
    EXPECT(a, IN_CREATE | IN_ISDIR, "dir");
    int dir = watch("a/dir", IN_MOVE_SELF);
    OK(rename("a/dir", "b/dir"));
    EXPECT(a, IN_MOVED_FROM | IN_ISDIR, "dir");
    EXPECT(b, IN_MOVED_TO | IN_ISDIR, "dir");
    EXPECT(dir, IN_MOVE_SELF, "");
    touch("a/x");
    EXPECT(a, IN_CREATE, "x");
    OK(syscall(SYS_renameat2, AT_FDCWD, "a/x", AT_FDCWD, "b/dir", 2 /* RENAME_EXCHANGE */));
    uint32_t there = EXPECT(a, IN_MOVED_FROM, "x");
    EQ(EXPECT(b, IN_MOVED_TO, "dir"), there);
    uint32_t back = EXPECT(b, IN_MOVED_FROM | IN_ISDIR, "dir");
    EQ(EXPECT(a, IN_MOVED_TO | IN_ISDIR, "x"), back);
    EXPECT(dir, IN_MOVE_SELF, "");
    NOTHING();
}

static void attributes_tell(void)
{
    struct timespec both[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    struct timespec access[2] = {{.tv_sec = 2}, {.tv_nsec = UTIME_OMIT}};
    struct timespec modify[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
    start();
    touch("f");
    int f = watch("f", IN_ALL_EVENTS);
    OK(utimensat(AT_FDCWD, "f", both, 0));
    EXPECT(f, IN_ATTRIB, "");
    OK(utimensat(AT_FDCWD, "f", access, 0));
    EXPECT(f, IN_ACCESS, "");
    OK(utimensat(AT_FDCWD, "f", modify, 0));
    EXPECT(f, IN_MODIFY, "");
    OK(chown("f", getuid(), getgid()));
    EXPECT(f, IN_ATTRIB, "");
    OK(truncate("f", 10));
    EXPECT(f, IN_MODIFY, "");
    if (setxattr("f", "user.x", "1", 1, 0) == 0 || setxattr("f", "trusted.x", "1", 1, 0) == 0)
        EXPECT(f, IN_ATTRIB, "");
    NOTHING();
}

static void masks_choose(void)
{
    start();
    touch("f");
    int f = watch("f", IN_OPEN);
    EQ(watch("f", IN_CLOSE), f); /* replaces */
    touch("f");
    EXPECT(f, IN_CLOSE_WRITE, "");
    NOTHING();
    EQ(watch("f", IN_OPEN | IN_MASK_ADD), f);
    touch("f");
    EXPECT(f, IN_OPEN, "");
    EXPECT(f, IN_CLOSE_WRITE, "");
    FAILS(inotify_add_watch(inotify, "f", IN_OPEN | IN_MASK_CREATE), EEXIST);
    FAILS(inotify_add_watch(inotify, "f", IN_OPEN | IN_MASK_CREATE | IN_MASK_ADD), EINVAL);
    OK(inotify_rm_watch(inotify, f));
    EXPECT(f, IN_IGNORED, "");
    int again = watch("f", IN_OPEN | IN_MASK_CREATE);
    EQ(again, f + 1); /* numbers are not used again */
    NOTHING();
}

static void errors_are_linux_ones(void)
{
    start();
    touch("f");
    OK(symlink("f", "link"));
    FAILS(inotify_init1(1), EINVAL);
    FAILS(inotify_add_watch(inotify, "f", 0), EINVAL);
    FAILS(inotify_add_watch(-1, "f", IN_OPEN), EBADF);
    FAILS(inotify_add_watch(0, "f", IN_OPEN), EINVAL);
    FAILS(inotify_add_watch(inotify, "missing", IN_OPEN), ENOENT);
    FAILS(inotify_add_watch(inotify, "f", IN_OPEN | IN_ONLYDIR), ENOTDIR);
    FAILS(inotify_add_watch(inotify, BAD_POINTER, IN_OPEN), EFAULT);
    FAILS(inotify_rm_watch(inotify, 77), EINVAL);
    FAILS(inotify_rm_watch(-1, 1), EBADF);
    FAILS(inotify_rm_watch(0, 1), EINVAL);
    FAILS(read(inotify, buffer, sizeof(buffer)), EAGAIN);
    int link = watch("link", IN_OPEN | IN_DONT_FOLLOW), f = watch("link", IN_OPEN);
    TRUE(link != f);
    touch("link");
    EXPECT(f, IN_OPEN, "");
    NOTHING();
    touch("f");
    FAILS(read(inotify, buffer, 15), EINVAL);
    FAILS(read(inotify, BAD_POINTER, 100), EFAULT);
    FAILS(write(inotify, "x", 1), EBADF);
    EQ(OK(lseek(inotify, 5, SEEK_SET)), 0); /* without effect */
    if (geteuid() == 0) {
        OK(chmod("f", 0200));
        OK(setresuid(1000, 1000, 1000));
        FAILS(inotify_add_watch(inotify, "f", IN_ATTRIB), EACCES);
    }
}

static void oneshot_and_unlinked(void)
{
    start();
    touch("f");
    int f = watch("f", IN_OPEN | IN_ONESHOT);
    touch("f");
    touch("f");
    EXPECT(f, IN_OPEN, "");
    EXPECT(f, IN_IGNORED, "");
    NOTHING();
    int here = watch(".", IN_MODIFY), fd = (int)OK(open("f", O_WRONLY));
    OK(unlink("f"));
    EQ(write(fd, "x", 1), 1);
    EXPECT(here, IN_MODIFY, "f"); /* by its old name */
    EQ(watch(".", IN_MODIFY | IN_EXCL_UNLINK), here);
    EQ(write(fd, "x", 1), 1);
    NOTHING();
}

static void equal_events_are_one(void)
{
    int bytes;
    struct pollfd poll_fd = {.events = POLLIN};
    start();
    int fd = (int)OK(open("f", O_CREAT | O_RDWR, 0600));
    int f = watch("f", IN_ALL_EVENTS);
    poll_fd.fd = inotify;
    EQ(OK(poll(&poll_fd, 1, 0)), 0);
    for (int i = 0; i < 5; i++)
        EQ(write(fd, "x", 1), 1);
    EQ(OK(poll(&poll_fd, 1, 0)), 1);
    OK(ioctl(inotify, FIONREAD, &bytes));
    EQ(bytes, sizeof(struct inotify_event));
    EXPECT(f, IN_MODIFY, "");
    NOTHING();
    OK(ioctl(inotify, FIONREAD, &bytes));
    EQ(bytes, 0);
    int here = watch(".", IN_CREATE);
    touch("0123456789abcde"); /* 15 letters and the end */
    touch("0123456789abcdef");
    OK(ioctl(inotify, FIONREAD, &bytes));
    EQ(bytes, 5 * sizeof(struct inotify_event));
    EXPECT(here, IN_CREATE, "0123456789abcde");
    EXPECT(here, IN_CREATE, "0123456789abcdef");
}

static void short_reads_take_whole_events(void)
{
    char small[2 * sizeof(struct inotify_event) + 1];
    start();
    touch("f");
    watch("f", IN_OPEN | IN_CLOSE);
    touch("f");
    touch("f");
    EQ(OK(read(inotify, small, sizeof(small))), 2 * sizeof(struct inotify_event));
    EQ(OK(read(inotify, small, sizeof(small))), 2 * sizeof(struct inotify_event));
    FAILS(read(inotify, small, sizeof(small)), EAGAIN);
}

static void open_later(void *argument)
{
    (void)argument;
    gate_pass(argument);
    touch("f");
}

static void reading_waits(void)
{
    struct gate gate = gate_make();
    touch("f");
    int fd = (int)OK(inotify_init());
    EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    int f = (int)OK(inotify_add_watch(fd, "f", IN_CLOSE_WRITE));
    pid_t pid = spawn(open_later, &gate);
    gate_open(&gate);
    struct inotify_event event;
    EQ(OK(read(fd, &event, sizeof(event))), sizeof(event));
    EQ(event.wd, f);
    EQ(event.mask, IN_CLOSE_WRITE);
    CHILD_OK(pid);
}

static void unmount_ends_watches(void)
{
    start();
    OK(mkdir("m", 0755));
    if (mount("none", "m", "tmpfs", 0, NULL) != 0)
        skip("cannot mount");
    touch("m/f");
    int m = watch("m", IN_CREATE), f = watch("m/f", IN_OPEN);
    OK(umount("m"));
    bool seen[2] = {false, false};
    for (int i = 0; i < 2; i++) {
        struct inotify_event *event = take();
        TRUE(event);
        TRUE(event->wd == m || event->wd == f);
        EQ(event->mask, event->wd == m ? IN_UNMOUNT | IN_ISDIR : IN_UNMOUNT);
        seen[event->wd == f] = true;
        EXPECT(event->wd, IN_IGNORED, "");
    }
    TRUE(seen[0] && seen[1]);
    NOTHING();
}

static void full_queue_overflows(void)
{
    char name[32];
    start();
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    int max = 0;
    TRUE(file && fscanf(file, "%d", &max) == 1);
    fclose(file);
    if (max > 20000)
        skip("long queue");
    int here = watch(".", IN_MOVED_FROM | IN_MOVED_TO);
    touch("a");
    for (int i = 0; i < max / 2 + 2; i++)
        OK(rename(i % 2 ? "b" : "a", i % 2 ? "a" : "b"));
    (void)name;
    int count = 0;
    struct inotify_event *event;
    while ((event = take()) && event->wd == here)
        count++;
    EQ(count, max);
    TRUE(event);
    EQ(event->wd, -1);
    EQ(event->mask, IN_Q_OVERFLOW);
    NOTHING();
    OK(rename(access("a", F_OK) == 0 ? "a" : "b", "c"));
    TRUE(take() && take());
    NOTHING();
}

static void instances_are_limited(void)
{
    int max = 0, made = 0;
    FILE *file = fopen("/proc/sys/fs/inotify/max_user_instances", "r");
    TRUE(file && fscanf(file, "%d", &max) == 1);
    fclose(file);
    struct rlimit limit;
    OK(getrlimit(RLIMIT_NOFILE, &limit));
    if (max > 1000 || limit.rlim_cur < (rlim_t)max + 10)
        skip("many instances allowed");
    while (made <= max && inotify_init() >= 0)
        made++;
    EQ(errno, EMFILE);
    TRUE(made <= max);
    TRUE(made >= max - 20); /* the user may have some elsewhere */
}

static void fdinfo_lists_watches(void)
{
    char path[64], line[256], wanted[128];
    struct stat status;
    start();
    touch("f");
    OK(stat("f", &status));
    int f = watch("f", IN_OPEN | IN_CLOSE_WRITE), found = 0;
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", inotify);
    snprintf(wanted, sizeof(wanted), "inotify wd:%x ino:%lx sdev:", f,
             (unsigned long)status.st_ino);
    FILE *file = fopen(path, "r");
    while (fgets(line, sizeof(line), file))
        if (strncmp(line, wanted, strlen(wanted)) == 0) {
            TRUE(strstr(line, "mask:28 ignored_mask:0"));
            found++;
        }
    fclose(file);
    EQ(found, 1);
}

/* Files come and go while others watch: nothing is lost by the kernel, nobody crashes. */
static void churn(void *argument)
{
    char name[32];
    int which = *(int *)argument;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "churn.%d", i % 7);
        if (which) {
            touch(name);
            unlink(name);
        } else {
            int fd = inotify_init1(IN_NONBLOCK);
            for (int watches = 0; watches < 5; watches++) {
                inotify_add_watch(fd, name, IN_ALL_EVENTS);
                inotify_add_watch(fd, ".", IN_ALL_EVENTS | IN_ONESHOT);
            }
            char text[512];
            while (read(fd, text, sizeof(text)) > 0)
                continue;
            close(fd);
        }
    }
}

static void watchers_and_removers_race(void)
{
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        int which = i % 2;
        pids[i] = spawn(churn, &which);
    }
    for (int i = 0; i < 4; i++)
        CHILD_OK(pids[i]);
}

/* Each case in a directory of its own. */
#define IN_DIRECTORY(body)                                                                         \
    static void body##_(void)                                                                      \
    {                                                                                              \
        OK(mkdir(#body, 0777));                                                                    \
        OK(chdir(#body));                                                                          \
        body();                                                                                    \
    }

IN_DIRECTORY(open_files_tell)
IN_DIRECTORY(directories_tell)
IN_DIRECTORY(removal_of_a_file_tells)
IN_DIRECTORY(renames_come_in_pairs)
IN_DIRECTORY(attributes_tell)
IN_DIRECTORY(masks_choose)
IN_DIRECTORY(errors_are_linux_ones)
IN_DIRECTORY(oneshot_and_unlinked)
IN_DIRECTORY(equal_events_are_one)
IN_DIRECTORY(short_reads_take_whole_events)
IN_DIRECTORY(reading_waits)
IN_DIRECTORY(unmount_ends_watches)
IN_DIRECTORY(full_queue_overflows)
IN_DIRECTORY(fdinfo_lists_watches)
IN_DIRECTORY(watchers_and_removers_race)

GUEST_MAIN(CASE(open_files_tell_), CASE(directories_tell_), CASE(removal_of_a_file_tells_),
           CASE(renames_come_in_pairs_), CASE(attributes_tell_), CASE(masks_choose_),
           CASE(errors_are_linux_ones_), CASE(oneshot_and_unlinked_), CASE(equal_events_are_one_),
           CASE(short_reads_take_whole_events_), CASE(reading_waits_), CASE(unmount_ends_watches_),
           CASE(full_queue_overflows_), CASE(instances_are_limited), CASE(fdinfo_lists_watches_),
           CASE(watchers_and_removers_race_))
