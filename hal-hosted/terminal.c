/* SPDX-License-Identifier: MIT
 *
 * Raw mode of the host terminal (terminal.h); termios(3), signal(7).
 *
 * Handlers are installed only where the disposition was the default one or, for the signals of a
 * crash, chained: a sanitizer's or the program's own handler still runs, after the terminal has
 * been restored. Everything that handlers read is written before they are installed.
 */
#include "hal-hosted/terminal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static const int handled[] = {
    SIGHUP,  SIGINT,   SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, /* end */
    SIGSEGV, SIGBUS,   SIGILL,  SIGFPE,  SIGABRT, SIGSYS,  SIGTRAP,                   /* crash */
    SIGTSTP, SIGTTIN,  SIGTTOU,                                                       /* stop */
    SIGCONT, SIGWINCH,
};

enum { HANDLED_COUNT = sizeof handled / sizeof handled[0] };

static struct terminal {
    pthread_mutex_t lock; /* begin and end; handlers do not take it */
    int fd;               /* -1 when no terminal is raw; atomic */
    struct termios cooked, raw;
    void (*resized)(void *argument);
    void *argument;
    struct sigaction old[HANDLED_COUNT];
    bool installed[HANDLED_COUNT];
    bool exit_hooked;
} terminal = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* tcsetattr by a background process stops it with SIGTTOU; leave a terminal that is not ours. */
static void terminal_apply(const struct termios *mode)
{
    int saved_errno = errno;
    int fd = __atomic_load_n(&terminal.fd, __ATOMIC_ACQUIRE);

    if (fd >= 0 && tcgetpgrp(fd) == getpgrp()) {
        tcsetattr(fd, TCSANOW, mode);
    }
    errno = saved_errno;
}

void host_terminal_restore_all(void)
{
    terminal_apply(&terminal.cooked);
}

static unsigned handled_index(int number)
{
    for (unsigned i = 0; i < HANDLED_COUNT; i++) {
        if (handled[i] == number) {
            return i;
        }
    }
    return 0;
}

static void on_signal(int number, siginfo_t *info, void *context);

/* Let the signal do what it did before this file came: end, dump core, stop, or the old handler. */
static void pass_on(int number)
{
    struct sigaction mine;
    sigset_t only, old;

    sigaction(number, &terminal.old[handled_index(number)], &mine);
    sigemptyset(&only);
    sigaddset(&only, number);
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &only, &old); /* here it happens */
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    sigaction(number, &mine, NULL); /* back from a stop, or from the old handler */
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    int saved_errno = errno;

    switch (number) {
    case SIGWINCH:
        terminal.resized(terminal.argument);
        break;
    case SIGCONT:
        terminal_apply(&terminal.raw);
        terminal.resized(terminal.argument);
        break;
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP:
    case SIGSYS:
        terminal_apply(&terminal.cooked);
        sigaction(number, &terminal.old[handled_index(number)], NULL);
        if (info->si_code <= 0) {
            raise(number); /* sent, not caused: returning would not repeat it */
        }
        break; /* the instruction runs again and meets the old handler, registers intact */
    default:
        terminal_apply(&terminal.cooked);
        pass_on(number);
        terminal_apply(&terminal.raw);
        break;
    }
    errno = saved_errno;
    (void)context;
}

static bool is_crash(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
           number == SIGABRT || number == SIGSYS || number == SIGTRAP;
}

static void handlers_install(void)
{
    struct sigaction action = {.sa_sigaction = on_signal};

    sigemptyset(&action.sa_mask);
    for (unsigned i = 0; i < HANDLED_COUNT; i++) {
        sigaction(handled[i], NULL, &terminal.old[i]);
        terminal.installed[i] = is_crash(handled[i]) || (!(terminal.old[i].sa_flags & SA_SIGINFO) &&
                                                         terminal.old[i].sa_handler == SIG_DFL);
        action.sa_flags = SA_SIGINFO | SA_RESTART | (terminal.old[i].sa_flags & SA_ONSTACK);
        if (terminal.installed[i]) {
            sigaction(handled[i], &action, NULL);
        }
    }
}

static void handlers_remove(void)
{
    for (unsigned i = 0; i < HANDLED_COUNT; i++) {
        if (terminal.installed[i]) {
            sigaction(handled[i], &terminal.old[i], NULL);
            terminal.installed[i] = false;
        }
    }
}

void host_terminal_raw_begin(int fd, void (*resized)(void *argument), void *argument)
{
    pthread_mutex_lock(&terminal.lock);
    if (terminal.fd < 0 && tcgetattr(fd, &terminal.cooked) == 0) {
        terminal.raw = terminal.cooked;
        cfmakeraw(&terminal.raw);
        terminal.resized = resized;
        terminal.argument = argument;
        if (!terminal.exit_hooked) {
            atexit(host_terminal_restore_all);
            terminal.exit_hooked = true;
        }
        __atomic_store_n(&terminal.fd, fd, __ATOMIC_RELEASE);
        handlers_install();
        terminal_apply(&terminal.raw);
    }
    pthread_mutex_unlock(&terminal.lock);
}

void host_terminal_raw_end(int fd)
{
    pthread_mutex_lock(&terminal.lock);
    if (fd >= 0 && terminal.fd == fd) {
        terminal_apply(&terminal.cooked);
        handlers_remove();
        __atomic_store_n(&terminal.fd, -1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&terminal.lock);
}
