#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generate everything that is derived from syscalls.tbl, the one list of system calls."""

import argparse
import re
import sys

# Type in the table -> C parameter type. Anything that is a user address is uint64_t.
SCALARS = {
    "fd": "int", "dirfd": "int", "int": "int", "pid": "int", "sig": "int", "enum": "int",
    "uint": "uint32_t", "mode": "uint32_t", "uid": "uint32_t", "flags": "uint32_t",
    "long": "int64_t", "off": "int64_t",
    "size": "uint64_t", "ulong": "uint64_t", "flags64": "uint64_t",
    "ptr": "uint64_t", "path": "uint64_t", "str": "uint64_t", "strv": "uint64_t",
    "in": "uint64_t", "out": "uint64_t", "io": "uint64_t",
}
REGISTERS = ["rdi", "rsi", "rdx", "r10", "r8", "r9"]
ROW = re.compile(r'^(\d+)\s+(\w+)\s+(done|todo|(?:checked|E[A-Z0-9]+)\s+"[^"]*")\s*([^|]*)(?:\|\s*(.*))?$')
ARGUMENT = re.compile(r"^(\w+):([a-z0-9]+)(?:\((\w+)\))?(?:\[(\w+)\])?$")


class Argument:
    def __init__(self, name, kind, detail, count):
        self.name, self.kind, self.detail, self.count = name, kind, detail, count
        self.ctype = SCALARS[kind]


class Syscall:
    def __init__(self, number, name, status, arguments, tests):
        self.number, self.name, self.arguments, self.tests = number, name, arguments, tests
        self.status, _, reason = status.partition(" ")
        self.reason = reason.strip().strip('"')

    @property
    def done(self):
        """Is there a handler?"""
        return self.status in ("done", "checked")


def fail(path, line, message):
    sys.exit(f"{path}:{line}: {message}")


def parse_argument(path, line, text):
    match = ARGUMENT.match(text)
    if not match or match.group(2) not in SCALARS:
        fail(path, line, f"bad argument '{text}'")
    return Argument(*match.groups())


def parse_table(path):
    calls, numbers, names = [], set(), set()
    with open(path, encoding="ascii") as table:
        for line, text in enumerate(table, 1):
            text = text.strip()
            if not text or text.startswith("#"):
                continue
            match = ROW.match(text)
            if not match:
                fail(path, line, "expected: number name status argument:type ...")
            number, name, status, arguments, tests = match.groups()
            arguments = [parse_argument(path, line, word) for word in arguments.split()]
            if len(arguments) > len(REGISTERS):
                fail(path, line, "more than six arguments")
            argument_names = [argument.name for argument in arguments]
            for argument in arguments:
                if argument.count and argument.count not in argument_names:
                    fail(path, line, f"'{argument.count}' is no argument of {name}")
            if int(number) in numbers or name in names:
                fail(path, line, f"{number} {name} is listed twice")
            numbers.add(int(number))
            names.add(name)
            calls.append(Syscall(int(number), name, status, arguments, (tests or "").split()))
    return sorted(calls, key=lambda call: call.number)


BANNER = "/* Generated from kernel/syscall/syscalls.tbl by generate.py. */\n"


def write_header(calls, out):
    out.write(BANNER + "#ifndef KERNEL_SYSCALL_SYSCALLS_H\n#define KERNEL_SYSCALL_SYSCALLS_H\n\n"
              "#include <stdint.h>\n\nenum syscall_number {\n")
    for call in calls:
        out.write(f"    SYS_{call.name} = {call.number},\n")
    out.write(f"    SYSCALLS_MAX = {calls[-1].number + 1},\n}};\n\n")
    for call in calls:
        parameters = ", ".join(f"{a.ctype} {a.name}" for a in call.arguments) or "void"
        out.write(f"int64_t sys_{call.name}({parameters});\n")
    out.write("\n#endif\n")


def write_dispatch(calls, out):
    out.write(BANNER + '#include "hal/user.h"\n#include "kernel/abi/errno.h"\n'
              '#include "kernel/syscall/dispatch.h"\n#include "kernel/syscall/syscalls.h"\n\n')
    for call in calls:
        if not call.done:
            continue
        values = ", ".join(f"({a.ctype})regs->{REGISTERS[i]}"
                           for i, a in enumerate(call.arguments))
        unused = "" if call.arguments else "    (void)regs;\n"
        out.write(f"static int64_t call_{call.name}(const struct hal_regs *regs)\n{{\n{unused}"
                  f"    return sys_{call.name}({values});\n}}\n\n")
    refusals = sorted({call.status for call in calls if not call.done and call.status != "todo"})
    for errno in refusals:
        out.write(f"static int64_t refuse_{errno.lower()}(const struct hal_regs *regs)\n{{\n"
                  f"    (void)regs;\n    return -{errno};\n}}\n\n")
    out.write("const syscall_handler syscall_handlers[SYSCALLS_MAX] = {\n")
    for call in calls:
        if call.done:
            out.write(f"    [{call.number}] = call_{call.name},\n")
        elif call.status != "todo":
            out.write(f"    [{call.number}] = refuse_{call.status.lower()},\n")
    out.write("};\n")


def write_trace(calls, out):
    out.write(BANNER + '#include "kernel/syscall/trace_internal.h"\n\n'
              '#include "kernel/syscall/syscalls.h"\n\n')
    for call in calls:
        if not call.arguments:
            continue
        out.write(f"static const struct trace_argument args_{call.name}[] = {{\n")
        names = [a.name for a in call.arguments]
        for a in call.arguments:
            extra = ""
            if a.kind in ("flags", "flags64", "enum"):
                extra = f", .set = &trace_set_{a.detail}"
            elif a.detail:
                extra = f", .type = TRACE_TYPE_{a.detail.upper()}"
            if a.count:
                extra += f", .count = {names.index(a.count) + 1}"
            out.write(f'    {{.name = "{a.name}", .kind = TRACE_{a.kind.upper()}{extra}}},\n')
        out.write("};\n\n")
    out.write("const struct trace_syscall trace_syscalls[SYSCALLS_MAX] = {\n")
    for call in calls:
        if call.arguments:
            out.write(f'    [{call.number}] = {{"{call.name}", args_{call.name}, '
                      f"{len(call.arguments)}}},\n")
        else:
            out.write(f'    [{call.number}] = {{"{call.name}", 0, 0}},\n')
    out.write("};\n")


def write_trace_types(calls, out):
    structs = sorted({a.detail for call in calls for a in call.arguments
                      if a.kind in ("in", "out", "io") and a.detail})
    sets = sorted({a.detail for call in calls for a in call.arguments
                   if a.kind in ("flags", "flags64", "enum")})
    out.write(BANNER + "#ifndef KERNEL_SYSCALL_TRACE_TYPES_H\n"
              "#define KERNEL_SYSCALL_TRACE_TYPES_H\n\n")
    out.write("enum trace_kind {\n")
    for kind in SCALARS:
        out.write(f"    TRACE_{kind.upper()},\n")
    out.write("};\n\nenum trace_type {\n    TRACE_TYPE_BYTES,\n")
    for name in structs:
        out.write(f"    TRACE_TYPE_{name.upper()},\n")
    out.write("};\n\nstruct trace_set;\n")
    for name in sets:
        out.write(f"extern const struct trace_set trace_set_{name};\n")
    out.write("\n#endif\n")


def write_document(calls, out):
    done = sum(call.status == "done" for call in calls)
    checked = sum(call.status == "checked" for call in calls)
    todo = sum(call.status == "todo" for call in calls)
    refused = len(calls) - done - checked - todo
    out.write("# System calls\n\nGenerated from `kernel/syscall/syscalls.tbl`; do not edit.\n\n"
              f"Of the {len(calls)} system calls of Linux 6.1 on x86-64, {done} are implemented, "
              f"{checked} only check their arguments, as there is nothing to act on, {refused} are refused with the error of a Linux without the feature, and "
              f"{todo} are not there yet (they fail with `ENOSYS`).\n\n"
              "| nr | call | status | tests |\n| ---: | --- | --- | --- |\n")
    for call in calls:
        status = {"done": "implemented", "todo": "not yet",
                  "checked": f"checks only: {call.reason}"}.get(
            call.status, f"refused: `{call.status}`, {call.reason}")
        tests = ", ".join(f"`{test}`" for test in call.tests)
        out.write(f"| {call.number} | `{call.name}` | {status} | {tests} |\n")


OUTPUTS = {
    "header": write_header,
    "dispatch": write_dispatch,
    "trace": write_trace,
    "trace-types": write_trace_types,
    "doc": write_document,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tbl", required=True, metavar="FILE", help="the table")
    for name in OUTPUTS:
        parser.add_argument(f"--out-{name}", metavar="FILE", help=f"write the {name} here")
    options = parser.parse_args()
    calls = parse_table(options.tbl)
    for name, write in OUTPUTS.items():
        path = getattr(options, "out_" + name.replace("-", "_"))
        if path:
            with open(path, "w", encoding="ascii") as out:
                write(calls, out)


if __name__ == "__main__":
    main()
