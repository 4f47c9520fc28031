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

int machine_ram_create(struct machine *machine)
{
    int error;

    /* NOEXEC only forbids execve of the descriptor; guest code may still be mapped executable. */
    machine->ram_fd = memfd_create("assay-ram", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (machine->ram_fd < 0 && errno == EINVAL) {
        machine->ram_fd = memfd_create("assay-ram", MFD_CLOEXEC);
    }
    if (machine->ram_fd < 0) {
        return -errno;
    }
    if (ftruncate(machine->ram_fd, (off_t)machine->ram_bytes) < 0) {
        error = -errno;
        goto close_fd;
    }
    machine->ram = mmap(NULL, machine->ram_bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_NORESERVE, machine->ram_fd, 0);
    if (machine->ram == MAP_FAILED) {
        error = -errno;
        goto close_fd;
    }
    madvise(machine->ram, machine->ram_bytes, MADV_DONTDUMP);
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
    __asan_unpoison_memory_region(machine->ram, machine->ram_bytes);
#endif
    munmap(machine->ram, machine->ram_bytes);
    close(machine->ram_fd);
    machine->ram = NULL;
}

int machine_ram_write(struct machine *machine, uint64_t paddr, const void *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = pwrite(machine->ram_fd, bytes, count, (off_t)paddr);

        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return -errno;
        }
        bytes = (const char *)bytes + written;
        paddr += (uint64_t)written;
        count -= (size_t)written;
    }
    return 0;
}
