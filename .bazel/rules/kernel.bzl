"""Building the parts of the kernel, the same way for a Linux process and for a bare machine."""

load("//.bazel/rules:layers.bzl", "kernel_headers")
load("//.bazel/rules:sources.bzl", "sources")

# The compiler may not assume a libc or type-based aliasing. memcpy and its three relatives stay
# inlined because kernel/lib/string.h names the compiler's builtins.
KERNEL_COPTS = [
    "-ffreestanding",
    "-fno-strict-aliasing",
    "-fno-common",
]

def kernel_part(srcs = [], hdrs = [], deps = []):
    """Declares the package's part of the kernel: every source file below its BUILD file.

    `headers` is what other parts see; the target named like the folder holds the objects. The
    objects are linked whole, whether or not a program names one of their symbols.
    """
    name = native.package_name().split("/")[-1]
    native.cc_library(
        name = "headers",
        hdrs = native.glob(
            ["**/*.h"],
            exclude = ["**/*_internal.h"],
            allow_empty = True,
        ) + hdrs,
        visibility = ["//visibility:public"],
        deps = ["//hal"],
    )
    native.cc_library(
        name = name,
        srcs = native.glob(
            ["**/*.c", "**/*_internal.h"],
            allow_empty = True,
        ) + srcs,
        copts = KERNEL_COPTS,
        linkstatic = True,
        visibility = ["//visibility:public"],
        deps = kernel_headers(name) + deps,
        alwayslink = True,
    )
    sources()
