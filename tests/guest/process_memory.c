/* SPDX-License-Identifier: MIT */
/* process_vm_readv(2), process_vm_writev(2), kcmp(2): looking into other processes. */
#include "guest.h"

#include <linux/kcmp.h>
#include <sys/mman.h>
#include <sys/uio.h>

static long read_from(pid_t pid, const struct iovec *local, unsigned long locals,
                      const struct iovec *remote, unsigned long remotes, unsigned long flags)
{
    return syscall(SYS_process_vm_readv, pid, local, locals, remote, remotes, flags);
}

static long write_to(pid_t pid, const struct iovec *local, unsigned long locals,
                     const struct iovec *remote, unsigned long remotes, unsigned long flags)
{
    return syscall(SYS_process_vm_writev, pid, local, locals, remote, remotes, flags);
}

static void sleep_on(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}

static void end_child(pid_t pid)
{
    OK(kill(pid, SIGKILL));
    EQ(WAIT(pid), SIGKILL);
}

static char *two_pages(void)
{
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(pages != MAP_FAILED);
    return pages;
}

static void scattered_memory_is_copied(void)
{
    char *pages = two_pages();
    strcpy(pages, "hello");
    strcpy(pages + 4090, "over the border");
    pid_t pid = spawn(sleep_on, NULL);
    memset(pages, 0, 8192);
    char a[3] = "", b[32] = "";
    struct iovec local[] = {{a, 2}, {b, sizeof(b)}};
    struct iovec remote[] = {{pages, 5}, {NULL, 0}, {pages + 4090, 15}};
    EQ(OK(read_from(pid, local, 2, remote, 3, 0)), 20);
    EQ(memcmp(a, "he", 2), 0);
    EQ(memcmp(b, "lloover the border", 18), 0);
    strcpy(b, "changed");
    local[0] = (struct iovec){b, 8};
    remote[0] = (struct iovec){pages + 100, 100};
    EQ(OK(write_to(pid, local, 1, remote, 1, 0)), 8);
    EQ(pages[100], 0);
    local[0] = (struct iovec){a, 3};
    EQ(OK(read_from(pid, local, 1, remote, 1, 0)), 3);
    EQ(memcmp(a, "cha", 3), 0);
    end_child(pid);
}

static void copies_end_at_what_is_not_there(void)
{
    char *pages = two_pages();
    memset(pages, 'x', 8192);
    OK(munmap(pages + 4096, 4096));
    pid_t pid = spawn(sleep_on, NULL);
    static char buffer[8192];
    struct iovec local = {buffer, sizeof(buffer)}, remote[] = {{pages, 4096}, {pages + 4096, 4096}};
    EQ(OK(read_from(pid, &local, 1, remote, 2, 0)), 4096);
    FAILS(read_from(pid, &local, 1, &remote[1], 1, 0), EFAULT);
    FAILS(write_to(pid, &local, 1, &remote[1], 1, 0), EFAULT);
    local.iov_base = BAD_POINTER;
    FAILS(read_from(pid, &local, 1, remote, 1, 0), EFAULT);
    end_child(pid);
}

static void protection_holds(void)
{
    char *pages = two_pages();
    OK(mprotect(pages, 4096, PROT_READ));
    OK(mprotect(pages + 4096, 4096, PROT_NONE));
    pid_t pid = spawn(sleep_on, NULL);
    char c = 'x';
    struct iovec local = {&c, 1}, remote = {pages, 1};
    FAILS(write_to(pid, &local, 1, &remote, 1, 0), EFAULT);
    EQ(OK(read_from(pid, &local, 1, &remote, 1, 0)), 1);
    remote.iov_base = pages + 4096;
    FAILS(read_from(pid, &local, 1, &remote, 1, 0), EFAULT);
    end_child(pid);
}

static void arguments_are_checked(void)
{
    char c;
    struct iovec local = {&c, 1}, remote = {&c, 1};
    pid_t self = getpid();
    FAILS(read_from(self, &local, 1, &remote, 1, 1), EINVAL);
    FAILS(read_from(self, &local, 1025, &remote, 1, 0), EINVAL);
    FAILS(read_from(self, &local, 1, &remote, 1025, 0), EINVAL);
    FAILS(read_from(0x3fffffff, &local, 1, &remote, 1, 0), ESRCH);
    FAILS(read_from(self, BAD_POINTER, 1, &remote, 1, 0), EFAULT);
    FAILS(read_from(self, &local, 1, BAD_POINTER, 1, 0), EFAULT);
    EQ(OK(read_from(self, &local, 1, &remote, 1, 0)), 1);
    EQ(OK(read_from(self, &local, 0, &remote, 1, 0)), 0);
    EQ(OK(read_from(self, &local, 1, &remote, 0, 0)), 0);
    remote.iov_len = (size_t)-1;
    FAILS(read_from(self, &local, 1, &remote, 1, 0), EINVAL);
}

static void try_as_somebody(void *argument)
{
    char c;
    struct iovec local = {&c, 1}, remote = {&c, 1};
    pid_t pid = *(pid_t *)argument;
    OK(setresgid(4711, 4711, 4711));
    OK(setresuid(4711, 4711, 4711));
    FAILS(read_from(pid, &local, 1, &remote, 1, 0), EPERM);
    FAILS(write_to(pid, &local, 1, &remote, 1, 0), EPERM);
    FAILS(syscall(SYS_kcmp, pid, getpid(), KCMP_VM, 0, 0), EPERM);
}

static void others_are_refused(void)
{
    if (geteuid() != 0)
        skip("needs root");
    pid_t pid = spawn(sleep_on, NULL);
    CHILD_OK(spawn(try_as_somebody, &pid));
    end_child(pid);
}

/* ---- kcmp ---- */

static long compare(pid_t a, pid_t b, int type, unsigned long x, unsigned long y)
{
    return syscall(SYS_kcmp, a, b, type, x, y);
}

static void files_are_compared(void)
{
    pid_t self = getpid();
    int fd = (int)OK(open("/dev/null", O_RDONLY)), same = (int)OK(dup(fd));
    int other = (int)OK(open("/dev/null", O_RDONLY));
    EQ(OK(compare(self, self, KCMP_FILE, (unsigned)fd, (unsigned)same)), 0);
    long less = OK(compare(self, self, KCMP_FILE, (unsigned)fd, (unsigned)other));
    long greater = OK(compare(self, self, KCMP_FILE, (unsigned)other, (unsigned)fd));
    TRUE(less != 0 && greater != 0 && less + greater == 3);
    FAILS(compare(self, self, KCMP_FILE, (unsigned)fd, 1000), EBADF);
    pid_t pid = spawn(sleep_on, NULL);
    EQ(OK(compare(self, pid, KCMP_FILE, (unsigned)fd, (unsigned)fd)), 0);
    end_child(pid);
}

static void processes_are_compared(void)
{
    pid_t self = getpid();
    pid_t pid = spawn(sleep_on, NULL);
    static const int own[] = {KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND};
    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        EQ(OK(compare(self, self, own[i], 0, 0)), 0);
        TRUE(OK(compare(self, pid, own[i], 0, 0)) != 0);
    }
    FAILS(compare(self, pid, 100, 0, 0), EINVAL);
    FAILS(compare(self, 0x3fffffff, KCMP_VM, 0, 0), ESRCH);
    end_child(pid);
}

GUEST_MAIN(CASE(scattered_memory_is_copied), CASE(copies_end_at_what_is_not_there),
           CASE(protection_holds), CASE(arguments_are_checked), CASE(others_are_refused),
           CASE(files_are_compared), CASE(processes_are_compared))
