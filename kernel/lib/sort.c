/* SPDX-License-Identifier: MIT */
/* Heap sort and binary search. No state; any context the comparison allows. */
#include "kernel/lib/sort.h"

struct sorted {
    uint8_t *base;
    size_t size;
    sort_compare_fn *compare;
    void *ctx;
};

static void swap(const struct sorted *s, size_t i, size_t j)
{
    uint8_t *a = s->base + i * s->size, *b = s->base + j * s->size;
    for (size_t k = 0; k < s->size; k++) {
        uint8_t byte = a[k];
        a[k] = b[k];
        b[k] = byte;
    }
}

static bool less(const struct sorted *s, size_t i, size_t j)
{
    return s->compare(s->base + i * s->size, s->base + j * s->size, s->ctx) < 0;
}

/* Restores the heap order of the first `count` elements below `root`. */
static void sift_down(const struct sorted *s, size_t root, size_t count)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && less(s, child, child + 1))
            child++;
        if (!less(s, root, child))
            return;
        swap(s, root, child);
        root = child;
    }
}

void ksort(void *base, size_t count, size_t size, sort_compare_fn *compare, void *ctx)
{
    struct sorted s = {.base = base, .size = size, .compare = compare, .ctx = ctx};
    for (size_t root = count / 2; root-- > 0;)
        sift_down(&s, root, count);
    for (size_t end = count; end > 1;) {
        swap(&s, 0, --end);
        sift_down(&s, 0, end);
    }
}

void *kbsearch(const void *key, const void *base, size_t count, size_t size,
               sort_compare_fn *compare, void *ctx)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const uint8_t *element = (const uint8_t *)base + middle * size;
        int order = compare(key, element, ctx);
        if (order == 0)
            return (void *)(uintptr_t)element;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
