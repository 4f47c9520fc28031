/* SPDX-License-Identifier: MIT
 *
 * The stub engine's own structures. See stub.c for the overview and stub.S for the other side.
 */
#ifndef HAL_HOSTED_ENGINE_STUB_STUB_INTERNAL_H
#define HAL_HOSTED_ENGINE_STUB_STUB_INTERNAL_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hal-hosted/engine/engine.h"
#include "hal-hosted/engine/stub/layout.h"

enum { STUB_SLOTS_MAX = 4096, STUB_NONCE_WORDS = 4 };

/* First page of a slot: read-only for the stub. */
struct stub_ctl {
    uint32_t head; /* atomic, futex */
    uint8_t pad0[CTL_ACK - 4];
    uint32_t ack; /* atomic, futex; only the pager writes it */
    uint8_t pad1[CTL_SPIN - CTL_ACK - 4];
    uint32_t spin;
    uint32_t traced;
    uint64_t traced_lanes; /* atomic */
    uint8_t pad2[CTL_LANE_MASKS - CTL_TRACED_LANES - 8];
    uint8_t lane_masks[CTL_MASKS_MAX][CTL_MASK_SIZE];
    uint8_t pad3[CTL_LANE_STACKS - CTL_LANE_MASKS - CTL_MASKS_MAX * CTL_MASK_SIZE];
    struct stub_stack {
        uint64_t base;
        uint32_t flags, pad;
        uint64_t bytes;
    } lane_stacks[STUB_LANES_MAX];
    uint64_t lane_fs[CTL_LANE_FS_MAX]; /* atomic; STUB_NO_FS: fast calls go by a trap */
};

#define STUB_NO_FS (1ull << 63) /* not canonical: never an fs base */

struct stub_op {
    uint16_t kind, prot;
    uint32_t seq;
    uint64_t addr, bytes, offset;
};

/* Guest-writable: read every word once and believe none. */
struct stub_frame {
    uint32_t turn; /* atomic, futex */
    uint32_t signal;
    uint64_t fs, gs;
    uint64_t ucontext, siginfo;
    uint64_t pad[3];
    struct stub_fast_regs { /* of a fast call; in the order of stub.S */
        uint64_t rax, rcx, rdi, rsi, rdx, r10, r8, r9;
        uint64_t rbx, rbp, rsp, r12, r13, r14, r15, gs;
    } fast;
};

_Static_assert(offsetof(struct stub_ctl, head) == CTL_HEAD, "layout.h");
_Static_assert(offsetof(struct stub_ctl, ack) == CTL_ACK, "layout.h");
_Static_assert(offsetof(struct stub_ctl, spin) == CTL_SPIN, "layout.h");
_Static_assert(offsetof(struct stub_ctl, traced) == CTL_TRACED, "layout.h");
_Static_assert(offsetof(struct stub_ctl, traced_lanes) == CTL_TRACED_LANES, "layout.h");
_Static_assert(offsetof(struct stub_ctl, lane_masks) == CTL_LANE_MASKS, "layout.h");
_Static_assert(offsetof(struct stub_ctl, lane_stacks) == CTL_LANE_STACKS, "layout.h");
_Static_assert(offsetof(struct stub_ctl, lane_fs) == CTL_LANE_FS, "layout.h");
_Static_assert(offsetof(struct stub_frame, fast) == FRAME_REGS, "layout.h");
_Static_assert(sizeof(struct stub_frame) <= FRAME_PIDFD, "layout.h");
_Static_assert(FRAME_PIDFD + 8 <= STUB_FRAME_CONTROL, "layout.h");
_Static_assert(sizeof(struct stub_ctl) <= STUB_RING - STUB_CTL, "layout.h");
_Static_assert(sizeof(struct stub_op) == OP_SIZE, "layout.h");
_Static_assert(STUB_RING_OPS *OP_SIZE <= STUB_CTL + STUB_CTL_SIZE - STUB_RING, "layout.h");
_Static_assert(offsetof(struct stub_frame, ucontext) == FRAME_UCONTEXT, "layout.h");
_Static_assert(offsetof(struct stub_frame, siginfo) == FRAME_SIGINFO, "layout.h");
_Static_assert(STUB_LANES_MAX *STUB_FRAME_SIZE <= STUB_AREA_END - STUB_FRAMES, "layout.h");
_Static_assert(STUB_TRAMPOLINES + STUB_TRAMPOLINES_SIZE <= STUB_FRAMES, "layout.h");

/* Where the host puts its signal frame inside a lane's frame; the same for every stop. */
struct stub_frame_shape {
    uint32_t ucontext, siginfo, fp; /* offsets in the frame */
    uint32_t fp_bytes;
    uint64_t fp_features;
};

/* What the pager has been told to have mapped: a shadow of installed table entries, one node for
 * each 2 MiB of address space that has any. */
struct shadow_region {
    uint64_t index; /* uaddr >> SHADOW_SHIFT */
    unsigned installed;
    uint64_t entries[ASPACE_ENTRIES];
};

enum { SHADOW_SHIFT = 21 };

struct shadow {
    struct shadow_region **slots; /* open addressing, power of two */
    size_t slot_count, used;
};

/* A patched system call site. */
struct stub_site {
    uint64_t after;  /* address of the instruction after the call */
    uint32_t number; /* of the call, where the patch has replaced the load of eax too */
    bool loads;
};

enum { LANE_HITS = 64 };

struct lane_hit {
    uint64_t after;
    uint32_t count;
};

struct lane {
    struct stub *stub;
    unsigned index;
    int pidfd;                /* -1: not made */
    bool ready;               /* atomic */
    char *frame;              /* struct stub_frame and the signal frame */
    struct hal_user *fp_user; /* whose FP state the frame holds; under machine's fp_lock */
    uint32_t running;         /* atomic: may be executing guest code */
    uint64_t fs_base;         /* of its user, when it last claimed one; under stub->lock */

    /* Stopped in a fast call: FP state in the lane's registers, the others also in the frame. Own
     * vCPU, or under fp_lock when fp_user is not running. */
    bool fast;
    struct hal_regs fast_regs; /* as the kernel got them */

    /* traced.c; own vCPU */
    int traced_pid;  /* 0: not yet traced */
    bool in_handler; /* stopped in the signal handler: signals are blocked */

    struct lane_hit hits[LANE_HITS]; /* system calls by trap, to find the hot sites */
};

/* One stub process and, while it serves one, an address space. */
struct stub {
    struct stub_machine *sm;
    struct stub *next; /* recycled or dying */
    unsigned slot;
    int pidfd; /* the pager */
    struct stub_ctl *ctl;
    struct stub_op *ring;
    char *frames;
    uint32_t dead; /* atomic */

    pthread_mutex_t lock; /* ring, shadow, lane creation */
    uint32_t head;
    uint32_t start_seq; /* atomic: operations to be done before a lane starts */
    uint32_t mappings;  /* upper bound of host mappings */
    struct shadow shadow;
    bool installed_first; /* atomic: has run already */
    struct lane *lanes;   /* one for each vCPU, made on demand */

    /* patch.c; under lock. Sites are only added while the stub serves an address space. */
    struct stub_site *sites; /* NULL until the first */
    unsigned site_count;     /* atomic */
    uint32_t patching;       /* atomic: no lane may start */

    /* recycle.c; under sm->lock */
    int state;
    struct lane *kept;
    uint32_t emptied; /* operation that has unmapped all guest memory */
    uint64_t since_ns;
    uint64_t nonce[STUB_NONCE_WORDS];
};

struct stub_machine {
    struct machine *machine;
    pid_t zygote;
    int socket;
    int ctl_fd;
    char *ctl;
    size_t ctl_bytes, slot_bytes;
    unsigned lane_count;
    size_t signal_stack_bytes;
    uint32_t mappings_max;
    struct stub_vcpu *vcpus;

    bool pinned;
    bool traced;          /* by ptrace instead of seccomp: traced.c */
    bool patches;         /* replace hot system calls by fast ones */
    uint32_t spin_pauses; /* how long to spin before sleeping, in PAUSEs; 0: sleep at once */
    cpu_set_t lane_cpus[STUB_LANES_MAX], vcpu_cpus[STUB_LANES_MAX];

    struct stub_frame_shape shape;
    char *pristine; /* the signal stack of lane 0 at the first stop of the first stub */

    pthread_mutex_t zygote_lock; /* the socket: one request at a time */

    pthread_mutex_t lock; /* the lists */
    struct stub *recycled, *dying;
    unsigned recycled_count;
    unsigned slots_used; /* slots never used yet begin here */
    unsigned free_slots[STUB_SLOTS_MAX], free_count;

    pthread_mutex_t fp_lock; /* which lane holds whose FP state */

    /* traced.c: a thread that interrupts lanes at their vCPUs' deadlines */
    pthread_t timer;
    bool timer_started, timer_stop;
    pthread_mutex_t traced_lock;
    pthread_cond_t traced_changed;
};

/* vcpu->engine */
struct stub_vcpu {
    struct stub_machine *sm;
    struct stub_frame *frame; /* atomic: what run waits on, for kick; frames never go away */
    struct stub_frame *last;  /* of the lane that ran last, and may be spinning */
    cpu_set_t old_cpus;
    bool repin;

    /* traced.c */
    int traced_pidfd;     /* atomic: what runs now, for kick; -1: nothing */
    uint64_t deadline_ns; /* of the vCPU while traced_pidfd runs; under traced_lock */
};

/* user->priv */
enum {
    STUB_USER_LANE,      /* struct lane that holds the FP state, or 0: it is in user->fpu */
    STUB_USER_FAULT,     /* page fault reported and not yet looked at again: address | 1 */
    STUB_USER_FAULT_RIP, /* last fault solved in here, and how often in a row */
    STUB_USER_FAULT_ADDR,
    STUB_USER_FAULT_COUNT,
    STUB_USER_PATCH, /* address after a hot system call, to be looked at before the next run */
    STUB_USER_PATCH_NUMBER,
};

/* Addresses in the stub, from stub.S. */
enum stub_label {
    FAST_ENTRY,
    FAST_UNKNOWN,
    FAST_SAVED,
    FAST_WAITING,
    FAST_END,
    LANE_STOP,
    LANE_RETURN,
};
extern const uint64_t stub_labels[];

/* host_calls.c */
void stub_futex_wait(uint32_t *word, uint32_t value, uint64_t timeout_ns);
void stub_futex_wake(uint32_t *word);
bool stub_pidfd_dead(int pidfd);
bool stub_pidfds_dead(int one, int other);
void stub_pidfd_signal(int pidfd, int signal);
int stub_pidfd_pid(int pidfd); /* -1: not known */
void stub_pidfd_usage(int pidfd, uint64_t *cpu_ns, bool *sleeps);
uint32_t stub_pauses_for(uint64_t ns);

/* placement.c */
void stub_placement_choose(struct stub_machine *sm);
void stub_placement_zygote(const struct stub_machine *sm);
void stub_placement_enter(struct stub_machine *sm, struct stub_vcpu *sv, unsigned id);
void stub_placement_leave(struct stub_vcpu *sv);

/* zygote.c */
int stub_zygote_start(struct stub_machine *sm, char *message, size_t message_bytes);
void stub_zygote_stop(struct stub_machine *sm);
int stub_zygote_request(struct stub_machine *sm, uint64_t slot_offset, uint64_t frame_bytes);
void stub_zygote_forget(struct stub_machine *sm, int pager_pidfd);
int stub_zygote_receive(struct stub_machine *sm, int watch_pidfd);

/* pool.c: stub processes without and after an address space */
int stub_take(struct stub_machine *sm, struct stub **out);
void stub_discard(struct stub *stub);
void stub_kill(struct stub *stub);
void stub_wait_gone(struct stub *stub); /* dead: until the last process has left */
void stub_pool_empty(struct stub_machine *sm);

/* recycle.c */
struct stub *stub_recycled(struct stub_machine *sm);
bool stub_recycle(struct stub *stub);

/* pager.c; _locked: stub->lock held. False: dropped everything, or the stub is dead */
bool stub_post_locked(struct stub *stub, struct stub_op op);
bool stub_sync(struct stub *stub, uint32_t seq);
bool stub_flush(struct stub *stub);
void stub_drop_all(struct stub *stub);
void stub_changed(struct hal_aspace *aspace, uint64_t uaddr, size_t pages);
/* Map this page and neighbours, so far as the table has them; waits. */
bool stub_install(struct hal_aspace *aspace, uint64_t uaddr, bool again);
bool stub_install_first(struct hal_aspace *aspace, uint64_t rip, uint64_t rsp);

/* shadow.c; stub->lock held. Index: uaddr >> SHADOW_SHIFT; page: number within the region */
struct shadow_region *shadow_region_find(const struct shadow *shadow, uint64_t index);
struct shadow_region *shadow_region_get(struct shadow *shadow,
                                        uint64_t index); /* NULL: no memory */
void shadow_set(struct shadow_region *region, unsigned page, uint64_t entry);
void shadow_clear(struct shadow *shadow);

/* lane.c */
struct lane *stub_lane(struct stub *stub, unsigned index);
void stub_lane_begin(struct lane *lane); /* around resume and wait: the lane may run guest code */
void stub_lane_end(struct lane *lane);
void stub_lane_claim_fs(struct lane *lane, uint64_t fs_base);
void stub_lane_turn(struct lane *lane, uint32_t turn);
bool stub_lane_settle(struct lane *lane); /* out of a fast call; false: the stub is dead */
bool stub_lane_wait(struct lane *lane, struct vcpu *vcpu);
void stub_lane_close(struct lane *lane);

/* frame.c */
bool stub_frame_learn(const char *frame, uint64_t base, uint64_t ucontext, uint64_t siginfo,
                      struct stub_frame_shape *out);
void stub_frame_write(struct lane *lane, const struct hal_regs *regs);
void stub_frame_read(const struct lane *lane, struct hal_regs *regs);
enum hal_stop stub_frame_decode(const struct lane *lane, struct hal_regs *regs,
                                struct hal_fault *out);
enum hal_stop stub_frame_take(struct lane *lane, struct hal_regs *regs, struct hal_fault *out);
bool stub_fast_answer(struct lane *lane, const struct hal_regs *regs);
void stub_fp_save(const struct lane *lane, struct hal_user *user);
void stub_fp_load(struct lane *lane, struct hal_user *user);
void stub_fp_detach(struct stub_machine *sm, struct hal_user *user, bool save);
void stub_fp_evict(struct lane *lane);

/* stub.c */
int stub_machine_start(struct machine *machine, bool traced, char *message, size_t message_bytes);
void stub_machine_exit(struct machine *machine);

/* run.c */
enum hal_stop stub_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out);
enum hal_stop stub_solve_fault(struct hal_user *user, struct hal_fault *fault);
bool stub_prepare_pages(struct hal_user *user);
bool stub_rip_bad(const struct hal_regs *regs, struct hal_fault *out);

/* traced.c */
int stub_traced_start(struct stub_machine *sm);
bool stub_traced_lane(struct lane *lane);
void stub_traced_stop(struct stub_machine *sm);
enum hal_stop stub_traced_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out);
void stub_traced_kick(struct vcpu *vcpu);

/* patch.c */
void stub_patch_count(struct lane *lane, struct hal_user *user);
void stub_patch_prepare(struct hal_user *user);
bool stub_patch_invalid(struct hal_aspace *aspace, struct hal_regs *regs);
bool stub_patch_trampoline(struct stub *stub, struct hal_regs *regs);
void stub_patch_fork(struct stub *child, struct stub *parent);
void stub_patch_reset(struct stub *stub);

static inline struct stub_frame *lane_control(const struct lane *lane)
{
    return (struct stub_frame *)lane->frame;
}

#endif
