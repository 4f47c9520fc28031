"""Which part of the kernel may see which: the one table, used by the build and by its checks.

A part sees the headers of everything listed for it, and nothing else: Bazel's sandbox does not even
show it the other files. Calls upwards go through an ops struct that the upper part hands down.
"""

_BASE = ["abi", "lib", "core"]
_MACHINE = _BASE + ["drivers", "mm", "sched"]
_OBJECTS = _MACHINE + ["security", "fs"]
_SERVICES = _OBJECTS + ["ipc", "net", "tty"]

# part: the parts whose headers it may include beside its own
KERNEL_LAYERS = {
    "abi": [],
    "lib": ["abi"],
    "core": ["abi", "lib"],
    # One level: a page fault sleeps, a stack is made of pages, a driver does both.
    "mm": _BASE + ["sched"],
    "sched": _BASE + ["mm"],
    "drivers": _BASE + ["mm", "sched"],
    "security": _MACHINE,
    # One level, where fs defines what a file is and the others make files.
    "fs": _MACHINE + ["security"],
    "ipc": _OBJECTS,
    "net": _OBJECTS,
    "tty": _OBJECTS,
    "proc": _SERVICES,
    "procfs": _SERVICES + ["proc"],
    "syscall": _SERVICES + ["proc", "procfs"],
    # Brings everything up, and so sees everything.
    "init": _SERVICES + ["proc", "procfs", "syscall"],
}

def kernel_headers(part):
    """The header targets that a part may include, its own first."""
    return ["//kernel/%s:headers" % name for name in [part] + KERNEL_LAYERS[part]]

def kernel_objects(part):
    """The library targets that a program needs in order to link a part."""
    return ["//kernel/" + name for name in [part] + KERNEL_LAYERS[part]]

def kernel_parts():
    return sorted(KERNEL_LAYERS)
