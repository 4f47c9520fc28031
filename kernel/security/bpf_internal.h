/* SPDX-License-Identifier: MIT
 *
 * Classic BPF's machine: what programs for system calls and for packets have in common. Everything
 * here takes instructions that were checked (bpf_check.c).
 */
#ifndef KERNEL_SECURITY_BPF_INTERNAL_H
#define KERNEL_SECURITY_BPF_INTERNAL_H

#include "kernel/abi/seccomp.h"
#include "kernel/security/bpf.h"

/* Machine state. */
struct bpf_state {
    uint32_t a, x;
    uint32_t memory[BPF_MEMWORDS];
};

/* False: division by zero. */
static inline bool bpf_alu(struct bpf_state *state, const struct linux_sock_filter *insn)
{
    uint32_t operand = BPF_SRC(insn->code) == BPF_X ? state->x : insn->k;
    switch (BPF_OP(insn->code)) {
    case BPF_ADD:
        state->a += operand;
        break;
    case BPF_SUB:
        state->a -= operand;
        break;
    case BPF_MUL:
        state->a *= operand;
        break;
    case BPF_DIV:
        if (operand == 0)
            return false;
        state->a /= operand;
        break;
    case BPF_MOD:
        if (operand == 0)
            return false;
        state->a %= operand;
        break;
    case BPF_OR:
        state->a |= operand;
        break;
    case BPF_AND:
        state->a &= operand;
        break;
    case BPF_XOR:
        state->a ^= operand;
        break;
    case BPF_LSH:
        state->a <<= operand & 31;
        break;
    case BPF_RSH:
        state->a >>= operand & 31;
        break;
    case BPF_NEG:
        state->a = -state->a;
        break;
    default:
        break;
    }
    return true;
}

/* How far a jump goes. */
static inline uint32_t bpf_jump(const struct bpf_state *state, const struct linux_sock_filter *insn)
{
    uint32_t operand = BPF_SRC(insn->code) == BPF_X ? state->x : insn->k;
    bool taken;
    switch (BPF_OP(insn->code)) {
    case BPF_JEQ:
        taken = state->a == operand;
        break;
    case BPF_JGT:
        taken = state->a > operand;
        break;
    case BPF_JGE:
        taken = state->a >= operand;
        break;
    case BPF_JSET:
        taken = (state->a & operand) != 0;
        break;
    default: /* BPF_JA */
        return insn->k;
    }
    return taken ? insn->jt : insn->jf;
}

/* Everything that only moves values, `length` being that of the data; false for what is none of
 * that. */
static inline bool bpf_move(struct bpf_state *state, const struct linux_sock_filter *insn,
                            uint32_t length)
{
    switch (insn->code) {
    case BPF_LD | BPF_W | BPF_LEN:
        state->a = length;
        return true;
    case BPF_LDX | BPF_W | BPF_LEN:
        state->x = length;
        return true;
    case BPF_LD | BPF_IMM:
        state->a = insn->k;
        return true;
    case BPF_LDX | BPF_IMM:
        state->x = insn->k;
        return true;
    case BPF_LD | BPF_MEM:
        state->a = state->memory[insn->k];
        return true;
    case BPF_LDX | BPF_MEM:
        state->x = state->memory[insn->k];
        return true;
    case BPF_ST:
        state->memory[insn->k] = state->a;
        return true;
    case BPF_STX:
        state->memory[insn->k] = state->x;
        return true;
    case BPF_MISC | BPF_TAX:
        state->x = state->a;
        return true;
    case BPF_MISC | BPF_TXA:
        state->a = state->x;
        return true;
    default:
        return false;
    }
}

#endif
