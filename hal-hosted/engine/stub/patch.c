/* SPDX-License-Identifier: MIT
 *
 * Fast system calls: hot `syscall` instructions are replaced by jumps into the stub, which costs
 * no trap.
 *
 * A site is counted when it traps. When it is hot, the kernel is asked for a private copy of its
 * page (kernel_on_patch_page), and one of two replacements is made. Both jump through the stub's
 * table to the site's trampoline, which loads the return address into rcx and enters the stub.
 *
 *   near   0f 05                ->  eb xx         a short jump to padding behind the function's
 *          ...ret, padding          ff 24 25 ..   jmp *table[site]
 *          The padding is sure to be padding: from the call on, only instructions that are known
 *          lead to the return before it.
 *   load   b8 imm32 0f 05       ->  ff 24 25 ..   jmp *table[site]; the trampoline loads eax too
 *          Who jumps to the old system call, as the kernel does to restart one, finds byte 06 of
 *          the table's address, an invalid instruction, and the engine treats that as the call.
 *
 * Everything after the site stays in place, so return addresses are what they were. Lanes do not
 * run while a site changes. A forked child shares the page and gets the same table; exec starts
 * with an empty one.
 */
#include <stdlib.h>
#include <string.h>

#include "hal-hosted/engine/stub/stub_internal.h"
#include "hal/kernel_on.h"

enum {
    HOT = 16, /* calls before a site is worth the copy of a page */
    JUMP_BYTES = 7,
    CALL_BYTES = 2,
    LOAD_BYTES = 5,
    CALL_SIGRETURN = 15, /* changes all registers, and debuggers know it by its bytes */
};

struct patch {
    unsigned start, landing; /* offsets in the page; near: of the short jump and the long one */
    unsigned after;
    uint32_t number;
    bool loads;
};

void stub_patch_count(struct lane *lane, struct hal_user *user)
{
    uint64_t after = user->regs.rip;
    struct lane_hit *hit = &lane->hits[(after ^ after >> 6) % LANE_HITS];

    if (hit->after != after) {
        *hit = (struct lane_hit){.after = after, .count = 1};
    } else if (++hit->count == HOT) {
        user->priv[STUB_USER_PATCH] = after;
        user->priv[STUB_USER_PATCH_NUMBER] = user->regs.rax;
    }
}

/* --- what can be replaced --- */

/* Length of the no-operation instruction at code, 0 if it is none. */
static unsigned nop_length(const uint8_t *code, const uint8_t *end)
{
    static const uint8_t operand_bytes[] = {
        [0x00] = 0, [0x40] = 1, [0x44] = 2, [0x80] = 4, [0x84] = 5};
    const uint8_t *at = code;

    while (at < end && (*at == 0x66 || *at == 0x2e)) {
        at++;
    }
    if (at < end && *at == 0x90) {
        return (unsigned)(at + 1 - code);
    }
    if (at == code && at < end && *at == 0xcc) {
        return 1;
    }
    if (end - at >= 3 && at[0] == 0x0f && at[1] == 0x1f && at[2] < sizeof operand_bytes &&
        (at[2] == 0 || operand_bytes[at[2]])) {
        at += 3 + operand_bytes[at[2]];
        return at <= end ? (unsigned)(at - code) : 0;
    }
    return 0;
}

/* Length of the instruction at code if it is one of those by which a C library stores errno and
 * returns -1; 0 if it is none. */
static unsigned errno_length(const uint8_t *code, const uint8_t *end)
{
    static const struct {
        uint8_t mask[4], bytes[4], compared, length;
    } known[] = {
        {{0xff, 0xff, 0xf8}, {0x48, 0xc7, 0xc0}, 3, 7}, /* mov $imm32, %reg */
        {{0xff, 0xff, 0xc7}, {0x48, 0x8b, 0x05}, 3, 7}, /* mov disp32(%rip), %reg */
        {{0xff, 0xff, 0xc6}, {0x64, 0x89, 0x00}, 3, 3}, /* mov %reg, %fs:(%rax or %rcx) */
        {{0xff, 0xff, 0xc7}, {0x64, 0x89, 0x02}, 3, 3}, /* mov %reg, %fs:(%rdx) */
        {{0xff, 0xff}, {0xf7, 0xd8}, 2, 2},             /* neg %eax */
        {{0xff, 0xff, 0xff, 0xff}, {0x48, 0x83, 0xc8, 0xff}, 4, 4}, /* or $-1, %rax */
        {{0xff}, {0xb8}, 1, 5},                                     /* mov $imm32, %eax */
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        bool same = (size_t)(end - code) >= known[i].length;
        for (size_t at = 0; same && at < known[i].compared; at++) {
            same = (code[at] & known[i].mask[at]) == known[i].bytes[at];
        }
        if (same) {
            return known[i].length;
        }
    }
    return 0;
}

/* The padding after the return that follows the system call; NULL if there is none or not enough,
 * or something unknown comes before. Between the two the function's error path may stand, if the
 * branch over the return leads to it. */
static const uint8_t *find_padding(const uint8_t *code, const uint8_t *end)
{
    const uint8_t *error_path = NULL;
    static const uint8_t compare[] = {0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff};   /* cmp $-4096, %rax */
    static const uint8_t compare_1[] = {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}; /* cmp $-4095, %rax */
    const uint8_t *padding;

    if (end - code > 16 && (memcmp(code, compare, sizeof compare) == 0 ||
                            memcmp(code, compare_1, sizeof compare_1) == 0)) {
        code += sizeof compare;
        if (code[0] == 0x77 || code[0] == 0x73) { /* ja, jae */
            code += 2;
            error_path = code + (int8_t)code[-1];
        } else if (code[0] == 0x0f && (code[1] == 0x87 || code[1] == 0x83)) {
            code += 6;
        }
    }
    if (code >= end || *code != 0xc3) {
        return NULL;
    }
    padding = ++code;
    if (code == error_path) {
        unsigned length;
        while ((length = errno_length(code, end)) != 0) {
            code += length;
        }
        if (code > error_path) {
            if (code >= end || *code != 0xc3) {
                return NULL;
            }
            padding = ++code;
        }
    }
    while (code - padding < JUMP_BYTES) {
        unsigned length = nop_length(code, end);
        if (!length) {
            return NULL;
        }
        code += length;
    }
    return padding;
}

/* Prefixes that would make "mov $imm, %eax" part of something else. */
static bool is_prefix(uint8_t byte)
{
    return (byte & 0xf0) == 0x40 || byte == 0x66 || byte == 0x0f || byte == 0xf2 || byte == 0xf3;
}

static bool patch_find(const uint8_t *page, unsigned after, uint64_t number, struct patch *out)
{
    const uint8_t *end = page + HAL_PAGE_SIZE, *call = page + after - CALL_BYTES, *padding;
    uint32_t loaded;

    if (after < CALL_BYTES || call[0] != 0x0f || call[1] != 0x05 || number == CALL_SIGRETURN) {
        return false;
    }
    *out = (struct patch){.after = after, .number = (uint32_t)number};
    padding = find_padding(page + after, end);
    if (padding && padding - (page + after) <= INT8_MAX) {
        out->start = after - CALL_BYTES;
        out->landing = (unsigned)(padding - page);
        return true;
    }
    if (after < JUMP_BYTES + 1 || page[after - JUMP_BYTES] != 0xb8 ||
        is_prefix(page[after - JUMP_BYTES - 1])) {
        return false;
    }
    memcpy(&loaded, page + after - LOAD_BYTES - CALL_BYTES + 1, sizeof loaded);
    out->start = out->landing = after - JUMP_BYTES;
    out->loads = true;
    return loaded == number;
}

/* --- sites --- */

static char *slot_table(const struct stub *stub)
{
    return (char *)stub->ctl + SLOT_TABLE;
}

static uint8_t *slot_trampoline(const struct stub *stub, unsigned site)
{
    return (uint8_t *)stub->ctl + SLOT_TRAMPOLINES + (size_t)site * STUB_TRAMPOLINE_SIZE;
}

static uint64_t trampoline_address(unsigned site)
{
    return STUB_TRAMPOLINES + (uint64_t)site * STUB_TRAMPOLINE_SIZE;
}

/* [mov $number, %eax;] movabs $after, %rcx; jmp fast_entry */
static void trampoline_write(struct stub *stub, unsigned index)
{
    const struct stub_site *site = &stub->sites[index];
    uint8_t *code = slot_trampoline(stub, index), *at = code;
    uint64_t address = trampoline_address(index);
    int32_t distance;

    if (site->loads) {
        *at++ = 0xb8;
        memcpy(at, &site->number, 4);
        at += 4;
    }
    *at++ = 0x48;
    *at++ = 0xb9;
    memcpy(at, &site->after, 8);
    at += 8;
    *at++ = 0xe9;
    distance = (int32_t)(stub_labels[FAST_ENTRY] - (address + (uint64_t)(at + 4 - code)));
    memcpy(at, &distance, 4);
    __atomic_store_n((uint64_t *)slot_table(stub) + index, address, __ATOMIC_RELEASE);
}

/* The site's number, new or as before (the code may have been unmapped and mapped again); -1 if
 * there are too many. */
static int site_get_locked(struct stub *stub, const struct stub_site *site)
{
    unsigned index;

    if (!stub->sites) {
        stub->sites = calloc(STUB_SITES_MAX, sizeof *stub->sites);
        if (!stub->sites) {
            return -1;
        }
    }
    for (index = 0; index < stub->site_count; index++) {
        if (stub->sites[index].after == site->after && stub->sites[index].loads == site->loads &&
            stub->sites[index].number == site->number) {
            return (int)index;
        }
    }
    if (index == STUB_SITES_MAX) {
        return -1;
    }
    stub->sites[index] = *site;
    trampoline_write(stub, index);
    __atomic_store_n(&stub->site_count, index + 1, __ATOMIC_RELEASE);
    return (int)index;
}

static bool others_stand_still(struct stub *stub)
{
    for (unsigned i = 0; i < stub->sm->lane_count; i++) {
        if (__atomic_load_n(&stub->lanes[i].running, __ATOMIC_SEQ_CST)) {
            return false;
        }
    }
    return true;
}

static void patch_write(uint8_t *page, const struct patch *patch, int site)
{
    uint32_t slot = STUB_TABLE + (uint32_t)site * 8;
    uint8_t jump[JUMP_BYTES] = {0xff, 0x24, 0x25};

    memcpy(jump + 3, &slot, sizeof slot);
    memcpy(page + patch->landing, jump, sizeof jump);
    if (patch->landing != patch->start) {
        page[patch->start + 1] = (uint8_t)(patch->landing - patch->after);
        page[patch->start] = 0xeb;
    }
}

static uint8_t *page_at(struct hal_aspace *aspace, uint64_t uaddr)
{
    uint64_t entry = aspace_entry(aspace, uaddr);

    if (!(entry & HAL_PROT_EXEC)) {
        return NULL;
    }
    return (uint8_t *)machine_pointer(aspace->machine, entry & ASPACE_FRAME_MASK);
}

/* What to do about the user's hot call as its page is now; NULL for nothing. */
static uint8_t *patch_plan_locked(const struct hal_user *user, struct patch *out)
{
    uint64_t after = user->priv[STUB_USER_PATCH];
    uint8_t *page = page_at(user->aspace, after);

    if (!page ||
        !patch_find(page, after % HAL_PAGE_SIZE, user->priv[STUB_USER_PATCH_NUMBER], out)) {
        return NULL;
    }
    return page;
}

static void patch_make_locked(struct stub *stub, const struct hal_user *user)
{
    struct patch patch;
    uint8_t *page = patch_plan_locked(user, &patch);
    struct stub_site site = {.after = user->priv[STUB_USER_PATCH]};
    int index;

    if (page) {
        site.loads = patch.loads;
        site.number = patch.loads ? patch.number : 0;
        index = site_get_locked(stub, &site);
        if (index >= 0) {
            patch_write(page, &patch, index);
        }
    }
}

/* Before a run, in the user's context; may block in the kernel. */
void stub_patch_prepare(struct hal_user *user)
{
    struct stub *stub = user->aspace->engine;
    struct patch patch;
    bool worth;

    pthread_mutex_lock(&stub->lock);
    worth = patch_plan_locked(user, &patch) != NULL;
    pthread_mutex_unlock(&stub->lock);
    if (worth &&
        kernel_on_patch_page(user->priv[STUB_USER_PATCH] & ~(uint64_t)(HAL_PAGE_SIZE - 1)) == 0) {
        pthread_mutex_lock(&stub->lock);
        __atomic_store_n(&stub->patching, 1, __ATOMIC_SEQ_CST);
        if (others_stand_still(stub)) {
            patch_make_locked(stub, user);
        }
        __atomic_store_n(&stub->patching, 0, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&stub->lock);
    }
    user->priv[STUB_USER_PATCH] = 0;
}

/* --- traps on the way --- */

static void call_complete(struct hal_regs *regs, uint64_t after)
{
    regs->rip = regs->rcx = after;
    regs->r11 = regs->rflags;
}

/* An invalid instruction may be the second half of a patched "load" site. */
bool stub_patch_invalid(struct hal_aspace *aspace, struct hal_regs *regs)
{
    const struct stub *stub = aspace->engine;
    unsigned offset = regs->rip % HAL_PAGE_SIZE;
    const uint8_t *page = offset >= LOAD_BYTES ? page_at(aspace, regs->rip) : NULL;
    uint32_t slot;

    if (!page || offset > HAL_PAGE_SIZE - CALL_BYTES ||
        memcmp(page + offset - LOAD_BYTES, "\xff\x24\x25", 3) != 0) {
        return false;
    }
    memcpy(&slot, page + offset - LOAD_BYTES + 3, sizeof slot);
    slot = (slot - STUB_TABLE) / 8;
    if (slot >= __atomic_load_n(&stub->site_count, __ATOMIC_ACQUIRE) ||
        stub->sites[slot].after != regs->rip + CALL_BYTES) {
        return false;
    }
    call_complete(regs, regs->rip + CALL_BYTES);
    return true;
}

/* Stopped inside a trampoline. */
bool stub_patch_trampoline(struct stub *stub, struct hal_regs *regs)
{
    uint64_t index = (regs->rip - STUB_TRAMPOLINES) / STUB_TRAMPOLINE_SIZE;

    if (index >= __atomic_load_n(&stub->site_count, __ATOMIC_ACQUIRE)) {
        return false;
    }
    if (stub->sites[index].loads) {
        regs->rax = stub->sites[index].number;
    }
    call_complete(regs, stub->sites[index].after);
    return true;
}

/* --- life --- */

void stub_patch_fork(struct stub *child, struct stub *parent)
{
    pthread_mutex_lock(&parent->lock);
    if (parent->site_count) {
        child->sites = calloc(STUB_SITES_MAX, sizeof *child->sites);
        if (child->sites) {
            memcpy(child->sites, parent->sites, parent->site_count * sizeof *child->sites);
            memcpy(slot_trampoline(child, 0), slot_trampoline(parent, 0),
                   (size_t)parent->site_count * STUB_TRAMPOLINE_SIZE);
            memcpy(slot_table(child), slot_table(parent), (size_t)parent->site_count * 8);
            child->site_count = parent->site_count;
        } else {
            __atomic_store_n(&child->dead, 1, __ATOMIC_RELAXED); /* it could not run this code */
        }
    }
    pthread_mutex_unlock(&parent->lock);
}

void stub_patch_reset(struct stub *stub)
{
    memset(slot_trampoline(stub, 0), 0, (size_t)stub->site_count * STUB_TRAMPOLINE_SIZE);
    memset(slot_table(stub), 0, (size_t)stub->site_count * 8);
    free(stub->sites);
    stub->sites = NULL;
    stub->site_count = 0;
}
