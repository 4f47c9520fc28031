/* SPDX-License-Identifier: MIT
 *
 * Classic BPF as seccomp uses it, programs over one struct linux_seccomp_data, and as sockets do,
 * over a packet.
 */
#ifndef KERNEL_SECURITY_BPF_H
#define KERNEL_SECURITY_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct linux_seccomp_data;
struct linux_sock_filter;

/* Is this a program that seccomp(2) accepts? Every jump goes forward to an instruction, memory
 * words are written before they are read on every path, loads are aligned and inside the data,
 * divisors and shifts by constants are sound, and it ends with a return. 0, -EINVAL, -ENOMEM. */
int bpf_check_seccomp(const struct linux_sock_filter *program, size_t count);

/* Run a checked program: what it returns. Never more than `count` steps. Any context. */
uint32_t bpf_run_seccomp(const struct linux_sock_filter *program,
                         const struct linux_seccomp_data *data);

/* Would a checked program allow the call whatever its arguments and the caller's address? False
 * also means that this cannot be told without them. */
bool bpf_always_allows(const struct linux_sock_filter *program, size_t count, uint32_t arch,
                       int32_t number);

/* The same for packets: loads at any place, the ones outside the packet are seen when they run. */
int bpf_check_packet(const struct linux_sock_filter *program, size_t count);

struct bpf_packet {
    uint32_t bytes;
    /* Bytes from the packet; offset + bytes is inside it. */
    void (*copy)(const struct bpf_packet *packet, uint32_t offset, void *to, uint32_t bytes);
    const void *data; /* for copy */
};

/* How many bytes of the packet a checked program keeps; 0: it is dropped, as it is at a load from
 * outside. Never more than `count` steps. Any context. */
uint32_t bpf_run_packet(const struct linux_sock_filter *program, const struct bpf_packet *packet);

#endif
