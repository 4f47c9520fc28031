# shellcheck shell=bash
# What the lists of programs share; sourced by bash inside the machine, or on Linux.
#
# check NAME SCRIPT: run a piece of bash, in a folder of its own, which fails at the first command
# that fails. One line "ok NAME" or "not ok NAME", and then what it said.
export LC_ALL=C.UTF-8 HOME=/root
check_failed=0
# What a failed script leaves running would keep its output open.
check_cleanup="trap 'kill -KILL \$(jobs -p) 2>/dev/null || true' EXIT"

check() {
    local name=$1 script=$2 folder output status=0
    folder=$(mktemp -d)
    output=$(cd "$folder" && timeout -k 5 "${CHECK_SECONDS:-60}" \
        bash -c "set -e; $check_cleanup; $script" 2>&1 </dev/null) || status=$?
    rm -rf "$folder"
    if ((status == 0)); then
        echo "ok $name"
    else
        check_failed=1
        echo "not ok $name (status $status)"
        tail -n 12 <<<"$output" | sed 's/^/    /'
    fi
}
