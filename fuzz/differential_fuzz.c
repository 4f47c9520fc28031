/* SPDX-License-Identifier: MIT
 *
 * The same program here and on the host's Linux: results, errors and what was read must agree
 * (linux_run.h says which calls, and how harm is avoided). Where there is no sandbox, nothing is
 * compared.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/inside.h"
#include "fuzz/linux_run.h"
#include "fuzz/print_program.h"
#include "fuzz/run_program.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mman.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);

enum { NEWER_FALLOCATE_MODES = 0x80 };

static struct program program;
static struct run_outcome ours;
static struct linux_outcome theirs;
static struct prepared_call calls[PROGRAM_CALLS_MAX];
static uint64_t output[PROGRAM_CALLS_MAX];

static void observe(void *argument, unsigned index, unsigned lane, const struct prepared_call *call,
                    const int64_t *result)
{
    static uint8_t bytes[1 << 20];
    unsigned arg;

    (void)argument;
    (void)lane;
    if (call) {
        calls[index] = *call;
        return;
    }
    if (*result <= 0 || *result > (int64_t)sizeof bytes ||
        !linux_output_argument(calls[index].number, &arg) || !calls[index].args[arg])
        return;
    if (copy_from_user(bytes, calls[index].args[arg], (size_t)*result) == 0)
        output[index] = linux_digest(bytes, (size_t)*result);
}

/* On Linux the sanitizer's own memory lies where there is nothing here. */
static bool points_into_sanitizer(const struct prepared_call *call)
{
    for (unsigned i = 0; i < 6; i++) {
        if (call->args[i] >= 0x7fff7000 && call->args[i] < 0x10007fff8000)
            return true;
    }
    return false;
}

/* Since Linux 6.13 the calls on extended attributes look at their other arguments before they look
 * for the file: of two errors it may be the other one. */
static bool is_xattr_call(unsigned number)
{
    return number >= SYS_setxattr && number <= SYS_fremovexattr;
}

/* What may differ: newer Linux than 6.1 refuses to change the mode of files without a name, and
 * knows one more mode of fallocate(2); other families of sockets; there are no huge pages here; and
 * memory that fallocate(2) has reserved counts as data here. */
static bool may_differ(unsigned index)
{
    const unsigned number = program.calls[index].number;
    const int64_t here = ours.results.value[index], there = theirs.results.value[index];

    if (here == -EFAULT && points_into_sanitizer(&calls[index]))
        return true;
    if (is_xattr_call(number))
        return here < 0 && there < 0;
    switch (number) {
    case SYS_fchmod:
    case SYS_fchown:
    case SYS_utimensat:
        return there == -EOPNOTSUPP;
    case SYS_fallocate:
        return here == -EOPNOTSUPP && calls[index].args[1] & NEWER_FALLOCATE_MODES;
    case SYS_readv:
    case SYS_writev:
    case SYS_preadv:
    case SYS_pwritev:
    case SYS_preadv2:
    case SYS_pwritev2: /* whether it may be read or written comes first since Linux 6.8 */
        return here == -EINVAL && there == -EBADF;
    case SYS_fcntl: /* the program that this one runs is open for nobody there */
        return calls[index].args[1] == F_SETLEASE;
    case SYS_memfd_create:
        return calls[index].args[1] & MFD_HUGETLB;
    case SYS_lseek:
        return true;
    default:
        return here == -EAFNOSUPPORT;
    }
}

/* The machine gets the settings of the host's Linux: systemd changes them, and Linux has others. */
static int setting(const char *name, int otherwise)
{
    char path[64];
    int value = otherwise;

    snprintf(path, sizeof path, "/proc/sys/fs/%s", name);
    FILE *file = fopen(path, "re");
    if (file) {
        if (fscanf(file, "%d", &value) != 1)
            value = otherwise;
        fclose(file);
    }
    return value;
}

static struct tunables settings = TUNABLES_DEFAULT;

static void take_settings(void)
{
    settings.protected_symlinks = setting("protected_symlinks", settings.protected_symlinks);
    settings.protected_hardlinks = setting("protected_hardlinks", settings.protected_hardlinks);
    settings.protected_regular = setting("protected_regular", settings.protected_regular);
    settings.protected_fifos = setting("protected_fifos", settings.protected_fifos);
}

static void set_up(void)
{
    this_kernel()->tunables = settings;
}

static bool agree(unsigned index)
{
    return ours.results.value[index] == theirs.results.value[index] &&
           output[index] == theirs.output[index];
}

static void fail_at(unsigned index)
{
    for (unsigned i = 0; i <= index; i++) {
        const char *our_error = print_errno(ours.results.value[i]);
        const char *their_error = print_errno(theirs.results.value[i]);
        fputs("  ", stderr);
        print_call(stderr, &calls[i]);
        fprintf(stderr, " = %lld %s", (long long)ours.results.value[i], our_error ? our_error : "");
        if (!agree(i))
            fprintf(stderr, "; Linux: %lld %s%s", (long long)theirs.results.value[i],
                    their_error ? their_error : "",
                    output[i] != theirs.output[i] ? ", other output" : "");
        fputc('\n', stderr);
    }
    unsigned count;
    fuzz_fail("%s disagrees with Linux", program_call_name(program.calls[index].number, &count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct run_options options = {.observe = observe, .begin = set_up};
    static bool took;

    if (!took)
        take_settings();
    took = true;
    program_decode(data, size, &program);
    linux_filter(&program);
    if (program.count == 0)
        return 0;
    memset(output, 0, sizeof output);
    run_program(&program, &options, &ours);
    linux_run(&program, &theirs);
    for (unsigned i = 0; theirs.ran && i < program.count; i++) {
        if (!ours.results.returned[i] || !theirs.results.returned[i])
            break; /* it blocks, here or there */
        if (agree(i))
            continue;
        if (may_differ(i))
            break; /* and so may all that follows */
        fail_at(i);
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    uint64_t random = seed;
    const unsigned max =
        (unsigned)((size_max - sizeof(struct program_header)) / sizeof(struct program_call));

    if (size_max < sizeof(struct program_header) + sizeof(struct program_call))
        return size;
    program_decode(data, size, &program);
    program_mutate(&program, &random, max);
    return program_encode(&program, data, size_max);
}
