/* SPDX-License-Identifier: MIT */
/*
 * A virtio device on PCI (sim/virtio/virtio.h): configuration space with the capabilities that tell
 * where the structures are, and these in register window 0. VIRTIO 1.1, sections 4.1.4 and 4.1.5.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"
#include "sim/virtio/virtio_internal.h"

/* Register window 0. */
enum {
    BAR_BYTES = 0x4000,
    COMMON_AT = 0x0000,
    COMMON_BYTES = 0x38,
    ISR_AT = 0x1000,
    DEVICE_AT = 0x2000,
    NOTIFY_AT = 0x3000,
    NOTIFY_STEP = 4,
};

/* PCI configuration space. */
enum {
    PCI_COMMAND = 0x04,
    PCI_BAR0 = 0x10,
    CAPABILITIES_AT = 0x40,
    CAPABILITY_STEP = 0x14,
    CAPABILITY_VENDOR = 9,
    CONFIG_SPACE_BYTES = 256,
};

int virtio_create(const struct virtio_host *host, struct virtio_model **out)
{
    struct virtio_model *model = calloc(1, sizeof(*model));

    if (model == NULL) {
        return -ENOMEM;
    }
    model->host = *host;
    virtio_reset(model);
    *out = model;
    return 0;
}

void virtio_destroy(struct virtio_model *model)
{
    if (model == NULL) {
        return;
    }
    model->destroyed = true;
    if (model->under_way == 0) {
        free(model);
    }
}

unsigned virtio_errors(const struct virtio_model *model)
{
    return model->errors;
}

void virtio_reset(struct virtio_model *model)
{
    model->epoch++;
    model->feature_select = model->driver_feature_select = 0;
    model->driver_features = 0;
    model->status = model->isr = 0;
    model->queue_select = 0;
    model->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++) {
        model->queues[i] =
            (struct virtio_queue){.size = VIRTIO_QUEUE_SIZE_MAX, .vector = VIRTIO_NO_VECTOR};
    }
}

void virtio_break(struct virtio_model *model)
{
    model->errors++;
    model->status |= VIRTIO_STATUS_NEEDS_RESET;
    if (model->config_vector != VIRTIO_NO_VECTOR) {
        model->host.raise(model->host.context, model->config_vector);
    } else {
        model->isr |= 2;
        model->host.raise(model->host.context, 0);
    }
}

void virtio_power(void *context, bool on)
{
    struct virtio_model *model = context;

    virtio_reset(model);
    model->command = 0;
    if (!on && model->backend.power_off != NULL) {
        model->backend.power_off(model->backend.context);
    }
}

/* ---- configuration space ---- */

static void put16(uint8_t *at, uint16_t value)
{
    memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

/* struct virtio_pci_cap; with the notification multiplier for that type. */
static void put_capability(uint8_t *space, unsigned index, uint8_t type, uint32_t offset,
                           uint32_t bytes, bool last)
{
    const unsigned at = CAPABILITIES_AT + index * CAPABILITY_STEP;

    space[at] = CAPABILITY_VENDOR;
    space[at + 1] = last ? 0 : (uint8_t)(at + CAPABILITY_STEP);
    space[at + 2] = type == 2 ? 20 : 16;
    space[at + 3] = type;
    put32(space + at + 8, offset);
    put32(space + at + 12, bytes);
    if (type == 2) {
        put32(space + at + 16, NOTIFY_STEP);
    }
}

static void fill_space(const struct virtio_model *model, uint8_t space[CONFIG_SPACE_BYTES])
{
    memset(space, 0, CONFIG_SPACE_BYTES);
    put16(space + 0x00, VIRTIO_VENDOR);
    put16(space + 0x02, model->device);
    put16(space + PCI_COMMAND, model->command);
    put16(space + 0x06, 0x10); /* has capabilities */
    put32(space + 0x08, model->class_code << 8 | 1);
    put32(space + PCI_BAR0, 0xfe000000);
    put16(space + 0x2c, VIRTIO_VENDOR);
    put16(space + 0x2e, model->device);
    space[0x34] = CAPABILITIES_AT;
    space[0x3d] = 1; /* INTA# */
    put_capability(space, 0, 1, COMMON_AT, COMMON_BYTES, false);
    put_capability(space, 1, 2, NOTIFY_AT, VIRTIO_QUEUES_MAX * NOTIFY_STEP, false);
    put_capability(space, 2, 3, ISR_AT, 1, false);
    put_capability(space, 3, 4, DEVICE_AT, (uint32_t)model->config_bytes, true);
}

uint32_t virtio_config_read(void *context, unsigned offset, unsigned width)
{
    uint8_t space[CONFIG_SPACE_BYTES];
    uint32_t value = 0;

    if ((width != 1 && width != 2 && width != 4) || offset % width != 0 ||
        offset >= CONFIG_SPACE_BYTES) {
        return UINT32_MAX;
    }
    fill_space(context, space);
    memcpy(&value, space + offset, width);
    return value;
}

void virtio_config_write(void *context, unsigned offset, unsigned width, uint32_t value)
{
    struct virtio_model *model = context;

    if (offset == PCI_COMMAND && width >= 2) {
        model->command = (uint16_t)value & 0x407;
    }
}

/* ---- register window ---- */

uint64_t virtio_bar_size(void *context, unsigned bar)
{
    (void)context;
    return bar == 0 ? BAR_BYTES : 0;
}

static struct virtio_queue *selected(struct virtio_model *model)
{
    return model->queue_select < model->queue_count ? &model->queues[model->queue_select] : NULL;
}

/* The field of struct virtio_pci_common_cfg at an offset. */
static uint32_t common_read(struct virtio_model *model, unsigned offset)
{
    const struct virtio_queue *queue = selected(model);

    switch (offset) {
    case 0x00:
        return model->feature_select;
    case 0x04:
        return model->feature_select > 1
                   ? 0
                   : (uint32_t)(model->features >> 32 * model->feature_select);
    case 0x08:
        return model->driver_feature_select;
    case 0x0c:
        return model->driver_feature_select > 1
                   ? 0
                   : (uint32_t)(model->driver_features >> 32 * model->driver_feature_select);
    case 0x10:
        return model->config_vector;
    case 0x12:
        return model->queue_count;
    case 0x14:
        return model->status;
    case 0x16:
        return model->queue_select;
    case 0x18:
        return queue == NULL ? 0 : queue->size;
    case 0x1a:
        return queue == NULL ? VIRTIO_NO_VECTOR : queue->vector;
    case 0x1c:
        return queue != NULL && queue->enabled;
    case 0x1e:
        return model->queue_select;
    case 0x20:
        return queue == NULL ? 0 : (uint32_t)queue->descriptors;
    case 0x24:
        return queue == NULL ? 0 : (uint32_t)(queue->descriptors >> 32);
    case 0x28:
        return queue == NULL ? 0 : (uint32_t)queue->available;
    case 0x2c:
        return queue == NULL ? 0 : (uint32_t)(queue->available >> 32);
    case 0x30:
        return queue == NULL ? 0 : (uint32_t)queue->used;
    case 0x34:
        return queue == NULL ? 0 : (uint32_t)(queue->used >> 32);
    default:
        return 0;
    }
}

uint64_t virtio_bar_read(void *context, unsigned bar, uint64_t offset, unsigned width)
{
    struct virtio_model *model = context;
    uint64_t value = 0;

    if (bar != 0 || offset >= BAR_BYTES || width > BAR_BYTES - offset) {
        return UINT64_MAX;
    }
    if (offset < COMMON_AT + COMMON_BYTES) {
        value = common_read(model, (unsigned)offset);
        if (width == 8) {
            value |= (uint64_t)common_read(model, (unsigned)offset + 4) << 32;
        }
    } else if (offset == ISR_AT) {
        value = model->isr;
        model->isr = 0; /* reading it takes the interrupt back */
    } else if (offset >= DEVICE_AT && offset - DEVICE_AT + width <= model->config_bytes) {
        memcpy(&value, model->config + (offset - DEVICE_AT), width);
    }
    return value;
}

static void set_status(struct virtio_model *model, uint8_t status)
{
    if (status == 0) {
        virtio_reset(model);
        return;
    }
    if (status & VIRTIO_STATUS_FEATURES_OK && !(model->status & VIRTIO_STATUS_FEATURES_OK) &&
        (!(model->driver_features & VIRTIO_F_VERSION_1) ||
         (model->driver_features & ~model->features) != 0)) {
        status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK; /* the driver looks whether it stands */
    }
    model->status = status | (model->status & VIRTIO_STATUS_NEEDS_RESET);
}

static void set_half(uint64_t *address, unsigned half, uint32_t value)
{
    *address = (*address & ~((uint64_t)UINT32_MAX << 32 * half)) | (uint64_t)value << 32 * half;
}

static uint16_t check_vector(uint32_t value)
{
    return value < VIRTIO_VECTORS_MAX ? (uint16_t)value : VIRTIO_NO_VECTOR;
}

static void set_size(struct virtio_model *model, struct virtio_queue *queue, uint32_t size)
{
    if (size == 0 || size > VIRTIO_QUEUE_SIZE_MAX || (size & (size - 1)) != 0) {
        virtio_break(model);
        return;
    }
    queue->size = (uint16_t)size;
}

static void queue_write(struct virtio_model *model, struct virtio_queue *queue, unsigned offset,
                        uint32_t value)
{
    if (offset == 0x1a) {
        queue->vector = check_vector(value);
    } else if (queue->enabled) {
        virtio_break(model); /* too late */
    } else if (offset == 0x18) {
        set_size(model, queue, value);
    } else if (offset == 0x1c) {
        queue->enabled = value == 1;
    } else if (offset == 0x20 || offset == 0x24) {
        set_half(&queue->descriptors, offset == 0x24, value);
    } else if (offset == 0x28 || offset == 0x2c) {
        set_half(&queue->available, offset == 0x2c, value);
    } else if (offset == 0x30 || offset == 0x34) {
        set_half(&queue->used, offset == 0x34, value);
    }
}

static void common_write(struct virtio_model *model, unsigned offset, uint32_t value)
{
    switch (offset) {
    case 0x00:
        model->feature_select = value;
        break;
    case 0x08:
        model->driver_feature_select = value;
        break;
    case 0x0c:
        if (model->driver_feature_select < 2) {
            set_half(&model->driver_features, model->driver_feature_select, value);
        }
        break;
    case 0x10:
        model->config_vector = check_vector(value);
        break;
    case 0x14:
        set_status(model, (uint8_t)value);
        break;
    case 0x16:
        model->queue_select = (uint16_t)value;
        break;
    default:
        if (selected(model) != NULL) {
            queue_write(model, selected(model), offset, value);
        }
    }
}

void virtio_bar_write(void *context, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    struct virtio_model *model = context;

    if (bar != 0 || offset >= BAR_BYTES || width > BAR_BYTES - offset) {
        return;
    }
    if (offset < COMMON_AT + COMMON_BYTES) {
        common_write(model, (unsigned)offset, (uint32_t)value);
        if (width == 8) {
            common_write(model, (unsigned)offset + 4, (uint32_t)(value >> 32));
        }
    } else if (offset >= NOTIFY_AT && offset < NOTIFY_AT + model->queue_count * NOTIFY_STEP) {
        const unsigned queue = (unsigned)(offset - NOTIFY_AT) / NOTIFY_STEP;
        if (model->status & VIRTIO_STATUS_DRIVER_OK &&
            !(model->status & VIRTIO_STATUS_NEEDS_RESET) && model->queues[queue].enabled) {
            model->notified(model, queue);
        }
    }
}

const struct sim_device_ops virtio_device_ops = {
    .config_read = virtio_config_read,
    .config_write = virtio_config_write,
    .bar_size = virtio_bar_size,
    .read = virtio_bar_read,
    .write = virtio_bar_write,
    .power = virtio_power,
    .save = virtio_save,
    .restore = virtio_restore,
    .saved_free = virtio_saved_free,
};
