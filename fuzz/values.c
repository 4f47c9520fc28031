/* SPDX-License-Identifier: MIT
 *
 * Values of arguments, by their types in the system call table (program.h).
 */
#include <stdio.h>
#include <string.h>

#include "fuzz/values_internal.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mman.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/dispatch.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/trace_internal.h"

/* ---- memory of the call ---- */

static uint64_t slot_address(unsigned index)
{
    return PROGRAM_MEMORY + PROGRAM_SLOTS_AT + index * PROGRAM_SLOT_BYTES;
}

uint64_t maker_alloc(struct maker *maker, size_t bytes)
{
    bytes = (bytes + 7) & ~(size_t)7;
    if (maker->slot_used + bytes > PROGRAM_SLOT_BYTES)
        maker->slot_used = 0;
    uint64_t uaddr = slot_address(maker->index) + maker->slot_used;
    maker->slot_used += (unsigned)bytes;
    return uaddr;
}

void maker_write(struct maker *maker, uint64_t uaddr, const void *bytes, size_t count)
{
    struct prepared_call *out = maker->out;

    if (out->write_count == PREPARED_WRITES_MAX || count > PREPARED_BYTES_MAX - out->used)
        return;
    out->writes[out->write_count].uaddr = uaddr;
    out->writes[out->write_count].offset = out->used;
    out->writes[out->write_count].bytes = (unsigned)count;
    out->write_count++;
    memcpy(out->bytes + out->used, bytes, count);
    out->used += (unsigned)count;
}

uint64_t maker_string(struct maker *maker, const char *text)
{
    uint64_t uaddr = maker_alloc(maker, strlen(text) + 1);

    maker_write(maker, uaddr, text, strlen(text) + 1);
    return uaddr;
}

/* ---- vocabulary ---- */

static const char *const paths[] = {
    "/tmp/a",
    "/tmp/b",
    "/tmp/d",
    "/tmp/d/a",
    "/tmp/d/e",
    "/tmp/d/e/f",
    "a",
    "b",
    "d",
    ".",
    "..",
    "/",
    "/tmp",
    "/tmp/link",
    "/tmp/fifo",
    "/tmp/sock",
    "/home",
    "/home/file",
    "/home/link",
    "/home/loop",
    "/home/up",
    "/home/dangling",
    "/home/fifo",
    "/home/private",
    "/etc/passwd",
    "/etc/secret",
    "/bin/job",
    "/bin/setuid",
    "/bin/script",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts/0",
    "/dev/pts",
    "/dev/kmsg",
    "/dev/shm/x",
    "/proc",
    "/proc/self",
    "/proc/self/fd",
    "/proc/self/fd/3",
    "/proc/self/maps",
    "/proc/self/mem",
    "/proc/self/stat",
    "/proc/self/status",
    "/proc/self/exe",
    "/proc/self/cwd",
    "/proc/self/task",
    "/proc/self/environ",
    "/proc/self/comm",
    "/proc/self/oom_score_adj",
    "/proc/self/mountinfo",
    "/proc/mounts",
    "/proc/meminfo",
    "/proc/1/stat",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/fs/pipe-max-size",
    "/sys",
    "/nowhere/x",
    "",
    "/tmp/a/",
    "/tmp//d/../d/./a",
    "/proc/thread-self",
    "/proc/self/fdinfo/3",
    "/proc/slabinfo",
    "/proc/self/pagemap",
    "/proc/self/clear_refs",
    "/proc/self/smaps",
    "/proc/locks",
    "/proc/stat",
    "/bin/image",
};

static const char *const words[] = {
    "user.a",
    "user.bb",
    "security.capability",
    "trusted.x",
    "system.posix_acl_access",
    "security.x",
    "tmpfs",
    "proc",
    "sysfs",
    "devpts",
    "devtmpfs",
    "ramfs",
    "none",
    "",
    "x",
    "../a",
    "/tmp/d",
    "/home/file",
    "a",
    "size=16k",
    "size=1m,mode=700",
    "nr_inodes=4",
    "mode=0755,uid=1000",
    "name",
    "bind",
    "cgroup2",
    "overlay",
    "mqueue",
    "user.",
    "user.verylongnameofanattributethatgoesonandon",
    "user",
    "keyring",
    "logon",
};

static const uint64_t specials[] = {
    0,
    1,
    2,
    4095,
    4096,
    4097,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    0x7fffffffffff,
    0x7ffffffff000,
    0x800000000000,
    0xffff800000000000,
    0x7fffffffffffffff,
    0x8000000000000000,
    0xffffffffffffffff,
    0xfffffffffffff000,
    PROGRAM_MEMORY,
    PROGRAM_MEMORY + PROGRAM_MEMORY_BYTES,
    PROGRAM_READONLY,
    PROGRAM_WINDOW,
    0x10000,
    1000000000,
    999999999,
    0xdead000000000000,
    /* requests of ioctl(2) that the table of names lacks, and what else is too wide for HOW_RAW */
    0xc018aa3f,
    0xc020aa00,
    0x40045431,
    0x80045430,
    0xc0502100,
    0x40000002,
    0x10001000,
    0x20008000,
    0xfee1dead,
    672274793,
    0x80000100,
};

const char *maker_path(uint8_t a, uint16_t b)
{
    return paths[(a + (b >> 8)) % ARRAY_SIZE(paths)];
}

const char *program_word(unsigned index)
{
    return index < ARRAY_SIZE(words) ? words[index] : NULL;
}

const char *program_path(unsigned index)
{
    return index < ARRAY_SIZE(paths) ? paths[index] : NULL;
}

int program_special(uint64_t value)
{
    for (unsigned i = 0; i < ARRAY_SIZE(specials); i++) {
        if (specials[i] == value && value > 0x7fff)
            return (int)i;
    }
    return -1;
}

/* ---- results ---- */

static bool call_makes_fd(unsigned number)
{
    static const uint16_t makers[] = {
        SYS_open,
        SYS_creat,
        SYS_openat,
        SYS_openat2,
        SYS_dup,
        SYS_dup2,
        SYS_dup3,
        SYS_socket,
        SYS_accept,
        SYS_accept4,
        SYS_epoll_create,
        SYS_epoll_create1,
        SYS_eventfd,
        SYS_eventfd2,
        SYS_signalfd,
        SYS_signalfd4,
        SYS_timerfd_create,
        SYS_memfd_create,
        SYS_pidfd_open,
        SYS_pidfd_getfd,
        SYS_inotify_init,
        SYS_inotify_init1,
        SYS_mq_open,
        SYS_userfaultfd,
        SYS_fsopen,
        SYS_fsmount,
        SYS_fspick,
        SYS_open_tree,
        SYS_io_uring_setup,
        SYS_fanotify_init,
        SYS_landlock_create_ruleset,
        SYS_open_by_handle_at,
    };
    for (unsigned i = 0; i < ARRAY_SIZE(makers); i++) {
        if (makers[i] == number)
            return true;
    }
    return false;
}

bool program_makes_fd_pair(unsigned number, unsigned *out_arg)
{
    *out_arg = number == SYS_socketpair ? 3 : 0;
    return number == SYS_pipe || number == SYS_pipe2 || number == SYS_socketpair;
}

void program_note_fd(struct program_results *results, int fd)
{
    if (results->fd_count < ARRAY_SIZE(results->fds))
        results->fds[results->fd_count++] = fd;
}

void program_note_address(struct program_results *results, uint64_t address)
{
    results->addresses[results->address_count++ % PROGRAM_CALLS_MAX] = address;
}

void program_note_result(const struct program *program, unsigned index, int64_t result,
                         struct program_results *results)
{
    const unsigned number = program->calls[index].number;

    results->value[index] = result;
    results->returned[index] = true;
    if (result < 0)
        return;
    if (call_makes_fd(number) ||
        ((number == SYS_fcntl || number == SYS_seccomp) && result > 2 && result < 64))
        program_note_fd(results, (int)result);
    if ((number == SYS_fork || number == SYS_vfork || number == SYS_clone || number == SYS_clone3 ||
         number == SYS_getpid || number == SYS_gettid) &&
        results->pid_count < ARRAY_SIZE(results->pids))
        results->pids[results->pid_count++] = (int)result;
    if (number == SYS_mmap || number == SYS_mremap || number == SYS_brk || number == SYS_shmat)
        program_note_address(results, (uint64_t)result);
}

uint64_t maker_mapping(const struct maker *maker, unsigned back)
{
    const unsigned count = maker->results->address_count;

    return count ? maker->results->addresses[(count - 1 - back % count) % PROGRAM_CALLS_MAX] : 0;
}

int maker_fd(struct maker *maker, uint8_t a, uint16_t b)
{
    const struct program_results *results = maker->results;

    switch (a % 8) {
    case 5:
        return b % 16;
    case 6:
        return b % 16 == 0 ? AT_FDCWD : -1;
    case 7:
        if (b % 8 == 0)
            return 1000;
        break;
    default:
        break;
    }
    if (results->fd_count == 0)
        return b % 8;
    return results->fds[results->fd_count - 1 - b % results->fd_count];
}

int maker_pid(struct maker *maker, uint8_t a, uint16_t b)
{
    const struct program_results *results = maker->results;

    switch (a % 8) {
    case 0:
        return 0;
    case 1:
        return -1;
    case 2:
        return 1;
    case 3:
        return b % 64;
    case 4:
        return results->pid_count ? -results->pids[b % results->pid_count] : -2;
    default:
        return results->pid_count ? results->pids[results->pid_count - 1 - b % results->pid_count]
                                  : 0;
    }
}

uint64_t maker_buffer(struct maker *maker, uint8_t a, uint16_t b)
{
    switch (a % 16) {
    case 12:
        return PROGRAM_MEMORY + PROGRAM_MEMORY_BYTES - b % 64; /* runs into the hole */
    case 13:
        return b & 1 ? PROGRAM_READONLY + b % 4096 : 0;
    case 14:
        return slot_address(b % PROGRAM_CALLS_MAX) + b % 64 * 8; /* of another call */
    case 15:
        if (maker->results->address_count)
            return maker->results->addresses[b % maker->results->address_count % PROGRAM_CALLS_MAX];
        return PROGRAM_WINDOW + b % 64 * 4096;
    default:
        return PROGRAM_MEMORY + PROGRAM_BUFFERS_AT + (a % 6) * 4096u;
    }
}

/* ---- by type ---- */

static uint64_t value_of_set(const struct trace_set *set, bool flags, uint8_t a, uint16_t b)
{
    uint64_t value = 0;

    if (!set || set->count == 0)
        return b;
    if (!flags)
        return set->names[b % set->count].value;
    for (unsigned i = 0; i < a % 4u; i++)
        value |= set->names[(b >> (i * 5)) % set->count].value;
    return value;
}

static uint64_t value_of_size(uint8_t a, uint16_t b)
{
    static const uint64_t sizes[] = {0, 1, 8, 16, 64, 512, 4096, 8192, 65536, 1 << 20};

    switch (a % 4) {
    case 0:
        return b % 64;
    case 1:
        return sizes[b % ARRAY_SIZE(sizes)];
    case 2:
        return b % 5000;
    default:
        return (uint64_t)(b % 32) * 4096;
    }
}

static uint64_t value_of_offset(uint8_t a, uint16_t b)
{
    static const int64_t offsets[] = {0,       1,         -1,        4095,     4096,
                                      1 << 20, INT64_MAX, INT64_MIN, 1ll << 40};

    return a % 4 == 0   ? (uint64_t)offsets[b % ARRAY_SIZE(offsets)]
           : a % 4 == 1 ? (uint64_t)(b % 16) * 4096
                        : b % 8192u;
}

static uint64_t value_of_int(uint8_t a, uint16_t b)
{
    switch (a % 4) {
    case 0:
        return b % 8;
    case 1:
        return (uint64_t)(int64_t)(int16_t)b;
    case 2:
        return 1ull << (b % 33);
    default:
        return b % 128;
    }
}

static uint64_t value_of_mode(uint8_t a, uint16_t b)
{
    static const uint32_t types[] = {0, 0, 0, 0100000, 0010000, 0140000, 0020000, 0040000};

    return types[a % 8] | (a & 16 ? b & 07777 : 0755);
}

static uint64_t value_of_uid(uint8_t a, uint16_t b)
{
    static const uint32_t ids[] = {0, 1000, 65534, UINT32_MAX, 1, 1001};

    return a % 4 == 3 ? b : ids[b % ARRAY_SIZE(ids)];
}

static uint64_t value_of_vector(struct maker *maker, uint8_t a, uint16_t b)
{
    uint64_t vector[5] = {0};
    const unsigned count = a % 4u;

    if (a == 255)
        return b;
    for (unsigned i = 0; i < count; i++)
        vector[i] = maker_string(maker, i & 1 ? "A=b" : "/bin/job");
    uint64_t uaddr = maker_alloc(maker, sizeof vector);
    maker_write(maker, uaddr, vector, sizeof vector);
    return uaddr;
}

static bool is_mapping_address(unsigned number)
{
    switch (number) {
    case SYS_mmap:
    case SYS_mprotect:
    case SYS_munmap:
    case SYS_mremap:
    case SYS_msync:
    case SYS_mincore:
    case SYS_madvise:
    case SYS_mlock:
    case SYS_mlock2:
    case SYS_munlock:
    case SYS_remap_file_pages:
    case SYS_pkey_mprotect:
        return true;
    default:
        return false;
    }
}

static uint64_t value_of_pointer(struct maker *maker, unsigned arg, uint8_t a, uint16_t b)
{
    const unsigned number = maker->out->number;
    uint8_t noise[64];
    uint64_t uaddr;

    if (is_mapping_address(number) && (arg == 0 || arg == 4) && a % 8 < 7) {
        if (a % 8 == 6)
            return PROGRAM_MEMORY + b % 64 * 4096;
        if (a % 8 == 5 && maker->results->address_count)
            return maker_buffer(maker, 15, b);
        return a % 8 == 0 ? 0 : PROGRAM_WINDOW + b % 64 * 4096;
    }
    switch (a % 8) {
    case 6:
        return PROGRAM_MEMORY + 256 + b % 16 * 4; /* words that futexes share */
    case 7:
        return maker_buffer(maker, (uint8_t)(12 + b % 4), b);
    default:
        break;
    }
    uaddr = maker_untyped(maker, number, arg, a % 8 == 5 ? b : maker->out->args[1]);
    if (uaddr)
        return uaddr;
    for (unsigned i = 0; i < sizeof noise; i++)
        noise[i] = a & 8 ? (uint8_t)program_random(&maker->random) : 0;
    uaddr = maker_alloc(maker, sizeof noise);
    maker_write(maker, uaddr, noise, sizeof noise);
    return uaddr;
}

/* Bytes for the kernel to read, or room for it to write; structs where the table knows them. */
static uint64_t value_of_memory(struct maker *maker, const struct trace_argument *type, uint8_t a,
                                uint16_t b)
{
    if (a % 16 >= 12)
        return a % 16 == 13 && b % 2 ? 0 : maker_buffer(maker, a, b);
    if (type->type != TRACE_TYPE_BYTES)
        return maker_structs(maker, type->type, type->count ? 1 + b % 4u : 1,
                             type->kind != TRACE_OUT || (a & 16));
    uint64_t uaddr = maker_buffer(maker, a, b);
    if (type->kind != TRACE_OUT) {
        uint8_t text[64];
        for (unsigned i = 0; i < sizeof text; i++)
            text[i] = (uint8_t)(maker->program->calls[maker->index].seed + i);
        maker_write(maker, uaddr, text, sizeof text);
    }
    return uaddr;
}

/* Sizes for which the kernel accepts one number only. */
static uint64_t fixed_size(unsigned number, const struct trace_argument *type)
{
    switch (number) {
    case SYS_clone3:
        return kstr_equal(type->name, "size") ? 88 : 0;
    case SYS_openat2:
        return kstr_equal(type->name, "size") ? 24 : 0;
    case SYS_bind:
    case SYS_connect:
    case SYS_sendto:
        return kstr_equal(type->name, "length") ? 110 : 0;
    default:
        return kstr_equal(type->name, "sigsetsize") ? 8 : 0;
    }
}

static uint64_t value_typed(struct maker *maker, const struct trace_argument *type, unsigned arg,
                            uint8_t a, uint16_t b)
{
    const uint64_t fixed = fixed_size(maker->out->number, type);

    if (fixed && b % 16)
        return fixed;
    switch (type->kind) {
    case TRACE_FD:
        return (uint64_t)(int64_t)maker_fd(maker, a, b);
    case TRACE_DIRFD:
        return (uint64_t)(int64_t)(a % 4 ? AT_FDCWD : maker_fd(maker, a >> 2, b));
    case TRACE_PID:
        return (uint64_t)(int64_t)maker_pid(maker, a, b);
    case TRACE_SIG:
        return b % 66;
    case TRACE_ENUM:
        return value_of_set(type->set, false, a, b);
    case TRACE_FLAGS:
    case TRACE_FLAGS64:
        return value_of_set(type->set, true, a, b);
    case TRACE_INT:
    case TRACE_UINT:
        return value_of_int(a, b);
    case TRACE_MODE:
        return value_of_mode(a, b);
    case TRACE_UID:
        return value_of_uid(a, b);
    case TRACE_LONG:
    case TRACE_OFF:
        return value_of_offset(a, b);
    case TRACE_SIZE:
    case TRACE_ULONG:
        return value_of_size(a, b);
    case TRACE_PATH:
        return maker_string(maker, maker_path(a, b));
    case TRACE_STR:
        return maker_string(maker, words[b % ARRAY_SIZE(words)]);
    case TRACE_STRV:
        return value_of_vector(maker, a, b);
    case TRACE_PTR:
        return value_of_pointer(maker, arg, a, b);
    default:
        return value_of_memory(maker, type, a, b);
    }
}

static uint64_t result_of(const struct maker *maker, const struct program_arg *made)
{
    if (maker->index == 0)
        return 0;
    const unsigned at = made->a % maker->index;
    const bool back = made->b & PROGRAM_RESULT_BACK && at > 0;
    return (uint64_t)maker->results->value[back ? maker->index - at : at] + made->b / 4096;
}

static uint64_t value_of(struct maker *maker, const struct trace_argument *type, unsigned arg)
{
    const struct program_arg *made = &maker->program->calls[maker->index].args[arg];

    switch (made->how % HOW_COUNT) {
    case HOW_RESULT:
        return result_of(maker, made);
    case HOW_SPECIAL:
        if (made->a == PROGRAM_SPECIAL_MAPPING)
            return maker_mapping(maker, made->b);
        return specials[made->a % ARRAY_SIZE(specials)] + (uint64_t)(int64_t)(int8_t)made->b;
    case HOW_RAW:
        return (uint64_t)(int64_t)(int16_t)made->b << (made->a % 64);
    default:
        return value_typed(maker, type, arg, made->a, made->b);
    }
}

/* ---- calls ---- */

const char *program_call_name(unsigned number, unsigned *out_args)
{
    if (number >= SYSCALLS_MAX || !trace_syscalls[number].name)
        return NULL;
    *out_args = trace_syscalls[number].count;
    return trace_syscalls[number].name;
}

bool program_call_exists(unsigned number)
{
    return number < SYSCALLS_MAX && syscall_handlers[number];
}

void program_prepare(const struct program *program, unsigned index,
                     const struct program_results *results, struct prepared_call *out)
{
    const struct program_call *call = &program->calls[index];
    struct maker maker = {
        .program = program, .index = index, .results = results, .out = out, .random = call->seed};
    const struct trace_argument unknown = {.name = "", .kind = TRACE_ULONG};
    unsigned count = 0;

    out->number = call->number;
    out->write_count = 0;
    out->used = 0;
    memset(out->args, 0, sizeof out->args);
    const char *name = program_call_name(call->number, &count);
    for (unsigned i = 0; i < 6; i++) {
        if (name && i < count)
            out->args[i] = value_of(&maker, &trace_syscalls[call->number].args[i], i);
        else if (!name)
            out->args[i] = value_of(&maker, &unknown, i);
    }
}
