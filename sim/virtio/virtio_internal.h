/* SPDX-License-Identifier: MIT
 *
 * A virtio device, for sim/virtio only: the transport and queues that both kinds share.
 */
#ifndef SIM_VIRTIO_VIRTIO_INTERNAL_H
#define SIM_VIRTIO_VIRTIO_INTERNAL_H

#include "sim/virtio/virtio.h"

enum {
    VIRTIO_QUEUES_MAX = 2,
    VIRTIO_QUEUE_SIZE_MAX = 256,
    VIRTIO_NO_VECTOR = 0xffff,
    VIRTIO_VECTORS_MAX = 64,

    /* device_status */
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_NEEDS_RESET = 64,

    VIRTIO_REQUESTS_MAX = 512, /* of a block device, at its disk */

    VIRTIO_CONFIG_BYTES_MAX = 64, /* of the device's own configuration */
};

#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

struct virtio_queue {
    uint16_t size;
    uint16_t vector;
    bool enabled;
    uint64_t descriptors, available, used; /* bus addresses */
    uint16_t next;                         /* of the available ring */
};

/* A chain of buffers that the driver has made available. */
struct virtio_chain {
    unsigned head;
    unsigned count;
    struct {
        uint8_t *bytes;
        uint32_t count;
        bool writable; /* by the device */
    } parts[VIRTIO_QUEUE_SIZE_MAX];
};

/* A request that a block device's backend has. In the model, so that its address stays the same. */
struct virtio_request {
    struct virtio_model *model;
    bool used;
    unsigned epoch;
    uint32_t type;
    size_t bytes; /* of data */
    uint8_t *data;
    struct virtio_chain *chain;
};

struct virtio_model {
    struct virtio_host host;
    uint16_t device;
    uint32_t class_code;
    uint64_t features; /* offered */
    unsigned queue_count;
    uint8_t config[VIRTIO_CONFIG_BYTES_MAX];
    size_t config_bytes;
    void (*notified)(struct virtio_model *model, unsigned queue);

    /* The driver's, until a reset. */
    uint32_t feature_select, driver_feature_select;
    uint64_t driver_features;
    uint8_t status, isr;
    uint16_t config_vector, queue_select, command;
    struct virtio_queue queues[VIRTIO_QUEUES_MAX];

    struct virtio_chain chain; /* being looked at: too large for a vCPU's stack */
    unsigned errors;
    unsigned epoch;     /* of resets: requests of an earlier one are nobody's any more */
    unsigned under_way; /* requests at the disk; they keep the model alive */
    bool destroyed;

    struct network_node *nic;
    uint64_t dropped;
    struct virtio_blk_backend backend; /* of a block device */
    struct virtio_request requests[VIRTIO_REQUESTS_MAX];
    struct disk *disk; /* NULL: behind the backend is something else */
};

int virtio_create(const struct virtio_host *host, struct virtio_model **out);
void virtio_reset(struct virtio_model *model);

/* The driver broke the rules. */
void virtio_break(struct virtio_model *model);

/* The next available chain; false if there is none or the driver broke the rules. */
bool virtio_pop(struct virtio_model *model, unsigned queue, struct virtio_chain *out);

/* Give a chain back, with how many bytes were written to it; and tell the driver. */
void virtio_push(struct virtio_model *model, unsigned queue, unsigned head, uint32_t written);
void virtio_interrupt(struct virtio_model *model, unsigned queue);

/* Bytes of a chain: all that the driver filled, or that the device may fill. */
uint64_t virtio_chain_bytes(const struct virtio_chain *chain, bool writable);
/* Copy out of, or into, the chain's readable or writable part, from an offset in it; as much as
 * there is. */
void virtio_chain_read(const struct virtio_chain *chain, uint64_t offset, void *out, size_t bytes);
void virtio_chain_write(const struct virtio_chain *chain, uint64_t offset, const void *bytes,
                        size_t count);

#endif
