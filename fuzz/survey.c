/* SPDX-License-Identifier: MIT
 *
 * What the calls of programs come to (survey.h).
 */
#include "fuzz/survey.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/errno_sets.h"
#include "fuzz/inside.h"
#include "fuzz/run_program.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/compiler.h"
#include "kernel/syscall/syscalls.h"

struct survey *survey_create(void)
{
    struct survey *survey = mmap(NULL, sizeof *survey, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* the children write it */

    if (survey == MAP_FAILED)
        fuzz_fail("no memory for a survey");
    run_reset(); /* so that the children need not boot */
    return survey;
}

struct running {
    struct survey *survey;
    const struct program *program;
};

static void note_call(void *argument, unsigned index, unsigned lane,
                      const struct prepared_call *call, const int64_t *result)
{
    struct running *running = argument;
    const unsigned number = running->program->calls[index].number;

    (void)lane;
    if (call || number >= SURVEY_CALLS)
        return;
    running->survey->calls[number].made++;
    if (*result >= 0 || *result < -4095)
        running->survey->calls[number].succeeded++;
    else if (-*result < SURVEY_ERRORS)
        running->survey->calls[number].errors[-*result]++;
}

void survey_add(struct survey *survey, const struct program *program)
{
    struct running running = {survey, program};
    const struct run_options options = {
        .observe = note_call, .argument = &running, .any_errno = true};
    static struct run_outcome outcome;
    int status;

    pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        run_program(program, &options, &outcome);
        _exit(0);
    }
    waitpid(pid, &status, 0);
}

/* Calls that do not return, or never without an error. */
static bool can_succeed(unsigned number)
{
    static const uint16_t never[] = {
        SYS_exit,           SYS_exit_group,    SYS_rt_sigreturn,
        SYS_pause,          SYS_rt_sigsuspend, SYS_io_cancel, /* EINPROGRESS */
        SYS_pkey_alloc,                                       /* no CPU has keys */
        SYS_pkey_free,      SYS_quotactl_fd,                  /* no file system has quotas */
        SYS_restart_syscall};

    for (unsigned i = 0; i < ARRAY_SIZE(never); i++) {
        if (never[i] == number)
            return false;
    }
    return true;
}

/* On purpose, whatever it is given. */
static bool is_refused(unsigned number)
{
    return errno_is_possible(number, ENOSYS);
}

bool survey_is_missing(const struct survey *survey, unsigned number)
{
    return program_call_exists(number) && can_succeed(number) && !is_refused(number) &&
           survey->calls[number].succeeded == 0;
}
