/* SPDX-License-Identifier: MIT */
/*
 * YAML documents by tables of fields (sim/scenario/document.h).
 */
#include "sim/scenario/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void set_message(struct document *document, unsigned line, const char *format, va_list args)
{
    char *at = document->message;
    size_t room = sizeof(document->message);

    if (document->failed) {
        return;
    }
    document->failed = true;
    int used = line > 0 ? snprintf(at, room, "%s:%u: ", document->path, line)
                        : snprintf(at, room, "%s: ", document->path);
    if ((size_t)used < room) {
        vsnprintf(at + used, room - (size_t)used, format, args);
    }
}

void document_fail(struct document *document, const node *where, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_message(document, document_line(where), format, args);
    va_end(args);
}

__attribute__((format(printf, 3, 4))) static void fail_at(struct document *document, size_t line,
                                                          const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_message(document, (unsigned)line, format, args);
    va_end(args);
}

unsigned document_line(const node *where)
{
    return where == NULL ? 0 : (unsigned)where->start_mark.line + 1;
}

static void parse(struct document *document, FILE *file)
{
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser)) {
        document_fail(document, NULL, "out of memory");
        return;
    }
    yaml_parser_set_input_file(&parser, file);
    if (yaml_parser_load(&parser, &document->yaml)) {
        document->loaded = true;
        if (document_root(document) == NULL) {
            document_fail(document, NULL, "the file is empty");
        }
    } else if (parser.error == YAML_READER_ERROR) {
        document_fail(document, NULL, "%s", parser.problem);
    } else if (parser.error == YAML_MEMORY_ERROR) {
        document_fail(document, NULL, "out of memory");
    } else {
        fail_at(document, parser.problem_mark.line + 1, "%s", parser.problem);
    }
    yaml_parser_delete(&parser);
}

void document_open(struct document *document, const char *path)
{
    struct stat info;

    *document = (struct document){.path = path};
    FILE *file = fopen(path, "rbe");
    if (file == NULL || fstat(fileno(file), &info) < 0) {
        document_fail(document, NULL, "%s", strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        document_fail(document, NULL, "no file");
    } else {
        parse(document, file);
    }
    if (file != NULL) {
        fclose(file);
    }
}

void document_close(struct document *document)
{
    if (document->loaded) {
        yaml_document_delete(&document->yaml);
        document->loaded = false;
    }
    for (size_t i = 0; i < document->memory_count; i++) {
        free(document->memory[i]);
    }
    free(document->memory);
    document->memory = NULL;
    document->memory_count = 0;
}

void *document_allocate(struct document *document, size_t bytes)
{
    void **memory =
        realloc(document->memory, (document->memory_count + 1) * sizeof(document->memory[0]));
    void *fresh = calloc(1, bytes);

    if (memory != NULL) {
        document->memory = memory;
    }
    if (memory == NULL || fresh == NULL) {
        free(fresh);
        document_fail(document, NULL, "out of memory");
        return NULL;
    }
    memory[document->memory_count++] = fresh;
    return fresh;
}

node *document_root(struct document *document)
{
    return yaml_document_get_root_node(&document->yaml);
}

bool document_is_mapping(const node *value)
{
    return value->type == YAML_MAPPING_NODE;
}

bool document_is_sequence(const node *value)
{
    return value->type == YAML_SEQUENCE_NODE;
}

const char *document_text(struct document *document, node *value)
{
    if (value->type != YAML_SCALAR_NODE) {
        document_fail(document, value, "one value is wanted here, not a list or a mapping");
        return NULL;
    }
    if (strlen((const char *)value->data.scalar.value) != value->data.scalar.length) {
        document_fail(document, value, "a text must not contain a zero byte");
        return NULL;
    }
    return (const char *)value->data.scalar.value;
}

void document_each_pair(struct document *document, node *mapping,
                        void (*take)(struct document *document, node *key, node *value, void *into),
                        void *into)
{
    if (!document_is_mapping(mapping)) {
        document_fail(document, mapping, "names with values are wanted here (a YAML mapping)");
        return;
    }
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top && !document->failed; pair++) {
        node *key = yaml_document_get_node(&document->yaml, pair->key);
        const char *name = document_text(document, key);
        for (yaml_node_pair_t *old = mapping->data.mapping.pairs.start; old < pair && name; old++) {
            node *other = yaml_document_get_node(&document->yaml, old->key);
            if (strcmp((const char *)other->data.scalar.value, name) == 0) {
                document_fail(document, key, "%s stands here for the second time (line %u)", name,
                              document_line(other));
            }
        }
        if (!document->failed) {
            take(document, key, yaml_document_get_node(&document->yaml, pair->value), into);
        }
    }
}

void document_each_item(struct document *document, node *sequence, taker *take, void *into)
{
    if (!document_is_sequence(sequence)) {
        document_fail(document, sequence, "a list is wanted here");
        return;
    }
    for (yaml_node_item_t *item = sequence->data.sequence.items.start;
         item < sequence->data.sequence.items.top && !document->failed; item++) {
        take(document, yaml_document_get_node(&document->yaml, *item), into);
    }
}

/* A table being filled. */
struct filling {
    const struct field *fields;
    char *into;
    uint64_t seen;
};

static void take_field(struct document *document, node *key, node *value, void *into)
{
    struct filling *filling = into;
    const char *name = (const char *)key->data.scalar.value;

    for (unsigned i = 0; filling->fields[i].name != NULL; i++) {
        const struct field *field = &filling->fields[i];
        if (strcmp(field->name, name) == 0) {
            filling->seen |= UINT64_C(1) << i;
            field->take(document, value, filling->into + field->offset);
            return;
        }
    }
    char known[256] = "";
    for (unsigned i = 0; filling->fields[i].name != NULL; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i == 0 ? "" : ", ",
                 filling->fields[i].name);
    }
    document_fail(document, key, "there is no %s here; known are: %s", name, known);
}

void document_take_fields(struct document *document, node *mapping, const struct field *fields,
                          void *into)
{
    struct filling filling = {fields, into, 0};

    document_each_pair(document, mapping, take_field, &filling);
    for (unsigned i = 0; fields[i].name != NULL; i++) {
        if (fields[i].required && !(filling.seen & UINT64_C(1) << i)) {
            document_fail(document, mapping, "%s is missing here", fields[i].name);
        }
    }
}
