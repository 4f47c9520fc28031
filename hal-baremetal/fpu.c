/* SPDX-License-Identifier: MIT
 *
 * Floating-point and vector state. The kernel never uses these registers, so they keep the state
 * of the last user task that ran on the CPU (percpu.fpu_live) until another one needs them there;
 * going into the kernel and back costs nothing.
 *
 * Saving and loading is slow in emulators, and tasks that only pass data on never look at these
 * registers. There, and only there (real CPUs have leaked registers that merely trapped), a task
 * is now and then run with them trapping; as long as it gets by without, they are left alone.
 *
 * Invariant: a user's state is live on at most one CPU, number priv[0] - 1, whose fpu_live points
 * to it; priv[0] == 0 means the memory image is the truth. Both change only on that CPU, masked.
 * Whoever needs the state elsewhere asks that CPU to save it. fpu_ready is the user that may run
 * without another look here. priv[1] counts how often a user came to run since it was last caught
 * using the registers.
 * Intel SDM volume 1, chapter 13.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/errno.h"
#include "hal-baremetal/x86.h"

enum { FXSAVE_BYTES = 512, HEADER_BYTES = 64, MXCSR_OFFSET = 24, MXCSR_MASK_OFFSET = 28 };
enum { X87 = 1, SSE = 2, AVX = 4, AVX512 = 0xe0 };
enum { RUNS_BEFORE_TRAPPING = 8 };

static uint64_t features = X87 | SSE;
static size_t area_bytes = FXSAVE_BYTES;
static uint32_t mxcsr_mask = 0xffbf;

void x86_fpu_init_cpu(void)
{
    __asm__ volatile("fninit");
    if (!x86_features.xsave)
        return;
    struct cpuid_regs r = cpuid(0xd, 0);
    uint64_t supported = (uint64_t)r.edx << 32 | r.eax;
    uint64_t use = X87 | SSE;
    if (supported & AVX) {
        use |= AVX;
        if ((supported & AVX512) == AVX512)
            use |= AVX512;
    }
    xsetbv(0, use);
    if (this_percpu()->id == 0) {
        static char area[FXSAVE_BYTES] __attribute__((aligned(16)));
        __asm__ volatile("fxsave64 %0" : "=m"(area));
        uint32_t mask;
        memcpy(&mask, area + MXCSR_MASK_OFFSET, sizeof mask);
        if (mask)
            mxcsr_mask = mask;
        features = use;
        area_bytes = cpuid(0xd, 0).ebx; /* for what XCR0 has now */
    }
}

static void save(void *area)
{
    uint32_t low = (uint32_t)features, high = (uint32_t)(features >> 32);
    /* Not XSAVEOPT: it may leave stale bytes for components in their initial state, and the kernel
     * shows the area to debuggers and signal handlers as it is. */
    if (x86_features.xsave)
        __asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(low), "d"(high) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

/* False if the CPU refuses what is there: someone wrote to the area and did not sanitize it. */
static bool load(const void *area)
{
    uint32_t low = (uint32_t)features, high = (uint32_t)(features >> 32);
    bool failed = false;
    if (x86_features.xsave)
        __asm__ volatile("1: xrstor64 (%1)\n"
                         "2: .pushsection .text.fixup, \"ax\"\n"
                         "3: movb $1, %0\n"
                         "   jmp 2b\n"
                         "   .popsection\n"
                         "   .pushsection .extable, \"a\"\n"
                         "   .quad 1b, 3b\n"
                         "   .popsection"
                         : "+m"(failed)
                         : "r"(area), "a"(low), "d"(high)
                         : "memory");
    else
        __asm__ volatile("1: fxrstor64 (%1)\n"
                         "2: .pushsection .text.fixup, \"ax\"\n"
                         "3: movb $1, %0\n"
                         "   jmp 2b\n"
                         "   .popsection\n"
                         "   .pushsection .extable, \"a\"\n"
                         "   .quad 1b, 3b\n"
                         "   .popsection"
                         : "+m"(failed)
                         : "r"(area)
                         : "memory");
    return !failed;
}

static void restore(void *area)
{
    if (load(area))
        return;
    hal_fpu_init(area);
    load(area);
}

static void set_trapping(struct percpu *cpu, bool trapping)
{
    if (cpu->fpu_trapping == trapping)
        return;
    cpu->fpu_trapping = trapping;
    if (trapping)
        write_cr0(read_cr0() | CR0_TS);
    else
        __asm__ volatile("clts" ::: "memory");
}

/* Masked, on the CPU that may hold the state. */
static void release_here(struct hal_user *user, bool keep)
{
    struct percpu *cpu = this_percpu();
    if (cpu->fpu_ready == user)
        cpu->fpu_ready = NULL;
    if (cpu->fpu_live != user)
        return;
    if (keep) {
        if (cpu->fpu_trapping)
            cpu->fpu_ready = NULL;
        set_trapping(cpu, false);
        save(user->fpu);
    }
    cpu->fpu_live = NULL;
    __atomic_store_n(&user->priv[0], 0, __ATOMIC_RELEASE);
}

static void release_keep(void *user)
{
    release_here(user, true);
}

static void release_drop(void *user)
{
    release_here(user, false);
}

/* After this the state is in memory only, or live on this CPU. Interrupts enabled, or masked in
 * hal_user_run with nothing held. */
static void fetch(struct hal_user *user, bool keep)
{
    uint64_t live = __atomic_load_n(&user->priv[0], __ATOMIC_ACQUIRE);
    if (live != 0 && live - 1 != hal_cpu_id())
        x86_call_cpus(1ull << (live - 1), keep ? release_keep : release_drop, user);
}

static void load_here(struct percpu *cpu, struct hal_user *user)
{
    set_trapping(cpu, false);
    if (cpu->fpu_live == user)
        return;
    if (cpu->fpu_live)
        release_here(cpu->fpu_live, true);
    restore(user->fpu);
    cpu->fpu_live = user;
    __atomic_store_n(&user->priv[0], cpu->id + 1ull, __ATOMIC_RELEASE);
}

/* Called from traps.S. */
void x86_fpu_switch(struct hal_user *user);
bool x86_fpu_trap(struct hal_user *user);

/* Before user runs here, masked: have its state live, or the registers trapping. */
void x86_fpu_switch(struct hal_user *user)
{
    fetch(user, true);
    struct percpu *cpu = this_percpu();
    if (x86_features.tcg && user->priv[1] >= RUNS_BEFORE_TRAPPING) {
        set_trapping(cpu, true); /* live or not: CR0.TS itself is dear to change there */
    } else {
        user->priv[1]++;
        load_here(cpu, user);
    }
    cpu->fpu_ready = user;
}

/* The user has met the trap, masked. False if it is none of ours. */
bool x86_fpu_trap(struct hal_user *user)
{
    struct percpu *cpu = this_percpu();
    if (!cpu->fpu_trapping)
        return false;
    user->priv[1] = 0;
    load_here(cpu, user);
    cpu->fpu_ready = user;
    return true;
}

void hal_user_init(struct hal_user *user)
{
    user->priv[0] = 0;
    user->priv[1] = 0;
}

void hal_user_exit(struct hal_user *user)
{
    hal_user_fpu_changed(user);
}

void hal_user_fpu_sync(struct hal_user *user)
{
    fetch(user, true);
    bool enabled = hal_irq_save();
    struct percpu *cpu = this_percpu();
    if (cpu->fpu_live == user) { /* and stays live */
        if (cpu->fpu_trapping)
            cpu->fpu_ready = NULL;
        set_trapping(cpu, false);
        save(user->fpu);
    }
    hal_irq_restore(enabled);
}

void hal_user_fpu_changed(struct hal_user *user)
{
    fetch(user, false);
    bool enabled = hal_irq_save();
    release_here(user, false);
    hal_irq_restore(enabled);
}

size_t hal_fpu_size(void)
{
    return area_bytes;
}

uint64_t hal_fpu_features(void)
{
    return features;
}

void hal_fpu_init(void *fpu)
{
    static const uint16_t control = 0x37f;
    static const uint32_t mxcsr = 0x1f80;
    static const uint64_t legacy = X87 | SSE; /* explicit, so that FXSAVE readers see it too */
    memset(fpu, 0, area_bytes);
    memcpy(fpu, &control, sizeof control);
    memcpy((char *)fpu + MXCSR_OFFSET, &mxcsr, sizeof mxcsr);
    if (x86_features.xsave)
        memcpy((char *)fpu + FXSAVE_BYTES, &legacy, sizeof legacy);
}

int hal_fpu_sanitize(void *fpu, size_t bytes)
{
    if (bytes < area_bytes)
        return -EINVAL;
    char *area = fpu;
    uint32_t mxcsr;
    memcpy(&mxcsr, area + MXCSR_OFFSET, sizeof mxcsr);
    mxcsr &= mxcsr_mask;
    memcpy(area + MXCSR_OFFSET, &mxcsr, sizeof mxcsr);
    if (!x86_features.xsave)
        return 0;
    uint64_t header[HEADER_BYTES / 8];
    memcpy(header, area + FXSAVE_BYTES, sizeof header);
    if (header[1] >> 63) /* the compacted format is none of ours */
        return -EINVAL;
    header[0] &= features;
    memset(header + 1, 0, sizeof header - sizeof header[0]);
    memcpy(area + FXSAVE_BYTES, header, sizeof header);
    return 0;
}
