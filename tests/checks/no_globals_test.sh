#!/usr/bin/env bash
# The kernel has no mutable global data and calls nothing but hal/: proved from the symbol tables of
# its objects. no_globals_test.sh ARCHIVE...
set -euo pipefail
# shellcheck source=globals.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/globals.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The check can fail: it must find each of these, and nothing in the harmless file.
self_test() {
    local case
    declare -A bad=(
        [data]='int mutable_data = 1;'
        [bss]='static int mutable_bss; int *f(void); int *f(void) { return &mutable_bss; }'
        [function]='int f(void); int f(void) { static int count; return ++count; }'
        [pointer]='const char *mutable_pointer = "text";'
        [common]='int common_data;'
        [libc]='int timerfd_create(void); int timerfd_create(void) { return 0; }'
        [thread]='__thread int thread_local_data;'
        [foreign]='int puts(const char *); int f(void); int f(void) { return puts(""); }'
    )
    for case in "${!bad[@]}"; do
        echo "${bad[$case]}" >"$scratch/$case.c"
        gcc -fcommon -c -o "$scratch/$case.o" "$scratch/$case.c"
        if [[ -z $(print_all "$scratch/$case.o") ]]; then
            echo "the check does not see: ${bad[$case]}"
            return 1
        fi
    done
    cat >"$scratch/good.c" <<'END'
static const char *const names[] = {"a", "b"};
const int constant = 3;
void *memcpy(void *, const void *, unsigned long);
void hal_do(const void *);
void f(char *p, unsigned long n);
void f(char *p, unsigned long n) { memcpy(p, names[n & 1], n); hal_do(&constant); }
END
    gcc -fPIE -c -o "$scratch/good.o" "$scratch/good.c"
    if [[ -n $(print_all "$scratch/good.o") ]]; then
        echo "the check complains without reason:"
        print_all "$scratch/good.o"
        return 1
    fi
}

print_all() {
    print_globals "$@"
    print_sections "$@"
    print_foreign "$@"
    print_libc_names "$@"
}

self_test
(($# > 0)) || { echo "no archives given"; exit 1; }
objects=$(nm "$@" | grep -c ':$' || true)
((objects > 0)) || { echo "the archives are empty"; exit 1; }
found=$(print_all "$@")
if [[ -n $found ]]; then
    echo "symbols that the kernel must not have:"
    echo "$found"
    exit 1
fi
echo "$objects kernel objects without mutable data"
