/* SPDX-License-Identifier: MIT
 *
 * The bad values of every kind of argument.
 */
#include "tests/arguments/arguments.h"
#include "tests/arguments/fixture.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static long make_constant(long good, long constant)
{
    (void)good;
    return constant;
}

static long make_none(long good, long constant)
{
    object_protect(good, PROT_NONE);
    return good ? good : constant;
}

static long make_readonly(long good, long constant)
{
    object_protect(good, PROT_READ);
    return good ? good : constant;
}

static long make_straddle(long good, long constant)
{
    long moved = object_straddle(good);
    return moved ? moved : constant;
}

/* ---- pointers ---- */

#define HOLE 0x200000000l /* nobody maps anything here */

#define EVERYWHERE                                                                                 \
    {"null", make_constant, 0}, {"low", make_constant, 1}, {"hole", make_constant, HOLE},          \
        {"top", make_constant, 0x7ffffffff000l}, {"noncanonical", make_constant, 0x800000000000l}, \
        {"kernel", make_constant, (long)0xffff888000000000ul}, {"last", make_constant, -8l},       \
        {"none", make_none, HOLE},                                                                 \
    {                                                                                              \
        "straddle", make_straddle, HOLE                                                            \
    }

static const struct value pointers[] = {EVERYWHERE, {"readonly", make_readonly, HOLE}};

/* ---- strings ---- */

static char many[5000];

static long make_string(long good, long constant)
{
    (void)good;
    const char *text = (const char *)constant;
    return object(text, strlen(text) + 1);
}

static long make_long_string(long good, long length)
{
    (void)good;
    memset(many, 'a', sizeof(many));
    many[length] = '\0';
    return object(many, (size_t)length + 1);
}

static long make_unterminated(long good, long length)
{
    (void)good;
    memset(many, 'a', sizeof(many));
    return object(many, (size_t)length);
}

#define STRINGS                                                                                    \
    EVERYWHERE, {"readonly", make_readonly, HOLE}, {"unterminated", make_unterminated, 8},         \
        {"empty", make_string, (long)""}, {"name255", make_long_string, 255},                      \
        {"name256", make_long_string, 256},                                                        \
    {                                                                                              \
        "endless", make_unterminated, 5000                                                         \
    }

static const struct value strings[] = {STRINGS};

static const struct value paths[] = {
    STRINGS,
    {"missing", make_string, (long)"missing"},
    {"below-missing", make_string, (long)"missing/x"},
    {"below-file", make_string, (long)"file/x"},
    {"file-slash", make_string, (long)"file/"},
    {"missing-slash", make_string, (long)"missing/"},
    {"dir", make_string, (long)"dir"},
    {"dot", make_string, (long)"."},
    {"loop", make_string, (long)"loop"},
    {"below-loop", make_string, (long)"loop/x"},
    {"dangling", make_string, (long)"dangling"},
    {"symlink", make_string, (long)"symlink"},
    {"fifo", make_string, (long)"fifo"},
    {"path4095", make_long_string, 4095},
    {"path4096", make_long_string, 4096},
};

/* ---- descriptors ---- */

static long make_fd(long good, long constant)
{
    (void)good;
    return ((long (*)(void))constant)();
}

#define BAD_FDS                                                                                    \
    {"-1", make_constant, -1}, {"closed", make_constant, 99}, {"max", make_constant, INT_MAX},     \
        {"min", make_constant, INT_MIN}, {"opath", make_fd, (long)fd_opath},                       \
    {                                                                                              \
        "opath-dir", make_fd, (long)fd_opath_dir                                                   \
    }

static const struct value dirfds[] = {
    BAD_FDS,
    {"file", make_fd, (long)fd_file},
    {"dir", make_fd, (long)fd_dir},
    {"pipe", make_fd, (long)fd_pipe_read},
    {"event", make_fd, (long)fd_event},
};

static const struct value fds[] = {
    BAD_FDS,
    {"cwd", make_constant, -100},
    {"file", make_fd, (long)fd_file},
    {"readonly", make_fd, (long)fd_readonly},
    {"writeonly", make_fd, (long)fd_writeonly},
    {"append", make_fd, (long)fd_append},
    {"dir", make_fd, (long)fd_dir},
    {"pipe-read", make_fd, (long)fd_pipe_read},
    {"pipe-write", make_fd, (long)fd_pipe_write},
    {"pipe-ready", make_fd, (long)fd_pipe_ready},
    {"fifo", make_fd, (long)fd_fifo},
    {"stream", make_fd, (long)fd_stream},
    {"stream-ready", make_fd, (long)fd_stream_ready},
    {"unconnected", make_fd, (long)fd_unconnected},
    {"listening", make_fd, (long)fd_listening},
    {"dgram", make_fd, (long)fd_dgram},
    {"event", make_fd, (long)fd_event},
    {"epoll", make_fd, (long)fd_epoll},
    {"timer", make_fd, (long)fd_timer},
    {"signal", make_fd, (long)fd_signal},
    {"inotify", make_fd, (long)fd_inotify},
    {"fanotify", make_fd, (long)fd_fanotify},
    {"pidfd", make_fd, (long)fd_pidfd},
    {"memfd", make_fd, (long)fd_memfd},
    {"mqueue", make_fd, (long)fd_mqueue},
    {"null", make_fd, (long)fd_null},
    {"zero", make_fd, (long)fd_zero},
    {"ptmx", make_fd, (long)fd_ptmx},
    {"proc", make_fd, (long)fd_proc},
    {"namespace", make_fd, (long)fd_namespace},
    {"uring", make_fd, (long)fd_uring},
    {"fs-context", make_fd, (long)fd_fs_context},
};

/* ---- numbers ---- */

#define N(text, number)                                                                            \
    {                                                                                              \
        text, make_constant, number                                                                \
    }

static const struct value ints[] = {
    N("0", 0), N("1", 1), N("-1", -1), N("min", INT_MIN), N("max", INT_MAX), N("65536", 65536),
};

static const struct value enums[] = {
    N("0", 0),         N("1", 1),           N("2", 2),   N("3", 3),   N("4", 4),
    N("5", 5),         N("6", 6),           N("7", 7),   N("8", 8),   N("9", 9),
    N("10", 10),       N("11", 11),         N("12", 12), N("13", 13), N("14", 14),
    N("15", 15),       N("16", 16),         N("17", 17), N("18", 18), N("19", 19),
    N("20", 20),       N("21", 21),         N("22", 22), N("23", 23), N("24", 24),
    N("25", 25),       N("26", 26),         N("99", 99), N("-1", -1), N("min", INT_MIN),
    N("max", INT_MAX), N("2^32", 1l << 32),
};

#define BITS(from, n) N("bit" #from #n, 1l << (from##n))
#define TEN(tens)                                                                                  \
    BITS(tens, 0), BITS(tens, 1), BITS(tens, 2), BITS(tens, 3), BITS(tens, 4), BITS(tens, 5),      \
        BITS(tens, 6), BITS(tens, 7), BITS(tens, 8), BITS(tens, 9)
#define FLAGS32                                                                                    \
    N("0", 0), N("-1", -1), N("bit0", 1), N("bit1", 2), N("bit2", 4), N("bit3", 8), N("bit4", 16), \
        N("bit5", 32), N("bit6", 64), N("bit7", 128), N("bit8", 256), N("bit9", 512), TEN(1),      \
        TEN(2), N("bit30", 1l << 30), N("bit31", 1l << 31)

static const struct value flags[] = {FLAGS32, N("bit32", 1l << 32)};
static const struct value flags64[] = {
    FLAGS32,
    N("bit32", 1l << 32),
    N("bit33", 1l << 33),
    N("bit34", 1l << 34),
    N("bit62", 1l << 62),
    N("bit63", LONG_MIN),
};

static const struct value modes[] = {
    N("0", 0),           N("7777", 07777),     N("177777", 0177777),   N("-1", -1),
    N("dir", 0040755),   N("link", 0120777),   N("regular", 0100644),  N("char", 0020644),
    N("block", 0060644), N("socket", 0140644), N("bad-type", 0030644),
};

static const struct value ids[] = {
    N("0", 0), N("-1", -1), N("max", INT_MAX), N("min", INT_MIN), N("65", 65), N("32000", 32000),
};

static const struct value longs[] = {
    N("0", 0),           N("1", 1),           N("-1", -1),        N("2^31", 1l << 31),
    N("2^32", 1l << 32), N("2^52", 1l << 52), N("min", LONG_MIN), N("max", LONG_MAX),
};

static const struct value sizes[] = {
    N("0", 0),
    N("1", 1),
    N("3", 3),
    N("4097", 4097),
    N("2^31-1", INT_MAX),
    N("2^31", 1l << 31),
    N("2^32", 1l << 32),
    N("2^47", 1l << 47),
    N("2^52", 1l << 52),
    N("2^63-1", LONG_MAX),
    N("2^63", LONG_MIN),
    N("-4096", -4096),
    N("-1", -1),
};

#define LIST(array) array, LENGTH(array)

static const struct {
    const struct value *values;
    unsigned count;
    struct value pair; /* stands for all of them beside another bad argument */
} kinds[] = {
    [ARGUMENT_FD] = {LIST(fds), N("-1", -1)},
    [ARGUMENT_DIRFD] = {LIST(dirfds), N("-1", -1)},
    [ARGUMENT_POINTER] = {LIST(pointers), N("hole", HOLE)},
    [ARGUMENT_STRING] = {LIST(strings), N("hole", HOLE)},
    [ARGUMENT_PATH] = {LIST(paths), N("hole", HOLE)},
    [ARGUMENT_INT] = {LIST(ints), N("-1", -1)},
    [ARGUMENT_ENUM] = {LIST(enums), N("99", 99)},
    [ARGUMENT_FLAGS] = {LIST(flags), N("-1", -1)},
    [ARGUMENT_FLAGS64] = {LIST(flags64), N("-1", -1)},
    [ARGUMENT_MODE] = {LIST(modes), {NULL, NULL, 0}},
    [ARGUMENT_ID] = {LIST(ids), N("max", INT_MAX)},
    [ARGUMENT_LONG] = {LIST(longs), N("-1", -1)},
    [ARGUMENT_SIZE] = {LIST(sizes), N("-1", -1)},
    [ARGUMENT_KEPT] = {NULL, 0, {NULL, NULL, 0}},
};

const struct value *values_of(enum argument_kind kind, unsigned *count)
{
    *count = kinds[kind].count;
    return kinds[kind].values;
}

const struct value *value_of_pair(enum argument_kind kind)
{
    return kinds[kind].pair.name ? &kinds[kind].pair : NULL;
}
