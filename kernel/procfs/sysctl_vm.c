/* SPDX-License-Identifier: MIT
 *
 * /proc/sys/vm: proc_sys_vm(5) and Linux's Documentation/admin-guide/sysctl/vm.
 *
 * What limits address spaces, and what to do when memory runs out, is in struct mm_limits and takes
 * effect at once; drop_caches drops what the page cache can read again. The others tune machinery
 * that is not here (swap, write-back threads, zones and their watermarks, a dentry cache that is
 * shrunk by ratio, the order of an address space as of 2.4): they are checked, remembered and told
 * again, without effect. mmap_min_addr is the machine's and can only be read.
 */
#include "kernel/lib/parse.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/page_cache.h"
#include "kernel/procfs/sysctl_internal.h"

struct vm_parameter {
    struct text_file_ops text; /* must be first */
    size_t limit;              /* offset in struct mm_limits, or: */
    int remembered;            /* index in proc_state.vm, -1: a limit */
    uint64_t initial, max;
};

static uint64_t *value_of(const struct vm_parameter *parameter, struct file *file)
{
    if (parameter->remembered >= 0)
        return &proc_state_of(file->inode->sb)->vm[parameter->remembered];
    return (uint64_t *)(uintptr_t)((char *)mm_limits(file->kernel) + parameter->limit);
}

static int show_parameter(struct file *file, struct strbuf *out)
{
    const struct vm_parameter *parameter = file->inode->private;
    uint64_t value = atomic_load_relaxed(value_of(parameter, file));
    if (parameter->remembered >= 0) /* kept as the difference from what it is at boot */
        value += parameter->initial;
    strbuf_printf(out, "%llu\n", (unsigned long long)value);
    return 0;
}

static int64_t write_parameter(struct file *file, const char *text, size_t bytes)
{
    const struct vm_parameter *parameter = file->inode->private;
    const char *cursor = kstr_skip_spaces(text);
    uint64_t value;
    if (kparse_u64(&cursor, 0, &value) || value > parameter->max)
        return -EINVAL;
    if (parameter->remembered >= 0)
        value -= parameter->initial;
    atomic_store_relaxed(value_of(parameter, file), value);
    return (int64_t)bytes;
}

/* ---- the two shares, in percent or absolute: the one written last counts ---- */

static int64_t write_overcommit_ratio(struct file *file, const char *text, size_t bytes)
{
    int64_t result = write_parameter(file, text, bytes);
    if (result > 0)
        atomic_store_relaxed(&mm_limits(file->kernel)->overcommit_kib, 0);
    return result;
}

static int64_t write_overcommit_kib(struct file *file, const char *text, size_t bytes)
{
    int64_t result = write_parameter(file, text, bytes);
    if (result > 0)
        atomic_store_relaxed(&mm_limits(file->kernel)->overcommit_ratio, 0);
    return result;
}

/* ---- others ---- */

static int show_mmap_min_addr(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llu\n", (unsigned long long)file->kernel->boot->user_addr_min);
    return 0;
}

static int64_t write_drop_caches(struct file *file, const char *text, size_t bytes)
{
    const char *cursor = kstr_skip_spaces(text);
    uint64_t what;
    if (kparse_u64(&cursor, 10, &what) || what < 1 || what > 4)
        return -EINVAL;
    if (what & 1)
        page_cache_shrink(file->kernel, UINT64_MAX);
    return (int64_t)bytes;
}

static int64_t write_compact_memory(struct file *file, const char *text, size_t bytes)
{
    (void)file;
    return kstr_skip_spaces(text)[0] == '1' ? (int64_t)bytes : -EINVAL;
}

static const struct text_file_ops mmap_min_addr = {show_mmap_min_addr, NULL};
static const struct text_file_ops drop_caches = {NULL, write_drop_caches};
static const struct text_file_ops compact_memory = {NULL, write_compact_memory};

#define FILE(name_, mode_, ops_)                                                                   \
    {                                                                                              \
        name_, S_IFREG | (mode_), &proc_parameter_inode_ops, &text_file_operations, &(ops_)        \
    }
#define LIMIT_FILE(name_, field_, max_, write_)                                                    \
    FILE(name_, 0644,                                                                              \
         ((const struct vm_parameter){.text = {show_parameter, write_},                            \
                                      .limit = offsetof(struct mm_limits, field_),                 \
                                      .remembered = -1,                                            \
                                      .max = max_}))
#define HINT_FILE(name_, index_, initial_, max_)                                                   \
    FILE(name_, 0644,                                                                              \
         ((const struct vm_parameter){.text = {show_parameter, write_parameter},                   \
                                      .remembered = index_,                                        \
                                      .initial = initial_,                                         \
                                      .max = max_}))

/* Numbers of the remembered ones. */
enum {
    DIRTY_BACKGROUND_BYTES,
    DIRTY_BACKGROUND_RATIO,
    DIRTY_BYTES,
    DIRTY_EXPIRE,
    DIRTY_RATIO,
    DIRTY_WRITEBACK,
    LAPTOP_MODE,
    LEGACY_VA_LAYOUT,
    MIN_FREE_KBYTES,
    OOM_DUMP_TASKS,
    PAGE_CLUSTER,
    STAT_INTERVAL,
    SWAPPINESS,
    VFS_CACHE_PRESSURE,
    WATERMARK_SCALE_FACTOR,
    ZONE_RECLAIM_MODE,
    REMEMBERED
};
STATIC_ASSERT((int)REMEMBERED <= (int)PROC_VM_REMEMBERED);

static const struct proc_entry vm_entries[] = {
    LIMIT_FILE("admin_reserve_kbytes", admin_reserve_kib, INT64_MAX, write_parameter),
    FILE("compact_memory", 0200, compact_memory),
    HINT_FILE("dirty_background_bytes", DIRTY_BACKGROUND_BYTES, 0, INT64_MAX),
    HINT_FILE("dirty_background_ratio", DIRTY_BACKGROUND_RATIO, 10, 100),
    HINT_FILE("dirty_bytes", DIRTY_BYTES, 0, INT64_MAX),
    HINT_FILE("dirty_expire_centisecs", DIRTY_EXPIRE, 3000, INT32_MAX),
    HINT_FILE("dirty_ratio", DIRTY_RATIO, 20, 100),
    HINT_FILE("dirty_writeback_centisecs", DIRTY_WRITEBACK, 500, INT32_MAX),
    FILE("drop_caches", 0200, drop_caches),
    HINT_FILE("laptop_mode", LAPTOP_MODE, 0, INT32_MAX),
    HINT_FILE("legacy_va_layout", LEGACY_VA_LAYOUT, 0, INT32_MAX),
    LIMIT_FILE("max_map_count", vmas_max, INT32_MAX, write_parameter),
    HINT_FILE("min_free_kbytes", MIN_FREE_KBYTES, 1024, INT32_MAX),
    FILE("mmap_min_addr", 0444, mmap_min_addr),
    HINT_FILE("oom_dump_tasks", OOM_DUMP_TASKS, 1, INT32_MAX),
    LIMIT_FILE("oom_kill_allocating_task", oom_kill_allocating_task, INT32_MAX, write_parameter),
    LIMIT_FILE("overcommit_kbytes", overcommit_kib, INT64_MAX, write_overcommit_kib),
    LIMIT_FILE("overcommit_memory", overcommit, MM_OVERCOMMIT_NEVER, write_parameter),
    LIMIT_FILE("overcommit_ratio", overcommit_ratio, INT32_MAX, write_overcommit_ratio),
    HINT_FILE("page-cluster", PAGE_CLUSTER, 3, 31),
    LIMIT_FILE("panic_on_oom", panic_on_oom, 2, write_parameter),
    HINT_FILE("stat_interval", STAT_INTERVAL, 1, INT32_MAX),
    HINT_FILE("swappiness", SWAPPINESS, 60, 200),
    LIMIT_FILE("unprivileged_userfaultfd", userfault_for_all, 1, write_parameter),
    LIMIT_FILE("user_reserve_kbytes", user_reserve_kib, INT64_MAX, write_parameter),
    HINT_FILE("vfs_cache_pressure", VFS_CACHE_PRESSURE, 100, INT32_MAX),
    HINT_FILE("watermark_scale_factor", WATERMARK_SCALE_FACTOR, 10, 3000),
    HINT_FILE("zone_reclaim_mode", ZONE_RECLAIM_MODE, 0, INT32_MAX),
};
const struct proc_table proc_vm_table = PROC_TABLE(vm_entries, PROC_TABLE_SYS + 3);
