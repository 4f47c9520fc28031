/* SPDX-License-Identifier: MIT
 *
 * The few facts that the backend takes from ACPI tables: CPUs, interrupt controllers, timers, and
 * how to power off. Nothing in a table is believed: lengths are checked against what is mapped,
 * checksums are verified, and whatever is missing gets the PC's traditional value.
 * ACPI specification 6.5, chapter 5.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"

struct acpi_info x86_acpi_info;

enum { TABLE_BYTES_MAX = 4 << 20, HEADER_BYTES = 36, TABLES_MAX = 256 };

static uint16_t get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static bool checksum_ok(const uint8_t *at, size_t bytes)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += at[i];
    return sum == 0;
}

/* A whole table, mapped, or NULL; `checked` asks for the checksum. */
static const uint8_t *table_map(uint64_t paddr, bool checked, uint32_t *out_bytes)
{
    /* Most tables lie within the page they start in: map once. */
    uint32_t first = HAL_PAGE_SIZE - (paddr & (HAL_PAGE_SIZE - 1));
    if (paddr == 0)
        return NULL;
    if (first < HEADER_BYTES)
        first += HAL_PAGE_SIZE;
    const uint8_t *table = x86_firmware_map(paddr, first);
    if (!table)
        return NULL;
    uint32_t bytes = get32(table + 4);
    if (bytes < HEADER_BYTES || bytes > TABLE_BYTES_MAX)
        return NULL;
    if (bytes > first)
        table = x86_firmware_map(paddr, bytes);
    if (!table || (checked && !checksum_ok(table, bytes)))
        return NULL;
    *out_bytes = bytes;
    return table;
}

static const uint8_t *scan_for_rsdp(uint64_t start, uint64_t end)
{
    const uint8_t *area = x86_firmware_map(start, end - start);
    for (uint64_t at = 0; area && at + 20 <= end - start; at += 16)
        if (memcmp(area + at, "RSD PTR ", 8) == 0 && checksum_ok(area + at, 20))
            return area + at;
    return NULL;
}

static const uint8_t *find_rsdp(void)
{
    const uint8_t *rsdp = NULL;
    if (x86_boot_info.rsdp_copied)
        rsdp = x86_boot_info.rsdp_copy;
    else if (x86_boot_info.rsdp)
        rsdp = x86_firmware_map(x86_boot_info.rsdp, 36);
    if (rsdp && memcmp(rsdp, "RSD PTR ", 8) == 0 && checksum_ok(rsdp, 20))
        return rsdp;
    const uint8_t *bda = x86_firmware_map(0x40e, 2);
    uint64_t ebda = bda ? (uint64_t)get16(bda) << 4 : 0;
    if (ebda >= 0x400 && ebda + 1024 <= 0xa0000 && (rsdp = scan_for_rsdp(ebda, ebda + 1024)))
        return rsdp;
    return scan_for_rsdp(0xe0000, 0x100000);
}

static void add_cpu(uint32_t apic, uint32_t flags)
{
    struct acpi_info *a = &x86_acpi_info;
    if (!(flags & 1) || apic == a->apic_ids[0] || a->cpu_count == HAL_CPUS_MAX)
        return;
    for (unsigned i = 0; i < a->cpu_count; i++)
        if (a->apic_ids[i] == apic)
            return;
    a->apic_ids[a->cpu_count++] = apic;
}

static void read_madt(const uint8_t *madt, uint32_t bytes)
{
    enum { LOCAL_APIC = 0, IO_APIC = 1, OVERRIDE = 2, LOCAL_ADDRESS = 5, LOCAL_X2APIC = 9 };
    struct acpi_info *a = &x86_acpi_info;
    if (bytes < 44)
        return;
    a->local_apic = get32(madt + 36);
    for (uint32_t at = 44; at + 2 <= bytes;) {
        const uint8_t *entry = madt + at;
        uint8_t type = entry[0], size = entry[1];
        if (size < 2 || size > bytes - at)
            return;
        if (type == LOCAL_APIC && size >= 8) {
            add_cpu(entry[3], get32(entry + 4));
        } else if (type == LOCAL_X2APIC && size >= 16) {
            add_cpu(get32(entry + 4), get32(entry + 8));
        } else if (type == LOCAL_ADDRESS && size >= 12) {
            a->local_apic = get64(entry + 4);
        } else if (type == IO_APIC && size >= 12 &&
                   a->ioapic_count < sizeof a->ioapics / sizeof a->ioapics[0]) {
            a->ioapics[a->ioapic_count].paddr = get32(entry + 4);
            a->ioapics[a->ioapic_count++].gsi_base = get32(entry + 8);
        } else if (type == OVERRIDE && size >= 10 && entry[2] == 0 && entry[3] < 16) {
            a->isa[entry[3]].gsi = get32(entry + 4);
            a->isa[entry[3]].flags = get16(entry + 8);
        }
        at += size;
    }
}

static void read_fadt(const uint8_t *fadt, uint32_t bytes)
{
    struct acpi_info *a = &x86_acpi_info;
    if (bytes < 116)
        return;
    uint32_t flags = get32(fadt + 112);
    a->dsdt = get32(fadt + 40);
    a->hardware_reduced = flags & (1u << 20);
    a->century_register = fadt[108];
    if (!a->hardware_reduced) {
        a->sci_interrupt = get16(fadt + 46);
        a->smi_command = get32(fadt + 48) <= 0xffff ? get16(fadt + 48) : 0;
        a->acpi_enable = fadt[52];
        a->pm1a_event = get16(fadt + 56);
        a->pm1a_control = get16(fadt + 64);
        a->pm1b_control = get16(fadt + 68);
        a->pm_timer = fadt[91] == 4 ? get16(fadt + 76) : 0;
        a->pm1_event_bytes = fadt[88];
        a->pm_timer_32bit = flags & (1u << 8);
    }
    if (bytes >= 129 && flags & (1u << 10)) {
        memcpy(&a->reset, fadt + 116, sizeof a->reset);
        a->reset_value = fadt[128];
        a->reset_supported = true;
    }
    if (bytes >= 148 && get64(fadt + 140))
        a->dsdt = get64(fadt + 140);
    if (bytes >= 256 && a->hardware_reduced)
        memcpy(&a->sleep_control, fadt + 244, sizeof a->sleep_control);
}

static void read_table(uint64_t paddr)
{
    struct acpi_info *a = &x86_acpi_info;
    uint32_t bytes;
    const uint8_t *table = table_map(paddr, true, &bytes);
    if (!table)
        return;
    if (memcmp(table, "APIC", 4) == 0) {
        read_madt(table, bytes);
    } else if (memcmp(table, "FACP", 4) == 0) {
        read_fadt(table, bytes);
    } else if (memcmp(table, "HPET", 4) == 0 && bytes >= 56 && table[40] == 0) {
        a->hpet = get64(table + 44);
    } else if (memcmp(table, "MCFG", 4) == 0 && bytes >= 60 && get16(table + 52) == 0) {
        a->ecam = get64(table + 44);
        a->ecam_bus_first = table[54];
        a->ecam_bus_last = table[55];
    }
}

void x86_acpi_init(void)
{
    struct acpi_info *a = &x86_acpi_info;
    a->cpu_count = 1;
    a->apic_ids[0] = x86_apic_id();
    for (unsigned i = 0; i < 16; i++)
        a->isa[i].gsi = i;

    const uint8_t *rsdp = find_rsdp();
    if (!rsdp)
        return;
    bool extended = rsdp[15] >= 2 && get64(rsdp + 24) != 0;
    unsigned width = extended ? 8 : 4;
    uint32_t bytes;
    const uint8_t *root = table_map(extended ? get64(rsdp + 24) : get32(rsdp + 16), true, &bytes);
    if (!root || memcmp(root, extended ? "XSDT" : "RSDT", 4) != 0)
        return;
    unsigned count = (bytes - HEADER_BYTES) / width;
    for (unsigned i = 0; i < count && i < TABLES_MAX; i++) {
        const uint8_t *entry = root + HEADER_BYTES + (size_t)i * width;
        read_table(extended ? get64(entry) : get32(entry));
    }
}

/* One integer of a package in AML: ZeroOp, OneOp, or a byte, word or dword constant. */
static bool aml_integer(const uint8_t **at, const uint8_t *end, uint32_t *out)
{
    const uint8_t *p = *at;
    unsigned size = 0;
    if (p >= end)
        return false;
    switch (*p++) {
    case 0x00:
        *out = 0;
        break;
    case 0x01:
        *out = 1;
        break;
    case 0x0a:
        size = 1;
        break;
    case 0x0b:
        size = 2;
        break;
    case 0x0c:
        size = 4;
        break;
    default:
        return false;
    }
    if ((size_t)(end - p) < size)
        return false;
    if (size) {
        *out = 0;
        memcpy(out, p, size);
    }
    *at = p + size;
    return true;
}

/* Sleep types of S5: Name(_S5, Package { a, b, ... }) in the DSDT, found by its bytes. */
bool x86_acpi_find_s5(uint8_t *type_a, uint8_t *type_b)
{
    uint32_t bytes;
    const uint8_t *table = table_map(x86_acpi_info.dsdt, false, &bytes);
    if (!table)
        return false;
    const uint8_t *end = table + bytes;
    for (const uint8_t *at = table + HEADER_BYTES + 1; at + 7 < end; at++) {
        if (memcmp(at, "_S5_", 4) != 0 || at[4] != 0x12 || (at[-1] != 0x08 && at[-1] != '\\'))
            continue;
        const uint8_t *p = at + 5;
        p += 1 + (*p >> 6); /* package length: 1 to 4 bytes */
        p++;                /* element count */
        uint32_t a, b;
        if (p < end && aml_integer(&p, end, &a)) {
            *type_a = a & 7;
            *type_b = aml_integer(&p, end, &b) ? b & 7 : *type_a;
            return true;
        }
    }
    return false;
}

/* Write a byte to a register that a table describes. */
void x86_acpi_write(const struct acpi_address *address, uint8_t value)
{
    enum { MEMORY = 0, IO_PORT = 1, PCI = 2 };
    if (address->space == IO_PORT && address->address <= 0xffff) {
        outb((uint16_t)address->address, value);
    } else if (address->space == MEMORY && address->address) {
        volatile uint8_t *at = hal_mmio_map(address->address, 1);
        if (at)
            *at = value;
    } else if (address->space == PCI) {
        uint64_t a = address->address; /* device, function, offset in 16-bit fields; bus 0 */
        outl(0xcf8, 1u << 31 | (uint32_t)(a >> 32 & 0x1f) << 11 | (uint32_t)(a >> 16 & 7) << 8 |
                        (uint32_t)(a & 0xfc));
        outb(0xcfc + (a & 3), value);
    }
}
