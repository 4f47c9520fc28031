/* SPDX-License-Identifier: MIT */
/* How library containers obtain memory: from whoever owns the container. */
#ifndef KERNEL_LIB_ALLOCATOR_H
#define KERNEL_LIB_ALLOCATOR_H

#include <stddef.h>

struct lib_allocator {
    /* Memory of `size` bytes, aligned to at least 16; contents undefined; NULL if there is none. */
    void *(*alloc)(void *ctx, size_t size);
    /* Frees what alloc returned for the same size. */
    void (*free)(void *ctx, void *memory, size_t size);
    void *ctx;
};

#endif
