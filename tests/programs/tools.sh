# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Debuggers, and programs that own a terminal. Sourced by quick.sh; check.sh is already read.

# ---- strace ----
check strace_follows_a_shell '
    strace -f -o log bash -c "ls / | wc -l; (exit 3); true"
    grep -q "execve(\"/usr/bin/ls\"" log; grep -q "+++ exited with 3 +++" log; grep -q "SIGCHLD" log
    [[ $(tail -n 1 log) == *"+++ exited with 0 +++" ]]; [[ $(cut -d" " -f1 log | sort -u | wc -l) -ge 4 ]]
    strace -f --seccomp-bpf -e trace=openat -o log cat /etc/passwd >/dev/null
    grep -q "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY) = 3" log; ! grep -q "^[0-9]* read(" log'
check strace_counts 'strace -c -o log ls / >/dev/null; grep -q "100.*total" log; grep -qw getdents64 log'
check strace_changes_results '
    strace -o log -e inject=openat:error=EMFILE:when=3+ cat /etc/passwd 2>said && exit 1
    grep -q "Too many open files" said; grep -q "EMFILE.*INJECTED" log'
check strace_attaches '
    sleep 100 & pid=$!; strace -o log -p $pid 2>said & strace=$!
    until grep -q "^TracerPid:.[1-9]" /proc/$pid/status; do :; done
    kill $pid; wait $strace || true
    grep -q -- "--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER" log; grep -q "killed by SIGTERM" log'

# ---- gdb ----
# A program with two threads, which stops on request; crash: a fault in a third function.
# shellcheck disable=SC2016 # for the shells that run the checks
debugged='
cat >a.c <<END
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int counter;
static pthread_barrier_t barrier;
static int leaf(int x) { counter += x; return counter; }
static int middle(int x) { return leaf(x + 1) * 2; }
static void *second(void *arg) { pthread_barrier_wait(&barrier); for (;;) pause(); return arg; }
static void crash(char *where) { *where = 1; }
int main(int argc, char **argv) {
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, second, NULL);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 3; i++) printf("%d\\n", middle(i));
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "crash") == 0) crash((char *)16);
    if (argc > 1) pause();
    return counter == 6 ? 5 : 1;
}
END
gcc -g -O0 -o a a.c -pthread'
check gdb_breaks_and_steps "$debugged"'
    gdb -nx -batch -ex "break leaf" -ex run -ex bt -ex "print x" -ex finish -ex "info threads" \
        -ex "thread apply all bt" -ex "set var counter = 3" -ex continue -ex "print counter" \
        -ex kill ./a >log 2>&1
    cat log; grep -q "#1 .* middle (x=0)" log; grep -q "#2 .* main (argc=1" log; grep -qF "\$1 = 1" log
    grep -q "Value returned is .* = 1" log; [[ $(grep -c "^[* ] [12] .*Thread" log) == 2 ]]
    grep -q "second (arg=0x0)" log; grep -qF "\$3 = 3" log'
check gdb_watches_a_variable "$debugged"'
    gdb -nx -batch -ex "break middle" -ex run -ex delete -ex "watch counter" -ex "continue" -ex continue \
        -ex "info watchpoints" -ex stepi -ex "info registers rip" -ex kill ./a >log 2>&1
    cat log; grep -q "^Hardware watchpoint 2: counter" log; grep -q "^Old value = 0" log
    grep -q "^New value = 3" log; grep -q "already hit 2 times" log'
check gdb_attaches "$debugged"'
    ./a stay >out & until [[ -s out ]]; do :; done
    gdb -nx -batch -p $! -ex "thread apply all bt" -ex "print counter" -ex detach >log 2>&1; cat log
    grep -q "second (arg=0x0)" log; grep -q "main (argc=2" log
    grep -qF "\$1 = 6" log; kill $!; wait $! || [[ $? == 143 ]]'
check gdb_opens_a_core "$debugged"'
    read -r pattern </proc/sys/kernel/core_pattern; [[ $pattern == core ]] || exit 0
    ulimit -c unlimited; ./a crash >out || [[ $? == 139 ]]; ls; core=$(echo core*)
    gdb -nx -batch -ex bt -ex "info threads" -ex "print counter" ./a "$core" >log 2>&1; cat log
    grep -q "terminated with signal SIGSEGV" log; grep -q "#0 .* crash (where=0x10" log
    grep -q "#1 .* main (argc=2" log; grep -qF "\$1 = 6" log; [[ $(grep -c "LWP" log) -ge 2 ]]'
check gcore "$debugged"'
    ./a stay >out & until [[ -s out ]]; do :; done
    gcore -o saved $! >/dev/null 2>&1; gdb -nx -batch -ex "print counter" ./a saved.$! | grep -qF "\$1 = 6"
    kill $!'

# ---- terminals ----
# seen TEXT: wait until the pane of tmux shows it.
# shellcheck disable=SC2016
tmux='
export TERM=xterm; t() { tmux -f /dev/null -L "$$" "$@"; }; trap "t kill-server 2>/dev/null || true" EXIT
seen() { until t capture-pane -p | grep -q -- "$1"; do :; done; }'
check tmux_drives_a_shell "$tmux"'
    t new-session -d -x 90 -y 30 "bash --norc" && t send-keys "stty size; tty; echo \$((6 * 7))x" Enter
    seen "^42x"; seen "^30 90\|^29 90"; seen "^/dev/pts/"
    t split-window -v "bash --norc" && [[ $(t list-panes | wc -l) == 2 ]]
    t send-keys "stty size; echo lower" Enter; seen "^lower"; t resize-pane -y 5
    until [[ $(stty size <"$(t display-message -p "#{pane_tty}")") == "5 90" ]]; do :; done
    t send-keys "sleep 1000" Enter; until pid=$(pgrep -f "^sleep 1000"); do :; done
    t send-keys C-z; seen Stopped; t send-keys fg Enter
    until [[ $(ps -o stat= -p $pid) == S+ ]]; do :; done
    t send-keys C-c; while [[ -d /proc/$pid ]]; do :; done; t send-keys "echo back" Enter; seen "^back"'
check tmux_shows_vim "$tmux"'
    t new-session -d "vim.tiny -u NONE file"; seen "^~"; t send-keys "ihello" Escape "yyp:wq" Enter
    while t has-session 2>/dev/null; do :; done; [[ $(cat file) == "hello
hello" ]]'
check tmux_shows_less "$tmux"'
    seq 5000 >file; t new-session -d "less file"; seen "^1$"; t send-keys G; seen "^5000$"
    t send-keys "?^777$" Enter; seen "^777$"; t send-keys "!echo inner" Enter; seen "^inner"
    t send-keys Enter q; while t has-session 2>/dev/null; do :; done'
check tmux_shows_top "$tmux"'
    t new-session -d -x 100 -y 30 "top -d 0.2"; seen "^Tasks:"; seen "COMMAND"; t send-keys 1; seen "^%Cpu0"
    t send-keys q; while t has-session 2>/dev/null; do :; done
    t new-session -d -x 100 -y 30 htop; seen "Load average"; t send-keys q
    while t has-session 2>/dev/null; do :; done'
check screen '
    export TERM=vt100; screen -dmS s bash --norc; until screen -S s -Q title >/dev/null 2>&1; do :; done
    screen -S s -X stuff "echo \$((6 * 7)) >answer^M"; until [[ -s answer ]]; do :; done
    [[ $(cat answer) == 42 ]]; screen -S s -X quit'
check script_and_job_control '
    export TERM=vt100; { # `wait` says nothing of a job that has ended by then: the next prompt does
        echo "sleep 50 &"; echo "jobs -l; kill %1; while kill -0 %1 2>/dev/null; do :; done"
        echo "echo \$-"; echo exit; } |
        script -qec "bash --norc -i" log >/dev/null; grep -q "Running *sleep 50" log
    grep -q "Terminated" log; grep -q "himBH" log
    script -qec "bash -c \"exit 9\"" /dev/null >/dev/null || [[ $? == 9 ]]'
