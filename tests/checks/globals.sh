# shellcheck shell=bash
# Finds mutable data and foreign symbols in the kernel's objects. To be sourced.

# Linkers and compilers place constants in .rodata, and those that hold addresses in .data.rel.ro.
# Everything else that nm calls data (D), small data (G), uninitialised (B, S) or common (C) is
# mutable, and so is a thread-local of any kind.
#
# print_globals ARCHIVE...: one line "object: symbol (section)" for each mutable symbol.
print_globals() {
    local archive
    for archive in "$@"; do
        objdump --syms "$archive" | awk '
            /file format/ { object = $1; sub(/:$/, "", object); next }
            NF < 4 { next }
            {
                # address flags section size name; the flags hold blanks.
                section = ""
                for (i = 2; i <= NF; i++)
                    if ($i ~ /^(\.|\*COM\*)/) { section = $i; name = $NF; break }
                if (section == name) next
                if (section ~ /^\.data\.rel\.ro/) next
                if (section ~ /^(\.data|\.bss|\.tdata|\.tbss|\.ldata|\.lbss|\*COM\*)/)
                    print object ": " name " (" section ")"
            }'
    done
}

# print_sections ARCHIVE...: mutable sections that hold bytes but have no symbol.
print_sections() {
    local archive
    for archive in "$@"; do
        objdump --section-headers "$archive" | awk '
            /file format/ { object = $1; sub(/:$/, "", object); next }
            $2 ~ /^(\.data|\.bss|\.tdata|\.tbss)/ && $2 !~ /^\.data\.rel\.ro/ && $3 !~ /^0+$/ {
                print object ": " $2 " holds " $3 " bytes"
            }'
    done
}

# print_foreign ARCHIVE...: undefined symbols that no archive defines and that are neither the
# backend's (hal_*) nor the four functions a compiler may call.
print_foreign() {
    nm --print-file-name "$@" 2>/dev/null | awk '
        NF < 2 { next }
        $(NF - 1) ~ /^[TtRrDdWwVvA]$/ { defined[$NF] = 1 }
        $(NF - 1) == "U" { object[$NF] = $1 }
        END {
            for (name in object)
                if (!(name in defined) && name !~ /^hal_/ &&
                    name !~ /^(memcpy|memmove|memset|memcmp)$/)
                    print object[name] " needs " name
        }' | sort
}

# print_libc_names ARCHIVE...: global symbols that libc has too. Hosted, both share one link, and a call
# from the backend or a library would reach the kernel's function.
print_libc_names() {
    local libc
    libc=$(gcc -print-file-name=libc.so.6)
    comm -12 <(nm --extern-only --defined-only "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u) \
        <(nm --dynamic --defined-only "$libc" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort -u) |
        sed 's/$/ is also a name of libc/'
}
