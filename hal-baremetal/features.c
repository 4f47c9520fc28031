/* SPDX-License-Identifier: MIT
 *
 * What this CPU can do. Read once on the boot CPU; the others are taken to be alike. Intel SDM
 * volume 2, CPUID.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"

struct cpu_features x86_features;

/* Whether `rep movsb` and `rep stosb` beat a loop: string.S, usercopy.S. */
uint8_t x86_string_instructions_fast;

static void read_hypervisor(struct cpu_features *f)
{
    if (!f->hypervisor)
        return;
    struct cpuid_regs r = cpuid(0x40000000, 0);
    f->max_hypervisor_leaf = r.eax;
    f->tcg = r.ebx == 0x54474354 && r.ecx == 0x43544743 && r.edx == 0x47435447; /* TCGTCGTCGTCG */
}

static void read_model(struct cpu_features *f, uint32_t max_extended)
{
    if (max_extended < 0x80000004) {
        memcpy(f->model, "x86-64", 7);
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        struct cpuid_regs r = cpuid(0x80000002 + i, 0);
        memcpy(f->model + 16 * i, &r, 16);
    }
    f->model[48] = 0;
}

void x86_features_detect(void)
{
    struct cpu_features *f = &x86_features;
    f->max_leaf = cpuid(0, 0).eax;
    struct cpuid_regs one = cpuid(1, 0);
    f->leaf1_edx = one.edx;
    f->x2apic = one.ecx & (1u << 21);
    f->tsc_deadline = one.ecx & (1u << 24);
    f->xsave = one.ecx & (1u << 26);
    f->rdrand = one.ecx & (1u << 30);
    f->hypervisor = one.ecx & (1u << 31);
    bool erms = false;
    if (f->max_leaf >= 7) {
        struct cpuid_regs seven = cpuid(7, 0);
        f->fsgsbase = seven.ebx & (1u << 0);
        f->smep = seven.ebx & (1u << 7);
        erms = seven.ebx & (1u << 9);
        f->rdseed = seven.ebx & (1u << 18);
        f->smap = seven.ebx & (1u << 20);
        f->umip = seven.ecx & (1u << 2);
    }
    f->xsave = f->xsave && f->max_leaf >= 0xd;

    uint32_t max_extended = cpuid(0x80000000, 0).eax;
    struct cpuid_regs extended = cpuid(0x80000001, 0);
    f->nx = extended.edx & (1u << 20);
    f->huge_pages = extended.edx & (1u << 26);
    f->phys_bits = max_extended >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36;
    bool invariant_tsc = max_extended >= 0x80000007 && cpuid(0x80000007, 0).edx & (1u << 8);
    read_hypervisor(f);
    read_model(f, max_extended);

    /* Under a hypervisor the TSC is either scaled to be stable or as good as its other clocks. */
    f->tsc_usable = one.edx & (1u << 4) && (invariant_tsc || f->hypervisor);
    x86_string_instructions_fast = erms && !f->tcg;
}
