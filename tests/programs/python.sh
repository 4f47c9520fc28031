#!/bin/bash
# SPDX-License-Identifier: MIT
#
# CPython's own tests, as Debian packages them: python.sh MODULE... prints what failed, one line
# "MODULE Class.test" each, and at the end of a module "done MODULE COUNT" with the number of tests
# that ran. Without that line the module hung or died.
export LC_ALL=C.UTF-8 HOME=/root
cd "$(mktemp -d)" || exit 1
for module in "$@"; do
    timeout -k 5 "${PYTHON_SECONDS:-600}" python3 -m test -v "$module" >log 2>&1 </dev/null
    sed -nE "s/^(FAIL|ERROR): ([^ ]+) \((test\.$module\.)?([^ .)]+)(\.[^ )]*)?\).*/$module \4.\2/p" log |
        sort -u
    count=$(sed -nE 's/^Ran ([0-9]+) tests? in .*/\1/p' log | tail -n 1)
    if [[ -n $count ]] && grep -qE '^(OK|FAILED)' log; then
        echo "done $module $count"
    else
        tail -n 20 log | sed 's/^/    /'
    fi
done
