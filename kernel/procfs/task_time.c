/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/timens_offsets: what the time namespace for the children of a process adds to its
 * clocks, time_namespaces(7); and /proc/PID/timers, proc(5).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/time.h"
#include "kernel/lib/parse.h"
#include "kernel/mm/page.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/posix_timers.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/security/cred.h"

static struct ns_common *for_children(struct task *task)
{
    return task_namespace(task, CLONE_NEWTIME | NAMESPACE_FOR_CHILDREN);
}

/* Seconds rounded down, and a fraction that is never negative. */
static void show_offset(const char *name, int64_t offset_ns, struct strbuf *out)
{
    const int64_t second_ns = (int64_t)NSEC_PER_SEC;
    int64_t fraction_ns = offset_ns % second_ns;
    if (fraction_ns < 0)
        fraction_ns += second_ns;
    strbuf_printf(out, "%-10s %10lld %9lld\n", name,
                  (long long)((offset_ns - fraction_ns) / second_ns), (long long)fraction_ns);
}

int pid_show_time_offsets(struct task *task, bool whole, struct strbuf *out)
{
    struct ns_common *ns = for_children(task);
    (void)whole;
    if (!ns)
        return 0;
    const int64_t *offsets = time_namespace_of(ns)->offsets_ns;
    show_offset("monotonic", atomic_load_relaxed(&offsets[TIME_OFFSET_MONOTONIC]), out);
    show_offset("boottime", atomic_load_relaxed(&offsets[TIME_OFFSET_BOOTTIME]), out);
    namespace_put(ns);
    return 0;
}

/* ---- writing ---- */

static bool is_word(const char *word, size_t length, const char *wanted)
{
    return kstrlen(wanted) == length && memcmp(word, wanted, length) == 0;
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

/* A clock by its name or number. */
static int parse_clock(const char **text, enum time_offset *out)
{
    const char *word = skip_blanks(*text);
    size_t length = kstrcspn(word, " \t\n");
    if (is_word(word, length, "monotonic") || is_word(word, length, "1"))
        *out = TIME_OFFSET_MONOTONIC;
    else if (is_word(word, length, "boottime") || is_word(word, length, "7"))
        *out = TIME_OFFSET_BOOTTIME;
    else
        return -EINVAL;
    *text = word + length;
    return 0;
}

/* "CLOCK SECONDS NANOSECONDS", and whatever follows on the line. -ERANGE: no clock gets there. */
static int parse_line(const char *text, enum time_offset *out_clock, int64_t *out_ns)
{
    uint64_t seconds, fraction_ns;
    int error = parse_clock(&text, out_clock);
    if (error)
        return error;
    text = skip_blanks(text);
    bool negative = *text == '-';
    text += negative;
    if (kparse_u64(&text, 10, &seconds))
        return -EINVAL;
    text = skip_blanks(text);
    if (kparse_u64(&text, 10, &fraction_ns) || fraction_ns >= NSEC_PER_SEC)
        return -EINVAL;
    if (seconds >= (uint64_t)INT64_MAX / NSEC_PER_SEC)
        return -ERANGE;
    int64_t whole_ns = (int64_t)(seconds * NSEC_PER_SEC);
    *out_ns = (negative ? -whole_ns : whole_ns) + (int64_t)fraction_ns;
    return 0;
}

/* As many lines as there are clocks; how many bytes that was. */
static int64_t parse_offsets(const char *text, int64_t values[TIME_OFFSETS],
                             const int64_t *offsets[TIME_OFFSETS])
{
    const char *line = text;
    int range = 0;
    for (unsigned count = 0; count < TIME_OFFSETS; count++) {
        enum time_offset clock;
        int64_t value;
        int error = parse_line(line, &clock, &value);
        if (error == -ERANGE)
            range = error;
        else if (error)
            return error;
        if (!error) {
            values[clock] = value;
            offsets[clock] = &values[clock];
        }
        line += kstrcspn(line, "\n");
        if (*line)
            line++;
        if (!*line)
            break;
    }
    return range ? range : line - text;
}

int64_t pid_write_time_offsets(struct task *task, const char *text, size_t bytes)
{
    int64_t values[TIME_OFFSETS];
    const int64_t *offsets[TIME_OFFSETS] = {0};
    if (bytes >= PAGE_SIZE)
        return -EINVAL;
    int64_t result = parse_offsets(text, values, offsets);
    if (result == -EINVAL)
        return result;
    struct ns_common *ns = for_children(task);
    if (!ns)
        return -ESRCH;
    int error = capable_in(ns->owner, CAP_SYS_TIME) ? 0 : -EPERM;
    if (!error && result < 0)
        error = (int)result;
    if (!error)
        error = time_namespace_set_offsets(time_namespace_of(ns), offsets);
    namespace_put(ns);
    return error ? error : result;
}

int pid_show_timers(struct task *task, bool whole, struct pid_namespace *ns, struct strbuf *out)
{
    (void)whole;
    posix_timers_show(task->process, ns, out);
    return 0;
}
