"""kernel/syscall/syscalls.tbl names the guest tests: proving_tests_test.py SYSCALLS.tbl TEST.c...

A test proves a call whose result it checks directly, as in FAILS(syscall(SYS_mkdir, ...), EROFS):
the row of that call must name it. And no row names a test that does not exist.
"""
import os
import re
import sys

CHECKED = re.compile(r"\b(?:FAILS|OK|EQ)\((?:\([^()]*\))?\s*syscall\(\s*SYS_(\w+)")
ROW = re.compile(r"\d+\s+(\w+)\s[^|]*(?:\|(.*))?$")


def calls_checked(source):
    return set(CHECKED.findall(source))


def rows_of(lines):
    matches = filter(None, map(ROW.match, lines))
    return {match[1]: (match[2] or "").split() for match in matches}


def problems(rows, checked_by_test):
    for test, calls in sorted(checked_by_test.items()):
        for call in sorted(calls & rows.keys()):
            if test not in rows[call]:
                yield f"{call}: name {test} in its row"
    for call, tests in rows.items():
        for test in tests:
            if test.startswith("guest/") and test not in checked_by_test:
                yield f"{call}: there is no test {test}"


def self_test():
    rows = rows_of(["# a comment", "3  close done  fd:fd | guest/a", "9 mmap done"])
    assert rows == {"close": ["guest/a"], "mmap": []}
    assert calls_checked("    EQ((int)syscall(SYS_close, 1), 0);\n x(SYS_mmap);") == {"close"}
    assert not list(problems(rows, {"guest/a": {"close"}}))
    assert list(problems(rows, {"guest/a": {"mmap"}})) == ["mmap: name guest/a in its row"]
    assert list(problems(rows, {})) == ["close: there is no test guest/a"]


def main():
    self_test()
    checked_by_test = {}
    for path in sys.argv[2:]:
        with open(path) as source:
            test = "guest/" + os.path.basename(path)[: -len(".c")]
            checked_by_test[test] = calls_checked(source.read())
    with open(sys.argv[1]) as table:
        found = list(problems(rows_of(table.read().splitlines()), checked_by_test))
    if found or not checked_by_test:
        sys.exit("\n".join(found) or "no tests given")
    print(f"{len(checked_by_test)} tests are named by the calls that they prove")


main()
