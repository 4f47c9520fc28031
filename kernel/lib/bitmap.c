/* SPDX-License-Identifier: MIT */
/* Bitmaps, a word at a time. No state; the caller serialises. */
#include "kernel/lib/bitmap.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"

/* The bits of word `word` that belong to a map of `bits` bits. */
static uint64_t valid_mask(size_t word, size_t bits)
{
    size_t left = bits - word * 64;
    return left >= 64 ? ~0ull : BIT(left) - 1;
}

void bitmap_zero(uint64_t *map, size_t bits)
{
    memset(map, 0, BITMAP_WORDS(bits) * sizeof(*map));
}

void bitmap_fill(uint64_t *map, size_t bits)
{
    for (size_t word = 0; word < BITMAP_WORDS(bits); word++)
        map[word] = valid_mask(word, bits);
}

void bitmap_copy(uint64_t *to, const uint64_t *from, size_t bits)
{
    memcpy(to, from, BITMAP_WORDS(bits) * sizeof(*to));
}

/* Mask of the part of start..start+count that lies in the word of start; sets the part's size. */
static uint64_t range_mask(size_t start, size_t count, size_t *out_taken)
{
    size_t first = start % 64;
    size_t taken = MIN(count, 64 - first);
    *out_taken = taken;
    return BIT_MASK(first + taken - 1, first);
}

void bitmap_set_range(uint64_t *map, size_t start, size_t count)
{
    for (size_t taken; count > 0; start += taken, count -= taken)
        map[start / 64] |= range_mask(start, count, &taken);
}

void bitmap_clear_range(uint64_t *map, size_t start, size_t count)
{
    for (size_t taken; count > 0; start += taken, count -= taken)
        map[start / 64] &= ~range_mask(start, count, &taken);
}

/* First bit at or after `from` that differs from the bits of `background` (0 or ~0). */
static size_t find_different(const uint64_t *map, size_t bits, size_t from, uint64_t background)
{
    if (from >= bits)
        return bits;
    size_t word = from / 64;
    uint64_t found = (map[word] ^ background) & (~0ull << (from % 64));
    while (found == 0) {
        if (++word >= BITMAP_WORDS(bits))
            return bits;
        found = map[word] ^ background;
    }
    return MIN(word * 64 + bits_lowest(found), bits);
}

size_t bitmap_find_set(const uint64_t *map, size_t bits, size_t from)
{
    return find_different(map, bits, from, 0);
}

size_t bitmap_find_clear(const uint64_t *map, size_t bits, size_t from)
{
    return find_different(map, bits, from, ~0ull);
}

size_t bitmap_find_last_set(const uint64_t *map, size_t bits)
{
    for (size_t word = BITMAP_WORDS(bits); word-- > 0;) {
        uint64_t found = map[word] & valid_mask(word, bits);
        if (found != 0)
            return word * 64 + bits_highest(found);
    }
    return bits;
}

size_t bitmap_find_clear_run(const uint64_t *map, size_t bits, size_t from, size_t count,
                             size_t align)
{
    assert(count > 0 && is_power_of_two(align));
    for (size_t start = from;;) {
        start = bitmap_find_clear(map, bits, start);
        if (start >= bits || add_overflows(start, align - 1, &start))
            return bits;
        start &= ~(align - 1);
        if (start >= bits || count > bits - start)
            return bits;
        size_t obstacle = bitmap_find_set(map, start + count, start);
        if (obstacle == start + count)
            return start;
        start = obstacle + 1;
    }
}

size_t bitmap_count(const uint64_t *map, size_t bits)
{
    size_t count = 0;
    for (size_t word = 0; word < BITMAP_WORDS(bits); word++)
        count += bits_count(map[word] & valid_mask(word, bits));
    return count;
}

bool bitmap_is_empty(const uint64_t *map, size_t bits)
{
    return bitmap_find_set(map, bits, 0) == bits;
}

bool bitmap_is_full(const uint64_t *map, size_t bits)
{
    return bitmap_find_clear(map, bits, 0) == bits;
}

bool bitmap_equal(const uint64_t *a, const uint64_t *b, size_t bits)
{
    for (size_t word = 0; word < BITMAP_WORDS(bits); word++) {
        if ((a[word] ^ b[word]) & valid_mask(word, bits))
            return false;
    }
    return true;
}

bool bitmap_intersects(const uint64_t *a, const uint64_t *b, size_t bits)
{
    for (size_t word = 0; word < BITMAP_WORDS(bits); word++) {
        if (a[word] & b[word] & valid_mask(word, bits))
            return true;
    }
    return false;
}

bool bitmap_is_subset(const uint64_t *part, const uint64_t *whole, size_t bits)
{
    for (size_t word = 0; word < BITMAP_WORDS(bits); word++) {
        if (part[word] & ~whole[word] & valid_mask(word, bits))
            return false;
    }
    return true;
}

void bitmap_and(uint64_t *to, const uint64_t *a, const uint64_t *b, size_t bits)
{
    for (size_t word = 0; word < BITMAP_WORDS(bits); word++)
        to[word] = a[word] & b[word];
}

void bitmap_or(uint64_t *to, const uint64_t *a, const uint64_t *b, size_t bits)
{
    for (size_t word = 0; word < BITMAP_WORDS(bits); word++)
        to[word] = a[word] | b[word];
}

void bitmap_andnot(uint64_t *to, const uint64_t *a, const uint64_t *b, size_t bits)
{
    for (size_t word = 0; word < BITMAP_WORDS(bits); word++)
        to[word] = a[word] & ~b[word];
}
