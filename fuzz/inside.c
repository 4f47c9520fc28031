/* SPDX-License-Identifier: MIT
 *
 * One machine for the whole process (inside.h): boot, mark, and for each input restore and run.
 *
 * The machine's first program is a file that is never run: its task calls user_run where user code
 * would start. There it pauses for the mark; after that each input continues from the mark.
 */
#include "fuzz/inside.h"

#include <string.h>

#include "fuzz/stage.h"
#include "hal/user.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/ptrace.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/wait.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/syscalls.h"

#define USER_CODE 0x30000000ull /* where a call returns to; nothing is there */

static struct {
    struct task *job;
    void (*body)(const uint8_t *data, size_t size);
    const uint8_t *data;
    size_t size;
    void (*child)(void);
    int (*user)(struct hal_regs *regs, struct hal_fault *fault);
    void (*attach)(struct machine *machine);
    unsigned cpus;
    const char *failure; /* if the machine comes to a stop now */
} inside;

enum { JOIN_ROUNDS = 10000 };

/* ---- what the machine sees ---- */

static void job_main(void)
{
    const struct mm_map_request request = {
        .addr = FUZZ_USER_MEMORY,
        .bytes = FUZZ_USER_BYTES,
        .vma_flags = VMA_READ | VMA_WRITE | VMA_MAY_READ | VMA_MAY_WRITE | VMA_MAY_EXEC,
        .fixed = true,
    };
    uint64_t address;

    inside.job = current_task();
    sched_set_affinity(this_thread(), (struct cpu_mask){.bits = 1});
    if (mm_map(inside.job->thread.mm, &request, &address) < 0)
        fuzz_fail("no memory for the first program");
    stage_pause(STAGE_READY);
    inside.body(inside.data, inside.size);
    stage_pause(STAGE_DONE);
    fuzz_fail("continued after the end of an input");
}

static int user_run(struct hal_user *user, struct hal_fault *fault)
{
    if (!inside.job || current_task() == inside.job)
        job_main();
    if (inside.user)
        return inside.user(&user->regs, fault);
    if (inside.child)
        inside.child();
    FUZZ_CALL(SYS_exit_group, 0);
    return HAL_STOP_INTERRUPT;
}

/* ---- what the target sees ---- */

void fuzz_inside(void (*body)(const uint8_t *data, size_t size), const uint8_t *data, size_t size)
{
    static struct stage *stage;

    if (!stage) {
        const struct stage_config config = {
            .user_run = user_run, .attach = inside.attach, .cpus = inside.cpus};
        stage = stage_create(&config);
    }
    stage_restore(stage);
    inside.body = body;
    inside.data = data;
    inside.size = size;
    inside.child = NULL;
    inside.user = NULL;
    inside.failure = NULL;
    if (stage_resume(stage) != STAGE_DONE && inside.failure)
        fuzz_fail("%s", inside.failure);
}

void fuzz_attach(void (*attach)(struct machine *machine))
{
    inside.attach = attach;
}

void fuzz_cpus(unsigned cpus)
{
    inside.cpus = cpus;
}

void fuzz_user(int (*user)(struct hal_regs *regs, struct hal_fault *fault))
{
    inside.user = user;
}

int fuzz_user_call(struct hal_regs *regs, unsigned number)
{
    regs->rax = number;
    regs->rip = regs->rcx = USER_CODE + 2;
    regs->r11 = regs->rflags;
    return HAL_STOP_SYSCALL;
}

void fuzz_nap(void)
{
    sched_prepare_block(THREAD_UNINTERRUPTIBLE);
    sched_block_until(stage_now_ns() + 1000000);
    sched_finish_block();
}

void fuzz_join_children(const char *failure)
{
    inside.failure = failure;
    for (unsigned i = 0; i < JOIN_ROUNDS; i++) {
        const int64_t pid = FUZZ_CALL(SYS_wait4, -1, 0, __WALL, 0);
        if (pid == -ECHILD)
            break;
        if (pid > 0)
            FUZZ_CALL(SYS_ptrace, PTRACE_DETACH, pid, 0, 0); /* it may have stopped to exit */
        else
            fuzz_nap(); /* a tracer's own notifications keep it from blocking */
        if (i == JOIN_ROUNDS - 1)
            fuzz_fail("%s", failure);
    }
    inside.failure = NULL;
}

void fuzz_end_children(void)
{
    FUZZ_CALL(SYS_kill, -1, SIGKILL);
    fuzz_join_children("a task cannot be killed");
}

int fuzz_child(void (*child)(void))
{
    int status = -1;

    inside.child = child;
    int64_t pid = FUZZ_CALL(SYS_fork);
    if (pid < 0)
        return -1;
    while (FUZZ_CALL(SYS_wait4, pid, FUZZ_USER_MEMORY + FUZZ_USER_BYTES - 8, __WALL, 0) != pid) {
        /* A signal of its own: SIGCHLD of an earlier child, a timer. */
    }
    if (copy_from_user(&status, FUZZ_USER_MEMORY + FUZZ_USER_BYTES - 8, sizeof status))
        fuzz_fail("user memory is gone");
    return status;
}

void fuzz_put_user(uint64_t uaddr, const void *bytes, size_t count)
{
    if (copy_to_user(uaddr, bytes, count))
        fuzz_fail("no user memory at %#llx", (unsigned long long)uaddr);
}

void fuzz_get_user(void *bytes, uint64_t uaddr, size_t count)
{
    if (copy_from_user(bytes, uaddr, count))
        fuzz_fail("no user memory at %#llx", (unsigned long long)uaddr);
}

uint64_t fuzz_put_string(uint64_t uaddr, const char *text)
{
    fuzz_put_user(uaddr, text, strlen(text) + 1);
    return uaddr;
}

/* ---- input ---- */

static uint64_t take(struct fuzz_input *input, size_t bytes)
{
    uint64_t value = 0;
    size_t have = input->size < bytes ? input->size : bytes;

    memcpy(&value, input->data, have);
    input->data += have;
    input->size -= have;
    return value;
}

uint8_t fuzz_u8(struct fuzz_input *input)
{
    return (uint8_t)take(input, 1);
}

uint32_t fuzz_u32(struct fuzz_input *input)
{
    return (uint32_t)take(input, 4);
}

uint64_t fuzz_u64(struct fuzz_input *input)
{
    return take(input, 8);
}

size_t fuzz_bytes(struct fuzz_input *input, size_t max, const uint8_t **out)
{
    size_t count = fuzz_u8(input);

    count = count < max ? count : max;
    count = count < input->size ? count : input->size;
    *out = input->data;
    input->data += count;
    input->size -= count;
    return count;
}
