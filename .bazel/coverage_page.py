#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One HTML page of the lines of kernel/ that were reached: coverage_page.py TITLE OUT RAW PROGRAM...

RAW is a folder with what programs that clang has built with source-based coverage wrote when they
ran (*.profraw), PROGRAM... are programs that hold the code. To be run where kernel/ is.
OUT/index.html has the figures by folder and by file, least reached first, with links to llvm-cov's
pages of each file (OUT/files), where lines that were not reached are red. Prints the figure.
"""
import datetime
import glob
import html
import json
import os
import shutil
import subprocess
import sys

# Where the sources' paths begin, as Bazel has clang record it, and what of them is not the kernel.
START = "/proc/self/cwd/"
IGNORED = f"^{START}(tests|fuzz|sim|hal|hal-hosted|bazel-out)/"
STYLE = """
:root { color-scheme: light dark; --low: #c55; --middle: #c93; --high: #4a5; --line: #8883 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em; margin: 0 } a { color: inherit } .figure { font-size: 2.6em; margin: 0.2em 0 }
.row { display: grid; grid-template-columns: 1fr 6em 6em 6em 5em 12em; gap: 0 1em;
       align-items: center; padding: 0.15em 0.4em; border-bottom: 1px solid var(--line) }
.row span { text-align: right; font-variant-numeric: tabular-nums } .row :first-child { text-align: left }
.head { opacity: 0.7 } summary { cursor: pointer; list-style: none; font-weight: 600 }
summary::-webkit-details-marker { display: none }
summary .name::before { content: "\\25b8\\a0" } details[open] > summary .name::before { content: "\\25be\\a0" }
summary .row:hover, .file:hover { background: #8882 } .file .name { padding-left: 1.6em }
.bar { height: 0.7em; border-radius: 0.35em; background: var(--line); overflow: hidden }
.bar i { display: block; height: 100%; background: var(--high) }
.middle .bar i { background: var(--middle) } .low .bar i { background: var(--low) }
"""


def run(*command):
    """What a command printed; nothing is shown unless it fails."""
    result = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"{command[0]}: {result.stderr.strip()}")
    return result.stdout


def share_of(lines):
    return 100 * lines["covered"] / lines["count"] if lines["count"] else 100


def row(name, lines, kind, link=None):
    share = share_of(lines)
    level = "low" if share < 60 else "middle" if share < 85 else "high"
    text = html.escape(name)
    if link:
        text = f'<a href="{html.escape(link)}">{text}</a>'
    return (f'<div class="row {kind} {level}"><span class=name>{text}</span>'
            f"<span>{lines['covered']}</span><span>{lines['count'] - lines['covered']}</span>"
            f"<span>{lines['count']}</span><span>{share:.1f} %</span>"
            f'<div class=bar><i style="width:{share:.1f}%"></i></div></div>')


def total(entries):
    return {key: sum(lines[key] for _, lines in entries) for key in ("covered", "count")}


def page(title, files):
    """The page, and its figure."""
    folders = {}
    for entry in files:
        folders.setdefault(os.path.dirname(entry[0]), []).append(entry)
    lines = total(files)
    figure = f"{share_of(lines):.1f} %"
    counts = f"{lines['covered']} of {lines['count']} lines of kernel/"
    out = ["<!DOCTYPE html><html lang=en><meta charset=utf-8>",
           "<meta name=viewport content='width=device-width'>",
           f"<title>{html.escape(title)}</title><style>{STYLE}</style><h1>{html.escape(title)}</h1>",
           f"<p class=figure>{figure}</p><p>{counts}, {datetime.date.today().isoformat()}. A click on "
           "a folder shows its files, on a file its lines.</p>",
           "<div class='row head'><span>folder</span><span>reached</span><span>not</span>"
           "<span>lines</span><span></span><span></span></div>"]
    for folder, entries in sorted(folders.items()):
        out.append(f"<details><summary>{row(folder, total(entries), 'folder')}</summary>")
        for path, numbers in sorted(entries, key=lambda entry: share_of(entry[1])):
            link = f"files/coverage{START}{path}.html"
            out.append(row(os.path.basename(path), numbers, "file", link))
        out.append("</details>")
    return "\n".join(out), f"{figure} ({counts})"


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    title, out, raw, *programs = sys.argv[1:]
    details, profile = os.path.join(out, "files"), os.path.join(out, "profile")
    shutil.rmtree(details, ignore_errors=True)
    os.makedirs(out, exist_ok=True)
    run("llvm-profdata", "merge", "-o", profile, *sorted(glob.glob(os.path.join(raw, "*.profraw"))))
    objects = [word for program in programs for word in ("-object", program)]
    what = ["-instr-profile", profile, f"-ignore-filename-regex={IGNORED}", *objects]
    run("llvm-cov", "show", "-format=html", "-output-dir", details, *what)
    summary = json.loads(run("llvm-cov", "export", "-summary-only", *what))
    files = [(entry["filename"][len(START):], entry["summary"]["lines"])
             for entry in summary["data"][0]["files"]
             if entry["filename"].startswith(START + "kernel/") and entry["summary"]["lines"]["count"]]
    text, figure = page(title, files)
    with open(os.path.join(out, "index.html"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    print(figure)


if __name__ == "__main__":
    main()
