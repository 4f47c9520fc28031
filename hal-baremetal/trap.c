/* SPDX-License-Identifier: MIT
 *
 * Exceptions in kernel mode: either the instruction has a fixup (user copies), or it is a bug, and
 * the registers go to the log before the kernel hears of it. Also what arrives on IST stacks.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"
#include "hal/kernel_on.h"

struct extable_entry {
    uint64_t rip, fixup;
};
extern const struct extable_entry extable_start[], extable_end[];

static char fatal_stack[16384] __attribute__((aligned(16)));

static void dump_registers(const struct trap_frame *f)
{
    static const struct {
        const char *name;
        size_t offset;
    } shown[] = {
        {"rip ", offsetof(struct trap_frame, rip)},    {"rsp ", offsetof(struct trap_frame, rsp)},
        {"flag", offsetof(struct trap_frame, rflags)}, {"rax ", offsetof(struct trap_frame, rax)},
        {"rbx ", offsetof(struct trap_frame, rbx)},    {"rcx ", offsetof(struct trap_frame, rcx)},
        {"rdx ", offsetof(struct trap_frame, rdx)},    {"rsi ", offsetof(struct trap_frame, rsi)},
        {"rdi ", offsetof(struct trap_frame, rdi)},    {"rbp ", offsetof(struct trap_frame, rbp)},
        {"r8  ", offsetof(struct trap_frame, r8)},     {"r9  ", offsetof(struct trap_frame, r9)},
        {"r10 ", offsetof(struct trap_frame, r10)},    {"r11 ", offsetof(struct trap_frame, r11)},
        {"r12 ", offsetof(struct trap_frame, r12)},    {"r13 ", offsetof(struct trap_frame, r13)},
        {"r14 ", offsetof(struct trap_frame, r14)},    {"r15 ", offsetof(struct trap_frame, r15)},
    };
    x86_log_text("\nexception in kernel mode:");
    x86_log_hex(" vector ", f->vector);
    x86_log_hex(" error ", f->error);
    x86_log_hex(" cpu ", hal_cpu_id());
    for (unsigned i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        uint64_t value;
        memcpy(&value, (const char *)f + shown[i].offset, sizeof value);
        x86_log_text(i % 3 == 0 ? "\n" : " ");
        x86_log_hex(shown[i].name, value);
    }
    x86_log_hex("\ncr0 ", read_cr0());
    x86_log_hex(" cr2 ", read_cr2());
    x86_log_hex(" cr3 ", read_cr3());
    x86_log_hex(" cr4 ", read_cr4());
    x86_log_text("\n");
}

__attribute__((noreturn)) static void fatal(struct trap_frame *frame)
{
    uint64_t address = frame->vector == HAL_VECTOR_PAGE || frame->vector == 8 ? read_cr2() : 0;
    dump_registers(frame);
    kernel_on_fatal_exception((unsigned)frame->vector, frame->error, address, frame->rip,
                              frame->rsp);
}

/* Called from traps.S. */
void x86_trap_kernel(struct trap_frame *frame);
void x86_trap_ist_kernel(struct trap_frame *frame);

void x86_trap_kernel(struct trap_frame *frame)
{
    for (const struct extable_entry *e = extable_start; e < extable_end; e++) {
        if (e->rip == frame->rip) {
            frame->rip = e->fixup;
            return;
        }
    }
    fatal(frame);
}

void x86_trap_ist_kernel(struct trap_frame *frame)
{
    switch (frame->vector) {
    case 2:
        x86_smp_stop_self_if_asked();
        return; /* nobody else sends NMIs that we know what to do with */
    case HAL_VECTOR_DEBUG:
        frame->rflags &= ~0x100ull; /* a single step that leaked in */
        __asm__ volatile("mov %0, %%dr6" ::"r"(0ull));
        return;
    default:
        /* The double fault of a stack overflow, most likely: report it with room to spare. */
        x86_call_on_stack(frame, fatal_stack + sizeof fatal_stack, fatal);
    }
}
