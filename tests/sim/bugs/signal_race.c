/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a signal, with a race.
 *
 * The signal may come after the flag was looked at and before pause() sleeps; then pause() sleeps
 * for ever. FIXED blocks the signal meanwhile, and lets sigsuspend(2) unblock it and sleep at once.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ready;

static void on_signal(int signal)
{
    (void)signal;
    ready = 1;
}

static void wait_until_ready(const sigset_t *before)
{
    while (!ready) {
        if (FIXED) {
            sigsuspend(before);
        } else {
            pause();
        }
    }
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked, before;

    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    if (FIXED) {
        sigprocmask(SIG_BLOCK, &blocked, &before);
    } else {
        sigemptyset(&before);
    }
    if (fork() == 0) {
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    wait_until_ready(&before);
    while (wait(NULL) < 0) {
    }
    puts("ready");
    return 0;
}
