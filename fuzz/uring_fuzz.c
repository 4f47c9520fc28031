/* SPDX-License-Identifier: MIT
 *
 * io_uring with a hostile program behind the rings (kernel/syscall/uring/): between two calls any
 * word of the shared pages changes, head and tail and the kernel's own masks among them, and
 * entries are any bytes, with descriptors that are open.
 */
#include "fuzz/steps.h"
#include "kernel/abi/io_uring.h"
#include "kernel/abi/mman.h"
#include "kernel/abi/socket.h"
#include "kernel/syscall/syscalls.h"

#define WORDS (FUZZ_USER_MEMORY + 4096)
enum {
    RING = 1,
    RINGS_BYTES = 4096,
    DESCRIPTORS = 8,
    TAIL = 4,
    COMPLETIONS = 64,
    REGISTER_COMMANDS = 32
};

static uint64_t rings, entries;

static uint64_t map_ring(int64_t ring, uint64_t what)
{
    const int64_t address =
        FUZZ_CALL(SYS_mmap, 0, RINGS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring, what);

    return address < 0 && address > -4096 ? FUZZ_USER_MEMORY + 8192 : (uint64_t)address;
}

static void begin(struct fuzz_input *input)
{
    struct linux_io_uring_params params = {.flags = fuzz_u32(input) % 4096,
                                           .cq_entries = fuzz_u8(input)};

    FUZZ_CALL(SYS_pipe2, FUZZ_USER_MEMORY, 04000);
    FUZZ_CALL(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, FUZZ_USER_MEMORY);
    FUZZ_CALL(SYS_open, fuzz_put_string(WORDS, "/home/file"), 2, 0);
    fuzz_put_user(FUZZ_USER_MEMORY, &params, sizeof params);
    const int64_t ring = FUZZ_CALL(SYS_io_uring_setup, 4, FUZZ_USER_MEMORY);
    fuzz_fill_bank(RING, ring);
    rings = map_ring(ring, IORING_OFF_SQ_RING);
    entries = map_ring(ring, IORING_OFF_SQES);
}

/* Heads, tails and masks; completions and indices; what entries point to. */
static void change_word(struct fuzz_input *input)
{
    const uint64_t places[] = {rings, rings + COMPLETIONS, WORDS};
    const unsigned place = fuzz_u8(input) % 3, at = fuzz_u8(input) % (place ? 256 : 16);
    const uint32_t word = fuzz_u8(input) % 2 ? fuzz_u8(input) : fuzz_u32(input);

    fuzz_put_user(places[place] + at * 4, &word, sizeof word);
}

/* An entry whose descriptor and buffer often make sense. */
static void write_entry(struct fuzz_input *input)
{
    struct linux_io_uring_sqe entry = {.opcode = fuzz_u8(input) % 64, .flags = fuzz_u8(input)};

    entry.fd = fuzz_u8(input) % DESCRIPTORS;
    entry.addr = WORDS + fuzz_u8(input) * 8ull;
    entry.len = fuzz_u8(input);
    entry.off = fuzz_u8(input) % 4 ? 0 : fuzz_u64(input);
    entry.op_flags = fuzz_u8(input) % 4 ? 0 : fuzz_u32(input);
    entry.buf_index = fuzz_u8(input) % 4;
    entry.user_data = fuzz_u8(input);
    fuzz_put_user(entries + fuzz_u8(input) % 4 * sizeof entry, &entry, sizeof entry);
}

/* One more, as a program would. */
static void add_entry(struct fuzz_input *input)
{
    uint32_t tail;

    write_entry(input);
    fuzz_get_user(&tail, rings + TAIL, sizeof tail);
    tail++;
    fuzz_put_user(rings + TAIL, &tail, sizeof tail);
}

static void end(void)
{
    FUZZ_CALL(SYS_close_range, 0, ~0u, 0);
}

static const struct fuzz_step steps[] = {
    {.run = change_word, .weight = 3},
    {.run = write_entry},
    {.run = add_entry, .weight = 2},
    {FUZZ_STEP(SYS_io_uring_register, FUZZ_KEPT(RING), FUZZ_BELOW(REGISTER_COMMANDS),
               FUZZ_VALUE(WORDS), FUZZ_BELOW(8))},
    {FUZZ_STEP(SYS_io_uring_enter, FUZZ_KEPT(RING), FUZZ_BELOW(8), FUZZ_VALUE(0),
               FUZZ_BITS(63 & ~IORING_ENTER_SQ_WAIT)),
     .weight = 2},
};

static const struct fuzz_table table = {
    .steps = steps, .count = ARRAY_SIZE(steps), .max = 64, .begin = begin, .end = end};
FUZZ_TABLE_TARGET(&table)
