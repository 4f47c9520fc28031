/* SPDX-License-Identifier: MIT
 *
 * Memory in sysfs: the one NUMA node, and how pages are managed (Linux's
 * Documentation/ABI/stable/sysfs-devices-node, admin-guide/mm/transhuge).
 */
#include "kernel/core/kernel.h"
#include "kernel/mm/page.h"
#include "kernel/procfs/sysfs_internal.h"

/* ---- nodes ---- */

static int show_distance(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "10\n");
    return 0;
}

static int show_node_meminfo(struct file *file, struct strbuf *out)
{
    struct page_counts pages;
    page_count(file->kernel, &pages);
    uint64_t file_cache = pages.cached > pages.shared ? pages.cached - pages.shared : 0;
    const struct {
        const char *label;
        uint64_t pages;
    } lines[] = {
        {"MemTotal", pages.total},
        {"MemFree", pages.free},
        {"MemUsed", pages.total - pages.free},
        {"SwapCached", 0},
        {"Active", pages.anon + file_cache},
        {"Inactive", pages.shared},
        {"FilePages", pages.cached},
        {"Mapped", file_cache},
        {"AnonPages", pages.anon},
        {"Shmem", pages.shared},
        {"KernelStack", pages.kernel_stack},
        {"PageTables", pages.page_tables},
        {"Slab", pages.slab},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
        int length = (int)kstrlen(lines[i].label);
        strbuf_printf(out, "Node 0 %s:%*s%8llu kB\n", lines[i].label, 15 - length, "",
                      (unsigned long long)lines[i].pages * (PAGE_SIZE / 1024));
    }
    return 0;
}

static int show_numastat(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node 0\n"
                     "other_node 0\n");
    return 0;
}

static const struct proc_entry node_entries[] = {
    SYSFS_FILE("cpulist", sysfs_show_online), SYSFS_FILE("cpumap", sysfs_show_online_mask),
    SYSFS_FILE("distance", show_distance),    SYSFS_FILE("meminfo", show_node_meminfo),
    SYSFS_FILE("numastat", show_numastat),
};
static const struct proc_table node_table = PROC_TABLE(node_entries, SYSFS_TABLE_NODE);

static const struct proc_entry nodes_entries[] = {
    SYSFS_FILE("has_cpu", sysfs_show_zero),
    SYSFS_FILE("has_memory", sysfs_show_zero),
    SYSFS_FILE("has_normal_memory", sysfs_show_zero),
    SYSFS_DIR("node0", node_table),
    SYSFS_FILE("online", sysfs_show_zero),
    SYSFS_FILE("possible", sysfs_show_zero),
};
const struct proc_table sysfs_nodes_table = PROC_TABLE(nodes_entries, SYSFS_TABLE_NODES);

/* ---- kernel/mm ---- */

/* There are no huge pages; the choice is shown as programs parse it. */
static int show_huge_pages_off(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "always madvise [never]\n");
    return 0;
}

static int show_huge_defrag_off(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "always defer defer+madvise madvise [never]\n");
    return 0;
}

static int show_huge_shared_off(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "always within_size advise [never] deny force\n");
    return 0;
}

static int show_huge_size(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "2097152\n");
    return 0;
}

static const struct proc_entry huge_entries[] = {
    SYSFS_FILE("defrag", show_huge_defrag_off),   SYSFS_FILE("enabled", show_huge_pages_off),
    SYSFS_FILE("hpage_pmd_size", show_huge_size), SYSFS_FILE("shmem_enabled", show_huge_shared_off),
    SYSFS_FILE("use_zero_page", sysfs_show_zero),
};
static const struct proc_table huge_table = PROC_TABLE(huge_entries, SYSFS_TABLE_HUGE_PAGES);

static const struct proc_entry kernel_mm_entries[] = {
    SYSFS_DIR("transparent_hugepage", huge_table),
};
const struct proc_table sysfs_kernel_mm_table =
    PROC_TABLE(kernel_mm_entries, SYSFS_TABLE_KERNEL_MM);
