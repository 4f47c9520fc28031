"""Fuzz targets, after OSS-Fuzz: a file with LLVMFuzzerTestOneInput, and seeds in corpus/NAME."""

_COPTS = ["-D_GNU_SOURCE="]
_MACHINE = [
    "//hal-hosted",
    "//kernel",
]

def fuzz_library(name, deps = [], **kwargs):
    """What targets share: a library on the kernel and the hosted machine."""
    native.cc_library(
        name = name,
        testonly = True,
        copts = _COPTS,
        deps = deps + _MACHINE,
        **kwargs
    )

def fuzz_program_test(name, srcs = [], deps = [], seeds = None, tags = []):
    """A test NAME.c of :program; `seeds`: its arguments are the files of corpus/SEEDS."""
    files = native.glob(["corpus/%s/**" % seeds]) if seeds else []
    native.cc_test(
        name = name,
        size = "small",
        srcs = [name + ".c"] + srcs,
        args = ["$(locations %s)" % file for file in files],
        copts = _COPTS,
        data = files,
        tags = tags,
        deps = deps + _MACHINE + [
            ":inside",
            ":program",
        ],
    )

def assay_fuzz_targets(deps = []):
    """For every *_fuzz.c of the package, the fuzzer and a test that runs its seeds.

    NAME is libFuzzer's program with --config=fuzz, else one that runs the files it is given.
    NAME_corpus_test runs every file of corpus/NAME.
    """
    for source in native.glob(["*_fuzz.c"], allow_empty = True):
        name = source[:-len(".c")]
        corpus = native.glob(["corpus/%s/**" % name], allow_empty = True)
        native.cc_binary(
            name = name,
            testonly = True,
            srcs = [source],
            copts = _COPTS,
            linkopts = select({
                "//.bazel/platforms:libfuzzer": ["-fsanitize=fuzzer"],
                "//conditions:default": [],
            }),
            deps = deps + _MACHINE + select({
                "//.bazel/platforms:libfuzzer": [],
                "//conditions:default": [":replay"],
            }),
        )
        native.cc_test(
            name = name + "_corpus_test",
            size = "small",
            srcs = [source],
            args = ["$(locations %s)" % file for file in corpus],
            copts = _COPTS,
            data = corpus,
            deps = deps + _MACHINE + [":replay"],
        )
