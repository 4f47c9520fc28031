/* SPDX-License-Identifier: MIT
 *
 * Running a program of system calls (run_program.h).
 *
 * Processes: init, the machine's first program (the supervisor), and below it the program's own:
 * lane 0, its thread lane 1, and its child lane 2, all made before the mark; tasks that the program
 * makes get the next lanes. They live in a file system of their own under /jail. When all calls are
 * made, or nothing can go on, the supervisor kills them, drops the file system, and compares.
 *
 * A task's user code is user_run: a machine whose instruction pointer tells the call. At call i it
 * stands at CODE + 2 * i; after the system call instruction at CODE + 2 * i + 2, as the kernel
 * expects when it restarts one. Handlers of signals do nothing but return.
 */
#include "fuzz/run_program.h"

#include <string.h>

#include "fuzz/errno_sets.h"
#include "fuzz/holdings.h"
#include "fuzz/inside.h"
#include "fuzz/jail.h"
#include "fuzz/print_program.h"
#include "fuzz/stage.h"
#include "hal/user.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/ipc.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/socket.h"
#include "kernel/abi/wait.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/string.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/syscalls.h"

enum {
    POLLS_MAX = 60,       /* of tasks that wait for their turn, before the program is over */
    STEPS_MAX = 4000,     /* calls, polls, signals altogether */
    ERRNO_USER_MAX = 133, /* EHWPOISON */
    SETTLE_ROUNDS = 20,
};
#define PROGRAM_LIMIT_NS (100ull * 1000000000u)

struct lane {
    struct task *task; /* compared, never followed */
    int tid;
    bool in_call;
    bool started;     /* has the program's credentials */
    bool outside;     /* the call reaches what outlives the program, if it succeeds */
    unsigned current; /* the call it is in */
    unsigned next;    /* calls before this one are not its business any more */
};

static struct {
    const struct program *program;
    const struct run_options *options;
    struct run_outcome *out;
    struct task *supervisor;
    struct lane lanes[PROGRAM_LANES];
    unsigned lane_count;
    unsigned polls, steps;
    uint64_t random;
    bool running, finished, killing, calibrating;
    bool escaped; /* the program has reached what outlives it */
    struct fault_injection faults;
    struct prepared_call calls[PROGRAM_LANES]; /* being made, by lane */
} run;

/* ---- the supervisor ---- */

/* Keyrings stay with their users: what such a program leaves in kmalloc's caches tells nothing. */
static bool makes_keys(const struct program *program)
{
    for (unsigned i = 0; i < program->count; i++) {
        const unsigned number = program->calls[i].number;
        if (number == SYS_add_key || number == SYS_request_key || number == SYS_keyctl)
            return true;
    }
    return false;
}

static bool more_than(const struct holdings *before, const struct holdings *after)
{
    return !run.escaped && holdings_grew(before, after, makes_keys(run.program));
}

/* Objects of System V outlive the processes that made them. */
static void remove_ipc(unsigned control, unsigned stat, bool semaphores)
{
    const uint64_t buffer = PROGRAM_MEMORY + 4096;

    for (int index = 0; index < PROGRAM_CALLS_MAX; index++) {
        int64_t id = semaphores ? FUZZ_CALL(control, index, 0, stat, buffer)
                                : FUZZ_CALL(control, index, stat, buffer);
        if (id >= 0)
            semaphores ? FUZZ_CALL(control, id, 0, IPC_RMID) : FUZZ_CALL(control, id, IPC_RMID);
    }
}

/* Signals that the program sent to everyone wait, blocked. */
static void take_signals(void)
{
    const uint64_t all = UINT64_MAX, now[2] = {0};

    fuzz_put_user(PROGRAM_MEMORY, &all, sizeof all);
    fuzz_put_user(PROGRAM_MEMORY + 16, now, sizeof now);
    while (FUZZ_CALL(SYS_rt_sigtimedwait, PROGRAM_MEMORY, 0, PROGRAM_MEMORY + 16, sizeof all) > 0) {
        /* until none is left */
    }
}

/* Which makes the kernel look for sockets that are only in flight. */
static void close_a_socket(void)
{
    const int64_t fd = FUZZ_CALL(SYS_socket, AF_UNIX, SOCK_STREAM, 0);

    FUZZ_CALL(SYS_close, fd);
}

/* Until no child is left. A program may have seized the supervisor as a tracee: what its tracer
 * then notifies it of keeps it from blocking, as it never gets to user code, and so the killed
 * tracer has to be let run. */
static void wait_for_children(void)
{
    int64_t result;

    do {
        FUZZ_CALL(SYS_kill, current_process()->pid, SIGCONT); /* takes back stop signals */
        take_signals();
        result = FUZZ_CALL(SYS_wait4, -1, 0, __WALL, 0);
        if (result == -ERESTARTSYS)
            fuzz_nap();
    } while (result != -ECHILD && !this_thread()->killed);
    take_signals();
}

static void clean_up(struct holdings *before)
{
    struct holdings after;
    bool gone = false;

    run.killing = true;
    for (unsigned i = 0; i < run.lane_count; i++)
        run.escaped = run.escaped || (run.lanes[i].in_call && run.lanes[i].outside);
    this_kernel()->faults = NULL;
    stage_limit(UINT64_MAX - 1);
    FUZZ_CALL(SYS_kill, -1, SIGKILL);
    wait_for_children();
    stage_schedule(0, 0);
    for (unsigned i = 0; program_word(i); i++)
        FUZZ_CALL(SYS_mq_unlink, jail_text(program_word(i)));
    remove_ipc(SYS_shmctl, SHM_STAT, false);
    remove_ipc(SYS_msgctl, MSG_STAT, false);
    remove_ipc(SYS_semctl, SEM_STAT, true);
    while (FUZZ_CALL(SYS_umount2, jail_text("/jail"), MNT_DETACH) == 0) {
        /* until nothing is mounted there any more */
    }
    for (unsigned i = 0;; i++) {
        /* Dead tasks' mount namespaces may still hold it for a moment. */
        gone = gone || FUZZ_CALL(SYS_rmdir, jail_text("/jail")) == 0;
        holdings_take(&after);
        if (!more_than(before, &after))
            return;
        if (i == SETTLE_ROUNDS && run.calibrating)
            return holdings_allow(before, &after);
        if (i == SETTLE_ROUNDS)
            holdings_fail(before, &after);
        close_a_socket();
        fuzz_nap(); /* init reaps orphans */
    }
}

static void wait_for_end(void)
{
    while (!run.finished) {
        sched_prepare_block(THREAD_UNINTERRUPTIBLE);
        if (!run.finished)
            sched_block();
        sched_finish_block();
    }
}

/* Survive what the program does to everyone: signals, and a lack of memory. */
static void protect(void)
{
    const uint64_t all = UINT64_MAX;

    fuzz_put_user(PROGRAM_MEMORY, &all, sizeof all);
    FUZZ_CALL(SYS_rt_sigprocmask, SIG_SETMASK, PROGRAM_MEMORY, 0, sizeof all);
    current_task()->thread.mm->oom_score_adj = -1000;
}

static void supervise(void)
{
    static struct holdings before;

    run.supervisor = current_task();
    sched_set_affinity(this_thread(), (struct cpu_mask){.bits = 1}); /* and all that it makes */
    jail_map_memory();
    fuzz_must(clear_user(PROGRAM_MEMORY, 4 * 4096), "memory");
    jail_warm_up();
    holdings_take(&before);
    jail_create();
    fuzz_must(FUZZ_CALL(SYS_fork), "fork");
    protect();
    wait_for_end();
    if (run.options->check_leaks && !this_thread()->killed)
        clean_up(&before);
    stage_pause(STAGE_DONE);
}

static void finish(void)
{
    if (!run.finished) {
        run.finished = true;
        thread_wake(&run.supervisor->thread);
    }
}

static bool on_stuck(void)
{
    if (run.killing)
        fuzz_fail("a task cannot be killed%s", holdings_describe_tasks());
    if (run.finished)
        return false;
    finish();
    return true;
}

/* ---- lanes ---- */

static void lane_start(struct task *task)
{
    struct lane *lane = &run.lanes[run.lane_count++];

    memset(lane, 0, sizeof *lane);
    lane->task = task;
    lane->tid = task->tid;
    if (run.running && run.out->results.pid_count < ARRAY_SIZE(run.out->results.pids))
        run.out->results.pids[run.out->results.pid_count++] = task->tid;
}

/* The lane of the current task; NULL if there are too many. A new thread can get the memory of one
 * that is gone, and execve gives a thread the id of its leader. */
static struct lane *lane_of(struct task *task)
{
    for (unsigned i = run.lane_count; i-- > 0;) {
        struct lane *lane = &run.lanes[i];
        const unsigned number = run.program ? run.program->calls[lane->current].number : 0;
        const bool in_exec = lane->in_call && (number == SYS_execve || number == SYS_execveat);
        if (lane->task == task && (lane->tid == task->tid || in_exec)) {
            lane->tid = task->tid;
            return lane;
        }
    }
    if (run.lane_count == PROGRAM_LANES)
        return NULL;
    lane_start(task);
    return &run.lanes[run.lane_count - 1];
}

static unsigned lane_index(const struct lane *lane)
{
    return (unsigned)(lane - run.lanes);
}

/* The next call of this lane; count if there is none. */
static unsigned next_call(struct lane *lane)
{
    while (lane->next < run.program->count &&
           run.program->calls[lane->next].lane % PROGRAM_LANES != lane_index(lane))
        lane->next++;
    return lane->next;
}

/* As written: nobody who could go on has an earlier call. Else chance decides. */
static bool is_turn(const struct lane *lane, unsigned index)
{
    if (run.program->header.flags & PROGRAM_FLAG_ORDER)
        return program_random(&run.random) % 2;
    for (unsigned i = 0; i < run.lane_count; i++) {
        struct lane *other = &run.lanes[i];
        if (other != lane && !other->in_call && next_call(other) < index)
            return false;
    }
    return true;
}

static bool all_taken(void)
{
    for (unsigned i = 0; i < run.lane_count; i++) {
        if (next_call(&run.lanes[i]) < run.program->count)
            return false;
    }
    return true;
}

/* ---- the user code ---- */

static int make_call(struct hal_regs *regs, unsigned number, uint64_t rip)
{
    regs->rax = number;
    regs->rip = rip;
    regs->rcx = rip;
    regs->r11 = regs->rflags;
    return HAL_STOP_SYSCALL;
}

static void set_up_lane(struct lane *lane)
{
    struct hal_regs *regs = &current_task()->user.regs;

    regs->rsp = PROGRAM_STACKS + (lane_index(lane) + 1) * 4096 - 64;
    if (lane_index(lane) == 0) { /* the thread and the child copy these registers */
        FUZZ_CALL(SYS_unshare, CLONE_NEWIPC);
        FUZZ_CALL(SYS_close_range, 0, ~0u, 0);
        FUZZ_CALL(SYS_chroot, jail_text("/jail"));
        FUZZ_CALL(SYS_chdir, jail_text("/tmp"));
        fuzz_must(FUZZ_CALL(SYS_execve, jail_text("/bin/job"), 0, 0), "execve"); /* the jail's */
        jail_map_memory();
        fuzz_must(FUZZ_CALL(SYS_clone,
                            CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
                            PROGRAM_STACKS + 2 * 4096 - 64),
                  "thread");
        fuzz_must(FUZZ_CALL(SYS_fork), "child");
        stage_pause(STAGE_READY);
        if (run.options->begin)
            run.options->begin();
    }
}

/* Where this lane runs, if the program has several CPUs. */
static void spread(const struct lane *lane)
{
    const struct program_header *header = &run.program->header;
    const unsigned cpu = lane_index(lane) % PROGRAM_CPUS;
    const struct cpu_mask mask = {.bits = header->schedule & PROGRAM_SCHEDULE_ROAM ? UINT64_MAX
                                                                                   : 1ull << cpu};

    stage_schedule(header->seed, 1u << (header->schedule & PROGRAM_SCHEDULE_POINTS));
    sched_set_affinity(this_thread(), mask);
}

static void install_faults(const struct program_header *header)
{
    const bool all = header->flags & PROGRAM_FLAG_FAIL_ALL;

    memset(&run.faults, 0, sizeof run.faults);
    if (header->flags & PROGRAM_FLAG_FAIL) {
        run.faults.fail_at = 1 + header->fail_at;
        run.faults.fail_after = all;
    }
    if (header->flags & PROGRAM_FLAG_TRANSFER_FAIL) {
        run.faults.transfer_fail_at = 1 + header->transfer_fail_at;
        run.faults.transfer_fail_after = all;
    }
    if (header->flags & (PROGRAM_FLAG_FAIL | PROGRAM_FLAG_TRANSFER_FAIL))
        this_kernel()->faults = &run.faults;
}

static void begin(struct lane *lane)
{
    lane->started = true;
    if (!run.running) {
        run.running = true;
        install_faults(&run.program->header);
    }
    if (run.program->header.flags & PROGRAM_FLAG_USER) {
        FUZZ_CALL(SYS_setresgid, 1000, 1000, 1000);
        FUZZ_CALL(SYS_setresuid, 1000, 1000, 1000);
    }
    if (run.program->header.flags & PROGRAM_FLAG_CPUS)
        spread(lane);
}

/* The result is the call's own: no filter and no tracer has put it there. */
static bool answers_for_itself(void)
{
    const struct task *task = current_task();

    return !task->traced && task->seccomp_mode == 0;
}

static void check_result(unsigned number, int64_t result)
{
    unsigned args;
    const char *name = program_call_name(number, &args);

    if (ASSAY_DEBUG && this_thread()->locks.depth)
        fuzz_fail("%s returned with a lock held", name ? name : "?");
    /* Offsets of /proc/PID/mem are addresses, up to the highest. */
    if (number == SYS_lseek && (int64_t)current_task()->user.regs.rsi < 0)
        return;
    if (result < 0 && result >= -4095 && -result > ERRNO_USER_MAX)
        fuzz_fail("%s returned error %lld, which user code must never see", name ? name : "?",
                  -(long long)result);
    if (result < 0 && result >= -4095 && !run.options->any_errno && answers_for_itself() &&
        !errno_is_possible(number, (int)-result))
        fuzz_fail("%s returned %s, which it does not on Linux", name ? name : "?",
                  print_errno(result));
}

/* The mount namespace of init, the file that accounts are written to, and the file system that all
 * instances of devtmpfs are. */
static bool reaches_outside(const struct prepared_call *call)
{
    char type[16] = "";

    if (call->number == SYS_setns || call->number == SYS_acct)
        return true;
    return call->number == SYS_mount &&
           copy_string_from_user(type, call->args[2], sizeof type) > 0 &&
           kstr_equal(type, "devtmpfs");
}

static void complete(struct lane *lane, int64_t result)
{
    const unsigned index = lane->current, number = run.program->calls[index].number;
    struct program_results *results = &run.out->results;
    unsigned arg;
    int32_t pair[2];
    uint64_t context;

    lane->in_call = false;
    check_result(number, result);
    program_note_result(run.program, index, result, results);
    if (result == 0 && program_makes_fd_pair(number, &arg) &&
        copy_from_user(pair, arg ? current_task()->user.regs.r10 : current_task()->user.regs.rdi,
                       sizeof pair) == 0) {
        program_note_fd(results, pair[0]);
        program_note_fd(results, pair[1]);
    }
    if (result == 0 && lane->outside)
        run.escaped = true;
    if (result == 0 && number == SYS_io_setup &&
        copy_from_user(&context, current_task()->user.regs.rsi, sizeof context) == 0)
        program_note_address(results, context);
    if (result == 0 && (number == SYS_execve || number == SYS_execveat)) {
        jail_map_memory();
        current_task()->user.regs.rsp = PROGRAM_STACKS + (lane_index(lane) + 1) * 4096 - 64;
    }
    run.out->digest = (run.out->digest ^ (uint64_t)result ^ index) * 0x100000001b3ull;
    if (run.options->observe)
        run.options->observe(run.options->argument, index, lane_index(lane), NULL, &result);
}

static int issue(struct lane *lane, unsigned index)
{
    struct hal_regs *regs = &current_task()->user.regs;
    struct prepared_call *call = &run.calls[lane_index(lane)];

    if (!lane->started)
        begin(lane);
    program_prepare(run.program, index, &run.out->results, call);
    for (unsigned i = 0; i < call->write_count; i++)
        (void)!copy_to_user(call->writes[i].uaddr, call->bytes + call->writes[i].offset,
                            call->writes[i].bytes);
    lane->outside = reaches_outside(call);
    lane->in_call = true;
    lane->current = index;
    lane->next = index + 1;
    run.polls = 0;
    run.out->calls++;
    run.out->digest = (run.out->digest ^ call->number ^ call->args[0]) * 0x100000001b3ull;
    if (run.options->observe)
        run.options->observe(run.options->argument, index, lane_index(lane), call, NULL);
    regs->rdi = call->args[0];
    regs->rsi = call->args[1];
    regs->rdx = call->args[2];
    regs->r10 = call->args[3];
    regs->r8 = call->args[4];
    regs->r9 = call->args[5];
    return make_call(regs, call->number, PROGRAM_CODE + 2 * index + 2);
}

/* What user code does beside system calls, once, before call `index`. */
static int act(struct program_call *call, struct hal_fault *fault)
{
    static const uint8_t vectors[] = {HAL_VECTOR_DIVIDE,         HAL_VECTOR_BREAKPOINT,
                                      HAL_VECTOR_INVALID_OPCODE, HAL_VECTOR_PROTECTION,
                                      HAL_VECTOR_SIMD,           HAL_VECTOR_ALIGNMENT};
    const uint8_t control = call->control;

    if (control < 0xf0 || !(control & 7))
        return 0;
    call->control = 0; /* of this run's copy */
    if (control & PROGRAM_CONTROL_SKEW)
        stage_advance_ns((call->seed % 1000) * 100000ull);
    if (control & PROGRAM_CONTROL_TRAP) {
        fault->vector = vectors[call->seed % ARRAY_SIZE(vectors)];
        fault->error = 0;
        return HAL_STOP_FAULT;
    }
    if (control & PROGRAM_CONTROL_TOUCH) {
        fault->vector = HAL_VECTOR_PAGE;
        fault->error = HAL_PF_USER | (call->seed & 1 ? HAL_PF_WRITE : 0);
        fault->address = (call->seed & 2 ? PROGRAM_WINDOW : PROGRAM_MEMORY) +
                         (uint64_t)(call->seed >> 8) % (72 * 4096);
        return HAL_STOP_FAULT;
    }
    return 0;
}

static int poll(struct hal_regs *regs)
{
    if (++run.polls > POLLS_MAX)
        finish();
    return make_call(regs, run.finished ? SYS_pause : SYS_sched_yield, PROGRAM_CODE + 0x800);
}

static int go_on(struct lane *lane, struct hal_fault *fault)
{
    struct hal_regs *regs = &current_task()->user.regs;
    const unsigned index = next_call(lane);

    if (index >= run.program->count) {
        if (all_taken())
            finish();
        if (lane_index(lane) >= PROGRAM_LANES_INITIAL) {
            regs->rdi = 0;
            return make_call(regs, SYS_exit, PROGRAM_CODE + 0x800);
        }
        return make_call(regs, SYS_pause, PROGRAM_CODE + 0x800);
    }
    if (!is_turn(lane, index))
        return poll(regs);
    int stop = act(&((struct program *)run.program)->calls[index], fault);
    return stop ? stop : issue(lane, index);
}

static int user_run(struct hal_user *user, struct hal_fault *fault)
{
    struct task *task = current_task();
    struct hal_regs *regs = &user->regs;

    if (!run.supervisor)
        supervise();
    struct lane *lane = lane_of(task);
    if (!lane) {
        regs->rdi = 0;
        return make_call(regs, SYS_exit, PROGRAM_CODE + 0x800);
    }
    if (!run.program)
        set_up_lane(lane);
    if (++run.steps > STEPS_MAX)
        finish();
    const bool restart = lane->in_call && regs->rip == PROGRAM_CODE + 2 * lane->current;
    if (lane->in_call && !restart && regs->rip == PROGRAM_CODE + 2 * lane->current + 2)
        complete(lane, (int64_t)regs->rax);
    if (run.finished)
        return make_call(regs, SYS_pause, PROGRAM_CODE + 0x800);
    if (regs->rip >= PROGRAM_HANDLER && regs->rip < PROGRAM_HANDLER + 16) {
        regs->rsp += 8; /* the handler's return takes the address of the restorer */
        return make_call(regs, SYS_rt_sigreturn, PROGRAM_RESTORER + 2);
    }
    if (lane->in_call) {
        if (restart) /* by the kernel */
            return make_call(regs, (unsigned)regs->rax, regs->rip + 2);
        complete(lane, (int64_t)regs->rax);
    }
    return go_on(lane, fault);
}

/* ---- life ---- */

static struct stage *stage;

static void run_empty(void)
{
    static const struct program empty;
    static struct run_outcome outcome;
    const struct run_options options = {.check_leaks = true};

    run.calibrating = true;
    run_program(&empty, &options, &outcome);
    run.calibrating = false;
}

static void reset(void)
{
    static unsigned lane_count;
    static struct lane lanes[PROGRAM_LANES];

    if (!stage) {
        const struct stage_config config = {
            .user_run = user_run, .stuck = on_stuck, .cpus = PROGRAM_CPUS};
        stage = stage_create(&config);
        lane_count = run.lane_count;
        memcpy(lanes, run.lanes, sizeof lanes);
        run_empty();
    }
    stage_restore(stage);
    run.lane_count = lane_count;
    memcpy(run.lanes, lanes, sizeof lanes);
    run.polls = run.steps = 0;
    run.running = run.finished = run.killing = run.escaped = false;
}

void run_program(const struct program *program, const struct run_options *options,
                 struct run_outcome *out)
{
    static struct program copy;

    reset();
    copy = *program;
    memset(out, 0, sizeof *out);
    run.program = &copy;
    run.options = options;
    run.out = out;
    run.random = program->header.seed;
    stage_seed(program->header.seed);
    stage_limit(stage_now_ns() + PROGRAM_LIMIT_NS);
    out->switched_off = stage_resume(stage) == STAGE_ENDED;
}

void run_reset(void)
{
    reset();
}

size_t run_dirty_pages(void)
{
    return stage_dirty_pages(stage);
}
