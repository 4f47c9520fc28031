/* SPDX-License-Identifier: MIT */
/*
 * An allocator for containers under test: counts what is live, checks sizes on free, and fails the
 * n-th allocation on request.
 */
#ifndef TESTS_UNIT_LIB_TEST_ALLOCATOR_H
#define TESTS_UNIT_LIB_TEST_ALLOCATOR_H

#include "kernel/lib/allocator.h"
#include "tests/unit/support/unit.h"

#include <string.h>

struct test_allocator {
    struct lib_allocator base;
    size_t live_bytes;
    size_t calls;   /* allocations asked for */
    size_t fail_at; /* number of the call that fails, from 1; 0 for none */
};

static void *test_allocator_alloc(void *ctx, size_t size)
{
    struct test_allocator *self = ctx;
    if (++self->calls == self->fail_at)
        return NULL;
    self->live_bytes += size;
    void *memory = malloc(size);
    memset(memory, 0xa5, size);
    return memory;
}

static void test_allocator_free(void *ctx, void *memory, size_t size)
{
    struct test_allocator *self = ctx;
    ck_assert_uint_ge(self->live_bytes, size);
    self->live_bytes -= size;
    memset(memory, 0xdd, size);
    free(memory);
}

static inline void test_allocator_init(struct test_allocator *self)
{
    *self = (struct test_allocator){
        .base = {.alloc = test_allocator_alloc, .free = test_allocator_free, .ctx = self}};
}

#endif
