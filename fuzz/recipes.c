/* SPDX-License-Identifier: MIT
 *
 * Recipes (recipes.h), one string each: calls separated by ";", a call's name and its arguments by
 * spaces. An argument is a number; & what the type in the table asks for (a structure, a buffer, a
 * word); fd, fd1 … the last descriptor made, the one before; pid the last task; r1, r2 … the result
 * of the call so many before; map the last mapping; /path or 'word from the vocabulary; * anything.
 * "1: name …" is a call of the next task, "2: name …" of the one behind it.
 */
#include "fuzz/recipes.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/values_internal.h"
#include "kernel/lib/compiler.h"
#include "kernel/syscall/syscalls.h"

static const char *const recipes[] = {
    /* files */
    "open /tmp/a 0x42 0644; write fd & 600; pread64 fd & 64 0; pwrite64 fd & 100 8192; fsync fd; "
    "fdatasync fd; readahead fd 0 4096; sync_file_range fd 0 4096 7; fadvise64 fd 0 0 3; syncfs fd",
    "open /tmp/a 0x42 0644; ftruncate fd 20000; fallocate fd 1 0 70000; fallocate fd 3 4096 8192; "
    "lseek fd 0 3; mmap 0 8192 3 1 fd 0; msync map 4096 4; remap_file_pages map 4096 0 1 0",
    "open /tmp/b 0x42 0600; write fd & 64; open /tmp/a 0x42 0600; sendfile fd fd1 0 64; "
    "copy_file_range fd1 0 fd 0 64 0; readv fd1 & 2; writev fd & 2; preadv fd & 1 0 0; "
    "pwritev fd & 1 0 0; pwritev2 fd & 1 0 0 0",
    "open /tmp/b 0x42 0600; write fd & 64; lseek fd 0 0; preadv2 fd & 1 0 0 0; preadv2 fd & 1 -1 "
    "-1 0; "
    "flock fd 2; fcntl fd 6 &; fcntl fd 37 &; fcntl fd 1031 4096",
    "open /tmp/a 0x42 0644; setxattr /tmp/a 'user.a & 8 0; lsetxattr /tmp/a 'user.bb & 8 0; "
    "fsetxattr fd 'user.a & 4 2; getxattr /tmp/a 'user.a & 64; lgetxattr /tmp/a 'user.bb & 64; "
    "fgetxattr fd 'user.a & 64; listxattr /tmp/a & 64; flistxattr fd & 64; removexattr /tmp/a "
    "'user.a",
    "open /tmp/a 0x42 0644; fsetxattr fd 'user.a & 8 0; lsetxattr /tmp/a 'user.bb & 8 0; "
    "fremovexattr fd 'user.a; lremovexattr /tmp/a 'user.bb; llistxattr /tmp/a & 64",
    "mkdir /tmp/d 0755; open /tmp/d 0x10000 0; getdents fd & 4096; getdents64 fd & 4096; fchdir "
    "fd; "
    "mkdirat fd a 0700; getdents64 fd & 4096; unlinkat fd a 0x200; rmdir /tmp/d",
    "creat /tmp/a 0644; link /tmp/a /tmp/b; linkat -100 /tmp/b -100 /tmp/d 0; symlink 'a "
    "/tmp/link; "
    "readlink /tmp/link & 64; rename /tmp/a /tmp/b; renameat -100 /tmp/d -100 /tmp/a; "
    "renameat2 -100 /tmp/a -100 /tmp/b 2; unlink /tmp/a",
    "creat /tmp/a 0644; statx -100 /tmp/a 0 0x7ff &; faccessat2 -100 /tmp/a 4 0; chown /tmp/a 1000 "
    "1000; "
    "utimensat -100 /tmp/a & 0; utimes /tmp/a &; futimesat -100 /tmp/a &; utime /tmp/a &; "
    "truncate /tmp/a 5000",
    "creat /tmp/a 0644; name_to_handle_at -100 /tmp/a & & 0; open /tmp 0x10000 0; "
    "open_by_handle_at fd & 0",
    "openat2 -100 /tmp/a & 24; open /tmp 0x200000 0; openat fd a 0x42 0600; fstat fd &; fstatfs fd "
    "&",
    "open /tmp/a 0x42 0600; fcntl fd 1024 1; open /tmp/a 0x800 0; fcntl fd1 1025 0",
    "mknod /tmp/fifo 010644 0; open /tmp/fifo 0x802 0; write fd & 64; read fd & 64; poll & 2 0",
    "memfd_create & 2; write fd & 64; fcntl fd 1033 8; fcntl fd 1034 0; mmap 0 4096 1 1 fd 0",
    "execve /bin/job & &",
    "open /bin/image 0 0; read fd & 64; mmap 0 4096 5 2 fd 0; execve /bin/image & &",
    "open /bin/job 0 0; execveat fd \"\" & & 0x1000",
    "vfork; exit 0",
    /* pipes and what they feed */
    "pipe2 & 0x800; write fd & 512; tee fd1 fd 64 2; splice fd1 0 fd 0 64 2; vmsplice fd & 1 0; "
    "read fd1 & 64; fcntl fd 1031 65536; ioctl fd 0x541b &",
    "eventfd2 3 0x800; write fd & 8; read fd & 8; epoll_create1 0; epoll_ctl fd 1 fd1 &; "
    "epoll_wait fd & 4 0; epoll_ctl fd 3 fd1 &; epoll_pwait fd & 4 0 0 8; epoll_pwait2 fd & 4 & 0 "
    "8; "
    "epoll_ctl fd 2 fd1 0",
    "timerfd_create 1 0x800; timerfd_settime fd 0 & &; timerfd_gettime fd &; nanosleep & 0; read "
    "fd & 8",
    "signalfd4 -1 & 8 0x800; rt_sigprocmask 0 & 0 8; kill 0 10; read fd & 128; signalfd fd & 8",
    "inotify_init1 0x800; inotify_add_watch fd /tmp 0xfff; creat /tmp/a 0644; unlink /tmp/a; "
    "read fd1 & 512; inotify_rm_watch fd 1",
    "fanotify_init 0x80a 2; fanotify_mark fd 1 0x3b -100 /tmp/a; creat /tmp/a 0644; read fd1 & "
    "512; "
    "write fd1 & 8; fanotify_mark fd1 0x80 0 -100 /tmp",
    "fanotify_init 4 2; fanotify_mark fd 0x11 0x10000 -100 /tmp; open /etc/passwd 0x800 0",
    "open /tmp 0x10000 0; fcntl fd 1026 0x3f; fcntl fd 8 0; creat /tmp/a 0600",
    "userfaultfd 0x801; ioctl fd 0xc018aa3f &; mmap 0x20000000 16384 3 0x32 -1 0; ioctl fd "
    "0xc020aa00 &",
    /* sockets */
    "socketpair 1 1 0 &; sendto fd & 64 0 0 0; recvfrom fd1 & 64 0x40 0 0; sendmsg fd & 0; "
    "recvmsg fd1 & 0x40; getsockopt fd 1 17 & &; setsockopt fd 1 16 & 4; getsockname fd & &; "
    "getpeername fd & &; shutdown fd 2",
    "socketpair 1 2 0 &; sendmmsg fd & 2 0; recvmmsg fd1 & 2 0x40 0; sendmsg fd & 0; recvmsg fd1 & "
    "0x40",
    "socketpair 1 5 0 &; sendmsg fd & 0; close fd; recvmsg fd1 & 0x40; close fd1",
    "socket 1 1 0; bind fd & 110; listen fd 3; socket 1 0x801 0; connect fd & 110; accept4 fd1 0 0 "
    "0x800; "
    "sendmsg fd1 & 0x40; recvmsg fd & 0x40",
    "socket 1 2 0; bind fd & 2; getsockname fd & &; socket 1 2 0; sendto fd & 8 0x40 & 110",
    "socket 1 1 0; bind fd & 2; listen fd 1; accept fd 0 0",
    /* System V and POSIX IPC */
    "shmget 0 8192 0x3ff; shmat r1 0 0; shmctl r2 2 &; shmdt r2; shmctl r4 0 0",
    "semget 0 2 0x3ff; semctl r1 0 16 0; semop r2 & 1; semtimedop r3 & 1 &; semctl r4 0 2 &; "
    "semctl r5 0 0 0",
    "msgget 0 0x3ff; msgsnd r1 & 16 0x800; msgrcv r2 & 64 0 0x800; msgctl r3 2 &; msgctl r4 0 0",
    "mq_open 'name 0x842 0600 0; mq_timedsend fd & 16 1 &; mq_notify fd &; mq_getsetattr fd & &; "
    "mq_timedreceive fd & 8192 0 &; mq_unlink 'name",
    /* memory */
    "mmap 0x20000000 65536 3 0x32 -1 0; mprotect 0x20008000 4096 1; madvise 0x20008000 8192 4; "
    "mremap 0x20000000 8192 16384 1 0; mlock 0x20000000 4096; munlock 0x20000000 4096; "
    "mincore 0x20000000 4096 &; mbind 0x20000000 4096 0 0 0 0; munmap 0x20000000 8192",
    "pkey_alloc 0 0; mmap 0x20000000 4096 3 0x32 -1 0; pkey_mprotect 0x20000000 4096 1 -1; "
    "pkey_free r3",
    "get_mempolicy & & 64 0 0; set_mempolicy 0 0 0; migrate_pages 0 64 & &; move_pages 0 1 & 0 & 0",
    "mmap 0x20000000 65536 3 0x32 -1 0; mbind 0x20000000 65536 2 & 8 0; "
    "set_mempolicy_home_node 0x20000000 65536 0 0; mlockall 1; munlockall",
    "process_vm_readv pid & 1 & 1 0; process_vm_writev pid & 1 & 1 0; pidfd_open pid 0; "
    "process_madvise fd & 1 20 0; process_mrelease fd 0; kcmp 0 pid 0 0 0",
    /* time and signals */
    "timer_create 1 0 &; timer_settime 0 0 & &; timer_gettime 0 &; timer_getoverrun 0; "
    "timer_delete 0",
    "timer_create 0 0 &; timer_settime 0 1 & 0; setitimer 0 & &; getitimer 0 &; alarm 1; pause",
    "rt_sigaction 10 & & 8; getpid; tgkill pid pid 10; tkill pid 12; rt_sigpending & 8; "
    "sigaltstack & 0; rt_sigqueueinfo pid 10 &; rt_tgsigqueueinfo pid pid 10 &; rt_sigsuspend & 8",
    "rt_sigprocmask 0 & 0 8; kill 0 10; rt_sigtimedwait & & & 8; restart_syscall",
    "clock_settime 0 &; clock_adjtime 0 &; adjtimex &; clock_nanosleep 1 0 & 0; settimeofday & 0; "
    "times &; getrusage 0 &; getrusage -1 &; gettimeofday & &",
    /* tasks */
    "fork; wait4 pid & 1 &; waitid 1 pid & 5 &; setpgid pid 0; kill pid 9; wait4 pid & 0 &",
    "clone 0x7d0f00 & & & 0; futex & 129 1 0 0 0; futex & 128 0 & 0 0; futex & 1 1 0 0 0",
    "clone3 & 88; sched_setattr pid & 0; sched_getattr pid & 56 0; sched_setparam pid &; "
    "sched_setscheduler pid 1 &; sched_rr_get_interval pid &; sched_setaffinity pid 8 &; "
    "sched_getaffinity pid 8 &; setpriority 0 pid 5; ioprio_set 1 pid 0x4001",
    "open /tmp/a 0x42 0600; fork; pidfd_open pid 0; pidfd_send_signal fd 18 0 0; pidfd_getfd fd 0 "
    "0; waitid 3 fd & 5 0; "
    "pidfd_send_signal fd 9 0 0; waitid 3 fd & 4 0",
    "fork; ptrace 16 pid 0 0; wait4 pid & 0x40000000 0; ptrace 0x4200 pid 0 0x7f; ptrace 12 pid 0 "
    "&; "
    "ptrace 2 pid 0x10000000 &; ptrace 4 pid 0x10000000 1; ptrace 24 pid 0 0; wait4 pid & "
    "0x40000000 0; "
    "ptrace 17 pid 0 0",
    "fork; ptrace 0x4206 pid 0 0x7f; ptrace 0x4207 pid 0 0; wait4 pid & 0x40000000 0; "
    "ptrace 0x420e pid 88 &; ptrace 0x4204 pid 1 &; ptrace 9 pid 0 0; kill pid 10; "
    "wait4 pid & 0x40000000 0; ptrace 7 pid 0 10",
    "ptrace 0 0 0 0; kill 0 10; fork; ptrace 0x4206 pid 0 0; kill pid 19; wait4 pid & 0x40000002 "
    "0; "
    "ptrace 0x4208 pid 0 0; kill pid 18; kill pid 9",
    "futex & 0x86 0 0 0 0; futex & 0x87 0 0 0 0; futex_waitv & 1 0 & 1; set_robust_list & 24; "
    "get_robust_list 0 & &; futex & 0x84 1 1 & 1; futex & 0x83 1 1 & 0",
    "prctl 15 0x10000000 0 0 0; prctl 16 0x10000000 0 0 0; prctl 4 0 0 0 0; prctl 36 1 0 0 0; "
    "prctl 38 1 0 0 0; "
    "seccomp 1 0 &; seccomp 2 0 &; getpid; open /tmp/a 0x42 0600",
    "prctl 38 1 0 0 0; seccomp 1 8 &; seccomp 1 1 &; getpid; close fd; ioctl fd 0xc0502100 &",
    "setsid; getsid 0; setpgid 0 0; open /dev/ptmx 2 0; ioctl fd 0x40045431 &; ioctl fd 0x80045430 "
    "&; "
    "open /dev/pts/0 2 0; ioctl fd 0x540e 0; write fd1 & 64; read fd & 64",
    "open /dev/ptmx 0x802 0; ioctl fd 0x40045431 &; ioctl fd 0x5441 2; ioctl fd 0x5402 &; write "
    "fd1 & 8; "
    "vhangup",
    "capget & &; capset & &; setresuid 0 1000 0; setresuid 0 0 0; setgroups 2 &; getgroups 2 &; "
    "setfsuid 0; "
    "setreuid 0 0",
    "setrlimit 7 &; prlimit64 0 4 & &; personality 0x40000; iopl 0; rseq & 32 0 7; membarrier 0 0 "
    "0; "
    "membarrier 16 0 0; membarrier 8 0 0; arch_prctl 0x1002 0x10000000; arch_prctl 0x1003 &",
    /* namespaces and mounts */
    "unshare 0x20000; mount 'tmpfs /home 'tmpfs 0 'size=1m,mode=700; creat /home/file 0600; "
    "mount 'none /home 'none 0x40000 0; mount 0 /home 0 0x1021 0; umount2 /home 2; pivot_root . .",
    "unshare 0x20000; mkdir /tmp/d 0755; mount 'tmpfs /tmp/d 'tmpfs 0 0; chdir /tmp/d; mkdir "
    "/tmp/d/a 0700; "
    "pivot_root /tmp/d /tmp/d/a; umount2 . 2",
    "unshare 0x4000000; sethostname & 4; setdomainname & 4; uname &; unshare 0x8000000; unshare "
    "0x2000000; "
    "open /proc/self/fd 0 0; unshare 0x20000000; fork; getpid",
    "unshare 0x10000000; open /proc/self/stat 0 0; read fd & 512; setresuid 0 0 0; unshare "
    "0x20000; "
    "mount 'tmpfs /tmp 'tmpfs 0 0",
    "pidfd_open 1 0; setns fd 0x20000; setns fd 0x4000000; ioctl fd 0xff03 0",
    "fsopen 'tmpfs 0; fsconfig fd 6 0 0 0; fsmount fd 0 0; "
    "move_mount fd \"\" -100 /home 4; open_tree -100 /home 1; mount_setattr fd \"\" 0x1000 & 32; "
    "fspick -100 /home 0",
    "open_tree -100 /tmp 1; move_mount fd \"\" -100 /home 4; mount_setattr -100 /home 0 & 32; "
    "umount2 /home 0; chroot /tmp",
    "landlock_create_ruleset & 8 0; open /tmp 0x200000 0; landlock_add_rule fd1 1 & 0; prctl 38 1 "
    "0 0 0; "
    "landlock_restrict_self fd1 0; creat /tmp/a 0600; open /etc/passwd 0 0",
    /* keys */
    "add_key 'user & & 8 -3; keyctl 11 r1 & 64 0; keyctl 6 r2 & 64 0; keyctl 5 r3 0x3f3f0000 0 0; "
    "keyctl 15 r4 100 0 0; request_key 'user & 0 -3; keyctl 2 r6 & 8 0; keyctl 3 r7 0 0 0",
    "keyctl 1 0 0 0 0; keyctl 0 -3 1 0 0; add_key 'keyring & 0 0 -3; add_key 'user & & 4 r1; "
    "keyctl 8 r1 r2 0 0; keyctl 10 r3 & & 0; keyctl 9 r3 r4 0 0; keyctl 7 r5 0 0 0; keyctl 17 & 64 "
    "0 0",
    /* asynchronous input and output */
    "io_setup 8 0x10000000; open /tmp/a 0x42 0600; io_submit map 1 &; io_getevents map 0 4 & &; "
    "io_pgetevents map 0 4 & & 0; io_cancel map & &; io_destroy map",
    "open /tmp/a 0x42 0600; io_uring_setup 4 &; mmap 0 4096 3 1 fd 0; mmap 0 4096 3 1 fd "
    "0x10000000; "
    "io_uring_enter fd 2 0 1 & 8; io_uring_enter fd 2 1 1 & 8; io_uring_register fd 8 0 0",
    "socketpair 1 1 0 &; io_uring_setup 8 &; mmap 0 4096 3 1 fd 0; mmap 0 4096 3 1 fd 0x10000000; "
    "io_uring_register fd 0 & 2; io_uring_register fd 2 & 2; io_uring_enter fd 4 0 1 & 8; "
    "io_uring_enter fd 4 0 1 & 8; write fd1 & 8; io_uring_enter fd 1 1 1 & 8",
    "eventfd2 0 0; io_uring_setup 4 &; mmap 0 4096 3 1 fd 0; mmap 0 4096 3 1 fd 0x10000000; "
    "io_uring_register fd 4 & 1; io_uring_register fd 9 0 0; io_uring_enter fd 3 0 0 & 8; fork; "
    "close fd",
    /* the machine */
    "sync; sysinfo &; syslog 3 & 64; statfs /tmp &; ustat 0 &; getcpu & & 0; getrandom & 64 0; "
    "time &; "
    "sysfs 3; ioprio_get 1 0",
    "sched_get_priority_max 1; getcwd & 64; umask 022; getpriority 0 0; select 8 & & & &; pselect6 "
    "8 & 0 0 & 0; "
    "ppoll & 2 & 0 8; close_range 20 30 0; dup2 fd 7; dup3 fd 9 0x80000",
    "open /proc/self/mem 2 0; pread64 fd & 64 0x10000000; pwrite64 fd & 64 0x10001000",
    "open /proc/self/oom_score_adj 2 0; write fd & 1; open /proc/self/clear_refs 1 0; write fd & 1",
    "open /dev/kmsg 0x802 0; write fd & 32; read fd & 512; open /dev/zero 2 0; mmap 0 8192 3 2 fd "
    "0",
    /* what asks for little */
    "stat /tmp &; access /tmp 4; faccessat -100 /tmp 4; pipe &; dup fd; dup2 fd 21; dup3 fd 22 0; "
    "epoll_create 4; inotify_init; gettid",
    "creat /tmp/a 0644; chmod /tmp/a 0600; fchmodat -100 /tmp/a 0644; fchown fd 1000 1000; "
    "fchownat "
    "-100 /tmp/a 1 1 0; symlinkat /tmp/a -100 /tmp/link; readlinkat -100 /tmp/link & 64; utimes "
    "/tmp/a &; openat2 -100 /tmp/b & 24",
    "select 0 0 0 0 &; pselect6 0 0 0 0 & 0; nanosleep & 0; getrlimit 7 &; acct 0; "
    "quotactl 0x80000100 0 0 &",
    "getresgid & & &; getpgid 0; setpgid 0 0; capget & &; setregid 1000 1000; setfsgid 1000; "
    "setgid "
    "1000; setuid 1000",
    "setitimer 0 & &; sigaltstack & 0; rt_sigpending & 8; timerfd_create 1 0x800; timerfd_settime "
    "fd 0 & 0; signalfd -1 & 8",
    "sched_setparam 0 &; sched_getparam 0 &; sched_getscheduler 0; sched_get_priority_min 1; "
    "sched_setattr 0 & 0",
    "reboot 0xfee1dead 672274793 0 0",
    "getpid; kill pid 0; kcmp pid pid 1 0 0; pidfd_open pid 0; process_madvise fd & 1 20 0",
    "rt_sigaction 10 & & 8; getpid; rt_sigqueueinfo pid 10 &; gettid; rt_tgsigqueueinfo pid pid 10 "
    "&",
    "getpid; rt_sigprocmask 0 & 0 8; tkill pid 10; rt_sigtimedwait & & 0 8",
    "setsid; vhangup; memfd_secret 0",
    "ustat 2 &",
    "fork; kill pid 9; waitid 1 pid & 4 0",
    "fork; pidfd_open pid 0; ptrace 0x4206 pid 0 0x40; kill pid 9; process_mrelease fd 0; 3: "
    "getpid",
    "mmap 0x20000000 16384 3 0x32 -1 0; mlock2 0x20000000 4096 1; munlock 0x20000000 4096; mincore "
    "0x20000000 4096 &; mbind 0x20000000 16384 2 & 8 0; set_mempolicy_home_node 0x20000000 16384 0 "
    "0; migrate_pages 0 8 & &",
    "pipe &; write fd & 64; pipe &; tee fd3 fd 64 2; splice fd3 0 fd 0 64 2",
    "inotify_init1 0x800; inotify_add_watch fd /tmp 0xfff; inotify_rm_watch fd 1",
    "socket 1 1 0; bind fd & 110; listen fd 3; socket 1 0x801 0; connect fd & 110; accept fd1 0 0; "
    "socket 1 0x801 0; connect fd & 110; accept4 fd4 0 0 0x800",
    "socket 1 1 0; bind fd & 110; listen fd 3; socket 1 0x801 0; connect fd & 110; accept4 fd1 0 0 "
    "0",
    "semget 0 2 0x3ff; semtimedop r1 & 1 &",
    "mq_open 'name 0x842 0600 0; mq_notify fd &; mq_timedsend fd & 1 0 0",
    "io_setup 8 0x10000000; open /tmp/a 0x42 0600; io_submit map 1 &; io_getevents map 0 4 & &",
    "epoll_create1 0; epoll_pwait2 fd & 4 & 0 8",
    "landlock_create_ruleset & 8 0; open /tmp 0x200000 0; landlock_add_rule fd1 1 & 0",
    "futex_waitv & 1 0 & 1; 1: futex & 129 1 0 0 0; 1: futex & 1 1 0 0 0",
    "pipe &; read fd1 & 8; 1: write fd & 8; 1: close fd; 1: close fd1",
    "fork; ptrace 16 pid 0 0; wait4 pid & 0x40000000 0; ptrace 0x4201 pid 0 &; ptrace 0x4202 pid 0 "
    "&; ptrace 0x420a pid 8 &; ptrace 0x420b pid 8 &; ptrace 3 pid 0 &; ptrace 6 pid 0 0",
    "fork; ptrace 0x4206 pid 0 0; ptrace 0x4207 pid 0 0; wait4 pid & 0x40000000 0; ptrace 0x4204 "
    "pid "
    "1 &; ptrace 0x4205 pid 1 &; ptrace 14 pid 0 &; ptrace 15 pid 0 &; ptrace 13 pid 0 &; ptrace "
    "24 "
    "pid 0 0",
};

const char *recipe_text(unsigned index)
{
    return index < ARRAY_SIZE(recipes) ? recipes[index] : NULL;
}

static int find_call(const char *name, size_t length)
{
    unsigned args;

    for (unsigned number = 0; number < SYSCALLS_MAX; number++) {
        const char *candidate = program_call_name(number, &args);
        if (candidate && strlen(candidate) == length && memcmp(candidate, name, length) == 0)
            return (int)number;
    }
    return -1;
}

static void put_number(struct program_arg *arg, int64_t value)
{
    const int special = program_special((uint64_t)value);
    unsigned shift = 0;

    if (special >= 0) {
        *arg = (struct program_arg){.how = HOW_SPECIAL, .a = (uint8_t)special};
        return;
    }
    while (value != (int16_t)value && !(value & 1) && shift < 63) {
        value = (int64_t)((uint64_t)value >> 1);
        shift++;
    }
    *arg = (struct program_arg){.how = HOW_RAW, .a = (uint8_t)shift, .b = (uint16_t)value};
}

/* The word that an argument is, up to the space behind it. */
static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool put_name(struct program_arg *arg, const char *text, size_t length)
{
    const char *word;

    if (is_word(text, length, "\"\""))
        length = 0; /* the empty path */
    for (unsigned i = 0; (length == 0 || text[0] != '\'') && (word = program_path(i)); i++) {
        if (is_word(text, length, word)) {
            arg->a = (uint8_t)i;
            return true;
        }
    }
    for (unsigned i = 0; length > 0 && text[0] == '\'' && (word = program_word(i)); i++) {
        if (is_word(text + 1, length - 1, word)) {
            arg->b = (uint16_t)i;
            return true;
        }
    }
    return false;
}

static bool put_argument(struct program_arg *arg, const char *text, size_t length, uint64_t *random)
{
    const unsigned digit = length > 1 ? (unsigned)(text[length - 1] - '0') % 10 : 0;

    *arg = (struct program_arg){.how = HOW_TYPED};
    if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) {
        put_number(arg, (int64_t)strtoull(text, NULL, 0));
    } else if (text[0] == '*') {
        arg->a = (uint8_t)program_random(random);
        arg->b = (uint16_t)program_random(random);
    } else if (text[0] == 'f' && length <= 3) {
        arg->b = length == 3 ? (uint16_t)digit : 0;
    } else if (text[0] == 'r' && length == 2) {
        arg->how = HOW_RESULT;
        arg->a = (uint8_t)digit;
        arg->b = PROGRAM_RESULT_BACK;
    } else if (is_word(text, length, "pid")) {
        arg->a = 5;
    } else if (is_word(text, length, "map")) {
        arg->how = HOW_SPECIAL;
        arg->a = PROGRAM_SPECIAL_MAPPING;
    } else if (text[0] != '&') {
        return put_name(arg, text, length);
    }
    return true;
}

/* "name argument …" up to ';' or the end. */
static bool make_call(const char **text, uint64_t *random, struct program_call *call)
{
    const char *at = *text + strspn(*text, " ");

    memset(call, 0, sizeof *call);
    if (at[0] >= '0' && at[0] <= '9' && at[1] == ':') {
        call->lane = (uint8_t)(at[0] - '0');
        at += 2 + strspn(at + 2, " ");
    }
    size_t length = strcspn(at, " ;");
    const int number = find_call(at, length);
    call->number = (uint16_t)number;
    call->seed = (uint32_t)program_random(random);
    at += length;
    for (unsigned i = 0; i < 6; i++) {
        at += strspn(at, " ");
        length = strcspn(at, " ;");
        if (length > 0 && !put_argument(&call->args[i], at, length, random))
            return false;
        at += length;
    }
    at += strspn(at, " ");
    const bool whole = *at == ';' || *at == '\0';
    *text = at + (*at == ';');
    return number >= 0 && whole;
}

unsigned recipe_make(unsigned index, uint64_t *random, struct program_call calls[RECIPE_CALLS_MAX])
{
    const char *text = recipes[index % ARRAY_SIZE(recipes)];
    /* With one seed for all, calls that are alike get the same: an address to bind and to connect
     * to. */
    const bool alike = program_random(random) % 2;
    unsigned count = 0;

    while (*text) {
        if (count == RECIPE_CALLS_MAX || !make_call(&text, random, &calls[count]))
            return 0;
        if (alike)
            calls[count].seed = calls[0].seed;
        count++;
    }
    return count;
}
