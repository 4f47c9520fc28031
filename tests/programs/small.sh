#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs that are quick enough where the processor is interpreted: bash small.sh. Sourced by quick.sh
# too.
. "$(dirname -- "$0")/check.sh"

check bash '
    set -- a "b c" d; [[ $# == 3 && $2 == "b c" ]]; x=(1 2 3); [[ ${#x[@]} == 3 ]]
    [[ $(cat <(echo one) <(echo two) | tr "\n" " ") == "one two " ]]
    coproc cat; echo line >&"${COPROC[1]}"; read -r got <&"${COPROC[0]}"; [[ $got == line ]]
    trap "echo caught" USR1; [[ $( (trap "echo caught" USR1; kill -USR1 $BASHPID)) == caught ]]
    sleep 100 & kill $!; wait $! || [[ $? == 143 ]]
    (exit 7) || [[ $? == 7 ]]; [[ $(echo {1..5} | wc -w) == 5 ]]; ulimit -n >/dev/null
    cat <<<"here" | grep -q here; exec 5<>file; echo x >&5; [[ $(<file) == x ]]'
check ldd 'ldd /bin/ls | grep -q libc.so.6; ldconfig -p | grep -q libc.so.6'
check text_tools '
    grep -c root /etc/passwd >/dev/null; sed -n 1p /etc/passwd | grep -q root
    seq 10 | awk "{ s += \$1 } END { exit s != 55 }"; echo "2^100" | bc | grep -q ^1267650600
    [[ $(echo abc | sha256sum) == edeaaff3f1774ad2* ]]; find /etc -name passwd | grep -q passwd
    [[ $(date -u -d @0 +%F) == 1970-01-01 ]]; [[ $(TZ=Asia/Tokyo date -d @0 +%H) == 0[09] ]]'
check python_starts '[[ $(python3 -c "print(sum(range(10)))") == 45 ]]'
check perl_starts '[[ $(perl -e "print 6 * 7") == 42 ]]'
check sqlite_starts '[[ $(sqlite3 :memory: "select 6 * 7") == 42 ]]'

if [[ $0 == */small.sh ]]; then
    exit "$check_failed"
fi
