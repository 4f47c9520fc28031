/* SPDX-License-Identifier: MIT */
/*
 * The network device (sim/virtio/virtio.h; VIRTIO 1.1, section 5.1): one pair of queues, no
 * offloads, so that every frame has a header of zeros.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/virtio/virtio_internal.h"

enum { RECEIVE, TRANSMIT };
enum { HEADER_BYTES = 12, NUM_BUFFERS_AT = 10, FEATURE_MAC = 5, FEATURE_STATUS = 16, LINK_UP = 1 };

static void transmit(struct virtio_model *model)
{
    struct virtio_chain chain;
    uint8_t *frame = malloc(NETWORK_FRAME_MAX);

    while (frame != NULL && virtio_pop(model, TRANSMIT, &chain)) {
        const uint64_t bytes = virtio_chain_bytes(&chain, false);
        if (bytes < HEADER_BYTES + NETWORK_FRAME_MIN || bytes > HEADER_BYTES + NETWORK_FRAME_MAX) {
            virtio_break(model);
            break;
        }
        virtio_chain_read(&chain, HEADER_BYTES, frame, (size_t)bytes - HEADER_BYTES);
        if (model->nic != NULL) {
            /* What cannot be sent is lost, as on a wire. */
            (void)network_send(model->nic, frame, (size_t)bytes - HEADER_BYTES);
        }
        virtio_push(model, TRANSMIT, chain.head, 0);
    }
    free(frame);
}

static void notified(struct virtio_model *model, unsigned queue)
{
    if (queue == TRANSMIT) {
        transmit(model);
    }
}

void virtio_net_receive(void *context, const uint8_t *bytes, size_t count)
{
    static const uint8_t header[HEADER_BYTES] = {[NUM_BUFFERS_AT] = 1};
    struct virtio_model *model = context;
    struct virtio_chain chain;

    if (!(model->status & VIRTIO_STATUS_DRIVER_OK) || !virtio_pop(model, RECEIVE, &chain)) {
        model->dropped++;
        return;
    }
    if (virtio_chain_bytes(&chain, true) < HEADER_BYTES + count) {
        /* The buffer goes back empty: the frame does not fit. */
        model->dropped++;
        virtio_push(model, RECEIVE, chain.head, 0);
        return;
    }
    virtio_chain_write(&chain, 0, header, sizeof(header));
    virtio_chain_write(&chain, sizeof(header), bytes, count);
    virtio_push(model, RECEIVE, chain.head, (uint32_t)(HEADER_BYTES + count));
}

int virtio_net_create(const struct virtio_host *host, const uint8_t address[6],
                      struct virtio_model **out)
{
    int error = virtio_create(host, out);

    if (error == 0) {
        struct virtio_model *model = *out;
        model->device = VIRTIO_DEVICE_NET;
        model->class_code = VIRTIO_CLASS_NET;
        model->features = VIRTIO_F_VERSION_1 | 1u << FEATURE_MAC | 1u << FEATURE_STATUS;
        model->queue_count = 2;
        model->notified = notified;
        memcpy(model->config, address, 6);
        model->config[6] = LINK_UP;
        model->config_bytes = 12;
    }
    return error;
}

void virtio_net_attach(struct virtio_model *model, struct network_node *nic)
{
    model->nic = nic;
}

uint64_t virtio_net_dropped(const struct virtio_model *model)
{
    return model->dropped;
}
