/* SPDX-License-Identifier: MIT
 *
 * Personalities: credentials that are registered with a ring, and that a request may name to run
 * with (sqe.personality). IORING_REGISTER_PERSONALITY, io_uring_register(2).
 *
 * The table holds a reference to each, and so does a request; submit_mutex guards the table. The
 * numbers go from 1 on, and one is not soon used again.
 */
#include "kernel/security/cred.h"
#include "kernel/syscall/uring/uring_internal.h"

int64_t uring_register_personality(struct uring *ring)
{
    uint64_t id;
    struct cred *cred = cred_get(current_cred());
    int error = xarray_alloc_cyclic(&ring->personalities, cred, 1, UINT16_MAX,
                                    &ring->personality_next, &id);
    if (!error)
        return (int64_t)id;
    cred_put(cred);
    return error == -ENOSPC ? -EBUSY : error;
}

int64_t uring_unregister_personality(struct uring *ring, uint32_t id)
{
    const struct cred *cred = xarray_erase(&ring->personalities, id);
    cred_put(cred);
    return cred ? 0 : -EINVAL;
}

void uring_forget_personalities(struct uring *ring)
{
    uint64_t id = 0;
    const struct cred *cred;
    while ((cred = xarray_find(&ring->personalities, &id))) {
        xarray_erase(&ring->personalities, id);
        cred_put(cred);
    }
    xarray_destroy(&ring->personalities);
}

int uring_assume(struct uring_request *request)
{
    const struct cred *cred = xarray_get(&request->ring->personalities, request->sqe.personality);
    if (!cred)
        return -EINVAL;
    request->cred = cred_get(cred);
    return 0;
}
