#!/bin/sh
# Installs libsim: install.sh PREFIX, by `bazel run //sim/package:install -- PREFIX`.
set -eu
prefix=${1:?where to? install.sh PREFIX}
case $prefix in
    /*) ;;
    *) prefix=${BUILD_WORKING_DIRECTORY:-$PWD}/$prefix ;;
esac
install -D -m 755 sim/package/libsim.so "$prefix/lib/libsim.so"
install -D -m 644 sim/package/libsim.a "$prefix/lib/libsim.a"
install -D -m 644 sim/sim.h "$prefix/include/sim/sim.h"
install -D -m 644 docs/man/libsim.3 "$prefix/share/man/man3/libsim.3"
install -d "$prefix/lib/pkgconfig"
sed "s,^prefix=.*,prefix=$prefix," sim/package/libsim.pc >"$prefix/lib/pkgconfig/libsim.pc"
