/* SPDX-License-Identifier: MIT
 *
 * Writing a core file: what its parts share.
 */
#ifndef KERNEL_PROC_CORE_INTERNAL_H
#define KERNEL_PROC_CORE_INTERNAL_H

#include "kernel/abi/elf.h"
#include "kernel/proc/core_dump.h"
#include "kernel/proc/task.h"

/* A mapping as it was when the dump began. */
struct core_segment {
    uint64_t start, end;
    uint64_t file_bytes; /* of it in the dump; 0: only described */
    unsigned flags;      /* enum vma_flags */
    bool whole;          /* also what has never been touched: it comes from a file, or the kernel */
};

struct core {
    struct task *task; /* that took the signal; its notes come first */
    const struct linux_siginfo *info;
    struct mm *mm;
    struct file *file;
    char pattern[CORE_PATTERN_BYTES];
    uint64_t limit; /* bytes that may be written */
    uint64_t written;
    uint64_t position; /* in the file; of a pipe: zeros that are to be written first */
    bool piped;

    struct core_segment *segments;
    size_t segment_count;
    struct task **tasks; /* all of the process, the one above first; referenced */
    size_t task_count;
    char *files; /* contents of NT_FILE */
    size_t files_bytes;
};

/* ---- core_elf.c ---- */

/* Write the whole file. 0 or negative errno; a short file is what a full disk or the limit leave.
 */
int core_write(struct core *core);
/* Append; zeros are skipped with core_skip, so that the file has holes. */
int core_emit(struct core *core, const void *bytes, size_t count);
void core_skip(struct core *core, uint64_t bytes);
bool core_is_aborted(const struct core *core);

/* ---- core_pipe.c ---- */

/* Run the program argv[0] and open a pipe to it for the dump. 0, or why there is none. Blocks. */
int core_open_pipe(struct core *core, char **argv);
/* Process 1: start the programs that dumpers wait for. */
void core_start_helpers(struct kernel *kernel);

/* ---- core_segments.c: the mappings; NT_FILE ---- */

int core_collect_segments(struct core *core);
int core_collect_files(struct core *core);

/* ---- core_notes.c ---- */

uint64_t core_notes_bytes(const struct core *core);
int core_write_notes(struct core *core);

#endif
