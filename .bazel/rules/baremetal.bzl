"""Reaching the bare machine from a build for this host."""

_BAREMETAL = {
    "gcc": "//.bazel/platforms:gcc_baremetal",
    "clang": "//.bazel/platforms:clang_baremetal",
}

def _to_baremetal_impl(settings, attr):
    platform = str(settings["//command_line_option:platforms"][0])
    return {
        "//command_line_option:platforms": _BAREMETAL["clang" if "clang" in platform else "gcc"],
        "//command_line_option:features": [],
    }

_to_baremetal = transition(
    implementation = _to_baremetal_impl,
    inputs = ["//command_line_option:platforms"],
    outputs = [
        "//command_line_option:features",
        "//command_line_option:platforms",
    ],
)

def _baremetal_files_impl(ctx):
    files = depset(transitive = [target[DefaultInfo].files for target in ctx.attr.targets])
    return [DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files))]

# The files of some targets, built for a bare machine.
baremetal_files = rule(
    implementation = _baremetal_files_impl,
    attrs = {
        "targets": attr.label_list(cfg = _to_baremetal),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)

def _baremetal_binary_impl(ctx):
    binary = ctx.attr.binary[0][DefaultInfo].files_to_run.executable
    out = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = out, target_file = binary, is_executable = True)
    return [DefaultInfo(
        files = depset([out]),
        executable = out,
        runfiles = ctx.runfiles([out]),
    )]

# A cc_binary, built for a bare machine under this rule's own name.
baremetal_binary = rule(
    implementation = _baremetal_binary_impl,
    attrs = {
        "binary": attr.label(cfg = _to_baremetal),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    executable = True,
)

def baremetal_image(name, deps, srcs = [], testonly = False):
    """A bootable kernel: the bare-metal backend and what runs on it, linked by kernel.ld."""
    native.cc_binary(
        name = name + ".linked",
        testonly = testonly,
        srcs = srcs,
        additional_linker_inputs = ["//hal-baremetal:kernel.ld"],
        linkopts = ["-T$(location //hal-baremetal:kernel.ld)"],
        target_compatible_with = ["@platforms//os:none"],
        deps = deps + ["//hal-baremetal"],
    )
    baremetal_binary(
        name = name,
        testonly = testonly,
        binary = ":" + name + ".linked",
        visibility = ["//visibility:public"],
    )
