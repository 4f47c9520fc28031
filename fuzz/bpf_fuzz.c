/* SPDX-License-Identifier: MIT
 *
 * Filters of seccomp(2): the checker takes any bytes, and what it accepts must run to its end
 * within its bounds, give the same answer twice and the one that another interpreter gives, and
 * keep what bpf_always_allows says of it (kernel/security/bpf_*.c).
 */
#include <string.h>

#include "fuzz/inside.h"
#include "kernel/abi/seccomp.h"
#include "kernel/mm/slab.h"
#include "kernel/security/bpf.h"

enum { RUNS = 4, STEP_MAX = 4096 };

/* ---- another interpreter, from the description in bpf(4) of the BSDs and in seccomp(2) ---- */

struct bpf_machine {
    uint32_t a, x, memory[BPF_MEMWORDS];
};

static uint32_t data_word(const struct linux_seccomp_data *data, uint32_t offset)
{
    const uint64_t arg = data->args[(offset - 16) / 8 % 6];

    if (offset == 0)
        return (uint32_t)data->nr;
    if (offset == 4)
        return data->arch;
    if (offset == 8 || offset == 12)
        return (uint32_t)(data->instruction_pointer >> (offset == 12 ? 32 : 0));
    return (uint32_t)(arg >> (offset % 8 ? 32 : 0));
}

/* False: the filter ends, and returns 0 (a division by zero). */
static bool calculate(struct bpf_machine *machine, unsigned operation, uint32_t by)
{
    const uint64_t wide = machine->a;

    if (operation == BPF_DIV && by == 0)
        return false;
    const uint64_t answers[] = {
        wide + by,
        wide - by,
        wide * by,
        wide / (by ? by : 1),
        wide | by,
        wide & by,
        by < 32 ? wide << by : wide << (by & 31),
        by < 32 ? wide >> by : wide >> (by & 31),
        -wide,
        0,
        wide ^ by,
    };
    machine->a = (uint32_t)answers[operation / 16];
    return true;
}

static size_t target(const struct bpf_machine *machine, const struct linux_sock_filter *at)
{
    const uint32_t by = at->code & BPF_X ? machine->x : at->k;
    const bool yes[] = {true, machine->a == by, machine->a > by, machine->a >= by,
                        (machine->a & by) != 0};

    return BPF_OP(at->code) == BPF_JA ? at->k : yes[BPF_OP(at->code) / 16] ? at->jt : at->jf;
}

static uint32_t loaded(const struct bpf_machine *machine, const struct linux_sock_filter *at,
                       const struct linux_seccomp_data *data)
{
    switch (BPF_MODE(at->code)) {
    case BPF_IMM:
        return at->k;
    case BPF_ABS:
        return data_word(data, at->k);
    case BPF_MEM:
        return machine->memory[at->k];
    default: /* BPF_LEN */
        return sizeof *data;
    }
}

static uint32_t interpret(const struct linux_sock_filter *program,
                          const struct linux_seccomp_data *data)
{
    struct bpf_machine machine = {0};

    for (size_t i = 0; i < STEP_MAX; i++) {
        const struct linux_sock_filter *at = &program[i];
        switch (BPF_CLASS(at->code)) {
        case BPF_LD:
            machine.a = loaded(&machine, at, data);
            break;
        case BPF_LDX:
            machine.x = loaded(&machine, at, data);
            break;
        case BPF_ST:
            machine.memory[at->k] = machine.a;
            break;
        case BPF_STX:
            machine.memory[at->k] = machine.x;
            break;
        case BPF_ALU:
            if (!calculate(&machine, BPF_OP(at->code), at->code & BPF_X ? machine.x : at->k))
                return 0;
            break;
        case BPF_JMP:
            i += target(&machine, at);
            break;
        case BPF_RET:
            return BPF_RVAL(at->code) == BPF_A ? machine.a : at->k;
        default:
            *(BPF_MISCOP(at->code) == BPF_TAX ? &machine.x : &machine.a) =
                BPF_MISCOP(at->code) == BPF_TAX ? machine.a : machine.x;
            break;
        }
    }
    fuzz_fail("a filter without an end");
}

/* ---- the target ---- */

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
        const uint32_t expected = interpret(program, data);
        if (result != expected)
            fuzz_fail("a filter answers %#x where %#x is right", result, expected);
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
