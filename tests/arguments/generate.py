#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generate the table of the bad-argument test: from kernel/syscall/syscalls.tbl, the one list of
system calls and their typed arguments, and from good.tbl, which says what to call them with."""

import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "kernel", "syscall"))
import generate as syscalls  # noqa: E402

# Type in the system call table -> kind of bad values, good value.
TYPES = {
    "fd": ("FD", "fd_file()"), "dirfd": ("DIRFD", "AT_FDCWD"),
    "path": ("PATH", 'str("file")'), "str": ("STRING", 'str("name")'),
    "strv": ("POINTER", 'strv("executed")'), "ptr": ("POINTER", "IO(64)"),
    "int": ("INT", "0"), "enum": ("ENUM", "0"), "uint": ("INT", "0"),
    "flags": ("FLAGS", "0"), "flags64": ("FLAGS64", "0"), "mode": ("MODE", "0600"),
    "uid": ("ID", "0"), "pid": ("ID", "0"), "sig": ("ID", "0"),
    "long": ("LONG", "0"), "off": ("LONG", "0"), "size": ("SIZE", "64"), "ulong": ("SIZE", "0"),
    "kept": ("KEPT", "0"),
}
BYTES = 64 # of a buffer without a type
# T of in(T), out(T) and io(T) -> its size.
SIZES = {
    "off": 8, "pollfd": 8, "sigaction": 32, "sigset": 8, "iovec": 16, "fdpair": 8, "fdset": 8,
    "timeval": 16, "timespec": 16, "stat": 144, "itimerval": 32, "sockaddr": 110, "socklen": 4,
    "msghdr": 56, "int": 4, "rusage": 144, "utsname": 390, "sembuf": 6, "timezone": 8, "rlimit": 16,
    "sysinfo": 112, "tms": 32, "capheader": 8, "siginfo": 128, "stack": 24, "utimbuf": 16,
    "statfs": 120, "sigevent": 64, "itimerspec": 32, "epoll_event": 12, "sched_attr": 48,
    "statx": 256, "clone_args": 88, "open_how": 24,
}
FLAGS = {"any": "CALL_ANY", "forks": "CALL_FORKS", "mounts": "CALL_MOUNTS", "files": "CALL_FILES",
         "fds": None, "none": None}
ROW = re.compile(r"^(\w+)(/[\w.-]+)?((?:\s+\w+)*)\s*(?::\s*(.*))?$")
GOOD = re.compile(r"^(\w+)(?::(\w+))?=(.*)$")


class Good:
    """How to call a call: the good value of some arguments, and what is special."""

    def __init__(self, name, variant, flags, values):
        self.name, self.variant, self.flags, self.values = name, variant, flags, values


def parse_good(path, calls):
    rows = []
    with open(path, encoding="ascii") as table:
        for line, text in enumerate(table, 1):
            text = text.strip()
            if not text or text.startswith("#"):
                continue
            match = ROW.match(text)
            if not match or match.group(1) not in calls:
                syscalls.fail(path, line, "expected: CALL[/VARIANT] [FLAG...] [: ARGUMENT=VALUE; ...]")
            name, variant, flags, values = match.groups()
            flags = flags.split()
            if set(flags) - set(FLAGS):
                syscalls.fail(path, line, f"unknown flag in '{' '.join(flags)}'")
            good = {}
            for word in filter(None, (word.strip() for word in (values or "").split(";"))):
                value = GOOD.match(word)
                known = [argument.name for argument in calls[name].arguments]
                if not value or value.group(1) not in known or value.group(2) not in (None, *TYPES):
                    syscalls.fail(path, line, f"bad value '{word}': {known}")
                good[value.group(1)] = value.group(2), value.group(3)
            rows.append(Good(name, variant or "", flags, good))
    return rows


def kind_and_default(call, argument):
    kind, value = TYPES.get(argument.kind, ("POINTER", None))
    if kind in ("INT", "SIZE") and argument.name == "flags":
        kind = "FLAGS64" if argument.kind == "ulong" else "FLAGS"
    if argument.name == "sigsetsize":
        value = "8"
    if value is None:
        maker = "OUT" if argument.kind == "out" else "IO"
        size = SIZES[argument.detail] if argument.detail else BYTES
        value = f"{maker}({size})"
    # The count of an array of structures.
    for other in call.arguments:
        if other.count == argument.name:
            value = "1" if other.detail and other.detail != "sockaddr" else str(BYTES)
            if other.detail == "sockaddr":
                value = "110"
    return kind, value


def write_row(call, good, out):
    """One function and one array; the row's line in the table."""
    ident = call.name + re.sub(r"\W", "_", good.variant)
    kinds, lines = [], []
    for i, argument in enumerate(call.arguments):
        kind, value = kind_and_default(call, argument)
        if argument.name in good.values:
            override, value = good.values[argument.name]
            if override:
                kind = TYPES[override][0]
            elif kind == "POINTER" and value != "0" and "(" not in value:
                kind = "SIZE"
        if good.variant and (argument.name not in good.values or
                             (kind in ("FD", "ENUM") and "fds" not in good.flags)):
            kind = "KEPT"
        kinds.append(kind)
        lines.append(f"    values[{i}] = {value};\n")
    unused = "" if lines else "    (void)values;\n"
    out.write(f"static void good_{ident}(long *values)\n{{\n{unused}{''.join(lines)}}}\n\n")
    arguments = "NULL"
    if kinds:
        out.write(f"static const struct argument arguments_{ident}[] = {{\n")
        for argument, kind in zip(call.arguments, kinds):
            out.write(f'    {{"{argument.name}", ARGUMENT_{kind}}},\n')
        out.write("};\n\n")
        arguments = f"arguments_{ident}"
    flags = {FLAGS[flag] for flag in good.flags if FLAGS[flag]}
    if any(argument.kind in ("path", "dirfd") for argument in call.arguments):
        flags.add("CALL_FILES")
    return (f'    {{"{call.name}{good.variant}", {call.number}, {" | ".join(sorted(flags)) or 0}, '
            f"{len(kinds)}, {arguments}, good_{ident}}},\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tbl", required=True, metavar="FILE", help="the system calls")
    parser.add_argument("--good", required=True, metavar="FILE", help="the good arguments")
    parser.add_argument("--out", required=True, metavar="FILE", help="write the C table here")
    options = parser.parse_args()
    calls = {call.name: call for call in syscalls.parse_table(options.tbl) if call.done}
    rows = parse_good(options.good, calls)
    named = {row.name for row in rows if not row.variant}
    rows += [Good(name, "", [], {}) for name in calls if name not in named]
    rows = [row for row in rows if "none" not in row.flags]
    rows.sort(key=lambda row: (calls[row.name].number, row.variant))
    with open(options.out, "w", encoding="ascii") as out:
        out.write("/* Generated from kernel/syscall/syscalls.tbl and good.tbl by generate.py. */\n"
                  '#include "tests/arguments/arguments.h"\n#include "tests/arguments/fixture.h"\n\n'
                  '#include "tests/arguments/structs.h"\n\n')
        lines = [write_row(calls[row.name], row, out) for row in rows]
        out.write("const struct call calls[] = {\n" + "".join(lines) + "};\n\n"
                  f"const unsigned calls_count = {len(lines)};\n")


if __name__ == "__main__":
    main()
