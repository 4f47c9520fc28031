"""Simulations as Bazel tests, for this repository and for users of it."""

_ASSAY = str(Label("//sim:assay"))
_RUNNER = str(Label("//sim:sim_test.sh"))

def assay_sim_test(
        name,
        scenario,
        seeds = "1..100",
        shard_count = 1,
        data = [],
        twice = False,
        fails = False,
        args = [],
        tags = [],
        **kwargs):
    """Runs a scenario with many seeds, split over shards that may run on different machines.

    A failing seed's bundle is among the test's undeclared outputs.

    Args:
      name: of the test.
      scenario: its YAML file. Files that it names are relative to it.
      seeds: "A..B".
      shard_count: parts to split the seeds into.
      data: the files that the scenario names.
      twice: run every seed twice; the event logs must be equal.
      fails: the scenario must fail with one of the seeds, and its bundle must replay.
      args: further options of `assay sim`.
      tags: of the test, beside "simulation".
      **kwargs: further attributes of the test, as size and timeout.
    """
    native.sh_test(
        name = name,
        srcs = [_RUNNER],
        args = [
            "$(rootpath %s)" % _ASSAY,
            "fail" if fails else "pass",
            "$(rootpath %s)" % scenario,
            "--seeds",
            seeds,
        ] + (["--twice"] if twice else []) + args,
        data = [
            scenario,
            _ASSAY,
        ] + data,
        shard_count = shard_count if shard_count > 1 else None,
        tags = tags + ["simulation"],
        **kwargs
    )
