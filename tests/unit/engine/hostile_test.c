/* SPDX-License-Identifier: MIT
 *
 * Guests that attack the stub they run in. Whatever they do, the kernel goes on, other address
 * spaces go on, and nothing of the host is reached. And what happens to stubs when their kernel is
 * killed.
 */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hal-hosted/engine/stub/layout.h"
#include "hal/kernel_on.h"
#include "tests/unit/engine/engine_harness.h"

/* Every page of these guests is their own. */
int kernel_on_patch_page(uint64_t uaddr)
{
    (void)uaddr;
    return 0;
}

GUEST_PROGRAM(answer, "1: mov $42, %eax\nsyscall\njmp 1b");
GUEST_PROGRAM(jump_into_stub, "jmp *%r15");

/* Run with a time limit; the guest may be in an endless loop. */
static enum hal_stop run_limited(struct guest *guest, unsigned ms)
{
    enum hal_stop stop;
    unsigned timers = fake_cpu_this()->timers;

    hal_irq_disable();
    hal_timer_arm(hal_time_monotonic_ns() + ms * 1000000ull);
    hal_irq_enable();
    do {
        stop = hal_user_run(&guest->user, &guest->fault);
    } while (hal_stop_is_interrupt(stop) && fake_cpu_this()->timers == timers);
    return stop;
}

static void expect_bystander_lives(struct guest *bystander)
{
    hal_aspace_activate(bystander->aspace);
    expect_syscall(bystander, 42);
}

/* What a lane might be made to call: each number with arguments that would do harm. */
static const struct {
    uint64_t number, arguments[6];
} calls[] = {
    {202, {GUEST_DATA, 0, 0, 0, 0, 0}},               /* futex wait: for ever */
    {9, {0x500000, 4096, 7, 0x32, UINT64_MAX, 0}},    /* mmap anonymous */
    {9, {GUEST_DATA, 4096, 7, 0x11, STUB_FD_RAM, 0}}, /* mmap RAM */
    {10, {STUB_BASE, 8192, 7, 0, 0, 0}},              /* mprotect the stub */
    {10, {GUEST_CODE, 4096, 7, 0, 0, 0}},             /* mprotect guest code */
    {11, {STUB_BASE, 0x200000, 0, 0, 0, 0}},          /* munmap the stub */
    {56, {0x1111, 0, GUEST_DATA, 0, 0, 0}},           /* clone */
    {62, {UINT64_MAX, 9, 0, 0, 0, 0}},                /* kill everything */
    {231, {0, 0, 0, 0, 0, 0}},                        /* exit_group */
    {15, {0, 0, 0, 0, 0, 0}},                         /* rt_sigreturn */
};

/* The number of the attack is in the test's index: one machine for each call. */
static unsigned call_index;

static void jump_everywhere_body(void *argument)
{
    struct guest guest, bystander;
    unsigned deaths = 0;

    (void)argument;
    guest_create(&bystander, answer, answer_end);
    guest_create(&guest, jump_into_stub, jump_into_stub_end);
    for (unsigned offset = call_index; offset < STUB_CODE_SIZE; offset += 5) {
        struct hal_regs *regs = &guest.user.regs;
        enum hal_stop stop;

        hal_aspace_activate(guest.aspace);
        *regs = (struct hal_regs){
            .rip = GUEST_CODE,
            .rsp = offset % 16 ? GUEST_STACK - 8 : STUB_FRAMES + 0x800,
            .rflags = 0x202,
            .rax = calls[call_index].number,
            .rdi = calls[call_index].arguments[0],
            .rsi = calls[call_index].arguments[1],
            .rdx = calls[call_index].arguments[2],
            .r10 = calls[call_index].arguments[3],
            .r8 = calls[call_index].arguments[4],
            .r9 = calls[call_index].arguments[5],
            .rbx = STUB_FRAMES,
            .rbp = GUEST_DATA,
            .r12 = STUB_RING,
            .r13 = GUEST_DATA,
            .r15 = STUB_BASE + offset,
        };
        stop = run_limited(&guest, 3);
        if (stop == HAL_STOP_DEAD) {
            deaths++;
            guest_destroy(&guest);
            guest_create(&guest, jump_into_stub, jump_into_stub_end);
        }
        if (offset % 64 < 5) {
            expect_bystander_lives(&bystander);
        }
    }
    expect_bystander_lives(&bystander);
    EXPECT(deaths < STUB_CODE_SIZE / 6); /* most of them are plain faults */
    guest_destroy(&guest);
    guest_destroy(&bystander);
}

START_TEST(jumping_anywhere_into_the_stub_harms_only_the_guest)
{
    call_index = _i;
    ck_assert_int_eq(harness_run(1, jump_everywhere_body, NULL), 0);
}
END_TEST

GUEST_PROGRAM(probe, "mov (%rdi), %al\nmov $1, %eax\nsyscall");
GUEST_PROGRAM(poke, "movb $0x90, (%rdi)\nmov $1, %eax\nsyscall");

/* No system call of the above may have had an effect. */
static void no_effect_body(void *argument)
{
    static const uint64_t readonly[] = {STUB_BASE, STUB_BASE + 0x1000, STUB_CTL, STUB_RING,
                                        STUB_CTL + CTL_ACK};
    struct guest guest;
    enum hal_stop stop;
    uint64_t syscall_at = 0;

    (void)argument;
    guest_create(&guest, jump_into_stub, jump_into_stub_end);
    for (unsigned offset = 0; offset < STUB_CODE_SIZE; offset++) {
        guest.user.regs = (struct hal_regs){
            .rip = GUEST_CODE,
            .rsp = GUEST_STACK,
            .rflags = 0x202,
            .rax = 9,
            .rdi = 0x500000,
            .rsi = 4096,
            .rdx = 7,
            .r10 = 0x32,
            .r8 = UINT64_MAX,
            .r15 = STUB_BASE + offset,
        };
        stop = run_limited(&guest, 3);
        if (stop == HAL_STOP_DEAD) {
            guest_destroy(&guest);
            guest_create(&guest, jump_into_stub, jump_into_stub_end);
        } else if (stop == HAL_STOP_SYSCALL && guest.user.regs.rip == STUB_BASE + offset + 2) {
            syscall_at = STUB_BASE + offset; /* a system call instruction, and it has trapped */
            EXPECT_EQ(guest.user.regs.rax, 9);
            EXPECT_EQ(guest.user.regs.rdi, 0x500000);
            memcpy(page_pointer(guest.code) + 256, probe, (size_t)(probe_end - probe));
            guest.user.regs.rip = GUEST_CODE + 256;
            EXPECT_EQ(guest_run(&guest), HAL_STOP_FAULT);
            EXPECT_EQ(guest.fault.address, 0x500000);
        }
    }
    EXPECT(syscall_at != 0);
    guest_destroy(&guest);

    guest_create(&guest, poke, poke_end);
    for (unsigned i = 0; i < sizeof readonly / sizeof readonly[0]; i++) {
        guest.user.regs.rip = GUEST_CODE;
        guest.user.regs.rdi = readonly[i];
        expect_fault(&guest, HAL_VECTOR_PAGE);
        EXPECT_EQ(guest.fault.address, readonly[i]);
        EXPECT_EQ(guest.fault.error, HAL_PF_USER | HAL_PF_WRITE);
    }
    guest_destroy(&guest);
}

START_TEST(stub_calls_by_the_guest_have_no_effect)
{
    ck_assert_int_eq(harness_run(1, no_effect_body, NULL), 0);
}
END_TEST

/* A guest that returns from a forged signal frame with all signals blocked, then loops, faults or
 * makes a system call. rbx: address of the stub's rt_sigreturn; the frame is at rsp. */
GUEST_PROGRAM(forge, "mov (%rsp), %rax\nmov $15, %eax\njmp *%rbx\n");
GUEST_PROGRAM(loop_forever, "1: jmp 1b");
GUEST_PROGRAM(fault_now, "ud2");

/* Where "mov $15, %eax; syscall" is in the stub: found as the guest could find it. */
extern const char stub_image[STUB_CODE_SIZE];

static uint64_t find_sigreturn(void)
{
    static const unsigned char pattern[] = {0xb8, 15, 0, 0, 0, 0x0f, 0x05};

    for (const char *at = stub_image; at < stub_image + STUB_CODE_SIZE - sizeof pattern; at++) {
        if (memcmp(at, pattern, sizeof pattern) == 0) {
            return STUB_BASE + (uint64_t)(at - stub_image);
        }
    }
    return 0;
}

static void forged_mask_body(void *argument)
{
    static const struct {
        const char *code, *end;
    } afterwards[] = {
        {loop_forever, loop_forever_end}, {fault_now, fault_now_end}, {answer, answer_end}};
    struct guest guest, bystander;
    uint64_t start = hal_time_monotonic_ns();

    (void)argument;
    EXPECT(find_sigreturn() != 0);
    guest_create(&bystander, answer, answer_end);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t *frame; /* ucontext: flags, link, stack, registers, mask */

        guest_create(&guest, forge, forge_end);
        memcpy(page_pointer(guest.code) + 512, afterwards[i].code,
               (size_t)(afterwards[i].end - afterwards[i].code));
        frame = page_pointer(guest.data);
        frame[5 + 15] = GUEST_STACK;      /* rsp */
        frame[5 + 16] = GUEST_CODE + 512; /* rip */
        frame[5 + 17] = 0x202;            /* rflags */
        frame[5 + 18] = 0x2bull << 48 | 0x33;
        frame[5 + 23 + 9] = UINT64_MAX; /* mask, after no fpstate and 8 reserved words */
        guest.user.regs.rsp = GUEST_DATA;
        guest.user.regs.rbx = find_sigreturn() + 5;
        guest.user.regs.rax = 15;
        for (unsigned tries = 0; tries < 1000; tries++) { /* the host may be busy with others */
            if (!hal_stop_is_interrupt(run_limited(&guest, 3))) {
                break;
            }
        }
        EXPECT_EQ(guest_run(&guest), HAL_STOP_DEAD);
        hal_aspace_flush(guest.aspace);
        guest_destroy(&guest);
        expect_bystander_lives(&bystander);
    }
    EXPECT(hal_time_monotonic_ns() - start < 20000000000);
    guest_destroy(&bystander);
}

START_TEST(forged_signal_mask_kills_the_guest_only)
{
    if (harness_engine() == MACHINE_ENGINE_PTRACE) {
        return; /* there rt_sigreturn is a system call like any other */
    }
    ck_assert_int_eq(harness_run(1, forged_mask_body, NULL), 0);
}
END_TEST

/* A thread that keeps scribbling over the frame of the other thread's lane. */
GUEST_PROGRAM(scribble, "1: mov %rsi, %rcx\nmov %rdi, %rdx\n"
                        "2: mov %rax, (%rdx)\nadd $8, %rdx\n"
                        "imul $0x5851f42d, %rax, %rax\nadd $12345, %rax\ndec %rcx\njnz 2b\n"
                        "jmp 1b");

static struct guest guests[3];
static uint32_t stop_scribbling, scribbling_stopped;

static void scribble_cpu(void *argument, unsigned cpu)
{
    (void)argument;
    (void)cpu;
    hal_irq_enable();
    hal_aspace_activate(guests[1].aspace);
    while (!__atomic_load_n(&stop_scribbling, __ATOMIC_ACQUIRE)) {
        if (hal_user_run(&guests[1].user, &guests[1].fault) == HAL_STOP_DEAD) {
            break;
        }
    }
    __atomic_store_n(&scribbling_stopped, 1, __ATOMIC_RELEASE);
}

static void scribble_body(void *argument)
{
    (void)argument;
    guest_create(&guests[2], answer, answer_end);
    guest_create(&guests[0], answer, answer_end);
    guest_share(&guests[0], &guests[1]);
    memcpy(page_pointer(guests[0].code) + 512, scribble, (size_t)(scribble_end - scribble));
    guests[1].user.regs.rip = GUEST_CODE + 512;
    guests[1].user.regs.rdi = STUB_FRAMES;
    guests[1].user.regs.rsi = call_index ? 8 : STUB_FRAME_SIZE / 8;
    EXPECT_EQ(fake_cpu_start(1), 0);
    for (unsigned i = 0; i < 200; i++) {
        enum hal_stop stop;

        hal_aspace_activate(guests[0].aspace);
        stop = run_limited(&guests[0], 2);
        if (i % 16 == 0) {
            expect_bystander_lives(&guests[2]);
        }
        if (stop == HAL_STOP_DEAD) {
            break;
        }
        guests[0].user.regs.rip = GUEST_CODE;
        hal_user_fpu_sync(&guests[0].user);
    }
    __atomic_store_n(&stop_scribbling, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&scribbling_stopped, __ATOMIC_ACQUIRE)) {
        hal_cpu_send_ipi(1);
        hal_cpu_relax();
    }
    hal_user_exit(&guests[1].user);
    guest_destroy(&guests[0]);
    expect_bystander_lives(&guests[2]);
    guest_destroy(&guests[2]);
}

START_TEST(scribbling_over_frames_harms_only_the_guest)
{
    call_index = _i;
    stop_scribbling = scribbling_stopped = 0;
    ck_assert_int_eq(harness_run(2, scribble_body, scribble_cpu), 0);
}
END_TEST

/* As soon as a new lane has told where its first signal frame is, another thread of the guest edits
 * that frame, so that the lane goes on in the guest's code, and there calls the host: it must be
 * filtered, or traced, by then. */
GUEST_PROGRAM(hijack, "incq (%rdx)\n"
                      "1: mov 24(%rdi), %rax\ntest %rax, %rax\njz 1b\n" /* FRAME_UCONTEXT */
                      "mov %rsi, 168(%rax)\n"                           /* uc_mcontext: rip */
                      "movl $1, (%rdi)\njmp 1b\n"                       /* FRAME_TURN: TURN_LANE */
                      ".balign 64\n"
                      "mov $85, %eax\nlea 8(%rdx), %rdi\nmov $0600, %esi\nsyscall\n" /* creat */
                      "2: jmp 2b\n"
                      ".balign 64\n"
                      "3: jmp 3b");
enum { HIJACK_CALL = 64, HIJACK_SPIN = 128, HIJACK_MS = 50 };

static void hijacked_cpu(void *argument, unsigned cpu)
{
    (void)argument;
    (void)cpu;
    hal_irq_enable();
    hal_aspace_activate(guests[1].aspace);
    while (data_word(&guests[0], 0) == 0) {
        hal_cpu_relax();
    }
    while (!__atomic_load_n(&stop_scribbling, __ATOMIC_ACQUIRE)) {
        if (hal_user_run(&guests[1].user, &guests[1].fault) == HAL_STOP_DEAD) {
            break;
        }
    }
    __atomic_store_n(&scribbling_stopped, 1, __ATOMIC_RELEASE);
}

static char hijack_path[PATH_MAX];

static void hijack_body(void *argument)
{
    (void)argument;
    guest_create(&guests[0], hijack, hijack_end);
    guest_share(&guests[0], &guests[1]);
    strcpy(page_pointer(guests[0].data) + 8, hijack_path);
    guests[0].user.regs.rdi = STUB_FRAMES + STUB_FRAME_SIZE;
    guests[0].user.regs.rsi = GUEST_CODE + HIJACK_CALL;
    guests[0].user.regs.rdx = guests[1].user.regs.rdx = GUEST_DATA;
    guests[1].user.regs.rip = GUEST_CODE + HIJACK_SPIN; /* makes no call of its own */
    EXPECT_EQ(fake_cpu_start(1), 0);
    run_limited(&guests[0], HIJACK_MS);
    __atomic_store_n(&stop_scribbling, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&scribbling_stopped, __ATOMIC_ACQUIRE)) {
        hal_cpu_send_ipi(1);
        hal_cpu_relax();
    }
    hal_user_exit(&guests[1].user);
    guest_destroy(&guests[0]);
}

START_TEST(new_lane_cannot_be_hijacked_to_call_the_host)
{
    const char *folder = getenv("TEST_TMPDIR");
    snprintf(hijack_path, sizeof(hijack_path), "%s/escaped.%d", folder ? folder : "/tmp", getpid());
    stop_scribbling = scribbling_stopped = 0;
    ck_assert_int_eq(harness_run(2, hijack_body, hijacked_cpu), 0);
    bool escaped = access(hijack_path, F_OK) == 0;
    unlink(hijack_path);
    ck_assert(!escaped);
}
END_TEST

/* --- death --- */

enum { PROCESSES_MAX = 64 };

static int parent_of(int pid)
{
    char path[40], text[512], *at;
    int parent = -1;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    file = fopen(path, "r");
    if (!file) {
        return -1;
    }
    if (fgets(text, sizeof text, file) && (at = strrchr(text, ')')) != NULL) {
        char state;
        if (sscanf(at + 1, " %c %d", &state, &parent) != 2 || state == 'Z') {
            parent = -1;
        }
    }
    fclose(file);
    return parent;
}

/* All descendants of a process. */
static unsigned descendants(int of, int out[PROCESSES_MAX])
{
    unsigned count = 0;

    for (unsigned next = 0;; next++) {
        DIR *proc = opendir("/proc");
        const struct dirent *entry;
        ck_assert(proc != NULL);
        while ((entry = readdir(proc)) != NULL) {
            int pid = atoi(entry->d_name);
            if (pid > 0 && parent_of(pid) == of && count < PROCESSES_MAX) {
                out[count++] = pid;
            }
        }
        closedir(proc);
        if (next >= count) {
            return count;
        }
        of = out[next];
    }
}

static uint32_t *running;

static void until_killed_body(void *argument)
{
    struct guest first, second;

    (void)argument;
    guest_create(&first, answer, answer_end);
    expect_syscall(&first, 42);
    guest_create(&second, loop_forever, loop_forever_end);
    __atomic_store_n(running, 1, __ATOMIC_RELEASE);
    hal_user_run(&second.user, &second.fault); /* for ever */
}

START_TEST(killed_kernel_process_leaves_no_stub)
{
    static const struct timespec pause = {.tv_nsec = 10000000};
    int pids[PROCESSES_MAX], child;
    unsigned count;

    running = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(harness_run(1, until_killed_body, NULL));
    }
    for (int i = 0; !__atomic_load_n(running, __ATOMIC_ACQUIRE); i++) {
        ck_assert_int_lt(i, 2000);
        nanosleep(&pause, NULL);
    }
    nanosleep(&pause, NULL);
    count = descendants(child, pids);
    ck_assert_uint_ge(count, 5); /* zygote, two pagers, two lanes */
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    for (unsigned i = 0; i < count; i++) {
        for (int tries = 0; parent_of(pids[i]) >= 0; tries++) {
            ck_assert_msg(tries < 1000, "process %d is still there", pids[i]);
            nanosleep(&pause, NULL);
        }
    }
}
END_TEST

static void killed_stub_body(void *argument)
{
    struct guest guest, bystander;
    int pids[PROCESSES_MAX];
    unsigned count;

    (void)argument;
    guest_create(&bystander, answer, answer_end);
    expect_syscall(&bystander, 42);
    guest_create(&guest, answer, answer_end);
    expect_syscall(&guest, 42);
    count = descendants(getpid(), pids);
    for (unsigned i = 0; i < count; i++) {
        if (parent_of(pids[i]) != getpid()) { /* spare the zygote */
            kill(pids[i], SIGKILL);
        }
    }
    EXPECT_EQ(guest_run(&guest), HAL_STOP_DEAD);
    hal_aspace_unmap(guest.aspace, GUEST_DATA, 1);
    hal_aspace_flush(guest.aspace);
    hal_aspace_activate(bystander.aspace);
    EXPECT_EQ(guest_run(&bystander), HAL_STOP_DEAD);
    guest_destroy(&guest);
    guest_destroy(&bystander);
    guest_create(&guest, answer, answer_end);
    expect_syscall(&guest, 42);
    guest_destroy(&guest);
}

START_TEST(killed_stub_is_reported_and_replaced)
{
    ck_assert_int_eq(harness_run(1, killed_stub_body, NULL), 0);
}
END_TEST

START_TEST(unprivileged_user_can_run_guests)
{
    if (getuid() == 0 && setgid(65534) == 0) { /* refused where there is no such user */
        ck_assert_int_eq(setuid(65534), 0);
    }
    ck_assert_int_eq(harness_run(1, killed_stub_body, NULL), 0);
}
END_TEST

static void add_tests(TCase *cases)
{
    tcase_add_loop_test(cases, jumping_anywhere_into_the_stub_harms_only_the_guest, 0,
                        sizeof calls / sizeof calls[0]);
    tcase_add_test(cases, stub_calls_by_the_guest_have_no_effect);
    tcase_add_test(cases, forged_signal_mask_kills_the_guest_only);
    tcase_add_loop_test(cases, scribbling_over_frames_harms_only_the_guest, 0, 2);
    tcase_add_loop_test(cases, new_lane_cannot_be_hijacked_to_call_the_host, 0, 5);
    tcase_add_test(cases, killed_kernel_process_leaves_no_stub);
    tcase_add_test(cases, killed_stub_is_reported_and_replaced);
    tcase_add_test(cases, unprivileged_user_can_run_guests);
}

int main(int argc, char **argv)
{
    (void)argc;
    return harness_main(argv, "hostile", add_tests);
}
