#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stress-ng's stressors with --verify, one by one and all together. In the machine, with debian-dev as
# its root: bash stress.sh
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
exit "$check_failed"
