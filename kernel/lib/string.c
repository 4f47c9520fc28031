/* SPDX-License-Identifier: MIT */
/*
 * Strings, as described in string(3), under our own names. Pure functions without state; any
 * context. The mem* functions themselves belong to the backend.
 */
#include "kernel/lib/string.h"

void *kmemchr(const void *memory, int byte, size_t size)
{
    const uint8_t *bytes = memory;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == (uint8_t)byte)
            return (void *)(uintptr_t)&bytes[i];
    }
    return NULL;
}

bool kmem_is_zero(const void *memory, size_t size)
{
    const uint8_t *bytes = memory;
    for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes, sizeof(word));
        if (word != 0)
            return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

void kmem_wipe(void *memory, size_t size)
{
    memset(memory, 0, size);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

size_t kstrlen(const char *s)
{
    size_t length = 0;
    while (s[length] != '\0')
        length++;
    return length;
}

size_t kstrnlen(const char *s, size_t max)
{
    size_t length = 0;
    while (length < max && s[length] != '\0')
        length++;
    return length;
}

int kstrcmp(const char *a, const char *b)
{
    return kstrncmp(a, b, SIZE_MAX);
}

int kstrncmp(const char *a, const char *b, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        if (a[i] != b[i])
            return (uint8_t)a[i] < (uint8_t)b[i] ? -1 : 1;
        if (a[i] == '\0')
            break;
    }
    return 0;
}

int kstrcasecmp(const char *a, const char *b)
{
    for (;; a++, b++) {
        int difference = ktolower((uint8_t)*a) - ktolower((uint8_t)*b);
        if (difference != 0 || *a == '\0')
            return difference;
    }
}

char *kstrchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (*s == '\0')
            return NULL;
    }
}

char *kstrrchr(const char *s, int c)
{
    const char *last = NULL;
    for (;; s++) {
        if (*s == (char)c)
            last = s;
        if (*s == '\0')
            return (char *)(uintptr_t)last;
    }
}

char *kstrstr(const char *s, const char *wanted)
{
    size_t length = kstrlen(wanted);
    for (;; s++) {
        if (kstrncmp(s, wanted, length) == 0)
            return (char *)(uintptr_t)s;
        if (*s == '\0')
            return NULL;
    }
}

size_t kstrspn(const char *s, const char *set)
{
    size_t length = 0;
    while (s[length] != '\0' && kstrchr(set, s[length]) != NULL)
        length++;
    return length;
}

size_t kstrcspn(const char *s, const char *set)
{
    size_t length = 0;
    while (s[length] != '\0' && kstrchr(set, s[length]) == NULL)
        length++;
    return length;
}

size_t kstrlcpy(char *to, const char *from, size_t size)
{
    size_t length = kstrlen(from);
    if (size > 0) {
        size_t copied = MIN(length, size - 1);
        memcpy(to, from, copied);
        to[copied] = '\0';
    }
    return length;
}

size_t kstrlcat(char *to, const char *from, size_t size)
{
    size_t used = kstrnlen(to, size);
    return used + kstrlcpy(to + used, from, size - used);
}

bool kstr_equal(const char *a, const char *b)
{
    return kstrcmp(a, b) == 0;
}

bool kstr_starts_with(const char *s, const char *prefix)
{
    return kstrncmp(s, prefix, kstrlen(prefix)) == 0;
}

bool kstr_ends_with(const char *s, const char *suffix)
{
    size_t length = kstrlen(s), wanted = kstrlen(suffix);
    return length >= wanted && kstr_equal(s + length - wanted, suffix);
}

bool kstr_is(const char *s, size_t size, const char *literal)
{
    return kstrlen(literal) == size && memcmp(s, literal, size) == 0;
}

const char *kstr_skip_spaces(const char *s)
{
    while (kisspace(*s))
        s++;
    return s;
}
