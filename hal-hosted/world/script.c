/* SPDX-License-Identifier: MIT */
/*
 * Scripted users: tasks whose "user code" is whatever the test asks for next.
 *
 * They are ordinary tasks that have executed a program of ours (world_script_elf), which is nothing
 * but an entry address; by a program counter in its page a user is known to be scripted, and so are
 * the children and threads that it makes. Where user code would run, the next request is looked at:
 * a system call stops with HAL_STOP_SYSCALL as if the instruction before AFTER_CALL had made it, an
 * access to memory that has no page stops with a page fault. Without a request the user waits
 * (HAL_STOP_WAIT) and its task sleeps.
 *
 * After a result the vCPU goes back to the loop first: if the test asks for another call at once,
 * it is made without the task having slept.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "hal-hosted/engine/engine.h"
#include "hal-hosted/world/world_internal.h"
#include "hal/kernel_on.h"

#define SCRIPT_BASE 0x5a5a00000000ull

enum {
    SCRIPT_START = 0x400,
    AFTER_CALL = 0x500,
    HANDLER = 0x600,
    CALL_BYTES = 2,
    CALL_RT_SIGRETURN = 15,
    FAULT_TRIES = 4, /* at one page, before it counts as -EFAULT */
};

bool world_script_owns(const struct hal_user *user)
{
    return user->regs.rip - SCRIPT_BASE < WORLD_SCRIPT_ELF_BYTES;
}

uint64_t world_script_handler(void)
{
    return SCRIPT_BASE + HANDLER;
}

size_t world_script_elf(unsigned char out[WORLD_SCRIPT_ELF_BYTES])
{
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = SCRIPT_BASE + SCRIPT_START,
        .e_phoff = sizeof header,
        .e_ehsize = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
    };
    const Elf64_Phdr segment = {
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_X,
        .p_vaddr = SCRIPT_BASE,
        .p_filesz = WORLD_SCRIPT_ELF_BYTES,
        .p_memsz = WORLD_SCRIPT_ELF_BYTES,
        .p_align = HAL_PAGE_SIZE,
    };

    memset(out, 0, WORLD_SCRIPT_ELF_BYTES);
    memcpy(out, &header, sizeof header);
    memcpy(out + sizeof header, &segment, sizeof segment);
    return WORLD_SCRIPT_ELF_BYTES;
}

/* --- the vCPU's side --- */

static void finish(struct world_script *script, struct vcpu *vcpu, int64_t result)
{
    script->busy = script->memory = false;
    script->result = result;
    world_attention(vcpu->sim->world);
    context_suspend(vcpu, &vcpu->sim->suspended); /* perhaps there is more to do */
}

/* The page's bytes in the arena, or NULL and the fault that user code would have. */
static char *access_page(const struct world_script *script, struct hal_fault *out)
{
    uint64_t entry = aspace_entry(script->user->aspace, script->address);
    uint64_t wanted = script->write ? HAL_PROT_WRITE : HAL_PROT_READ;

    if (!(entry & wanted)) {
        *out = (struct hal_fault){
            .vector = HAL_VECTOR_PAGE,
            .error =
                HAL_PF_USER | (script->write ? HAL_PF_WRITE : 0) | (entry ? HAL_PF_PRESENT : 0),
            .address = script->address,
        };
        return NULL;
    }
    return machine_pointer(script->user->aspace->machine, entry & ASPACE_FRAME_MASK) +
           script->address % HAL_PAGE_SIZE;
}

/* Go on with an access. False: a fault has to be resolved first. */
static bool access_memory(struct world_script *script, struct vcpu *vcpu, struct hal_fault *out)
{
    uint64_t limit = vcpu->machine->boot.user_addr_limit;

    while (script->bytes > 0) {
        size_t part = HAL_PAGE_SIZE - script->address % HAL_PAGE_SIZE;
        char *page;

        if (script->address >= limit || script->tries >= FAULT_TRIES) {
            finish(script, vcpu, -EFAULT);
            return true;
        }
        page = access_page(script, out);
        if (!page) {
            script->tries++;
            return false;
        }
        part = part < script->bytes ? part : script->bytes;
        if (script->write) {
            memcpy(page, script->buffer, part);
        } else {
            memcpy(script->buffer, page, part);
        }
        script->buffer += part;
        script->address += part;
        script->bytes -= part;
        script->tries = 0;
    }
    finish(script, vcpu, 0);
    return true;
}

static void begin_call(struct world_script *script)
{
    struct hal_regs *regs = &script->user->regs;

    script->asked = false;
    regs->rax = script->request_number;
    regs->rdi = script->arguments[0];
    regs->rsi = script->arguments[1];
    regs->rdx = script->arguments[2];
    regs->r10 = script->arguments[3];
    regs->r8 = script->arguments[4];
    regs->r9 = script->arguments[5];
    regs->rip = regs->rcx = SCRIPT_BASE + AFTER_CALL;
    regs->r11 = regs->rflags;
}

static void appear(struct world_script *script, struct vcpu *vcpu)
{
    script->scripted = true;
    vcpu->machine->sim->arena->last_script = script->number;
    world_emit(vcpu->sim->world, WORLD_EVENT_USER, vcpu->machine, vcpu->sim, script->user, 1, 0);
    world_attention(vcpu->sim->world);
}

/* A handler runs: count it and return from it. */
static void return_from_handler(struct world_script *script)
{
    struct hal_regs *regs = &script->user->regs;

    script->signals++;
    script->last_signal = (int)regs->rdi;
    regs->rsp += 8; /* as `ret` to the restorer would */
    regs->rax = CALL_RT_SIGRETURN;
    regs->rip = regs->rcx = SCRIPT_BASE + HANDLER + CALL_BYTES;
    regs->r11 = regs->rflags;
}

enum hal_stop world_script_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out)
{
    struct world_script *script = world_user_of(user);
    struct hal_regs *regs = &user->regs;

    if (!script->scripted) {
        appear(script, vcpu);
    }
    if (regs->rip == SCRIPT_BASE + HANDLER) {
        return_from_handler(script);
        return HAL_STOP_SYSCALL;
    }
    if (regs->rip == SCRIPT_BASE + AFTER_CALL - CALL_BYTES) {
        regs->rip = regs->rcx = SCRIPT_BASE + AFTER_CALL; /* the kernel restarts the call */
        regs->r11 = regs->rflags;
        return HAL_STOP_SYSCALL;
    }
    if (script->busy && !script->asked && !script->memory) {
        finish(script, vcpu, (int64_t)regs->rax);
    }
    while (script->memory) {
        if (!access_memory(script, vcpu, out)) {
            return HAL_STOP_FAULT;
        }
    }
    if (vcpu->pending) {
        return HAL_STOP_INTERRUPT; /* finish() has let others run */
    }
    if (script->asked) {
        begin_call(script);
        return HAL_STOP_SYSCALL;
    }
    script->parked = true;
    user->waiting = 1;
    return HAL_STOP_WAIT;
}

/* The user runs code of its own now: if it was scripted, its execve has succeeded. */
void world_script_leave(struct hal_user *user)
{
    struct world_script *script = world_user_of(user);

    if (script->scripted) {
        script->scripted = script->busy = script->parked = false;
        script->result = 0;
        world_attention(vcpu_current()->sim->world);
    }
}

/* Inside an interrupt of the machine: wake those that have been asked for something. */
void world_script_deliver(struct machine *machine)
{
    struct world_arena *arena = machine->sim->arena;

    for (struct world_script *script = arena->scripts; script; script = script->next) {
        if (script->parked && script->busy) {
            script->parked = false;
            script->user->waiting = 0;
            kernel_on_user_wake(script->user);
        }
    }
}

/* --- the test's side --- */

struct world_script *world_script_find(struct machine *machine, uint32_t user)
{
    if (!machine->sim->on) {
        return NULL;
    }
    for (struct world_script *script = machine->sim->arena->scripts; script;
         script = script->next) {
        if (script->number == user) {
            return script->scripted ? script : NULL;
        }
    }
    return NULL;
}

uint32_t world_script_newest(const struct machine *machine)
{
    return machine->sim->on ? machine->sim->arena->last_script : 0;
}

uint32_t world_user_last(const struct machine *machine)
{
    return machine->sim->on ? machine->sim->arena->last_user : 0;
}

static void wake(struct world_script *script)
{
    script->busy = true;
    if (script->parked) {
        vcpu_kick(&script->user->aspace->machine->vcpus[0], VCPU_PENDING_SCRIPT);
    }
}

int world_script_ask(struct world_script *script, unsigned number, const uint64_t arguments[6])
{
    if (script->busy) {
        return -EBUSY;
    }
    script->asked = true;
    script->request_number = number;
    memcpy(script->arguments, arguments, sizeof script->arguments);
    wake(script);
    return 0;
}

int world_script_access(struct world_script *script, bool write, uint64_t address, void *buffer,
                        size_t bytes)
{
    if (script->busy) {
        return -EBUSY;
    }
    script->memory = true;
    script->write = write;
    script->address = address;
    script->buffer = buffer;
    script->bytes = bytes;
    script->tries = 0;
    wake(script);
    return 0;
}

bool world_script_busy(const struct world_script *script)
{
    return script->busy;
}

int64_t world_script_result(const struct world_script *script)
{
    return script->result;
}

uint32_t world_script_signals(const struct world_script *script, int *out_last)
{
    if (out_last) {
        *out_last = script->last_signal;
    }
    return script->signals;
}

struct hal_user *world_script_user(const struct world_script *script)
{
    return script->user;
}
