#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare the results of the bad-argument test with those of Linux, or record them.

  compare.py record RESULTS       print results in the compact form of the reference
  compare.py check RESULTS REFERENCE [KNOWN]
                                  print every difference that is not a known one; the last line is
                                  "N passed, N failed, N skipped"

The compact form has a line for each call, argument and result: "CALL ARGUMENT RESULT: VALUE ...",
with `-` for the argument of pairs and of the good case, and bit3..7 for bit3 bit4 bit5 bit6 bit7. A known difference is a line
"CALL CASE RESULT | REASON", where the first three are patterns of the shell, RESULT is ours and CASE
is good, ARGUMENT=VALUE or ARGUMENT=VALUE,ARGUMENT=VALUE. A known difference that is none any more is
told, and no error."""

import argparse
import fnmatch
import re
import sys


def read_results(path):
    """{(call, case): result}, and whether the run came to its end."""
    results, ended = {}, False
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.rstrip("\r\n").split(" ", 2)
            if words == ["end"]:
                ended = True
            elif len(words) == 3 and re.fullmatch(r"good|\w+=\S+", words[1]):
                results[words[0], words[1]] = words[2]
    return results, ended


def fold_bits(values):
    """Runs of neighbouring bits as one word each."""
    folded = []
    for value in values:
        match = re.fullmatch(r"bit(\d+)", value)
        last = re.fullmatch(r"bit(\d+)\.\.(\d+)", folded[-1]) if folded else None
        if match and last and int(last.group(2)) + 1 == int(match.group(1)):
            folded[-1] = f"bit{last.group(1)}..{match.group(1)}"
        elif match:
            folded.append(f"bit{match.group(1)}..{match.group(1)}")
        else:
            folded.append(value)
    return [re.sub(r"^bit(\d+)\.\.\1$", r"bit\1", value) for value in folded]


def unfold_bits(values):
    for value in values:
        match = re.fullmatch(r"bit(\d+)\.\.(\d+)", value)
        if match:
            yield from (f"bit{i}" for i in range(int(match.group(1)), int(match.group(2)) + 1))
        else:
            yield value


def read_compact(path):
    results = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            head, _, values = line.rstrip("\n").partition(": ")
            call, argument, result = head.split(" ", 2)
            for value in unfold_bits(values.split(" ")):
                results[call, value if argument == "-" else f"{argument}={value}"] = result
    return results


def print_compact(results):
    groups = {}
    for (call, case), result in results.items():
        argument, _, value = case.partition("=")
        if "," in case or not value:
            argument, value = "-", case
        groups.setdefault((call, argument, result), []).append(value)
    for (call, argument, result), values in groups.items():
        print(f"{call} {argument} {result}: {' '.join(fold_bits(values))}")


def read_known(path):
    known = []
    with open(path, encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            pattern, bar, reason = line.partition(" | ")
            words = pattern.split(None, 2)
            if not bar or len(words) != 3 or not reason:
                sys.exit(f"{path}:{number}: expected: CALL CASE RESULT | REASON")
            known.append([number, *words, 0])
    return known


def is_known(known, call, case, result):
    for entry in known:
        if all(fnmatch.fnmatchcase(text, pattern.strip())
               for text, pattern in zip((call, case, result), entry[1:4])):
            entry[4] += 1
            return True
    return False


def check(options):
    ours, ended = read_results(options.results)
    linux = read_compact(options.reference)
    known = read_known(options.known) if options.known else []
    passed = failed = skipped = 0
    for (call, case), expected in linux.items():
        result = ours.get((call, case))
        if result == expected:
            passed += 1
        elif result is None and (ended or options.partial): # a case that is none any more
            skipped += 1
        elif is_known(known, call, case, result or "nothing"):
            passed += 1
        else:
            failed += 1
            print(f"{call} {case}: {result or 'nothing'}, on Linux {expected}")
    new = ours.keys() - linux.keys()
    skipped += len(new)
    if new:  # of calls that were added since: not compared until somebody records them
        calls = sorted({call for call, _ in new})
        print(f"note: {len(new)} cases have no reference yet (see record): {' '.join(calls)}")
    for number, *_, times in known:
        if not times and not options.partial:
            print(f"note: {options.known}:{number}: no such difference any more")
    if not ended:
        failed += 1
        print("the run did not come to its end")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    record = actions.add_parser("record")
    record.add_argument("results")
    checking = actions.add_parser("check")
    checking.add_argument("--partial", action="store_true", help="only some calls were tried")
    checking.add_argument("results")
    checking.add_argument("reference")
    checking.add_argument("known", nargs="?")
    options = parser.parse_args()
    if options.action == "check":
        sys.exit(check(options))
    results, ended = read_results(options.results)
    print_compact(results)
    if not ended:
        sys.exit("the run did not come to its end")


if __name__ == "__main__":
    main()
