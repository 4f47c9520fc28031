/* SPDX-License-Identifier: MIT */
/*
 * States of models (sim/virtio/virtio.h), for snapshots. Pointers into the machine's memory stay
 * valid, as it stays where it is; the memory of requests is copied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/virtio/virtio_internal.h"

struct saved {
    struct virtio_model copy; /* its requests have memory of their own */
    struct disk_state *disk;  /* NULL: none */
};

static void *duplicate(const void *bytes, size_t count)
{
    void *copy = bytes == NULL ? NULL : malloc(count);

    if (copy != NULL) {
        memcpy(copy, bytes, count);
    }
    return copy;
}

static void free_requests(struct virtio_model *model)
{
    for (unsigned i = 0; i < VIRTIO_REQUESTS_MAX; i++) {
        free(model->requests[i].data);
        free(model->requests[i].chain);
    }
}

/* The requests of one model, copied to where another copy of it is being made. */
static int clone_requests(const struct virtio_model *from, struct virtio_model *to)
{
    bool failed = false;

    for (unsigned i = 0; i < VIRTIO_REQUESTS_MAX; i++) {
        const struct virtio_request *request = &from->requests[i];
        to->requests[i].data = duplicate(request->data, request->bytes);
        to->requests[i].chain = duplicate(request->chain, sizeof(*request->chain));
        failed = failed || (request->data != NULL && to->requests[i].data == NULL) ||
                 (request->chain != NULL && to->requests[i].chain == NULL);
    }
    if (failed) {
        free_requests(to);
    }
    return failed ? -ENOMEM : 0;
}

void *virtio_save(void *context)
{
    const struct virtio_model *model = context;
    struct saved *saved = malloc(sizeof(*saved));

    if (saved == NULL) {
        return NULL;
    }
    saved->copy = *model;
    saved->disk = NULL;
    if (clone_requests(model, &saved->copy) != 0) {
        free(saved);
        return NULL;
    }
    if (model->disk != NULL && (saved->disk = disk_state_save(model->disk)) == NULL) {
        virtio_saved_free(saved);
        return NULL;
    }
    return saved;
}

int virtio_restore(void *context, const void *state)
{
    struct virtio_model *model = context;
    const struct saved *saved = state;
    struct virtio_model *fresh = malloc(sizeof(*fresh));
    int error = fresh == NULL ? -ENOMEM : 0;

    if (error == 0) {
        *fresh = saved->copy;
        error = clone_requests(&saved->copy, fresh);
    }
    if (error == 0 && saved->disk != NULL) {
        error = disk_state_restore(model->disk, saved->disk);
        if (error != 0) {
            free_requests(fresh);
        }
    }
    if (error == 0) {
        free_requests(model);
        *model = *fresh;
        for (unsigned i = 0; i < VIRTIO_REQUESTS_MAX && model->disk != NULL; i++) {
            if (model->requests[i].used) {
                disk_read_into(model->disk, &model->requests[i], model->requests[i].data);
            }
        }
    }
    free(fresh);
    return error;
}

void virtio_saved_free(void *state)
{
    struct saved *saved = state;

    if (saved != NULL) {
        free_requests(&saved->copy);
        disk_state_free(saved->disk);
        free(saved);
    }
}
