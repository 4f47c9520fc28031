"""Source files as data, for the checks that read them."""

def sources():
    """A target `sources`: every source file of the package."""
    native.filegroup(
        name = "sources",
        srcs = native.glob(
            ["**/*.c", "**/*.h", "**/*.S"],
            allow_empty = True,
        ),
        visibility = ["//tests/checks:__pkg__"],
    )
