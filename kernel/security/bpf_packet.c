/* SPDX-License-Identifier: MIT
 *
 * Running checked classic BPF programs over packets: socket filters, socket(7) SO_ATTACH_FILTER.
 * Packets are in network byte order. A load from outside the packet ends the program with 0.
 */
#include "kernel/core/entropy.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/security/bpf_internal.h"

/* Big-endian, 1, 2 or 4 bytes. False: not inside. */
static bool load(const struct bpf_packet *packet, uint64_t offset, uint32_t bytes, uint32_t *out)
{
    uint8_t raw[4];
    if (offset + bytes > packet->bytes)
        return false;
    packet->copy(packet, (uint32_t)offset, raw, bytes);
    *out = 0;
    for (uint32_t i = 0; i < bytes; i++)
        *out = *out << 8 | raw[i];
    return true;
}

/* What is known beside the bytes of a packet that came through no device: mostly nothing. */
static bool load_extra(struct bpf_state *state, uint32_t what)
{
    switch (what) {
    case SKF_AD_IFINDEX:
    case SKF_AD_HATYPE:
        return false;
    case SKF_AD_CPU:
        state->a = this_cpu()->id;
        return true;
    case SKF_AD_RANDOM:
        entropy_bytes(&state->a, sizeof(state->a));
        return true;
    case SKF_AD_ALU_XOR_X:
        state->a ^= state->x;
        return true;
    default:
        state->a = 0;
        return true;
    }
}

static uint32_t bytes_of(uint16_t code)
{
    return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* 1: done; 0: the program ends; -1: no load from the packet. */
static int run_load(struct bpf_state *state, const struct linux_sock_filter *insn,
                    const struct bpf_packet *packet)
{
    uint32_t value;
    if (insn->code == (BPF_LDX | BPF_B | BPF_MSH)) { /* the length of an IP header */
        if (!load(packet, insn->k, 1, &value))
            return 0;
        state->x = (value & 0xf) * 4;
        return 1;
    }
    bool indirect = BPF_MODE(insn->code) == BPF_IND;
    if (BPF_CLASS(insn->code) != BPF_LD || (!indirect && BPF_MODE(insn->code) != BPF_ABS))
        return -1;
    if (!indirect && insn->k >= (uint32_t)SKF_AD_OFF)
        return load_extra(state, insn->k - (uint32_t)SKF_AD_OFF);
    uint32_t place = indirect ? state->x + insn->k : insn->k;
    if (!load(packet, place, bytes_of(insn->code), &value))
        return 0;
    state->a = value;
    return 1;
}

uint32_t bpf_run_packet(const struct linux_sock_filter *program, const struct bpf_packet *packet)
{
    struct bpf_state state;
    state.a = state.x = 0;

    for (const struct linux_sock_filter *insn = program;; insn++) {
        int loaded = run_load(&state, insn, packet);
        if (loaded == 0)
            return 0;
        if (loaded > 0)
            continue;
        if (BPF_CLASS(insn->code) == BPF_JMP) {
            insn += bpf_jump(&state, insn);
        } else if (BPF_CLASS(insn->code) == BPF_RET) {
            return insn->code == (BPF_RET | BPF_A) ? state.a : insn->k;
        } else if (BPF_CLASS(insn->code) == BPF_ALU) {
            if (!bpf_alu(&state, insn))
                return 0;
        } else if (!bpf_move(&state, insn, packet->bytes)) {
            assert(!"a checked program");
        }
    }
}
