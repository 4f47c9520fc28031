/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/maps; proc_pid_maps(5).
 */
#include "kernel/fs/device.h"
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"

/* The line of one mapping. `path` is scratch of VFS_PATH_MAX bytes. */
static void put_vma(struct mm *mm, struct vma *vma, char *path, struct strbuf *out)
{
    uint64_t dev = 0, ino = 0;
    path[0] = 0;
    if (vma->ops && vma->ops->describe)
        vma->ops->describe(vma, &dev, &ino, path, VFS_PATH_MAX);
    else if (vma->flags & VMA_STACK)
        kstrlcpy(path, "[stack]", VFS_PATH_MAX);
    else if (vma->flags & VMA_HEAP || (vma->start < mm->brk && vma->end > mm->brk_start))
        kstrlcpy(path, "[heap]", VFS_PATH_MAX);
    size_t start = out->needed;
    strbuf_printf(out, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu",
                  (unsigned long long)vma->start, (unsigned long long)vma->end,
                  vma->flags & VMA_READ ? 'r' : '-', vma->flags & VMA_WRITE ? 'w' : '-',
                  vma->flags & VMA_EXEC ? 'x' : '-', vma->flags & VMA_SHARED ? 's' : 'p',
                  (unsigned long long)(vma->ops ? vma->page_offset << PAGE_SHIFT : 0),
                  DEV_MAJOR(dev), DEV_MINOR(dev), (unsigned long long)ino);
    strbuf_putc(out, ' ');
    if (path[0]) {
        while (out->needed - start < 73)
            strbuf_putc(out, ' ');
        strbuf_put_escaped(out, path, "\n");
    }
    strbuf_putc(out, '\n');
}

int pid_show_maps(struct task *task, bool whole, struct strbuf *out)
{
    struct mm *mm = task_mm(task);
    (void)whole;
    if (!mm)
        return 0;
    char *path = kmalloc(VFS_PATH_MAX);
    if (path) {
        rwlock_read_lock(&mm->lock);
        for (struct vma *vma = mm_find_vma(mm, 0); vma; vma = mm_next_vma(vma))
            put_vma(mm, vma, path, out);
        rwlock_read_unlock(&mm->lock);
        kfree(path);
    }
    mm_put(mm);
    return path ? 0 : -ENOMEM;
}
