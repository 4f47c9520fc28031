#!/usr/bin/env python3
"""Counts what a `bazel test` run did, from its build event file.

Prints "N passed, N failed, N skipped". A test program that uses Check counts with each of its test
cases, any other as one; a target that was not built counts as one failure.
"""
import json
import re
import sys
from urllib.parse import unquote, urlparse

CHECK_SUMMARY = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)


def read_log(outputs):
    for output in outputs:
        if output.get("name") == "test.log" and output.get("uri", "").startswith("file:"):
            with open(unquote(urlparse(output["uri"]).path), errors="replace") as log:
                return log.read()
    return ""


def count(status, log):
    """(passed, failed) of one run of one test program."""
    checks = failures = 0
    for match in CHECK_SUMMARY.finditer(log):
        checks += int(match[1])
        failures += int(match[2]) + int(match[3])
    if status == "PASSED":
        return max(checks, 1), 0
    return max(checks - failures, 0), max(failures, 1)


def main():
    passed = failed = skipped = 0
    tests = set()
    with open(sys.argv[1]) as events:
        for line in events:
            event = json.loads(line)
            kind = event.get("id", {})
            if "configured" in event and "targetConfigured" in kind:
                if event["configured"].get("targetKind", "").endswith("_test rule"):
                    tests.add(kind["targetConfigured"]["label"])
            elif "testResult" in event:
                result = event["testResult"]
                good, bad = count(result["status"], read_log(result.get("testActionOutput", [])))
                passed += good
                failed += bad
            elif "targetCompleted" in kind and "aborted" in event:
                # Targets for a bare machine are skipped in a build for this host; that is no test.
                if event["aborted"].get("reason") == "SKIPPED":
                    skipped += kind["targetCompleted"]["label"] in tests
                else:
                    failed += 1
            elif "targetCompleted" in kind and not event.get("completed", {}).get("success"):
                failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")


if __name__ == "__main__":
    main()
