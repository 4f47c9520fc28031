#!/usr/bin/env bash
# Every header of kernel/ and hal/ compiles on its own: headers_test.sh SOURCE...
set -euo pipefail

compiles() {
    gcc -fsyntax-only -std=gnu11 -ffreestanding -Wall -Wextra -Werror -iquote . -include "$1" \
        -x c /dev/null
}

# The check can fail: a header that uses a type which it does not declare.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo 'uint32_t f(void);' >"$scratch/bad.h"
echo 'struct s; int f(struct s *s);' >"$scratch/good.h"
if compiles "$scratch/bad.h" 2>/dev/null || ! compiles "$scratch/good.h"; then
    echo "the check cannot tell a good header from a bad one"
    exit 1
fi

headers=0
for source in "$@"; do
    case $source in
        kernel/*.h | hal/*.h)
            compiles "$source"
            headers=$((headers + 1))
            ;;
    esac
done
echo "$headers headers compile on their own"
((headers > 0))
