/* SPDX-License-Identifier: MIT
 *
 * Memory that goes back to what a file holds, in the time of a copy of the pages that were written.
 */
#ifndef HAL_HOSTED_MARKED_RANGE_H
#define HAL_HOSTED_MARKED_RANGE_H

#include <stddef.h>
#include <sys/types.h>

struct marked_range {
    char *start;
    size_t bytes;
    const char *pristine; /* the file, mapped as it is */
    int pagemap_fd;       /* of the process `owner`; -1: this Linux cannot tell what was written */
    pid_t owner;
    unsigned restores;
};

/* Replace the page-aligned memory by a private mapping of a file that holds the same bytes and that
 * nobody writes to from now on. 0 or negative errno. */
int marked_range_create(struct marked_range *range, char *start, size_t bytes, int fd);

/* Put the memory back to the file's contents. */
void marked_range_restore(struct marked_range *range);

/* Pages that differ from the file's; slow. */
size_t marked_range_pages_changed(const struct marked_range *range);

/* The memory stays as it is. A range of zeros that was never created may be given, too. */
void marked_range_destroy(struct marked_range *range);

/* Copy what AddressSanitizer may hold for poisoned, or its own shadow. */
static inline void raw_copy(char *to, const char *from, size_t bytes)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

#endif
