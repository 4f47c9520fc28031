/* SPDX-License-Identifier: MIT
 *
 * Programs: the input is written to a file that a child then executes, and so are the interpreter
 * it may name and scripts (kernel/proc/exec.c, elf.c, exec_script.c). What a program leaves must go
 * with it.
 */
#include "fuzz/inside.h"
#include "kernel/abi/fcntl.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/syscalls.h"

enum { PATH = 0x10000000, ARGV = PATH + 256, DATA = PATH + 4096, DATA_MAX = 48 * 4096 };

static void run(void)
{
    const uint64_t argv[] = {PATH, PATH, 0};

    fuzz_put_user(ARGV, argv, sizeof argv);
    if (FUZZ_CALL(SYS_execve, PATH, ARGV, 0) < 0)
        return;
    /* What the loader promised: the entry and the stack are addresses of user memory. */
    const struct hal_regs *regs = &current_task()->user.regs;
    if (regs->rip >> 47 || regs->rsp >> 47 || regs->rsp % 16)
        fuzz_fail("started at %#llx with stack %#llx", (unsigned long long)regs->rip,
                  (unsigned long long)regs->rsp);
    /* Memory of the new program, by way of the faults its code would cause. */
    mm_handle_fault(current_task()->thread.mm, regs->rip, MM_EXEC);
    mm_handle_fault(current_task()->thread.mm, regs->rip + 4096, MM_WRITE);
    mm_handle_fault(current_task()->thread.mm, regs->rsp - 64, MM_WRITE);
}

static void body(const uint8_t *data, size_t size)
{
    size = size < DATA_MAX ? size : DATA_MAX;
    fuzz_put_string(PATH, "/tmp/x");
    fuzz_put_user(DATA, data, size);
    int64_t fd = FUZZ_CALL(SYS_open, PATH, O_CREAT | O_WRONLY, 0755);
    FUZZ_CALL(SYS_write, fd, DATA, size);
    FUZZ_CALL(SYS_close, fd);
    fuzz_child(run); /* the page cache gets the file's pages, and names */
    const struct fuzz_usage before = fuzz_usage();
    fuzz_child(run);
    fuzz_check_leaks(&before);
}

FUZZ_TARGET(body)
