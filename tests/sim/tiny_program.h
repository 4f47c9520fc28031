/* SPDX-License-Identifier: MIT */
/*
 * The smallest Linux program: writes a text to standard output and exits with a status. Made by
 * hand, so that a test needs no compiler and no files.
 */
#ifndef TESTS_SIM_TINY_PROGRAM_H
#define TESTS_SIM_TINY_PROGRAM_H

#include <elf.h>
#include <stdint.h>
#include <string.h>

enum { TINY_PROGRAM_MAX = 512, TINY_PROGRAM_BASE = 0x400000 };

/* Build the program in `out`; its size. The text is at most 128 bytes. */
static inline size_t tiny_program(unsigned char out[TINY_PROGRAM_MAX], const char *text,
                                  uint8_t status)
{
    const uint32_t code_at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    unsigned char code[] = {
        0xb8, 1,    0,    0, 0,       /* mov $SYS_write, %eax */
        0xbf, 1,    0,    0, 0,       /* mov $1, %edi */
        0x48, 0x8d, 0x35, 0, 0, 0, 0, /* lea text(%rip), %rsi   (offset at 13) */
        0xba, 0,    0,    0, 0,       /* mov $bytes, %edx       (at 18) */
        0x0f, 0x05,                   /* syscall */
        0xb8, 231,  0,    0, 0,       /* mov $SYS_exit_group, %eax */
        0xbf, 0,    0,    0, 0,       /* mov $status, %edi      (at 30) */
        0x0f, 0x05,                   /* syscall */
    };
    const uint32_t bytes = (uint32_t)strlen(text), distance = sizeof(code) - 17;
    const size_t size = code_at + sizeof(code) + bytes;
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = TINY_PROGRAM_BASE + code_at,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
    };
    Elf64_Phdr segment = {
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_X,
        .p_vaddr = TINY_PROGRAM_BASE,
        .p_filesz = size,
        .p_memsz = size,
        .p_align = 4096,
    };

    memcpy(code + 13, &distance, sizeof(distance));
    memcpy(code + 18, &bytes, sizeof(bytes));
    memcpy(code + 30, &(uint32_t){status}, sizeof(uint32_t));
    memcpy(out, &header, sizeof(header));
    memcpy(out + sizeof(header), &segment, sizeof(segment));
    memcpy(out + code_at, code, sizeof(code));
    memcpy(out + code_at + sizeof(code), text, bytes);
    return size;
}

#endif
