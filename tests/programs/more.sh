#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Tools for files and sockets, I/O engines, daemons on unix sockets, a display, and languages. In the
# machine, with debian-more as its root: bash more.sh
. "$(dirname -- "$0")/check.sh"
export CHECK_SECONDS=${CHECK_SECONDS:-120}

check expect '
    expect -c "spawn bash --norc; expect \"\\$\"; send \"stty size; echo r\"; send \"esult\\r\"; expect result; send \"exit\\r\"; expect eof" | grep -q result'
check bats '
    printf "@test \"one\" { run true; [ \$status -eq 0 ]; }\n@test \"two\" { result=\$(echo 4); [ \$result -eq 4 ]; }\n" >t.bats
    bats --tap t.bats | grep -q "^ok 2 two"'
check socat '
    socat UNIX-LISTEN:s,fork EXEC:"tr a-z A-Z" & until [[ -S s ]]; do :; done
    [[ $(echo hello | socat -t 5 - UNIX-CONNECT:s) == HELLO ]]
    [[ $(socat -t 5 - EXEC:"tty",pty,stderr </dev/null) == /dev/pts/* ]]
    socat -u OPEN:/etc/passwd CREATE:copy && cmp copy /etc/passwd
    kill %1'
check inotify_tools '
    mkdir d; inotifywait -q -m --format "%e %f" d >log 2>/dev/null & 
    until grep -q inotify /proc/$!/fdinfo/* 2>/dev/null; do :; done
    touch d/x; mv d/x d/y; rm d/y; mkdir d/sub
    until grep -q "CREATE,ISDIR sub" log; do :; done
    grep -qx "CREATE x" log; grep -qx "MOVED_FROM x" log; grep -qx "MOVED_TO y" log; grep -qx "DELETE y" log
    kill $!'
check attr '
    touch f; setfattr -n trusted.a -v hello f; getfattr -m - -d f | grep -q "trusted.a=\"hello\""
    setfattr -x trusted.a f; ! getfattr -n trusted.a f 2>/dev/null'
check acl '
    touch f; setfacl -m u:1000:rw f 2>said || grep -q "not supported" said; getfacl f | grep -q "user::rw-"'
check capabilities '
    cp /bin/true t; setcap cap_net_raw+ep t; getcap t | grep -q cap_net_raw; ./t; capsh --print | grep -q "Current:"'
for engine in psync libaio io_uring mmap pvsync2 sync posixaio; do
    check fio_$engine "fio --name=x --ioengine=$engine --rw=randrw --bs=4k --size=4M --verify=crc32c --iodepth=8 \
        --minimal --numjobs=2 --thread >log || { cat log; exit 1; }"
done
check dbench 'dbench -t 3 -c /usr/share/dbench/client.txt 2 | grep -q Throughput'
check ltrace 'ltrace -o log -e strlen+malloc+puts@MAIN ls / >/dev/null; grep -q "exited (status 0)" log'
check at 'mkdir -p /var/spool/cron/atjobs; atd; echo "date >$PWD/done" | at now 2>/dev/null; until [[ -s done ]]; do sleep 0.1; done; pkill atd'
check cron 'cron; crontab - <<<"@reboot true"; crontab -l | grep -q reboot; pkill -x cron'
check rsyslog '
    printf "module(load=\"imuxsock\")\n*.* $PWD/log\n" >conf; rsyslogd -f $PWD/conf -i $PWD/pid
    until [[ -S /dev/log ]]; do :; done; logger -t test "hello syslog"
    until grep -q "test: hello syslog" log 2>/dev/null; do :; done; kill $(<pid)'
check dbus '
    dbus-run-session -- bash -c "dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames | grep -q org.freedesktop.DBus
        dbus-monitor --session >log & until [[ -s log ]]; do :; done
        dbus-send --session --type=signal / a.b.C string:hello; until grep -q hello log; do :; done; kill %1"'
check xvfb_and_xterm '
    Xvfb :7 -screen 0 320x200x24 -nolisten tcp -fbdir . >/dev/null 2>&1 & until [[ -S /tmp/.X11-unix/X7 ]]; do sleep 0.05; done
    export DISPLAY=:7; xterm -geometry 40x10 -e "echo hello; touch up; sleep 100" & until [[ -e up ]]; do sleep 0.05; done
    xwininfo -root -tree | grep -q xterm; import -window root s.png; identify s.png | grep -q "PNG 320x200"
    [[ $(identify -format %k s.png) -gt 1 ]]; kill %2 %1'
check imagemagick '
    convert -size 200x100 gradient:red-blue -rotate 30 a.png; convert a.png -resize 50% b.jpg
    identify b.jpg | grep -q JPEG; compare -metric AE a.png a.png null: 2>&1 | grep -qx 0'
check gnuplot 'gnuplot -e "set terminal svg; set output \"p.svg\"; plot sin(x)" && grep -q "<svg" p.svg'
check ocaml 'echo "let () = List.iter (Printf.printf \"%d \") (List.map (fun x -> x * x) [1;2;3])" >x.ml; [[ $(ocaml x.ml) == "1 4 9 " ]]; ocamlfind ocamlopt 2>/dev/null || ocamlopt -o x x.ml && [[ $(./x) == "1 4 9 " ]]'
check erlang 'erl -noshell -eval "P = self(), [spawn(fun() -> P ! I end) || I <- lists:seq(1,1000)], S = lists:sum([receive X -> X end || _ <- lists:seq(1,1000)]), io:format(\"~p~n\", [S]), halt()." | grep -qx 500500'
exit "$check_failed"
