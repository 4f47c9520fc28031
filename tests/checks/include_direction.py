"""Which file may include which: the rules of docs and of .bazel/rules/layers.bzl."""
import re

FREESTANDING = {
    "float.h",
    "iso646.h",
    "limits.h",
    "stdalign.h",
    "stdarg.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdnoreturn.h",
}

# top folder: (the top folders it may include, whether host headers are allowed)
FOLDERS = {
    "hal": ({"hal"}, False),
    "hal-baremetal": ({"hal-baremetal", "hal"}, False),
    "hal-hosted": ({"hal-hosted", "hal"}, True),
    "kernel": ({"kernel", "hal"}, False),
    "sim": ({"sim", "hal-hosted", "hal", "kernel"}, True),
    "fuzz": ({"fuzz", "sim", "hal-hosted", "hal", "kernel"}, True),
    "tests": ({"tests", "fuzz", "sim", "hal-hosted", "hal", "kernel"}, True),
}

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]+)[>\"]", re.M)


def load_layers(path):
    """KERNEL_LAYERS: the table's file is also Python."""
    names = {}
    with open(path) as table:
        exec(compile(table.read(), path, "exec"), names)
    return names["KERNEL_LAYERS"]


def problem_of_include(path, kind, target, layers):
    """What is wrong with one include of a file, or None."""
    parts = path.split("/")
    allowed, host = FOLDERS[parts[0]]
    if kind == "<":
        if host or target in FREESTANDING:
            return None
        return "host header"
    wanted = target.split("/")
    if wanted[0] not in FOLDERS or len(wanted) < 2 or ".." in wanted:
        return "not relative to the repository's root"
    if wanted[0] not in allowed:
        return f"{parts[0]}/ may not include {wanted[0]}/"
    if target.endswith("_internal.h") and wanted[0] == "kernel" and wanted[:2] != parts[:2]:
        return None if parts[0] in ("tests", "fuzz") else "internal to another part"
    if parts[0] != "kernel" or wanted[0] != "kernel":
        return None
    if parts[1] not in layers:
        return f"{parts[1]} is not in the table of layers"
    if wanted[1] != parts[1] and wanted[1] not in layers[parts[1]]:
        return f"{parts[1]} may not see {wanted[1]}"
    return None


def problems_of_file(path, text, layers):
    return [
        f"{path}: {target}: {problem}"
        for kind, target in INCLUDE.findall(text)
        if (problem := problem_of_include(path, kind, target, layers))
    ]
