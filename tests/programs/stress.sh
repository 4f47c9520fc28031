#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stress-ng's stressors with --verify, one by one and all together; then nearly all of its others, a
# second each, as root and as a user: these not with STRESS_SAFE=1, for a Linux that others use. In the
# machine, with debian-dev as its root: bash stress.sh
. "$(dirname -- "$0")/check.sh"
seconds=${STRESS_SECONDS:-4}

for stressor in cpu vm fork futex pipe signal mmap dentry epoll; do
    check "stress_$stressor" "
        stress-ng --$stressor 2 --verify -t $seconds --no-rand-seed \
            --vm-bytes 32M --mmap-bytes 16M --dentries 200 --temp-path ."
done
check stress_all "
    stress-ng --cpu 1 --vm 1 --vm-bytes 32M --fork 1 --futex 1 --pipe 1 --sigq 1 --mmap 1 \
        --mmap-bytes 16M --dentry 1 --verify -t $seconds --no-rand-seed --temp-path ."
if [[ -n ${STRESS_SAFE:-} ]]; then
    exit "$check_failed"
fi

# What stress-ng skips for want of a device, a driver or a network is left out, and `resources`, which
# sends SIGALRM to processes that are not its own.
others=(access aio aiol alarm bad-altstack bigheap brk cap chattr chdir chmod chown chroot clock
    clone close copy-file cyclic daemon dev dev-shm dir dirdeep dirmany dnotify dup dynlib enosys
    env eventfd exit-group fallocate fanotify fault fcntl fifo file-ioctl filename flock forkheavy
    fpunch fsize fstat full getdent getrandom handle hdd inode-flags inotify io ioprio io-uring
    itimer kcmp key kill klog lease link loadavg locka lockf lockofd madvise malloc memfd mincore
    mknod mlock mmapaddr mmapfixed mmapfork mmaphuge mmapmany mprotect mq mremap msg msync
    msyncmany munmap mutex nanosleep nice null numa opcode open pagemove pageswap personality
    pidfd pipeherd poll prctl procfs pthread ptrace pty race-sched ramfs readahead remap rename
    resched revio ring-pipe rlimit rmap schedpolicy seal seccomp seek sem sem-sysv sendfile
    session set shm shm-sysv sigabrt sigchld sigfd sigfpe sigio signest sigpending sigpipe sigq
    sigrt sigsegv sigsuspend sigtrap sleep sockfd sockpair splice switch symlink sync-file
    sysbadaddr syscall sysinfo sysfs tee timer timerfd tlb-shootdown tmpfs touch umount unshare
    urandom utime vdso vfork vforkmany vm-addr vm-rw vm-segv vm-splice wait xattr yield zero
    zombie affinity hrtimers softlockup context membarrier stack stackmmap priv-instr pkey)
hostile=(sysinval bind-mount mlockmany oom-pipe)
# shellcheck disable=SC2016
stress='stress-ng --verify -t 1 --no-rand-seed --vm-bytes 32M --mmap-bytes 16M --temp-path .'

for stressor in "${others[@]}"; do
    check "stress_$stressor" "$stress --$stressor 1"
done
for stressor in "${hostile[@]}"; do
    check "stress_$stressor" "$stress --pathological --$stressor 1"
done
# As a user: 1000, who is nobody here.
for stressor in exec spawn bad-ioctl sysinval syscall prctl fork kill sigq fcntl mknod rename; do
    check "stress_${stressor}_as_a_user" "chmod 777 .; setpriv --reuid 1000 --regid 1000 --clear-groups \
        $stress --pathological --$stressor 1"
done
exit "$check_failed"
