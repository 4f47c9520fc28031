# shellcheck shell=bash disable=SC2034 # package lists are for those who source this
# What the outer commands (sim/run, images/*, tests/run) share. To be sourced by bash, after
# `set -euo pipefail`. Leaves the repository's root in $assay_root and its scratch folder in $cache.

assay_root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cache=$assay_root/.cache
mkdir -p "$cache"

# Debian packages, by what they are needed for.
packages_build=(bazel-bootstrap gcc libc6-dev libarchive-dev libjansson-dev libpcap-dev libyaml-dev python3)
packages_image=(cpio)
packages_debian=(mmdebstrap uidmap)
packages_qemu=(qemu-system-x86)
packages_coverage=(clang llvm)
packages_test=(check sqlite3 libsubunit-dev libclang-rt-14-dev musl-tools "${packages_qemu[@]}" "${packages_coverage[@]}")

# Progress, for a person who watches.
say() {
    if [[ -t 2 ]]; then
        printf 'assay: %s\n' "$*" >&2
    fi
}

die() {
    printf 'assay: %s\n' "$*" >&2
    exit 6
}

# Run a command whose output matters only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if ((status != 0)); then
        cat "$log" >&2
    fi
    rm -f "$log"
    return "$status"
}

# The packages among the arguments that are not installed.
missing_packages() {
    local package
    declare -A installed=()
    while read -r package; do
        installed[$package]=1
    done < <(dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        sed -n 's/\(:[a-z0-9]*\)\? installed$//p')
    for package in "$@"; do
        if [[ ! -v installed[$package] ]]; then
            echo "$package"
        fi
    done
}

# Run a command as root, if that is possible without a password.
as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo -n -- "$@"
    fi
}

can_be_root() {
    ((EUID == 0)) || sudo -n true 2>/dev/null
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# Make sure that Debian packages are installed; without the right to do so, say which are missing.
require_packages() {
    local missing
    command -v dpkg-query >/dev/null || die "this is no Debian system; install by hand: $*"
    mapfile -t missing < <(missing_packages "$@")
    if ((${#missing[@]} == 0)); then
        return
    fi
    can_be_root || die "please install these Debian packages: ${missing[*]}"
    say "installing ${missing[*]}"
    apt-cache show "${missing[@]}" >/dev/null 2>&1 || quietly as_root apt-get update ||
        die "apt-get update failed"
    # Lists that are there may be old.
    quietly apt_install "${missing[@]}" ||
        { quietly as_root apt-get update && quietly apt_install "${missing[@]}"; } ||
        die "cannot install ${missing[*]}"
}

# Bazel, chatty only on a terminal.
bazel_quiet() {
    local verb=$1
    shift
    if [[ -t 2 ]]; then
        (cd "$assay_root" && bazel "$verb" "$@")
    else
        (cd "$assay_root" && quietly bazel "$verb" --config=quiet "$@")
    fi
}

# True if anything below the given paths is newer than a file, or the file does not exist.
is_older_than() {
    local file=$1
    shift
    [[ ! -e $file ]] || [[ -n $(find "$@" -newer "$file" -print -quit) ]]
}

# build_binary LABEL_PATH SOURCE...: build //folder:name, given as folder/name, unless no source has
# changed since. Prints the path of a copy which later builds of another kind do not replace.
build_binary() {
    local target=$1 copy stamp
    shift
    copy=$cache/bin/${target##*/}
    stamp=$cache/bin/${target##*/}.built
    cd "$assay_root" || return
    if [[ ! -x $copy ]] || is_older_than "$stamp" WORKSPACE .bazelrc .bazel "$@"; then
        require_packages "${packages_build[@]}"
        say "building ${target##*/}"
        mkdir -p "$cache/bin"
        touch "$stamp.new"
        bazel_quiet build "//${target%/*}:${target##*/}" || die "building ${target##*/} failed"
        cp -fL "bazel-bin/$target" "$copy.$$"
        chmod 755 "$copy.$$"
        mv -f "$copy.$$" "$copy"
        mv -f "$stamp.new" "$stamp"
    fi
    echo "$copy"
}

# resolve_root ARG...: build the root file system that the options name, or busybox if they name none.
# The arguments are then in ${arguments[@]}, with the image's file in place of its name.
resolve_root() {
    local images=$assay_root/images root='' word
    arguments=()
    while (($# > 0)) && [[ $1 == -* && $1 != -- ]]; do
        case $1 in
            --root=*) root=${1#--root=} ;;
            --root | -r)
                root=${2-}
                (($# > 1)) && shift
                ;;
            --ram | --cpus | --add | --env | --timeout | --log-level | --engine | --kernel | \
                --machine | -m | -c)
                arguments+=("$1")
                (($# > 1)) && shift && arguments+=("$1")
                ;;
            *) arguments+=("$1") ;;
        esac
        shift
    done
    if [[ -z $root ]]; then
        root=busybox
    fi
    if [[ $root != */* && -f $images/$root/recipe ]]; then
        root=$("$images/build" "$root") || exit
    fi
    arguments=(--root "$root" "${arguments[@]}" "$@")
    for word in "${arguments[@]}"; do
        case $word in
            --) break ;;
            --help) list_images ;;
        esac
    done
}

# For --help: what --root knows by name.
list_images() {
    local recipe names=()
    for recipe in "$assay_root"/images/*/recipe; do
        recipe=${recipe%/recipe}
        names+=("${recipe##*/}")
    done
    printf 'Built when needed, for --root: %s\n\n' "${names[*]}"
}

# The `assay` command and the kernel for QEMU.
build_assay() {
    build_binary sim/assay hal hal-hosted kernel sim
}

build_elf() {
    build_binary hal-baremetal/assay.elf hal hal-baremetal kernel
}
