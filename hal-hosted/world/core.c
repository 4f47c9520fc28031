/* SPDX-License-Identifier: MIT */
/*
 * A machine as an ELF core file that gdb(1) opens together with this program: the kernel's code and
 * constants come from the executable, its memory is where it was in this process, and every virtual
 * CPU and every task is a thread that stands where it left its stack. See elf(5), core(5).
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "hal-hosted/context_internal.h"
#include "hal-hosted/world/world_internal.h"

enum { SEGMENTS_MAX = 4096, AUXV_BYTES_MAX = 4096, COPY_BYTES = 65536 };

struct segment {
    uint64_t address, bytes;
    uint64_t offset; /* in the source */
    bool from_ram;   /* or from this process's own memory */
};

struct core {
    const struct machine *machine;
    int out, memory; /* /proc/self/mem */
    char *buffer;    /* COPY_BYTES */
    struct segment *segments;
    unsigned segment_count;
    char *notes;
    size_t note_bytes;
};

static void add_segment(struct core *core, const struct segment *segment)
{
    if (segment->bytes > 0 && core->segment_count < SEGMENTS_MAX) {
        core->segments[core->segment_count++] = *segment;
    }
}

/* What was ever written to in the machine's memory. */
static void find_ram(struct core *core)
{
    const struct machine *machine = core->machine;
    off_t end = (off_t)(machine->ram_bytes + machine->arena_bytes), at = 0;

    while (at < end && (at = lseek(machine->ram_fd, at, SEEK_DATA)) >= 0) {
        off_t hole = lseek(machine->ram_fd, at, SEEK_HOLE);
        if (hole < 0 || hole > end) {
            hole = end;
        }
        add_segment(core, &(struct segment){.address = (uintptr_t)machine->ram + (uint64_t)at,
                                            .bytes = (uint64_t)(hole - at),
                                            .offset = (uint64_t)at,
                                            .from_ram = true});
        at = hole;
    }
}

/* This program's own data, which has been relocated. */
static void find_own_data(struct core *core)
{
    char self[4096], line[4352];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    FILE *maps = fopen("/proc/self/maps", "re");

    self[length < 0 ? 0 : length] = '\0';
    while (maps && fgets(line, sizeof line, maps)) {
        uint64_t begin, end;
        char rights[8];
        if (length > 0 && strstr(line, self) &&
            sscanf(line, "%lx-%lx %7s", &begin, &end, rights) == 3 && rights[0] == 'r' &&
            rights[2] != 'x') {
            add_segment(core,
                        &(struct segment){.address = begin, .bytes = end - begin, .offset = begin});
        }
    }
    if (maps) {
        fclose(maps);
    }
}

static void add_note(struct core *core, uint32_t type, const void *content, size_t bytes)
{
    const Elf64_Nhdr header = {.n_namesz = 5, .n_descsz = (uint32_t)bytes, .n_type = type};
    size_t room = sizeof header + 8 + ((bytes + 3) & ~(size_t)3);
    char *notes = realloc(core->notes, core->note_bytes + room);

    if (!notes) {
        return; /* a core without it */
    }
    core->notes = notes;
    notes += core->note_bytes;
    memset(notes, 0, room);
    memcpy(notes, &header, sizeof header);
    memcpy(notes + sizeof header, "CORE", 5);
    memcpy(notes + sizeof header + 8, content, bytes);
    core->note_bytes += room;
}

/* A context that is not running: what hosted_context_switch has left on its stack. */
static void add_thread(struct core *core, const struct world_core_thread *thread)
{
    struct elf_prstatus status = {.pr_pid = (int)thread->id};
    const struct context *context = (const struct context *)thread->context;
    struct user_regs_struct regs = {.rsp = context->rsp + 64, .cs = 0x33, .ss = 0x2b};
    uint64_t frame[8];
    uint64_t at = context->rsp - (uintptr_t)core->machine->ram;

    if (at > core->machine->ram_bytes + core->machine->arena_bytes ||
        pread(core->machine->ram_fd, frame, sizeof frame, (off_t)at) != sizeof frame) {
        return; /* it has never run, or its stack is elsewhere */
    }
    regs.r15 = frame[1];
    regs.r14 = frame[2];
    regs.r13 = frame[3];
    regs.r12 = frame[4];
    regs.rbx = frame[5];
    regs.rbp = frame[6];
    regs.rip = frame[7];
    memcpy(&status.pr_reg, &regs, sizeof regs);
    add_note(core, NT_PRSTATUS, &status, sizeof status);
}

static void add_auxv(struct core *core)
{
    char auxv[AUXV_BYTES_MAX];
    int fd = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? -1 : read(fd, auxv, sizeof auxv);

    if (bytes > 0) {
        add_note(core, NT_AUXV, auxv, (size_t)bytes);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int put(const struct core *core, const void *bytes, size_t count, uint64_t offset)
{
    return pwrite(core->out, bytes, count, (off_t)offset) == (ssize_t)count ? 0 : -EIO;
}

static int put_segment(const struct core *core, const struct segment *segment, uint64_t offset)
{
    char *buffer = core->buffer;
    int error = 0;

    for (uint64_t done = 0; error == 0 && done < segment->bytes;) {
        uint64_t left = segment->bytes - done;
        ssize_t got = pread(segment->from_ram ? core->machine->ram_fd : core->memory, buffer,
                            left < COPY_BYTES ? left : COPY_BYTES, (off_t)(segment->offset + done));
        if (got <= 0) {
            return 0; /* the rest is a hole: zeros */
        }
        error = put(core, buffer, (size_t)got, offset + done);
        done += (uint64_t)got;
    }
    return error;
}

static int put_all(const struct core *core)
{
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof header,
        .e_ehsize = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (uint16_t)(core->segment_count + 1),
    };
    uint64_t at = sizeof header + (core->segment_count + 1) * sizeof(Elf64_Phdr);
    Elf64_Phdr part = {.p_type = PT_NOTE, .p_offset = at, .p_filesz = core->note_bytes};
    int error = put(core, &header, sizeof header, 0);

    if (error == 0) {
        error = put(core, &part, sizeof part, sizeof header);
    }
    if (error == 0) {
        error = put(core, core->notes, core->note_bytes, at);
    }
    at = (at + core->note_bytes + HAL_PAGE_SIZE - 1) & ~(uint64_t)(HAL_PAGE_SIZE - 1);
    for (unsigned i = 0; error == 0 && i < core->segment_count; i++) {
        const struct segment *segment = &core->segments[i];
        part = (Elf64_Phdr){.p_type = PT_LOAD,
                            .p_flags = PF_R | PF_W,
                            .p_offset = at,
                            .p_vaddr = segment->address,
                            .p_filesz = segment->bytes,
                            .p_memsz = segment->bytes,
                            .p_align = HAL_PAGE_SIZE};
        error = put(core, &part, sizeof part, sizeof header + (i + 1) * sizeof part);
        if (error == 0) {
            error = put_segment(core, segment, at);
        }
        at += segment->bytes;
    }
    return error == 0 && ftruncate(core->out, (off_t)at) < 0 ? -errno : error;
}

int world_machine_core(const struct machine *machine, int fd,
                       const struct world_core_thread *threads, unsigned count)
{
    struct core core = {.machine = machine,
                        .out = fd,
                        .memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC),
                        .buffer = malloc(COPY_BYTES),
                        .segments = calloc(SEGMENTS_MAX, sizeof(struct segment))};
    int error = -ENOMEM;

    if (core.segments && core.buffer) {
        for (unsigned i = 0; i < count; i++) {
            add_thread(&core, &threads[i]);
        }
        add_auxv(&core);
        find_ram(&core);
        if (core.memory >= 0) {
            find_own_data(&core);
        }
        error = put_all(&core);
    }
    if (core.memory >= 0) {
        close(core.memory);
    }
    free(core.buffer);
    free(core.segments);
    free(core.notes);
    return error;
}

struct hal_user *world_user_next(const struct machine *machine, const struct hal_user *previous)
{
    const struct world_script *script =
        previous ? world_user_of(previous)->next : machine->sim->arena->scripts;

    return script ? script->user : NULL;
}

const struct hal_context *world_vcpu_context(const struct machine *machine, unsigned cpu)
{
    return &machine->vcpus[cpu].sim->suspended;
}
