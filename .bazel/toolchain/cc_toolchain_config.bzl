"""Debian's gcc and clang as Bazel toolchains, for this host and for a bare machine.

Bazel's own detection is not used: it depends on the environment, links libstdc++ into every
program, and knows no bare machine.
"""

load(
    "@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl",
    "feature",
    "flag_group",
    "flag_set",
    "tool_path",
)
load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")

COMPILE_C = [ACTION_NAMES.c_compile]
COMPILE_ANY = [
    ACTION_NAMES.c_compile,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.assemble,
    ACTION_NAMES.preprocess_assemble,
]
LINK = [
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

# What a source file of any kind is compiled with.
COMMON_FLAGS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fno-omit-frame-pointer",
    "-no-canonical-prefixes",
    # The same bytes on every day.
    "-Wno-builtin-macro-redefined",
    "-D__DATE__=\"redacted\"",
    "-D__TIME__=\"redacted\"",
    "-D__TIMESTAMP__=\"redacted\"",
]

HOSTED_FLAGS = [
    "-fPIE",
    "-fstack-protector-strong",
]

# An interrupt may arrive on top of kernel code at any moment: no red zone, and no register beyond
# the general ones, because those belong to the user program that was interrupted.
BAREMETAL_FLAGS = [
    "-ffreestanding",
    "-fno-pic",
    "-fno-pie",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-mcmodel=kernel",
    "-mno-red-zone",
    "-mgeneral-regs-only",
    "-fcf-protection=none",
]

# Under emulation each call, return and jump to another page costs a search for the translated
# block, which is most of a short system call's time: leave out what calls there are. Not for
# clang, whose objects want another linker, nor in debug builds. At link time gcc takes the head of
# a list for an entry that is too small (page_buddy.c): -Wno-stringop-overflow. The objects hold
# machine code too, for the checks that read their symbols.
WHOLE_PROGRAM_FLAGS = ["-flto=2", "-ffat-lto-objects", "-momit-leaf-frame-pointer"]
WHOLE_PROGRAM_LINK_FLAGS = ["-O2"] + WHOLE_PROGRAM_FLAGS + ["-Wno-stringop-overflow"]

BAREMETAL_LINK_FLAGS = [
    "-nostdlib",
    "-static",
    "-no-pie",
    "-Wl,--build-id=none",
    "-Wl,-z,max-page-size=4096",
    "-Wl,-z,noexecstack",
    "-Wl,--fatal-warnings",
]

HOSTED_LINK_FLAGS = [
    "-pie",
    "-Wl,-z,relro,-z,now",
    "-Wl,--as-needed",
]

# --features=NAME, set by the configurations in .bazelrc: what to add to compiling and to linking.
SANITIZERS = {
    "asan": ["-fsanitize=address"],
    "ubsan": ["-fsanitize=undefined", "-fno-sanitize-recover=undefined"],
    "tsan": ["-fsanitize=thread"],
    "fuzzer_coverage": ["-fsanitize=fuzzer-no-link"],
    "source_coverage": ["-fprofile-instr-generate", "-fcoverage-mapping"],
}

def _flags(name, actions, flags, enabled = True):
    return feature(
        name = name,
        enabled = enabled,
        flag_sets = [flag_set(actions = actions, flag_groups = [flag_group(flags = flags)])],
    )

def _optimized(name, whole_program):
    compile_flags = ["-O2", "-g"] + (WHOLE_PROGRAM_FLAGS if whole_program else [])
    flag_sets = [flag_set(actions = COMPILE_ANY, flag_groups = [flag_group(flags = compile_flags)])]
    if whole_program:
        link_flags = flag_group(flags = WHOLE_PROGRAM_LINK_FLAGS)
        flag_sets.append(flag_set(actions = LINK, flag_groups = [link_flags]))
    return feature(name = name, flag_sets = flag_sets)

def _hosted_features(clang):
    features = [
        _flags("hosted", COMPILE_ANY, HOSTED_FLAGS),
        _flags("hosted_link", LINK, HOSTED_LINK_FLAGS),
    ]
    if clang:
        for name, flags in SANITIZERS.items():
            features.append(_flags(name, COMPILE_ANY + LINK, flags, enabled = False))
    return features

def _baremetal_features():
    return [
        _flags("baremetal", COMPILE_ANY, BAREMETAL_FLAGS),
        _flags("baremetal_link", LINK, BAREMETAL_LINK_FLAGS),
    ]

def _impl(ctx):
    clang = ctx.attr.compiler == "clang"
    whole_program = ctx.attr.baremetal and not clang
    common = COMMON_FLAGS + ([] if clang else ["-fno-canonical-system-headers"])
    features = [
        _flags("common", COMPILE_ANY, common),
        _flags("c_standard", COMPILE_C, ["-std=gnu11"]),
        _optimized("opt", whole_program),
        _optimized("fastbuild", whole_program),
        _flags("dbg", COMPILE_ANY, ["-Og", "-g3"], enabled = False),
        _flags("checked", COMPILE_ANY, ["-DASSAY_DEBUG=1"], enabled = False),
    ]
    features += _baremetal_features() if ctx.attr.baremetal else _hosted_features(clang)
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        toolchain_identifier = ctx.label.name[:-len("_config")],
        host_system_name = "local",
        target_system_name = "baremetal" if ctx.attr.baremetal else "linux",
        target_cpu = "x86_64",
        target_libc = "none" if ctx.attr.baremetal else "glibc",
        compiler = ctx.attr.compiler,
        abi_version = "unknown",
        abi_libc_version = "unknown",
        features = features,
        cxx_builtin_include_directories = [
            "/usr/include",
            "/usr/lib/gcc",
            "/usr/lib/llvm-14/lib/clang",
            "/usr/lib/clang",
        ],
        tool_paths = [
            tool_path(name = "gcc", path = "/usr/bin/" + ctx.attr.compiler),
            tool_path(name = "cpp", path = "/usr/bin/cpp"),
            tool_path(name = "ld", path = "/usr/bin/ld"),
            tool_path(name = "ar", path = "/usr/bin/ar"),
            tool_path(name = "nm", path = "/usr/bin/nm"),
            tool_path(name = "objcopy", path = "/usr/bin/objcopy"),
            tool_path(name = "objdump", path = "/usr/bin/objdump"),
            tool_path(name = "strip", path = "/usr/bin/strip"),
            tool_path(name = "gcov", path = "/usr/bin/gcov"),
            tool_path(name = "dwp", path = "/usr/bin/dwp"),
        ],
    )

cc_toolchain_config = rule(
    implementation = _impl,
    attrs = {
        "baremetal": attr.bool(mandatory = True),
        "compiler": attr.string(mandatory = True, values = ["gcc", "clang"]),
    },
    provides = [CcToolchainConfigInfo],
)
