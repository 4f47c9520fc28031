/* SPDX-License-Identifier: MIT
 *
 * Probing an address without dying; for tests that include guest.h or memory_check.h.
 */
#ifndef TESTS_GUEST_MEMORY_PROBE_H
#define TESTS_GUEST_MEMORY_PROBE_H

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static sigjmp_buf probe_env;
static volatile sig_atomic_t probe_signal, probe_code;
static void *volatile probe_address;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    probe_signal = signal;
    probe_code = info->si_code;
    probe_address = info->si_addr;
    siglongjmp(probe_env, 1);
}

static inline void catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    OK(sigaction(SIGSEGV, &action, NULL));
    OK(sigaction(SIGBUS, &action, NULL));
}

/* 0, or the signal that the access brings. */
static inline int read_signal(const volatile char *address)
{
    if (sigsetjmp(probe_env, 0))
        return probe_signal;
    (void)*address;
    return 0;
}

static inline int write_signal(volatile char *address, char value)
{
    if (sigsetjmp(probe_env, 0))
        return probe_signal;
    *address = value;
    return 0;
}

/* An access that must fail: its signal, code and address. */
#define FAULTS(access, signal_, code_, address_)                                                   \
    do {                                                                                           \
        EQ(access, signal_);                                                                       \
        EQ(probe_code, code_);                                                                     \
        EQ((uintptr_t)probe_address, (uintptr_t)(address_));                                       \
    } while (0)

static inline char *map_at(void *address, size_t pages, int prot, int flags)
{
    return (char *)OK(mmap(address, pages * PAGE, prot, flags, -1, 0));
}

/* `pages` free pages of address space, for tests that need to know what is around. */
static inline char *free_area(size_t pages)
{
    char *area = map_at(NULL, pages, PROT_NONE, ANON | MAP_NORESERVE);
    OK(munmap(area, pages * PAGE));
    return area;
}

/* A figure of /proc/self/status in KiB, by its name. */
static inline long status_kib(const char *name)
{
    char line[256];
    size_t length = strlen(name);
    long value = -1;
    FILE *status = fopen("/proc/self/status", "r");
    TRUE(status != NULL);
    while (fgets(line, sizeof(line), status))
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            value = atol(line + length + 1);
    fclose(status);
    return value;
}

#endif
