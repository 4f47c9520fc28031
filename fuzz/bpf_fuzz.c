/* SPDX-License-Identifier: MIT
 *
 * Filters of seccomp(2): the checker takes any bytes, and what it accepts must run to its end
 * within its bounds, give the same answer twice, and keep what bpf_always_allows says of it
 * (kernel/security/bpf_*.c).
 */
#include <string.h>

#include "fuzz/inside.h"
#include "kernel/abi/seccomp.h"
#include "kernel/mm/slab.h"
#include "kernel/security/bpf.h"

enum { COUNT_MAX = 256, RUNS = 4 };

static void run(const struct linux_sock_filter *program, size_t count, struct fuzz_input *input)
{
    for (unsigned i = 0; i < RUNS; i++) {
        struct linux_seccomp_data *data = kzalloc(sizeof *data);
        if (!data)
            return;
        data->nr = fuzz_u8(input) % 4;
        data->arch = fuzz_u8(input) % 2 ? 0xc000003e : fuzz_u32(input);
        const bool allows = bpf_always_allows(program, count, data->arch, data->nr);
        data->instruction_pointer = fuzz_u64(input);
        for (unsigned j = 0; j < 6; j++)
            data->args[j] = fuzz_u64(input);
        const uint32_t result = bpf_run_seccomp(program, data);
        if (result != bpf_run_seccomp(program, data))
            fuzz_fail("a filter that answers %#x and then something else", result);
        if (allows && (result & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ALLOW)
            fuzz_fail("call %d always allowed, but %#x", data->nr, result);
        kfree(data);
    }
}

static void body(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.data = data, .size = size};
    size_t count = fuzz_u8(&input);

    if (count * sizeof(struct linux_sock_filter) > input.size)
        count = input.size / sizeof(struct linux_sock_filter);
    if (count == 0)
        return;
    /* As large as it is, so that a sanitizer sees a step behind its end. */
    struct linux_sock_filter *program = kmalloc(count * sizeof *program);
    if (!program)
        return;
    memcpy(program, input.data, count * sizeof *program);
    input.data += count * sizeof *program;
    input.size -= count * sizeof *program;
    if (bpf_check_seccomp(program, count) == 0)
        run(program, count, &input);
    kfree(program);
}

FUZZ_TARGET(body)
