/* SPDX-License-Identifier: MIT
 *
 * Running checked classic BPF programs. The checker has proved that jumps stay inside, that loads
 * are aligned and in bounds, and that constants divide and shift soundly; here only the values that
 * come from the data are left to guard against: division by a zero X ends the program with 0, as in
 * Linux, and shifts use the low five bits (bpf_internal.h).
 */
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/security/bpf_internal.h"

static uint32_t load_word(const struct linux_seccomp_data *data, uint32_t offset)
{
    uint32_t word;
    memcpy(&word, (const char *)data + offset, sizeof(word));
    return word;
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
            insn += bpf_jump(&state, insn);
        else if (insn->code == (BPF_RET | BPF_K))
            return insn->k;
        else if (insn->code == (BPF_RET | BPF_A))
            return state.a;
        else if (BPF_CLASS(insn->code) == BPF_ALU) {
            if (!bpf_alu(&state, insn))
                return 0;
        } else if (!bpf_move(&state, insn, sizeof(struct linux_seccomp_data))) {
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
            i += bpf_jump(&state, insn);
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
