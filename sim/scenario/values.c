/* SPDX-License-Identifier: MIT */
/*
 * Values of a scenario: texts, numbers, sizes, times, probabilities (sim/scenario/document.h).
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/document.h"

struct unit {
    const char *name;
    double factor;
};

static const struct unit time_units[] = {{"ns", 1},     {"us", 1e3},   {"ms", 1e6}, {"s", 1e9},
                                         {"min", 60e9}, {"h", 3600e9}, {NULL, 0}};
static const struct unit size_units[] = {
    {"", 1}, {"K", 1024}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
static const struct unit rate_units[] = {
    {"bit", 1}, {"kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}, {NULL, 0}};
static const struct unit chance_units[] = {{"", 1e6}, {"%", 1e4}, {"ppm", 1}, {NULL, 0}};

void take_text(struct document *document, node *value, void *into)
{
    const char *text = document_text(document, value);

    if (text != NULL) {
        *(const char **)into = text;
    }
}

void take_bool(struct document *document, node *value, void *into)
{
    const char *text = document_text(document, value);

    if (text == NULL) {
        return;
    }
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        document_fail(document, value, "%s: true or false is wanted here", text);
        return;
    }
    *(bool *)into = text[0] == 't';
}

void take_u64(struct document *document, node *value, void *into)
{
    const char *text = document_text(document, value);
    char *end;

    if (text == NULL) {
        return;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0) {
        document_fail(document, value, "%s: a whole number is wanted here", text);
        return;
    }
    *(uint64_t *)into = number;
}

void take_unsigned(struct document *document, node *value, void *into)
{
    uint64_t number = 0;

    take_u64(document, value, &number);
    if (number > INT32_MAX) {
        document_fail(document, value, "%llu is too large", (unsigned long long)number);
    }
    *(unsigned *)into = (unsigned)number;
}

/* A decimal number with one of the units, at text; *end is behind it. False if there is none. */
static bool read_number(const char *text, const struct unit *units, double *out, const char **end)
{
    char *stop;

    if (!isdigit((unsigned char)text[0]) || strpbrk(text, "xXpPnNiI") == text + 1) {
        return false;
    }
    double number = strtod(text, &stop);
    size_t size = 0;
    while (isalpha((unsigned char)stop[size]) || stop[size] == '%') {
        size++;
    }
    for (; units->name != NULL; units++) {
        if (strlen(units->name) == size && memcmp(stop, units->name, size) == 0) {
            *out = number * units->factor;
            *end = stop + size;
            return isfinite(*out);
        }
    }
    return false;
}

static double take_number(struct document *document, node *value, const struct unit *units,
                          double max, const char *wanted)
{
    const char *text = document_text(document, value), *end;
    double number;

    if (text == NULL) {
        return 0;
    }
    if (!read_number(text, units, &number, &end) || *end != '\0') {
        document_fail(document, value, "%s: %s is wanted here", text, wanted);
        return 0;
    }
    if (number > max) {
        document_fail(document, value, "%s is too large", text);
        return 0;
    }
    return floor(number + 0.5);
}

void take_size(struct document *document, node *value, void *into)
{
    *(uint64_t *)into = (uint64_t)take_number(document, value, size_units, 0x1p50,
                                              "a size, as 512, 64K, 16M or 1G,");
}

static const char time_wanted[] = "a time, as 10us, 1.5ms or 3s,";

void take_duration(struct document *document, node *value, void *into)
{
    *(uint64_t *)into = (uint64_t)take_number(document, value, time_units, 0x1p60, time_wanted);
}

void take_signed_duration(struct document *document, node *value, void *into)
{
    const char *text = document_text(document, value), *end;
    double number;

    if (text == NULL) {
        return;
    }
    const bool negative = text[0] == '-';
    if (!read_number(text + negative, time_units, &number, &end) || *end != '\0' ||
        number > 0x1p60) {
        document_fail(document, value, "%s: a time, as 3s or -10ms, is wanted here", text);
        return;
    }
    *(int64_t *)into = (int64_t)(negative ? -number : number);
}

void take_probability(struct document *document, node *value, void *into)
{
    double ppm = take_number(document, value, chance_units, 1e15, "a probability, as 0.01 or 1%,");

    if (ppm > 1e6) {
        document_fail(document, value, "a probability is at most 1");
        return;
    }
    *(uint32_t *)into = (uint32_t)ppm;
}

void take_bandwidth(struct document *document, node *value, void *into)
{
    *(uint64_t *)into = (uint64_t)take_number(document, value, rate_units, 1e15,
                                              "a bandwidth, as 100Mbit or 1Gbit,");
}

void take_moment(struct document *document, node *value, void *into)
{
    const char *text = document_text(document, value), *end;
    struct moment *moment = into;
    double from, to;

    if (text == NULL) {
        return;
    }
    if (read_number(text, time_units, &from, &end)) {
        to = from;
        if (*end == '\0' || (strncmp(end, "..", 2) == 0 &&
                             read_number(end + 2, time_units, &to, &end) && *end == '\0')) {
            if (to < from || to > 0x1p60) {
                document_fail(document, value, "%s: the range ends before it begins, or too late",
                              text);
            }
            *moment = (struct moment){(uint64_t)(from + 0.5), (uint64_t)(to + 0.5)};
            return;
        }
    }
    document_fail(document, value, "%s: a time, as 3s, or a range, as 1s..2s, is wanted here",
                  text);
}

struct word_list {
    const char **words;
    size_t count;
};

static void take_word(struct document *document, node *value, void *into)
{
    struct word_list *list = into;
    const char *text = document_text(document, value);

    if (text != NULL) {
        list->words[list->count++] = text;
    }
}

void take_words(struct document *document, node *value, void *into)
{
    struct word_list list = {0};

    if (!document_is_sequence(value)) {
        document_fail(document, value, "a list of words is wanted here, as [/bin/echo, hello]");
        return;
    }
    size_t count = (size_t)(value->data.sequence.items.top - value->data.sequence.items.start);
    list.words = document_allocate(document, (count + 1) * sizeof(list.words[0]));
    if (list.words != NULL) {
        document_each_item(document, value, take_word, &list);
        *(const char ***)into = list.words;
    }
}
