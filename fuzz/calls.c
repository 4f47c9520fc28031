/* SPDX-License-Identifier: MIT
 *
 * What code inside the fuzzers' machine may use (inside.h): system calls without user code, usage
 * for leak checks, the end of an input that fails.
 */
#include <stdarg.h>
#include <stdio.h>

#include "fuzz/inside.h"
#include "hal/user.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/dispatch.h"

enum { SETTLE_ROUNDS = 20 };

int64_t fuzz_call(unsigned number, ...)
{
    struct hal_regs *regs = &current_task()->user.regs;
    const struct hal_regs saved = *regs;
    uint64_t args[6];
    va_list list;

    va_start(list, number);
    for (unsigned i = 0; i < 6; i++)
        args[i] = va_arg(list, uint64_t);
    va_end(list);
    regs->rax = number;
    regs->rdi = args[0];
    regs->rsi = args[1];
    regs->rdx = args[2];
    regs->r10 = args[3];
    regs->r8 = args[4];
    regs->r9 = args[5];
    syscall_dispatch(regs);
    int64_t result = (int64_t)regs->rax;
    *regs = saved;
    return result;
}

struct fuzz_usage fuzz_usage(void)
{
    struct kernel *kernel = this_kernel();
    struct page_counts pages;
    struct fuzz_usage usage;

    sched_trim_stacks(kernel);
    dcache_shrink(kernel->vfs, 0);
    page_count(kernel, &pages);
    usage.objects = slab_live_objects(kernel);
    usage.pages = pages.anon + pages.kernel_stack + pages.page_tables;
    return usage;
}

void fuzz_must(int64_t result, const char *what)
{
    if (result < 0)
        fuzz_fail("cannot set up: %s: error %lld", what, -(long long)result);
}

void fuzz_fail(const char *format, ...)
{
    va_list args;

    fputs("fuzz: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    __builtin_abort();
}

static bool more_than(const struct fuzz_usage *before, const struct fuzz_usage *after)
{
    return after->objects > before->objects || after->pages > before->pages;
}

void fuzz_check_leaks(const struct fuzz_usage *before)
{
    struct fuzz_usage after = fuzz_usage();

    for (unsigned i = 0; i < SETTLE_ROUNDS && more_than(before, &after); i++) {
        fuzz_nap();
        after = fuzz_usage();
    }
    if (more_than(before, &after)) {
        fuzz_fail("leak: objects %llu -> %llu, pages %llu -> %llu",
                  (unsigned long long)before->objects, (unsigned long long)after.objects,
                  (unsigned long long)before->pages, (unsigned long long)after.pages);
    }
}
