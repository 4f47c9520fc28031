/* SPDX-License-Identifier: MIT
 *
 * Reads a YAML file into C structures by tables of fields, with libyaml. Every mistake becomes one
 * message "FILE:LINE: what is wrong", and reading ends.
 */
#ifndef SIM_SCENARIO_DOCUMENT_H
#define SIM_SCENARIO_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

struct document {
    const char *path;
    yaml_document_t yaml;
    bool loaded;
    bool failed; /* message is set; everything else has no meaning any more */
    char message[512];
    void *owner;   /* of the tables' targets, for takers */
    void **memory; /* freed with the document */
    size_t memory_count;
};

typedef yaml_node_t node;

/* Parse the file. Call document_close in any case. */
void document_open(struct document *document, const char *path);

/* Frees also all that document_allocate and the takers gave. */
void document_close(struct document *document);

/* Note a mistake at a node (NULL: of the whole file). The first one counts. */
__attribute__((format(printf, 3, 4))) void
document_fail(struct document *document, const node *where, const char *format, ...);
unsigned document_line(const node *where);

/* Zeroed memory that lives as long as the document; NULL after noting the failure. */
void *document_allocate(struct document *document, size_t bytes);

node *document_root(struct document *document);

/* Takes a value into *into. */
typedef void taker(struct document *document, node *value, void *into);

struct field {
    const char *name;
    taker *take;
    size_t offset; /* of the target in the structure */
    bool required;
};

/* Fields of a mapping into a structure; the last field has no name. Unknown, repeated and missing
 * ones are mistakes. */
void document_take_fields(struct document *document, node *mapping, const struct field *fields,
                          void *into);

/* Call take(document, value, into, key) for each pair of a mapping, or each item of a sequence. */
void document_each_pair(struct document *document, node *mapping,
                        void (*take)(struct document *document, node *key, node *value, void *into),
                        void *into);
void document_each_item(struct document *document, node *sequence, taker *take, void *into);

/* The text of a scalar; NULL after noting the failure. */
const char *document_text(struct document *document, node *value);
bool document_is_mapping(const node *value);
bool document_is_sequence(const node *value);

/* Ready takers, with the type of their target. */
taker take_text;            /* const char * */
taker take_bool;            /* bool: true, false */
taker take_unsigned;        /* unsigned */
taker take_u64;             /* uint64_t */
taker take_size;            /* uint64_t, bytes: 4096, 64K, 16M, 1G */
taker take_duration;        /* uint64_t, ns: 10ms, 3s, 1.5us; a unit is needed */
taker take_signed_duration; /* int64_t, ns */
taker take_probability;     /* uint32_t, ppm: 0.01, 1% */
taker take_bandwidth;       /* uint64_t, bit/s: 100Mbit, 1Gbit, 9600bit */
taker take_words;           /* const char **, NULL-terminated: a sequence of scalars */

/* A moment, or one to be drawn from a range: 3s, 1s..2s. */
struct moment {
    uint64_t from_ns, to_ns;
};
taker take_moment; /* struct moment */

#endif
