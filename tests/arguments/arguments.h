/* SPDX-License-Identifier: MIT
 *
 * The bad-argument test: what its generated table, its objects and its driver share.
 */
#ifndef TESTS_ARGUMENTS_ARGUMENTS_H
#define TESTS_ARGUMENTS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARGUMENTS_MAX = 6 };

/* ---- the table, made by generate.py ---- */

/* What an argument is, and so which bad values it gets. */
enum argument_kind {
    ARGUMENT_FD,
    ARGUMENT_DIRFD,
    ARGUMENT_POINTER, /* the good one is an object, or NULL */
    ARGUMENT_STRING,
    ARGUMENT_PATH,
    ARGUMENT_INT,
    ARGUMENT_ENUM,
    ARGUMENT_FLAGS,
    ARGUMENT_FLAGS64,
    ARGUMENT_MODE,
    ARGUMENT_ID, /* a user, a process, a signal: nobody that exists but the test itself */
    ARGUMENT_LONG,
    ARGUMENT_SIZE,
    ARGUMENT_KEPT, /* no bad values: they would harm */
};

struct argument {
    const char *name;
    enum argument_kind kind;
};

enum {
    CALL_ANY = 1,    /* what it gives differs from run to run: only success is told */
    CALL_FORKS = 2,  /* returns twice */
    CALL_MOUNTS = 4, /* in a mount namespace of its own */
    CALL_FILES = 8,  /* may change the files of the working directory */
};

struct call {
    const char *name;
    long number;
    unsigned flags, count;
    const struct argument *arguments;
    void (*good)(long *values);
};

extern const struct call calls[];
extern const unsigned calls_count;

/* ---- bad values (values.c) ---- */

struct value {
    const char *name;
    /* The bad value in place of a good one. Makes what it needs: called in the process that calls.
     */
    long (*make)(long good, long constant);
    long constant;
};

/* The values of a kind, their count in *count. */
const struct value *values_of(enum argument_kind kind, unsigned *count);

/* One of them, for pairs of bad arguments: NULL if the kind has none. */
const struct value *value_of_pair(enum argument_kind kind);

/* ---- objects: user memory, each at the end of pages that end with a hole (objects.c) ---- */

/* Once, before all forks. */
void objects_reserve(void);

/* A new object with these bytes, or filled with the pattern of outputs. */
long object(const void *bytes, size_t size);
long object_out(size_t size);

/* The object that begins at an address: moved or protected so that it is bad. 0 if there is none.
 */
long object_straddle(long address);
bool object_protect(long address, int protection);

/* Remember the content of all objects; whether the one at an address is another now. */
void objects_snapshot(void);
bool object_changed(long address);

/* Forget all, for the next case. */
void objects_release(void);

#define OBJ(type, ...) object(&(type){__VA_ARGS__}, sizeof(type))
#define OUT(size) object_out(size)
#define IO(size) object((const char[size]){0}, size)

/* ---- the fixture: files, descriptors and processes to call with (fixture*.c) ---- */

/* Make the working directory's files as they should be. */
void fixture_files(void);
void fixture_fresh_mounts(void);

/* Tell the driver of an object of System V IPC, which outlives this process: 's', 'm' or 'q'. */
void driver_note_ipc(char kind, int id);

#endif
