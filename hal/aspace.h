/* SPDX-License-Identifier: MIT
 *
 * User address spaces: page tables and the copies between kernel and user memory.
 *
 * The kernel's VMAs are the authority on what may be mapped; an aspace holds the translations
 * installed so far (hardware page tables, or a software table plus a host process that mirrors it).
 * The kernel serialises map/protect/unmap/destroy of one aspace by its mm lock; lookup and copies
 * may run at the same time as these from other CPUs. Tables are built from pages that the backend
 * takes with kernel_on_table_page_alloc and gives back with kernel_on_table_page_free.
 */
#ifndef HAL_ASPACE_H
#define HAL_ASPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hal_aspace;

enum hal_prot { HAL_PROT_READ = 1, HAL_PROT_WRITE = 2, HAL_PROT_EXEC = 4 };

/* New empty address space. 0 or -ENOMEM, -EAGAIN when the host refuses more processes. */
int hal_aspace_create(struct hal_aspace **out);

/* Free it; every page has been unmapped or is simply forgotten (the kernel owns the pages). No CPU
 * runs in it. */
void hal_aspace_destroy(struct hal_aspace *aspace);

/* Map `pages` pages at uaddr to physically contiguous frames from paddr on, replacing what was
 * there. prot 0 is not allowed (unmap instead). 0 or -ENOMEM (then nothing in the range may be
 * relied on; unmap it). Replacing or downgrading a live translation needs hal_aspace_flush before
 * the old frame is reused. */
int hal_aspace_map(struct hal_aspace *aspace, uint64_t uaddr, uint64_t paddr, size_t pages,
                   unsigned prot);

/* Remove translations in the range; holes are fine. */
void hal_aspace_unmap(struct hal_aspace *aspace, uint64_t uaddr, size_t pages);

/* Change the protection of existing translations in the range: for each present page the new
 * protection is prot, except that HAL_PROT_WRITE is given only where keep_readonly is false.
 * Holes are fine. prot 0 unmaps. */
void hal_aspace_protect(struct hal_aspace *aspace, uint64_t uaddr, size_t pages, unsigned prot,
                        bool keep_readonly);

/* Translation of one page: true and its frame and protection, or false. Any context. */
bool hal_aspace_lookup(struct hal_aspace *aspace, uint64_t uaddr, uint64_t *out_paddr,
                       unsigned *out_prot);

/* Wait until no CPU uses translations that unmap, protect or a replacing map removed before this
 * call (TLB shoot-down; in the hosted engine: until the host process has dropped them). After it
 * returns the frames may be reused. Thread context, interrupts enabled, may spin. */
void hal_aspace_flush(struct hal_aspace *aspace);

/* The child, still without user code, has got the parent's pages to share (fork). Called once, after
 * that, with both mm locks held: lets the backend carry over what it keeps about the pages' contents
 * (kernel_on_patch_page). */
void hal_aspace_fork(struct hal_aspace *child, struct hal_aspace *parent);

/* A cheaper hal_aspace_flush for frames that stay with their owners: when a write breaks
 * copy-on-write and the old frame lives on, when fork or mprotect only takes rights away. User code
 * that plays by the rules is done with the removed translations and rights when it next runs on this
 * CPU, and on other CPUs when this returns. User code that attacks its own host process may use them
 * until the next hal_aspace_flush; so that has to come before a frame goes to somebody else. */
void hal_aspace_flush_lazy(struct hal_aspace *aspace);

/* Make this the address space that the user copies of this CPU refer to; NULL for none (kernel
 * threads). Called by the scheduler on a switch, interrupts masked. */
void hal_aspace_activate(struct hal_aspace *aspace);

/* Copies to and from the *active* address space. They never fault the kernel: they return the
 * number of bytes NOT copied (0 is success), and on a shortfall everything before the failing page
 * has been copied. A range outside user_addr_limit copies nothing. They do not allocate or
 * resolve faults: the caller resolves the fault at uaddr + copied and tries again
 * (kernel/mm/uaccess.h does this). Any context. */
size_t hal_copy_from_user(void *dst, uint64_t uaddr, size_t bytes);
size_t hal_copy_to_user(uint64_t uaddr, const void *src, size_t bytes);
size_t hal_clear_user(uint64_t uaddr, size_t bytes);

/* Copy up to bytes, stopping after a NUL byte. Returns the number of bytes copied, the NUL
 * included; less than bytes and no NUL as the last byte copied means a fault at uaddr + result. */
size_t hal_copy_string_from_user(char *dst, uint64_t uaddr, size_t bytes);

/* Atomic accesses to an aligned 32-bit user word, sequentially consistent with user code and other
 * CPUs: 0, or -EFAULT if the page is not present or not writable. Any context. */
int hal_user_load32(uint64_t uaddr, uint32_t *out);
int hal_user_cmpxchg32(uint64_t uaddr, uint32_t expected, uint32_t desired, uint32_t *out_old);

#endif
