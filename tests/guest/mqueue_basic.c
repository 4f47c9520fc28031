/* SPDX-License-Identifier: MIT
 *
 * POSIX message queues: mq_overview(7) and the file system that shows them.
 */
#include "guest.h"

#include <mqueue.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>

static char name[64];

static const char *name_of_case(void)
{
    snprintf(name, sizeof(name), "/assay.%d", getpid());
    return name;
}

static mqd_t make(long messages, long bytes, int flags)
{
    struct mq_attr attr = {.mq_maxmsg = messages, .mq_msgsize = bytes};
    mqd_t queue = mq_open(name_of_case(), O_CREAT | O_EXCL | O_RDWR | flags, 0600, &attr);
    OK(queue);
    return queue;
}

static void finish(mqd_t queue)
{
    OK(mq_unlink(name));
    OK(mq_close(queue));
}

static void send(mqd_t queue, const char *text, unsigned priority)
{
    OK(mq_send(queue, text, strlen(text) + 1, priority));
}

static void expect(mqd_t queue, const char *text, unsigned priority)
{
    char buffer[64];
    unsigned got;
    EQ(OK(mq_receive(queue, buffer, sizeof(buffer), &got)), strlen(text) + 1);
    STR_EQ(buffer, text);
    EQ(got, priority);
}

static void names_find_queues(void)
{
    struct mq_attr attr;
    char longname[300];
    FAILS(mq_open(name_of_case(), O_RDWR), ENOENT);
    FAILS(mq_unlink(name), ENOENT);
    mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, NULL);
    OK(queue);
    FAILS(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL), EEXIST);
    OK(mq_getattr(queue, &attr));
    EQ(attr.mq_maxmsg, 10);
    EQ(attr.mq_msgsize, 8192);
    EQ(attr.mq_curmsgs, 0);
    EQ(attr.mq_flags, 0);
    EQ(fcntl(queue, F_GETFD), FD_CLOEXEC);
    mqd_t again = mq_open(name, O_RDONLY | O_NONBLOCK);
    OK(again);
    OK(mq_getattr(again, &attr));
    EQ(attr.mq_flags, O_NONBLOCK);
    send(queue, "x", 0);
    OK(mq_getattr(again, &attr));
    EQ(attr.mq_curmsgs, 1);
    OK(mq_close(again));
    OK(mq_unlink(name));
    FAILS(mq_open(name, O_RDWR), ENOENT);
    OK(mq_getattr(queue, &attr)); /* lives on without a name */
    OK(mq_close(queue));
    FAILS(mq_getattr(queue, &attr), EBADF);
    memset(longname, 'a', sizeof(longname));
    longname[0] = '/';
    longname[299] = 0;
    FAILS(mq_open(longname, O_CREAT | O_RDWR, 0600, NULL), ENAMETOOLONG);
    FAILS(syscall(SYS_mq_open, "a/b", O_CREAT | O_RDWR, 0600, NULL), EACCES);
    FAILS(syscall(SYS_mq_open, "", O_CREAT | O_RDWR, 0600, NULL), ENOENT);
    FAILS(syscall(SYS_mq_open, BAD_POINTER, O_RDWR, 0, NULL), EFAULT);
    FAILS(syscall(SYS_mq_open, "x", O_CREAT | O_RDWR, 0600, BAD_POINTER), EFAULT);
}

static void attributes_are_checked(void)
{
    struct mq_attr attr = {.mq_maxmsg = 0, .mq_msgsize = 10};
    const char *path = name_of_case();
    FAILS(mq_open(path, O_CREAT | O_RDWR, 0600, &attr), EINVAL);
    attr = (struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = -1};
    FAILS(mq_open(path, O_CREAT | O_RDWR, 0600, &attr), EINVAL);
    attr = (struct mq_attr){.mq_maxmsg = 65537, .mq_msgsize = 1};
    FAILS(mq_open(path, O_CREAT | O_RDWR, 0600, &attr), EINVAL);
    mqd_t queue = make(2, 16, 0);
    attr = (struct mq_attr){.mq_flags = O_NONBLOCK, .mq_maxmsg = 77};
    struct mq_attr old;
    OK(mq_setattr(queue, &attr, &old));
    EQ(old.mq_flags, 0);
    OK(mq_getattr(queue, &old));
    EQ(old.mq_flags, O_NONBLOCK);
    EQ(old.mq_maxmsg, 2);
    attr.mq_flags = O_APPEND;
    FAILS(mq_setattr(queue, &attr, NULL), EINVAL);
    FAILS(mq_getattr(0, &old), EBADF);
    finish(queue);
}

static void priorities_order_messages(void)
{
    char buffer[64];
    mqd_t queue = make(8, 64, O_NONBLOCK);
    send(queue, "low", 1);
    send(queue, "high", 9);
    send(queue, "middle", 5);
    send(queue, "high again", 9);
    send(queue, "none", 0);
    expect(queue, "high", 9);
    expect(queue, "high again", 9);
    send(queue, "highest", 32767);
    expect(queue, "highest", 32767);
    expect(queue, "middle", 5);
    expect(queue, "low", 1);
    expect(queue, "none", 0);
    FAILS(mq_receive(queue, buffer, sizeof(buffer), NULL), EAGAIN);
    FAILS(mq_send(queue, "x", 1, 32768), EINVAL);
    FAILS(mq_send(queue, buffer, 65, 0), EMSGSIZE);
    FAILS(mq_receive(queue, buffer, 63, NULL), EMSGSIZE);
    FAILS(mq_send(queue, BAD_POINTER, 1, 0), EFAULT);
    OK(mq_send(queue, "", 0, 0));
    EQ(OK(mq_receive(queue, buffer, sizeof(buffer), NULL)), 0);
    finish(queue);
}

static void directions_are_checked(void)
{
    char buffer[16];
    mqd_t queue = make(2, 16, 0), reader = mq_open(name, O_RDONLY),
          writer = mq_open(name, O_WRONLY);
    OK(reader);
    OK(writer);
    FAILS(mq_send(reader, "x", 1, 0), EBADF);
    FAILS(mq_receive(writer, buffer, 16, NULL), EBADF);
    FAILS(mq_send(0, "x", 1, 0), EBADF);
    FAILS(mq_receive(-1, buffer, 16, NULL), EBADF);
    FAILS(mq_notify(0, NULL), EBADF);
    finish(queue);
}

static void timeouts_are_absolute(void)
{
    char buffer[16];
    struct timespec time, after, bad = {.tv_nsec = 1000000000}, past = {0};
    mqd_t queue = make(1, 16, 0);
    OK(clock_gettime(CLOCK_REALTIME, &time));
    time.tv_nsec += 20000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    FAILS(mq_timedreceive(queue, buffer, 16, NULL, &time), ETIMEDOUT);
    OK(clock_gettime(CLOCK_REALTIME, &after));
    TRUE(after.tv_sec > time.tv_sec ||
         (after.tv_sec == time.tv_sec && after.tv_nsec >= time.tv_nsec));
    FAILS(mq_timedreceive(queue, buffer, 16, NULL, &past), ETIMEDOUT);
    FAILS(mq_timedreceive(queue, buffer, 16, NULL, &bad), EINVAL);
    OK(mq_timedsend(queue, "x", 1, 0, &past)); /* there is room: no time is needed */
    FAILS(mq_timedsend(queue, "x", 1, 0, &past), ETIMEDOUT);
    FAILS(mq_timedsend(queue, "x", 1, 0, &bad), EINVAL);
    finish(queue);
}

static void receive_hello(void *argument)
{
    expect(*(mqd_t *)argument, "hello", 3);
}

static void receiver_waits(void)
{
    mqd_t queue = make(1, 64, 0);
    pid_t pid = spawn(receive_hello, &queue);
    EVENTUALLY(process_state(pid) == 'S');
    send(queue, "hello", 3);
    CHILD_OK(pid);
    finish(queue);
}

static void send_second(void *argument)
{
    send(*(mqd_t *)argument, "second", 7);
}

static void sender_waits_for_room(void)
{
    mqd_t queue = make(1, 64, 0);
    send(queue, "first", 1);
    pid_t pid = spawn(send_second, &queue);
    EVENTUALLY(process_state(pid) == 'S');
    expect(queue, "first", 1);
    CHILD_OK(pid);
    expect(queue, "second", 7);
    finish(queue);
}

static void on_signal(int signo)
{
    (void)signo;
}

static void receive_interrupted(void *argument)
{
    char buffer[64];
    struct sigaction action = {.sa_handler = on_signal};
    OK(sigaction(SIGUSR1, &action, NULL));
    FAILS(mq_receive(*(mqd_t *)argument, buffer, sizeof(buffer), NULL), EINTR);
}

static void handler_interrupts(void)
{
    mqd_t queue = make(1, 64, 0);
    pid_t pid = spawn(receive_interrupted, &queue);
    EVENTUALLY(process_state(pid) == 'S');
    OK(kill(pid, SIGUSR1));
    CHILD_OK(pid);
    finish(queue);
}

static void notification_comes_once(void)
{
    mqd_t queue = make(4, 64, 0);
    sigset_t set;
    siginfo_t info;
    struct timespec zero = {0};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    event.sigev_value.sival_int = 4711;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(mq_notify(queue, &event));
    FAILS(mq_notify(queue, &event), EBUSY);
    pid_t pid = spawn(send_second, &queue);
    CHILD_OK(pid);
    EQ(OK(sigtimedwait(&set, &info, &zero)), SIGUSR1);
    EQ(info.si_code, SI_MESGQ);
    EQ(info.si_pid, pid);
    EQ(info.si_uid, getuid());
    EQ(info.si_value.sival_int, 4711);
    OK(mq_notify(queue, &event)); /* the queue is not empty: nothing until it has been */
    send(queue, "third", 1);
    FAILS(sigtimedwait(&set, &info, &zero), EAGAIN);
    expect(queue, "second", 7);
    expect(queue, "third", 1);
    OK(mq_notify(queue, NULL));
    send(queue, "fourth", 1);
    FAILS(sigtimedwait(&set, &info, &zero), EAGAIN);
    expect(queue, "fourth", 1);
    event.sigev_notify = SIGEV_NONE;
    OK(mq_notify(queue, &event));
    send(queue, "fifth", 1);
    FAILS(sigtimedwait(&set, &info, &zero), EAGAIN);
    OK(mq_notify(queue, &event)); /* the silent one was used up too */
    event.sigev_notify = 77;
    FAILS(mq_notify(queue, &event), EINVAL);
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
    FAILS(mq_notify(queue, &event), EINVAL);
    FAILS(syscall(SYS_mq_notify, queue, BAD_POINTER), EFAULT);
    finish(queue);
}

static void waiting_receiver_goes_before_notification(void)
{
    mqd_t queue = make(4, 64, 0);
    sigset_t set;
    siginfo_t info;
    struct timespec zero = {0};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(mq_notify(queue, &event));
    pid_t pid = spawn(receive_hello, &queue);
    EVENTUALLY(process_state(pid) == 'S');
    send(queue, "hello", 3);
    CHILD_OK(pid);
    FAILS(sigtimedwait(&set, &info, &zero), EAGAIN);
    send(queue, "hello", 3);
    EQ(OK(sigtimedwait(&set, &info, &zero)), SIGUSR1);
    OK(mq_notify(queue, &event));
    mqd_t other = mq_open(name, O_RDONLY);
    OK(mq_close(other)); /* closing any descriptor of the queue ends it */
    OK(mq_notify(queue, &event));
    finish(queue);
}

static void polling_tells(void)
{
    mqd_t queue = make(1, 64, 0);
    struct pollfd poll_fd = {.fd = queue, .events = POLLIN | POLLOUT};
    EQ(OK(poll(&poll_fd, 1, 0)), 1);
    EQ(poll_fd.revents, POLLOUT);
    send(queue, "x", 0);
    EQ(OK(poll(&poll_fd, 1, 0)), 1);
    EQ(poll_fd.revents, POLLIN);
    expect(queue, "x", 0);
    poll_fd.events = POLLIN;
    pid_t pid = spawn(send_second, &queue);
    EQ(OK(poll(&poll_fd, 1, 10000)), 1);
    CHILD_OK(pid);
    finish(queue);
}

static void limits_hold(void)
{
    struct rlimit limit, low;
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 8192};
    OK(getrlimit(RLIMIT_MSGQUEUE, &limit));
    low = (struct rlimit){.rlim_cur = 20000, .rlim_max = limit.rlim_max};
    OK(setrlimit(RLIMIT_MSGQUEUE, &low));
    FAILS(mq_open(name_of_case(), O_CREAT | O_RDWR, 0600, &attr), EMFILE);
    attr.mq_msgsize = 100;
    mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
    OK(queue);
    finish(queue);
    if (geteuid() != 0)
        return;
    OK(setrlimit(RLIMIT_MSGQUEUE, &limit));
    OK(setresuid(1000, 1000, 1000));
    attr = (struct mq_attr){.mq_maxmsg = 11, .mq_msgsize = 100};
    FAILS(mq_open(name, O_CREAT | O_RDWR, 0600, &attr), EINVAL);
    attr = (struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = 8193};
    FAILS(mq_open(name, O_CREAT | O_RDWR, 0600, &attr), EINVAL);
}

static void stranger_may_not(void)
{
    if (geteuid() != 0)
        skip("not root");
    mqd_t queue = make(1, 64, 0);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setresuid(1000, 1000, 1000));
        FAILS(mq_open(name, O_RDONLY), EACCES);
        FAILS(mq_open(name, O_CREAT | O_RDWR, 0600, NULL), EACCES);
        FAILS(syscall(SYS_mq_unlink, name + 1), EPERM);
        OK(mq_open("/assay.none", O_CREAT | O_RDWR, 0, NULL)); /* its maker opens it anyhow */
        FAILS(mq_open("/assay.none", O_RDONLY), EACCES);
        OK(mq_unlink("/assay.none"));
        _exit(0);
    }
    CHILD_OK(pid);
    finish(queue);
}

static void file_system_shows_queues(void)
{
    char path[128], text[128];
    struct stat status;
    struct statfs statfs_;
    if (geteuid() != 0)
        skip("not root");
    OK(mkdir("mq", 0700));
    OK(mount("none", "mq", "mqueue", 0, NULL));
    OK(statfs("mq", &statfs_));
    EQ(statfs_.f_type, 0x19800202);
    OK(stat("mq", &status));
    EQ(status.st_mode, S_IFDIR | S_ISVTX | 0777);
    mqd_t queue = make(4, 64, 0);
    snprintf(path, sizeof(path), "mq%s", name);
    OK(stat(path, &status));
    EQ(status.st_mode, S_IFREG | 0600);
    EQ(status.st_size, 80);
    send(queue, "12345", 0);
    int fd = (int)OK(open(path, O_RDONLY));
    EQ(OK(read(fd, text, sizeof(text))), 60);
    text[60] = 0;
    STR_EQ(text, "QSIZE:6          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
    EQ(OK(read(fd, text, sizeof(text))), 0);
    OK(close(fd));
    OK(close((int)OK(open("mq/made", O_CREAT | O_WRONLY, 0600)))); /* so can open(2) */
    mqd_t made = mq_open("/made", O_RDWR);
    OK(made);
    send(made, "x", 0);
    OK(unlink("mq/made"));
    FAILS(mq_open("/made", O_RDWR), ENOENT);
    FAILS(mkdir("mq/d", 0700), EPERM);
    FAILS(stat("mq/none", &status), ENOENT);
    mqd_t late = mq_open("/none", O_CREAT | O_RDWR, 0600, NULL);
    OK(late);
    OK(stat("mq/none", &status)); /* no stale answer */
    OK(mq_unlink("/none"));
    FAILS(stat("mq/none", &status), ENOENT);
    finish(queue);
    FAILS(stat(path, &status), ENOENT);
    OK(umount2("mq", MNT_DETACH));
}

GUEST_MAIN(CASE(names_find_queues), CASE(attributes_are_checked), CASE(priorities_order_messages),
           CASE(directions_are_checked), CASE(timeouts_are_absolute), CASE(receiver_waits),
           CASE(sender_waits_for_room), CASE(handler_interrupts), CASE(notification_comes_once),
           CASE(waiting_receiver_goes_before_notification), CASE(polling_tells), CASE(limits_hold),
           CASE(stranger_may_not), CASE(file_system_shows_queues))
