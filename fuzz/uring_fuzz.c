/* SPDX-License-Identifier: MIT
 *
 * io_uring with a hostile program behind the rings (kernel/syscall/uring/): between two calls any
 * word of the shared pages changes, head and tail and the kernel's own masks among them, and
 * entries are any bytes, with descriptors that are open.
 */
#include "fuzz/inside.h"
#include "kernel/abi/io_uring.h"
#include "kernel/abi/mman.h"
#include "kernel/abi/socket.h"
#include "kernel/syscall/syscalls.h"

#define PARAMS FUZZ_USER_MEMORY
#define WORDS (FUZZ_USER_MEMORY + 4096)
enum { STEPS_MAX = 64, RINGS_BYTES = 4096, ENTRY_BYTES = 64, DESCRIPTORS = 8 };

static uint64_t map_ring(int64_t ring, uint64_t what)
{
    const int64_t address =
        FUZZ_CALL(SYS_mmap, 0, RINGS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring, what);

    return address < 0 && address > -4096 ? FUZZ_USER_MEMORY + 8192 : (uint64_t)address;
}

/* An entry whose descriptor and buffer often make sense. */
static void write_entry(struct fuzz_input *input, uint64_t entries)
{
    struct linux_io_uring_sqe entry = {.opcode = fuzz_u8(input) % 64, .flags = fuzz_u8(input)};

    entry.fd = fuzz_u8(input) % DESCRIPTORS;
    entry.addr = WORDS + fuzz_u8(input) * 8ull;
    entry.len = fuzz_u8(input);
    entry.off = fuzz_u8(input) % 4 ? 0 : fuzz_u64(input);
    entry.op_flags = fuzz_u8(input) % 4 ? 0 : fuzz_u32(input);
    entry.buf_index = fuzz_u8(input) % 4;
    entry.user_data = fuzz_u8(input);
    fuzz_put_user(entries + fuzz_u8(input) % 4 * ENTRY_BYTES, &entry, sizeof entry);
}

static void step(struct fuzz_input *input, int64_t ring, uint64_t rings, uint64_t entries)
{
    const uint8_t kind = fuzz_u8(input), at = fuzz_u8(input);
    uint32_t word = at % 2 ? fuzz_u8(input) : fuzz_u32(input);

    switch (kind % 8) {
    case 0: /* head, tail, masks */
        fuzz_put_user(rings + at / 2 % 16 * 4, &word, sizeof word);
        break;
    case 1: /* completions, indices */
        fuzz_put_user(rings + 64 + at * 4, &word, sizeof word);
        break;
    case 2:
        fuzz_put_user(WORDS + at * 8, &word, sizeof word);
        break;
    case 3:
        FUZZ_CALL(SYS_io_uring_register, ring, at % 32, WORDS, word % 8);
        break;
    case 4: /* one more entry, as a program would */
        write_entry(input, entries);
        fuzz_get_user(&word, rings + 4, sizeof word);
        word++;
        fuzz_put_user(rings + 4, &word, sizeof word);
        break;
    case 5:
        write_entry(input, entries);
        break;
    default:
        FUZZ_CALL(SYS_io_uring_enter, ring, at % 8, 0, word % 64 & ~IORING_ENTER_SQ_WAIT, 0, 0);
        break;
    }
}

static void body(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.data = data, .size = size};
    struct linux_io_uring_params params = {.flags = fuzz_u32(&input) % 4096,
                                           .cq_entries = fuzz_u8(&input)};

    fuzz_put_string(WORDS, "/home/file");
    FUZZ_CALL(SYS_pipe2, PARAMS, 04000);
    FUZZ_CALL(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, PARAMS);
    FUZZ_CALL(SYS_open, WORDS, 2, 0);
    fuzz_put_user(PARAMS, &params, sizeof params);
    const int64_t ring = FUZZ_CALL(SYS_io_uring_setup, 4, PARAMS);
    const uint64_t rings = map_ring(ring, IORING_OFF_SQ_RING);
    const uint64_t entries = map_ring(ring, IORING_OFF_SQES);
    for (unsigned i = 0; i < STEPS_MAX && input.size > 0; i++)
        step(&input, ring, rings, entries);
    FUZZ_CALL(SYS_close_range, 0, ~0u, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_inside(body, data, size);
    return 0;
}
