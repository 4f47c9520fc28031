/* SPDX-License-Identifier: MIT
 *
 * Registered files: requests name them by index. ring->resources guards the table.
 */
#include "kernel/syscall/uring/uring_internal.h"

struct file *uring_fixed_file(struct uring *ring, uint32_t index)
{
    mutex_lock(&ring->resources);
    struct file *file = index < ring->file_count ? ring->files[index] : NULL;
    if (file)
        file_get(file);
    mutex_unlock(&ring->resources);
    return file;
}

/* A file for the table: rings would keep each other alive. */
static int take_file(int fd, struct file **out)
{
    *out = NULL;
    if (fd == -1)
        return 0;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    if (file_is_uring(file)) {
        file_put(file);
        return -EBADF;
    }
    *out = file;
    return 0;
}

static void free_files(struct file **files, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (files[i])
            file_put(files[i]);
    kfree(files);
}

int64_t uring_register_files(struct uring *ring, uint64_t uaddr, uint32_t count)
{
    if (count == 0 || count > URING_FILES_MAX)
        return count ? -EMFILE : -EINVAL;
    struct file **files = kzalloc(count * sizeof(struct file *));
    if (!files)
        return -ENOMEM;
    int error = 0;
    unsigned taken = 0;
    for (; !error && taken < count; taken += !error) {
        uint32_t fd = (uint32_t)-1;
        if (uaddr && get_user_u32(&fd, uaddr + (uint64_t)taken * sizeof(fd)))
            error = -EFAULT;
        else
            error = take_file((int)fd, &files[taken]);
    }
    mutex_lock(&ring->resources);
    if (!error && ring->files)
        error = -EBUSY;
    if (!error) {
        ring->files = files;
        ring->file_count = count;
        ring->file_alloc_first = 0;
        ring->file_alloc_end = count;
    }
    mutex_unlock(&ring->resources);
    if (error)
        free_files(files, taken);
    return error;
}

int64_t uring_unregister_files(struct uring *ring)
{
    mutex_lock(&ring->resources);
    struct file **files = ring->files;
    unsigned count = ring->file_count;
    ring->files = NULL;
    ring->file_count = 0;
    ring->file_alloc_first = ring->file_alloc_end = 0;
    mutex_unlock(&ring->resources);
    if (!files)
        return -ENXIO;
    free_files(files, count);
    return 0;
}

/* Put `file` (consumed; NULL: nothing) into a slot. 0, -EINVAL, -ENXIO. */
static int replace(struct uring *ring, uint32_t index, struct file *file)
{
    int error = 0;
    mutex_lock(&ring->resources);
    if (!ring->files)
        error = -ENXIO;
    else if (index >= ring->file_count)
        error = -EINVAL;
    struct file *old = file;
    if (!error) {
        old = ring->files[index];
        ring->files[index] = file;
    }
    mutex_unlock(&ring->resources);
    if (old)
        file_put(old);
    return error;
}

int64_t uring_update_files(struct uring *ring, uint32_t offset, uint64_t fds, uint32_t count)
{
    uint32_t end;
    if (!ring->files)
        return -ENXIO;
    if (count == 0)
        return -EINVAL;
    if (add_overflows(offset, count, &end))
        return -EOVERFLOW;
    if (end > ring->file_count)
        return -EINVAL;
    int64_t done = 0;
    int error = 0;
    for (; done < count && !error; done += !error) {
        struct file *file;
        uint32_t fd;
        if (get_user_u32(&fd, fds + (uint64_t)done * sizeof(fd)))
            error = -EFAULT;
        else if ((int)fd != IORING_REGISTER_FILES_SKIP) {
            error = take_file((int)fd, &file);
            if (!error)
                error = replace(ring, offset + (uint32_t)done, file);
        }
    }
    return done ? done : error;
}

static int free_slot(struct uring *ring)
{
    int found = -ENFILE;
    mutex_lock(&ring->resources);
    for (unsigned i = ring->file_alloc_first; i < ring->file_alloc_end && found < 0; i++)
        if (!ring->files[i])
            found = (int)i;
    mutex_unlock(&ring->resources);
    return found;
}

int64_t uring_set_file_range(struct uring *ring, uint64_t uaddr)
{
    struct linux_io_uring_file_index_range range;
    uint32_t end;
    int64_t result = 0;
    if (copy_from_user(&range, uaddr, sizeof(range)))
        return -EFAULT;
    if (add_overflows(range.off, range.len, &end))
        return -EOVERFLOW;
    mutex_lock(&ring->resources);
    if (range.resv || end > ring->file_count) {
        result = -EINVAL;
    } else {
        ring->file_alloc_first = range.off;
        ring->file_alloc_end = end;
    }
    mutex_unlock(&ring->resources);
    return result;
}

/* `file` (consumed) goes to slot file_index - 1, or to a free one for IORING_FILE_INDEX_ALLOC. */
static int64_t install(struct uring *ring, struct file *file, uint32_t file_index)
{
    bool any = file_index == IORING_FILE_INDEX_ALLOC;
    int slot = any ? free_slot(ring) : (int)(file_index - 1);
    if (any && slot < 0) {
        file_put(file);
        return slot;
    }
    int error = replace(ring, (uint32_t)slot, file);
    return error ? error : any ? slot : 0;
}

/* A new descriptor becomes a slot of the table instead. */
int64_t uring_install_fixed(struct uring *ring, int fd, uint32_t file_index)
{
    struct file *file = fd_get_any(fd);
    fd_close(fd);
    return file ? install(ring, file, file_index) : -EBADF;
}

/* IORING_MSG_SEND_FD. The slot if it was chosen here, or 0. */
int64_t uring_send_fixed(struct uring *from, uint64_t index, struct uring *to, uint32_t file_index)
{
    struct file *file = index <= UINT32_MAX ? uring_fixed_file(from, (uint32_t)index) : NULL;
    return file ? install(to, file, file_index) : -EBADF;
}

int64_t uring_close_fixed(struct uring *ring, uint32_t file_index)
{
    struct file *file = uring_fixed_file(ring, file_index - 1);
    if (!file)
        return file_index - 1 < ring->file_count ? -EBADF : ring->files ? -EINVAL : -ENXIO;
    file_put(file);
    return replace(ring, file_index - 1, NULL);
}
