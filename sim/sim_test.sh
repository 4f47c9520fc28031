#!/bin/sh
# What assay_sim_test runs: sim_test.sh ASSAY pass|fail SCENARIO OPTION...
set -eu
assay=$1 wanted=$2
shift 2
folder=${TEST_UNDECLARED_OUTPUTS_DIR:-${TEST_TMPDIR:-.}}
status=0
"$assay" sim "$@" --bundle "$folder" || status=$?
if [ "$wanted" = pass ]; then
    exit "$status"
fi
if [ "$status" -ne 1 ]; then
    echo "a failing seed was wanted; the status is $status" >&2
    exit 1
fi
for bundle in "$folder"/*.bundle; do
    "$assay" replay "$bundle"
done
