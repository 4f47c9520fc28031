"""Includes point down only: include_direction_test.py LAYERS.bzl SOURCE..."""
import sys

from include_direction import load_layers, problems_of_file

LAYERS = {"abi": [], "lib": ["abi"], "fs": ["lib"], "net": ["lib"]}

# (file, line, whether it is a fault): the check can fail, and does not fail without reason.
CASES = [
    ("kernel/fs/a.c", '#include "kernel/fs/a_internal.h"', False),
    ("kernel/fs/a.c", '#include "kernel/lib/list.h"', False),
    ("kernel/fs/a.c", '#include "hal/cpu.h"', False),
    ("kernel/fs/a.c", "#include <stdint.h>", False),
    ("kernel/fs/a.c", "/* #include <stdio.h> */", False),
    ("kernel/fs/a.c", "#include <stdio.h>", True),
    ("kernel/fs/a.c", "  #  include <errno.h>", True),
    ("kernel/fs/a.c", '#include "kernel/net/socket.h"', True),
    ("kernel/lib/a.c", '#include "kernel/fs/vfs.h"', True),
    ("kernel/fs/a.c", '#include "kernel/lib/list_internal.h"', True),
    ("kernel/fs/a.c", '#include "hal-hosted/machine.h"', True),
    ("kernel/fs/a.c", '#include "a_internal.h"', True),
    ("kernel/fs/a.c", '#include "../lib/list.h"', True),
    ("kernel/new/a.c", '#include "kernel/lib/list.h"', True),
    ("hal/cpu.h", '#include "hal/boot.h"', False),
    ("hal/cpu.h", '#include "kernel/lib/list.h"', True),
    ("hal/cpu.h", "#include <pthread.h>", True),
    ("hal-hosted/a.c", "#include <pthread.h>", False),
    ("hal-hosted/a.c", '#include "kernel/lib/list.h"', True),
    ("hal-hosted/a.c", '#include "sim/options.h"', True),
    ("hal-baremetal/a.c", "#include <string.h>", True),
    ("sim/a.c", '#include "tests/unit/support/fake_kernel.h"', True),
]


def self_test():
    for path, text, is_fault in CASES:
        if bool(problems_of_file(path, text, LAYERS)) != is_fault:
            sys.exit(f"the check is wrong about {text} in {path}")


def main():
    self_test()
    layers = load_layers(sys.argv[1])
    sources = sys.argv[2:]
    problems = []
    for path in sources:
        with open(path, errors="replace") as source:
            problems += problems_of_file(path, source.read(), layers)
    if not sources:
        sys.exit("no source files given")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(sources)} files include downwards only")


main()
