/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/maps, smaps and smaps_rollup; proc_pid_maps(5), proc_pid_smaps(5).
 *
 * The position in the text is an address, so a reader that takes it in pieces sees each mapping at
 * most once, whatever the program maps and unmaps meanwhile. What may be seen is decided at open; a
 * program that is executed later is not shown (proc_task_mm_as_opened).
 */
#include "kernel/fs/device.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/procfs/seq_internal.h"

enum { NAME_COLUMN = 73 };

/* Hexadecimal with at least `digits` digits; where the text goes on. Maps are long: this is several
 * times faster than a format. */
static char *put_hex(char *at, uint64_t value, unsigned digits)
{
    digits = MAX(digits, bits_highest(value | 1) / 4 + 1);
    for (unsigned i = digits; i-- > 0; value >>= 4)
        at[i] = "0123456789abcdef"[value & 15];
    return at + digits;
}

static char *put_decimal(char *at, uint64_t value)
{
    char digits[20], *first = digits + sizeof(digits);
    do
        *--first = (char)('0' + value % 10);
    while (value /= 10);
    size_t length = (size_t)(digits + sizeof(digits) - first);
    memcpy(at, first, length);
    return at + length;
}

/* Everything but the name: at most 98 characters. */
static size_t format_vma(const struct vma *vma, uint64_t dev, uint64_t ino, char *text)
{
    char *at = put_hex(text, vma->start, 8);
    *at++ = '-';
    at = put_hex(at, vma->end, 8);
    *at++ = ' ';
    *at++ = vma->flags & VMA_READ ? 'r' : '-';
    *at++ = vma->flags & VMA_WRITE ? 'w' : '-';
    *at++ = vma->flags & VMA_EXEC ? 'x' : '-';
    *at++ = vma->flags & VMA_SHARED ? 's' : 'p';
    *at++ = ' ';
    at = put_hex(at, vma->ops ? vma->page_offset << PAGE_SHIFT : 0, 8);
    *at++ = ' ';
    at = put_hex(at, DEV_MAJOR(dev), 2);
    *at++ = ':';
    at = put_hex(at, DEV_MINOR(dev), 2);
    *at++ = ' ';
    at = put_decimal(at, ino);
    *at++ = ' ';
    return (size_t)(at - text);
}

/* The first line of a mapping. `path` is scratch of VFS_PATH_MAX bytes. */
static void put_vma(struct mm *mm, struct vma *vma, char *path, struct strbuf *out)
{
    char text[NAME_COLUMN + 32];
    uint64_t dev = 0, ino = 0;
    path[0] = 0;
    if (vma->ops && vma->ops->describe)
        vma->ops->describe(vma, &dev, &ino, path, VFS_PATH_MAX);
    else if (vma->flags & VMA_STACK)
        kstrlcpy(path, "[stack]", VFS_PATH_MAX);
    else if (vma->start < atomic_load_relaxed(&mm->brk) &&
             vma->end > atomic_load_relaxed(&mm->brk_start))
        kstrlcpy(path, "[heap]", VFS_PATH_MAX);
    size_t length = format_vma(vma, dev, ino, text);
    if (path[0] && length < NAME_COLUMN) {
        memset(text + length, ' ', NAME_COLUMN - length);
        length = NAME_COLUMN;
    }
    strbuf_write(out, text, length);
    if (path[0])
        strbuf_put_escaped(out, path, "\n");
    strbuf_putc(out, '\n');
}

static void put_kib(struct strbuf *out, const char *label, uint64_t pages)
{
    int padding = 15 - (int)kstrlen(label);
    strbuf_printf(out, "%s:%*llu kB\n", label, padding + 8,
                  (unsigned long long)pages << (PAGE_SHIFT - 10));
}

static void put_share(struct strbuf *out, const char *label, uint64_t proportional)
{
    int padding = 15 - (int)kstrlen(label);
    strbuf_printf(out, "%s:%*llu kB\n", label, padding + 8,
                  (unsigned long long)(proportional / (MM_PSS_UNIT / (PAGE_SIZE / 1024))));
}

/* Whether a page was used lately is not recorded: all are. */
static void put_usage(const struct vma_usage *usage, uint64_t locked, bool rollup,
                      struct strbuf *out)
{
    uint64_t clean = usage->resident - usage->dirty;
    uint64_t shared_clean = usage->shared - usage->shared_dirty;
    put_kib(out, "Rss", usage->resident);
    put_share(out, "Pss", usage->proportional);
    put_share(out, "Pss_Dirty", usage->proportional_dirty);
    if (rollup) {
        put_share(out, "Pss_Anon", usage->proportional_anon);
        put_share(out, "Pss_File", usage->proportional - usage->proportional_anon);
        put_kib(out, "Pss_Shmem", 0);
    }
    put_kib(out, "Shared_Clean", shared_clean);
    put_kib(out, "Shared_Dirty", usage->shared_dirty);
    put_kib(out, "Private_Clean", clean - shared_clean);
    put_kib(out, "Private_Dirty", usage->private_dirty);
    put_kib(out, "Referenced", usage->resident);
    put_kib(out, "Anonymous", usage->anon);
    static const char *const absent[] = {
        "LazyFree",       "AnonHugePages",   "ShmemPmdMapped", "FilePmdMapped",
        "Shared_Hugetlb", "Private_Hugetlb", "Swap",           "SwapPss",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
        put_kib(out, absent[i], 0);
    put_kib(out, "Locked", locked);
}

/* The order is that of Linux's flags. */
enum { SHOW_SHARED = 1 << 30 };
static void put_vma_flags(const struct vma *vma, struct strbuf *out)
{
    static const struct {
        unsigned flag;
        const char *text;
    } names[] = {
        {VMA_READ, " rd"},       {VMA_WRITE, " wr"},         {VMA_EXEC, " ex"},
        {SHOW_SHARED, " sh"},    {VMA_MAY_READ, " mr"},      {VMA_MAY_WRITE, " mw"},
        {VMA_MAY_EXEC, " me"},   {VMA_SHARED, " ms"},        {VMA_GROWSDOWN, " gd"},
        {VMA_DEVICE, " pf"},     {VMA_LOCKED, " lo"},        {VMA_DEVICE, " io"},
        {VMA_SEQUENTIAL, " sr"}, {VMA_RANDOM, " rr"},        {VMA_DONTCOPY, " dc"},
        {VMA_DONTEXPAND, " de"}, {VMA_LOCK_ON_FAULT, " lf"}, {VMA_ACCOUNT, " ac"},
        {VMA_NORESERVE, " nr"},  {VMA_WIPEONFORK, " wf"},    {VMA_DONTDUMP, " dd"},
        {VMA_HUGE, " hg"},       {VMA_NOHUGE, " nh"},
    };
    unsigned flags = vma->flags;
    /* A shared mapping of a file that was opened for reading only "may share". */
    if ((flags & (VMA_SHARED | VMA_MAY_WRITE)) == (VMA_SHARED | VMA_MAY_WRITE))
        flags |= SHOW_SHARED;
    strbuf_puts(out, "VmFlags:");
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (flags & names[i].flag)
            strbuf_puts(out, names[i].text);
    strbuf_puts(out, " \n");
}

static void put_smaps_rest(struct vma *vma, struct strbuf *out)
{
    struct vma_usage usage;
    mm_vma_usage(vma, &usage);
    put_kib(out, "Size", (vma->end - vma->start) >> PAGE_SHIFT);
    put_kib(out, "KernelPageSize", 1);
    put_kib(out, "MMUPageSize", 1);
    put_usage(&usage, vma->flags & VMA_LOCKED ? usage.resident : 0, false, out);
    strbuf_puts(out, "THPeligible:           0\n");
    put_vma_flags(vma, out);
}

static int open_maps(struct file *file, struct proc_seq *seq)
{
    return proc_task_mm_open(file->inode, &seq->stamp);
}

static int fill(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out,
                bool smaps)
{
    struct mm *mm = proc_task_mm_as_opened(file->inode, seq->stamp);
    if (!mm)
        return 1;
    char *path = kmalloc(VFS_PATH_MAX);
    int result = path ? 1 : -ENOMEM;
    rwlock_read_lock(&mm->lock);
    struct vma *vma = path ? mm_find_vma(mm, *cursor) : NULL;
    for (; vma; vma = mm_next_vma(vma)) {
        size_t start = out->length;
        put_vma(mm, vma, path, out);
        if (smaps)
            put_smaps_rest(vma, out);
        if (!proc_seq_fits(out, start)) {
            result = 0;
            break;
        }
        *cursor = vma->end;
    }
    rwlock_read_unlock(&mm->lock);
    kfree(path);
    mm_put(mm);
    return result;
}

static int fill_maps(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    return fill(file, seq, cursor, out, false);
}

static int fill_smaps(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    return fill(file, seq, cursor, out, true);
}

static void add_usage(struct vma_usage *sum, const struct vma_usage *usage)
{
    sum->resident += usage->resident;
    sum->anon += usage->anon;
    sum->shared += usage->shared;
    sum->dirty += usage->dirty;
    sum->private_dirty += usage->private_dirty;
    sum->shared_dirty += usage->shared_dirty;
    sum->proportional += usage->proportional;
    sum->proportional_dirty += usage->proportional_dirty;
    sum->proportional_anon += usage->proportional_anon;
}

static int fill_rollup(struct file *file, struct proc_seq *seq, uint64_t *cursor,
                       struct strbuf *out)
{
    struct vma_usage sum = {0}, usage;
    uint64_t start = 0, end = 0, locked = 0;
    struct mm *mm = proc_task_mm_as_opened(file->inode, seq->stamp);
    (void)cursor;
    if (!mm)
        return -ESRCH;
    rwlock_read_lock(&mm->lock);
    for (struct vma *vma = mm_find_vma(mm, 0); vma; vma = mm_next_vma(vma)) {
        mm_vma_usage(vma, &usage);
        add_usage(&sum, &usage);
        locked += vma->flags & VMA_LOCKED ? usage.resident : 0;
        start = end ? start : vma->start;
        end = vma->end;
    }
    rwlock_read_unlock(&mm->lock);
    mm_put(mm);
    size_t line = out->needed;
    strbuf_printf(out, "%08llx-%08llx ---p 00000000 00:00 0 ", (unsigned long long)start,
                  (unsigned long long)end);
    while (out->needed - line < 73)
        strbuf_putc(out, ' ');
    strbuf_puts(out, "[rollup]\n");
    put_usage(&sum, locked, true, out);
    return proc_seq_fits(out, 0) ? 1 : 0;
}

const struct proc_seq_ops pid_maps = {.open = open_maps, .fill = fill_maps};
const struct proc_seq_ops pid_smaps = {.open = open_maps, .fill = fill_smaps};
const struct proc_seq_ops pid_smaps_rollup = {.open = open_maps, .fill = fill_rollup};
