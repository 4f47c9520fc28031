"""Which part of the kernel may see which: the one table, used by the build and by its checks.

A part sees the headers of everything listed for it, and nothing else: Bazel's sandbox does not even
show it the other files. Calls upwards go through an ops struct that the upper part hands down.
"""

_BASE = ["abi", "lib", "core"]
_MACHINE = _BASE + ["drivers", "mm", "sched"]
_OBJECTS = _MACHINE + ["security", "fs"]
_SERVICES = _OBJECTS + ["ipc", "net"]
_TASKS = _SERVICES + ["proc"]

# part: the parts whose headers it may include beside its own
KERNEL_LAYERS = {
    "abi": [],
    "lib": ["abi"],
    # The log, the clock and the random pool allocate and sleep like everyone else.
    "core": ["abi", "lib", "mm", "sched"],
    # One level: a page fault sleeps, a stack is made of pages, a driver does both.
    "mm": _BASE + ["sched"],
    "sched": _BASE + ["mm", "security"],
    "drivers": _BASE + ["mm", "sched"],
    "security": _MACHINE,
    # One level, where fs defines what a file is and the others make files.
    "fs": _MACHINE + ["security"],
    "ipc": _OBJECTS,
    "net": _OBJECTS + ["ipc"],
    "proc": _SERVICES,
    "tty": _TASKS,
    "cgroup": _TASKS,
    "procfs": _TASKS + ["cgroup", "tty"],
    "syscall": _TASKS + ["cgroup", "procfs", "tty"],
    # Brings everything up, and so sees everything.
    "boot": _TASKS + ["cgroup", "procfs", "syscall", "tty"],
}

def kernel_headers(part):
    """The header targets that a part may include, its own first."""
    return ["//kernel/%s:headers" % name for name in [part] + KERNEL_LAYERS[part]]

def kernel_objects(part):
    """The library targets that a program needs in order to link a part: what it may use, what that
    may use, and so on."""
    needed = {part: True}
    for _ in KERNEL_LAYERS:
        for name in needed.keys():
            needed.update([(used, True) for used in KERNEL_LAYERS[name]])
    return ["//kernel/" + name for name in sorted(needed)]

def kernel_parts():
    return sorted(KERNEL_LAYERS)
