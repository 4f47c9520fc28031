#!/bin/sh
# Runs every guest test in a folder inside a machine (or on a plain Linux): run-all.sh FOLDER
#
# One line a test: "ok NAME" or "not ok NAME (status N): its last words". A test is a program that
# exits with 0 if all is well, 77 if it cannot run here; it gets an empty working directory of its own.
folder=$1
failed=0
for program in "$folder"/*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    case $program in *.sh) continue ;; esac
    name=${program##*/}
    work=/tmp/guest-test.$$.$name
    mkdir -p "$work" && cd "$work" || exit 1
    timeout "${TEST_SECONDS:-60}" "$program" >"$work.log" 2>&1 </dev/null
    status=$?
    cd /
    if [ $status = 0 ]; then
        echo "ok $name"
    elif [ $status = 77 ]; then
        echo "skip $name: $(tail -n 1 "$work.log")"
    else
        echo "not ok $name (status $status): $(tail -n 1 "$work.log")"
        failed=1
    fi
    # A test that died may have left mounts behind.
    grep -o " $work[^ ]*" /proc/mounts | sort -r | while read -r mount; do umount -l "$mount"; done
    rm -rf "$work" "$work.log"
done
exit $failed
