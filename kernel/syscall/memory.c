/* SPDX-License-Identifier: MIT
 *
 * Address space system calls: mmap(2), munmap(2), mprotect(2), mremap(2), remap_file_pages(2),
 * brk(2), madvise(2), mincore(2), msync(2), mlock(2) and friends, pkey_alloc(2).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/abi/mount.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

#define MAP_KNOWN                                                                                  \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE |            \
     MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |       \
     MAP_HUGETLB | MAP_UNINITIALIZED | ((unsigned)MAP_HUGE_MASK << MAP_HUGE_SHIFT))
#define READ_IMPLIES_EXEC 0x0400000u
#define MAP_32BIT_START 0x40000000ull
#define MAP_32BIT_END 0x80000000ull
enum { HUGE_2MB_LOG = 21, HUGE_1GB_LOG = 30 };

STATIC_ASSERT(PROT_READ == VMA_READ && PROT_WRITE == VMA_WRITE && PROT_EXEC == VMA_EXEC);

/* The caller's address space, with the privilege that decides about RLIMIT_MEMLOCK. */
static struct mm *current_mm(void)
{
    struct mm *mm = this_thread()->mm;
    mm->may_lock_all = capable(CAP_IPC_LOCK);
    mm->may_commit_reserve = capable(CAP_SYS_ADMIN);
    return mm;
}

static unsigned access_of(uint32_t prot)
{
    unsigned access = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
    if ((access & PROT_READ) && (current_task()->personality & READ_IMPLIES_EXEC))
        access |= PROT_EXEC;
    return access;
}

static unsigned vma_flags_of(uint32_t prot, uint32_t flags)
{
    unsigned type = flags & MAP_TYPE;
    return access_of(prot) | VMA_MAY_READ | VMA_MAY_WRITE | VMA_MAY_EXEC |
           (type == MAP_SHARED || type == MAP_SHARED_VALIDATE ? (unsigned)VMA_SHARED : 0) |
           (flags & MAP_GROWSDOWN ? (unsigned)VMA_GROWSDOWN : 0) |
           (flags & MAP_DENYWRITE ? (unsigned)VMA_IMAGE : 0) |
           (flags & MAP_LOCKED ? (unsigned)VMA_LOCKED : 0) |
           (flags & MAP_NORESERVE ? (unsigned)VMA_NORESERVE : 0);
}

/* Which flags go together; `file`: the mapping has one. */
static int check_map_flags(uint32_t flags, bool file)
{
    switch (flags & MAP_TYPE) {
    case MAP_PRIVATE:
        return file && (flags & MAP_GROWSDOWN) ? -EINVAL : 0;
    case MAP_SHARED:
        return flags & MAP_GROWSDOWN ? -EINVAL : 0;
    case MAP_SHARED_VALIDATE:
        if (!file || (flags & MAP_GROWSDOWN))
            return -EINVAL;
        return flags & ~(uint32_t)MAP_KNOWN ? -EOPNOTSUPP : 0;
    default:
        return -EINVAL;
    }
}

/* There is not one huge page: as on a Linux where none are set aside. */
static int refuse_huge(uint32_t flags)
{
    unsigned log = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;
    if (log != 0 && log != HUGE_2MB_LOG && log != HUGE_1GB_LOG)
        return -EINVAL;
    int error = check_map_flags(flags, true);
    return error ? error : -ENOMEM;
}

/* Do the pages exist that a file may ever have? */
static int check_offset(const struct file *file, const struct mm_map_request *request)
{
    uint64_t end, bytes = ALIGN_UP(request->bytes, (uint64_t)PAGE_SIZE);
    if (!S_ISREG(inode_mode(file->inode)) ||
        request->bytes > this_kernel()->boot->user_addr_limit) /* which fails for that reason */
        return 0;
    uint64_t max = (file->inode->sb->max_bytes - 1) & PAGE_MASK;
    if (bytes > max || add_overflows(request->page_offset, bytes >> PAGE_SHIFT, &end) ||
        end > max >> PAGE_SHIFT)
        return -EOVERFLOW;
    return 0;
}

static int64_t map(struct mm *mm, struct mm_map_request *request, uint32_t flags, struct file *file)
{
    uint64_t addr;
    int error = check_map_flags(flags, file != NULL);
    if (!error && (flags & MAP_LOCKED) && !mm->may_lock_all && mm->limit_memlock == 0)
        error = -EPERM;
    if (!error && file)
        error = check_offset(file, request);
    if (!error && file)
        error = vfs_mmap(file, request);
    if (!error)
        error = mm_map(mm, request, &addr);
    return error ? error : (int64_t)addr;
}

int64_t sys_mmap(uint64_t addr, uint64_t length, uint64_t all_prot, uint64_t all_flags, int fd,
                 int64_t offset)
{
    uint32_t prot = (uint32_t)all_prot, flags = (uint32_t)all_flags; /* others mean nothing */
    bool exact = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    struct mm_map_request request = {
        .addr = exact ? addr : ALIGN_DOWN(addr, (uint64_t)PAGE_SIZE),
        .bytes = length,
        .vma_flags = vma_flags_of(prot, flags),
        .fixed = flags & MAP_FIXED,
        .no_replace = flags & MAP_FIXED_NOREPLACE,
        .populate = (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE,
        .from = MAP_32BIT_START,
        .below = (flags & MAP_32BIT) && !exact ? MAP_32BIT_END : 0,
        .page_offset = (uint64_t)offset >> PAGE_SHIFT,
    };
    if (!IS_ALIGNED((uint64_t)offset, PAGE_SIZE))
        return -EINVAL;
    if (request.no_replace)
        request.fixed = true;
    if (flags & MAP_ANONYMOUS) {
        if (length == 0)
            return -EINVAL;
        return flags & MAP_HUGETLB ? refuse_huge(flags) : map(current_mm(), &request, flags, NULL);
    }
    struct fd_borrow borrow = fd_borrow(fd);
    if (!borrow.file)
        return -EBADF;
    /* READ_IMPLIES_EXEC is no reason to fail where nothing may be executed. */
    if (!(prot & PROT_EXEC) && (mount_flags(borrow.file->path.mount) & MS_NOEXEC))
        request.vma_flags &= ~(unsigned)VMA_EXEC;
    int64_t result = length == 0 || (flags & MAP_HUGETLB)
                         ? -EINVAL
                         : map(current_mm(), &request, flags, borrow.file);
    fd_release(borrow);
    return result;
}

int64_t sys_munmap(uint64_t addr, uint64_t length)
{
    return mm_unmap(this_thread()->mm, addr, length);
}

/* PROT_GROWSDOWN: the change reaches down to the start of the growing mapping. */
static int extend_down(struct mm *mm, uint64_t *addr, uint64_t *length)
{
    int error = 0;
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, *addr);
    if (!vma || vma->start >= *addr + *length) {
        error = -ENOMEM;
    } else if (!(vma->flags & VMA_GROWSDOWN)) {
        error = -EINVAL;
    } else {
        *length += *addr - vma->start;
        *addr = vma->start;
    }
    rwlock_read_unlock(&mm->lock);
    return error;
}

/* PROT_GROWSUP: no mapping grows up on this machine, but it has to be there to be told so. */
static int extend_up(struct mm *mm, uint64_t addr)
{
    rwlock_read_lock(&mm->lock);
    const struct vma *vma = mm_find_vma(mm, addr);
    int error = !vma || vma->start > addr ? -ENOMEM : -EINVAL;
    rwlock_read_unlock(&mm->lock);
    return error;
}

int64_t sys_mprotect(uint64_t addr, uint64_t length, uint64_t prot)
{
    struct mm *mm = this_thread()->mm;
    uint32_t grows = (uint32_t)prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || !IS_ALIGNED(addr, PAGE_SIZE))
        return -EINVAL;
    if (length == 0)
        return 0;
    length = ALIGN_UP(length, (uint64_t)PAGE_SIZE);
    if (addr + length <= addr)
        return -ENOMEM;
    if (prot &
        ~(uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP))
        return -EINVAL;
    if (grows == PROT_GROWSUP)
        return extend_up(mm, addr);
    int error = grows ? extend_down(mm, &addr, &length) : 0;
    return error ? error : mm_protect(mm, addr, length, access_of((uint32_t)prot));
}

int64_t sys_pkey_mprotect(uint64_t addr, uint64_t length, uint64_t prot, int key)
{
    return key == -1 ? sys_mprotect(addr, length, prot) : -EINVAL;
}

/* There are no protection keys: pkeys(7). */
int64_t sys_pkey_alloc(uint64_t flags, uint64_t rights)
{
    if (flags || (rights & ~(uint64_t)(PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE)))
        return -EINVAL;
    return -ENOSPC;
}

int64_t sys_pkey_free(int key)
{
    (void)key;
    return -EINVAL;
}

int64_t sys_mremap(uint64_t old, uint64_t old_size, uint64_t new_size, uint64_t flags, uint64_t new)
{
    uint64_t addr;
    if (flags > INT32_MAX)
        return -EINVAL;
    int error = mm_remap(current_mm(), old, old_size, new_size, (int)flags, new, &addr);
    return error ? error : (int64_t)addr;
}

int64_t sys_remap_file_pages(uint64_t addr, uint64_t size, uint64_t prot, uint64_t pgoff,
                             uint64_t flags)
{
    uint64_t end;
    if (prot || add_overflows(pgoff, size >> PAGE_SHIFT, &end))
        return -EINVAL;
    if (size <= this_kernel()->boot->user_addr_limit && end > (uint64_t)INT64_MAX >> PAGE_SHIFT)
        return -EOVERFLOW;
    return mm_remap_file_pages(current_mm(), addr, size, pgoff, !(flags & MAP_NONBLOCK));
}

int64_t sys_brk(uint64_t addr)
{
    return (int64_t)mm_brk(current_mm(), addr);
}

int64_t sys_madvise(uint64_t addr, uint64_t length, int advice)
{
    if ((advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE) && !capable(CAP_SYS_ADMIN))
        return -EPERM;
    return mm_advise(this_thread()->mm, addr, length, advice);
}

int64_t sys_mincore(uint64_t addr, uint64_t length, uint64_t vec)
{
    struct mm *mm = this_thread()->mm;
    uint64_t limit = this_kernel()->boot->user_addr_limit;
    unsigned char present[256];
    if (!IS_ALIGNED(addr, PAGE_SIZE))
        return -EINVAL;
    if (addr > limit || length > limit - addr)
        return -ENOMEM;
    uint64_t pages = DIV_ROUND_UP(length, (uint64_t)PAGE_SIZE);
    while (pages) {
        uint64_t part = MIN(pages, sizeof(present));
        int64_t found = mm_mincore(mm, addr, part * PAGE_SIZE, present);
        if (found < 0)
            return found;
        part = (uint64_t)found; /* up to a hole, where the next look fails */
        if (copy_to_user(vec, present, part))
            return -EFAULT;
        pages -= part;
        addr += part * PAGE_SIZE;
        vec += part;
    }
    return 0;
}

int64_t sys_msync(uint64_t addr, uint64_t length, uint32_t flags)
{
    return mm_sync(this_thread()->mm, addr, length, (int)flags);
}

int64_t sys_mlock(uint64_t addr, uint64_t length)
{
    return mm_lock(current_mm(), addr, length, true);
}

int64_t sys_mlock2(uint64_t addr, uint64_t length, uint32_t flags)
{
    if (flags & ~(uint32_t)MLOCK_ONFAULT)
        return -EINVAL;
    return flags ? mm_lock_on_fault(current_mm(), addr, length) : sys_mlock(addr, length);
}

int64_t sys_munlock(uint64_t addr, uint64_t length)
{
    return mm_lock(current_mm(), addr, length, false);
}

int64_t sys_mlockall(uint32_t flags)
{
    if (!flags || (flags & ~(uint32_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) ||
        flags == MCL_ONFAULT)
        return -EINVAL;
    return mm_lock_all(current_mm(), flags & MCL_CURRENT, flags & MCL_FUTURE, flags & MCL_ONFAULT);
}

int64_t sys_munlockall(void)
{
    return mm_lock_all(current_mm(), false, false, false);
}
