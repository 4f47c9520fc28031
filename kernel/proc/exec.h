/* SPDX-License-Identifier: MIT
 *
 * What the parts of execve(2) share: the program being prepared. Internal to proc/.
 */
#ifndef KERNEL_PROC_EXEC_H
#define KERNEL_PROC_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/proc/task.h"

enum {
    EXEC_HEADER_BYTES = 256,     /* read from the start of the file to recognise its format */
    EXEC_STRING_MAX = 32 * 4096, /* one argument, the NUL included (MAX_ARG_STRLEN) */
    EXEC_INTERPRETERS_MAX = 5,   /* nested #! lines */
};

/* Argument and environment strings, one after the other, NULs included. */
struct exec_block {
    char *bytes;
    size_t used, capacity;
    unsigned count;
};

struct exec {
    struct file *file;           /* opened by exec_open; replaced by a script's interpreter */
    char *filename;              /* what execve was given: AT_EXECFN, and the task's name; owned */
    char *program;               /* name of `file`: what a script's interpreter gets to open; owned */
    bool name_is_closed;         /* `program` will not be there any more to be opened */
    struct exec_block argv, envp;
    unsigned char header[EXEC_HEADER_BYTES]; /* zero padded */
    size_t limit_bytes;          /* strings and pointers together */
    unsigned interpreters;
    struct cred *cred;           /* of the new program; owned until installed */
    bool gains;                  /* ids or capabilities that the old program did not have */
    bool has_caps;               /* capabilities that not being root would not give */
    bool secure;                 /* AT_SECURE: credentials were raised */
    bool unreadable;             /* the caller may not read the program: it will not be dumpable */

    /* Set by the loader for the stack. */
    uint64_t entry;              /* where user code starts: the interpreter's if there is one */
    uint64_t program_entry, program_headers, interpreter_base;
    uint16_t program_header_count;
    uint64_t vdso;               /* where the vDSO's image is mapped; 0: there is none */
    uint64_t stack_pointer;
};

/* exec_strings.c: room in the block is checked against limit_bytes: -E2BIG. */
int exec_block_add(struct exec *exec, struct exec_block *block, const char *string);
int exec_block_add_user(struct exec *exec, struct exec_block *block, uint64_t array);
int exec_block_prepend(struct exec *exec, struct exec_block *block, const char *string);
void exec_block_drop_first(struct exec_block *block);
void exec_block_free(struct exec_block *block);

/* exec_script.c: "#!": replaces file and the first arguments. 0, -ENOEXEC if it is no script. */
int exec_script(struct exec *exec);

/* exec.c: open a program: a regular file, executable, not on noexec. Nobody can write to it until
 * exec_close; -ETXTBSY if somebody does already. */
int exec_open(const char *path, struct file **out);
void exec_close(struct file *file);
int exec_read_header(struct exec *exec);

/* elf.c: check everything that can be checked before the old program is gone. 0 or -ENOEXEC … */
struct elf_image;
int elf_prepare(struct exec *exec, struct elf_image **out);
/* Map it into the current task's (new, empty) address space. */
int elf_load(struct exec *exec, struct elf_image *image);
bool elf_wants_executable_stack(const struct elf_image *image);
void elf_free(struct elf_image *image);

/* exec_stack.c: strings, vectors and auxv on the new stack. */
int exec_build_stack(struct exec *exec);

/* exec_capabilities.c: the sets of the new program, whose ids are in `cred` already. 0 or -EPERM. */
int exec_transform_capabilities(struct exec *exec, struct cred *cred, const struct cred *old);

#endif
