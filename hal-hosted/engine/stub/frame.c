/* SPDX-License-Identifier: MIT
 *
 * The host's signal frame as register file: learning its shape, reading and writing the general
 * registers, decoding the stop, and moving FP state between it and hal_user.fpu.
 *
 * Guest code can write the frame at any time. So every word is read once, offsets come from the
 * shape learnt at start and never from the frame, and a nonsense frame hurts only its own guest:
 * the host checks it again in rt_sigreturn.
 *
 * FP state is lazy: it stays in the lane's frame (lane->fp_user, user->priv[STUB_USER_LANE]) until
 * another user runs on the lane, the user runs elsewhere, or the kernel asks. fp_lock guards both
 * pointers; only the thread that runs a user on a lane may look at lane->fp_user without it, to
 * see whether that very user is there.
 */
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "hal-hosted/engine/stub/stub_internal.h"

enum {
    FP_SOFTWARE = 464, /* struct _fpx_sw_bytes in the FXSAVE area */
    FP_SOFTWARE_END = 512,
    FP_HEADER = 512,
    FP_HEADER_END = 576,
    FP_MAGIC1 = 0x46505853,
    SELECTORS_USER = 0x33, /* cs; gs and fs 0 */
    SELECTOR_SS = 0x2b,
    ARCH_X86_64 = (int)0xc000003e,
    FAST_FLAGS = 0x246,
};

bool stub_frame_learn(const char *frame, uint64_t base, uint64_t ucontext, uint64_t siginfo,
                      struct stub_frame_shape *out)
{
    struct stub_frame_shape shape = {.ucontext = (uint32_t)ucontext, .siginfo = (uint32_t)siginfo};
    uint64_t fp, features;
    uint32_t software[4];

    if (ucontext < STUB_FRAME_CONTROL || ucontext > STUB_FRAME_SIZE - sizeof(struct sigcontext) ||
        siginfo < STUB_FRAME_CONTROL || siginfo > STUB_FRAME_SIZE - sizeof(siginfo_t)) {
        return false;
    }
    fp = (uint64_t)((const ucontext_t *)(frame + ucontext))->uc_mcontext.fpregs - base;
    if (fp < STUB_FRAME_CONTROL || fp > STUB_FRAME_SIZE - FP_SOFTWARE_END) {
        return false;
    }
    memcpy(software, frame + fp + FP_SOFTWARE, sizeof software);
    memcpy(&features, frame + fp + FP_SOFTWARE + 8, sizeof features);
    shape.fp = (uint32_t)fp;
    shape.fp_bytes = FP_SOFTWARE_END;
    if (software[0] == FP_MAGIC1) {
        memcpy(&shape.fp_bytes, frame + fp + FP_SOFTWARE + 16, sizeof shape.fp_bytes);
        shape.fp_features = features;
        if (shape.fp_bytes < FP_HEADER_END || shape.fp_bytes > STUB_FRAME_SIZE - fp) {
            return false;
        }
    }
    *out = shape;
    return true;
}

static greg_t *frame_registers(const struct lane *lane)
{
    ucontext_t *context = (ucontext_t *)(lane->frame + lane->stub->sm->shape.ucontext);

    return context->uc_mcontext.gregs;
}

static bool address_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

void stub_frame_write(struct lane *lane, const struct hal_regs *regs)
{
    greg_t *g = frame_registers(lane);
    struct stub_frame *frame = lane_control(lane);

    g[REG_R8] = (greg_t)regs->r8;
    g[REG_R9] = (greg_t)regs->r9;
    g[REG_R10] = (greg_t)regs->r10;
    g[REG_R11] = (greg_t)regs->r11;
    g[REG_R12] = (greg_t)regs->r12;
    g[REG_R13] = (greg_t)regs->r13;
    g[REG_R14] = (greg_t)regs->r14;
    g[REG_R15] = (greg_t)regs->r15;
    g[REG_RDI] = (greg_t)regs->rdi;
    g[REG_RSI] = (greg_t)regs->rsi;
    g[REG_RBP] = (greg_t)regs->rbp;
    g[REG_RBX] = (greg_t)regs->rbx;
    g[REG_RDX] = (greg_t)regs->rdx;
    g[REG_RAX] = (greg_t)regs->rax;
    g[REG_RCX] = (greg_t)regs->rcx;
    g[REG_RSP] = (greg_t)regs->rsp;
    g[REG_RIP] = (greg_t)regs->rip;
    g[REG_EFL] = (greg_t)regs->rflags;
    g[REG_CSGSFS] = (greg_t)((uint64_t)SELECTOR_SS << 48 | SELECTORS_USER);
    frame->fs = address_canonical(regs->fs_base) ? regs->fs_base : 0;
    frame->gs = address_canonical(regs->gs_base) ? regs->gs_base : 0;
}

void stub_frame_read(const struct lane *lane, struct hal_regs *regs)
{
    const volatile greg_t *g = frame_registers(lane);
    const volatile struct stub_frame *frame = lane_control(lane);

    regs->r8 = (uint64_t)g[REG_R8];
    regs->r9 = (uint64_t)g[REG_R9];
    regs->r10 = (uint64_t)g[REG_R10];
    regs->r11 = (uint64_t)g[REG_R11];
    regs->r12 = (uint64_t)g[REG_R12];
    regs->r13 = (uint64_t)g[REG_R13];
    regs->r14 = (uint64_t)g[REG_R14];
    regs->r15 = (uint64_t)g[REG_R15];
    regs->rdi = (uint64_t)g[REG_RDI];
    regs->rsi = (uint64_t)g[REG_RSI];
    regs->rbp = (uint64_t)g[REG_RBP];
    regs->rbx = (uint64_t)g[REG_RBX];
    regs->rdx = (uint64_t)g[REG_RDX];
    regs->rax = (uint64_t)g[REG_RAX];
    regs->rcx = (uint64_t)g[REG_RCX];
    regs->rsp = (uint64_t)g[REG_RSP];
    regs->rip = (uint64_t)g[REG_RIP];
    regs->rflags = (uint64_t)g[REG_EFL];
    regs->fs_base = frame->fs;
    regs->gs_base = frame->gs;
}

static void fast_read(const struct lane *lane, struct hal_regs *regs)
{
    const volatile struct stub_fast_regs *fast = &lane_control(lane)->fast;

    regs->rax = fast->rax;
    regs->rcx = fast->rcx;
    regs->rdi = fast->rdi;
    regs->rsi = fast->rsi;
    regs->rdx = fast->rdx;
    regs->r10 = fast->r10;
    regs->r8 = fast->r8;
    regs->r9 = fast->r9;
    regs->rbx = fast->rbx;
    regs->rbp = fast->rbp;
    regs->rsp = fast->rsp;
    regs->r12 = fast->r12;
    regs->r13 = fast->r13;
    regs->r14 = fast->r14;
    regs->r15 = fast->r15;
    regs->gs_base = fast->gs;
    regs->rip = regs->rcx;
    regs->rflags = regs->r11 = FAST_FLAGS;
    /* fs_base is what it was: by it the call found its lane. */
}

/* Answer a fast call in place if the kernel has changed nothing but rax. */
bool stub_fast_answer(struct lane *lane, const struct hal_regs *regs)
{
    const struct stub_ctl *ctl = lane->stub->ctl;

    _Static_assert(offsetof(struct hal_regs, rax) == 0, "rax is left out of the comparison");
    if (memcmp(&regs->rbx, &lane->fast_regs.rbx, sizeof *regs - sizeof regs->rax) != 0 ||
        __atomic_load_n(&ctl->lane_fs[lane->index], __ATOMIC_SEQ_CST) != regs->fs_base) {
        return false;
    }
    lane_control(lane)->fast.rax = regs->rax;
    lane->fast = false;
    stub_lane_turn(lane, TURN_LANE);
    return true;
}

static enum hal_stop stop_system_call(const struct lane *lane, struct hal_regs *regs,
                                      struct hal_fault *out)
{
    const volatile siginfo_t *info =
        (const siginfo_t *)(lane->frame + lane->stub->sm->shape.siginfo);
    uint64_t call = (uint64_t)(uintptr_t)info->si_call_addr;

    if ((int)info->si_arch != ARCH_X86_64) {
        /* int $0x80 and sysenter: this kernel has no 32-bit entry, so they do not exist. */
        *out = (struct hal_fault){.vector = HAL_VECTOR_PROTECTION, .error = 0x80 * 8 + 2};
        regs->rip = call - 2;
        return HAL_STOP_FAULT;
    }
    if (call == regs->rip) { /* not a page that the host emulates (vsyscall) */
        regs->rcx = regs->rip;
        regs->r11 = regs->rflags;
    }
    return HAL_STOP_SYSCALL;
}

/* Why a signal stopped guest code; regs have been read. */
enum hal_stop stub_frame_decode(const struct lane *lane, struct hal_regs *regs,
                                struct hal_fault *out)
{
    const volatile greg_t *g = frame_registers(lane);
    const volatile struct stub_frame *frame = lane_control(lane);

    switch (frame->signal) {
    case SIGSYS:
        return stop_system_call(lane, regs, out);
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP:
        *out = (struct hal_fault){
            .vector = (unsigned)g[REG_TRAPNO] % 32,
            .error = (uint64_t)g[REG_ERR] & 0xffff,
        };
        if (out->vector == HAL_VECTOR_PAGE) {
            out->address = (uint64_t)g[REG_CR2];
            out->error &= HAL_PF_WRITE | HAL_PF_FETCH;
            out->error |= HAL_PF_USER;
        }
        return HAL_STOP_FAULT;
    default:
        return HAL_STOP_INTERRUPT;
    }
}

/* A signal has hit the stub's own code: see stub.S. False: it was guest code. */
static bool stop_in_stub(struct lane *lane, const struct hal_regs *now, struct hal_regs *regs,
                         enum hal_stop *stop)
{
    uint64_t rip = now->rip;

    if (rip >= STUB_TRAMPOLINES && rip < STUB_TRAMPOLINES + STUB_TRAMPOLINES_SIZE) {
        *regs = *now;
        *stop = HAL_STOP_SYSCALL;
        return stub_patch_trampoline(lane->stub, regs);
    }
    if (rip < stub_labels[FAST_ENTRY] || rip >= stub_labels[FAST_END]) {
        return false;
    }
    if (rip >= stub_labels[FAST_WAITING]) {
        *stop = HAL_STOP_INTERRUPT; /* regs are still what the kernel wants */
        return true;
    }
    *stop = HAL_STOP_SYSCALL;
    if (rip >= stub_labels[FAST_SAVED]) {
        fast_read(lane, regs);
    } else {
        *regs = *now;
        regs->rip = regs->rcx;
        regs->rflags = regs->r11 = FAST_FLAGS;
    }
    return true;
}

/* The lane has stopped: get the registers, and the reason. */
enum hal_stop stub_frame_take(struct lane *lane, struct hal_regs *regs, struct hal_fault *out)
{
    enum hal_stop stop;
    struct hal_regs now;

    if (__atomic_load_n(&lane_control(lane)->turn, __ATOMIC_ACQUIRE) & TURN_FAST) {
        fast_read(lane, regs);
        lane->fast_regs = *regs;
        lane->fast = true;
        return HAL_STOP_SYSCALL;
    }
    stub_frame_read(lane, &now);
    if (now.rip < STUB_AREA_END && stop_in_stub(lane, &now, regs, &stop)) {
        return stop;
    }
    *regs = now;
    return stub_frame_decode(lane, regs, out);
}

/* --- FP state --- */

static size_t fp_bytes(const struct stub_frame_shape *shape)
{
    return hal_fpu_size() < shape->fp_bytes ? hal_fpu_size() : shape->fp_bytes;
}

/* Frame to user->fpu. */
void stub_fp_save(const struct lane *lane, struct hal_user *user)
{
    const struct stub_frame_shape *shape = &lane->stub->sm->shape;
    char *fpu = user->fpu;

    memcpy(fpu, lane->frame + shape->fp, fp_bytes(shape));
    memset(fpu + FP_SOFTWARE, 0, FP_SOFTWARE_END - FP_SOFTWARE);
    memset(fpu + fp_bytes(shape), 0, hal_fpu_size() - fp_bytes(shape));
    if (hal_fpu_size() >= FP_HEADER_END) {
        uint64_t features = shape->fp_features;
        uint64_t header;
        memcpy(&header, fpu + FP_HEADER, sizeof header);
        header &= features & hal_fpu_features();
        memset(fpu + FP_HEADER, 0, FP_HEADER_END - FP_HEADER);
        memcpy(fpu + FP_HEADER, &header, sizeof header);
    }
}

/* user->fpu to frame, leaving the host's own words in the reserved part alone. */
static void fp_restore(const struct lane *lane, const struct hal_user *user)
{
    const struct stub_frame_shape *shape = &lane->stub->sm->shape;
    char *frame = lane->frame + shape->fp;
    const char *fpu = user->fpu;
    uint64_t header;

    memcpy(frame, fpu, FP_SOFTWARE);
    if (shape->fp_bytes < FP_HEADER_END || hal_fpu_size() < FP_HEADER_END) {
        return;
    }
    memcpy(&header, fpu + FP_HEADER, sizeof header);
    header &= shape->fp_features;
    memset(frame + FP_HEADER, 0, FP_HEADER_END - FP_HEADER);
    memcpy(frame + FP_HEADER, &header, sizeof header);
    memcpy(frame + FP_HEADER_END, fpu + FP_HEADER_END, fp_bytes(shape) - FP_HEADER_END);
}

static struct lane *user_lane(const struct hal_user *user)
{
    return (struct lane *)(uintptr_t)user->priv[STUB_USER_LANE];
}

/* user->fpu becomes the truth. fp_lock held. */
static void fp_detach_locked(struct hal_user *user, bool save)
{
    struct lane *lane = user_lane(user);

    if (lane) {
        if (save && (!lane->fast || stub_lane_settle(lane))) {
            stub_fp_save(lane, user);
        }
        __atomic_store_n(&lane->fp_user, NULL, __ATOMIC_RELAXED);
        user->priv[STUB_USER_LANE] = 0;
    }
}

/* Give the lane to the user. */
void stub_fp_load(struct lane *lane, struct hal_user *user)
{
    struct stub_machine *sm = lane->stub->sm;

    if (__atomic_load_n(&lane->fp_user, __ATOMIC_RELAXED) == user && user_lane(user) == lane) {
        return;
    }
    pthread_mutex_lock(&sm->fp_lock);
    if (lane->fp_user) {
        fp_detach_locked(lane->fp_user, true);
    }
    fp_detach_locked(user, true);
    if (lane->fast) {
        stub_lane_settle(lane);
    }
    fp_restore(lane, user);
    __atomic_store_n(&lane->fp_user, user, __ATOMIC_RELAXED);
    user->priv[STUB_USER_LANE] = (uintptr_t)lane;
    pthread_mutex_unlock(&sm->fp_lock);
}

/* With save, bring user->fpu up to date; either way it is the truth from now on. */
void stub_fp_detach(struct stub_machine *sm, struct hal_user *user, bool save)
{
    pthread_mutex_lock(&sm->fp_lock);
    fp_detach_locked(user, save);
    pthread_mutex_unlock(&sm->fp_lock);
}

/* The lane goes away. */
void stub_fp_evict(struct lane *lane)
{
    struct stub_machine *sm = lane->stub->sm;

    pthread_mutex_lock(&sm->fp_lock);
    if (lane->fp_user) {
        fp_detach_locked(lane->fp_user, true);
    }
    pthread_mutex_unlock(&sm->fp_lock);
}
