/* SPDX-License-Identifier: MIT */
/* Numbers from text. Pure functions; any context. */
#include "kernel/lib/parse.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"

static unsigned digit_value(char c)
{
    if (kisdigit(c))
        return (unsigned)(c - '0');
    return kisalpha(c) ? (unsigned)(ktolower(c) - 'a') + 10 : UINT32_MAX;
}

/* Decides base 0 and passes a 0x before hexadecimal digits. */
static unsigned take_prefix(const char **cursor, unsigned base)
{
    const char *p = *cursor;
    bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && kisxdigit(p[2]);
    if (hex && (base == 0 || base == 16)) {
        *cursor += 2;
        return 16;
    }
    if (base != 0)
        return base;
    return p[0] == '0' ? 8 : 10;
}

int kparse_u64(const char **cursor, unsigned base, uint64_t *out)
{
    assert(base == 0 || (base >= 2 && base <= 36));
    const char *p = *cursor;
    base = take_prefix(&p, base);
    uint64_t value = 0;
    bool overflow = false;
    size_t digits = 0;
    for (; digit_value(*p) < base; p++, digits++) {
        overflow |= mul_overflows(value, (uint64_t)base, &value);
        overflow |= add_overflows(value, (uint64_t)digit_value(*p), &value);
    }
    if (digits == 0)
        return -EINVAL;
    *cursor = p;
    if (overflow)
        return -ERANGE;
    *out = value;
    return 0;
}

/* End of the string, or a newline and then the end. */
static bool at_end(const char *s)
{
    return s[0] == '\0' || (s[0] == '\n' && s[1] == '\0');
}

/* The whole string as a magnitude, its sign apart. */
static int parse_whole(const char *s, unsigned base, uint64_t *out)
{
    uint64_t value;
    int error = kparse_u64(&s, base, &value);
    if (error == -EINVAL || !at_end(s))
        return -EINVAL;
    if (error == 0)
        *out = value;
    return error;
}

int kstrtou64(const char *s, unsigned base, uint64_t *out)
{
    return parse_whole(*s == '+' ? s + 1 : s, base, out);
}

int kstrtos64(const char *s, unsigned base, int64_t *out)
{
    bool negative = *s == '-';
    uint64_t magnitude;
    int error = parse_whole(*s == '-' || *s == '+' ? s + 1 : s, base, &magnitude);
    if (error != 0)
        return error;
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return -ERANGE;
    *out = (int64_t)(negative ? -magnitude : magnitude);
    return 0;
}

int kstrtou32(const char *s, unsigned base, uint32_t *out)
{
    uint64_t value;
    int error = kstrtou64(s, base, &value);
    if (error != 0)
        return error;
    if (value > UINT32_MAX)
        return -ERANGE;
    *out = (uint32_t)value;
    return 0;
}

int kstrtos32(const char *s, unsigned base, int32_t *out)
{
    int64_t value;
    int error = kstrtos64(s, base, &value);
    if (error != 0)
        return error;
    if (value < INT32_MIN || value > INT32_MAX)
        return -ERANGE;
    *out = (int32_t)value;
    return 0;
}

int kstrtobool(const char *s, bool *out)
{
    size_t length = kstrcspn(s, "\n");
    if (!at_end(s + length))
        return -EINVAL;
    if ((length == 1 && kstrchr("1yYtT", *s) != NULL) || kstr_is(s, length, "on"))
        *out = true;
    else if ((length == 1 && kstrchr("0nNfF", *s) != NULL) || kstr_is(s, length, "off"))
        *out = false;
    else
        return -EINVAL;
    return 0;
}

int kstrtosize(const char *s, uint64_t *out)
{
    uint64_t value;
    int error = kparse_u64(&s, 0, &value);
    if (error == -EINVAL)
        return error;
    static const char suffixes[] = "kmgtpe";
    const char *suffix = *s == '\0' ? NULL : kstrchr(suffixes, ktolower(*s));
    if (suffix != NULL)
        s++;
    if (!at_end(s))
        return -EINVAL;
    uint64_t unit = suffix == NULL ? 1 : 1024ull << (10 * (suffix - suffixes));
    if (error != 0 || mul_overflows(value, unit, &value))
        return -ERANGE;
    *out = value;
    return 0;
}
