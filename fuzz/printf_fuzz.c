/* SPDX-License-Identifier: MIT
 *
 * Formatted output against the C library's: same text and same length for every conversion the
 * kernel has (kernel/lib/printf.c).
 */
#include <stdio.h>
#include <string.h>

#include "fuzz/inside.h"
#include "kernel/lib/printf.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-extra-args"

enum { FORMAT_MAX = 64, OUTPUT_MAX = 512 };

/* One conversion: flags, width, precision, size, letter; its letter. */
static char make_format(struct fuzz_input *input, char *out)
{
    static const char flags[] = "-+ 0#", letters[] = "diuoxXcsp%";
    static const char *const sizes[] = {"", "hh", "h", "l", "ll", "j", "z", "t"};
    const uint8_t choice = fuzz_u8(input);
    const char letter = letters[choice % (sizeof letters - 1)];
    const uint8_t set = fuzz_u8(input);
    const uint8_t width = fuzz_u8(input), precision = fuzz_u8(input);

    out += sprintf(out, "<%%");
    if (letter == '%') {
        strcpy(out, "%>");
        return letter;
    }
    for (unsigned i = 0; i < sizeof flags - 1; i++) {
        /* Those that C leaves undefined for a letter are left out. */
        bool useful = flags[i] == '-' || (strchr("di", letter) && strchr("+ 0", flags[i])) ||
                      (strchr("uxXo", letter) && flags[i] == '0') ||
                      (strchr("xXo", letter) && flags[i] == '#');
        if (set >> i & 1 && useful)
            *out++ = flags[i];
    }
    if (width & 1)
        out += sprintf(out, "%d", width >> 1);
    if (precision & 1 && !strchr("cp", letter))
        out += sprintf(out, ".%d", precision >> 1);
    if (!strchr("csp", letter))
        out += sprintf(out, "%s", sizes[fuzz_u8(input) % 8]);
    sprintf(out, "%c>", letter);
    return letter;
}

static void compare(const char *format, size_t room, uint64_t value, const char *text, char letter)
{
    char ours[OUTPUT_MAX], theirs[OUTPUT_MAX];
    int our_length, their_length;

    memset(ours, 0x55, sizeof ours);
    memset(theirs, 0x55, sizeof theirs);
    if (letter == 's') {
        our_length = ksnprintf(ours, room, format, text);
        their_length = snprintf(theirs, room, format, text);
    } else if (letter == 'p') {
        our_length = ksnprintf(ours, room, format, (void *)(uintptr_t)value);
        their_length = snprintf(theirs, room, format, (void *)(uintptr_t)value);
    } else {
        our_length = ksnprintf(ours, room, format, value);
        their_length = snprintf(theirs, room, format, value);
    }
    if (our_length != their_length || memcmp(ours, theirs, sizeof ours) != 0)
        fuzz_fail("format %s of %#llx with room for %zu: %d \"%s\", libc %d \"%s\"", format,
                  (unsigned long long)value, room, our_length, ours, their_length, theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.data = data, .size = size};

    while (input.size > 0) {
        char format[FORMAT_MAX], text[256] = "";
        const uint8_t *bytes;
        const char letter = make_format(&input, format);
        const size_t room = 1 + fuzz_u8(&input) * 2 % (OUTPUT_MAX - 1);
        const uint64_t value = fuzz_u64(&input);
        const size_t length = fuzz_bytes(&input, sizeof text - 1, &bytes);

        memcpy(text, bytes, length);
        compare(format, room, value, text, letter);
    }
    return 0;
}
