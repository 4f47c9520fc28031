/* SPDX-License-Identifier: MIT
 *
 * Buffers: registered ones (READ_FIXED), and groups from which a request takes one when it runs:
 * provided by requests, or lying in a ring in user memory. ring->resources guards all of them.
 */
#include "kernel/syscall/uring/uring_internal.h"

/* A registered buffer is a range of addresses that the request must stay inside. */
int uring_fixed_buffer(struct uring_request *request, uint64_t addr, uint64_t bytes)
{
    struct uring *ring = request->ring;
    int error = -EFAULT;
    mutex_lock(&ring->resources);
    if (request->sqe.buf_index < ring->buffer_count) {
        const struct uring_buffer *buffer = &ring->buffers[request->sqe.buf_index];
        if (addr >= buffer->addr && bytes <= buffer->bytes &&
            addr - buffer->addr <= buffer->bytes - bytes)
            error = 0;
    }
    mutex_unlock(&ring->resources);
    return error;
}

/* ---- groups ---- */

static struct uring_group *find_group(struct uring *ring, uint16_t id)
{
    struct uring_group *group;
    list_for_each_entry(group, &ring->groups, node)
    {
        if (group->id == id)
            return group;
    }
    return NULL;
}

static struct uring_group *add_group(struct uring *ring, uint16_t id)
{
    struct uring_group *group =
        ring->group_count < URING_GROUPS_MAX ? kzalloc(sizeof(*group)) : NULL;
    if (!group)
        return NULL;
    group->id = id;
    list_add_tail(&ring->groups, &group->node);
    ring->group_count++;
    return group;
}

static void free_group(struct uring *ring, struct uring_group *group)
{
    list_remove(&group->node);
    ring->group_count--;
    kfree(group->buffers);
    kfree(group);
}

void uring_free_groups(struct uring *ring)
{
    while (!list_empty(&ring->groups))
        free_group(ring, list_first_entry(&ring->groups, struct uring_group, node));
}

/* The next entry of a ring in user memory. */
static int take_from_ring(struct uring_group *group, struct uring_buffer *out)
{
    struct linux_io_uring_buf entry, first;
    if (copy_from_user(&first, group->ring_uaddr, sizeof(first)))
        return -EFAULT;
    if ((uint16_t)group->head == first.resv)
        return -ENOBUFS;
    uint64_t at = group->head & (group->ring_entries - 1);
    if (copy_from_user(&entry, group->ring_uaddr + at * sizeof(entry), sizeof(entry)))
        return -EFAULT;
    *out = (struct uring_buffer){.addr = entry.addr, .bytes = entry.len, .id = entry.bid};
    group->head++;
    return 0;
}

int uring_select(struct uring_request *request, uint64_t *addr, uint64_t *bytes)
{
    struct uring *ring = request->ring;
    if (!(request->sqe.flags & IOSQE_BUFFER_SELECT))
        return 0;
    mutex_lock(&ring->resources);
    struct uring_group *group = find_group(ring, request->sqe.buf_index);
    int error = -ENOBUFS;
    if (group && group->ring_uaddr) {
        error = take_from_ring(group, &request->buffer);
    } else if (group && group->count) {
        request->buffer = group->buffers[--group->count];
        error = 0;
    }
    mutex_unlock(&ring->resources);
    if (error)
        return error;
    request->has_buffer = true;
    *addr = request->buffer.addr;
    if (*bytes == 0 || *bytes > request->buffer.bytes)
        *bytes = request->buffer.bytes;
    request->cqe_flags = IORING_CQE_F_BUFFER | (uint32_t)request->buffer.id
                                                   << IORING_CQE_BUFFER_SHIFT;
    return 0;
}

void uring_unselect(struct uring_request *request)
{
    struct uring *ring = request->ring;
    if (!request->has_buffer)
        return;
    mutex_lock(&ring->resources);
    struct uring_group *group = find_group(ring, request->sqe.buf_index);
    if (group && group->ring_uaddr)
        group->head--;
    else if (group && group->count < group->capacity)
        group->buffers[group->count++] = request->buffer;
    mutex_unlock(&ring->resources);
    request->has_buffer = false;
    request->cqe_flags = 0;
}

/* ---- PROVIDE_BUFFERS, REMOVE_BUFFERS ---- */

int uring_provide_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    uint64_t bytes, end;
    if (sqe->op_flags || sqe->file_index)
        return -EINVAL;
    if (sqe->fd <= 0 || sqe->fd > (int)UINT16_MAX)
        return -E2BIG;
    if (mul_overflows((uint64_t)sqe->len, (uint64_t)sqe->fd, &bytes) ||
        add_overflows(sqe->addr, bytes, &end))
        return -EOVERFLOW;
    if (end > this_kernel()->boot->user_addr_limit)
        return -EFAULT;
    if (sqe->off > UINT16_MAX || sqe->off + (uint64_t)sqe->fd > (int)UINT16_MAX + 1ull)
        return sqe->off > UINT16_MAX ? -E2BIG : -EINVAL;
    return 0;
}

static int grow(struct uring_group *group, unsigned more)
{
    unsigned wanted = group->count + more;
    if (wanted > URING_GROUP_BUFFERS_MAX)
        return -ENOMEM;
    if (wanted <= group->capacity)
        return 0;
    struct uring_buffer *larger = kmalloc(wanted * sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    if (group->count)
        memcpy(larger, group->buffers, group->count * sizeof(*larger));
    kfree(group->buffers);
    group->buffers = larger;
    group->capacity = wanted;
    return 0;
}

int64_t uring_provide_issue(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    struct uring *ring = request->ring;
    unsigned count = (unsigned)sqe->fd;
    mutex_lock(&ring->resources);
    struct uring_group *group = find_group(ring, sqe->buf_index);
    if (!group)
        group = add_group(ring, sqe->buf_index);
    int error = !group ? -ENOMEM : group->ring_uaddr ? -EINVAL : grow(group, count);
    /* A stack: the first one on top. */
    for (unsigned i = count; !error && i-- > 0;)
        group->buffers[group->count++] = (struct uring_buffer){
            .addr = sqe->addr + (uint64_t)i * sqe->len,
            .bytes = sqe->len,
            .id = (uint16_t)(sqe->off + i),
        };
    mutex_unlock(&ring->resources);
    return error;
}

int uring_remove_prepare(struct uring_request *request)
{
    const struct linux_io_uring_sqe *sqe = &request->sqe;
    if (sqe->op_flags || sqe->addr || sqe->len || sqe->off || sqe->file_index)
        return -EINVAL;
    return sqe->fd <= 0 || sqe->fd > (int)UINT16_MAX ? -EINVAL : 0;
}

int64_t uring_remove_issue(struct uring_request *request)
{
    struct uring *ring = request->ring;
    int64_t result = -ENOENT;
    mutex_lock(&ring->resources);
    struct uring_group *group = find_group(ring, request->sqe.buf_index);
    if (group && group->ring_uaddr) {
        result = -EINVAL;
    } else if (group) {
        result = MIN((int64_t)request->sqe.fd, (int64_t)group->count);
        group->count -= (unsigned)result;
    }
    mutex_unlock(&ring->resources);
    return result;
}

/* ---- rings of buffers ---- */

static int copy_registration(struct linux_io_uring_buf_reg *reg, uint64_t uaddr, uint32_t count)
{
    if (!uaddr || count != 1)
        return -EINVAL;
    if (copy_from_user(reg, uaddr, sizeof(*reg)))
        return -EFAULT;
    return reg->pad || reg->resv[0] || reg->resv[1] || reg->resv[2] ? -EINVAL : 0;
}

int64_t uring_register_pbuf(struct uring *ring, uint64_t uaddr, uint32_t count)
{
    struct linux_io_uring_buf_reg reg;
    int64_t result = copy_registration(&reg, uaddr, count);
    if (result)
        return result;
    if (!reg.ring_addr)
        return -EFAULT;
    if (!IS_ALIGNED(reg.ring_addr, (uint64_t)PAGE_SIZE) || reg.ring_entries == 0 ||
        (reg.ring_entries & (reg.ring_entries - 1)) || reg.ring_entries >= 65536)
        return -EINVAL;
    mutex_lock(&ring->resources);
    struct uring_group *group = find_group(ring, reg.bgid);
    if (group && (group->ring_uaddr || group->count))
        result = -EEXIST;
    else if (!group && !(group = add_group(ring, reg.bgid)))
        result = -ENOMEM;
    if (!result) {
        group->ring_uaddr = reg.ring_addr;
        group->ring_entries = reg.ring_entries;
        group->head = 0;
    }
    mutex_unlock(&ring->resources);
    return result;
}

int64_t uring_unregister_pbuf(struct uring *ring, uint64_t uaddr, uint32_t count)
{
    struct linux_io_uring_buf_reg reg;
    int64_t result = copy_registration(&reg, uaddr, count);
    if (result)
        return result;
    result = -ENOENT;
    mutex_lock(&ring->resources);
    struct uring_group *group = find_group(ring, reg.bgid);
    if (group && !group->ring_uaddr) {
        result = -EINVAL;
    } else if (group) {
        free_group(ring, group);
        result = 0;
    }
    mutex_unlock(&ring->resources);
    return result;
}
