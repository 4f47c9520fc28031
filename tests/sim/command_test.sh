#!/usr/bin/env bash
# `assay sim` and `assay replay` on the command line: what they print, their exit statuses, and that
# mistakes leave nothing behind.
#
#   command_test.sh ASSAY PROGRAM BUGGY LEAK
#
# PROGRAM passes, BUGGY fails with a seed from 1 to 1000, LEAK leaks when allocations fail after 5 ms.
set -euo pipefail
assay=$(realpath "$1") program=$(realpath "$2") buggy=$(realpath "$3") leak=$(realpath "$4")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp" "$work/here"
export TMPDIR=$work/tmp
unset TEST_TOTAL_SHARDS TEST_SHARD_INDEX
cd "$work/here"
passed=0

# expect STATUS TEXT ARGUMENT...: the command ends with this status, and its output contains the text.
expect() {
    local status=0 output
    local wanted=$1 text=$2
    shift 2
    output=$("$assay" "$@" 2>&1 </dev/null) || status=$?
    if ((status != wanted)) || [[ $output != *"$text"* ]]; then
        printf 'assay %s: status %d, not %d, and: %s\n' "$*" "$status" "$wanted" "$output" >&2
        printf 'wanted: %s\n' "$text" >&2
        exit 1
    fi
    passed=$((passed + 1))
}

# Nothing was left where the command ran, but for these files.
expect_files() {
    local found
    found=$(cd "$work" && find tmp here -mindepth 1 | sort | tr '\n' ' ')
    if [[ $found != "$*" ]]; then
        printf 'left behind: %s\nwanted: %s\n' "$found" "$*" >&2
        exit 1
    fi
    passed=$((passed + 1))
}

scenario() {
    cat >"$work/$1.yaml"
}

scenario good <<END
machines: {m: {cpus: 2, add: ["$program:/p"]}}
programs: [{machine: m, run: [/p]}]
END
scenario bad <<END
machines: {m: {cpus: 2, add: ["$buggy:/p"]}}
programs: [{machine: m, run: [/p]}]
END
scenario typo <<END
machines: {m: {}}
programs:
- {machine: m, rum: [/p]}
END
scenario missing <<END
machines:
  m: {add: ["nowhere:/p"]}
END
scenario broken-image <<END
machines:
  m: {root: "no-image"}
END
echo 'this is no archive' >"$work/no-image"
scenario small <<END
machines:
  m: {ram: 8M, root: "$work/large"}
END
head -c 20M /dev/urandom >"$work/large-file"
mkdir "$work/large" && mv "$work/large-file" "$work/large/file"
scenario absent <<END
machines: {m: {}}
programs: [{machine: m, run: [/no/such/program]}]
END
scenario faults <<END
machines: {m: {add: ["$leak:/p"]}}
programs: [{machine: m, run: [/p]}]
faults:
- {at: 1ms, pause: m, for: 1ms}
- {at: 2ms, clock: {machine: m, skew: 10ppm}}
- {at: 5ms, allocations: {machine: m, probability: 10%}, for: 10ms}
- {at: 6ms, starve: {machine: m}, for: 1ms}
END

# Mistakes.
expect 2 'no scenario given' sim
expect 2 "$work/nothing.yaml: No such file" sim "$work/nothing.yaml"
expect 2 "$work/typo.yaml:3: there is no rum here" sim "$work/typo.yaml"
expect 2 "$work/missing.yaml:2: $work/nowhere: No such file" sim "$work/missing.yaml"
expect 2 "$work/broken-image.yaml:2: " sim "$work/broken-image.yaml"
expect 2 "$work/small.yaml:2: " sim "$work/small.yaml"
expect 2 '--seed x: not a whole number' sim "$work/good.yaml" --seed x
expect 2 '--seeds 5..1: the range is empty' sim "$work/good.yaml" --seeds 5..1
expect 2 '--seeds 5: not a range' sim "$work/good.yaml" --seeds 5
expect 2 '--log is for a single --seed' sim "$work/good.yaml" --seeds 1..2 --log log
expect 2 'needs --nth' sim "$work/good.yaml" --allocations m --log log
expect 2 'has no such machine' sim "$work/good.yaml" --allocations x
expect 2 'has no such disk' sim "$work/good.yaml" --crashes m.x
expect 2 'are for a run each' sim "$work/good.yaml" --crashes m.x --allocations m
expect 2 'at most 4' sim "$work/good.yaml" --crashes m.x --drops 5
expect 2 '--faults nowhere: No such file' sim "$work/good.yaml" --faults nowhere
expect 2 'unrecognized option' sim --nonsense
expect 2 'no bundle given' replay
expect 2 'nowhere: ' replay nowhere
expect 2 "$work/good.yaml: " replay "$work/good.yaml"
expect 2 'two event logs are wanted' sim diff a
expect 2 'a: No such file' sim diff a b
expect 2 'no event log' sim export "$work/good.yaml"
expect 2 '--format x: text, strace' sim export --format x a
expect_files ''

# Runs.
expect 0 '1 seeds pass' sim "$work/good.yaml"
expect 0 '3 seeds pass' sim "$work/good.yaml" --seeds 7..9 --jobs 2 --twice
expect 1 'ended with status 127, not 0' sim "$work/absent.yaml" --no-bundle
expect_files ''
expect 1 'replay: assay sim ' sim "$work/bad.yaml" --seeds 1..1000 --no-bundle
TMPDIR=$work/nowhere expect 1 'no bundle: cannot make a scratch folder' sim "$work/bad.yaml" \
    --seeds 1..1000
expect_files ''
expect 1 'bundle: failure' sim "$work/bad.yaml" --seeds 1..1000 --bundle failure
expect_files 'here/failure '
expect 0 'the same ' replay failure
head -c 3000 failure >half
expect 2 'half: ' replay half
# The kernel's core, and that of the program, which hangs.
tar -xzf failure m.core m.4.core
if command -v gdb >/dev/null; then
    gdb -q -batch -ex 'thread apply all bt' "$assay" m.core >threads 2>/dev/null </dev/null
    grep -q 'futex_wait' threads
    gdb -q -batch -ex 'thread apply all bt' "$buggy" m.4.core >threads 2>/dev/null </dev/null
    grep -q '^#0' threads
    "$assay" replay failure --gdb >threads 2>&1 <<<'backtrace'
    grep -q 'scenario_failed' threads
    grep -q 'scenario_run' threads
    rm threads
fi
rm half failure m.core m.4.core
# Bytes that are no bundle, and a bundle without its scenario.
echo 'no bundle' >text
expect 2 'text: ' replay text
echo '{' >manifest.json
tar -czf broken manifest.json
expect 2 'broken: no failure bundle: manifest.json:' replay broken
rm text broken manifest.json
expect_files ''

# Of four faults one matters; the bundle has only that.
expect 1 'minimised: 1 of 4 faults are enough:' sim "$work/faults.yaml" --seeds 1..200 \
    --bundle failure
expect 0 'the same ' replay failure
tar -xzf failure plan
seed=$(tar -xzOf failure manifest.json | sed -n 's/.*"seed": "\([0-9]*\)".*/\1/p')
grep -q 'allocation 2 machine m$' plan
[[ $(wc -l <plan) == 1 ]]
expect 1 'ended with status 1' sim "$work/faults.yaml" --seed "$seed" --faults plan --no-bundle
echo '1 allocation 77 machine m' >plan
expect 0 '1 seeds pass' sim "$work/faults.yaml" --seed "$seed" --faults plan
echo 'no fault' >plan
expect 2 'plan:1: no fault' sim "$work/faults.yaml" --faults plan
rm failure plan
expect_files ''

# Logs: the same seed, another seed, and one byte that the seed does not explain.
expect 0 '' sim "$work/good.yaml" --seed 3 --log a --quiet
expect 0 '' sim "$work/good.yaml" --seed 3 --log b --quiet
expect 0 '' sim "$work/good.yaml" --seed 4 --log c --quiet
if ! "$assay" sim export a | grep -q 'REPORT.*address'; then
    # A sanitizer may leave the machines' memory no fixed place; then only one process repeats itself.
    cmp a b
    expect 0 'the logs are equal' sim diff a b
fi
expect 1 'the logs differ after' sim diff a c
# Of the last record: its last number, or the end of its text.
printf '\x5a' | dd of=b bs=1 seek=$(($(stat -c %s b) - 8)) conv=notrunc status=none
expect 1 'the logs differ after' sim diff a b
truncate -s 999 b
expect 2 'b: byte' sim diff a b
expect 0 'execve("/p", ["/p"], [' sim export a --format strace
expect 0 '"traceEvents":[' sim export a --format chrome
expect 0 '' sim export a --output page.html
grep -q '<!DOCTYPE html>' page.html
expect 2 'no frames of this link' sim export a --output link.pcap
[[ ! -e link.pcap ]]
printf '%d passed, 0 failed\n' "$passed"
