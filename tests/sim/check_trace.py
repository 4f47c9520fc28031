#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_trace.py SCHEMA TRACE...: are these traces that a viewer of trace events shows as they are meant?

Each must satisfy the schema, and what no schema says: all processes are named, slices of a thread
nest, and an asynchronous event ends once, after it has begun. Exits with 1 and one line for the
first thing that is wrong.
"""
import collections
import json
import sys

import jsonschema


def check_names(events):
    named = {event["pid"] for event in events if event["name"] == "process_name"}
    for event in events:
        if event["pid"] not in named:
            raise ValueError(f"process {event['pid']} has no name: {event}")


def check_slices(events):
    """A slice of a thread lies within the one before it, or after it; a nanosecond is the unit."""
    threads = collections.defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            begin = round(event["ts"] * 1000)
            threads[event["pid"], event["tid"]].append((begin, begin + round(event["dur"] * 1000), event))
    for slices in threads.values():
        slices.sort(key=lambda entry: (entry[0], -entry[1]))
        within = []
        for begin, end, event in slices:
            while within and within[-1] <= begin:
                within.pop()
            if within and end > within[-1]:
                raise ValueError(f"a slice ends after the one that it began in: {event}")
            within.append(end)
    return sum(map(len, threads.values()))


def check_asynchronous(events):
    open_since = {}
    for event in events:
        if event["ph"] in "bne":
            key = event["pid"], event["cat"], event["id"]
            if event["ph"] == "b":
                if key in open_since:
                    raise ValueError(f"it begins a second time: {event}")
                open_since[key] = event["ts"]
            elif key not in open_since or open_since[key] > event["ts"]:
                raise ValueError(f"it has not begun: {event}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        validator = jsonschema.Draft7Validator(json.load(file))
    for path in sys.argv[2:]:
        try:
            with open(path, encoding="utf-8") as file:
                trace = json.load(file)
            error = jsonschema.exceptions.best_match(validator.iter_errors(trace))
            if error:
                raise ValueError(f"{error.json_path}: {error.message[:200]}")
            check_names(trace["traceEvents"])
            slices = check_slices(trace["traceEvents"])
            check_asynchronous(trace["traceEvents"])
        except ValueError as error:
            sys.exit(f"{path}: {error}")
        print(f"{path}: {len(trace['traceEvents'])} events, {slices} slices")


main()
