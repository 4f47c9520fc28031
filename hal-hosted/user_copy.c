/* SPDX-License-Identifier: MIT
 *
 * Copies between kernel and user memory (hal/aspace.h): walk the software page table of the active
 * address space and touch the frames in the RAM arena.
 *
 * While a copy uses translations, vcpu->copying is odd; hal_aspace_flush waits for it to change.
 * The store that makes it odd must be visible before the entries are read (xchg).
 *
 * User memory may be written by user code and by other vCPUs at any time; that is the guest's
 * business, so ThreadSanitizer sees only the kernel's side of a copy.
 */
#include <errno.h>
#include <string.h>

#include "hal-hosted/aspace_internal.h"
#include "hal-hosted/machine_internal.h"
#include "hal-hosted/sanitizer.h"

#if HOSTED_TSAN
#define NO_TSAN __attribute__((no_sanitize("thread")))
#else
#define NO_TSAN
#endif

static inline void copy_begin(struct vcpu *vcpu)
{
    if (vcpu->machine->boot.cpu_count > 1) {
        __atomic_exchange_n(&vcpu->copying, vcpu->copying + 1, __ATOMIC_SEQ_CST);
    }
}

static inline void copy_end(struct vcpu *vcpu)
{
    if (vcpu->machine->boot.cpu_count > 1) {
        __atomic_store_n(&vcpu->copying, vcpu->copying + 1, __ATOMIC_RELEASE);
    }
}

static inline void raw_copy(void *dst, const void *src, size_t bytes)
{
#if HOSTED_TSAN
    __asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(bytes) : : "memory");
#else
    memcpy(dst, src, bytes);
#endif
}

static inline void note_kernel_write(void *address, size_t bytes)
{
#if HOSTED_TSAN
    __tsan_write_range(address, (long)bytes);
#else
    (void)address;
    (void)bytes;
#endif
}

static inline void note_kernel_read(const void *address, size_t bytes)
{
#if HOSTED_TSAN
    __tsan_read_range((void *)address, (long)bytes);
#else
    (void)address;
    (void)bytes;
#endif
}

/* Where uaddr's byte lives in the arena if the page allows `prot`, else NULL. */
static inline char *translate(const struct hal_aspace *aspace, uint64_t uaddr, unsigned prot)
{
    uint64_t entry = aspace_entry(aspace, uaddr);

    if (!(entry & prot)) {
        return NULL;
    }
    return machine_pointer(aspace->machine, entry & ASPACE_FRAME_MASK) + uaddr % HAL_PAGE_SIZE;
}

/* Bytes from uaddr to the end of its page, at most `bytes`. */
static inline size_t page_part(uint64_t uaddr, size_t bytes)
{
    size_t part = HAL_PAGE_SIZE - uaddr % HAL_PAGE_SIZE;

    return part < bytes ? part : bytes;
}

static inline bool range_allowed(const struct vcpu *vcpu, uint64_t uaddr, size_t bytes)
{
    uint64_t limit = vcpu->machine->boot.user_addr_limit;

    return vcpu->aspace && uaddr <= limit && bytes <= limit - uaddr;
}

size_t hal_copy_from_user(void *dst, uint64_t uaddr, size_t bytes)
{
    struct vcpu *vcpu = vcpu_current();

    if (!range_allowed(vcpu, uaddr, bytes)) {
        return bytes;
    }
    copy_begin(vcpu);
    while (bytes > 0) {
        size_t part = page_part(uaddr, bytes);
        const char *src = translate(vcpu->aspace, uaddr, HAL_PROT_READ);

        if (!src) {
            break;
        }
        note_kernel_write(dst, part);
        raw_copy(dst, src, part);
        dst = (char *)dst + part;
        uaddr += part;
        bytes -= part;
    }
    copy_end(vcpu);
    return bytes;
}

size_t hal_copy_to_user(uint64_t uaddr, const void *src, size_t bytes)
{
    struct vcpu *vcpu = vcpu_current();

    if (!range_allowed(vcpu, uaddr, bytes)) {
        return bytes;
    }
    copy_begin(vcpu);
    while (bytes > 0) {
        size_t part = page_part(uaddr, bytes);
        char *dst = translate(vcpu->aspace, uaddr, HAL_PROT_WRITE);

        if (!dst) {
            break;
        }
        note_kernel_read(src, part);
        raw_copy(dst, src, part);
        src = (const char *)src + part;
        uaddr += part;
        bytes -= part;
    }
    copy_end(vcpu);
    return bytes;
}

static inline void raw_clear(char *dst, size_t bytes)
{
#if HOSTED_TSAN
    __asm__ volatile("rep stosb" : "+D"(dst), "+c"(bytes) : "a"(0) : "memory");
#else
    memset(dst, 0, bytes);
#endif
}

size_t hal_clear_user(uint64_t uaddr, size_t bytes)
{
    struct vcpu *vcpu = vcpu_current();

    if (!range_allowed(vcpu, uaddr, bytes)) {
        return bytes;
    }
    copy_begin(vcpu);
    while (bytes > 0) {
        size_t part = page_part(uaddr, bytes);
        char *dst = translate(vcpu->aspace, uaddr, HAL_PROT_WRITE);

        if (!dst) {
            break;
        }
        raw_clear(dst, part);
        uaddr += part;
        bytes -= part;
    }
    copy_end(vcpu);
    return bytes;
}

/* Bytes before the first NUL, at most `bytes`. */
NO_TSAN static inline size_t raw_string_length(const char *string, size_t bytes)
{
#if HOSTED_TSAN
    size_t left = bytes;

    while (left > 0 && *(const volatile char *)string) {
        string++;
        left--;
    }
    return bytes - left;
#else
    return strnlen(string, bytes);
#endif
}

size_t hal_copy_string_from_user(char *dst, uint64_t uaddr, size_t bytes)
{
    struct vcpu *vcpu = vcpu_current();
    uint64_t limit = vcpu->machine->boot.user_addr_limit;
    size_t copied = 0;
    bool ended = false;

    if (!vcpu->aspace || uaddr >= limit) {
        return 0;
    }
    if (bytes > limit - uaddr) {
        bytes = limit - uaddr;
    }
    copy_begin(vcpu);
    while (copied < bytes && !ended) {
        size_t part = page_part(uaddr + copied, bytes - copied);
        const char *src = translate(vcpu->aspace, uaddr + copied, HAL_PROT_READ);
        size_t length;

        if (!src) {
            break;
        }
        length = raw_string_length(src, part);
        ended = length < part;
        note_kernel_write(dst + copied, length + ended);
        raw_copy(dst + copied, src, length);
        copied += length;
        if (ended) {
            dst[copied++] = '\0'; /* not copied: the user may have changed it meanwhile */
        }
    }
    copy_end(vcpu);
    return copied;
}

static inline uint32_t *translate_word(struct vcpu *vcpu, uint64_t uaddr, unsigned prot)
{
    if (uaddr % sizeof(uint32_t) || !range_allowed(vcpu, uaddr, sizeof(uint32_t))) {
        return NULL;
    }
    return (uint32_t *)translate(vcpu->aspace, uaddr, prot);
}

int hal_user_load32(uint64_t uaddr, uint32_t *out)
{
    struct vcpu *vcpu = vcpu_current();
    uint32_t *word;

    copy_begin(vcpu);
    word = translate_word(vcpu, uaddr, HAL_PROT_READ);
    if (word) {
        *out = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    }
    copy_end(vcpu);
    return word ? 0 : -EFAULT;
}

int hal_user_cmpxchg32(uint64_t uaddr, uint32_t expected, uint32_t desired, uint32_t *out_old)
{
    struct vcpu *vcpu = vcpu_current();
    uint32_t *word;

    copy_begin(vcpu);
    word = translate_word(vcpu, uaddr, HAL_PROT_WRITE);
    if (word) {
        __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        *out_old = expected;
    }
    copy_end(vcpu);
    return word ? 0 : -EFAULT;
}
