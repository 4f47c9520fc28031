#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs of Debian that run in every CI run, a second or so each. In the machine, with debian-dev
# as its root: bash quick.sh
. "$(dirname -- "$0")/small.sh"

# ---- files and text ----
check coreutils '
    cp -a /etc etc && diff -r --no-dereference /etc etc && rm -rf etc
    truncate -s 1M t && [[ $(stat -c "%s %b" t) == "1048576 0" ]]
    fallocate -l 2M f && [[ $(du -k f | cut -f1) == 2048 ]]
    dd if=/dev/zero of=z bs=64K count=16 conv=fsync status=none && [[ $(stat -c %s z) == 1048576 ]]
    ln f g && [[ $(stat -c %h f) == 2 ]] && ln -s f s && [[ $(readlink -f s) == "$PWD/f" ]]
    split -b 100k /bin/bash part. && cat part.* | cmp - /bin/bash
    shred -u z && [[ ! -e z ]]
    seq 100000 | sort -R | sort -n | cmp - <(seq 100000)
    [[ $(yes | head -n 1000 | wc -l) == 1000 ]]
    timeout 0.1 sleep 5 || [[ $? == 124 ]]
    [[ $(df --output=target /proc | tail -n 1) == /proc ]]'
check tar_and_compressors '
    tar czf a.tgz /etc && mkdir x && tar xzf a.tgz -C x && diff -r --no-dereference /etc x/etc
    tar c /etc | xz -1 | unxz | tar t >/dev/null; tar c /etc | zstd -q | unzstd | tar t >/dev/null
    find /etc | cpio -o --quiet >x.cpio && cpio -it --quiet <x.cpio | cmp - <(find /etc)'
check rsync 'rsync -a /etc/ r/ && rsync -ai /etc/ r/ | { ! grep -q .; }'
check less_and_man 'less -FX /etc/passwd | grep -q root'

# ---- processes ----
check ps_and_top '
    sleep 100 & ps -ef | grep -q "[s]leep 100" && ps -eLf >/dev/null && ps axjf >/dev/null
    [[ $(ps -o comm= -p $!) == sleep ]] && [[ $(pgrep -nx sleep) == $! ]] && pwdx $! | grep -q "$PWD"
    ps -o pid,stat,wchan,nlwp,rss,vsz,etime,tty,ni,pri -p $! >/dev/null
    top -b -n 1 | grep -q sleep; pmap -x $! | grep -q total; kill $!'
check free_vmstat_uptime '
    free -m | grep -q Mem; vmstat | grep -q procs; vmstat -s | grep -q "total memory"
    uptime | grep -q load; w | grep -q USER; slabtop -o | grep -q Active; sysctl -n kernel.hostname'
check psmisc '
    exec -a quickly sleep 100 & while [[ $(cat /proc/$!/comm) != sleep ]]; do :; done
    pstree -p $$ | grep -q sleep; killall sleep; wait $! || [[ $? == 143 ]]
    exec 9>held; fuser held 2>/dev/null | grep -qw $$'
check lsof 'exec 9>held; lsof -p $$ | grep -q held; lsof +D . | grep -q held'
check util_linux '
    lscpu | grep -q "^CPU(s)"; lscpu -e >/dev/null; lsblk >/dev/null; lsipc >/dev/null
    findmnt -n -o FSTYPE /proc | grep -qx proc; mountpoint -q /proc; lslocks >/dev/null
    [[ $(prlimit --nofile=100 bash -c "ulimit -n") == 100 ]]
    [[ $(taskset -c 0 nproc) == 1 ]]; [[ $(chrt -f 5 chrt -p 0 | grep -c FIFO) == 1 ]]
    [[ $(ionice -c 3 ionice) == idle ]]; [[ $(nice -n 5 nice) == 5 ]]
    flock lock flock -n lock true && exit 1 || true'
check mount 'mkdir m && mount -t tmpfs -o size=1M x m && ! head -c 2M /dev/zero 2>/dev/null >m/f
    mount -o remount,ro m && ! touch m/x 2>/dev/null; umount m'
check script 'script -qec "tty && stty size && echo done" log >/dev/null && grep -q done log'
check setpriv '[[ $(setpriv --reuid 1000 --regid 1000 --clear-groups id -u) == 1000 ]]'
check namespaces '
    [[ $(unshare -pf --mount-proc bash -c "echo \$\$; ps -eo pid= | wc -l" | tr "\n" " ") == "1 3 " ]]
    [[ $(setpriv --reuid 1000 --regid 1000 --clear-groups \
        unshare -Urpf --mount-proc id -u) == 0 ]]
    unshare -pf --mount-proc sleep 100 & until pid=$(pgrep -n -x sleep); do :; done
    [[ $(nsenter -t $pid -a cat /proc/1/comm) == sleep ]]
    lsns -t pid -o PID | grep -qw $pid; kill -KILL $pid
    [[ $(unshare --time --boottime 1000000 -f cut -d. -f1 /proc/uptime) -ge 1000000 ]]'
check bwrap '[[ $(bwrap --ro-bind / / --proc /proc --dev /dev --unshare-pid -- \
        ps -eo comm= | tr "\n" " ") == "bwrap ps " ]]
    [[ $(setpriv --reuid 1000 --regid 1000 --clear-groups bwrap --unshare-user --unshare-pid \
        --uid 0 --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp -- id -u) == 0 ]]
    [[ $(bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev -- \
        readlink /proc/self/ns/net) != $(readlink /proc/self/ns/net) ]]'
check users 'useradd -m joe && [[ $(su joe -c "id -un; pwd" | tr "\n" " ") == "joe / " ||
    $(su - joe -c "id -un; pwd" | tr "\n" " ") == "joe /home/joe " ]] && userdel -r joe'

# ---- languages ----
check perl '
    perl -MPOSIX -MSocket -MTime::HiRes -e "
        my \$pid = fork; if (!\$pid) { exit 3 } waitpid \$pid, 0; die unless \$? >> 8 == 3;
        open my \$p, q{-|}, q{echo}, q{text}; die unless <\$p> eq qq{text\n};
        socketpair my \$a, my \$b, AF_UNIX, SOCK_STREAM, 0 or die; syswrite \$a, q{x};
        sysread \$b, my \$c, 1; die unless \$c eq q{x}; Time::HiRes::usleep(1000);
        local \$SIG{ALRM} = sub { exit 0 }; alarm 1; pause;"'
check gcc_and_make '
    printf "#include <pthread.h>\n#include <stdio.h>\n#include \"b.h\"\nstatic void *f(void *x)
{ return x; }\nint main(void) { pthread_t t; pthread_create(&t, 0, f, 0); pthread_join(t, 0);
printf(\"%%d\\\\n\", twice(21)); }\n" >a.c
    echo "int twice(int x) { return 2 * x; }" >b.c; echo "int twice(int x);" >b.h
    printf "a: a.o b.o\n\tgcc -o a a.o b.o\n%%.o: %%.c b.h\n\tgcc -O2 -g -Wall -c \$<\n" >Makefile
    make -j2 && [[ $(./a) == 42 ]] && make | grep -q "up to date" && gdb -batch -ex "info line main" a'
check gxx '
    printf "#include <iostream>\nint main() { try { throw 1; } catch (int i) { std::cout << i; } }" >x.cc
    g++ x.cc -o x && [[ $(./x) == 1 ]]'
check git '
    git init -q g && cd g && git config user.email a@b && git config user.name n
    seq 1000 >f && git add f && git commit -qm one && seq 1001 >f && git commit -qam two
    cd .. && git clone -q g h && git -C h fsck && git -C h gc -q
    [[ $(git -C h log --oneline | wc -l) == 2 ]] && cmp g/f h/f'
check sqlite '
    printf "create table t(a integer primary key, b text); create index i on t(b);
        with recursive c(x) as (select 1 union all select x + 1 from c where x < 100000)
        insert into t select x, hex(x) from c;" | sqlite3 db
    [[ $(sqlite3 db "select count(*), sum(a) from t; pragma integrity_check") == "100000|5000050000
ok" ]]
    sqlite3 db "pragma journal_mode=wal; delete from t where a % 2; vacuum;"
    [[ $(sqlite3 db "select count(*) from t") == 50000 ]]'
check python '
    python3 -c "
import ctypes, multiprocessing, os, socket, sqlite3, ssl, subprocess, threading
assert subprocess.check_output([\"echo\", \"x\"]) == b\"x\\n\"
assert multiprocessing.Pool(2).map(abs, [-1, 2]) == [1, 2]
t = threading.Thread(target=os.getpid); t.start(); t.join()
os.uname(); os.getloadavg(); assert os.cpu_count() >= 1"'

# ---- terminals ----
check tmux '
    tmux -L t new-session -d "sh -c \"tty; stty size; sleep 60\"" && tmux -L t ls | grep -q "1 windows"
    until tmux -L t capture-pane -p | grep -q /dev/pts/; do :; done
    tmux -L t kill-server'
check vim '
    printf "a\nb\n" >v && vim.tiny -es -u NONE -c "%s/a/c/" -c wq v && [[ $(head -n 1 v) == c ]]
    script -qec "TERM=vt100 vim.tiny -u NONE -c \"s/c/d/\" -c wq v" /dev/null >/dev/null
    [[ $(head -n 1 v) == d ]]'

# ---- debuggers and terminals ----
. "$(dirname -- "$0")/tools.sh"

# ---- packages ----
check dpkg_and_apt '
    dpkg -l | grep -q "^ii  bash"; dpkg -V bash | { ! grep -v "/usr/share/\(doc\|man\|locale\)"; }
    mkdir -p p/DEBIAN p/usr/share/foo && echo hi >p/usr/share/foo/f
    printf "Package: foo\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y>\nDescription: d\n" \
        >p/DEBIAN/control
    dpkg-deb -b p foo.deb && dpkg -i foo.deb && [[ $(cat /usr/share/foo/f) == hi ]] && dpkg -r foo
    [[ ! -e /usr/share/foo ]]; apt-cache policy bash | grep -q Installed; apt-get check'

exit "$check_failed"
