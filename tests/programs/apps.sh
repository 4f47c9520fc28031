#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Larger programs: servers, databases, language runtimes, logins, packages. In the machine, with
# debian-apps as its root: bash apps.sh
. "$(dirname -- "$0")/check.sh"
export CHECK_SECONDS=${CHECK_SECONDS:-120}

# ---- languages ----
check node '
    [[ $(node -e "console.log([1, 2, 3].reduce((a, b) => a + b))") == 6 ]]
    node -e "const {Worker} = require(\"worker_threads\"), fs = require(\"fs\"), cp = require(\"child_process\");
        fs.writeFileSync(\"f\", \"x\"); if (cp.execSync(\"cat f\").toString() !== \"x\") process.exit(1);
        new Worker(\"require(\\\"worker_threads\\\").parentPort.postMessage(42)\", {eval: true})
            .on(\"message\", m => console.log(m));" | grep -qx 42
    node -e "const net = require(\"net\"); const s = net.createServer(c => c.pipe(c)).listen(\"sock\", () => {
        const c = net.connect(\"sock\", () => c.end(\"hello\"));
        c.on(\"data\", d => console.log(String(d))); c.on(\"close\", () => s.close()); });" | grep -qx hello'
check go '
    export GOCACHE=$PWD/cache GO111MODULE=off GOFLAGS=-p=2
    cat >x.go <<END
package main
import ("fmt"; "os/exec"; "sync"; "time")
func main() {
    var w sync.WaitGroup; c := make(chan int, 100)
    for i := 0; i < 100; i++ { w.Add(1); go func(i int) { defer w.Done(); time.Sleep(time.Millisecond); c <- i }(i) }
    w.Wait(); close(c); s := 0; for i := range c { s += i }
    out, err := exec.Command("echo", "child").Output(); fmt.Print(s, " ", string(out)); if err != nil { panic(err) }
}
END
    go version; go build -o x x.go; [[ $(./x) == "4950 child" ]]; gofmt -l x.go | grep -q x.go'
check java '
    java -version 2>&1 | grep -q "OpenJDK.*Server VM"; java -Xshare:off -Xmx64m -version
    java -XX:+UseSerialGC -Xint -version; java -XshowSettings:system -version 2>&1 | grep -q "System Metrics"
    python3 - <<END # there is no compiler: class Hello { main: System.out.println("hello") }
from struct import pack
text = lambda s: b"\x01" + pack(">H", len(s)) + s
of = lambda tag, *refs: bytes([tag]) + b"".join(pack(">H", r) for r in refs)
pool = [of(7, 2), text(b"Hello"), of(7, 4), text(b"java/lang/Object"), text(b"main"),
        text(b"([Ljava/lang/String;)V"), text(b"Code"), of(9, 9, 10), of(7, 11), of(12, 12, 13),
        text(b"java/lang/System"), text(b"out"), text(b"Ljava/io/PrintStream;"), of(8, 15),
        text(b"hello"), of(10, 17, 18), of(7, 19), of(12, 20, 21), text(b"java/io/PrintStream"),
        text(b"println"), text(b"(Ljava/lang/String;)V")]
code = bytes.fromhex("b20008120eb60010b1")
body = pack(">HHI", 2, 1, len(code)) + code + pack(">HH", 0, 0)
method = pack(">HHHHHI", 9, 5, 6, 1, 7, len(body)) + body
open("Hello.class", "wb").write(pack(">IHHH", 0xcafebabe, 0, 49, len(pool) + 1) + b"".join(pool) +
    pack(">HHHHHH", 0x21, 1, 3, 0, 0, 1) + method + pack(">H", 0))
END
    [[ $(java Hello) == hello ]]; [[ $(java -Xint -XX:+UseSerialGC Hello) == hello ]]
    keytool -genkeypair -keyalg EC -alias k -dname CN=x -keystore s -storepass secret1 -keypass secret1
    keytool -list -keystore s -storepass secret1 | grep -q PrivateKeyEntry'
check php '
    [[ $(php -r "echo array_sum([1, 2, 3]);") == 6 ]]
    php -r "\$p = pcntl_fork(); if (!\$p) exit(3); pcntl_waitpid(\$p, \$s); exit(pcntl_wexitstatus(\$s) != 3);"
    php -r "\$s = stream_socket_server(\"unix://\" . getcwd() . \"/s\") or exit(1); echo shell_exec(\"echo x\");"'
check ruby '
    [[ $(ruby -e "puts [1, 2, 3].sum") == 6 ]]; [[ $(ruby -e "puts IO.popen(%w[echo x]).read") == x ]]
    ruby -rsocket -e "a, b = UNIXSocket.pair; Thread.new { a.write %q(x); a.close }.join; exit b.read == %q(x)"
    ruby -e "Process.wait fork { exit 3 }; exit \$?.exitstatus == 3"; gem list | grep -q json'
check lua '[[ $(lua5.4 -e "print(6 * 7, io.popen(\"echo x\"):read())") == "42	x" ]]'
check pandoc '[[ $(echo "*a*" | pandoc) == "<p><em>a</em></p>" ]]'
check rust_programs 'rg -q root /etc/passwd; [[ $(rg -l nologin /etc | wc -l) -ge 1 ]]; fdfind -q passwd /etc'
check python_processes '
    python3 -c "
import multiprocessing as m, concurrent.futures as f, asyncio
if __name__ == \"__main__\":
    for how in (\"fork\", \"spawn\", \"forkserver\"):
        with m.get_context(how).Pool(3) as p: assert sum(p.map(abs, range(-50, 50))) == 2500
    q = m.Queue(); p = m.Process(target=q.put, args=(1,)); p.start(); assert q.get() == 1; p.join()
    with f.ProcessPoolExecutor(2) as e: assert list(e.map(abs, [-1])) == [1]
    async def go():
        s = await asyncio.start_unix_server(lambda r, w: (w.write(b\"hi\"), w.close()), \"s\")
        r, w = await asyncio.open_unix_connection(\"s\"); assert await r.read() == b\"hi\"
        p = await asyncio.create_subprocess_exec(\"true\"); assert await p.wait() == 0; s.close()
    asyncio.run(go())"'
check valgrind '
    valgrind -q --error-exitcode=9 true
    printf "#include <stdlib.h>\nint main(void) { volatile char *p = malloc(1); return p[1] = 0; }\n" >x.c
    gcc -g x.c -o x; valgrind -q --error-exitcode=9 ./x || [[ $? == 9 ]]
    valgrind --tool=callgrind --callgrind-out-file=out true && [[ -s out ]]'

# ---- servers and databases ----
check redis '
    redis-server --port 0 --unixsocket "$PWD/s" --save "" --daemonize no >log &
    until redis-cli -s s ping 2>/dev/null | grep -q PONG; do kill -0 $!; done
    redis-cli -s s set k v; [[ $(redis-cli -s s get k) == v ]]; redis-cli -s s bgsave; redis-cli -s s bgrewriteaof
    redis-benchmark -s s -q -n 2000 -c 10 -t set,get,lpush; redis-benchmark -s s -q -n 2000 -P 16 -t incr
    redis-cli -s s shutdown nosave || true; wait $!; grep -q "bye bye" log'
check postgresql '
    chown postgres .; bin=$(echo /usr/lib/postgresql/*/bin); as() { setpriv --reuid postgres --regid postgres \
        --init-groups --reset-env "$@"; }
    as "$bin/initdb" -D "$PWD/d" --no-sync -A trust; as "$bin/pg_ctl" -D "$PWD/d" -w -l "$PWD/log" \
        -o "-k $PWD -h \"\" -c shared_buffers=16MB" start || { cat log; exit 1; }
    q() { as psql -X -q -A -t -h "$PWD" -c "$1" postgres; }
    q "create table t as select x, md5(x::text) from generate_series(1, 20000) x; create index on t (x)"
    [[ $(q "select count(*), sum(x) from t") == "20000|200010000" ]]; q "vacuum analyze t"
    as pgbench -q -i -h "$PWD" postgres >/dev/null 2>&1; as pgbench -h "$PWD" -c 4 -t 25 postgres
    as "$bin/pg_ctl" -D "$PWD/d" -w -m fast stop'
check nginx '
    mkdir -p l && printf "events {}\nhttp { server { listen unix:%s/s; root %s; } access_log off; }\n" "$PWD" "$PWD" >c
    chmod 755 . && echo hello >i.html && nginx -t -c "$PWD/c" -p "$PWD/l"
    nginx -c "$PWD/c" -p "$PWD" -e "$PWD/log" -g "pid $PWD/pid;"
    python3 -c "
import socket
s = socket.socket(socket.AF_UNIX); s.connect(\"s\"); s.sendall(b\"GET /i.html HTTP/1.0\r\n\r\n\")
got = b\"\".join(iter(lambda: s.recv(4096), b\"\")); assert b\"200 OK\" in got and got.endswith(b\"hello\n\"), got"
    nginx -c "$PWD/c" -p "$PWD" -e "$PWD/log" -g "pid $PWD/pid;" -s quit; while [[ -e pid ]]; do :; done'
check sqlite_processes '
    sqlite3 db "pragma journal_mode=wal; create table t(a)" >/dev/null
    for i in 1 2 3 4; do for j in 1 2 3 4 5; do
        echo "insert into t values($i$j);"; done | sqlite3 -cmd ".timeout 20000" db & done; wait
    [[ $(sqlite3 db "select count(*) from t; pragma integrity_check" | tr "\n" " ") == "20 ok " ]]'
check sftp '
    mkdir d; seq 10000 >d/a; printf "put d/a d/b\nls d\nrename d/b d/c\nchmod 600 d/c\nget d/c e\nrm d/c\n" >batch
    sftp -b batch -D /usr/lib/openssh/sftp-server >log; cmp d/a e; grep -q d/b log; [[ ! -e d/c ]]'
check sshd_reads_its_settings '
    mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N "" -f key; ssh-keygen -lf key.pub
    sshd -t -h "$PWD/key"; eval "$(ssh-agent)" >/dev/null; ssh-add -q key; ssh-add -l | grep -q ED25519; kill $SSH_AGENT_PID'

# ---- users ----
check login '
    useradd -m ann -s /bin/bash; echo ann:secret | chpasswd; getent passwd ann | grep -q ann; id ann
    expect -c "set timeout 60; spawn login ann; expect Password:; send secret\r; expect \"\\\$ \"
        send \"echo \\\$LOGNAME:\\\$PWD; tty\r\"; expect ann:/home/ann; expect /dev/pts/; send exit\r; expect eof"
    expect -c "set timeout 60; spawn su nobody -s /bin/sh -c {su ann -c id}; expect Password:; send wrong\r
        expect {Authentication failure} {exit 0} eof {exit 1}"
    expect -c "set timeout 60; spawn su ann -c passwd; expect Current; send secret\r; expect New
        send Longer-one-7\r; expect Retype; send Longer-one-7\r; expect {updated successfully} {exit 0} eof {exit 1}"
    chage -l ann >/dev/null; userdel -r ann'
check sudo '
    useradd -m bob; echo "bob ALL=(ALL) NOPASSWD: /usr/bin/id" >/etc/sudoers.d/bob; chmod 440 /etc/sudoers.d/bob; visudo -c
    [[ $(su bob -c "sudo id -u") == 0 ]]; su bob -c "sudo -n ls" && exit 1; [[ $(su bob -c "sudo -u nobody id -un") == nobody ]]
    rm /etc/sudoers.d/bob; userdel -r bob'
check agetty 'expect -c "set timeout 30; spawn agetty --noclear --skip-login --login-program /bin/echo - linux; expect eof"
    python3 -c "
import os, pty
pid, fd = pty.fork()
if pid == 0: os.execlp(\"agetty\", \"agetty\", \"-n\", \"-l\", \"/usr/bin/tty\", \"--noissue\", \"-\", \"vt100\")
out = b\"\"
try:
    while piece := os.read(fd, 1000): out += piece
except OSError: pass
assert b\"/dev/pts/\" in out, out"'

# ---- packages ----
check dpkg '
    mkdir -p p/DEBIAN p/usr/share/foo p/etc && echo hi >p/usr/share/foo/f && echo set >p/etc/foo.conf
    printf "Package: foo\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y>\nDescription: d\n" >p/DEBIAN/control
    echo /etc/foo.conf >p/DEBIAN/conffiles; printf "#!/bin/sh\necho \$1 >>$PWD/ran\n" >p/DEBIAN/postinst
    chmod 755 p/DEBIAN/postinst; dpkg-deb -b p foo_1.deb; sed -i s/1$/2/ p/DEBIAN/control; dpkg-deb -b p foo_2.deb
    dpkg -i foo_1.deb; apt-get install -y "$PWD/foo_2.deb"; dpkg -l foo | grep -q "^ii *foo *2"; grep -q configure ran
    dpkg -r foo; [[ -e /etc/foo.conf ]]; dpkg -P foo; [[ ! -e /etc/foo.conf ]]; dpkg --audit
    fakeroot sh -c "touch x && chown 5:6 x && stat -c %u:%g x" | grep -qx 5:6'
check liburing '
    cat >x.c <<END
#include <liburing.h>
#include <string.h>
#include <stdio.h>
#include <fcntl.h>
int main(void) {
    struct io_uring r; struct io_uring_cqe *c; char b[6] = ""; int fd = open("f", O_RDWR | O_CREAT, 0600);
    if (io_uring_queue_init(8, &r, 0)) return 1;
    struct io_uring_sqe *s = io_uring_get_sqe(&r); io_uring_prep_write(s, fd, "hello", 5, 0); s->flags |= IOSQE_IO_LINK;
    io_uring_prep_read(io_uring_get_sqe(&r), fd, b, 5, 0); io_uring_prep_nop(io_uring_get_sqe(&r));
    if (io_uring_submit_and_wait(&r, 3) != 3) return 2;
    for (int i = 0; i < 3; i++) { if (io_uring_wait_cqe(&r, &c) || c->res < 0) return 3; io_uring_cqe_seen(&r, c); }
    io_uring_queue_exit(&r); return puts(b) < 0 || strcmp(b, "hello"); }
END
    gcc x.c -luring -o x && ./x | grep -qx hello'
check libaio '
    cat >x.c <<END
#include <libaio.h>
#include <string.h>
#include <fcntl.h>
int main(void) {
    io_context_t c = 0; struct iocb w, r, *a[] = {&w}, *b[] = {&r}; struct io_event e; char got[8] = "";
    int fd = open("f", O_RDWR | O_CREAT, 0600); if (io_setup(4, &c)) return 1;
    io_prep_pwrite(&w, fd, "hello", 5, 0); if (io_submit(c, 1, a) != 1 || io_getevents(c, 1, 1, &e, 0) != 1 || e.res != 5) return 2;
    io_prep_pread(&r, fd, got, 8, 0); if (io_submit(c, 1, b) != 1 || io_getevents(c, 1, 1, &e, 0) != 1 || e.res != 5) return 3;
    return io_destroy(c) || strcmp(got, "hello"); }
END
    gcc x.c -laio -o x && ./x'

# ---- tools ----
check man 'mkdir -p m/man1; printf ".TH FOO 1\n.SH NAME\nfoo \\- does it\n" >m/man1/foo.1
    MANPATH=$PWD/m MANPAGER=cat man -P cat foo | grep -q "does it"; man -l m/man1/foo.1 | grep -q NAME'
check find_and_xargs '
    mkdir -p t/{a..j}/{0..9}; for d in t/*/*; do echo "$d" >"$d/f"; done
    [[ $(find t -type f | wc -l) == 100 ]]; [[ $(find t -type f -print0 | xargs -0 -P 8 -n 3 cat | wc -l) == 100 ]]
    tar c t | tar x --transform s/^t/u/ && diff -r t u; rsync -a t/ v && diff -r t v; (cd t && find . | cpio -pdm ../w 2>/dev/null)
    diff -r t w; find t -type f -delete; [[ $(find t -type f | wc -l) == 0 ]]; find t -depth -empty -delete; [[ ! -e t ]]'
check parallel '[[ $(seq 20 | parallel -j 4 "echo {}" 2>/dev/null | sort -n | tail -n 1) == 20 ]]'
check make_parallel '
    { echo "all: $(echo {1..60}.o) ;"; printf "%%.o:\n\t@echo \"int f\$*(void) { return 1; }\" | gcc -x c -c - -o \$@\n"; } >Makefile
    make -j 6 && [[ $(ls *.o | wc -l) == 60 ]] && make -q'
check lsof_and_monitors '
    exec 9>held; lsof -p $$ | grep -q held; [[ $(lsof -t held) == $$ ]]; lsof -U >/dev/null
    export TERM=xterm; tmux -L m new-session -d -x 120 -y 40 "btop"
    until tmux -L m capture-pane -p | grep -qi "cpu.*menu\|proc"; do :; done; tmux -L m send-keys q; tmux -L m kill-server 2>/dev/null || true'
check systemd_programs '
    systemd-detect-virt || true; systemd-id128 new; systemd-escape a/b | grep -qx a-b; systemd-path temporary
    systemd-analyze calendar daily >/dev/null; systemd-analyze verify /lib/systemd/system/ssh.service 2>&1 | head -n 3
    systemd-tmpfiles --create --prefix="$PWD" --cat-config >/dev/null; journalctl --version >/dev/null
    systemctl --version | grep -q systemd; hostnamectl --help >/dev/null'
check busybox '
    b() { busybox "$@"; }; b sh -c "echo \$((6 * 7))" | grep -qx 42; b ls / >/dev/null; b ps | grep -q bash
    for c in "uname -a" id whoami pwd date free uptime df mount "stat /" "du /etc" "cat /etc/passwd" nproc \
        hostname env "cal 1 2020" "dmesg" "ls -laR /etc" "find /etc -type f" "md5sum /bin/bash" "sha512sum /bin/bash" \
        "od /etc/passwd" "hexdump -C /etc/passwd" "strings /bin/true" "top -b -n 1" \
        logname tty "readlink -f /bin" "realpath /bin" "fgrep root /etc/passwd"; do
        [[ $c == logname || $c == tty ]] || b $c >/dev/null || { echo "busybox $c: $?"; exit 1; }
    done
    seq 100 | b awk "{ s += \$1 } END { print s }" | grep -qx 5050; seq 100 | b sort -rn | b head -n 1 | grep -qx 100
    b tar c /etc | b gzip | b gunzip | b tar t | grep -q etc/passwd; echo x | b vi -c q 2>/dev/null >/dev/null || true
    b time true; b timeout 1 sleep 5 || [[ $? == 143 || $? == 124 ]]; b setsid true
    b mktemp -p .; b mkfifo f; b dd if=/dev/zero of=z bs=1k count=9 2>/dev/null; b truncate -s 5 z; b chroot / true'

exit "$check_failed"
