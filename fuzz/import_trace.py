#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make seeds for syscall_fuzz of traces: import_trace.py --out FOLDER TRACE...

A trace is what `assay run --trace=FILE` or `strace -f -o FILE` (or `strace -f 2>FILE`) writes. Each
run of up to 48 calls becomes one input. Descriptors become references to the calls that made them,
names become words of the fuzzer's vocabulary, constants their places in the kernel's tables.
"""
import argparse
import hashlib
import os
import re
import struct
import sys
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "kernel", "syscall"))
import generate  # noqa: E402

CALLS = 48
LANES = 3
LINE = re.compile(r"^(?:\[(?:pid\s+)?(\d+)\]\s*|(\d+)\s+)?(?:[\d:.]+\s+)?(\w+)\((.*)\)\s*=\s*(-?\w+|\?)")
FD_MAKERS = {"open", "creat", "openat", "openat2", "dup", "dup2", "dup3", "socket", "accept", "accept4",
             "epoll_create", "epoll_create1", "eventfd", "eventfd2", "signalfd", "signalfd4",
             "timerfd_create", "memfd_create", "pidfd_open"}
SKIPPED = {"exit", "exit_group", "rt_sigreturn", "execve", "brk"}


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as text:
        return text.read()


def name_tables():
    tables = {}
    text = read("kernel", "syscall", "trace_sets.c") + read("kernel", "syscall", "trace_sets_ipc.c")
    for name, body in re.findall(r"struct trace_name (\w+)_names\[\] = \{(.*?)\};", text, re.S):
        tables[name] = re.findall(r'(?:N64|N|V)\("?(\w+)"?', body)
    return tables


def vocabulary(name):
    body = re.search(name + r"\[\] = \{(.*?)\};", read("fuzz", "values.c"), re.S).group(1)
    return re.findall(r'"((?:[^"\\]|\\.)*)"', body)


def split(text):
    parts, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(text):
        if c == '"' and (i == 0 or text[i - 1] != "\\"):
            quoted = not quoted
        elif not quoted and c in "([{":
            depth += 1
        elif not quoted and c in ")]}":
            depth -= 1
        elif not quoted and c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return parts


class Importer:
    def __init__(self):
        self.calls = {call.name: call for call in
                      generate.parse_table(os.path.join(ROOT, "kernel", "syscall", "syscalls.tbl"))}
        self.tables = name_tables()
        self.paths, self.words = vocabulary("paths"), vocabulary("words")
        self.fds, self.lanes = [], {}

    def raw(self, value):
        value &= (1 << 64) - 1
        if value >> 63:
            value -= 1 << 64
        shift = 0
        while value and not -32768 <= value <= 32767 and shift < 48:
            value >>= 1
            shift += 1
        return 7, shift, value & 0xffff

    def flags(self, name, text):
        table = self.tables.get(name, [])
        wanted = [table.index(word) for word in re.split(r"\|", text) if word in table][:3]
        if not table or not wanted:
            return 0, 0, 0
        for b in range(1 << 16):
            if all((b >> (5 * i)) % len(table) == at for i, at in enumerate(wanted)):
                return 0, len(wanted), b
        return 0, 1, wanted[0]

    def number(self, text):
        match = re.match(r"-?(?:0x[0-9a-f]+|\d+)", text)
        if not match:
            return None
        digits = match.group(0)
        if re.match(r"-?0\d", digits):
            return int(digits, 8)
        return int(digits, 0)

    def argument(self, argument, text):
        kind, value = argument.kind, self.number(text)
        seed = zlib.crc32(text.encode())
        if kind in ("fd", "dirfd"):
            if text.startswith("AT_FDCWD"):
                return 0, 1, 0
            if value in self.fds:
                back = self.fds[::-1].index(value)
                return 0, 0, back
            return 0, 5, (value or 0) & 0xffff
        if kind in ("flags", "flags64"):
            return self.flags(argument.detail, text)
        if kind == "enum":
            table = self.tables.get(argument.detail, [])
            return (0, 0, table.index(text)) if text in table else self.raw(value or 0)
        if kind == "path":
            path = text.strip('"')
            at = self.paths.index(path) if path in self.paths else seed % len(self.paths)
            return 0, at, 0
        if kind == "str":
            return 0, 0, seed % len(self.words)
        if kind == "mode" and value is not None:
            return 0, 16, value & 0o7777
        if kind in ("in", "out", "io", "ptr", "strv"):
            return self.raw(0) if text == "NULL" else (0, 0, seed & 0xf)
        return self.raw(value) if value is not None else (0, 0, seed & 0xffff)

    def record(self, pid, name, text, result):
        call = self.calls.get(name)
        if not call or not call.done or name in SKIPPED:
            return None
        lane = self.lanes.setdefault(pid, len(self.lanes) % LANES)
        parts = split(text) if text else []
        arguments = [self.argument(argument, part) for argument, part in zip(call.arguments, parts)]
        arguments += [(0, 0, 0)] * (6 - len(arguments))
        made = self.number(result)
        if name in FD_MAKERS and made is not None and made >= 0:
            self.fds.append(made)
        if name in ("pipe", "pipe2", "socketpair") and made == 0:
            self.fds += [int(fd) for fd in re.findall(r"\[(\d+), (\d+)\]", text)[-1]]
        out = struct.pack("<HBBI", call.number, lane, 0, zlib.crc32(text.encode()))
        return out + b"".join(struct.pack("<BBH", *argument) for argument in arguments)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, metavar="FOLDER")
    parser.add_argument("traces", nargs="+", metavar="TRACE")
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    written = 0
    for path in options.traces:
        importer, records = Importer(), []
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                match = LINE.match(line)
                if match:
                    record = importer.record(match.group(1) or match.group(2) or "0", match.group(3),
                                             match.group(4), match.group(5))
                    if record:
                        records.append(record)
        for at in range(0, len(records), CALLS):
            data = bytes(16) + b"".join(records[at:at + CALLS])
            name = hashlib.sha1(data).hexdigest()[:16]
            with open(os.path.join(options.out, name), "wb") as out:
                out.write(data)
            written += 1
    print(f"{written} programs")


if __name__ == "__main__":
    main()
