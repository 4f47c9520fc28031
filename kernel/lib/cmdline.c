/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line (bootparam(7) has Linux's). Words are unquoted into the caller's storage
 * and pointed to by the caller's vector; nothing else is kept.
 */
#include "kernel/lib/cmdline.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"

struct splitter {
    const char *p, *end;
    char *to, *to_end;
    bool quoted; /* the word had quotes or escapes: "--" is then an ordinary word */
};

static int put(struct splitter *s, char c)
{
    if (s->to == s->to_end)
        return -E2BIG;
    *s->to++ = c;
    return 0;
}

/* The character after a backslash. */
static int take_escape(struct splitter *s)
{
    s->quoted = true;
    if (s->p == s->end)
        return -EINVAL;
    switch (*s->p++) {
    case '"':
        return put(s, '"');
    case '\\':
        return put(s, '\\');
    case 'n':
        return put(s, '\n');
    default:
        return -EINVAL;
    }
}

/* One word, unquoted and terminated. */
static int take_word(struct splitter *s)
{
    bool inside = false;
    s->quoted = false;
    while (s->p < s->end && (inside || !kisspace(*s->p))) {
        char c = *s->p++;
        int error = 0;
        if (c == '"') {
            inside = !inside;
            s->quoted = true;
        } else if (c == '\\') {
            error = take_escape(s);
        } else {
            error = put(s, c);
        }
        if (error != 0)
            return error;
    }
    return inside ? -EINVAL : put(s, '\0');
}

int cmdline_split(const char *line, size_t size, char *storage, size_t storage_size, char **words,
                  size_t words_max, struct cmdline *out)
{
    struct splitter s = {
        .p = line,
        .end = line + kstrnlen(line, size),
        .to = storage,
        .to_end = storage + storage_size,
    };
    struct cmdline result = {.words = words};
    for (;;) {
        while (s.p < s.end && kisspace(*s.p))
            s.p++;
        if (s.p == s.end)
            break;
        char *word = s.to;
        int error = take_word(&s);
        if (error != 0)
            return error;
        if (!result.has_program && !s.quoted && kstr_equal(word, "--")) {
            result.has_program = true;
            result.options_count = result.words_count;
            continue;
        }
        if (result.words_count + 1 >= words_max)
            return -E2BIG;
        words[result.words_count++] = word;
    }
    if (words_max == 0)
        return -E2BIG;
    words[result.words_count] = NULL;
    if (!result.has_program)
        result.options_count = result.words_count;
    *out = result;
    return 0;
}

static char same_dash(char c)
{
    return c == '-' ? '_' : c;
}

/* The value if `word` is the option `name`, else NULL. */
static const char *value_of(const char *word, const char *name)
{
    for (; *name != '\0'; word++, name++) {
        if (same_dash(*word) != same_dash(*name))
            return NULL;
    }
    if (*word == '=')
        return word + 1;
    return *word == '\0' ? word : NULL;
}

const char *cmdline_option(const struct cmdline *cmdline, const char *name)
{
    for (size_t i = cmdline->options_count; i-- > 0;) {
        const char *value = value_of(cmdline->words[i], name);
        if (value != NULL)
            return value;
    }
    return NULL;
}
