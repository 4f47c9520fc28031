/* SPDX-License-Identifier: MIT
 *
 * /proc/meminfo, vmstat, slabinfo, swaps: the machine's memory; proc(5).
 */
#include "kernel/mm/mm.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"

static void put_kib(struct strbuf *out, const char *label, uint64_t pages)
{
    int padding = 15 - (int)kstrlen(label);
    strbuf_printf(out, "%s:%*llu kB\n", label, padding + 8,
                  (unsigned long long)pages << (PAGE_SHIFT - 10));
}

static int show_meminfo(struct file *file, struct strbuf *out)
{
    struct page_counts pages;
    page_count(file->kernel, &pages);
    /* What programs may still get: free memory and the part of the page cache that can be dropped.
     */
    uint64_t file_cache = pages.cached > pages.shared ? pages.cached - pages.shared : 0;
    const struct {
        const char *label;
        uint64_t pages;
    } lines[] = {
        {"MemTotal", pages.total},
        {"MemFree", pages.free},
        {"MemAvailable", pages.free + file_cache},
        {"Buffers", 0},
        {"Cached", pages.cached},
        {"SwapCached", 0},
        {"Active", pages.anon + file_cache},
        {"Inactive", pages.shared},
        {"Active(anon)", pages.anon},
        {"Inactive(anon)", pages.shared},
        {"Active(file)", file_cache},
        {"Inactive(file)", 0},
        {"Unevictable", 0},
        {"Mlocked", 0},
        {"SwapTotal", 0},
        {"SwapFree", 0},
        {"Dirty", 0},
        {"Writeback", 0},
        {"AnonPages", pages.anon},
        {"Mapped", file_cache},
        {"Shmem", pages.shared},
        {"KReclaimable", 0},
        {"Slab", pages.slab},
        {"SReclaimable", 0},
        {"SUnreclaim", pages.slab},
        {"KernelStack", pages.kernel_stack},
        {"PageTables", pages.page_tables},
        {"NFS_Unstable", 0},
        {"Bounce", 0},
        {"WritebackTmp", 0},
        {"CommitLimit", mm_commit_limit(file->kernel)},
        {"Committed_AS", mm_committed(file->kernel)},
        {"VmallocTotal", 0},
        {"VmallocUsed", 0},
        {"VmallocChunk", 0},
        {"Percpu", 0},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
        put_kib(out, lines[i].label, lines[i].pages);
    return 0;
}

const struct text_file_ops proc_meminfo = {.show = show_meminfo};

static int show_vmstat(struct file *file, struct strbuf *out)
{
    struct page_counts pages;
    page_count(file->kernel, &pages);
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"nr_free_pages", pages.free},
        {"nr_inactive_anon", pages.shared},
        {"nr_active_anon", pages.anon},
        {"nr_inactive_file", 0},
        {"nr_active_file", pages.cached > pages.shared ? pages.cached - pages.shared : 0},
        {"nr_unevictable", 0},
        {"nr_slab_reclaimable", 0},
        {"nr_slab_unreclaimable", pages.slab},
        {"nr_anon_pages", pages.anon},
        {"nr_mapped", pages.cached},
        {"nr_file_pages", pages.cached},
        {"nr_dirty", 0},
        {"nr_writeback", 0},
        {"nr_shmem", pages.shared},
        {"nr_kernel_stack", pages.kernel_stack << (PAGE_SHIFT - 10)},
        {"nr_page_table_pages", pages.page_tables},
        {"pgpgin", 0},
        {"pgpgout", 0},
        {"pswpin", 0},
        {"pswpout", 0},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
        strbuf_printf(out, "%s %llu\n", lines[i].name, (unsigned long long)lines[i].value);
    return 0;
}

const struct text_file_ops proc_vmstat = {.show = show_vmstat};

static int show_slabinfo(struct file *file, struct strbuf *out)
{
    const char *name;
    size_t size;
    uint64_t live, pages;
    strbuf_puts(out, "slabinfo - version: 2.1\n"
                     "# name            <active_objs> <num_objs> <objsize> <objperslab> "
                     "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
                     "<active_slabs> <num_slabs> <sharedavail>\n");
    for (unsigned i = 0; slab_describe(file->kernel, i, &name, &size, &live, &pages) == 0; i++) {
        uint64_t per_page = MAX(PAGE_SIZE / MAX(size, (size_t)1), (size_t)1);
        strbuf_printf(out,
                      "%-17s %6llu %6llu %6llu %4llu %4d : tunables %4d %4d %4d : slabdata "
                      "%6llu %6llu %6d\n",
                      name, (unsigned long long)live, (unsigned long long)(pages * per_page),
                      (unsigned long long)size, (unsigned long long)per_page, 1, 0, 0, 0,
                      (unsigned long long)pages, (unsigned long long)pages, 0);
    }
    return 0;
}

const struct text_file_ops proc_slabinfo = {.show = show_slabinfo};

static int show_swaps(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    return 0;
}

const struct text_file_ops proc_swaps = {.show = show_swaps};
