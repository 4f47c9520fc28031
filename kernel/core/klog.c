/* SPDX-License-Identifier: MIT */
/*
 * The kernel log (/dev/kmsg, syslog(2)): lib/log.h's ring under a lock, an echo to the HAL's log
 * channel, and waking of readers.
 *
 * klog is called from anywhere, with any lock held, so it cannot wake threads itself: waking takes
 * run queue locks, which rank before the log's. It asks its own CPU for an interrupt instead
 * (CPU_WORK_KLOG), which wakes the readers once no such lock is held.
 *
 * The echo happens outside the lock: it may be slow. Lines of two CPUs may change places, never
 * mix.
 */
#include "kernel/core/core_internal.h"

#include "hal/cpu.h"
#include "kernel/core/clock.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"

enum {
    PREFIX_MAX = 32,          /* "[12345.678901] " */
    CONSOLE_LEVEL_DEFAULT = KLOG_NOTICE, /* warnings and worse */
};

void klog_setup(struct klog *log, void *buffer, size_t bytes)
{
    spin_lock_init(&log->lock, LOCK_RANK_LOG);
    log_ring_init(&log->ring, buffer, bytes);
    wait_queue_init(&log->readers);
    log->console_level = CONSOLE_LEVEL_DEFAULT;
}

static void echo(char *prefix_room, size_t text_bytes, uint64_t now_ns)
{
    char prefix[PREFIX_MAX];
    int bytes = kscnprintf(prefix, sizeof prefix, "[%5llu.%06llu] ",
                           (unsigned long long)(now_ns / 1000000000),
                           (unsigned long long)(now_ns / 1000 % 1000000));
    char *line = prefix_room + PREFIX_MAX - bytes;

    memcpy(line, prefix, (size_t)bytes);
    prefix_room[PREFIX_MAX + text_bytes] = '\n';
    log_channel_write(line, (size_t)bytes + text_bytes + 1);
}

static void append(struct klog *log, unsigned priority, uint64_t now_ns, const char *text,
                   size_t bytes)
{
    bool irq = spin_lock_irqsave(&log->lock);

    log_ring_append(&log->ring, priority, now_ns, text, bytes);
    spin_unlock_irqrestore(&log->lock, irq);
    if (wait_queue_has_waiters(&log->readers)) {
        cpu_request(this_cpu(), CPU_WORK_KLOG);
    }
}

void klog(enum klog_level level, const char *format, ...)
{
    char line[PREFIX_MAX + LOG_TEXT_MAX + 1];
    char *text = line + PREFIX_MAX;
    struct cpu *cpu = this_cpu();
    uint64_t now_ns;
    size_t bytes;
    va_list args;

    va_start(args, format);
    bytes = (size_t)kvscnprintf(text, LOG_TEXT_MAX, format, args);
    va_end(args);
    if (bytes > 0 && text[bytes - 1] == '\n') {
        bytes--;
    }
    if (cpu == NULL || cpu->kernel->log == NULL) {
        echo(line, bytes, 0);
        return;
    }
    now_ns = clock_monotonic_ns();
    append(cpu->kernel->log, level, now_ns, text, bytes);
    if (level < klog_console_level()) {
        echo(line, bytes, now_ns);
    }
}

void klog_write(unsigned priority, const char *text, size_t bytes)
{
    append(this_kernel()->log, priority, clock_monotonic_ns(), text, MIN(bytes, LOG_TEXT_MAX));
}

uint64_t klog_first_sequence(void)
{
    struct klog *log = this_kernel()->log;
    bool irq = spin_lock_irqsave(&log->lock);
    uint64_t sequence = log->ring.first_sequence;

    spin_unlock_irqrestore(&log->lock, irq);
    return sequence;
}

uint64_t klog_next_sequence(void)
{
    struct klog *log = this_kernel()->log;
    bool irq = spin_lock_irqsave(&log->lock);
    uint64_t sequence = log->ring.next_sequence;

    spin_unlock_irqrestore(&log->lock, irq);
    return sequence;
}

int klog_read(uint64_t *sequence, struct log_record *out, char *text)
{
    struct klog *log = this_kernel()->log;
    bool irq = spin_lock_irqsave(&log->lock);
    int result = log_ring_read(&log->ring, sequence, out, text);

    spin_unlock_irqrestore(&log->lock, irq);
    return result;
}

struct wait_queue *klog_wait_queue(void)
{
    return &this_kernel()->log->readers;
}

struct klog_positions *klog_positions(void)
{
    return &this_kernel()->log->positions;
}

unsigned klog_console_level(void)
{
    return atomic_load_relaxed(&this_kernel()->log->console_level);
}

void klog_set_console_level(unsigned level)
{
    atomic_store_relaxed(&this_kernel()->log->console_level, level);
}
