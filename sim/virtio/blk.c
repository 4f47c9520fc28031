/* SPDX-License-Identifier: MIT */
/*
 * The block device (sim/virtio/virtio.h; VIRTIO 1.1, section 5.2) in front of a simulated disk. A
 * request keeps its chain, whose parts point to the machine's memory, until the disk is done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/virtio/virtio_internal.h"

enum {
    TYPE_IN = 0,
    TYPE_OUT = 1,
    TYPE_FLUSH = 4,
    TYPE_GET_ID = 8,
    TYPE_DISCARD = 11,
    TYPE_WRITE_ZEROES = 13,

    STATUS_OK = 0,
    STATUS_IOERR = 1,
    STATUS_UNSUPPORTED = 2,

    HEADER_BYTES = 16,
    RANGE_BYTES = 16,
    ID_BYTES = 20,
    FEATURE_SEG_MAX = 2,
    FEATURE_RO = 5,
    FEATURE_BLK_SIZE = 6,
    FEATURE_FLUSH = 9,
    FEATURE_DISCARD = 13,
    FEATURE_WRITE_ZEROES = 14,

    ERASE_SECTORS_MAX = 2048, /* of one request */
    CONFIG_BYTES = 60,
};

/* The last byte of what the device may write is the status. */
static void answer(struct virtio_model *model, const struct virtio_chain *chain, uint8_t status,
                   size_t written)
{
    const uint64_t room = virtio_chain_bytes(chain, true);

    virtio_chain_write(chain, room - 1, &status, 1);
    virtio_push(model, 0, chain->head, (uint32_t)written + 1);
}

static void release(struct virtio_request *request)
{
    free(request->data);
    free(request->chain);
    request->data = NULL;
    request->chain = NULL;
    request->used = false;
    request->model->under_way--;
}

static void done(void *argument, int status)
{
    struct virtio_request *request = argument;
    struct virtio_model *model = request->model;

    if (status != -ECANCELED && !model->destroyed && request->epoch == model->epoch) {
        const bool read = request->type == TYPE_IN && status == 0;
        if (read) {
            virtio_chain_write(request->chain, 0, request->data, request->bytes);
        }
        answer(model, request->chain, status == 0 ? STATUS_OK : STATUS_IOERR,
               read ? request->bytes : 0);
    }
    release(request);
    if (model->destroyed && model->under_way == 0) {
        free(model);
    }
}

/* A request with memory for its data; NULL: without, or too many at a time. */
static struct virtio_request *take_request(struct virtio_model *model,
                                           const struct virtio_chain *chain, uint32_t type,
                                           size_t bytes)
{
    struct virtio_request *request = model->requests;

    while (request < model->requests + VIRTIO_REQUESTS_MAX && request->used) {
        request++;
    }
    if (request == model->requests + VIRTIO_REQUESTS_MAX) {
        return NULL;
    }
    *request = (struct virtio_request){.model = model,
                                       .used = true,
                                       .epoch = model->epoch,
                                       .type = type,
                                       .bytes = bytes,
                                       .data = bytes == 0 ? NULL : calloc(1, bytes),
                                       .chain = malloc(sizeof(*chain))};
    model->under_way++;
    if (request->chain == NULL || (request->data == NULL && bytes > 0)) {
        release(request);
        return NULL;
    }
    *request->chain = *chain;
    return request;
}

static void submit(struct virtio_model *model, const struct virtio_chain *chain, uint32_t type,
                   uint64_t sector, uint64_t bytes)
{
    struct virtio_request *request = take_request(model, chain, type, (size_t)bytes);

    if (request != NULL) {
        if (type == TYPE_OUT) {
            virtio_chain_read(chain, HEADER_BYTES, request->data, (size_t)bytes);
        }
        const enum disk_operation operation = type == TYPE_FLUSH ? DISK_FLUSH
                                              : type == TYPE_IN  ? DISK_READ
                                                                 : DISK_WRITE;
        if (model->backend.submit(model->backend.context, operation, sector, bytes / DISK_SECTOR,
                                  request->data, done, request) == 0) {
            return;
        }
        release(request);
    }
    answer(model, chain, STATUS_IOERR, 0);
}

static void answer_id(struct virtio_model *model, const struct virtio_chain *chain)
{
    char id[ID_BYTES] = {0};

    memcpy(id, model->backend.serial, strnlen(model->backend.serial, sizeof(id)));
    virtio_chain_write(chain, 0, id, sizeof(id));
    answer(model, chain, STATUS_OK, ID_BYTES);
}

/* Zeroes are written; to discard blocks is to write zeroes too, so that what they read as does not
 * depend on anything. */
static void erase(struct virtio_model *model, const struct virtio_chain *chain, uint32_t type)
{
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } range;

    virtio_chain_read(chain, HEADER_BYTES, &range, sizeof(range));
    if (range.sectors > ERASE_SECTORS_MAX || range.flags & ~1u) {
        answer(model, chain, range.flags & ~1u ? STATUS_UNSUPPORTED : STATUS_IOERR, 0);
    } else {
        submit(model, chain, type, range.sector, (uint64_t)range.sectors * DISK_SECTOR);
    }
}

static bool writes(uint32_t type)
{
    return type == TYPE_OUT || type == TYPE_DISCARD || type == TYPE_WRITE_ZEROES;
}

static void serve(struct virtio_model *model, const struct virtio_chain *chain)
{
    const uint64_t readable = virtio_chain_bytes(chain, false);
    const uint64_t writable = virtio_chain_bytes(chain, true);
    uint32_t type;
    uint64_t sector;

    if (readable < HEADER_BYTES || writable < 1) {
        virtio_break(model);
        return;
    }
    virtio_chain_read(chain, 0, &type, sizeof(type));
    virtio_chain_read(chain, 8, &sector, sizeof(sector));
    const uint64_t bytes = type == TYPE_OUT  ? readable - HEADER_BYTES
                           : type == TYPE_IN ? writable - 1
                                             : 0;
    if (writes(type) && model->backend.read_only) {
        answer(model, chain, STATUS_IOERR, 0);
    } else if (type == TYPE_GET_ID && writable >= ID_BYTES + 1) {
        answer_id(model, chain);
    } else if ((type == TYPE_DISCARD || type == TYPE_WRITE_ZEROES) &&
               readable == HEADER_BYTES + RANGE_BYTES) {
        erase(model, chain, type);
    } else if (type != TYPE_IN && type != TYPE_OUT && type != TYPE_FLUSH) {
        answer(model, chain, STATUS_UNSUPPORTED, 0);
    } else if (bytes % DISK_SECTOR != 0 || bytes / DISK_SECTOR > DISK_REQUEST_SECTORS_MAX) {
        answer(model, chain, STATUS_IOERR, 0);
    } else {
        submit(model, chain, type, sector, bytes);
    }
}

static void notified(struct virtio_model *model, unsigned queue)
{
    while (virtio_pop(model, queue, &model->chain)) {
        serve(model, &model->chain);
    }
}

static void put32(struct virtio_model *model, unsigned at, uint32_t value)
{
    memcpy(model->config + at, &value, sizeof(value));
}

int virtio_blk_create_on(const struct virtio_host *host, const struct virtio_blk_backend *backend,
                         struct virtio_model **out)
{
    int error = virtio_create(host, out);

    if (error == 0) {
        struct virtio_model *model = *out;
        model->device = VIRTIO_DEVICE_BLK;
        model->class_code = VIRTIO_CLASS_BLK;
        model->features = VIRTIO_F_VERSION_1 | 1u << FEATURE_SEG_MAX | 1u << FEATURE_BLK_SIZE |
                          1u << FEATURE_FLUSH | 1u << FEATURE_DISCARD | 1u << FEATURE_WRITE_ZEROES;
        if (backend->read_only) {
            model->features |= 1u << FEATURE_RO;
        }
        model->queue_count = 1;
        model->notified = notified;
        model->backend = *backend;
        memcpy(model->config, &backend->sectors, sizeof(backend->sectors));
        put32(model, 12, VIRTIO_QUEUE_SIZE_MAX - 2); /* seg_max */
        put32(model, 20, DISK_SECTOR);               /* blk_size */
        put32(model, 36, ERASE_SECTORS_MAX);         /* max_discard_sectors */
        put32(model, 40, 1);                         /* max_discard_seg */
        put32(model, 44, 1);                         /* discard_sector_alignment */
        put32(model, 48, ERASE_SECTORS_MAX);         /* max_write_zeroes_sectors */
        put32(model, 52, 1);                         /* max_write_zeroes_seg */
        model->config_bytes = CONFIG_BYTES;
    }
    return error;
}

/* ---- a simulated disk ---- */

static int submit_to_disk(void *context, enum disk_operation operation, uint64_t sector,
                          uint64_t count, void *bytes, void (*finished)(void *argument, int status),
                          void *argument)
{
    return disk_submit(context, operation, sector, count, bytes, finished, argument);
}

static void power_off_disk(void *context)
{
    /* Without memory for it the disk keeps what it had: a rarer fault than those it simulates. */
    (void)disk_power_cut(context, false);
}

int virtio_blk_create(const struct virtio_host *host, struct disk *disk, struct virtio_model **out)
{
    const struct virtio_blk_backend backend = {
        .submit = submit_to_disk,
        .power_off = power_off_disk,
        .context = disk,
        .serial = disk_name(disk),
        .sectors = disk_sectors(disk),
    };

    int error = virtio_blk_create_on(host, &backend, out);

    if (error == 0) {
        (*out)->disk = disk;
    }
    return error;
}
