#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the vDSO's ELF image and wraps it in a C file: embed.py IMAGE OUT.c

What is checked is what the kernel relies on when it maps the bytes as they are: one loadable
segment from the start of the file, no relocations, no data, no undefined symbol.
"""

import struct
import sys

PT_LOAD, PT_DYNAMIC = 1, 2
SHT_NOBITS, SHT_DYNSYM, SHT_RELA, SHT_REL = 8, 11, 4, 9
SHF_WRITE, SHF_ALLOC = 1, 2
PAGE_BYTES = 4096


def check(image):
    """Raises SystemExit unless the image can be mapped and run as it is."""
    (phoff, shoff) = struct.unpack_from("<QQ", image, 32)
    (phentsize, phnum, shentsize, shnum) = struct.unpack_from("<HHHH", image, 54)
    loads = []
    for i in range(phnum):
        kind, flags, offset, vaddr, _, filesz, memsz, _ = struct.unpack_from(
            "<IIQQQQQQ", image, phoff + i * phentsize)
        if kind == PT_LOAD:
            loads.append((flags, offset, vaddr, filesz, memsz))
    if len(loads) != 1 or loads[0][:3] != (5, 0, 0) or loads[0][3] != loads[0][4]:
        sys.exit(f"vdso: not one read-only segment from 0: {loads}")
    for i in range(shnum):
        _, kind, flags, _, offset, size, _, _, _, entry = struct.unpack_from(
            "<IIQQQQIIQQ", image, shoff + i * shentsize)
        if size and kind in (SHT_RELA, SHT_REL, SHT_NOBITS):
            sys.exit("vdso: relocations or zero-initialised data")
        if kind == SHT_DYNSYM:
            for at in range(offset + entry, offset + size, entry):
                if struct.unpack_from("<H", image, at + 6)[0] == 0:
                    sys.exit("vdso: undefined symbol")


def main():
    """Command line."""
    image_path, out_path = sys.argv[1:]
    with open(image_path, "rb") as file:
        image = file.read()
    check(image)
    pages = (len(image) + PAGE_BYTES - 1) // PAGE_BYTES
    with open(out_path, "w", encoding="ascii") as out:
        out.write("/* SPDX-License-Identifier: MIT\n *\n * The vDSO's image. Generated. */\n")
        out.write('#include "kernel/proc/vdso_internal.h"\n\n')
        out.write(f"const unsigned vdso_image_pages = {pages};\n")
        out.write(f"const size_t vdso_image_bytes = {len(image)};\n")
        out.write("const uint8_t vdso_image[] = {\n")
        for at in range(0, len(image), 20):
            out.write("    " + " ".join(f"{byte}," for byte in image[at:at + 20]) + "\n")
        out.write("};\n")


if __name__ == "__main__":
    main()
