/* SPDX-License-Identifier: MIT
 *
 * A small io_uring library for the tests: by system calls, so that every field is the test's own.
 */
#ifndef TESTS_GUEST_URING_CHECK_H
#define TESTS_GUEST_URING_CHECK_H

#include "guest.h"

#include <linux/io_uring.h>
#include <sys/mman.h>

/* struct io_uring_cqe without its flexible end. */
struct completion {
    uint64_t user_data;
    int32_t res;
    uint32_t flags;
};

struct ring {
    int fd;
    struct io_uring_params params;
    char *memory;
    struct io_uring_sqe *sqes;
    volatile uint32_t *sq_head, *sq_tail, *sq_flags, *array, *cq_head, *cq_tail, *cq_overflow;
    volatile struct completion *cqes;
    size_t bytes;
};

static inline long uring_setup(unsigned entries, struct io_uring_params *params)
{
    return syscall(SYS_io_uring_setup, entries, params);
}

static inline long uring_enter(const struct ring *ring, unsigned submit, unsigned wait,
                               unsigned flags)
{
    return syscall(SYS_io_uring_enter, ring->fd, submit, wait, flags, NULL, 0);
}

static inline long uring_register(const struct ring *ring, unsigned opcode, const void *argument,
                                  unsigned count)
{
    return syscall(SYS_io_uring_register, ring->fd, opcode, argument, count);
}

static inline struct ring ring_make_with(unsigned entries, struct io_uring_params params)
{
    struct ring ring = {.params = params};
    struct io_uring_params *p = &ring.params;
    ring.fd = (int)uring_setup(entries, p);
    if (ring.fd < 0 && (errno == ENOSYS || errno == EPERM))
        skip("no io_uring here");
    OK(ring.fd);
    TRUE(p->features & IORING_FEAT_SINGLE_MMAP);
    size_t sq_bytes = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
    size_t cq_bytes = p->cq_off.cqes + p->cq_entries * sizeof(struct completion);
    ring.bytes = sq_bytes > cq_bytes ? sq_bytes : cq_bytes;
    ring.memory = mmap(NULL, ring.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd,
                       IORING_OFF_SQ_RING);
    TRUE(ring.memory != MAP_FAILED);
    ring.sqes = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
                     MAP_SHARED, ring.fd, IORING_OFF_SQES);
    TRUE(ring.sqes != MAP_FAILED);
    ring.sq_head = (void *)(ring.memory + p->sq_off.head);
    ring.sq_tail = (void *)(ring.memory + p->sq_off.tail);
    ring.sq_flags = (void *)(ring.memory + p->sq_off.flags);
    ring.array = (void *)(ring.memory + p->sq_off.array);
    ring.cq_head = (void *)(ring.memory + p->cq_off.head);
    ring.cq_tail = (void *)(ring.memory + p->cq_off.tail);
    ring.cq_overflow = (void *)(ring.memory + p->cq_off.overflow);
    ring.cqes = (void *)(ring.memory + p->cq_off.cqes);
    return ring;
}

static inline struct ring ring_make(unsigned entries)
{
    return ring_make_with(entries, (struct io_uring_params){0});
}

/* The next submission entry, zeroed but for these. */
static inline struct io_uring_sqe *ring_sqe(struct ring *ring, unsigned opcode, int fd,
                                            const void *addr, unsigned len, uint64_t off)
{
    uint32_t tail = *ring->sq_tail, index = tail & (ring->params.sq_entries - 1);
    struct io_uring_sqe *sqe = &ring->sqes[index];
    *sqe = (struct io_uring_sqe){
        .opcode = (uint8_t)opcode, .fd = fd, .addr = (uintptr_t)addr, .len = len, .off = off};
    ring->array[index] = index;
    __atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
    return sqe;
}

/* Wait for a completion and take it. */
static inline struct completion ring_take(struct ring *ring)
{
    uint32_t head = *ring->cq_head;
    if (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == head)
        OK(uring_enter(ring, 0, 1, IORING_ENTER_GETEVENTS));
    TRUE(__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) != head);
    volatile struct completion *cqe = &ring->cqes[head & (ring->params.cq_entries - 1)];
    struct completion copy = {.user_data = cqe->user_data, .res = cqe->res, .flags = cqe->flags};
    __atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
    return copy;
}

static inline bool ring_empty(struct ring *ring)
{
    return __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == *ring->cq_head;
}

/* Submit what was prepared (one entry) and its result. */
static inline int ring_run(struct ring *ring)
{
    EQ(OK(uring_enter(ring, 1, 1, IORING_ENTER_GETEVENTS)), 1);
    return ring_take(ring).res;
}

/* The completion with this number, of two that come in any order. */
#define ring_take_two(ring_, first_, a_, b_)                                                       \
    do {                                                                                           \
        struct completion x_ = ring_take(ring_), y_ = ring_take(ring_);                            \
        (a_) = x_.user_data == (first_) ? x_ : y_;                                                 \
        (b_) = x_.user_data == (first_) ? y_ : x_;                                                 \
    } while (0)

#endif
