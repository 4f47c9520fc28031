/* SPDX-License-Identifier: MIT
 *
 * Loading ELF64 programs (elf(5), x86-64 psABI chapter 5).
 *
 * Every number in the file is hostile: sizes and addresses are checked for overflow and range
 * before anything is mapped. Segments are mapped privately from the file; the part of a segment
 * that is only in memory (bss) is zero.
 */
#include "kernel/abi/elf.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/uname.h"
#include "kernel/core/entropy.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/exec.h"

enum { PROGRAM_HEADERS_BYTES_MAX = 65536, INTERPRETER_PATH_MAX = 4096 };

/* Programs that may be anywhere are placed at two thirds of the address space, as Linux does. */
#define ELF_DYNAMIC_BASE 0x555555554000ull

struct elf_object {
    struct file *file;
    struct linux_elf64_ehdr header;
    struct linux_elf64_phdr *segments;
    uint64_t low, high;          /* page-aligned range of all PT_LOAD, before the bias */
    uint64_t align;              /* largest p_align */
    uint64_t bias;
};

struct elf_image {
    struct elf_object program, interpreter; /* interpreter.file NULL: none */
    bool executable_stack;
};

static int read_exactly(struct file *file, void *buffer, size_t bytes, uint64_t pos)
{
    int64_t got = vfs_read_kernel(file, buffer, bytes, pos);
    if (got < 0)
        return (int)got;
    return (size_t)got == bytes ? 0 : -ENOEXEC;
}

/* As in Linux the rest of e_ident does not matter: an object of another class or byte order differs in
 * e_machine or e_phentsize too. */
static bool header_is_valid(const struct linux_elf64_ehdr *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
           header->e_machine == EM_X86_64 &&
           header->e_phentsize == sizeof(struct linux_elf64_phdr) && header->e_phnum > 0 &&
           header->e_phnum * sizeof(struct linux_elf64_phdr) <= PROGRAM_HEADERS_BYTES_MAX;
}

static int check_segment(const struct linux_elf64_phdr *segment, uint64_t limit)
{
    uint64_t end, file_end;
    if (segment->p_filesz > segment->p_memsz ||
        add_overflows(segment->p_vaddr, segment->p_memsz, &end) || end > limit ||
        add_overflows(segment->p_offset, segment->p_filesz, &file_end) ||
        file_end > (uint64_t)INT64_MAX)
        return -EINVAL;
    /* Offset and address must agree below the page size, or the file cannot be mapped there. */
    if (segment->p_filesz && (segment->p_vaddr - segment->p_offset) % PAGE_SIZE)
        return -EINVAL;
    return 0;
}

/* Range and alignment of the PT_LOAD segments. They may be in any order and overlap: a later one
 * replaces what it covers. */
static int measure(struct elf_object *object)
{
    uint64_t limit = this_kernel()->boot->user_addr_limit;

    object->align = PAGE_SIZE;
    object->low = UINT64_MAX;
    for (unsigned i = 0; i < object->header.e_phnum; i++) {
        const struct linux_elf64_phdr *segment = &object->segments[i];
        if (segment->p_type != PT_LOAD)
            continue;
        int error = check_segment(segment, limit);
        if (error)
            return error;
        uint64_t start = ALIGN_DOWN(segment->p_vaddr, (uint64_t)PAGE_SIZE);
        uint64_t end = ALIGN_UP(segment->p_vaddr + segment->p_memsz, (uint64_t)PAGE_SIZE);
        object->low = MIN(object->low, start);
        object->high = MAX(object->high, end);
        uint64_t align = segment->p_align;
        if (align > object->align && (align & (align - 1)) == 0)
            object->align = MIN(align, (uint64_t)1 << 30);
    }
    return object->low < object->high ? 0 : -ENOEXEC;
}

/* Consumes the opened file, also on failure (object_free). */
static int read_object(struct elf_object *object, struct file *file)
{
    object->file = file;
    int error = read_exactly(file, &object->header, sizeof(object->header), 0);
    if (error)
        return error;
    if (!header_is_valid(&object->header))
        return -ENOEXEC;
    size_t bytes = object->header.e_phnum * sizeof(struct linux_elf64_phdr);
    object->segments = kmalloc(bytes);
    if (!object->segments)
        return -ENOMEM;
    error = read_exactly(file, object->segments, bytes, object->header.e_phoff);
    if (error)
        return error;
    return measure(object);
}

static void object_free(struct elf_object *object)
{
    kfree(object->segments);
    if (object->file)
        exec_close(object->file);
}

static int read_interpreter(struct elf_image *image, const struct linux_elf64_phdr *segment)
{
    if (segment->p_filesz < 2 || segment->p_filesz > INTERPRETER_PATH_MAX)
        return -ENOEXEC;
    char *path = kmalloc(segment->p_filesz);
    if (!path)
        return -ENOMEM;
    int error = read_exactly(image->program.file, path, segment->p_filesz, segment->p_offset);
    if (error == -ENOEXEC) /* the file ends before */
        error = -EIO;
    else if (!error && path[segment->p_filesz - 1] != '\0')
        error = -ENOEXEC;
    struct file *file;
    if (!error)
        error = exec_open(path, &file);
    if (!error) {
        error = read_object(&image->interpreter, file);
        if (error == -ENOEXEC)
            error = inode_size(file->inode) < sizeof(struct linux_elf64_ehdr) ? -EIO : -ELIBBAD;
    }
    kfree(path);
    return error;
}

/* A fixed program must lie where user mappings may be. */
static int check_fixed_range(const struct elf_object *object)
{
    const struct hal_boot *boot = this_kernel()->boot;
    if (object->header.e_type == ET_EXEC && object->low < boot->user_addr_min)
        return -EPERM;
    return 0;
}

int elf_prepare(struct exec *exec, struct elf_image **out)
{
    struct elf_image *image = kzalloc(sizeof(*image));
    if (!image)
        return -ENOMEM;
    int error = file_deny_write(exec->file); /* once more: object_free undoes it */
    if (!error)
        error = read_object(&image->program, file_get(exec->file));
    if (!error)
        error = check_fixed_range(&image->program);
    for (unsigned i = 0; !error && i < image->program.header.e_phnum; i++) {
        const struct linux_elf64_phdr *segment = &image->program.segments[i];
        if (segment->p_type == PT_INTERP && !image->interpreter.file)
            error = read_interpreter(image, segment);
        else if (segment->p_type == PT_GNU_STACK)
            image->executable_stack = segment->p_flags & PF_X;
    }
    if (error) {
        elf_free(image);
        return error;
    }
    *out = image;
    return 0;
}

bool elf_wants_executable_stack(const struct elf_image *image)
{
    return image->executable_stack;
}

void elf_free(struct elf_image *image)
{
    object_free(&image->program);
    object_free(&image->interpreter);
    kfree(image);
}

/* ---- mapping ---- */

static unsigned segment_vma_flags(const struct linux_elf64_phdr *segment)
{
    return ((segment->p_flags & PF_R) ? VMA_READ : 0) | ((segment->p_flags & PF_W) ? VMA_WRITE : 0) |
           ((segment->p_flags & PF_X) ? VMA_EXEC : 0) | VMA_MAY_READ | VMA_MAY_WRITE | VMA_MAY_EXEC;
}

static int map_anonymous(struct mm *mm, uint64_t start, uint64_t end, unsigned flags)
{
    uint64_t address;
    struct mm_map_request request = {
        .addr = start, .bytes = end - start, .vma_flags = flags, .fixed = true};
    return start < end ? mm_map(mm, &request, &address) : 0;
}

static int map_file_part(struct mm *mm, struct file *file, const struct linux_elf64_phdr *segment,
                         uint64_t start, uint64_t end, unsigned flags)
{
    uint64_t address;
    struct mm_map_request request = {
        .addr = start,
        .bytes = end - start,
        .vma_flags = flags,
        .fixed = true,
        .page_offset = segment->p_offset / PAGE_SIZE,
    };
    int error = vfs_mmap(file, &request);
    return error ? error : mm_map(mm, &request, &address);
}

static int map_segment(struct mm *mm, const struct elf_object *object,
                       const struct linux_elf64_phdr *segment)
{
    unsigned flags = segment_vma_flags(segment);
    uint64_t address = segment->p_vaddr + object->bias;
    uint64_t start = ALIGN_DOWN(address, (uint64_t)PAGE_SIZE);
    uint64_t file_end = address + segment->p_filesz;
    uint64_t map_end = ALIGN_UP(file_end, (uint64_t)PAGE_SIZE);
    uint64_t end = ALIGN_UP(address + segment->p_memsz, (uint64_t)PAGE_SIZE);

    if (segment->p_filesz == 0)
        return map_anonymous(mm, start, end, flags);
    int error = map_file_part(mm, object->file, segment, start, map_end, flags);
    if (!error)
        error = map_anonymous(mm, map_end, end, flags);
    /* The file's bytes behind the segment's last one are not part of it. */
    if (!error && segment->p_memsz > segment->p_filesz && (flags & VMA_WRITE))
        error = clear_user(file_end, map_end - file_end);
    return error;
}

static int map_object(struct mm *mm, const struct elf_object *object)
{
    int error = 0;
    for (unsigned i = 0; !error && i < object->header.e_phnum; i++) {
        if (object->segments[i].p_type == PT_LOAD && object->segments[i].p_memsz)
            error = map_segment(mm, object, &object->segments[i]);
    }
    return error;
}

/* Find room for a whole object in the mmap area. */
static int place_in_mmap_area(struct mm *mm, struct elf_object *object)
{
    uint64_t address, bytes = object->high - object->low + object->align - PAGE_SIZE;
    struct mm_map_request request = {.bytes = bytes, .vma_flags = VMA_MAY_READ | VMA_NORESERVE};
    int error = mm_map(mm, &request, &address);
    if (error)
        return error;
    object->bias = ALIGN_UP(address, object->align) - object->low;
    return mm_unmap(mm, address, bytes);
}

static void place_program(struct task *task, struct elf_object *object)
{
    enum { RANDOM_BITS = 28 };
    if (object->header.e_type == ET_EXEC)
        return;
    uint64_t random = 0;
    if (!(task->personality & ADDR_NO_RANDOMIZE))
        random = (entropy_u64() & ((1ull << RANDOM_BITS) - 1)) * PAGE_SIZE;
    object->bias = ALIGN_DOWN(ELF_DYNAMIC_BASE + random, object->align) - object->low;
}

/* Ranges for /proc/PID/stat, which may read them meanwhile, and where the heap starts. */
static void record_ranges(struct task *task, struct mm *mm, const struct elf_object *object)
{
    enum { BRK_RANDOM_BITS = 13 };
    uint64_t code_start = UINT64_MAX, brk = 0;
    for (unsigned i = 0; i < object->header.e_phnum; i++) {
        const struct linux_elf64_phdr *segment = &object->segments[i];
        if (segment->p_type != PT_LOAD)
            continue;
        uint64_t start = segment->p_vaddr + object->bias, end = start + segment->p_filesz;
        if (segment->p_flags & PF_X) {
            code_start = MIN(code_start, start);
            atomic_store_relaxed(&mm->code_end, MAX(mm->code_end, end));
        }
        if (end > mm->data_end) {
            atomic_store_relaxed(&mm->data_start, start);
            atomic_store_relaxed(&mm->data_end, end);
        }
        brk = MAX(brk, start + segment->p_memsz);
    }
    brk = ALIGN_UP(brk, (uint64_t)PAGE_SIZE);
    if (!(task->personality & ADDR_NO_RANDOMIZE))
        brk += (entropy_u64() & ((1ull << BRK_RANDOM_BITS) - 1)) * PAGE_SIZE;
    atomic_store_relaxed(&mm->code_start, code_start == UINT64_MAX ? 0 : code_start);
    atomic_store_relaxed(&mm->brk_start, brk);
    atomic_store_relaxed(&mm->brk, brk);
}

/* Address of the program headers in memory: PT_PHDR, or the segment that contains them. */
static uint64_t program_headers_address(const struct elf_object *object)
{
    for (unsigned i = 0; i < object->header.e_phnum; i++) {
        if (object->segments[i].p_type == PT_PHDR)
            return object->segments[i].p_vaddr + object->bias;
    }
    for (unsigned i = 0; i < object->header.e_phnum; i++) {
        const struct linux_elf64_phdr *segment = &object->segments[i];
        uint64_t into = object->header.e_phoff - segment->p_offset;
        if (segment->p_type == PT_LOAD && object->header.e_phoff >= segment->p_offset &&
            into < segment->p_filesz)
            return segment->p_vaddr + into + object->bias;
    }
    return 0;
}

int elf_load(struct exec *exec, struct elf_image *image)
{
    struct task *task = current_task();
    struct mm *mm = task->thread.mm;
    struct elf_object *program = &image->program, *interpreter = &image->interpreter;

    place_program(task, program);
    int error = map_object(mm, program);
    if (!error && interpreter->file) {
        if (interpreter->header.e_type == ET_DYN)
            error = place_in_mmap_area(mm, interpreter);
        if (!error)
            error = map_object(mm, interpreter);
        exec->interpreter_base = interpreter->bias;
    }
    if (error)
        return error;

    exec->entry = interpreter->file ? interpreter->header.e_entry + interpreter->bias
                                    : program->header.e_entry + program->bias;
    if (exec->entry >= this_kernel()->boot->user_addr_limit)
        return -EINVAL;
    record_ranges(task, mm, program);
    exec->program_entry = program->header.e_entry + program->bias;
    exec->program_headers = program_headers_address(program);
    exec->program_header_count = program->header.e_phnum;
    return 0;
}
