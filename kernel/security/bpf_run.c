/* SPDX-License-Identifier: MIT
 *
 * Running checked classic BPF programs. The checker has proved that jumps stay inside, that loads
 * are aligned and in bounds, and that constants divide and shift soundly; here only the values that
 * come from the data are left to guard against: division by a zero X ends the program with 0, as in
 * Linux, and shifts use the low five bits.
 */
#include "kernel/abi/seccomp.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/security/bpf.h"

/* Machine state. */
struct bpf_state {
    uint32_t a, x;
    uint32_t memory[BPF_MEMWORDS];
};

static uint32_t load_word(const struct linux_seccomp_data *data, uint32_t offset)
{
    uint32_t word;
    memcpy(&word, (const char *)data + offset, sizeof(word));
    return word;
}

/* False: division by zero. */
static inline bool run_alu(struct bpf_state *state, const struct linux_sock_filter *insn)
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
static inline uint32_t run_jump(const struct bpf_state *state, const struct linux_sock_filter *insn)
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

/* Everything that only moves values; false for what is none of that. */
static inline bool run_move(struct bpf_state *state, const struct linux_sock_filter *insn)
{
    switch (insn->code) {
    case BPF_LD | BPF_W | BPF_LEN:
        state->a = sizeof(struct linux_seccomp_data);
        return true;
    case BPF_LDX | BPF_W | BPF_LEN:
        state->x = sizeof(struct linux_seccomp_data);
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

uint32_t bpf_run_seccomp(const struct linux_sock_filter *program,
                         const struct linux_seccomp_data *data)
{
    struct bpf_state state;
    state.a = state.x = 0;

    for (const struct linux_sock_filter *insn = program;; insn++) {
        if (insn->code == (BPF_LD | BPF_W | BPF_ABS))
            state.a = load_word(data, insn->k);
        else if (BPF_CLASS(insn->code) == BPF_JMP)
            insn += run_jump(&state, insn);
        else if (insn->code == (BPF_RET | BPF_K))
            return insn->k;
        else if (insn->code == (BPF_RET | BPF_A))
            return state.a;
        else if (BPF_CLASS(insn->code) == BPF_ALU) {
            if (!run_alu(&state, insn))
                return 0;
        } else if (!run_move(&state, insn)) {
            assert(!"a checked program");
        }
    }
}

/* Follow the program while it looks at number and architecture only. */
bool bpf_always_allows(const struct linux_sock_filter *program, size_t count, uint32_t arch,
                       int32_t number)
{
    struct bpf_state state = {.a = 0};
    for (size_t i = 0; i < count; i++) {
        const struct linux_sock_filter *insn = &program[i];
        if (insn->code == (BPF_LD | BPF_W | BPF_ABS)) {
            if (insn->k == offsetof(struct linux_seccomp_data, nr))
                state.a = (uint32_t)number;
            else if (insn->k == offsetof(struct linux_seccomp_data, arch))
                state.a = arch;
            else
                return false;
        } else if (BPF_CLASS(insn->code) == BPF_JMP) {
            i += run_jump(&state, insn);
        } else if (insn->code == (BPF_RET | BPF_K)) {
            return (insn->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
        } else if (insn->code != (BPF_ALU | BPF_AND | BPF_K)) {
            return false;
        } else {
            state.a &= insn->k;
        }
    }
    return false;
}
