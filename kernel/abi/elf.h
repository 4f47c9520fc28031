/* SPDX-License-Identifier: MIT */
/* elf(5): 64-bit executables and core files; the auxiliary vector, getauxval(3). */
#ifndef KERNEL_ABI_ELF_H
#define KERNEL_ABI_ELF_H

#include <stdint.h>

#define EI_NIDENT 16
#define EI_CLASS 4
#define EI_DATA 5
#define EI_VERSION 6
#define EI_OSABI 7
#define ELFMAG "\177ELF"
#define SELFMAG 4
#define ELFCLASS64 2
#define ELFDATA2LSB 1
#define EV_CURRENT 1
#define ELFOSABI_NONE 0
#define ELFOSABI_LINUX 3

#define ET_NONE 0
#define ET_REL 1
#define ET_EXEC 2
#define ET_DYN 3
#define ET_CORE 4
#define EM_X86_64 62

struct linux_elf64_ehdr {
    uint8_t e_ident[EI_NIDENT];
    uint16_t e_type;
    uint16_t e_machine;
    uint32_t e_version;
    uint64_t e_entry;
    uint64_t e_phoff;
    uint64_t e_shoff;
    uint32_t e_flags;
    uint16_t e_ehsize;
    uint16_t e_phentsize;
    uint16_t e_phnum;
    uint16_t e_shentsize;
    uint16_t e_shnum;
    uint16_t e_shstrndx;
};

#define PN_XNUM 0xffff

#define PT_NULL 0
#define PT_LOAD 1
#define PT_DYNAMIC 2
#define PT_INTERP 3
#define PT_NOTE 4
#define PT_SHLIB 5
#define PT_PHDR 6
#define PT_TLS 7
#define PT_GNU_EH_FRAME 0x6474e550
#define PT_GNU_STACK 0x6474e551
#define PT_GNU_RELRO 0x6474e552
#define PT_GNU_PROPERTY 0x6474e553
#define PF_X 1
#define PF_W 2
#define PF_R 4

struct linux_elf64_phdr {
    uint32_t p_type;
    uint32_t p_flags;
    uint64_t p_offset;
    uint64_t p_vaddr;
    uint64_t p_paddr;
    uint64_t p_filesz;
    uint64_t p_memsz;
    uint64_t p_align;
};

#define SHT_NULL 0
#define SHT_PROGBITS 1
#define SHT_SYMTAB 2
#define SHT_STRTAB 3
#define SHT_RELA 4
#define SHT_DYNAMIC 6
#define SHT_NOTE 7
#define SHT_NOBITS 8
#define SHT_DYNSYM 11

struct linux_elf64_shdr {
    uint32_t sh_name;
    uint32_t sh_type;
    uint64_t sh_flags;
    uint64_t sh_addr;
    uint64_t sh_offset;
    uint64_t sh_size;
    uint32_t sh_link;
    uint32_t sh_info;
    uint64_t sh_addralign;
    uint64_t sh_entsize;
};

struct linux_elf64_sym {
    uint32_t st_name;
    uint8_t st_info;
    uint8_t st_other;
    uint16_t st_shndx;
    uint64_t st_value;
    uint64_t st_size;
};

struct linux_elf64_dyn {
    int64_t d_tag;
    uint64_t d_val;
};

/* Followed by the name and the descriptor, each padded to 4 bytes. */
struct linux_elf64_nhdr {
    uint32_t n_namesz;
    uint32_t n_descsz;
    uint32_t n_type;
};

#define NT_PRSTATUS 1
#define NT_PRFPREG 2
#define NT_PRPSINFO 3
#define NT_TASKSTRUCT 4
#define NT_AUXV 6
#define NT_SIGINFO 0x53494749
#define NT_FILE 0x46494c45
#define NT_X86_XSTATE 0x202

/* Registers in user_regs_struct order, for ptrace(2) and NT_PRSTATUS. */
struct linux_user_regs {
    uint64_t r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
    uint64_t ax, cx, dx, si, di, orig_ax;
    uint64_t ip, cs, flags, sp, ss;
    uint64_t fs_base, gs_base, ds, es, fs, gs;
};

struct linux_elf_prstatus {
    int32_t si_signo;
    int32_t si_code;
    int32_t si_errno;
    int16_t pr_cursig;
    uint16_t pad0;
    uint64_t pr_sigpend;
    uint64_t pr_sighold;
    int32_t pr_pid;
    int32_t pr_ppid;
    int32_t pr_pgrp;
    int32_t pr_sid;
    int64_t pr_utime[2];
    int64_t pr_stime[2];
    int64_t pr_cutime[2];
    int64_t pr_cstime[2];
    struct linux_user_regs pr_reg;
    int32_t pr_fpvalid;
    uint32_t pad1;
};

struct linux_elf_prpsinfo {
    char pr_state;
    char pr_sname;
    char pr_zomb;
    char pr_nice;
    uint32_t pad0;
    uint64_t pr_flag;
    uint32_t pr_uid;
    uint32_t pr_gid;
    int32_t pr_pid;
    int32_t pr_ppid;
    int32_t pr_pgrp;
    int32_t pr_sid;
    char pr_fname[16];
    char pr_psargs[80];
};

/* Auxiliary vector: pairs (type, value), ended by AT_NULL. */
struct linux_auxv {
    uint64_t a_type;
    uint64_t a_val;
};

#define AT_NULL 0
#define AT_IGNORE 1
#define AT_EXECFD 2
#define AT_PHDR 3
#define AT_PHENT 4
#define AT_PHNUM 5
#define AT_PAGESZ 6
#define AT_BASE 7
#define AT_FLAGS 8
#define AT_ENTRY 9
#define AT_NOTELF 10
#define AT_UID 11
#define AT_EUID 12
#define AT_GID 13
#define AT_EGID 14
#define AT_PLATFORM 15
#define AT_HWCAP 16
#define AT_CLKTCK 17
#define AT_SECURE 23
#define AT_BASE_PLATFORM 24
#define AT_RANDOM 25
#define AT_HWCAP2 26
#define AT_RSEQ_FEATURE_SIZE 27
#define AT_RSEQ_ALIGN 28
#define AT_EXECFN 31
#define AT_SYSINFO_EHDR 33
#define AT_MINSIGSTKSZ 51

/* AT_HWCAP2 */
#define HWCAP2_RING3MWAIT (1 << 0)
#define HWCAP2_FSGSBASE (1 << 1)

/* Sizes that programs rely on. */
_Static_assert(sizeof(struct linux_elf64_ehdr) == 64, "linux_elf64_ehdr");
_Static_assert(sizeof(struct linux_elf64_phdr) == 56, "linux_elf64_phdr");
_Static_assert(sizeof(struct linux_user_regs) == 216, "linux_user_regs");
_Static_assert(sizeof(struct linux_elf_prstatus) == 336, "linux_elf_prstatus");
_Static_assert(sizeof(struct linux_elf_prpsinfo) == 136, "linux_elf_prpsinfo");

#endif
