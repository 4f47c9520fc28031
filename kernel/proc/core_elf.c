/* SPDX-License-Identifier: MIT
 *
 * Core dumps: the ELF file. Header, one program header for the notes and one for each mapping, the
 * notes, and from the next page on the memory, in the order of the headers.
 *
 * Memory that was never touched is not there and leaves a hole in the file. Writing stops at the
 * limit; what is written until then is a valid beginning.
 */
#include "kernel/abi/errno.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uio.h"
#include "kernel/proc/core_internal.h"
#include "kernel/sched/sched.h"

enum { PAGES_LOOKED_AT = 64, SEGMENTS_COUNTED_MAX = 0xfffe };

bool core_is_aborted(const struct core *core)
{
    return atomic_load_acquire(&core->task->thread.killed);
}

void core_skip(struct core *core, uint64_t bytes)
{
    core->position += bytes;
}

/* A pipe has no holes. */
static int write_zeros(struct core *core)
{
    static const char zeros[512];
    uint64_t count = core->position;
    core->position = 0;
    while (count > 0) {
        size_t part = MIN(count, sizeof(zeros));
        int error = core_emit(core, zeros, part);
        if (error)
            return error;
        count -= part;
    }
    return 0;
}

int core_emit(struct core *core, const void *bytes, size_t count)
{
    struct uio uio;
    int error = core->piped && core->position ? write_zeros(core) : 0;
    if (error)
        return error;
    if (core_is_aborted(core))
        return -EINTR;
    if (count > core->limit - core->written)
        return -EFBIG;
    uio_init_kernel(&uio, (void *)(uintptr_t)bytes, count);
    int64_t put = vfs_write(core->file, &uio, core->piped ? NULL : &core->position);
    if (put < 0)
        return (int)put;
    core->written += (uint64_t)put;
    return (size_t)put == count ? 0 : -ENOSPC;
}

/* ---- headers ---- */

static int write_header(struct core *core, uint16_t headers)
{
    const struct linux_elf64_ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(struct linux_elf64_phdr),
        .e_phnum = headers,
    };
    return core_emit(core, &header, sizeof(header));
}

static uint32_t segment_flags(unsigned vma_flags)
{
    return (vma_flags & VMA_READ ? PF_R : 0) | (vma_flags & VMA_WRITE ? PF_W : 0) |
           (vma_flags & VMA_EXEC ? PF_X : 0);
}

static int write_program_headers(struct core *core, uint64_t notes_at, uint64_t memory_at)
{
    struct linux_elf64_phdr header = {
        .p_type = PT_NOTE,
        .p_offset = notes_at,
        .p_filesz = core_notes_bytes(core),
    };
    int error = core_emit(core, &header, sizeof(header));
    for (size_t i = 0; i < core->segment_count && !error; i++) {
        const struct core_segment *segment = &core->segments[i];
        header = (struct linux_elf64_phdr){
            .p_type = PT_LOAD,
            .p_flags = segment_flags(segment->flags),
            .p_offset = memory_at,
            .p_vaddr = segment->start,
            .p_filesz = segment->file_bytes,
            .p_memsz = segment->end - segment->start,
            .p_align = PAGE_SIZE,
        };
        memory_at += segment->file_bytes;
        error = core_emit(core, &header, sizeof(header));
    }
    return error;
}

/* ---- memory ---- */

static int write_page(struct core *core, uint64_t uaddr, char *page)
{
    if (mm_access_remote(core->mm, uaddr, page, PAGE_SIZE, false, true) != PAGE_SIZE) {
        core_skip(core, PAGE_SIZE);
        return 0;
    }
    return core_emit(core, page, PAGE_SIZE);
}

/* Some pages; those that are there. */
static int write_pages(struct core *core, uint64_t start, uint64_t bytes, bool whole, char *page)
{
    unsigned char present[PAGES_LOOKED_AT];
    int error = 0;
    if (mm_mincore(core->mm, start, bytes, present) < (int64_t)(bytes / PAGE_SIZE)) {
        core_skip(core, bytes); /* unmapped meanwhile, by somebody else */
        return 0;
    }
    for (uint64_t i = 0; i < bytes / PAGE_SIZE && !error; i++) {
        if (whole || (present[i] & 1))
            error = write_page(core, start + i * PAGE_SIZE, page);
        else
            core_skip(core, PAGE_SIZE);
    }
    return error;
}

static int write_memory(struct core *core)
{
    char *page = kmalloc(PAGE_SIZE);
    int error = page ? 0 : -ENOMEM;
    for (size_t i = 0; i < core->segment_count && !error; i++) {
        uint64_t at = core->segments[i].start, end = at + core->segments[i].file_bytes;
        while (at < end && !error) {
            uint64_t part = MIN(end - at, (uint64_t)PAGES_LOOKED_AT * PAGE_SIZE);
            error = write_pages(core, at, part, core->segments[i].whole, page);
            at += part;
            sched_resched_if_needed();
            if (!error && core_is_aborted(core))
                error = -EINTR;
        }
    }
    kfree(page);
    return error;
}

/* ---- the file ---- */

/* A hole at its end is part of it. */
static int finish(struct core *core)
{
    struct linux_statx stat = {0};
    if (core->piped)
        return write_zeros(core);
    int error = vfs_getattr(&core->file->path, &stat);
    if (!error && stat.stx_size < core->position)
        error = vfs_ftruncate(core->file, core->position);
    return error;
}

int core_write(struct core *core)
{
    core->segment_count = MIN(core->segment_count, (size_t)SEGMENTS_COUNTED_MAX);
    uint64_t notes_at = sizeof(struct linux_elf64_ehdr) +
                        (core->segment_count + 1) * sizeof(struct linux_elf64_phdr);
    uint64_t notes_end = notes_at + core_notes_bytes(core);
    uint64_t memory_at = ALIGN_UP(notes_end, (uint64_t)PAGE_SIZE);

    int error = write_header(core, (uint16_t)(core->segment_count + 1));
    if (!error)
        error = write_program_headers(core, notes_at, memory_at);
    if (!error)
        error = core_write_notes(core);
    if (error)
        return error;
    core_skip(core, memory_at - notes_end);
    error = write_memory(core);
    return error ? error : finish(core);
}
