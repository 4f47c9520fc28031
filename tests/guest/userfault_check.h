/* SPDX-License-Identifier: MIT */
/* userfaultfd(2) and its commands, ioctl_userfaultfd(2). */
#include "guest.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define PAGE 4096u
#define MISSING UFFDIO_REGISTER_MODE_MISSING
#define PROTECTED UFFDIO_REGISTER_MODE_WP

static inline int uffd_open(int flags)
{
    return (int)syscall(SYS_userfaultfd, flags);
}

/* A descriptor that has had its handshake. */
static inline int uffd_make(int flags, uint64_t features)
{
    struct uffdio_api api = {.api = UFFD_API, .features = features};
    int fd = uffd_open(flags);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        skip("no userfaultfd for us here");
    TRUE(fd >= 0);
    OK(ioctl(fd, UFFDIO_API, &api));
    return fd;
}

static inline char *map_pages(unsigned count)
{
    char *at = mmap(NULL, count * (size_t)PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
    TRUE(at != MAP_FAILED);
    return at;
}

static inline int uffd_register(int fd, void *at, size_t bytes, uint64_t mode)
{
    struct uffdio_register reg = {.range = {(uintptr_t)at, bytes}, .mode = mode};
    return ioctl(fd, UFFDIO_REGISTER, &reg);
}

static inline int uffd_unregister(int fd, void *at, size_t bytes)
{
    struct uffdio_range range = {(uintptr_t)at, bytes};
    return ioctl(fd, UFFDIO_UNREGISTER, &range);
}

static inline int uffd_copy(int fd, void *to, const void *from, size_t bytes, uint64_t mode)
{
    struct uffdio_copy copy = {
        .dst = (uintptr_t)to, .src = (uintptr_t)from, .len = bytes, .mode = mode};
    int result = ioctl(fd, UFFDIO_COPY, &copy);
    if (result == 0)
        EQ(copy.copy, bytes);
    return result;
}

static inline int uffd_zero(int fd, void *to, size_t bytes)
{
    struct uffdio_zeropage zero = {.range = {(uintptr_t)to, bytes}};
    return ioctl(fd, UFFDIO_ZEROPAGE, &zero);
}

static inline int uffd_protect(int fd, void *at, size_t bytes, uint64_t mode)
{
    struct uffdio_writeprotect protect = {.range = {(uintptr_t)at, bytes}, .mode = mode};
    return ioctl(fd, UFFDIO_WRITEPROTECT, &protect);
}

static inline int uffd_wake(int fd, void *at, size_t bytes)
{
    struct uffdio_range range = {(uintptr_t)at, bytes};
    return ioctl(fd, UFFDIO_WAKE, &range);
}

/* The next fault, which must be at `at`. */
static inline uint64_t uffd_next(int fd, const void *at)
{
    struct uffd_msg message;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (fcntl(fd, F_GETFL) & O_NONBLOCK)
        EQ(OK(poll(&ready, 1, -1)), 1);
    EQ(OK(read(fd, &message, sizeof(message))), sizeof(message));
    EQ(message.event, UFFD_EVENT_PAGEFAULT);
    EQ(message.arg.pagefault.address, (uintptr_t)at);
    return message.arg.pagefault.flags;
}

/* A thread that touches memory. */
struct toucher {
    pthread_t thread;
    volatile char *at;
    bool write;
    char value; /* to write, or what was read */
    int tid;
    bool done;
};

static void *touch(void *argument)
{
    struct toucher *toucher = argument;
    __atomic_store_n(&toucher->tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    if (toucher->write)
        *toucher->at = toucher->value;
    else
        toucher->value = *toucher->at;
    __atomic_store_n(&toucher->done, true, __ATOMIC_RELEASE);
    return NULL;
}

static inline void touch_start(struct toucher *toucher, void *at, bool write, char value)
{
    *toucher = (struct toucher){.at = at, .write = write, .value = value};
    EQ(pthread_create(&toucher->thread, NULL, touch, toucher), 0);
}

static inline bool touch_is_done(struct toucher *toucher)
{
    return __atomic_load_n(&toucher->done, __ATOMIC_ACQUIRE);
}

static inline void touch_end(struct toucher *toucher)
{
    EQ(pthread_join(toucher->thread, NULL), 0);
    TRUE(toucher->done);
}
