/* SPDX-License-Identifier: MIT
 *
 * RAM as a memfd (ram.h). Engines map pages of the same memfd into their host processes.
 */
#include "hal-hosted/ram.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hal-hosted/machine_internal.h"
#include "hal-hosted/sanitizer.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u /* Linux 6.3 */
#endif

enum { RAM_ALIGN = 8 * HAL_PAGE_SIZE };

/* Address space for `bytes`, aligned such that AddressSanitizer's shadow of it fills whole pages;
 * NULL if there is none. */
static char *reserve(size_t bytes)
{
    char *start = mmap(NULL, bytes + RAM_ALIGN, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t before;

    if (start == MAP_FAILED) {
        return NULL;
    }
    before = -(uintptr_t)start % RAM_ALIGN;
    if (before > 0) {
        munmap(start, before);
    }
    munmap(start + before + bytes, RAM_ALIGN - before);
    return start + before;
}

int machine_ram_create(struct machine *machine)
{
    uint64_t bytes = machine->ram_bytes + machine->arena_bytes;
    char *start;
    int error;

    /* NOEXEC only forbids execve of the descriptor; guest code may still be mapped executable. */
    machine->ram_fd = memfd_create("assay-ram", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (machine->ram_fd < 0 && errno == EINVAL) {
        machine->ram_fd = memfd_create("assay-ram", MFD_CLOEXEC);
    }
    if (machine->ram_fd < 0) {
        return -errno;
    }
    if (ftruncate(machine->ram_fd, (off_t)bytes) < 0) {
        error = -errno;
        goto close_fd;
    }
    if (machine->ram_hint) {
        machine->ram = mmap(machine->ram_hint, bytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_NORESERVE, machine->ram_fd, 0);
    } else {
        start = reserve(bytes);
        if (!start) {
            error = -ENOMEM;
            goto close_fd;
        }
        machine->ram = mmap(start, bytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_NORESERVE | MAP_FIXED, machine->ram_fd, 0);
    }
    if (machine->ram == MAP_FAILED) {
        error = -errno;
        goto close_fd;
    }
    madvise(machine->ram, bytes, MADV_DONTDUMP);
    return 0;

close_fd:
    close(machine->ram_fd);
    machine->ram = NULL;
    machine->ram_fd = -1;
    return error;
}

void machine_ram_destroy(struct machine *machine)
{
    if (!machine->ram) {
        return;
    }
#if HOSTED_ASAN
    __asan_unpoison_memory_region(machine->ram, machine->ram_bytes + machine->arena_bytes);
#endif
    munmap(machine->ram, machine->ram_bytes + machine->arena_bytes);
    close(machine->ram_fd);
    machine->ram = NULL;
}
