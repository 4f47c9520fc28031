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
static const struct {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    unsigned char code[16];
} program = {
    .header =
        {
            .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
            .e_type = ET_EXEC,
            .e_machine = EM_X86_64,
            .e_version = EV_CURRENT,
            .e_entry = 0x400000 + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
            .e_phoff = sizeof(Elf64_Ehdr),
            .e_ehsize = sizeof(Elf64_Ehdr),
            .e_phentsize = sizeof(Elf64_Phdr),
            .e_phnum = 1,
        },
    .segment =
        {
            .p_type = PT_LOAD,
            .p_flags = PF_R | PF_W | PF_X,
            .p_vaddr = 0x400000,
            .p_filesz = sizeof program,
            .p_memsz = 0x3000,
            .p_align = 4096,
        },
    .code = {0xcc, 0xcc},
};

bool root_describe(unsigned index, struct root_file *out)
{
    if (index >= sizeof entries / sizeof *entries)
        return false;
    const struct entry *entry = &entries[index];
    out->path = entry->path;
    out->mode = entry->mode;
    out->uid = entry->uid;
    out->bytes = entry->text ? entry->text : (const void *)&program;
    out->size = entry->text ? strlen(entry->text) : sizeof program;
    return true;
}

static void pad(FILE *out)
{
    while (ftell(out) % 4 != 0)
        fputc(0, out);
}

static void put(FILE *out, const struct root_file *file, unsigned inode)
{
    fprintf(out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", inode, file->mode,
            file->uid, file->uid, 1, 0, file->size, 0, 0, 0, 0, strlen(file->path) + 1, 0);
    fwrite(file->path, 1, strlen(file->path) + 1, out);
    pad(out);
    fwrite(file->bytes, 1, file->size, out);
    pad(out);
}

void *root_archive(size_t *out_bytes)
{
    const struct root_file trailer = {"TRAILER!!!", 0, 0, "", 0};
    struct root_file file;
    char *archive = NULL;
    FILE *out = open_memstream(&archive, out_bytes);

    if (!out)
        return NULL;
    for (unsigned i = 0; root_describe(i, &file); i++)
        put(out, &file, i + 1);
    put(out, &trailer, 0);
    fclose(out);
    return archive;
}
