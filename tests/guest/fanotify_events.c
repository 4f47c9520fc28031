/* SPDX-License-Identifier: MIT
 *
 * fanotify(7): notification by descriptors and by file handles, permission, marks.
 */
#include "guest.h"

#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#ifndef FAN_REPORT_NAME
#define FAN_REPORT_DIR_FID 0x00000400
#define FAN_REPORT_NAME 0x00000800
#endif
#ifndef FAN_EVENT_INFO_TYPE_DFID_NAME
#define FAN_EVENT_INFO_TYPE_DFID_NAME 2
#define FAN_EVENT_INFO_TYPE_DFID 3
#endif
#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x00000080
#define FAN_EVENT_INFO_TYPE_PIDFD 4
#endif
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif

static int fan;
static char buffer[16384] __attribute__((aligned(8)));
static struct fanotify_event_metadata *next;
static ssize_t left;

static void start(unsigned flags)
{
    fan = fanotify_init(flags | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);
    if (fan < 0 && (errno == ENOSYS || errno == EPERM))
        skip("no fanotify here");
    OK(fan);
    left = 0;
    /* A file system of our own. */
    OK(mkdir("m", 0755));
    if (mount("none", "m", "tmpfs", 0, NULL) != 0)
        skip("cannot mount");
    OK(chdir("m"));
}

static void add(unsigned flags, uint64_t mask, const char *path)
{
    if (fanotify_mark(fan, FAN_MARK_ADD | flags, mask, AT_FDCWD, path) != 0) {
        if (errno == ENODEV || errno == EOPNOTSUPP || errno == EXDEV)
            skip("this file system has no handles");
        fail_at(__LINE__, "mark %s: %s", path, strerror(errno));
    }
}

static struct fanotify_event_metadata *take(void)
{
    if (!FAN_EVENT_OK(next, left)) {
        left = read(fan, buffer, sizeof(buffer));
        if (left <= 0)
            return NULL;
        next = (struct fanotify_event_metadata *)(void *)buffer;
    }
    struct fanotify_event_metadata *event = next;
    EQ(event->vers, FANOTIFY_METADATA_VERSION);
    EQ(event->metadata_len, 24);
    next = FAN_EVENT_NEXT(next, left);
    return event;
}

static void expect_at(int line, uint64_t mask, const char *path)
{
    char link[64], wanted[PATH_MAX], found[PATH_MAX];
    struct fanotify_event_metadata *event = take();
    if (!event)
        fail_at(line, "no event, %#llx wanted", (unsigned long long)mask);
    if (event->mask != mask)
        fail_at(line, "mask %#llx, not %#llx", (unsigned long long)event->mask,
                (unsigned long long)mask);
    EQ(event->pid, getpid());
    TRUE(event->fd >= 0);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", event->fd);
    ssize_t length = readlink(link, found, sizeof(found) - 1);
    TRUE(length > 0);
    found[length] = 0;
    TRUE(realpath(path, wanted) != NULL);
    if (strcmp(found, wanted) != 0)
        fail_at(line, "%s, not %s", found, wanted);
    EQ(fcntl(event->fd, F_GETFD), FD_CLOEXEC);
    OK(close(event->fd));
}

#define EXPECT(mask, path) expect_at(__LINE__, mask, path)
#define NOTHING()                                                                                  \
    do {                                                                                           \
        struct fanotify_event_metadata *more_ = take();                                            \
        if (more_)                                                                                 \
            fail_at(__LINE__, "mask %#llx left", (unsigned long long)more_->mask);                 \
    } while (0)

static void touch(const char *path)
{
    OK(close((int)OK(open(path, O_CREAT | O_WRONLY, 0644))));
}

static void descriptors_tell(void)
{
    char byte;
    start(FAN_CLASS_NOTIF);
    touch("f");
    add(0, FAN_OPEN | FAN_CLOSE | FAN_MODIFY | FAN_ACCESS, "f");
    int fd = (int)OK(open("f", O_RDWR));
    EXPECT(FAN_OPEN, "f");
    EQ(write(fd, "x", 1), 1);
    EXPECT(FAN_MODIFY, "f");
    EQ(pread(fd, &byte, 1, 0), 1);
    EXPECT(FAN_ACCESS, "f");
    EQ(write(fd, "x", 1), 1);
    EQ(pread(fd, &byte, 1, 0), 1);
    OK(close(fd));
    EXPECT(FAN_MODIFY | FAN_ACCESS | FAN_CLOSE_WRITE, "f"); /* merged */
    NOTHING();
    OK(fanotify_mark(fan, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "f"));
    OK(close((int)OK(open("f", O_RDONLY))));
    EXPECT(FAN_CLOSE_NOWRITE, "f");
    OK(fanotify_mark(fan, FAN_MARK_REMOVE, FAN_CLOSE | FAN_MODIFY | FAN_ACCESS, AT_FDCWD, "f"));
    FAILS(fanotify_mark(fan, FAN_MARK_REMOVE, FAN_CLOSE, AT_FDCWD, "f"), ENOENT);
    touch("f");
    NOTHING();
}

static void directories_and_children(void)
{
    start(FAN_CLASS_NOTIF);
    OK(mkdir("d", 0755));
    touch("d/f");
    add(0, FAN_OPEN, "d");
    touch("d/f");
    OK(close((int)OK(open("d", O_RDONLY))));
    NOTHING(); /* neither children nor directories */
    add(0, FAN_ONDIR, "d");
    OK(close((int)OK(open("d", O_RDONLY))));
    EXPECT(FAN_OPEN, "d");
    add(0, FAN_EVENT_ON_CHILD, "d");
    touch("d/f");
    EXPECT(FAN_OPEN, "d/f");
    NOTHING();
}

static void mounts_and_file_systems(void)
{
    start(FAN_CLASS_NOTIF);
    OK(mkdir("d", 0755));
    touch("d/f");
    add(FAN_MARK_MOUNT, FAN_CLOSE_WRITE, ".");
    touch("d/f");
    EXPECT(FAN_CLOSE_WRITE, "d/f");
    add(FAN_MARK_IGNORED_MASK, FAN_CLOSE_WRITE, "d/f");
    touch("d/f");
    NOTHING();
    int fd = (int)OK(open("d/f", O_WRONLY));
    EQ(write(fd, "x", 1), 1); /* a change ends ignoring */
    OK(close(fd));
    EXPECT(FAN_CLOSE_WRITE, "d/f");
    OK(fanotify_mark(fan, FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, AT_FDCWD, NULL));
    touch("d/f");
    NOTHING();
    add(FAN_MARK_FILESYSTEM, FAN_OPEN, "d");
    touch("d/f");
    EXPECT(FAN_OPEN, "d/f");
    OK(fanotify_mark(fan, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, NULL));
    touch("d/f");
    NOTHING();
}

/* The records of an event: types as digits, names in brackets. */
static const char *records_of(const struct fanotify_event_metadata *event)
{
    static char text[512];
    size_t length = 0;
    const char *at = (const char *)event + event->metadata_len;
    const char *end = (const char *)event + event->event_len;
    text[0] = 0;
    while (at < end) {
        const struct fanotify_event_info_fid *info = (const void *)at;
        const uint32_t *handle = (const uint32_t *)(const void *)(at + sizeof(*info));
        const char *name = (const char *)(handle + 2) + handle[0];
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%d", info->hdr.info_type);
        if (name < at + info->hdr.len && *name)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "[%s]", name);
        TRUE(info->hdr.len > 0 && info->hdr.len % 4 == 0);
        at += info->hdr.len;
    }
    return text;
}

static void expect_records_at(int line, uint64_t mask, const char *records)
{
    struct fanotify_event_metadata *event = take();
    if (!event)
        fail_at(line, "no event, %#llx wanted", (unsigned long long)mask);
    if (event->mask != mask || strcmp(records_of(event), records) != 0)
        fail_at(line, "mask %#llx %s, not %#llx %s", (unsigned long long)event->mask,
                records_of(event), (unsigned long long)mask, records);
    EQ(event->fd, FAN_NOFD);
}

#define RECORDS(mask, records) expect_records_at(__LINE__, mask, records)

static void handles_tell(void)
{
    struct statfs statfs_;
    start(FAN_CLASS_NOTIF | FAN_REPORT_FID);
    OK(mkdir("d", 0755));
    OK(statfs("d", &statfs_));
    add(0, FAN_CREATE | FAN_DELETE | FAN_ATTRIB | FAN_ONDIR | FAN_DELETE_SELF, "d");
    touch("d/f");
    struct fanotify_event_metadata *event = take();
    TRUE(event);
    EQ(event->mask, FAN_CREATE);
    const struct fanotify_event_info_fid *info = (const void *)(event + 1);
    EQ(info->hdr.info_type, FAN_EVENT_INFO_TYPE_FID);
    TRUE(memcmp(&info->fsid, &statfs_.f_fsid, sizeof(info->fsid)) == 0);
    OK(mkdir("d/sub", 0755));
    RECORDS(FAN_CREATE | FAN_ONDIR, "1");
    OK(unlink("d/f"));
    OK(chmod("d", 0700));
    RECORDS(FAN_DELETE, "1");
    RECORDS(FAN_ATTRIB | FAN_ONDIR, "1");
    OK(rmdir("d/sub"));
    OK(rmdir("d"));
    RECORDS(FAN_DELETE | FAN_ONDIR | FAN_DELETE_SELF, "1");
    NOTHING();
}

static void names_tell(void)
{
    start(FAN_CLASS_NOTIF | FAN_REPORT_DIR_FID | FAN_REPORT_NAME);
    OK(mkdir("d", 0755));
    add(0,
        FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_OPEN | FAN_ATTRIB | FAN_ONDIR | FAN_EVENT_ON_CHILD,
        "d");
    touch("d/f");
    RECORDS(FAN_CREATE | FAN_OPEN, "2[f]");
    OK(rename("d/f", "d/g"));
    RECORDS(FAN_MOVED_FROM, "2[f]");
    RECORDS(FAN_MOVED_TO, "2[g]");
    OK(mkdir("d/sub", 0755));
    RECORDS(FAN_CREATE | FAN_ONDIR, "2[sub]");
    OK(chmod("d", 0750));
    RECORDS(FAN_ATTRIB | FAN_ONDIR, "2[.]");
    OK(chmod("d/sub", 0750));
    RECORDS(FAN_ATTRIB | FAN_ONDIR, "2[.]");
    OK(unlink("d/g"));
    RECORDS(FAN_DELETE, "2[g]");
    NOTHING();
}

static void all_records(void)
{
    start(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME);
    OK(mkdir("d", 0755));
    OK(mkdir("e", 0755));
    add(FAN_MARK_FILESYSTEM, FAN_CREATE | FAN_OPEN | FAN_DELETE_SELF, ".");
    touch("d/f");
    RECORDS(FAN_CREATE, "2[f]");
    RECORDS(FAN_OPEN, "2[f]1");
    OK(unlink("d/f"));
    RECORDS(FAN_DELETE_SELF, "1");
    NOTHING();
    if (fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_RENAME, AT_FDCWD, ".") != 0)
        return; /* older than 5.17 */
    touch("d/f");
    take();
    take();
    OK(rename("d/f", "e/g"));
    RECORDS(FAN_RENAME, "10[f]12[g]");
    NOTHING();
}

static void dir_handles_alone(void)
{
    start(FAN_CLASS_NOTIF | FAN_REPORT_DIR_FID);
    OK(mkdir("d", 0755));
    add(0, FAN_CREATE | FAN_OPEN | FAN_ONDIR | FAN_EVENT_ON_CHILD, "d");
    touch("d/f");
    RECORDS(FAN_CREATE | FAN_OPEN, "3");
    OK(close((int)OK(open("d", O_RDONLY))));
    RECORDS(FAN_OPEN | FAN_ONDIR, "3");
    NOTHING();
}

/* A pidfd instead of a number that may mean somebody else by now. */
static void pidfds_tell_who(void)
{
    start(FAN_REPORT_PIDFD);
    add(0, FAN_OPEN | FAN_EVENT_ON_CHILD, ".");
    touch("a");
    left = OK(read(fan, buffer, sizeof(buffer)));
    struct fanotify_event_metadata *event = (void *)buffer;
    struct {
        struct fanotify_event_info_header header;
        int32_t pidfd;
    } record;
    EQ(event->event_len, sizeof(*event) + sizeof(record));
    memcpy(&record, buffer + sizeof(*event), sizeof(record));
    EQ(record.header.info_type, FAN_EVENT_INFO_TYPE_PIDFD);
    EQ(record.header.len, sizeof(record));
    TRUE(record.pidfd >= 0);
    EQ(fcntl(record.pidfd, F_GETFD), FD_CLOEXEC);
    char path[64], line[64];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", record.pidfd);
    FILE *info = fopen(path, "r");
    TRUE(info);
    int pid = 0;
    while (fgets(line, sizeof(line), info))
        sscanf(line, "Pid:%d", &pid);
    fclose(info);
    EQ(pid, getpid());
    FAILS(fanotify_init(FAN_REPORT_PIDFD | FAN_REPORT_TID, O_RDONLY), EINVAL);
    OK(close(record.pidfd));
    OK(close(event->fd));
}

static void flags_are_checked(void)
{
    start(FAN_CLASS_NOTIF);
    touch("f");
    OK(mkdir("d", 0755));
    FAILS(fanotify_init(0x80000000, O_RDONLY), EINVAL);
    FAILS(fanotify_init(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT, O_RDONLY), EINVAL);
    FAILS(fanotify_init(FAN_CLASS_CONTENT | FAN_REPORT_FID, O_RDONLY), EINVAL);
    FAILS(fanotify_init(FAN_REPORT_NAME, O_RDONLY), EINVAL);
    FAILS(fanotify_init(0, O_CREAT), EINVAL);
    FAILS(fanotify_init(0, 3), EINVAL);
#define MARK(flags, mask, path) fanotify_mark(fan, flags, mask, AT_FDCWD, path)
    FAILS(MARK(FAN_MARK_ADD, 0, "f"), EINVAL);
    FAILS(MARK(0, FAN_OPEN, "f"), EINVAL);
    FAILS(MARK(FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN, "f"), EINVAL);
    FAILS(MARK(FAN_MARK_FLUSH | FAN_MARK_ONLYDIR, 0, "f"), EINVAL);
    FAILS(MARK(FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM, FAN_OPEN, "f"), EINVAL);
    FAILS(MARK(FAN_MARK_ADD | 0x80000000, FAN_OPEN, "f"), EINVAL);
    FAILS(MARK(FAN_MARK_ADD, 1ull << 40, "f"), EINVAL);
    FAILS(MARK(FAN_MARK_ADD, FAN_CREATE, "d"), EINVAL); /* needs handles */
    FAILS(MARK(FAN_MARK_ADD, FAN_OPEN_PERM, "f"), EINVAL);
    FAILS(MARK(FAN_MARK_ADD, FAN_OPEN, "missing"), ENOENT);
    FAILS(MARK(FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, "f"), ENOTDIR);
    FAILS(MARK(FAN_MARK_REMOVE, FAN_OPEN, "f"), ENOENT);
    FAILS(fanotify_mark(-1, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"), EBADF);
    FAILS(fanotify_mark(0, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"), EINVAL);
    FAILS(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN, -1, NULL), EBADF);
    FAILS(MARK(FAN_MARK_ADD, FAN_OPEN, BAD_POINTER), EFAULT);
    FAILS(read(fan, buffer, sizeof(buffer)), EAGAIN);
    OK(MARK(FAN_MARK_ADD, FAN_OPEN, "f"));
    touch("f");
    FAILS(read(fan, buffer, 23), EINVAL);
    OK(setresuid(1000, 1000, 1000));
    FAILS(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY), EPERM);
    FAILS(fanotify_init(FAN_CLASS_CONTENT | FAN_REPORT_FID, O_RDONLY), EPERM);
    int own = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY);
    OK(own);
    FAILS(fanotify_mark(own, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "."), EPERM);
}

static void open_file(void *argument)
{
    OK(close(fan));
    int fd = open("f", O_RDONLY);
    if (*(int *)argument) {
        EQ(fd, -1);
        EQ(errno, EPERM);
    } else {
        OK(fd);
    }
}

static void answer(int fd, unsigned response)
{
    struct fanotify_response out = {.fd = fd, .response = response};
    EQ(write(fan, &out, sizeof(out)), sizeof(out));
}

static struct fanotify_event_metadata *wait_for_event(void)
{
    struct pollfd poll_fd = {.fd = fan, .events = POLLIN};
    EQ(OK(poll(&poll_fd, 1, 10000)), 1);
    struct fanotify_event_metadata *event = take();
    TRUE(event);
    return event;
}

static void permission_is_asked(void)
{
    int denied = 0;
    start(FAN_CLASS_CONTENT);
    touch("f");
    add(0, FAN_OPEN_PERM, "f");
    pid_t pid = spawn(open_file, &denied);
    struct fanotify_event_metadata *event = wait_for_event();
    EQ(event->mask, FAN_OPEN_PERM);
    EQ(event->pid, pid);
    EQ(waitpid(pid, NULL, WNOHANG), 0);
    struct fanotify_response bad = {.fd = event->fd, .response = 77};
    FAILS(write(fan, &bad, sizeof(bad)), EINVAL);
    bad = (struct fanotify_response){.fd = 999, .response = FAN_ALLOW};
    FAILS(write(fan, &bad, sizeof(bad)), ENOENT);
    FAILS(write(fan, &bad, 4), EINVAL);
    answer(event->fd, FAN_ALLOW);
    OK(close(event->fd));
    CHILD_OK(pid);
    denied = 1;
    pid = spawn(open_file, &denied);
    event = wait_for_event();
    answer(event->fd, FAN_DENY);
    OK(close(event->fd));
    CHILD_OK(pid);
    denied = 0;
    pid = spawn(open_file, &denied); /* nobody answers: closing lets it go */
    event = wait_for_event();
    OK(close(fan));
    CHILD_OK(pid);
}

static void reading_needs_permission(void)
{
    char byte;
    start(FAN_CLASS_CONTENT);
    write_text("f", "x", 0600);
    add(0, FAN_ACCESS_PERM, "f");
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        int fd = (int)OK(open("f", O_RDONLY));
        FAILS(read(fd, &byte, 1), EPERM);
        EQ(OK(read(fd, &byte, 1)), 1);
        _exit(0);
    }
    struct fanotify_event_metadata *event = wait_for_event();
    EQ(event->mask, FAN_ACCESS_PERM);
    EQ(OK(pread(event->fd, &byte, 1, 0)), 1); /* the watcher itself may look */
    answer(event->fd, FAN_DENY);
    OK(close(event->fd));
    event = wait_for_event();
    answer(event->fd, FAN_ALLOW);
    OK(close(event->fd));
    CHILD_OK(pid);
}

static void waiting_opener_can_be_killed(void)
{
    int denied = 0, status;
    start(FAN_CLASS_CONTENT);
    touch("f");
    add(0, FAN_OPEN_PERM, "f");
    pid_t pid = spawn(open_file, &denied);
    struct pollfd poll_fd = {.fd = fan, .events = POLLIN};
    EQ(OK(poll(&poll_fd, 1, 10000)), 1);
    OK(kill(pid, SIGKILL));
    OK(waitpid(pid, &status, 0));
    TRUE(WIFSIGNALED(status));
    NOTHING(); /* the question has gone with it */
}

static void unmounting_ends_marks(void)
{
    start(FAN_CLASS_NOTIF);
    touch("f");
    add(0, FAN_OPEN, "f");
    add(FAN_MARK_MOUNT, FAN_CLOSE, ".");
    add(FAN_MARK_FILESYSTEM, FAN_ACCESS, ".");
    OK(chdir(".."));
    OK(umount("m"));
    NOTHING();
    OK(close(fan));
}

#define IN_DIRECTORY(body)                                                                         \
    static void body##_(void)                                                                      \
    {                                                                                              \
        OK(mkdir(#body, 0777));                                                                    \
        OK(chdir(#body));                                                                          \
        body();                                                                                    \
    }

IN_DIRECTORY(descriptors_tell)
IN_DIRECTORY(directories_and_children)
IN_DIRECTORY(mounts_and_file_systems)
IN_DIRECTORY(handles_tell)
IN_DIRECTORY(names_tell)
IN_DIRECTORY(all_records)
IN_DIRECTORY(dir_handles_alone)
IN_DIRECTORY(pidfds_tell_who)
IN_DIRECTORY(flags_are_checked)
IN_DIRECTORY(permission_is_asked)
IN_DIRECTORY(reading_needs_permission)
IN_DIRECTORY(waiting_opener_can_be_killed)
IN_DIRECTORY(unmounting_ends_marks)

GUEST_MAIN(CASE(descriptors_tell_), CASE(directories_and_children_), CASE(mounts_and_file_systems_),
           CASE(handles_tell_), CASE(names_tell_), CASE(all_records_), CASE(dir_handles_alone_),
           CASE(pidfds_tell_who_), CASE(flags_are_checked_), CASE(permission_is_asked_),
           CASE(reading_needs_permission_), CASE(waiting_opener_can_be_killed_),
           CASE(unmounting_ends_marks_))
