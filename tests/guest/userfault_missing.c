/* SPDX-License-Identifier: MIT */
/* userfaultfd(2): the handshake, registering, and missing pages. */
#include "userfault_check.h"

#include <sys/prctl.h>
#include <sys/uio.h>

static char source[4 * PAGE] __attribute__((aligned(4096)));

static void flags_are_checked(void)
{
    close(uffd_make(O_CLOEXEC, 0));
    FAILS(uffd_open(0x40000000), EINVAL);
    FAILS(uffd_open(O_APPEND), EINVAL);
    int fd = (int)OK(uffd_open(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY));
    EQ(OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    EQ(OK(fcntl(fd, F_GETFL)) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK);
    char path[64], name[64] = {0};
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    OK(readlink(path, name, sizeof(name) - 1));
    STR_EQ(name, "anon_inode:[userfaultfd]");
    FAILS(write(fd, name, 8), EBADF);
}

static void the_unprivileged_get_user_faults_only(void)
{
    close(uffd_make(O_CLOEXEC, 0));
    char allowed = '?';
    int sysctl = (int)OK(open("/proc/sys/vm/unprivileged_userfaultfd", O_RDONLY));
    EQ(read(sysctl, &allowed, 1), 1);
    if (getuid() != 0 || allowed != '0')
        skip("needs root and the default");
    OK(setresuid(1000, 1000, 1000));
    FAILS(uffd_open(O_CLOEXEC), EPERM);
    FAILS(uffd_open(0x40000000), EPERM);
    OK(uffd_open(O_CLOEXEC | UFFD_USER_MODE_ONLY));
}

static void nothing_works_before_the_handshake(void)
{
    close(uffd_make(0, 0));
    struct uffdio_api api = {.api = 0x55};
    struct uffd_msg message;
    char *at = map_pages(1);
    int fd = (int)OK(uffd_open(O_NONBLOCK));
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    FAILS(read(fd, &message, sizeof(message)), EINVAL);
    EQ(OK(poll(&ready, 1, 0)), 1);
    EQ(ready.revents, POLLERR);
    FAILS(uffd_register(fd, at, PAGE, MISSING), EINVAL);
    FAILS(ioctl(fd, UFFDIO_API, NULL), EFAULT);
    FAILS(ioctl(fd, UFFDIO_API, &api), EINVAL);
    EQ(api.api, 0); /* cleared */
    api = (struct uffdio_api){.api = UFFD_API, .features = 1ull << 62};
    FAILS(ioctl(fd, UFFDIO_API, &api), EINVAL);
    api = (struct uffdio_api){.api = UFFD_API};
    OK(ioctl(fd, UFFDIO_API, &api));
    EQ(api.ioctls & 3, 3);
    TRUE(api.ioctls & (1ull << _UFFDIO_API));
    TRUE(api.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP);
    FAILS(ioctl(fd, UFFDIO_API, &api), EINVAL); /* once */
    FAILS(read(fd, &message, sizeof(message)), EAGAIN);
    FAILS(read(fd, &message, sizeof(message) - 1), EINVAL);
    EQ(OK(poll(&ready, 1, 0)), 0);
    FAILS(ioctl(fd, 0xaa33, 0), EINVAL);
    fd = uffd_make(0, 0); /* of a blocking descriptor poll promises nothing */
    ready.fd = fd;
    EQ(OK(poll(&ready, 1, 0)), 1);
    EQ(ready.revents, POLLERR);
}

static void registering_is_checked(void)
{
    int fd = uffd_make(0, 0), other = uffd_make(0, 0);
    char *at = map_pages(4);
    struct uffdio_register reg = {.range = {(uintptr_t)at, PAGE}, .mode = MISSING};
    FAILS(ioctl(fd, UFFDIO_REGISTER, NULL), EFAULT);
    FAILS(uffd_register(fd, at, PAGE, 0), EINVAL);
    FAILS(uffd_register(fd, at, PAGE, 1u << 20), EINVAL);
    FAILS(uffd_register(fd, at, 0, MISSING), EINVAL);
    FAILS(uffd_register(fd, at, 100, MISSING), EINVAL);
    FAILS(uffd_register(fd, at + 1, PAGE, MISSING), EINVAL);
    FAILS(uffd_register(fd, NULL, PAGE, MISSING), EINVAL);
    FAILS(uffd_register(fd, (void *)hidden(0xfffff00000000000), PAGE, MISSING), EINVAL);
    FAILS(uffd_register(fd, at, (size_t)1 << 63, MISSING), EINVAL);
    OK(munmap(at + 3 * PAGE, PAGE));
    FAILS(uffd_register(fd, at + 3 * PAGE, PAGE, MISSING), EINVAL);
    OK(ioctl(fd, UFFDIO_REGISTER, &reg));
    EQ(reg.ioctls & (1ull << _UFFDIO_WRITEPROTECT), 0);
    TRUE(reg.ioctls & (1ull << _UFFDIO_COPY));
    TRUE(reg.ioctls & (1ull << _UFFDIO_ZEROPAGE));
    TRUE(reg.ioctls & (1ull << _UFFDIO_WAKE));
    FAILS(uffd_register(other, at, 3 * PAGE, MISSING), EBUSY);
    OK(uffd_register(fd, at, 4 * PAGE, MISSING)); /* a hole at the end does not matter */
    OK(uffd_unregister(fd, at, PAGE));
    OK(uffd_register(other, at, PAGE, MISSING));
    FAILS(uffd_unregister(fd, at + 1, PAGE), EINVAL);
    FAILS(uffd_unregister(fd, at + 3 * PAGE, PAGE), EINVAL);
    OK(close(other));
    OK(uffd_register(fd, at, PAGE, MISSING)); /* closing has unregistered it */
    write_text("file", "text", 0600);
    int file = (int)OK(open("file", O_RDWR));
    void *mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    FAILS(uffd_register(fd, mapped, PAGE, 1u << 2 /* minor faults */), EINVAL);
}

static void filling_is_checked(void)
{
    int fd = uffd_make(0, 0);
    char *at = map_pages(4), *plain = map_pages(1);
    OK(uffd_register(fd, at, 3 * PAGE, MISSING));
    FAILS(ioctl(fd, UFFDIO_COPY, NULL), EFAULT);
    FAILS(uffd_copy(fd, plain, source, PAGE, 0), ENOENT);
    FAILS(uffd_copy(fd, at, source, 100, 0), EINVAL);
    FAILS(uffd_copy(fd, at + 1, source, PAGE, 0), EINVAL);
    FAILS(uffd_copy(fd, at, source, 0, 0), EINVAL);
    FAILS(uffd_copy(fd, at, source, PAGE, 1u << 20), EINVAL);
    FAILS(uffd_copy(fd, at, source, PAGE, UFFDIO_COPY_MODE_WP), EINVAL);
    FAILS(uffd_copy(fd, at, BAD_POINTER, PAGE, 0), EFAULT);
    FAILS(uffd_copy(fd, at, source, 4 * PAGE, 0), ENOENT);
    FAILS(uffd_zero(fd, plain, PAGE), ENOENT);
    FAILS(uffd_protect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP), ENOENT);
    OK(uffd_copy(fd, at + PAGE, source, PAGE, 0));
    FAILS(uffd_copy(fd, at + PAGE, source, PAGE, 0), EEXIST);
    FAILS(uffd_zero(fd, at + PAGE, PAGE), EEXIST);
    struct uffdio_copy copy = {.dst = (uintptr_t)at, .src = (uintptr_t)source, .len = 3 * PAGE};
    FAILS(ioctl(fd, UFFDIO_COPY, &copy), EAGAIN); /* up to the one that is there */
    EQ(copy.copy, PAGE);
    struct uffdio_zeropage zero = {.range = {(uintptr_t)at, PAGE}, .mode = 1u << 10};
    FAILS(ioctl(fd, UFFDIO_ZEROPAGE, &zero), EINVAL);
    FAILS(uffd_wake(fd, at + 1, PAGE), EINVAL);
    OK(uffd_wake(fd, plain, PAGE));
    OK(uffd_zero(fd, at + 2 * PAGE, PAGE));
    EQ(at[2 * PAGE], 0);
    at[2 * PAGE] = 3; /* its own page from now on */
    EQ(at[2 * PAGE], 3);
}

static void a_touch_waits_for_the_page(void)
{
    int fd = uffd_make(0, 0);
    char *at = map_pages(3);
    struct toucher reader, writer;
    OK(uffd_register(fd, at, 2 * PAGE, MISSING));
    at[2 * PAGE] = 1; /* outside */
    memset(source, 'c', PAGE);
    touch_start(&reader, at + 5, false, 0);
    EQ(uffd_next(fd, at), 0);
    TRUE(!touch_is_done(&reader));
    OK(uffd_copy(fd, at, source, PAGE, 0));
    touch_end(&reader);
    EQ(reader.value, 'c');
    touch_start(&writer, at + PAGE + 7, true, 'w');
    EQ(uffd_next(fd, at + PAGE), UFFD_PAGEFAULT_FLAG_WRITE);
    OK(uffd_zero(fd, at + PAGE, PAGE));
    touch_end(&writer);
    EQ(at[PAGE + 7], 'w');
    EQ(at[PAGE + 6], 0);
    OK(madvise(at, PAGE, MADV_DONTNEED)); /* missing again */
    touch_start(&reader, at, false, 0);
    EQ(uffd_next(fd, at), 0);
    source[0] = 'd';
    OK(uffd_copy(fd, at, source, PAGE, UFFDIO_COPY_MODE_DONTWAKE));
    OK(uffd_wake(fd, at, PAGE));
    touch_end(&reader);
    EQ(reader.value, 'd');
}

static void a_wake_without_a_page_asks_again(void)
{
    int fd = uffd_make(O_NONBLOCK, 0);
    char *at = map_pages(1);
    struct toucher reader;
    OK(uffd_register(fd, at, PAGE, MISSING));
    touch_start(&reader, at, false, 0);
    for (int i = 0; i < 5; i++) {
        EQ(uffd_next(fd, at), 0);
        OK(uffd_wake(fd, at, PAGE));
    }
    EQ(uffd_next(fd, at), 0);
    OK(uffd_zero(fd, at, PAGE));
    touch_end(&reader);
    struct uffd_msg message;
    FAILS(read(fd, &message, sizeof(message)), EAGAIN);
}

enum { THREADS = 6, ROUNDS = 64 };

/* Many threads, many pages, each page asked for by whoever comes first. */
static void *walk(void *argument)
{
    char *at = argument;
    for (unsigned i = 0; i < ROUNDS; i++)
        if (at[i * PAGE] != (char)(i + 1))
            return (void *)1;
    return NULL;
}

static void threads_share_the_pages(void)
{
    int fd = uffd_make(0, 0);
    char *at = map_pages(ROUNDS);
    pthread_t threads[THREADS];
    unsigned filled = 0;
    OK(uffd_register(fd, at, ROUNDS * PAGE, MISSING));
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_create(&threads[i], NULL, walk, at), 0);
    while (filled < ROUNDS) {
        struct uffd_msg messages[4];
        long got = OK(read(fd, messages, sizeof(messages)));
        EQ(got % (long)sizeof(messages[0]), 0);
        for (unsigned i = 0; i < (unsigned)got / sizeof(messages[0]); i++) {
            uintptr_t page = messages[i].arg.pagefault.address;
            source[0] = (char)((page - (uintptr_t)at) / PAGE + 1);
            if (uffd_copy(fd, (void *)page, source, PAGE, 0) == 0)
                filled++;
            else if (errno == EEXIST) /* asked for by two: the late one may sleep */
                OK(uffd_wake(fd, (void *)page, PAGE));
            else
                fail_at(__LINE__, "copy: %s", strerror(errno));
        }
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;
        EQ(pthread_join(threads[i], &result), 0);
        TRUE(result == NULL);
    }
}

static void *write_from(void *argument)
{
    void **arguments = argument; /* a pipe's end, the memory */
    long sent = write((int)(intptr_t)arguments[0], arguments[1], 4);
    arguments[2] = (void *)(intptr_t)(sent < 0 ? -errno : sent);
    return NULL;
}

/* The kernel's own accesses wait too, or fail if the descriptor is for user faults only. */
static void the_kernel_waits_as_well(void)
{
    int fd = uffd_make(0, 0);
    char *at = map_pages(1), text[8] = {0};
    int ends[2];
    pthread_t thread;
    OK(pipe(ends));
    OK(uffd_register(fd, at, PAGE, MISSING));
    void *arguments[3] = {(void *)(intptr_t)ends[1], at, NULL};
    EQ(pthread_create(&thread, NULL, write_from, arguments), 0);
    EQ(uffd_next(fd, at), 0);
    memcpy(source, "text", 4);
    OK(uffd_copy(fd, at, source, PAGE, 0));
    EQ(pthread_join(thread, NULL), 0);
    EQ((intptr_t)arguments[2], 4);
    EQ(read(ends[0], text, 4), 4);
    STR_EQ(text, "text");

    close(fd);
    fd = uffd_make(UFFD_USER_MODE_ONLY, 0);
    at = map_pages(1);
    OK(uffd_register(fd, at, PAGE, MISSING));
    EQ(write(ends[1], source, 4), 4);
    FAILS(write(ends[1], at, 4), EFAULT);
    FAILS(read(ends[0], at, 4), EFAULT);
}

static void other_processes_wait_for_it(void)
{
    int fd = uffd_make(0, 0);
    char *at = map_pages(1);
    OK(uffd_register(fd, at, PAGE, MISSING));
    pid_t child = (pid_t)OK(fork());
    if (child == 0) { /* its copy of the memory is registered no more */
        EQ(at[0], 0);
        char value = 0;
        struct iovec local = {&value, 1}, remote = {at, 1};
        EQ(OK(process_vm_readv(getppid(), &local, 1, &remote, 1, 0)), 1);
        EQ(value, 'p');
        _exit(0);
    }
    EQ(uffd_next(fd, at), 0);
    source[0] = 'p';
    OK(uffd_copy(fd, at, source, PAGE, 0));
    CHILD_OK(child);
}

static void a_waiting_process_can_be_killed(void)
{
    struct gate gate = gate_make();
    pid_t child = (pid_t)OK(fork());
    if (child == 0) {
        int fd = uffd_make(0, 0);
        char *at = map_pages(1);
        OK(uffd_register(fd, at, PAGE, MISSING));
        struct toucher toucher;
        touch_start(&toucher, at, true, 1);
        uffd_next(fd, at);
        gate_open(&gate);
        at[0] = 1; /* nobody will answer */
        _exit(1);
    }
    gate_pass(&gate);
    OK(kill(child, SIGKILL));
    EQ(WAIT(child), SIGKILL);
}

static char *handler_at;
static int handler_fd;

static void fill_in_handler(int signo)
{
    (void)signo;
    source[0] = 's';
    if (uffd_copy(handler_fd, handler_at, source, PAGE, 0) != 0)
        _exit(1);
}

/* A signal handler runs while the access that it interrupted waits. */
static void a_signal_interrupts_the_wait(void)
{
    handler_fd = uffd_make(0, 0);
    handler_at = map_pages(1);
    OK(uffd_register(handler_fd, handler_at, PAGE, MISSING));
    signal(SIGUSR1, fill_in_handler);
    struct toucher reader;
    touch_start(&reader, handler_at, false, 0);
    uffd_next(handler_fd, handler_at);
    EQ(pthread_kill(reader.thread, SIGUSR1), 0);
    touch_end(&reader);
    EQ(reader.value, 's');
}

static void closing_lets_everybody_go_on(void)
{
    int fd = uffd_make(0, 0);
    char *at = map_pages(2);
    struct toucher reader, writer;
    OK(uffd_register(fd, at, 2 * PAGE, MISSING));
    touch_start(&reader, at, false, 1);
    uffd_next(fd, at);
    touch_start(&writer, at + PAGE, true, 'w');
    uffd_next(fd, at + PAGE);
    OK(close(fd));
    touch_end(&reader);
    touch_end(&writer);
    EQ(reader.value, 0);
    EQ(at[PAGE], 'w');
}

static void unregistering_lets_them_go_on(void)
{
    int fd = uffd_make(0, 0);
    char *at = map_pages(1);
    struct toucher reader;
    OK(uffd_register(fd, at, PAGE, MISSING));
    touch_start(&reader, at, false, 1);
    uffd_next(fd, at);
    OK(uffd_unregister(fd, at, PAGE));
    touch_end(&reader);
    EQ(reader.value, 0);
}

static void messages_can_say_more(void)
{
    int fd = uffd_make(0, UFFD_FEATURE_THREAD_ID);
    char *at = map_pages(1);
    struct toucher reader;
    struct uffd_msg message;
    OK(uffd_register(fd, at, PAGE, MISSING));
    touch_start(&reader, at + 9, false, 0);
    EQ(OK(read(fd, &message, sizeof(message))), sizeof(message));
    EQ(message.arg.pagefault.feat.ptid, reader.tid);
    EQ(message.arg.pagefault.address, (uintptr_t)at);
    OK(uffd_zero(fd, at, PAGE));
    touch_end(&reader);
#ifdef UFFD_FEATURE_EXACT_ADDRESS
    fd = uffd_make(0, UFFD_FEATURE_EXACT_ADDRESS);
    at = map_pages(1);
    OK(uffd_register(fd, at, PAGE, MISSING));
    touch_start(&reader, at + 9, false, 0);
    uffd_next(fd, at + 9);
    OK(uffd_zero(fd, at, PAGE));
    touch_end(&reader);
#endif
}

static void with_sigbus_nobody_waits(void)
{
    int fd = uffd_make(0, UFFD_FEATURE_SIGBUS);
    char *at = map_pages(2);
    int ends[2];
    OK(pipe(ends));
    OK(uffd_register(fd, at, PAGE, MISSING));
    FAILS(write(ends[1], at, 4), EFAULT);
    OK(uffd_zero(fd, at, PAGE));
    EQ(write(ends[1], at, 4), 4);
    OK(uffd_register(fd, at, 2 * PAGE, MISSING));
    pid_t child = (pid_t)OK(vfork());
    if (child == 0) {
        *(volatile char *)(at + PAGE) = 1;
        _exit(0);
    }
    EQ(WAIT(child) & 0x7f, SIGBUS);
}

static void the_address_space_may_be_gone(void)
{
    int pair[2];
    struct gate gate = gate_make();
    OK(pipe(pair));
    char *at = map_pages(1);
    pid_t child = (pid_t)OK(fork());
    if (child == 0) {
        int fd = uffd_make(0, 0);
        OK(uffd_register(fd, at, PAGE, MISSING));
        EQ(write(pair[1], &fd, sizeof(fd)), sizeof(fd));
        gate_pass(&gate);
        _exit(0);
    }
    int theirs, pidfd = (int)OK(syscall(SYS_pidfd_open, child, 0));
    EQ(read(pair[0], &theirs, sizeof(theirs)), sizeof(theirs));
    int fd = (int)OK(syscall(SYS_pidfd_getfd, pidfd, theirs, 0));
    OK(uffd_copy(fd, at, source, PAGE, 0)); /* into the child */
    EQ(at[0], 0);
    gate_open(&gate);
    CHILD_OK(child);
    FAILS(uffd_copy(fd, at, source, PAGE, 0), ESRCH);
    FAILS(uffd_zero(fd, at, PAGE), ESRCH);
    FAILS(uffd_register(fd, at, PAGE, MISSING), ENOMEM);
    OK(uffd_wake(fd, at, PAGE));
}

static void a_moved_mapping_is_ordinary(void)
{
    int fd = uffd_make(0, 0);
    char *at = map_pages(1), *to = map_pages(1);
    OK(uffd_register(fd, at, PAGE, MISSING));
    source[0] = 'm';
    OK(uffd_copy(fd, at, source, PAGE, 0));
    TRUE(mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    EQ(to[0], 'm');
    OK(madvise(to, PAGE, MADV_DONTNEED));
    EQ(to[0], 0);
}

static void the_device_makes_them_too(void)
{
    close(uffd_make(0, 0));
    int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
    if (device < 0)
        skip("no /dev/userfaultfd here");
    FAILS(ioctl(device, 0xaa33, 0), EINVAL);
    int fd = (int)OK(ioctl(device, 0xaa00, O_CLOEXEC));
    struct uffdio_api api = {.api = UFFD_API};
    OK(ioctl(fd, UFFDIO_API, &api));
}

GUEST_MAIN(CASE(flags_are_checked), CASE(the_unprivileged_get_user_faults_only),
           CASE(nothing_works_before_the_handshake), CASE(registering_is_checked),
           CASE(filling_is_checked), CASE(a_touch_waits_for_the_page),
           CASE(a_wake_without_a_page_asks_again), CASE(threads_share_the_pages),
           CASE(the_kernel_waits_as_well), CASE(other_processes_wait_for_it),
           CASE(a_waiting_process_can_be_killed), CASE(a_signal_interrupts_the_wait),
           CASE(closing_lets_everybody_go_on), CASE(unregistering_lets_them_go_on),
           CASE(messages_can_say_more), CASE(with_sigbus_nobody_waits),
           CASE(the_address_space_may_be_gone), CASE(a_moved_mapping_is_ordinary),
           CASE(the_device_makes_them_too))
