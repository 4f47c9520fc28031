#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A user of libsim: installs it, compiles the example outside of this repository against the shared
# and against the static library, and runs both.
set -euo pipefail
root=$PWD
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
"$root/sim/package/install.sh" "$prefix"
cp "$root/sim/package/example/two_writers.c" "$prefix"
cd "$prefix"

# What pkg-config(1) would say, where there is none.
flags() {
    if command -v pkg-config >/dev/null; then
        PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config "$@" libsim
    else
        # shellcheck disable=SC2046 # words
        set -- $(sed -n "s,\${libdir},$prefix/lib,; s,\${includedir},$prefix/include,;
            s,^\(Cflags\|Libs\|Libs.private\):,,p" lib/pkgconfig/libsim.pc)
        echo "$@"
    fi
}

read -ra words <<<"$(flags --cflags --libs)"
gcc -Wall -Wextra -Werror -O2 two_writers.c "${words[@]}" -Wl,-rpath,"$prefix/lib" -o shared
[[ $(ldd shared) == *"$prefix/lib/libsim.so"* ]]
./shared

read -ra words <<<"$(flags --static --cflags --libs)"
mv lib/libsim.so lib/libsim.so.away
gcc -Wall -Wextra -Werror -O2 two_writers.c "${words[@]}" -o static
mv lib/libsim.so.away lib/libsim.so
if [[ $(ldd static) == *libsim* ]]; then
    echo 'the static library was not used' >&2
    exit 1
fi
./static

# Programs see the interface only.
others=$(nm -D --defined-only lib/libsim.so | awk '{ print $3 }' | grep -v '^sim_' || true)
if [[ -n $others ]]; then
    printf 'not of the interface: %s\n' "$others" >&2
    exit 1
fi
# And all of it: what the header declares is there.
exported=$(nm -D --defined-only lib/libsim.so)
for name in $(grep -o '\bsim_[a-z_]*(' include/sim/sim.h | tr -d '(' | sort -u); do
    # sim_sink is a type.
    if [[ $name != sim_sink && $exported$'\n' != *" $name"$'\n'* ]]; then
        echo "declared, but not in the library: $name" >&2
        exit 1
    fi
done
echo '2 programs, installed'
