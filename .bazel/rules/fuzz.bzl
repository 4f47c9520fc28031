"""Fuzz targets, after OSS-Fuzz: a file with LLVMFuzzerTestOneInput, and seeds in corpus/NAME."""

def assay_fuzz_targets(deps = [], copts = []):
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
            copts = copts,
            linkopts = select({
                "//.bazel/platforms:libfuzzer": ["-fsanitize=fuzzer"],
                "//conditions:default": [],
            }),
            deps = deps + select({
                "//.bazel/platforms:libfuzzer": [],
                "//conditions:default": [":replay"],
            }),
        )
        native.cc_test(
            name = name + "_corpus_test",
            size = "small",
            srcs = [source],
            args = ["$(locations %s)" % file for file in corpus],
            copts = copts,
            data = corpus,
            deps = deps + [":replay"],
        )
