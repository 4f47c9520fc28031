#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The page of covered lines, made of two small files as tests/run --coverage makes it of the kernel:
# the figures are right, lines of other folders do not count, and every link leads to a file's page
# in which the lines that were not reached can be told.
set -euo pipefail
page=$PWD/$1
cd "$TEST_TMPDIR"
mkdir -p kernel/a kernel/b tests raw

fail() {
    echo "not ok: $*" >&2
    exit 1
}

cat >kernel/a/half.c <<'end'
int half(int value);
int half(int value)
{
    if (value < 0) {
        value = -value;
        return value;
    }
    return 1;
}
end
cat >kernel/b/whole.c <<'end'
int whole(void);
int whole(void)
{
    return 0;
}
end
cat >tests/main.c <<'end'
int half(int value);
int whole(void);
int main(void)
{
    return half(2) + whole() - 1;
}
end
clang -fprofile-instr-generate -fcoverage-mapping -fcoverage-compilation-dir=/proc/self/cwd \
    -o both kernel/*/*.c tests/main.c
LLVM_PROFILE_FILE=raw/%p.profraw ./both

figure=$(python3 "$page" 'A <title>' out raw both)
[[ $figure == '70.0 % (7 of 10 lines of kernel/)' ]] || fail "the figure is $figure"
grep -q '<h1>A &lt;title&gt;</h1>' out/index.html || fail "no title"
grep -q '>kernel/a<.*>57\.1 %<' out/index.html || fail "no figure for a folder"
grep -q '>whole.c<.*>100\.0 %<' out/index.html || fail "no figure for a file"
if grep -q 'main\.c' out/index.html; then
    fail "a test's own lines count"
fi
links=0
while read -r link; do
    [[ -s out/$link ]] || fail "nothing at $link"
    links=$((links + 1))
done < <(grep -o 'href="[^"]*"' out/index.html | sed 's/^href="//; s/"$//')
((links == 2)) || fail "$links links"
grep -q "class='uncovered-line'" out/files/coverage/proc/self/cwd/kernel/a/half.c.html ||
    fail "no uncovered line to be seen"
