/* SPDX-License-Identifier: MIT
 *
 * Objects to point to. Each has pages of its own and ends where they end; a hole follows, so that
 * whoever reads or writes too much gets EFAULT.
 */
#include "tests/arguments/arguments.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SLOTS = 24,
    SLOT_BYTES = 16 << 10,
    SLOT_STRIDE = 32 << 10,
    OUT_PATTERN = 0xa5,
};
#define SLOTS_BASE 0x100000000l

struct slot {
    long address; /* where the object begins now */
    size_t size;
    bool bad; /* moved, or not accessible */
};

static struct slot slots[SLOTS];
static unsigned slots_used;
static char snapshots[SLOTS][SLOT_BYTES];

static long slot_start(unsigned i)
{
    return SLOTS_BASE + (long)i * SLOT_STRIDE;
}

void objects_reserve(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (mmap((void *)slot_start(i), SLOT_BYTES, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            _exit(2);
    }
}

static long slot_take(size_t size)
{
    if (slots_used == SLOTS || size > SLOT_BYTES)
        _exit(3);
    struct slot *slot = &slots[slots_used];
    slot->address = slot_start(slots_used) + SLOT_BYTES - (long)size;
    slot->size = size;
    slot->bad = false;
    slots_used++;
    return slot->address;
}

long object(const void *bytes, size_t size)
{
    long address = slot_take(size);
    memcpy((void *)address, bytes, size);
    return address;
}

long object_out(size_t size)
{
    long address = slot_take(size);
    memset((void *)address, OUT_PATTERN, size);
    return address;
}

static struct slot *slot_find(long address)
{
    for (unsigned i = 0; i < slots_used; i++) {
        if (slots[i].address == address)
            return &slots[i];
    }
    return NULL;
}

long object_straddle(long address)
{
    struct slot *slot = slot_find(address);
    if (!slot)
        return 0;
    long half = (long)slot->size - (long)slot->size / 2;
    memmove((void *)(address + half), (void *)address, slot->size - (size_t)half);
    slot->address += half;
    slot->bad = true;
    return slot->address;
}

bool object_protect(long address, int protection)
{
    struct slot *slot = slot_find(address);
    if (!slot)
        return false;
    slot->bad = !(protection & PROT_READ);
    return mprotect((void *)slot_start((unsigned)(slot - slots)), SLOT_BYTES, protection) == 0;
}

void objects_snapshot(void)
{
    for (unsigned i = 0; i < slots_used; i++) {
        if (!slots[i].bad)
            memcpy(snapshots[i], (void *)slots[i].address, slots[i].size);
    }
}

bool object_changed(long address)
{
    struct slot *slot = slot_find(address);
    return slot && !slot->bad && memcmp(snapshots[slot - slots], (void *)address, slot->size) != 0;
}

void objects_release(void)
{
    for (unsigned i = 0; i < slots_used; i++)
        mprotect((void *)slot_start(i), SLOT_BYTES, PROT_READ | PROT_WRITE);
    slots_used = 0;
}
