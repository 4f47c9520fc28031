#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs the bare-metal backend under its fake kernel (fake_kernel.elf) on many kinds of machine that
# QEMU can be, by emulation only. The kernel's exit status is the last line it writes on QEMU's
# debug console; the serial line is shown when a run fails.
#
#     smoke.sh fake_kernel.elf [word...]     only runs whose name contains one of the words
set -u

elf=$1
shift
words=("$@")
dir=$(mktemp -d "${TEST_TMPDIR:-/tmp}/smoke.XXXXXX")
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0 skipped=0
printf 'initrd%05000d end' 7 >"$dir/initrd"

selected() {
    local word
    [ ${#words[@]} -eq 0 ] && return 0
    for word in "${words[@]}"; do
        case "$1" in *"$word"*) return 0 ;; esac
    done
    return 1
}

# verdict NAME WANTED: what the run that has just ended says
verdict() {
    local got
    got=$(tail -n 1 "$dir/debugcon" 2>/dev/null)
    if [ "$got" = "exit $2" ]; then
        passed=$((passed + 1))
        echo "ok      $1"
    else
        failed=$((failed + 1))
        echo "FAILED  $1: '${got:-no exit status}', not 'exit $2'"
        sed 's/^/    /' "$dir/serial"
    fi
}

# run NAME WANTED_STATUS COMMAND_LINE QEMU_ARGUMENT...
run() {
    local name=$1 wanted=$2 cmdline=$3
    shift 3
    selected "$name" || return 0
    rm -f "$dir/debugcon" "$dir/serial"
    timeout 120 qemu-system-x86_64 -accel tcg -nic none -display none -no-reboot -monitor none \
        -kernel "$elf" -append "$cmdline" -serial "file:$dir/serial" \
        -debugcon "file:$dir/debugcon" "$@" </dev/null >"$dir/qemu" 2>&1
    verdict "$name" "$wanted"
}

max="expect-smap expect-umip expect-fsgsbase expect-avx"

run max 0 "$max" -cpu max
run q35 0 "$max" -machine q35 -cpu max
run q35-smp4 0 "$max" -machine q35 -cpu max -smp 4
run pc-smp2 0 "$max" -machine pc -cpu max -smp 2
run smp8 0 "" -cpu max -smp 8
run qemu64 0 "" -cpu qemu64
run qemu64-smp2 0 "" -cpu qemu64 -smp 2
run kvm64 0 "" -cpu kvm64
run opteron 0 "" -cpu Opteron_G1
run nehalem 0 "" -cpu Nehalem -smp 2
run haswell 0 "expect-avx" -cpu Haswell -smp 2
run skylake-server 0 "" -cpu Skylake-Server
run epyc 0 "" -cpu EPYC-Milan
run no-nx 0 "no-nx" -cpu qemu64,-nx
run no-tsc-clock 0 "" -machine q35 -cpu qemu64,-hypervisor
run pm-timer-clock 0 "" -machine pc,hpet=off -cpu qemu64,-hypervisor
run pit-calibration 0 "" -machine microvm,acpi=off,rtc=on -cpu max \
    -device isa-debug-exit
run no-acpi 0 "" -machine pc,acpi=off -cpu max -device isa-debug-exit
run microvm 0 "$max" -machine microvm,rtc=on -cpu max
run memory-16m 0 "" -cpu max -m 16
run memory-4g 0 "" -machine q35 -cpu max -m 4G
run memory-6g-qemu64 0 "" -machine pc -cpu qemu64 -m 6G
run initrd 0 "expect-initrd" -cpu max -initrd "$dir/initrd"
run initrd-16m 0 "expect-initrd" -cpu qemu64 -m 16 -initrd "$dir/initrd"
run icount 0 "" -cpu max -icount shift=1
run reboot 0 "reboot" -cpu max -machine q35
run reboot-microvm 0 "reboot" -cpu max -machine microvm,rtc=on

nics=(-device edu -device e1000 -device e1000e)
run devices-pc 0 devices -machine pc -cpu max "${nics[@]}"
run devices-q35 0 devices -machine q35 -cpu max -smp 2 "${nics[@]}"
run devices-bridge 0 devices -machine q35 -cpu max -device pcie-root-port,id=root0,slot=1 \
    -device pcie-pci-bridge,id=bridge,bus=root0 -device edu,bus=bridge,addr=3 \
    -device e1000,bus=bridge,addr=5 -device e1000e

run fatal-null 0 fatal=null -cpu max
run fatal-text 0 fatal=text -cpu max
run fatal-rodata 0 fatal=rodata -cpu max
run fatal-execute 0 fatal=execute -cpu max
run fatal-smap 0 fatal=smap -cpu max
run fatal-smep 0 fatal=smep -cpu max
run fatal-undefined 0 fatal=ud -cpu qemu64
run fatal-stack 0 fatal=stack -cpu max
run fatal-stack-qemu64 0 fatal=stack -cpu qemu64
run fatal-boot-stack 0 fatal=bootstack -cpu max -smp 2
run crash 125 fatal=crash -cpu max -smp 2

# Console: what goes in comes back out; the trace channel is the second port.
if selected console; then
    rm -f "$dir/debugcon" "$dir/serial" "$dir/trace"
    (
        sleep 1
        printf 'some text that is longer than one FIFO, end'
        sleep 5
    ) | timeout 60 qemu-system-x86_64 -accel tcg -cpu max -nic none -display none -no-reboot \
        -monitor none -kernel "$elf" -append console -serial stdio -serial "file:$dir/trace" \
        -debugcon "file:$dir/debugcon" >"$dir/serial" 2>&1
    verdict console 0
    if ! grep -q 'longer than one FIFO, end' "$dir/serial" || ! grep -q '^trace$' "$dir/trace"; then
        failed=$((failed + 1))
        echo "FAILED  console: no echo, or no trace"
    fi
fi

# The power button.
if selected power-button; then
    rm -f "$dir/debugcon" "$dir/serial"
    (
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            sleep 1
            echo system_powerdown
        done
    ) | timeout 60 qemu-system-x86_64 -accel tcg -machine q35 -cpu max -nic none -display none \
        -no-reboot -monitor stdio -kernel "$elf" -append button -serial "file:$dir/serial" \
        -debugcon "file:$dir/debugcon" >"$dir/qemu" 2>&1
    verdict power-button 0
fi

# GRUB and Multiboot2, from an ISO image: by the BIOS, and by UEFI where it is installed.
run_iso() {
    local name=$1
    shift
    rm -f "$dir/debugcon" "$dir/serial"
    timeout 120 qemu-system-x86_64 -accel tcg -machine q35 -cpu max -smp 2 -m 256 -nic none \
        -display none -no-reboot -monitor none -cdrom "$dir/test.iso" \
        -serial "file:$dir/serial" -debugcon "file:$dir/debugcon" "$@" </dev/null >/dev/null 2>&1
    verdict "$name" 0
}
if selected multiboot2; then
    mkdir -p "$dir/iso/boot/grub"
    cp "$elf" "$dir/iso/boot/kernel.elf"
    cp "$dir/initrd" "$dir/iso/boot/initrd"
    cat >"$dir/iso/boot/grub/grub.cfg" <<'CFG'
set timeout=0
menuentry test {
    multiboot2 /boot/kernel.elf expect-initrd expect-smap
    module2 /boot/initrd initrd
}
CFG
    if command -v xorriso >/dev/null && [ -d /usr/lib/grub/i386-pc ] &&
        grub-mkrescue -o "$dir/test.iso" "$dir/iso" >/dev/null 2>&1; then
        run_iso multiboot2-bios
        if [ -d /usr/lib/grub/x86_64-efi ] && [ -f /usr/share/ovmf/OVMF.fd ]; then
            run_iso multiboot2-uefi -bios /usr/share/ovmf/OVMF.fd
        else
            skipped=$((skipped + 1))
            echo "skipped multiboot2-uefi: no grub-efi-amd64-bin or ovmf"
        fi
    else
        skipped=$((skipped + 2))
        echo "skipped multiboot2: no grub-pc-bin, xorriso and mtools"
    fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
