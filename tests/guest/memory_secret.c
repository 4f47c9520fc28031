/* SPDX-License-Identifier: MIT */
/* memfd_secret(2). */
#include "guest.h"

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

enum { PAGE = 4096 };

static int make(unsigned flags)
{
    int fd = (int)syscall(SYS_memfd_secret, flags);
    if (fd < 0 && errno == ENOSYS)
        skip("no secret memory here");
    return fd;
}

static void the_descriptor_is_for_mapping_only(void)
{
    FAILS(make(2), EINVAL);
    FAILS(make(O_NONBLOCK), EINVAL);
    int fd = (int)OK(make(O_CLOEXEC));
    EQ(OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    EQ(OK(fcntl(make(0), F_GETFD)), 0);
    char path[64], name[64] = {0}, c = 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    OK(readlink(path, name, sizeof(name) - 1));
    STR_EQ(name, "/secretmem (deleted)");
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_mode, S_IFREG | 0600);
    EQ(st.st_size, 0);
    FAILS(read(fd, &c, 1), EINVAL);
    FAILS(write(fd, &c, 1), EINVAL);
    FAILS(pread(fd, &c, 1, 0), ESPIPE);
    FAILS(lseek(fd, 0, SEEK_SET), ESPIPE);
    OK(ftruncate(fd, 2 * PAGE));
    FAILS(ftruncate(fd, PAGE), EINVAL); /* once */
    FAILS(ftruncate(fd, 2 * PAGE), EINVAL);
    OK(fstat(fd, &st));
    EQ(st.st_size, 2 * PAGE);
    FAILS(fallocate(fd, 0, 0, PAGE), EOPNOTSUPP);
    FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EINVAL);
    TRUE(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED);
    EQ(errno, EINVAL);
    TRUE(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED);
    EQ(errno, EPERM);
}

static char *map_secret(unsigned pages)
{
    int fd = (int)OK(make(0));
    OK(ftruncate(fd, pages * PAGE));
    char *at = mmap(NULL, pages * (size_t)PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TRUE(at != MAP_FAILED);
    OK(close(fd));
    return at;
}

static void the_program_and_its_calls_see_it(void)
{
    char *at = map_secret(2);
    int ends[2];
    char text[8] = {0};
    OK(pipe(ends));
    EQ(at[0], 0);
    strcpy(at, "hidden");
    EQ(write(ends[1], at, 6), 6);
    EQ(read(ends[0], text, 6), 6);
    STR_EQ(text, "hidden");
    pid_t child = (pid_t)OK(fork()); /* shared, as its mapping says */
    if (child == 0) {
        at[PAGE] = 'c';
        _exit(0);
    }
    CHILD_OK(child);
    EQ(at[PAGE], 'c');
    FAILS(madvise(at, PAGE, MADV_DONTNEED), EINVAL); /* locked */
    OK(munlock(at, PAGE));
    FAILS(madvise(at, PAGE, MADV_DONTNEED), EINVAL); /* for ever */
    FAILS(mprotect(at, PAGE, PROT_READ | PROT_EXEC), EACCES);
}

static void others_do_not_see_it(void)
{
    char *at = map_secret(1), c = '?';
    at[0] = 's';
    struct iovec local = {&c, 1}, remote = {at, 1};
    FAILS(syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0), EFAULT);
    FAILS(syscall(SYS_process_vm_writev, getpid(), &local, 1, &remote, 1, 0), EFAULT);
    int memory = (int)OK(open("/proc/self/mem", O_RDWR));
    FAILS(pread(memory, &c, 1, (off_t)(uintptr_t)at), EIO);
    EQ(c, '?');
    pid_t child = (pid_t)OK(fork());
    if (child == 0) {
        OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        _exit(0);
    }
    TRUE(WIFSTOPPED(WAIT(child)));
    errno = 0;
    EQ(ptrace(PTRACE_PEEKDATA, child, at, 0), -1);
    EQ(errno, EIO);
    FAILS(ptrace(PTRACE_POKEDATA, child, at, 0), EIO);
    OK(ptrace(PTRACE_CONT, child, 0, 0));
    CHILD_OK(child);
    EQ(at[0], 's');
}

static void touch_behind(void *at)
{
    ((volatile char *)at)[PAGE] = 1;
}

static void behind_the_end_is_a_bus_error(void)
{
    int fd = (int)OK(make(0));
    OK(ftruncate(fd, PAGE));
    char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TRUE(at != MAP_FAILED);
    at[0] = 1;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    EQ(WAIT(spawn(touch_behind, at)) & 0x7f, SIGBUS);
}

static void it_counts_as_locked(void)
{
    close((int)OK(make(0)));
    OK(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){4 * PAGE, 4 * PAGE}));
    if (getuid() == 0)
        OK(setresuid(1000, 1000, 1000));
    int fd = (int)OK(make(0));
    OK(ftruncate(fd, 8 * PAGE));
    TRUE(mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
    EQ(errno, EAGAIN);
    TRUE(mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
}

GUEST_MAIN(CASE(the_descriptor_is_for_mapping_only), CASE(the_program_and_its_calls_see_it),
           CASE(others_do_not_see_it), CASE(behind_the_end_is_a_bus_error),
           CASE(it_counts_as_locked))
