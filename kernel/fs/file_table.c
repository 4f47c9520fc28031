/* SPDX-License-Identifier: MIT
 *
 * Descriptor tables: dup(2), close(2), close_range(2), fcntl(2).
 *
 * Invariants: a descriptor is taken while its bit in open_bits is set; files[fd] is NULL between
 * fd_reserve and fd_install. No descriptor below next_hint is free.
 *
 * Locking: table->lock for every change, and for reading somebody else's table. The only user of a
 * table (refs 1) reads it without the lock: nobody else changes it.
 */
#include "kernel/fs/locks.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/lib/bitmap.h"
#include "kernel/sched/thread.h"

enum { INITIAL_CAPACITY = 64, CAPACITY_MAX = 1 << 19 };

struct table_with_files {
    struct file_table table;
    struct file *files[INITIAL_CAPACITY];
    uint64_t bits[2];
};

static struct file_table *table_alloc(void)
{
    struct table_with_files *all = kzalloc(sizeof(*all));
    if (!all)
        return NULL;
    struct file_table *table = &all->table;
    table->refs = 1;
    spin_lock_init(&table->lock, LOCK_RANK_FILES);
    table->files = all->files;
    table->open_bits = &all->bits[0];
    table->cloexec_bits = &all->bits[1];
    table->capacity = INITIAL_CAPACITY;
    return table;
}

static void free_arrays(struct file **files, unsigned capacity)
{
    if (capacity > INITIAL_CAPACITY)
        kfree(files);
}

/* Arrays for at least `wanted` descriptors. With the lock held; allocation does not sleep. */
static int grow_locked(struct file_table *table, unsigned wanted)
{
    unsigned capacity = table->capacity;
    while (capacity < wanted)
        capacity *= 2;
    if (capacity == table->capacity)
        return 0;
    if (capacity > CAPACITY_MAX)
        return -EMFILE;
    size_t words = BITMAP_WORDS(capacity), old_words = BITMAP_WORDS(table->capacity);
    struct file **files = kzalloc(capacity * sizeof(files[0]) + 2 * words * sizeof(uint64_t));
    if (!files)
        return -ENOMEM;
    uint64_t *bits = (uint64_t *)(files + capacity);
    memcpy(files, table->files, table->capacity * sizeof(files[0]));
    memcpy(bits, table->open_bits, old_words * sizeof(uint64_t));
    memcpy(bits + words, table->cloexec_bits, old_words * sizeof(uint64_t));
    free_arrays(table->files, table->capacity);
    table->files = files;
    table->open_bits = bits;
    table->cloexec_bits = bits + words;
    table->capacity = capacity;
    return 0;
}

int file_table_create(struct file_table **out)
{
    *out = table_alloc();
    return *out ? 0 : -ENOMEM;
}

int file_table_copy(struct file_table *from, struct file_table **out)
{
    struct file_table *table = table_alloc();
    if (!table)
        return -ENOMEM;
    spin_lock(&from->lock);
    size_t end = from->capacity;
    while (end > 0 && !bitmap_test(from->open_bits, end - 1))
        end--;
    int error = grow_locked(table, (unsigned)end);
    for (size_t fd = 0; !error && fd < end; fd++) {
        if (!from->files[fd])
            continue;
        table->files[fd] = file_get(from->files[fd]);
        bitmap_set(table->open_bits, fd);
        bitmap_assign(table->cloexec_bits, fd, bitmap_test(from->cloexec_bits, fd));
    }
    spin_unlock(&from->lock);
    if (error) {
        file_table_put(table);
        return error;
    }
    *out = table;
    return 0;
}

struct file_table *file_table_get(struct file_table *table)
{
    uint32_t old = atomic_fetch_add_relaxed(&table->refs, 1);
    assert(old > 0);
    return table;
}

/* What close(2) does with the file it took out of the table; consumes the reference. */
static int close_file(struct file_table *table, struct file *file)
{
    int error = file->ops->flush ? file->ops->flush(file) : 0;
    if (unlikely(file->mode & FILE_PATH)) { /* never opened the file: nothing to release */
        file_put(file);
        return error;
    }
    if (unlikely(atomic_load_acquire(&file->inode->locks) != NULL))
        file_locks_close(file, table);
    if (unlikely(atomic_load_acquire(&file->inode->marks) != NULL))
        fs_notify_file_closed(file, table);
    file_put(file);
    return error;
}

void file_table_put(struct file_table *table)
{
    if (!table || atomic_sub_fetch_acq_rel(&table->refs, 1) != 0)
        return;
    size_t fd;
    bitmap_for_each_set(fd, table->open_bits, table->capacity) if (table->files[fd])
        close_file(table, table->files[fd]);
    free_arrays(table->files, table->capacity);
    kfree(container_of(table, struct table_with_files, table));
}

int file_table_unshare(void)
{
    struct thread *thread = this_thread();
    struct file_table *old = thread->files, *copy;
    if (atomic_load_acquire(&old->refs) == 1)
        return 0;
    int error = file_table_copy(old, &copy);
    if (error)
        return error;
    struct spinlock *lock = thread->kernel->cred_lock;
    if (lock)
        spin_lock(lock); /* guards what other threads look at: /proc takes references under it */
    thread->files = copy;
    if (lock)
        spin_unlock(lock);
    file_table_put(old);
    return 0;
}

static struct file *entry_of(const struct file_table *table, int fd)
{
    if (likely((unsigned)fd < table->capacity))
        return table->files[fd];
    return unlikely(fd == FD_OF_REQUEST) ? this_thread()->request_file : NULL;
}

struct file *file_table_lookup(struct file_table *table, int fd)
{
    spin_lock(&table->lock);
    struct file *file = entry_of(table, fd);
    if (file)
        file_get(file);
    spin_unlock(&table->lock);
    return file;
}

unsigned fd_table_capacity(void)
{
    struct file_table *table = this_thread()->files;
    spin_lock(&table->lock);
    unsigned capacity = table->capacity;
    spin_unlock(&table->lock);
    return capacity;
}

int file_table_next(struct file_table *table, int fd)
{
    int found = -1;
    spin_lock(&table->lock);
    for (unsigned i = fd < 0 ? 0 : (unsigned)fd; i < table->capacity; i++) {
        i = (unsigned)bitmap_find_set(table->open_bits, table->capacity, i);
        if (i < table->capacity && table->files[i]) {
            found = (int)i;
            break;
        }
    }
    spin_unlock(&table->lock);
    return found;
}

struct fd_borrow fd_borrow_any(int fd)
{
    struct file_table *table = this_thread()->files;
    if (likely(atomic_load_acquire(&table->refs) == 1))
        return (struct fd_borrow){.file = entry_of(table, fd), .counted = false};
    return (struct fd_borrow){.file = file_table_lookup(table, fd), .counted = true};
}

void fd_release_counted(struct fd_borrow borrow)
{
    if (borrow.file)
        file_put(borrow.file);
}

struct fd_borrow fd_borrow(int fd)
{
    struct fd_borrow borrow = fd_borrow_any(fd);
    if (borrow.file && unlikely(borrow.file->mode & FILE_PATH)) {
        fd_release(borrow);
        borrow.file = NULL;
    }
    return borrow;
}

struct file *fd_get_any(int fd)
{
    struct fd_borrow borrow = fd_borrow_any(fd);
    if (borrow.file && !borrow.counted)
        file_get(borrow.file);
    return borrow.file;
}

struct file *fd_get(int fd)
{
    struct file *file = fd_get_any(fd);
    if (file && unlikely(file->mode & FILE_PATH)) {
        file_put(file);
        return NULL;
    }
    return file;
}

static const struct file_limits_ops *limits_ops(void)
{
    return this_vfs()->limits;
}

static uint64_t nofile_limit(void)
{
    const struct file_limits_ops *ops = limits_ops();
    return ops && ops->nofile_limit ? ops->nofile_limit() : CAPACITY_MAX;
}

uint64_t file_size_limit(void)
{
    const struct file_limits_ops *ops = limits_ops();
    return ops && ops->fsize_limit ? ops->fsize_limit() : UINT64_MAX;
}

int file_check_size_limit(uint64_t size)
{
    const struct file_limits_ops *ops = limits_ops();
    if (likely(size <= file_size_limit()))
        return 0;
    if (ops->fsize_exceeded)
        ops->fsize_exceeded();
    return -EFBIG;
}

void file_table_set_limits_ops(struct kernel *kernel, const struct file_limits_ops *ops)
{
    kernel->vfs->limits = ops;
}

int fd_reserve(unsigned minimum, bool cloexec)
{
    struct file_table *table = this_thread()->files;
    uint64_t limit = nofile_limit();
    spin_lock(&table->lock);
    size_t from = MAX(minimum, table->next_hint);
    size_t fd = from;
    int error = 0;
    if (from < table->capacity)
        fd = bitmap_find_clear(table->open_bits, table->capacity, from);
    if (fd >= limit || fd >= CAPACITY_MAX)
        error = -EMFILE;
    else
        error = grow_locked(table, (unsigned)fd + 1);
    if (!error) {
        bitmap_set(table->open_bits, fd);
        bitmap_assign(table->cloexec_bits, fd, cloexec);
        if (minimum <= table->next_hint)
            table->next_hint = (unsigned)fd + 1;
    }
    spin_unlock(&table->lock);
    return error ? error : (int)fd;
}

void fd_install(int fd, struct file *file)
{
    struct file_table *table = this_thread()->files;
    spin_lock(&table->lock);
    assert(bitmap_test(table->open_bits, (size_t)fd) && !table->files[fd]);
    table->files[fd] = file;
    spin_unlock(&table->lock);
}

static void release_locked(struct file_table *table, unsigned fd)
{
    table->files[fd] = NULL;
    bitmap_clear(table->open_bits, fd);
    bitmap_clear(table->cloexec_bits, fd);
    if (fd < table->next_hint)
        table->next_hint = fd;
}

void fd_unreserve(int fd)
{
    struct file_table *table = this_thread()->files;
    spin_lock(&table->lock);
    assert(bitmap_test(table->open_bits, (size_t)fd) && !table->files[fd]);
    release_locked(table, (unsigned)fd);
    spin_unlock(&table->lock);
}

int fd_add(struct file *file, bool cloexec)
{
    int fd = fd_reserve(0, cloexec);
    if (fd < 0)
        file_put(file);
    else
        fd_install(fd, file);
    return fd;
}

int fd_close(int fd)
{
    struct file_table *table = this_thread()->files;
    spin_lock(&table->lock);
    struct file *file = entry_of(table, fd);
    if (file)
        release_locked(table, (unsigned)fd);
    spin_unlock(&table->lock);
    return file ? close_file(table, file) : -EBADF;
}

/* The file (its reference is taken over) at a number; *out_replaced was there, if not NULL. */
static int place_locked(struct file_table *table, struct file *file, int fd, bool cloexec,
                        struct file **out_replaced)
{
    int error = grow_locked(table, (unsigned)fd + 1);
    if (error)
        return error == -EMFILE ? -EBADF : error;
    *out_replaced = table->files[fd];
    if (!*out_replaced && bitmap_test(table->open_bits, (size_t)fd))
        return -EBUSY; /* another thread is about to install something there */
    table->files[fd] = file;
    bitmap_set(table->open_bits, (size_t)fd);
    bitmap_assign(table->cloexec_bits, (size_t)fd, cloexec);
    return 0;
}

static bool is_possible(int fd)
{
    return fd >= 0 && (uint64_t)fd < nofile_limit() && fd < CAPACITY_MAX;
}

int fd_replace(int fd, struct file *file, bool cloexec)
{
    struct file_table *table = this_thread()->files;
    struct file *replaced = NULL;
    int error = -EBADF;
    if (is_possible(fd)) {
        spin_lock(&table->lock);
        error = place_locked(table, file, fd, cloexec, &replaced);
        spin_unlock(&table->lock);
    }
    if (error)
        file_put(file);
    else if (replaced)
        close_file(table, replaced);
    return error ? error : fd;
}

int fd_dup2(int old_fd, int new_fd, bool cloexec)
{
    struct file_table *table = this_thread()->files;
    struct file *replaced = NULL;
    int error = 0;
    if (!is_possible(new_fd))
        return -EBADF;
    spin_lock(&table->lock);
    struct file *file = entry_of(table, old_fd);
    if (file)
        error = place_locked(table, file, new_fd, cloexec, &replaced);
    else
        error = -EBADF;
    if (!error)
        file_get(file);
    spin_unlock(&table->lock);
    if (error)
        return error;
    if (replaced)
        close_file(table, replaced);
    return new_fd;
}

/* The first open descriptor in first..last, taken out of the table; NULL when there are no more. */
static struct file *take_next(struct file_table *table, unsigned *first, unsigned last,
                              const uint64_t *(*bits)(const struct file_table *table))
{
    struct file *file = NULL;
    spin_lock(&table->lock);
    while (!file && *first <= last && *first < table->capacity) {
        size_t fd = bitmap_find_set(bits(table), table->capacity, *first);
        if (fd >= table->capacity || fd > last)
            break;
        *first = (unsigned)fd + 1;
        file = table->files[fd];
        if (file)
            release_locked(table, (unsigned)fd);
    }
    spin_unlock(&table->lock);
    return file;
}

static const uint64_t *all_open(const struct file_table *table)
{
    return table->open_bits;
}

static const uint64_t *marked_cloexec(const struct file_table *table)
{
    return table->cloexec_bits;
}

int fd_close_range(unsigned first, unsigned last, bool cloexec_only)
{
    struct file_table *table = this_thread()->files;
    if (cloexec_only) {
        spin_lock(&table->lock);
        for (size_t fd = first; fd <= last && fd < table->capacity; fd++)
            if (bitmap_test(table->open_bits, fd))
                bitmap_set(table->cloexec_bits, fd);
        spin_unlock(&table->lock);
        return 0;
    }
    struct file *file;
    while ((file = take_next(table, &first, last, all_open)))
        close_file(table, file);
    return 0;
}

void file_table_close_on_exec(struct file_table *table)
{
    struct file *file;
    unsigned first = 0;
    while ((file = take_next(table, &first, UINT32_MAX, marked_cloexec)))
        close_file(table, file);
}

int fd_get_cloexec(int fd)
{
    struct file_table *table = this_thread()->files;
    spin_lock(&table->lock);
    int result = entry_of(table, fd) ? bitmap_test(table->cloexec_bits, (size_t)fd) : -EBADF;
    spin_unlock(&table->lock);
    return result;
}

int fd_set_cloexec(int fd, bool on)
{
    struct file_table *table = this_thread()->files;
    int result = -EBADF;
    spin_lock(&table->lock);
    if (entry_of(table, fd)) {
        bitmap_assign(table->cloexec_bits, (size_t)fd, on);
        result = 0;
    }
    spin_unlock(&table->lock);
    return result;
}
