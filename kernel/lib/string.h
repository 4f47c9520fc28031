/* SPDX-License-Identifier: MIT */
/*
 * Strings and memory. The four mem* functions come from the backend (libc when hosted, its own
 * when not); everything else is ours and carries a k. Character tests are ASCII only.
 */
#ifndef KERNEL_LIB_STRING_H
#define KERNEL_LIB_STRING_H

#include "kernel/lib/compiler.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* A freestanding compiler would call these even for 8 constant bytes; named so, it inlines them. */
#if !__STDC_HOSTED__
#define memcpy(to, from, size) __builtin_memcpy(to, from, size)
#define memmove(to, from, size) __builtin_memmove(to, from, size)
#define memset(to, byte, size) __builtin_memset(to, byte, size)
#define memcmp(a, b, size) __builtin_memcmp(a, b, size)
#endif

/* First byte equal to `byte`, or NULL. */
void *kmemchr(const void *memory, int byte, size_t size);
bool kmem_is_zero(const void *memory, size_t size);
/* Zeroes memory that held a secret; the compiler may not drop it. */
void kmem_wipe(void *memory, size_t size);

size_t kstrlen(const char *s);
size_t kstrnlen(const char *s, size_t max);
int kstrcmp(const char *a, const char *b);
int kstrncmp(const char *a, const char *b, size_t max);
int kstrcasecmp(const char *a, const char *b);
char *kstrchr(const char *s, int c);
char *kstrrchr(const char *s, int c);
char *kstrstr(const char *s, const char *wanted);
/* Length of the leading part made only of (without any of) the characters in `set`. */
size_t kstrspn(const char *s, const char *set);
size_t kstrcspn(const char *s, const char *set);

/*
 * Copies (appends) to a buffer of `size` bytes, always terminating it if size > 0. Returns the
 * length the whole result would have; >= size means it was cut.
 */
size_t kstrlcpy(char *to, const char *from, size_t size);
size_t kstrlcat(char *to, const char *from, size_t size);

bool kstr_equal(const char *a, const char *b);
bool kstr_starts_with(const char *s, const char *prefix);
bool kstr_ends_with(const char *s, const char *suffix);
/* True if the `size` bytes at `s` are exactly the string `literal`. */
bool kstr_is(const char *s, size_t size, const char *literal);
/* First character that is not white space. */
const char *kstr_skip_spaces(const char *s);

static inline bool kisdigit(int c)
{
    return c >= '0' && c <= '9';
}

static inline bool kisupper(int c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool kislower(int c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool kisalpha(int c)
{
    return kisupper(c) || kislower(c);
}

static inline bool kisalnum(int c)
{
    return kisalpha(c) || kisdigit(c);
}

static inline bool kisspace(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool kisprint(int c)
{
    return c >= 0x20 && c < 0x7f;
}

static inline bool kisxdigit(int c)
{
    return kisdigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline int ktolower(int c)
{
    return kisupper(c) ? c + ('a' - 'A') : c;
}

static inline int ktoupper(int c)
{
    return kislower(c) ? c - ('a' - 'A') : c;
}

#endif
