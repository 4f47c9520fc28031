/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/pagemap, numa_maps and clear_refs: single pages of a task; proc_pid_pagemap(5),
 * proc_pid_numa_maps(5), proc_pid_clear_refs(5).
 *
 * As for /proc/PID/mem, who may look is decided at open, for the program that runs then.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/mman.h"
#include "kernel/lib/parse.h"
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/procfs/seq_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"

enum { ENTRY_BYTES = 8, ENTRIES_AT_ONCE = 128 };

/* ---- pagemap ---- */

/* Frame numbers are for those who had CAP_SYS_ADMIN at open. */
struct pagemap_file {
    uint64_t mm_id;
    bool frames;
};

static int pagemap_open(struct inode *inode, struct file *file)
{
    struct pagemap_file *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    int error = proc_task_mm_open(inode, &state->mm_id);
    state->frames = capable(CAP_SYS_ADMIN);
    if (error)
        kfree(state);
    else
        file->private = state;
    return error;
}

static void pagemap_release(struct file *file)
{
    kfree(file->private);
}

static int64_t pagemap_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    const struct pagemap_file *state = file->private;
    uint64_t entries[ENTRIES_AT_ONCE];
    if (*pos % ENTRY_BYTES || uio->remaining % ENTRY_BYTES)
        return -EINVAL;
    struct mm *mm = proc_task_mm_as_opened(file->inode, state->mm_id);
    if (!mm)
        return 0;
    uint64_t pages = mm->kernel->boot->user_addr_limit >> PAGE_SHIFT;
    uint64_t page = *pos / ENTRY_BYTES;
    int64_t done = 0;
    while (uio->remaining && page < pages) {
        uint64_t count = MIN(uio->remaining / ENTRY_BYTES, (uint64_t)ENTRIES_AT_ONCE);
        count = MIN(count, pages - page);
        mm_pagemap(mm, page << PAGE_SHIFT, (unsigned)count, state->frames, entries);
        size_t bytes = (size_t)count * ENTRY_BYTES, copied = uio_copy_to(uio, entries, bytes);
        done += (int64_t)copied;
        page += count;
        if (copied < bytes) {
            done = done ? done : -EFAULT;
            break;
        }
        sched_resched_if_needed();
        if (atomic_load_relaxed(&this_thread()->interrupted))
            break;
    }
    mm_put(mm);
    if (done > 0)
        *pos += (uint64_t)done;
    return done;
}

const struct file_ops pid_pagemap_file_ops = {
    .open = pagemap_open,
    .release = pagemap_release,
    .read = pagemap_read,
    .seek = proc_memory_seek,
};

/* ---- clear_refs ---- */

enum { CLEAR_REFS_FIRST = 1, CLEAR_REFS_PEAK = 5 };

/* Neither "referenced" nor "soft-dirty" is recorded for a page, so only the peak is forgotten. */
int64_t pid_write_clear_refs(struct task *task, const char *text, size_t bytes)
{
    const char *cursor = kstr_skip_spaces(text);
    uint64_t what;
    if (kparse_u64(&cursor, 10, &what) || *kstr_skip_spaces(cursor) || what < CLEAR_REFS_FIRST ||
        what > CLEAR_REFS_PEAK)
        return -EINVAL;
    struct mm *mm = what == CLEAR_REFS_PEAK ? task_mm(task) : NULL;
    if (mm) {
        mm_reset_peak(mm);
        mm_put(mm);
    }
    return (int64_t)bytes;
}

/* ---- numa_maps ---- */

static int open_numa(struct file *file, struct proc_seq *seq)
{
    return proc_task_mm_open(file->inode, &seq->stamp);
}

/* The one node in the form that mode and flags give it. */
static void put_policy(uint16_t policy, struct strbuf *out)
{
    static const char *const names[] = {"default",    "prefer", "bind",
                                        "interleave", "local",  "prefer (many)"};
    unsigned mode = policy & ~(unsigned)(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | 1u << 13);
    strbuf_puts(out, mode < ARRAY_SIZE(names) ? names[mode] : "unknown");
    if (policy & MPOL_F_STATIC_NODES)
        strbuf_puts(out, "=static");
    if (policy & MPOL_F_RELATIVE_NODES)
        strbuf_puts(out, "=relative");
    if (mode != MPOL_DEFAULT && mode != MPOL_LOCAL)
        strbuf_puts(out, ":0");
}

static void put_place(struct mm *mm, struct vma *vma, char *path, struct strbuf *out)
{
    uint64_t dev, ino;
    if (vma->ops && vma->ops->describe) {
        vma->ops->describe(vma, &dev, &ino, path, VFS_PATH_MAX);
        if (path[0] == '/') { /* a file */
            strbuf_puts(out, " file=");
            strbuf_put_escaped(out, path, "\n\t= ");
        }
    } else if (vma->flags & VMA_STACK) {
        strbuf_puts(out, " stack");
    } else if (vma->start < mm->brk && vma->end > mm->brk_start) {
        strbuf_puts(out, " heap");
    }
}

static void put_counts(struct vma *vma, struct strbuf *out)
{
    struct vma_usage usage;
    mm_vma_usage(vma, &usage);
    if (!usage.resident)
        return;
    const struct {
        const char *name;
        uint64_t value;
        bool shown;
    } counts[] = {
        {"anon", usage.anon, usage.anon},
        {"dirty", usage.dirty, usage.dirty},
        {"mapped", usage.resident, usage.resident != usage.anon && usage.resident != usage.dirty},
        {"mapmax", usage.maps_most, usage.maps_most > 1},
        {"N0", usage.resident, true},
        {"kernelpagesize_kB", PAGE_SIZE / 1024, true},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++)
        if (counts[i].shown)
            strbuf_printf(out, " %s=%llu", counts[i].name, (unsigned long long)counts[i].value);
}

static int fill_numa(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    struct mm *mm = proc_task_mm_as_opened(file->inode, seq->stamp);
    if (!mm)
        return 1;
    struct task *task = proc_inode_task(file->inode);
    uint16_t usual = task ? atomic_load_relaxed(&task->memory_policy) : 0;
    char *path = kmalloc(VFS_PATH_MAX);
    int result = path ? 1 : -ENOMEM;
    rwlock_read_lock(&mm->lock);
    struct vma *vma = path ? mm_find_vma(mm, *cursor) : NULL;
    for (; vma; vma = mm_next_vma(vma)) {
        size_t start = out->length;
        strbuf_printf(out, "%08llx ", (unsigned long long)vma->start);
        put_policy(vma->policy ? vma->policy : usual, out);
        put_place(mm, vma, path, out);
        put_counts(vma, out);
        strbuf_putc(out, '\n');
        if (!proc_seq_fits(out, start)) {
            result = 0;
            break;
        }
        *cursor = vma->end;
    }
    rwlock_read_unlock(&mm->lock);
    kfree(path);
    if (task)
        task_put(task);
    mm_put(mm);
    return result;
}

const struct proc_seq_ops pid_numa_maps = {.open = open_numa, .fill = fill_numa};
