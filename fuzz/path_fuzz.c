/* SPDX-License-Identifier: MIT
 *
 * Paths: operations on names over a small tree of directories, links and mounts. The names come
 * from the input, byte for byte (kernel/fs/walk.c, namei_*.c, rename.c, dcache*.c). In the end
 * everything is unmounted, and nothing may be left.
 */
#include "fuzz/inside.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mount.h"
#include "kernel/syscall/syscalls.h"

enum { OPS_MAX = 48, NAME_MAX_BYTES = 48 };
#define NAME(i) (FUZZ_USER_MEMORY + 8192 + (i)*4096ull)
#define TEXT(i) (FUZZ_USER_MEMORY + (i)*256ull)
#define BUFFER (FUZZ_USER_MEMORY + 32768)

/* A name: words of the tree joined by slashes, or bytes as they come. */
static uint64_t take_name(struct fuzz_input *input, unsigned slot)
{
    static const char *const words[] = {"a", "b", "c", "..", ".", "link", "loop", "/", "", "file"};
    char name[NAME_MAX_BYTES * 6 + 8] = "";
    const uint8_t kind = fuzz_u8(input);
    const uint8_t *bytes;
    size_t used = 0;

    if (kind >= 224) {
        const size_t count = fuzz_bytes(input, NAME_MAX_BYTES, &bytes);
        for (size_t i = 0; i < count && bytes[i]; i++)
            name[used++] = (char)bytes[i];
    } else {
        for (unsigned i = 0; i <= kind % 5u; i++) {
            const char *word = words[fuzz_u8(input) % 10];
            if (i > 0)
                name[used++] = '/';
            while (*word)
                name[used++] = *word++;
        }
    }
    name[used] = '\0';
    return fuzz_put_string(NAME(slot), name);
}

static void change(struct fuzz_input *input, unsigned kind, uint64_t one)
{
    const uint64_t two = kind < 6 ? take_name(input, 1) : 0;
    int64_t fd;

    switch (kind) {
    case 0:
        FUZZ_CALL(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, two, fuzz_u8(input) % 8);
        break;
    case 1:
        FUZZ_CALL(SYS_linkat, AT_FDCWD, one, AT_FDCWD, two,
                  fuzz_u8(input) % 2 ? AT_SYMLINK_FOLLOW : 0);
        break;
    case 2:
        FUZZ_CALL(SYS_symlink, one, two);
        break;
    case 3:
        FUZZ_CALL(SYS_mount, one, two, 0, MS_BIND | (fuzz_u8(input) % 2 ? MS_REC : 0), 0);
        break;
    case 4:
        FUZZ_CALL(SYS_mount, one, two, 0, MS_MOVE, 0);
        break;
    case 5:
        FUZZ_CALL(SYS_mount, TEXT(2), one, TEXT(2), 0, 0);
        break;
    case 6:
        FUZZ_CALL(SYS_umount2, one, fuzz_u8(input) % 8);
        break;
    case 7:
        FUZZ_CALL(SYS_mkdir, one, 0700 + fuzz_u8(input) % 64);
        break;
    case 8:
        FUZZ_CALL(SYS_rmdir, one);
        break;
    case 9:
        FUZZ_CALL(SYS_unlink, one);
        break;
    case 10:
        fd = FUZZ_CALL(SYS_open, one, fuzz_u32(input) & 0x7fffff & ~(uint32_t)O_ACCMODE, 0644);
        if (fd >= 0)
            FUZZ_CALL(SYS_close, fd);
        break;
    default:
        FUZZ_CALL(SYS_chdir, one);
        break;
    }
}

static void look(struct fuzz_input *input, unsigned kind, uint64_t one)
{
    int64_t fd;

    switch (kind) {
    case 12:
        FUZZ_CALL(SYS_readlink, one, BUFFER, fuzz_u8(input));
        break;
    case 13:
        FUZZ_CALL(SYS_stat, one, BUFFER);
        FUZZ_CALL(SYS_getcwd, BUFFER, 4096);
        break;
    case 14: {
        const uint64_t how[3] = {O_PATH, 0, fuzz_u8(input) % 64};
        fuzz_put_user(TEXT(4), how, sizeof how);
        fd = FUZZ_CALL(SYS_openat2, AT_FDCWD, one, TEXT(4), sizeof how);
        if (fd >= 0)
            FUZZ_CALL(SYS_close, fd);
        break;
    }
    default:
        fd = FUZZ_CALL(SYS_open, one, O_DIRECTORY);
        if (fd >= 0) {
            FUZZ_CALL(SYS_getdents64, fd, BUFFER, 4096);
            FUZZ_CALL(SYS_fchdir, fd);
            FUZZ_CALL(SYS_close, fd);
        }
        break;
    }
}

static void operate(struct fuzz_input *input)
{
    for (unsigned i = 0; i < OPS_MAX && input->size > 0; i++) {
        const unsigned kind = fuzz_u8(input) % 16;
        const uint64_t one = take_name(input, 0);
        if (kind < 12)
            change(input, kind, one);
        else
            look(input, kind, one);
    }
}

static struct fuzz_input rest;

/* In a child: its root and directory go with it. */
static void child(void)
{
    fuzz_put_string(TEXT(2), "tmpfs");
    FUZZ_CALL(SYS_chroot, fuzz_put_string(TEXT(0), "/home/t"));
    FUZZ_CALL(SYS_chdir, fuzz_put_string(TEXT(0), "/"));
    FUZZ_CALL(SYS_mkdir, fuzz_put_string(TEXT(0), "a"), 0755);
    FUZZ_CALL(SYS_mkdir, fuzz_put_string(TEXT(0), "a/b"), 0755);
    FUZZ_CALL(SYS_mkdir, fuzz_put_string(TEXT(0), "c"), 0755);
    FUZZ_CALL(SYS_symlink, fuzz_put_string(TEXT(0), "a/b"), fuzz_put_string(TEXT(1), "link"));
    FUZZ_CALL(SYS_symlink, fuzz_put_string(TEXT(0), "loop"), fuzz_put_string(TEXT(1), "a/loop"));
    FUZZ_CALL(SYS_mknod, fuzz_put_string(TEXT(0), "a/file"), 0100644, 0);
    operate(&rest);
}

static void round_of(const uint8_t *data, size_t size)
{
    rest = (struct fuzz_input){.data = data, .size = size};
    fuzz_put_string(TEXT(2), "tmpfs");
    FUZZ_CALL(SYS_mount, TEXT(2), fuzz_put_string(TEXT(0), "/home/t"), TEXT(2), 0, 0);
    fuzz_child(child);
    /* What was mounted over it is another mount at the same place. */
    while (FUZZ_CALL(SYS_umount2, fuzz_put_string(TEXT(0), "/home/t"), MNT_DETACH) == 0) {
        /* the next one */
    }
}

static void body(const uint8_t *data, size_t size)
{
    fuzz_put_user(NAME(0), "", 1);
    fuzz_put_user(NAME(1), "", 1);
    FUZZ_CALL(SYS_mkdir, fuzz_put_string(TEXT(0), "/home/t"), 0755);
    round_of(data, 0); /* what the kernel makes once */
    const struct fuzz_usage before = fuzz_usage();
    round_of(data, size);
    fuzz_check_leaks(&before);
}

FUZZ_TARGET(body)
