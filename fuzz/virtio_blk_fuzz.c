/* SPDX-License-Identifier: MIT
 *
 * The virtio-blk driver and the block layer (kernel/drivers/) against a device that misbehaves as
 * the input says: capabilities, configuration and registers with any contents, answers with wrong
 * numbers, lengths and states, answers nobody waits for, none at all, rings written over, resets
 * that it wants or that take for ever.
 *
 * The device is good again at the input's end. Whatever happened, every call comes back, nothing of
 * the kernel breaks, and then reading gives what the device has, or EIO from a device that was
 * given up.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/inside.h"
#include "fuzz/stage.h"
#include "hal-hosted/device.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/ioctl.h"
#include "kernel/core/init.h"
#include "kernel/core/kernel.h"
#include "kernel/drivers/block.h"
#include "kernel/drivers/block_cache.h"
#include "kernel/mm/uio.h"
#include "kernel/syscall/syscalls.h"

enum { QUEUE_MAX = 64, SECTORS = 2048, BAR_BYTES = 0x4000, OPS_MAX = 24, MISCHIEF_MAX = 400 };
enum { STUCK_NS = 1000000 }; /* what the driver's look at a device that is gone takes */
enum { COMMON_AT = 0, ISR_AT = 0x1000, DEVICE_AT = 0x2000, NOTIFY_AT = 0x3000 };
enum { NEXT = 1, WRITE = 2 };

struct descriptor {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
};

/* The device, and what it gets up to. */
static struct {
    struct machine *machine;
    struct machine_device *device;
    struct fuzz_input input; /* empty: it behaves */
    unsigned mischief;       /* how often it did not; it tires */
    uint32_t select, features[2];
    uint8_t status, isr;
    bool enabled, stuck;
    uint16_t size, seen;
    uint64_t descriptors, available, used;
} rogue;

static bool misbehaves(unsigned one_in)
{
    if (rogue.input.size == 0 || rogue.mischief == MISCHIEF_MAX || fuzz_u8(&rogue.input) % one_in)
        return false;
    rogue.mischief++;
    return true;
}

static void *ram(uint64_t address, uint64_t bytes)
{
    return machine_memory(rogue.machine, address, bytes);
}

/* ---- configuration space and registers ---- */

static void put(uint8_t *space, unsigned at, unsigned type, uint32_t offset, uint32_t bytes)
{
    const uint8_t last = type == 4;

    space[at] = 9;
    space[at + 1] = last ? 0 : (uint8_t)(at + 20);
    space[at + 2] = 20;
    space[at + 3] = (uint8_t)type;
    memcpy(space + at + 8, &offset, 4);
    memcpy(space + at + 12, &bytes, 4);
    space[at + 16] = type == 2 ? 4 : 0;
}

static uint32_t config_read(void *model, unsigned offset, unsigned width)
{
    uint8_t space[256] = {[0] = 0xf4, 0x1a, 0x42, 0x10, [6] = 0x10, [0x34] = 0x40, [0x3d] = 1};
    uint32_t value = 0;

    (void)model;
    put(space, 0x40, 1, COMMON_AT, 0x38);
    put(space, 0x54, 2, NOTIFY_AT, 16);
    put(space, 0x68, 3, ISR_AT, 1);
    put(space, 0x7c, 4, DEVICE_AT, 60);
    if (offset >= 0x34 && misbehaves(24))
        return fuzz_u32(&rogue.input);
    if (offset <= sizeof(space) - width)
        memcpy(&value, space + offset, width);
    return value;
}

static void config_write(void *model, unsigned offset, unsigned width, uint32_t value)
{
    (void)model, (void)offset, (void)width, (void)value;
}

static uint64_t bar_size(void *model, unsigned bar)
{
    (void)model;
    if (misbehaves(64))
        return fuzz_u32(&rogue.input);
    return bar == 0 ? BAR_BYTES : 0;
}

static uint32_t common_read(uint64_t offset)
{
    const uint32_t features[2] = {1u << 2 | 1u << 6 | 1u << 9 | 1u << 13 | 1u << 14, 1};

    switch (offset) {
    case 0x04:
        return rogue.select < 2 ? features[rogue.select] : 0;
    case 0x10:
    case 0x1a:
        return 0xffff;
    case 0x12:
        return 1;
    case 0x14:
        return rogue.status;
    case 0x18:
        return QUEUE_MAX;
    default:
        return 0;
    }
}

static uint64_t device_config(uint64_t offset, unsigned width)
{
    uint8_t config[64] = {0};
    const uint32_t fields[][2] = {{0, SECTORS}, {12, 30}, {20, 512}, {36, 64}, {48, 64}};
    uint64_t value = 0;

    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        memcpy(config + fields[i][0], &fields[i][1], 4);
    memcpy(&value, config + (offset & 63), width <= 64 - (offset & 63) ? width : 0);
    return value;
}

static uint64_t bar_read(void *model, unsigned bar, uint64_t offset, unsigned width)
{
    uint64_t value = 0;

    (void)model, (void)bar;
    if (offset == 0x14 && rogue.stuck) {
        stage_advance_ns(STUCK_NS); /* or the driver's loop looks at it a million times */
        return 0xff;
    }
    if (misbehaves(12))
        return width == 8 ? fuzz_u64(&rogue.input) : fuzz_u32(&rogue.input);
    if (offset >= DEVICE_AT && offset < DEVICE_AT + 64)
        return device_config(offset - DEVICE_AT, width);
    if (offset == ISR_AT) {
        value = rogue.isr;
        rogue.isr = 0;
        return value;
    }
    return offset < ISR_AT ? common_read(offset) : 0;
}

/* ---- requests ---- */

static void interrupt(unsigned reason)
{
    rogue.isr |= (uint8_t)reason;
    machine_device_raise(rogue.device, 0);
}

static void push(uint32_t head, uint32_t bytes, unsigned step)
{
    uint8_t *ring = ram(rogue.used, 4 + 8 * QUEUE_MAX);
    const uint32_t element[2] = {head, bytes};
    uint16_t index;

    if (!ring || !rogue.size)
        return;
    memcpy(&index, ring + 2, 2);
    memcpy(ring + 4 + 8 * (index % rogue.size), element, sizeof(element));
    index = (uint16_t)(index + step);
    memcpy(ring + 2, &index, 2);
}

/* Data of a sector is its number. */
static void fill(uint8_t *bytes, uint32_t count, uint64_t position)
{
    for (uint32_t done = 0, part; done < count; done += part) {
        part = 512 - (position + done) % 512;
        part = part < count - done ? part : count - done;
        memset(bytes + done, (uint8_t)((position + done) / 512), part);
    }
}

/* Carry out a request. Returns how much was written, the status included. */
static uint32_t answer(uint16_t head, uint8_t status)
{
    const struct descriptor *table = ram(rogue.descriptors, QUEUE_MAX * sizeof(*table));
    uint64_t sector = 0;
    uint32_t written = 0, type = 0;

    for (unsigned i = 0, at = head; table && i < QUEUE_MAX && at < QUEUE_MAX; i++) {
        const struct descriptor part = table[at];
        uint8_t *bytes = ram(part.address, part.bytes);
        if (!bytes)
            break;
        if (i == 0 && part.bytes >= 16) {
            memcpy(&type, bytes, 4);
            memcpy(&sector, bytes + 8, 8);
        }
        if (part.flags & WRITE && part.flags & NEXT)
            fill(bytes, part.bytes, sector * 512 + written);
        else if (part.flags & WRITE && part.bytes > 0)
            bytes[0] = status;
        written += part.flags & WRITE ? part.bytes : 0;
        if (!(part.flags & NEXT))
            break;
        at = part.next;
    }
    return written;
}

static void scribble(uint64_t address, uint64_t bytes)
{
    uint8_t *at = ram(address, bytes);

    if (at)
        at[fuzz_u32(&rogue.input) % bytes] = fuzz_u8(&rogue.input);
}

static void misbehave(uint16_t head)
{
    struct fuzz_input *input = &rogue.input;

    switch (fuzz_u8(input) % 12) {
    case 0: /* no answer */
        break;
    case 1:
        push(fuzz_u32(input), answer(head, 0), 1);
        interrupt(1);
        break;
    case 2:
        answer(head, 0);
        push(head, fuzz_u32(input), 1);
        interrupt(1);
        break;
    case 3:
        push(head, answer(head, fuzz_u8(input)), 1);
        interrupt(1);
        break;
    case 4:
        push(head, answer(head, 0), fuzz_u8(input));
        interrupt(1);
        break;
    case 5: /* twice */
        push(head, answer(head, 0), 1);
        push(head, 1, 1);
        interrupt(1);
        break;
    case 6: /* silently */
        push(head, answer(head, 0), 1);
        break;
    case 7:
        rogue.status |= 64;
        interrupt(2);
        break;
    case 8:
        scribble(rogue.used, 4 + 8 * QUEUE_MAX);
        interrupt(1);
        break;
    case 9:
        scribble(rogue.descriptors, 16 * QUEUE_MAX);
        push(head, answer(head, 0), 1);
        interrupt(1);
        break;
    case 10: /* gone */
        rogue.stuck = true;
        break;
    default:
        interrupt(fuzz_u8(input));
    }
}

static void serve(void)
{
    const uint8_t *ring = ram(rogue.available, 4 + 2 * QUEUE_MAX);
    uint16_t index, head;

    for (unsigned i = 0; ring && rogue.enabled && i < QUEUE_MAX && rogue.size; i++) {
        memcpy(&index, ring + 2, 2);
        if (index == rogue.seen)
            return;
        memcpy(&head, ring + 4 + 2 * (rogue.seen++ % rogue.size), 2);
        if (misbehaves(3)) {
            misbehave(head);
        } else {
            push(head, answer(head, 0), 1);
            interrupt(1);
        }
    }
}

static void set_address(uint64_t *address, bool high, uint32_t value)
{
    *address = high ? (*address & UINT32_MAX) | (uint64_t)value << 32
                    : (*address & ~(uint64_t)UINT32_MAX) | value;
}

static void reset(void)
{
    rogue.status = rogue.isr = 0;
    rogue.enabled = false;
    rogue.seen = 0;
}

static void bar_write(void *model, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    (void)model, (void)bar, (void)width;
    if (offset == 0x00)
        rogue.select = (uint32_t)value;
    else if (offset == 0x14 && value == 0)
        reset();
    else if (offset == 0x14)
        rogue.status = (uint8_t)value;
    else if (offset == 0x18)
        rogue.size = value <= QUEUE_MAX ? (uint16_t)value : 0;
    else if (offset == 0x1c)
        rogue.enabled = value;
    else if (offset == 0x20 || offset == 0x24)
        set_address(&rogue.descriptors, offset == 0x24, (uint32_t)value);
    else if (offset == 0x28 || offset == 0x2c)
        set_address(&rogue.available, offset == 0x2c, (uint32_t)value);
    else if (offset == 0x30 || offset == 0x34)
        set_address(&rogue.used, offset == 0x34, (uint32_t)value);
    else if (offset >= NOTIFY_AT)
        serve();
}

static void attach(struct machine *machine)
{
    static const struct machine_device_ops ops = {config_read, config_write, bar_size, bar_read,
                                                  bar_write};
    static const struct machine_device_id id = {0x1af4, 0x1042, 0x1af4, 0x1042, 0x010000};

    rogue.machine = machine;
    if (machine_device_add(machine, &id, &ops, &rogue, &rogue.device) < 0)
        abort();
}

/* ---- the body ---- */

static __typeof__(rogue) booted; /* as it was at the mark */

static void keep(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    booted = rogue;
}

/* Read a sector of a device that behaves: what it has, or an error of one that was given up. */
static void read_good(struct block_device *device)
{
    static uint8_t bytes[512];
    struct uio uio;
    const uint64_t sector = 5;

    if (device->limits.sectors < 8 || device->limits.logical_block != 512)
        return;
    for (unsigned tries = 0; tries < 3; tries++) { /* the first may find what it did before */
        uio_init_kernel(&uio, bytes, sizeof(bytes));
        int64_t result = block_read_direct(device, sector * 512, sizeof(bytes), &uio);
        if (result == (int64_t)sizeof(bytes)) {
            if (bytes[0] != sector || bytes[511] != sector)
                fuzz_fail("sector %u reads as %u", (unsigned)sector, bytes[0]);
            return;
        }
        if (result != -EIO && result != -ENOMEM && result != -EOPNOTSUPP)
            fuzz_fail("read: %lld", (long long)result);
    }
}

static void use(struct fuzz_input *choices, int64_t fd)
{
    const uint64_t position = (uint64_t)(fuzz_u8(choices) % 64) * 512 * (SECTORS / 64);
    const uint64_t bytes = (uint64_t)(1 + fuzz_u8(choices) % 64) * 512;
    const uint64_t range[2] = {position, bytes};

    switch (fuzz_u8(choices) % 6) {
    case 0:
        FUZZ_CALL(SYS_pread64, fd, FUZZ_USER_MEMORY, bytes, position);
        break;
    case 1:
        FUZZ_CALL(SYS_pwrite64, fd, FUZZ_USER_MEMORY, bytes, position);
        break;
    case 2:
        FUZZ_CALL(SYS_fsync, fd);
        break;
    case 3:
        fuzz_put_user(FUZZ_USER_MEMORY, range, sizeof(range));
        FUZZ_CALL(SYS_ioctl, fd, fuzz_u8(choices) % 2 ? BLKDISCARD : BLKZEROOUT, FUZZ_USER_MEMORY);
        break;
    case 4:
        FUZZ_CALL(SYS_ioctl, fd, BLKFLSBUF, 0);
        break;
    default:
        FUZZ_CALL(SYS_fcntl, fd, F_SETFL, fuzz_u8(choices) % 2 ? O_DIRECT : 0);
    }
}

static void body(const uint8_t *data, size_t size)
{
    /* The first part chooses what is done, the rest what the device makes of it. */
    struct fuzz_input choices = {data, size < 64 ? size / 2 : 32};
    const struct fuzz_input mischief = {data + choices.size, size - choices.size};
    const bool probe = fuzz_u8(&choices) % 2;

    if (probe) { /* once more, from the beginning */
        rogue.input = mischief;
        if (drivers_init(this_kernel()) < 0)
            return;
    }
    struct block_device *device = block_next(this_kernel(), NULL);
    int64_t fd = FUZZ_CALL(SYS_open, fuzz_put_string(FUZZ_USER_MEMORY, "/dev/vda"), O_RDWR);
    rogue.input = probe ? rogue.input : mischief;
    for (unsigned i = 0; i < OPS_MAX && fd >= 0 && (choices.size > 0 || i < 4); i++)
        use(&choices, fd);
    rogue.input.size = 0;
    rogue.stuck = false;
    FUZZ_CALL(SYS_close, fd);
    if (device)
        read_good(device);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!rogue.machine) {
        fuzz_attach(attach);
        fuzz_inside(keep, NULL, 0);
    }
    rogue = booted;
    fuzz_inside(body, data, size);
    return 0;
}
