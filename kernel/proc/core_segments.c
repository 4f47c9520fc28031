/* SPDX-License-Identifier: MIT
 *
 * Core dumps: which mappings there are, how much of each is written (core(5), "Controlling which
 * mappings are written to the core dump"), and the NT_FILE note that names the mapped files.
 *
 * The list is made once, while the process stands still; another process that shares the memory may
 * still change it, and then the dump holds what is left.
 */
#include "kernel/abi/errno.h"
#include "kernel/fs/path.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/core_internal.h"

enum core_filter {
    FILTER_ANON_PRIVATE = 1,
    FILTER_ANON_SHARED = 2,
    FILTER_FILE_PRIVATE = 4,
    FILTER_FILE_SHARED = 8,
    FILTER_ELF_HEADERS = 16,
};

enum { FILES_BYTES_MAX = 4 << 20, SEGMENTS_MAX = 65536 };

/* A mapping of a file that has a name. */
static bool is_file(const struct vma *vma)
{
    return vma->ops && vma->cache && vma->ops->describe;
}

/* A file's beginning, as far as it can be run or read, holds the build id that debuggers look for.
 */
static bool holds_headers(const struct vma *vma)
{
    return vma->page_offset == 0 && (vma->flags & (VMA_READ | VMA_EXEC));
}

/* Shared memory that has no name any more, or never had one. */
static bool is_removed(struct vma *vma, char *path)
{
    static const char suffix[] = " (deleted)";
    uint64_t dev, ino;
    if (!vma->ops || !vma->ops->describe)
        return true;
    path[0] = '\0';
    vma->ops->describe(vma, &dev, &ino, path, VFS_PATH_MAX);
    size_t length = kstrlen(path), end = sizeof(suffix) - 1;
    return length >= end && !kstrcmp(path + length - end, suffix);
}

static bool is_vdso(struct vma *vma, char *path)
{
    uint64_t dev, ino;
    if (vma->cache || !vma->ops->describe)
        return false;
    path[0] = '\0';
    vma->ops->describe(vma, &dev, &ino, path, VFS_PATH_MAX);
    return kstr_equal(path, "[vdso]");
}

/* `path` is scratch. */
static uint64_t bytes_wanted(struct vma *vma, unsigned filter, char *path)
{
    struct vma_usage usage;
    uint64_t all = vma->end - vma->start;

    if (vma->flags & VMA_DONTDUMP)
        return 0;
    if (vma->flags & VMA_SHARED)
        return filter & (is_removed(vma, path) ? FILTER_ANON_SHARED : FILTER_FILE_SHARED) ? all : 0;
    if (!vma->ops)
        return filter & FILTER_ANON_PRIVATE ? all : 0;
    if (is_vdso(vma, path)) /* what debuggers unwind through, and cannot find elsewhere */
        return all;
    if (filter & FILTER_ANON_PRIVATE) { /* what the program has written in it */
        mm_vma_usage(vma, &usage);
        if (usage.anon)
            return all;
    }
    if (filter & FILTER_FILE_PRIVATE)
        return all;
    return (filter & FILTER_ELF_HEADERS) && holds_headers(vma) ? PAGE_SIZE : 0;
}

int core_collect_segments(struct core *core)
{
    struct mm *mm = core->mm;
    unsigned filter = atomic_load_relaxed(&mm->core_filter);
    size_t room = MIN((size_t)atomic_load_relaxed(&mm->vma_count), (size_t)SEGMENTS_MAX);

    char *path = kmalloc(VFS_PATH_MAX);
    core->segments = kmalloc((room + 1) * sizeof(*core->segments));
    if (!core->segments || !path) {
        kfree(path);
        return -ENOMEM;
    }
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, 0);
    for (; vma && core->segment_count < room; vma = mm_next_vma(vma)) {
        core->segments[core->segment_count++] = (struct core_segment){
            .start = vma->start,
            .end = vma->end,
            .flags = vma->flags,
            .file_bytes = bytes_wanted(vma, filter, path),
            .whole = vma->ops && !(vma->flags & VMA_SHARED),
        };
    }
    rwlock_read_unlock(&mm->lock);
    kfree(path);
    return 0;
}

/* ---- NT_FILE: count, page size, (start, end, page in the file) each, then the names ---- */

struct file_list {
    uint64_t *words; /* count, page size, triples */
    size_t count, room;
    char *names;
    size_t names_bytes, names_room;
};

static void add_file(struct file_list *list, struct vma *vma, char *path)
{
    uint64_t dev, ino;
    path[0] = '\0';
    vma->ops->describe(vma, &dev, &ino, path, VFS_PATH_MAX);
    size_t bytes = kstrlen(path) + 1;
    if (path[0] != '/' || list->count == list->room || bytes > list->names_room - list->names_bytes)
        return;
    uint64_t *triple = list->words + 2 + list->count * 3;
    triple[0] = vma->start;
    triple[1] = vma->end;
    triple[2] = vma->page_offset;
    memcpy(list->names + list->names_bytes, path, bytes);
    list->names_bytes += bytes;
    list->count++;
}

static int join_list(struct core *core, const struct file_list *list)
{
    size_t words = (2 + list->count * 3) * sizeof(uint64_t);
    core->files = kmalloc(words + list->names_bytes);
    if (!core->files)
        return -ENOMEM;
    memcpy(core->files, list->words, words);
    memcpy(core->files + words, list->names, list->names_bytes);
    core->files_bytes = words + list->names_bytes;
    return 0;
}

int core_collect_files(struct core *core)
{
    struct mm *mm = core->mm;
    struct file_list list = {.room = core->segment_count};
    list.names_room = MIN(core->segment_count * 256 + VFS_PATH_MAX, (size_t)FILES_BYTES_MAX);
    list.words = kmalloc((2 + list.room * 3) * sizeof(uint64_t));
    list.names = kmalloc(list.names_room);
    char *path = kmalloc(VFS_PATH_MAX);
    int error = -ENOMEM;

    if (list.words && list.names && path) {
        rwlock_read_lock(&mm->lock);
        for (struct vma *vma = mm_find_vma(mm, 0); vma; vma = mm_next_vma(vma)) {
            if (is_file(vma))
                add_file(&list, vma, path);
        }
        rwlock_read_unlock(&mm->lock);
        list.words[0] = list.count;
        list.words[1] = PAGE_SIZE;
        error = join_list(core, &list);
    }
    kfree(path);
    kfree(list.names);
    kfree(list.words);
    return error;
}
