/* SPDX-License-Identifier: MIT
 *
 * Addresses and offsets that stub.S and the C side of the stub engine share. Preprocessor
 * constants only, because the assembler reads this file too.
 *
 * A stub process has nothing mapped below STUB_AREA_END but the following, and above it nothing
 * but the guest's own pages:
 *
 *   STUB_BASE    code and constants of stub.S, read and execute
 *   STUB_CTL     struct stub_ctl and the operation ring: read-only here; the kernel process writes
 *                it through its own mapping, the pager writes the acknowledgement through a file
 *   STUB_TABLE   where each patched system call site jumps to, read-only
 *   STUB_TRAMPOLINES  a few instructions for each patched site, read and execute
 *   STUB_FRAMES  one frame for each lane, read and write: control block and host signal frame
 */
#ifndef HAL_HOSTED_ENGINE_STUB_LAYOUT_H
#define HAL_HOSTED_ENGINE_STUB_LAYOUT_H

#define STUB_BASE 0x10000
#define STUB_CODE_SIZE 0x2000
#define STUB_ZYGOTE 0x20000 /* the zygote's request page */
#define STUB_CTL 0x30000
#define STUB_CTL_SIZE 0x3000
#define STUB_RING 0x31000
#define STUB_SITES_MAX 512
#define STUB_TABLE 0x60000 /* byte 2 of the addresses is 06: no instruction in 64-bit mode */
#define STUB_TABLE_SIZE (STUB_SITES_MAX * 8)
#define STUB_TRAMPOLINES 0x70000
#define STUB_TRAMPOLINE_SIZE 32
#define STUB_TRAMPOLINES_SIZE (STUB_SITES_MAX * STUB_TRAMPOLINE_SIZE)
#define STUB_FRAMES 0x80000
#define STUB_LANES_MAX 32
#define STUB_AREA_END 0x100000 /* valgrind wants the addresses from 0x108000 */
#define STUB_TOP 0x7ffffffff000

/* Descriptors of zygote and pager; the next free one is always STUB_FD_NEXT. */
#define STUB_FD_SOCKET 0
#define STUB_FD_RAM 1
#define STUB_FD_CTL 2
#define STUB_FD_NEXT 3

/* A slot of the control file: control page and ring, table, trampolines, frames. */
#define SLOT_TABLE STUB_CTL_SIZE
#define SLOT_TRAMPOLINES (SLOT_TABLE + STUB_TABLE_SIZE)
#define SLOT_FRAMES (SLOT_TRAMPOLINES + STUB_TRAMPOLINES_SIZE)

/* Request to the zygote, 16 bytes at STUB_ZYGOTE: file offset of the slot, bytes of frames. */
#define STUB_REQUEST_SIZE 16
#define STUB_PIDFD_WORD 64

/* struct stub_ctl */
#define CTL_HEAD 0           /* u32, futex: operations posted */
#define CTL_ACK 64           /* u32, futex: operations done; written by the pager */
#define CTL_SPIN 128         /* u32: how long a stopped lane spins before it sleeps */
#define CTL_TRACED 132       /* u32: no seccomp, the lanes are traced */
#define CTL_TRACED_LANES 136 /* u64: lanes whose tracer is there */
#define CTL_LANE_MASKS 256   /* per lane one 128-byte CPU mask, up to 8; later lanes use the last */
#define CTL_MASK_SIZE 128
#define CTL_MASKS_MAX 8
#define CTL_LANE_STACKS 2048 /* per lane one stack_t */
#define CTL_LANE_FS 2816     /* per lane the fs base by which fast calls find it, up to 8 lanes */
#define CTL_LANE_FS_MAX 8

/* struct stub_op */
#define OP_KIND 0
#define OP_PROT 2
#define OP_SEQ 4
#define OP_ADDR 8
#define OP_BYTES 16
#define OP_OFFSET 24
#define OP_SIZE 32
#define STUB_RING_OPS 256
#define STUB_OP_MAP 0
#define STUB_OP_UNMAP 1
#define STUB_OP_LANE 2 /* addr: lane index */
#define STUB_OP_PROTECT 3

/* struct stub_frame */
#define STUB_FRAME_SIZE 0x4000
#define STUB_FRAME_CONTROL 256 /* the host's signal stack follows */
#define FRAME_TURN 0
#define FRAME_SIGNAL 4
#define FRAME_FS 8
#define FRAME_GS 16
#define FRAME_UCONTEXT 24
#define FRAME_SIGINFO 32
#define FRAME_REGS 64   /* of a fast call: struct stub_fast_regs */
#define FRAME_PIDFD 248 /* of lane 0: where the host stores a number that nobody reads */

/* Bits of the turn word. */
#define TURN_LANE 1        /* the lane runs; clear: the kernel's turn */
#define TURN_KICK 2        /* somebody wants the kernel's attention */
#define TURN_LANE_SLEEPS 4 /* wake the lane by futex */
#define TURN_KERNEL_SLEEPS 8
#define TURN_YIELD 16  /* do not spin: another lane needs the CPU */
#define TURN_FAST 32   /* the lane has stopped in a fast call */
#define TURN_SETTLE 64 /* with TURN_LANE: leave the fast call by a trap */

#define STUB_SIGNAL_INTERRUPT 10 /* SIGUSR1 */

#endif
