/* SPDX-License-Identifier: MIT
 *
 * Reads what the loader left in memory (PVH start info, Multiboot2 information) into x86_boot_info,
 * so that nothing of it has to be preserved. Runs on the tables of entry.S: only the first 4 GiB
 * can be seen, one to one. Xen PVH boot ABI; Multiboot2 specification 2.0, section 3.6.
 */
#include "hal-baremetal/baremetal.h"

struct boot_info x86_boot_info;

struct pvh_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, cmdline, rsdp, memory_map;
    uint32_t memory_map_count, reserved;
};

struct pvh_module {
    uint64_t paddr, bytes, cmdline, reserved;
};

struct memory_map_entry { /* the same in both protocols */
    uint64_t address, bytes;
    uint32_t type, reserved;
};

enum { PVH_MAGIC = 0x336ec578, MEMORY_USABLE = 1 };

static bool visible(uint64_t paddr, uint64_t bytes)
{
    const uint64_t limit = 1ull << 32;
    return paddr != 0 && paddr < limit && bytes <= limit - paddr;
}

static void add_memory(uint64_t address, uint64_t bytes, uint32_t type)
{
    struct boot_info *b = &x86_boot_info;
    uint64_t end = address + bytes;
    if (bytes == 0 || end < address)
        return;
    if (type == MEMORY_USABLE) {
        if (b->usable_count < BOOT_RANGES_MAX)
            b->usable[b->usable_count++] = (struct phys_range){address, end};
    } else if (b->unusable_count < BOOT_RANGES_MAX) {
        b->unusable[b->unusable_count++] = (struct phys_range){address, end};
    }
}

static void copy_cmdline(uint64_t paddr)
{
    if (!visible(paddr, sizeof x86_boot_info.cmdline))
        return;
    const char *text = (const char *)paddr;
    size_t n = 0;
    while (n < sizeof x86_boot_info.cmdline - 1 && text[n] != 0) {
        x86_boot_info.cmdline[n] = text[n];
        n++;
    }
    x86_boot_info.cmdline[n] = 0;
}

static void add_module(uint64_t start, uint64_t bytes)
{
    if (x86_boot_info.initrd.end == 0 && bytes != 0 && start + bytes > start)
        x86_boot_info.initrd = (struct phys_range){start, start + bytes};
}

static void read_pvh(uint64_t info)
{
    if (!visible(info, sizeof(struct pvh_start_info)))
        x86_boot_panic("no start info");
    const struct pvh_start_info *start = (const struct pvh_start_info *)info;
    if (start->magic != PVH_MAGIC)
        x86_boot_panic("bad start info");
    if (start->version >= 1 && visible(start->memory_map, (uint64_t)start->memory_map_count * 24)) {
        const struct memory_map_entry *map = (const struct memory_map_entry *)start->memory_map;
        for (uint32_t i = 0; i < start->memory_map_count; i++)
            add_memory(map[i].address, map[i].bytes, map[i].type);
    }
    if (start->module_count > 0 && visible(start->modules, sizeof(struct pvh_module))) {
        const struct pvh_module *module = (const struct pvh_module *)start->modules;
        add_module(module->paddr, module->bytes);
    }
    copy_cmdline(start->cmdline);
    x86_boot_info.rsdp = start->rsdp;
}

static void read_multiboot2_map(const uint8_t *tag, uint32_t tag_bytes)
{
    uint32_t entry_bytes;
    memcpy(&entry_bytes, tag + 8, 4);
    if (entry_bytes < sizeof(struct memory_map_entry))
        return;
    for (uint64_t at = 16; at + entry_bytes <= tag_bytes; at += entry_bytes) {
        struct memory_map_entry entry;
        memcpy(&entry, tag + at, sizeof entry);
        add_memory(entry.address, entry.bytes, entry.type);
    }
}

static void read_multiboot2(uint64_t info)
{
    enum {
        TAG_END = 0,
        TAG_CMDLINE = 1,
        TAG_MODULE = 3,
        TAG_MAP = 6,
        TAG_RSDP1 = 14,
        TAG_RSDP2 = 15
    };
    if (!visible(info, 8))
        x86_boot_panic("no boot information");
    uint32_t total = *(const uint32_t *)info;
    if (!visible(info, total))
        x86_boot_panic("bad boot information");
    for (uint64_t at = 8; at + 8 <= total;) {
        const uint8_t *tag = (const uint8_t *)(info + at);
        uint32_t type, bytes;
        memcpy(&type, tag, 4);
        memcpy(&bytes, tag + 4, 4);
        if (type == TAG_END || bytes < 8 || bytes > total - at)
            break;
        if (type == TAG_CMDLINE) {
            copy_cmdline((uint64_t)tag + 8);
        } else if (type == TAG_MODULE && bytes >= 16) {
            uint32_t range[2];
            memcpy(range, tag + 8, sizeof range);
            if (range[1] > range[0])
                add_module(range[0], range[1] - range[0]);
        } else if (type == TAG_MAP && bytes >= 16) {
            read_multiboot2_map(tag, bytes);
        } else if ((type == TAG_RSDP1 || type == TAG_RSDP2) && bytes - 8 >= 20) {
            uint32_t size = bytes - 8;
            if (size > sizeof x86_boot_info.rsdp_copy)
                size = sizeof x86_boot_info.rsdp_copy;
            memcpy(x86_boot_info.rsdp_copy, tag + 8, size);
            x86_boot_info.rsdp_copied = true;
        }
        at += (bytes + 7ull) & ~7ull;
    }
}

void x86_bootinfo_read(unsigned protocol, uint64_t info)
{
    if (protocol == BOOT_PVH)
        read_pvh(info);
    else
        read_multiboot2(info);
}
