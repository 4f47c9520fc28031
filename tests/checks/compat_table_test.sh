#!/usr/bin/env bash
# docs/compat/syscalls.md is up to date: compat_table_test.sh GENERATED COMMITTED
set -euo pipefail
if ! diff -u "$2" "$1"; then
    echo "bring it up to date: cp bazel-bin/kernel/syscall/syscalls.md docs/compat/"
    exit 1
fi
