/* SPDX-License-Identifier: MIT
 *
 * Checking classic BPF programs: for seccomp(2), what may run inside the kernel at every call of a
 * process, and for SO_ATTACH_FILTER (socket(7)), what may run at every packet. Jumps only go
 * forward, so a program of n instructions takes at most n steps; what is left to prove is that no
 * instruction reads outside the data or a word of memory nobody wrote.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/seccomp.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/slab.h"
#include "kernel/security/bpf.h"

static bool alu_is_valid(const struct linux_sock_filter *insn, bool packet)
{
    bool constant = BPF_SRC(insn->code) == BPF_K;
    if (insn->code & ~(BPF_ALU | BPF_X | 0xf0))
        return false;
    switch (BPF_OP(insn->code)) {
    case BPF_ADD:
    case BPF_SUB:
    case BPF_MUL:
    case BPF_OR:
    case BPF_AND:
    case BPF_XOR:
        return true;
    case BPF_MOD:
        return packet && (!constant || insn->k != 0); /* not for seccomp */
    case BPF_DIV:
        return !constant || insn->k != 0;
    case BPF_LSH:
    case BPF_RSH:
        return !constant || insn->k < 32;
    case BPF_NEG:
        return constant;
    default:
        return false;
    }
}

/* `left`: instructions behind this one. */
static bool jump_is_valid(const struct linux_sock_filter *insn, size_t left)
{
    if (insn->code == (BPF_JMP | BPF_JA))
        return insn->k < left;
    if (insn->code & ~(BPF_JMP | BPF_X | 0xf0))
        return false;
    switch (BPF_OP(insn->code)) {
    case BPF_JEQ:
    case BPF_JGT:
    case BPF_JGE:
    case BPF_JSET:
        return insn->jt < left && insn->jf < left;
    default:
        return false;
    }
}

/* Where a load of a packet starts: whether that is inside is seen when it runs, but of the places
 * that are not in the packet (SKF_AD_OFF) all must be known. */
static bool place_is_valid(uint32_t k)
{
    return k < (uint32_t)SKF_AD_OFF || (k - (uint32_t)SKF_AD_OFF <= SKF_AD_LAST && k % 4 == 0);
}

static bool packet_load_is_valid(const struct linux_sock_filter *insn)
{
    switch (insn->code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
        return place_is_valid(insn->k);
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LDX | BPF_B | BPF_MSH:
        return true;
    default:
        return false;
    }
}

static bool instruction_is_valid(const struct linux_sock_filter *insn, size_t left, bool packet)
{
    if (packet && packet_load_is_valid(insn))
        return true;
    switch (insn->code) {
    case BPF_LD | BPF_W | BPF_ABS:
        return !packet && insn->k < sizeof(struct linux_seccomp_data) && insn->k % 4 == 0;
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
        return true;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
        return insn->k < BPF_MEMWORDS;
    default:
        break;
    }
    if (BPF_CLASS(insn->code) == BPF_ALU)
        return alu_is_valid(insn, packet);
    return BPF_CLASS(insn->code) == BPF_JMP && jump_is_valid(insn, left);
}

/* The words written on every path to each instruction; forward jumps make one pass enough. */
static bool memory_is_written(const struct linux_sock_filter *program, size_t count,
                              uint16_t *written)
{
    uint16_t now = 0;
    for (size_t i = 0; i < count; i++)
        written[i] = UINT16_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct linux_sock_filter *insn = &program[i];
        now &= written[i];
        switch (insn->code) {
        case BPF_ST:
        case BPF_STX:
            now |= (uint16_t)BIT(insn->k);
            break;
        case BPF_LD | BPF_MEM:
        case BPF_LDX | BPF_MEM:
            if (!(now & BIT(insn->k)))
                return false;
            break;
        case BPF_JMP | BPF_JA:
            written[i + 1 + insn->k] &= now;
            now = UINT16_MAX;
            break;
        default:
            if (BPF_CLASS(insn->code) == BPF_JMP) {
                written[i + 1 + insn->jt] &= now;
                written[i + 1 + insn->jf] &= now;
                now = UINT16_MAX;
            }
            break;
        }
    }
    return true;
}

static int check(const struct linux_sock_filter *program, size_t count, bool packet)
{
    if (count == 0 || count > BPF_MAXINSNS)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!instruction_is_valid(&program[i], count - i - 1, packet))
            return -EINVAL;
    if (BPF_CLASS(program[count - 1].code) != BPF_RET)
        return -EINVAL;

    uint16_t *written = kmalloc(count * sizeof(*written));
    if (!written)
        return -ENOMEM;
    int error = memory_is_written(program, count, written) ? 0 : -EINVAL;
    kfree(written);
    return error;
}

int bpf_check_seccomp(const struct linux_sock_filter *program, size_t count)
{
    return check(program, count, false);
}

int bpf_check_packet(const struct linux_sock_filter *program, size_t count)
{
    return check(program, count, true);
}
