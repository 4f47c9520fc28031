#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One HTML page of `llvm-cov export -summary-only`: coverage_page.py TITLE DETAILS <SUMMARY >PAGE

The lines of kernel/ that were reached, by folder and by file, least reached first. DETAILS is the
folder, as seen from the page, with llvm-cov's own page for each file.
"""
import html
import json
import os
import sys

STYLE = """body { font: 14px sans-serif; margin: 2em } td, th { padding: 1px 1em; text-align: left }
td.n { text-align: right } h2 { margin: 1.5em 0 0.3em } .bar { background: #ddd; width: 12em }
.bar div { background: #4a4; height: 0.8em } tr.low .bar div { background: #c66 }"""


def kernel_path(path):
    at = path.rfind("/kernel/")
    if at >= 0:
        return path[at + 1:]
    return path if path.startswith("kernel/") else None


def row(name, lines, link=None):
    share = 100 * lines["covered"] / lines["count"] if lines["count"] else 100
    text = html.escape(name)
    if link:
        text = f'<a href="{html.escape(link)}">{text}</a>'
    low = ' class="low"' if share < 60 else ""
    return (f"<tr{low}><td>{text}</td><td class=n>{lines['covered']}</td>"
            f"<td class=n>{lines['count']}</td><td class=n>{share:.1f} %</td>"
            f'<td class=bar><div style="width:{share:.0f}%"></div></td></tr>')


def total(entries):
    return {key: sum(lines[key] for _, _, lines in entries) for key in ("covered", "count")}


def main():
    title, details = sys.argv[1:3]
    files = []
    for entry in json.load(sys.stdin)["data"][0]["files"]:
        path = kernel_path(entry["filename"])
        if path:
            files.append((path, entry["filename"], entry["summary"]["lines"]))
    folders = {}
    for entry in files:
        folders.setdefault(os.path.dirname(entry[0]), []).append(entry)
    everything = total(files)
    share = 100 * everything["covered"] / max(everything["count"], 1)
    head = "<tr><th>{}</th><th>reached</th><th>lines</th><th></th><th></th></tr>"
    print(f"<!DOCTYPE html><meta charset=utf-8><title>{html.escape(title)}</title>"
          f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>"
          f"<p>{share:.1f} % of the lines of kernel/: {everything['covered']} of "
          f"{everything['count']}.</p><table>{head.format('folder')}")
    for folder, entries in sorted(folders.items()):
        print(row(folder, total(entries), "#" + folder))
    print("</table>")
    for folder, entries in sorted(folders.items()):
        print(f'<h2 id="{html.escape(folder)}">{html.escape(folder)}</h2>'
              f"<table>{head.format('file')}")
        for path, full, lines in sorted(
                entries, key=lambda entry: entry[2]["covered"] / max(entry[2]["count"], 1)):
            print(row(os.path.basename(path), lines, f"{details}/coverage{full}.html"
                      if full.startswith("/") else f"{details}/coverage/{full}.html"))
        print("</table>")
    print(f"{share:.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()
