/* SPDX-License-Identifier: MIT
 *
 * The initial stack of a program (x86-64 psABI 3.4.1): from the top down the file name, environment
 * and argument strings, platform string and random bytes; then auxv, envp, argv and argc with rsp
 * 16-byte aligned at argc.
 */
#include "kernel/abi/elf.h"
#include "kernel/abi/errno.h"
#include "kernel/core/entropy.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/exec.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"

enum { AUXV_PAIRS_MAX = 24, RANDOM_BYTES = 16 };

struct layout {
    uint64_t filename, envp, argv, platform, random; /* addresses of the strings */
};

static const char platform_name[] = "x86_64";

static unsigned fill_auxv(const struct exec *exec, const struct layout *layout,
                          struct linux_auxv auxv[AUXV_PAIRS_MAX])
{
    const struct hal_boot *boot = this_kernel()->boot;
    const struct cred *cred = current_cred();
    enum { FRAME_OVERHEAD = 1024 }; /* a signal frame without its FP area, rounded up */
    const struct linux_auxv values[] = {
        {AT_SYSINFO_EHDR, exec->vdso},
        {AT_MINSIGSTKSZ, hal_fpu_size() + FRAME_OVERHEAD},
        {AT_HWCAP, boot->hwcap},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_CLKTCK, 100},
        {AT_PHDR, exec->program_headers},
        {AT_PHENT, sizeof(struct linux_elf64_phdr)},
        {AT_PHNUM, exec->program_header_count},
        {AT_BASE, exec->interpreter_base},
        {AT_FLAGS, 0},
        {AT_ENTRY, exec->program_entry},
        {AT_UID, current_uid_shown(cred->uid)},
        {AT_EUID, current_uid_shown(cred->euid)},
        {AT_GID, current_gid_shown(cred->gid)},
        {AT_EGID, current_gid_shown(cred->egid)},
        {AT_SECURE, exec->secure},
        {AT_RANDOM, layout->random},
        {AT_HWCAP2, boot->hwcap2},
        {AT_EXECFN, layout->filename},
        {AT_PLATFORM, layout->platform},
        {AT_NULL, 0},
    };
    STATIC_ASSERT(ARRAY_SIZE(values) <= AUXV_PAIRS_MAX);
    unsigned skipped = exec->vdso ? 0 : 1;
    memcpy(auxv, values + skipped, sizeof(values) - skipped * sizeof(values[0]));
    return ARRAY_SIZE(values) - skipped;
}

static int put_string_block(uint64_t *top, const void *bytes, size_t count, uint64_t *out)
{
    *top -= count;
    *out = *top;
    return copy_to_user(*top, bytes, count);
}

static int put_strings(struct exec *exec, uint64_t *top, struct layout *layout)
{
    uint8_t random[RANDOM_BYTES];
    entropy_bytes(random, sizeof(random));
    *top -= sizeof(uint64_t); /* the word at the very top stays zero */
    int error = put_string_block(top, exec->filename, kstrlen(exec->filename) + 1,
                                 &layout->filename);
    if (!error)
        error = put_string_block(top, exec->envp.bytes, exec->envp.used, &layout->envp);
    if (!error)
        error = put_string_block(top, exec->argv.bytes, exec->argv.used, &layout->argv);
    if (!error)
        error = put_string_block(top, platform_name, sizeof(platform_name), &layout->platform);
    *top = ALIGN_DOWN(*top, 16u);
    if (!error)
        error = put_string_block(top, random, sizeof(random), &layout->random);
    return error;
}

/* Pointers to the strings of a block, as they lie in user memory, and a NULL. */
static uint64_t *fill_pointers(uint64_t *word, const struct exec_block *block, uint64_t address)
{
    for (size_t at = 0; at < block->used; at += kstrlen(block->bytes + at) + 1)
        *word++ = address + at;
    *word++ = 0;
    return word;
}

int exec_build_stack(struct exec *exec)
{
    struct mm *mm = current_task()->thread.mm;
    struct linux_auxv auxv[AUXV_PAIRS_MAX];
    struct layout layout;
    uint64_t top = mm->stack_top;

    int error = put_strings(exec, &top, &layout);
    if (error)
        return error;
    unsigned pairs = fill_auxv(exec, &layout, auxv);

    size_t words = 1 + exec->argv.count + 1 + exec->envp.count + 1 + 2 * (size_t)pairs;
    uint64_t *vector = kmalloc(words * sizeof(*vector));
    if (!vector)
        return -ENOMEM;
    uint64_t *word = vector;
    *word++ = exec->argv.count;
    word = fill_pointers(word, &exec->argv, layout.argv);
    word = fill_pointers(word, &exec->envp, layout.envp);
    memcpy(word, auxv, pairs * sizeof(auxv[0]));
    assert(word + 2 * pairs == vector + words);

    exec->stack_pointer = ALIGN_DOWN(top - words * sizeof(*vector), 16u);
    error = copy_to_user(exec->stack_pointer, vector, words * sizeof(*vector));
    kfree(vector);

    /* /proc may read them while they change: what it shows then is a moment's, as on Linux. */
    atomic_store_relaxed(&mm->arg_start, layout.argv);
    atomic_store_relaxed(&mm->arg_end, layout.argv + exec->argv.used);
    atomic_store_relaxed(&mm->env_start, layout.envp);
    atomic_store_relaxed(&mm->env_end, layout.envp + exec->envp.used);
    STATIC_ASSERT(sizeof(auxv) <= sizeof(mm->auxv));
    for (unsigned i = 0; i < ARRAY_SIZE(mm->auxv); i++)
        atomic_store_relaxed(&mm->auxv[i], i < 2 * pairs ? ((const uint64_t *)auxv)[i] : 0);
    return error;
}
