/* SPDX-License-Identifier: MIT */
/*
 * The virtio block device: VIRTIO 1.1, section 5.2. One queue.
 *
 * Each request has a slot of memory that the device reads and writes beside the data: header,
 * range (of discards), serial number, status. Slots belong to the queue's descriptors: a request
 * uses that of its chain's head.
 *
 * A device that breaks the rules (answers nobody waits for, wants a reset) is marked broken by who
 * notices, in any context; the block layer then has virtio_blk_recover called by a thread that
 * waits. It resets the device, after which no memory is the device's any more, ends all requests
 * with -EIO and sets the device up again. A device that cannot be reset is dead: it may still write
 * to memory that it was given, so those pages are never used again.
 *
 * Locks: `lock` guards the queue and the flags, also in the interrupt handler; `reset_mutex` lets
 * one thread recover at a time.
 */
#include "hal/bus.h"
#include "kernel/abi/errno.h"
#include "kernel/core/klog.h"
#include "kernel/drivers/block.h"
#include "kernel/drivers/drivers_internal.h"
#include "kernel/drivers/virtio/virtio_pci.h"
#include "kernel/drivers/virtio/virtqueue.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

/* Feature bits. */
enum {
    F_SIZE_MAX = 1,
    F_SEG_MAX = 2,
    F_RO = 5,
    F_BLK_SIZE = 6,
    F_FLUSH = 9,
    F_TOPOLOGY = 10,
    F_DISCARD = 13,
    F_WRITE_ZEROES = 14,
};
#define WANTED                                                                                     \
    (VIRTIO_FEATURE(F_SIZE_MAX) | VIRTIO_FEATURE(F_SEG_MAX) | VIRTIO_FEATURE(F_RO) |               \
     VIRTIO_FEATURE(F_BLK_SIZE) | VIRTIO_FEATURE(F_FLUSH) | VIRTIO_FEATURE(F_TOPOLOGY) |           \
     VIRTIO_FEATURE(F_DISCARD) | VIRTIO_FEATURE(F_WRITE_ZEROES))

/* struct virtio_blk_config: offsets. */
enum {
    CONFIG_CAPACITY = 0,
    CONFIG_SIZE_MAX = 8,
    CONFIG_SEG_MAX = 12,
    CONFIG_BLK_SIZE = 20,
    CONFIG_PHYSICAL_EXPONENT = 24,
    CONFIG_OPTIMAL_IO = 28,
    CONFIG_DISCARD_SECTORS = 36,
    CONFIG_ZEROES_SECTORS = 48,
};

enum request_type {
    TYPE_IN = 0,
    TYPE_OUT = 1,
    TYPE_FLUSH = 4,
    TYPE_GET_ID = 8,
    TYPE_DISCARD = 11,
    TYPE_WRITE_ZEROES = 13,
};

enum { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPPORTED = 2, STATUS_NONE = 0xff };
enum { WRITE_ZEROES_UNMAP = 1, SERIAL_BYTES = 20, RESETS_MAX = 8, GENERATION_TRIES = 16 };

struct slot {
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } header;
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } range;
    uint8_t serial[SERIAL_BYTES];
    uint8_t status;
    uint8_t unused[11];
};
_Static_assert(sizeof(struct slot) == 64, "slots do not straddle pages");
enum { SLOTS_ORDER = 1 };
_Static_assert(VIRTQUEUE_SIZE_MAX * sizeof(struct slot) <= ((size_t)PAGE_SIZE << SLOTS_ORDER),
               "a slot for each descriptor");

struct virtio_blk {
    struct virtio_pci pci;
    struct block_device block;

    struct spinlock lock; /* down to the blank line */
    struct virtqueue queue;
    bool broken; /* wants recovery: no new requests */
    bool dead;   /* for good */

    struct page *slot_pages;
    struct slot *slots;
    struct mutex reset_mutex;
    unsigned resets;     /* since a request last succeeded; reset_mutex */
    uint32_t successful; /* a request has succeeded; atomic */
};

/* ---- requests ---- */

static const uint32_t types[BLOCK_OPERATIONS] = {
    [BLOCK_READ] = TYPE_IN,         [BLOCK_WRITE] = TYPE_OUT,
    [BLOCK_FLUSH] = TYPE_FLUSH,     [BLOCK_GET_SERIAL] = TYPE_GET_ID,
    [BLOCK_DISCARD] = TYPE_DISCARD, [BLOCK_WRITE_ZEROES] = TYPE_WRITE_ZEROES,
};

static uint64_t slot_paddr(const struct virtio_blk *blk, const void *part)
{
    return page_to_phys(blk->slot_pages) + (uint64_t)((const char *)part - (char *)blk->slots);
}

/* The parts of a request's chain; *out_readable of them are for the device to read. */
static unsigned fill_parts(struct virtio_blk *blk, struct slot *slot,
                           const struct block_request *request, struct virtqueue_part *parts,
                           unsigned *out_readable)
{
    unsigned count = 0;

    parts[count++] = (struct virtqueue_part){slot_paddr(blk, &slot->header), sizeof(slot->header)};
    if (request->operation == BLOCK_DISCARD || request->operation == BLOCK_WRITE_ZEROES) {
        parts[count++] =
            (struct virtqueue_part){slot_paddr(blk, &slot->range), sizeof(slot->range)};
    } else if (request->operation == BLOCK_WRITE) {
        for (unsigned i = 0; i < request->segment_count; i++) {
            parts[count++] =
                (struct virtqueue_part){request->segments[i].paddr, request->segments[i].bytes};
        }
    }
    *out_readable = count;
    if (request->operation == BLOCK_GET_SERIAL) {
        parts[count++] = (struct virtqueue_part){slot_paddr(blk, slot->serial), SERIAL_BYTES};
    } else if (request->operation == BLOCK_READ) {
        for (unsigned i = 0; i < request->segment_count; i++) {
            parts[count++] =
                (struct virtqueue_part){request->segments[i].paddr, request->segments[i].bytes};
        }
    }
    parts[count++] = (struct virtqueue_part){slot_paddr(blk, &slot->status), 1};
    return count;
}

static int submit_locked(struct virtio_blk *blk, struct block_request *request)
{
    struct virtqueue_part parts[BLOCK_SEGMENTS_MAX + 3];
    unsigned readable;

    if (blk->dead) {
        return -EIO;
    }
    if (blk->broken || blk->queue.free_count < request->segment_count + 3) {
        return -EBUSY;
    }
    struct slot *slot = &blk->slots[virtqueue_next_head(&blk->queue)];
    memset(slot, 0, sizeof(*slot));
    slot->status = STATUS_NONE;
    slot->header.type = types[request->operation];
    slot->header.sector = request->operation == BLOCK_FLUSH ? 0 : request->sector;
    if (request->operation == BLOCK_DISCARD || request->operation == BLOCK_WRITE_ZEROES) {
        slot->header.sector = 0;
        slot->range.sector = request->sector;
        slot->range.sectors = (uint32_t)request->count;
        slot->range.flags = request->unmap ? WRITE_ZEROES_UNMAP : 0;
    }
    unsigned count = fill_parts(blk, slot, request, parts, &readable);
    return virtqueue_add(&blk->queue, parts, readable, count - readable, request);
}

static int virtio_blk_submit(struct block_device *device, struct block_request *request)
{
    struct virtio_blk *blk = device->driver;

    bool irq = spin_lock_irqsave(&blk->lock);
    int error = submit_locked(blk, request);
    if (error == 0) {
        virtqueue_kick(&blk->queue);
    }
    spin_unlock_irqrestore(&blk->lock, irq);
    return error;
}

/* ---- answers ---- */

static uint64_t data_bytes(const struct block_request *request)
{
    switch (request->operation) {
    case BLOCK_READ:
        return request->count * BLOCK_SECTOR;
    case BLOCK_GET_SERIAL:
        return SERIAL_BYTES;
    default:
        return 0;
    }
}

/* What the device says about a request, and says to have written. */
static int judge(const struct block_request *request, uint8_t status, uint32_t written)
{
    if (status == STATUS_UNSUPPORTED) {
        return -EOPNOTSUPP;
    }
    /* Less than was asked for: the rest of the memory is whatever it was. */
    return status == STATUS_OK && written > data_bytes(request) ? 0 : -EIO;
}

/* End a request. Nobody may look at it afterwards. */
static void finish(struct block_request *request, int status)
{
    request->status = status;
    atomic_store_release(&request->done, true);
}

static void finish_answered(struct virtio_blk *blk, struct block_request *request, uint16_t head,
                            uint32_t written)
{
    const struct slot *slot = &blk->slots[head];
    int status = judge(request, atomic_load_relaxed(&slot->status), written);

    if (status == 0 && request->operation == BLOCK_GET_SERIAL) {
        memcpy(phys_to_virt(request->segments[0].paddr), slot->serial, SERIAL_BYTES);
    }
    if (status == 0) {
        atomic_store_relaxed(&blk->successful, 1);
    }
    finish(request, status);
}

/* Once until it is recovered. */
static void mark_broken_locked(struct virtio_blk *blk)
{
    if (!blk->broken && !blk->dead) {
        blk->broken = true;
        block_set_broken(&blk->block);
    }
}

static void on_queue(void *argument)
{
    struct virtio_blk *blk = argument;
    unsigned reason = virtio_pci_interrupt_reason(&blk->pci);
    int taken = 1;
    bool any = false;

    if (reason == 0) {
        return; /* of another device on the line */
    }
    bool irq = spin_lock_irqsave(&blk->lock);
    while (!blk->broken && taken == 1) {
        void *request;
        uint16_t head;
        uint32_t written;
        taken = virtqueue_take(&blk->queue, &request, &head, &written);
        if (taken == 1) {
            finish_answered(blk, request, head, written);
            any = true;
        }
    }
    if (taken < 0 || (reason & 2 && virtio_pci_is_broken(&blk->pci))) {
        mark_broken_locked(blk);
    }
    spin_unlock_irqrestore(&blk->lock, irq);
    if (any) {
        block_completed(&blk->block);
    }
}

static void on_config(void *argument)
{
    struct virtio_blk *blk = argument;

    if (!virtio_pci_is_broken(&blk->pci)) {
        return; /* a new capacity: disks keep the size that they had at boot */
    }
    bool irq = spin_lock_irqsave(&blk->lock);
    mark_broken_locked(blk);
    spin_unlock_irqrestore(&blk->lock, irq);
}

/* ---- setting up, and once more after a failure ---- */

static int set_up(struct virtio_blk *blk)
{
    int error = virtio_pci_negotiate(&blk->pci, WANTED);

    if (error == 0) {
        error = virtio_pci_route_config(&blk->pci);
        if (error != 0 && blk->pci.messages) {
            error = 0; /* no vector of its own: not needed */
        }
    }
    if (error == 0) {
        error = virtqueue_enable(&blk->queue);
    }
    /* Room for a whole request, as it was agreed on at first. */
    if (error == 0 && blk->queue.size < MAX(blk->block.limits.segments, 1u) + 3) {
        error = -EIO;
    }
    if (error == 0) {
        virtio_pci_start(&blk->pci);
    } else {
        virtio_pci_fail(&blk->pci);
    }
    return error;
}

static void fail_request(void *context, void *token)
{
    (void)context;
    finish(token, -EIO);
}

/* The device may still write to the request's memory: never let that be used for anything else. */
static void abandon_request(void *context, void *token)
{
    const struct block_request *request = token;

    for (unsigned i = 0; i < request->segment_count; i++) {
        uint64_t first = request->segments[i].paddr & ~(uint64_t)(PAGE_SIZE - 1);
        uint64_t end = request->segments[i].paddr + request->segments[i].bytes;
        for (uint64_t paddr = first; paddr < end; paddr += PAGE_SIZE) {
            struct page *page = phys_to_page(paddr);
            if (page) {
                (void)page_try_get(page);
            }
        }
    }
    fail_request(context, token);
}

static void recover_locked(struct virtio_blk *blk)
{
    bool irq = spin_lock_irqsave(&blk->lock);
    blk->broken = true; /* the handler leaves the queue alone */
    spin_unlock_irqrestore(&blk->lock, irq);

    int error = virtio_pci_reset(&blk->pci);
    if (atomic_exchange_relaxed(&blk->successful, 0)) {
        blk->resets = 0;
    }
    irq = spin_lock_irqsave(&blk->lock);
    virtqueue_for_each_token(&blk->queue, error == 0 ? fail_request : abandon_request, NULL);
    blk->queue.size = error == 0 ? blk->queue.size : 0;
    spin_unlock_irqrestore(&blk->lock, irq);
    if (error == 0 && ++blk->resets > RESETS_MAX) {
        error = -EIO;
    }
    if (error == 0) {
        error = set_up(blk);
    }
    irq = spin_lock_irqsave(&blk->lock);
    blk->dead = error != 0;
    blk->broken = false;
    atomic_store_release(&blk->block.broken, false);
    spin_unlock_irqrestore(&blk->lock, irq);
    if (error) {
        klog(KLOG_ERR, "%s: the device does not work any more", blk->block.name);
    }
    block_completed(&blk->block);
}

static bool has_requests(struct virtio_blk *blk)
{
    bool irq = spin_lock_irqsave(&blk->lock);
    bool any = blk->queue.free_count < blk->queue.size;
    spin_unlock_irqrestore(&blk->lock, irq);
    return any;
}

static void virtio_blk_recover(struct block_device *device)
{
    struct virtio_blk *blk = device->driver;

    mutex_lock(&blk->reset_mutex);
    /* Somebody else may have done it meanwhile. */
    if (!blk->dead && (atomic_load_acquire(&device->broken) || has_requests(blk))) {
        recover_locked(blk);
    }
    mutex_unlock(&blk->reset_mutex);
}

static const struct block_ops virtio_blk_ops = {
    .submit = virtio_blk_submit,
    .recover = virtio_blk_recover,
};

/* ---- what kind of device it is ---- */

static bool has(const struct virtio_blk *blk, unsigned feature)
{
    return blk->pci.features & VIRTIO_FEATURE(feature);
}

static uint32_t field(struct virtio_blk *blk, unsigned feature, unsigned offset, unsigned width,
                      uint32_t otherwise)
{
    return has(blk, feature) ? (uint32_t)virtio_pci_config(&blk->pci, offset, width) : otherwise;
}

static void read_limits(struct virtio_blk *blk, struct block_limits *out)
{
    uint32_t block = field(blk, F_BLK_SIZE, CONFIG_BLK_SIZE, 4, BLOCK_SECTOR);
    uint32_t exponent = field(blk, F_TOPOLOGY, CONFIG_PHYSICAL_EXPONENT, 1, 0);

    *out = (struct block_limits){
        .sectors = virtio_pci_config(&blk->pci, CONFIG_CAPACITY, 4) |
                   virtio_pci_config(&blk->pci, CONFIG_CAPACITY + 4, 4) << 32,
        .logical_block = block,
        .segments = field(blk, F_SEG_MAX, CONFIG_SEG_MAX, 4, 1),
        .segment_bytes = field(blk, F_SIZE_MAX, CONFIG_SIZE_MAX, 4, UINT32_MAX),
        .discard_sectors = field(blk, F_DISCARD, CONFIG_DISCARD_SECTORS, 4, 0),
        .zeroes_sectors = field(blk, F_WRITE_ZEROES, CONFIG_ZEROES_SECTORS, 4, 0),
        .write_cache = has(blk, F_FLUSH),
        .read_only = has(blk, F_RO),
    };
    out->physical_block = exponent < 4 ? MIN(block << exponent, (uint32_t)PAGE_SIZE) : block;
    uint64_t optimal = (uint64_t)field(blk, F_TOPOLOGY, CONFIG_OPTIMAL_IO, 4, 0) * block;
    out->optimal_io = optimal <= UINT32_MAX ? (uint32_t)optimal : 0;
}

/* The configuration as of one moment, made to make sense. 0, -EINVAL. */
static int take_limits(struct virtio_blk *blk)
{
    struct block_limits *limits = &blk->block.limits;
    unsigned tries = 0;
    uint8_t generation;

    do {
        generation = virtio_pci_generation(&blk->pci);
        read_limits(blk, limits);
    } while (virtio_pci_generation(&blk->pci) != generation && ++tries < GENERATION_TRIES);
    uint32_t block = limits->logical_block;
    if (block < BLOCK_SECTOR || block > PAGE_SIZE || (block & (block - 1)) != 0 ||
        limits->segment_bytes < PAGE_SIZE || limits->sectors > INT64_MAX / BLOCK_SECTOR) {
        return -EINVAL;
    }
    uint32_t sectors_per_block = block / BLOCK_SECTOR;
    unsigned room = (unsigned)blk->queue.size - 3;
    limits->sectors -= limits->sectors % sectors_per_block;
    limits->segments = MAX(MIN(MIN(limits->segments, (unsigned)BLOCK_SEGMENTS_MAX), room), 1u);
    limits->discard_sectors -= limits->discard_sectors % sectors_per_block;
    limits->zeroes_sectors -= limits->zeroes_sectors % sectors_per_block;
    return 0;
}

static int start(struct virtio_blk *blk)
{
    int error = virtio_pci_reset(&blk->pci);

    if (error == 0) {
        error = virtio_pci_attach(&blk->pci, on_queue, on_config, blk);
    }
    if (error == 0) {
        error = set_up(blk);
    }
    return error ? error : take_limits(blk);
}

/* The device, as far as it got, is silenced first: if even that fails its memory stays. */
static void destroy(struct virtio_blk *blk)
{
    virtio_pci_fail(&blk->pci);
    (void)hal_device_interrupt(blk->pci.device, 0, NULL, NULL);
    (void)hal_device_interrupt(blk->pci.device, 1, NULL, NULL);
    if (virtio_pci_reset(&blk->pci) != 0) {
        return;
    }
    if (blk->slot_pages) {
        page_put(blk->slot_pages);
    }
    virtqueue_destroy(&blk->queue);
    kfree(blk);
}

int virtio_blk_probe(struct kernel *kernel, struct hal_device *device)
{
    struct hal_device_id id;

    hal_device_identify(device, &id);
    if (id.vendor != VIRTIO_PCI_VENDOR ||
        (id.device != VIRTIO_PCI_BLOCK && id.device != VIRTIO_PCI_BLOCK_TRANSITIONAL)) {
        return -ENODEV;
    }
    struct virtio_blk *blk = kzalloc(sizeof(*blk));
    if (!blk) {
        return -ENOMEM;
    }
    int error = virtio_pci_open(&blk->pci, device);
    if (error) {
        kfree(blk);
        return -EINVAL;
    }
    spin_lock_init(&blk->lock, LOCK_RANK_DEVICE);
    mutex_init(&blk->reset_mutex, LOCK_RANK_DEVICE_RESET);
    wait_queue_init(&blk->block.wait);
    blk->block.ops = &virtio_blk_ops;
    blk->block.driver = blk;
    error = virtqueue_create(&blk->queue, &blk->pci, 0);
    if (error == 0) {
        blk->slot_pages = page_alloc(SLOTS_ORDER, ALLOC_ZERO);
        blk->slots = blk->slot_pages ? page_address(blk->slot_pages) : NULL;
        error = blk->slots ? start(blk) : -ENOMEM;
    }
    if (error == 0) {
        error = block_register(kernel, &blk->block);
    }
    if (error) {
        destroy(blk);
    }
    return error;
}
