/* SPDX-License-Identifier: MIT
 *
 * A small root file system: a program whose code never runs, a script, files and directories with
 * different owners and modes, links, a FIFO.
 */
#include "fuzz/root.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct entry {
    const char *path;
    uint32_t mode, uid;
    const char *text; /* NULL: the program */
};

static const struct entry entries[] = {
    {"bin", S_IFDIR | 0755, 0, ""},
    {"bin/job", S_IFREG | 0755, 0, NULL},
    {"bin/setuid", S_IFREG | 04755, 0, NULL},
    {"bin/script", S_IFREG | 0755, 0, "#!/bin/job -x y\n"},
    {"etc", S_IFDIR | 0755, 0, ""},
    {"etc/passwd", S_IFREG | 0644, 0, "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n"},
    {"etc/secret", S_IFREG | 0600, 0, "secret"},
    {"home", S_IFDIR | 0755, 1000, ""},
    {"home/file", S_IFREG | 0644, 1000, "0123456789abcdef"},
    {"home/private", S_IFDIR | 0700, 1000, ""},
    {"home/link", S_IFLNK | 0777, 1000, "file"},
    {"home/loop", S_IFLNK | 0777, 1000, "loop"},
    {"home/up", S_IFLNK | 0777, 1000, "../etc"},
    {"home/dangling", S_IFLNK | 0777, 1000, "/nowhere"},
    {"home/fifo", S_IFIFO | 0666, 1000, ""},
};

/* The smallest static program: one segment, whose code is never reached. */
static size_t make_program(unsigned char *out)
{
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = 0x400000 + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
    };
    Elf64_Phdr segment = {
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_W | PF_X,
        .p_vaddr = 0x400000,
        .p_filesz = sizeof header + sizeof segment + 16,
        .p_memsz = 0x3000,
        .p_align = 4096,
    };

    memcpy(out, &header, sizeof header);
    memcpy(out + sizeof header, &segment, sizeof segment);
    memset(out + sizeof header + sizeof segment, 0xcc, 16);
    return segment.p_filesz;
}

static void pad(FILE *out)
{
    while (ftell(out) % 4 != 0)
        fputc(0, out);
}

static void put(FILE *out, const struct entry *entry, unsigned inode, const void *bytes,
                size_t size)
{
    fprintf(out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", inode, entry->mode,
            entry->uid, entry->uid, 1, 0, size, 0, 0, 0, 0, strlen(entry->path) + 1, 0);
    fwrite(entry->path, 1, strlen(entry->path) + 1, out);
    pad(out);
    fwrite(bytes, 1, size, out);
    pad(out);
}

void *root_archive(size_t *out_bytes)
{
    const struct entry trailer = {"TRAILER!!!", 0, 0, ""};
    unsigned char program[256];
    size_t program_bytes = make_program(program);
    char *archive = NULL;
    FILE *out = open_memstream(&archive, out_bytes);

    if (!out)
        return NULL;
    for (unsigned i = 0; i < sizeof entries / sizeof *entries; i++) {
        const struct entry *entry = &entries[i];
        const void *bytes = entry->text ? entry->text : (const char *)program;
        put(out, entry, i + 1, bytes, entry->text ? strlen(entry->text) : program_bytes);
    }
    put(out, &trailer, 0, "", 0);
    fclose(out);
    return archive;
}
