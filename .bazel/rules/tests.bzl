"""Test programs: one target a file, so that adding a test edits no BUILD file."""

load("//.bazel/rules:layers.bzl", "kernel_objects")

def assay_unit_tests(parts = [], support = "//tests/unit/support", deps = [], copts = []):
    """One cc_test for every *_test.c of the package.

    Args:
      parts: the parts of the kernel to link; each brings the parts it may use.
      support: what takes the place of the other side of hal/.
      deps: further libraries.
      copts: further compiler options.
    """
    objects = {}
    for part in parts:
        for label in kernel_objects(part):
            objects[label] = True
    if "//kernel/core" in objects:
        deps = deps + ["//tests/unit/support:kernel_fixture"]
    helpers = native.glob(["*.h"], allow_empty = True)
    for source in native.glob(["*_test.c"], allow_empty = True):
        native.cc_test(
            name = source[:-len(".c")],
            size = "small",
            srcs = [source] + helpers,
            copts = copts,
            deps = sorted(objects) + deps + [
                "//.bazel/check",
                support,
            ],
        )

_GUEST_COMPILERS = {
    "glibc": "gcc",
    "musl": "$(location //.bazel/toolchain:musl_gcc)",
}

_GUEST_FLAGS = "-std=gnu11 -O2 -g -Wall -Wextra -Werror -static -pthread -D_GNU_SOURCE= -I."

def assay_guest_programs(srcs, hdrs = []):
    """Compiles every source file into two static Linux programs, glibc/NAME and musl/NAME.

    The target `programs` is all of them, `glibc_programs` one of each.
    """
    programs = []
    for source in srcs:
        stem = source[:-len(".c")]
        for libc, compiler in _GUEST_COMPILERS.items():
            out = libc + "/" + stem
            native.genrule(
                name = libc + "_" + stem,
                srcs = [source] + hdrs,
                outs = [out],
                cmd = "%s %s -o $@ $(location %s)" % (compiler, _GUEST_FLAGS, source),
                exec_tools = ["//.bazel/toolchain:musl_gcc"],
                executable = True,
                message = "Compiling a guest program with " + libc,
                visibility = ["//visibility:public"],
            )
            programs.append(out)
    native.filegroup(
        name = "glibc_programs",
        srcs = [program for program in programs if program.startswith("glibc/")],
        visibility = ["//visibility:public"],
    )
    native.filegroup(
        name = "programs",
        srcs = programs,
        visibility = ["//visibility:public"],
    )
