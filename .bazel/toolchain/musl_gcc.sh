#!/bin/sh
# musl-gcc, with the kernel's own uapi headers (linux/, asm/, asm-generic/) beside musl's.
set -eu
uapi=$(mktemp -d)
trap 'rm -rf "$uapi"' EXIT
ln -s /usr/include/linux /usr/include/asm-generic "$uapi"
ln -s /usr/include/x86_64-linux-gnu/asm "$uapi/asm"
musl-gcc -idirafter "$uapi" "$@"
