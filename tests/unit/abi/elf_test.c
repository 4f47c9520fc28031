/* SPDX-License-Identifier: MIT */
/* kernel/abi/elf.h against the host's headers. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(EI_NIDENT) V(EI_CLASS) V(EI_DATA) V(EI_VERSION) V(EI_OSABI) V(SELFMAG) V(ELFCLASS64) \
    V(ELFDATA2LSB) V(EV_CURRENT) V(ELFOSABI_NONE) V(ELFOSABI_LINUX) V(ET_NONE) V(ET_REL) \
    V(ET_EXEC) V(ET_DYN) V(ET_CORE) V(EM_X86_64) V(PN_XNUM) V(PT_NULL) V(PT_LOAD) V(PT_DYNAMIC) \
    V(PT_INTERP) V(PT_NOTE) V(PT_SHLIB) V(PT_PHDR) V(PT_TLS) V(PT_GNU_EH_FRAME) V(PT_GNU_STACK) \
    V(PT_GNU_RELRO) V(PT_GNU_PROPERTY) V(PF_X) V(PF_W) V(PF_R) V(SHT_NULL) V(SHT_PROGBITS) \
    V(SHT_SYMTAB) V(SHT_STRTAB) V(SHT_RELA) V(SHT_DYNAMIC) V(SHT_NOTE) V(SHT_NOBITS) \
    V(SHT_DYNSYM) V(NT_PRSTATUS) V(NT_PRFPREG) V(NT_PRPSINFO) V(NT_TASKSTRUCT) V(NT_AUXV) \
    V(NT_SIGINFO) V(NT_FILE) V(NT_X86_XSTATE) V(AT_NULL) V(AT_IGNORE) V(AT_EXECFD) V(AT_PHDR) \
    V(AT_PHENT) V(AT_PHNUM) V(AT_PAGESZ) V(AT_BASE) V(AT_FLAGS) V(AT_ENTRY) V(AT_NOTELF) \
    V(AT_UID) V(AT_EUID) V(AT_GID) V(AT_EGID) V(AT_PLATFORM) V(AT_HWCAP) V(AT_CLKTCK) \
    V(AT_SECURE) V(AT_BASE_PLATFORM) V(AT_RANDOM) V(AT_HWCAP2) V(AT_RSEQ_FEATURE_SIZE) \
    V(AT_RSEQ_ALIGN) V(AT_EXECFN) V(AT_SYSINFO_EHDR) V(AT_MINSIGSTKSZ)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/elf.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_elf64_ehdr, Elf64_Ehdr),
    SAME_FIELD(struct linux_elf64_ehdr, e_ident, Elf64_Ehdr, e_ident),
    SAME_FIELD(struct linux_elf64_ehdr, e_type, Elf64_Ehdr, e_type),
    SAME_FIELD(struct linux_elf64_ehdr, e_machine, Elf64_Ehdr, e_machine),
    SAME_FIELD(struct linux_elf64_ehdr, e_version, Elf64_Ehdr, e_version),
    SAME_FIELD(struct linux_elf64_ehdr, e_entry, Elf64_Ehdr, e_entry),
    SAME_FIELD(struct linux_elf64_ehdr, e_phoff, Elf64_Ehdr, e_phoff),
    SAME_FIELD(struct linux_elf64_ehdr, e_shoff, Elf64_Ehdr, e_shoff),
    SAME_FIELD(struct linux_elf64_ehdr, e_flags, Elf64_Ehdr, e_flags),
    SAME_FIELD(struct linux_elf64_ehdr, e_ehsize, Elf64_Ehdr, e_ehsize),
    SAME_FIELD(struct linux_elf64_ehdr, e_phentsize, Elf64_Ehdr, e_phentsize),
    SAME_FIELD(struct linux_elf64_ehdr, e_phnum, Elf64_Ehdr, e_phnum),
    SAME_FIELD(struct linux_elf64_ehdr, e_shentsize, Elf64_Ehdr, e_shentsize),
    SAME_FIELD(struct linux_elf64_ehdr, e_shnum, Elf64_Ehdr, e_shnum),
    SAME_FIELD(struct linux_elf64_ehdr, e_shstrndx, Elf64_Ehdr, e_shstrndx),
    SAME_SIZE(struct linux_elf64_phdr, Elf64_Phdr),
    SAME_FIELD(struct linux_elf64_phdr, p_type, Elf64_Phdr, p_type),
    SAME_FIELD(struct linux_elf64_phdr, p_flags, Elf64_Phdr, p_flags),
    SAME_FIELD(struct linux_elf64_phdr, p_offset, Elf64_Phdr, p_offset),
    SAME_FIELD(struct linux_elf64_phdr, p_vaddr, Elf64_Phdr, p_vaddr),
    SAME_FIELD(struct linux_elf64_phdr, p_paddr, Elf64_Phdr, p_paddr),
    SAME_FIELD(struct linux_elf64_phdr, p_filesz, Elf64_Phdr, p_filesz),
    SAME_FIELD(struct linux_elf64_phdr, p_memsz, Elf64_Phdr, p_memsz),
    SAME_FIELD(struct linux_elf64_phdr, p_align, Elf64_Phdr, p_align),
    SAME_SIZE(struct linux_elf64_shdr, Elf64_Shdr),
    SAME_FIELD(struct linux_elf64_shdr, sh_name, Elf64_Shdr, sh_name),
    SAME_FIELD(struct linux_elf64_shdr, sh_type, Elf64_Shdr, sh_type),
    SAME_FIELD(struct linux_elf64_shdr, sh_flags, Elf64_Shdr, sh_flags),
    SAME_FIELD(struct linux_elf64_shdr, sh_addr, Elf64_Shdr, sh_addr),
    SAME_FIELD(struct linux_elf64_shdr, sh_offset, Elf64_Shdr, sh_offset),
    SAME_FIELD(struct linux_elf64_shdr, sh_size, Elf64_Shdr, sh_size),
    SAME_FIELD(struct linux_elf64_shdr, sh_link, Elf64_Shdr, sh_link),
    SAME_FIELD(struct linux_elf64_shdr, sh_info, Elf64_Shdr, sh_info),
    SAME_FIELD(struct linux_elf64_shdr, sh_addralign, Elf64_Shdr, sh_addralign),
    SAME_FIELD(struct linux_elf64_shdr, sh_entsize, Elf64_Shdr, sh_entsize),
    SAME_SIZE(struct linux_elf64_sym, Elf64_Sym),
    SAME_FIELD(struct linux_elf64_sym, st_name, Elf64_Sym, st_name),
    SAME_FIELD(struct linux_elf64_sym, st_info, Elf64_Sym, st_info),
    SAME_FIELD(struct linux_elf64_sym, st_other, Elf64_Sym, st_other),
    SAME_FIELD(struct linux_elf64_sym, st_shndx, Elf64_Sym, st_shndx),
    SAME_FIELD(struct linux_elf64_sym, st_value, Elf64_Sym, st_value),
    SAME_FIELD(struct linux_elf64_sym, st_size, Elf64_Sym, st_size),
    SAME_SIZE(struct linux_elf64_dyn, Elf64_Dyn),
    SAME_FIELD(struct linux_elf64_dyn, d_tag, Elf64_Dyn, d_tag),
    SAME_FIELD(struct linux_elf64_dyn, d_val, Elf64_Dyn, d_un.d_val),
    SAME_SIZE(struct linux_elf64_nhdr, Elf64_Nhdr),
    SAME_FIELD(struct linux_elf64_nhdr, n_namesz, Elf64_Nhdr, n_namesz),
    SAME_FIELD(struct linux_elf64_nhdr, n_descsz, Elf64_Nhdr, n_descsz),
    SAME_FIELD(struct linux_elf64_nhdr, n_type, Elf64_Nhdr, n_type),
    SAME_SIZE(struct linux_user_regs, struct user_regs_struct),
    SAME_FIELD(struct linux_user_regs, r15, struct user_regs_struct, r15),
    SAME_FIELD(struct linux_user_regs, r14, struct user_regs_struct, r14),
    SAME_FIELD(struct linux_user_regs, r13, struct user_regs_struct, r13),
    SAME_FIELD(struct linux_user_regs, r12, struct user_regs_struct, r12),
    SAME_FIELD(struct linux_user_regs, r11, struct user_regs_struct, r11),
    SAME_FIELD(struct linux_user_regs, r10, struct user_regs_struct, r10),
    SAME_FIELD(struct linux_user_regs, r9, struct user_regs_struct, r9),
    SAME_FIELD(struct linux_user_regs, r8, struct user_regs_struct, r8),
    SAME_FIELD(struct linux_user_regs, cs, struct user_regs_struct, cs),
    SAME_FIELD(struct linux_user_regs, ss, struct user_regs_struct, ss),
    SAME_FIELD(struct linux_user_regs, fs_base, struct user_regs_struct, fs_base),
    SAME_FIELD(struct linux_user_regs, gs_base, struct user_regs_struct, gs_base),
    SAME_FIELD(struct linux_user_regs, ds, struct user_regs_struct, ds),
    SAME_FIELD(struct linux_user_regs, es, struct user_regs_struct, es),
    SAME_FIELD(struct linux_user_regs, fs, struct user_regs_struct, fs),
    SAME_FIELD(struct linux_user_regs, gs, struct user_regs_struct, gs),
    SAME_FIELD(struct linux_user_regs, bp, struct user_regs_struct, rbp),
    SAME_FIELD(struct linux_user_regs, bx, struct user_regs_struct, rbx),
    SAME_FIELD(struct linux_user_regs, ax, struct user_regs_struct, rax),
    SAME_FIELD(struct linux_user_regs, cx, struct user_regs_struct, rcx),
    SAME_FIELD(struct linux_user_regs, dx, struct user_regs_struct, rdx),
    SAME_FIELD(struct linux_user_regs, si, struct user_regs_struct, rsi),
    SAME_FIELD(struct linux_user_regs, di, struct user_regs_struct, rdi),
    SAME_FIELD(struct linux_user_regs, orig_ax, struct user_regs_struct, orig_rax),
    SAME_FIELD(struct linux_user_regs, ip, struct user_regs_struct, rip),
    SAME_FIELD(struct linux_user_regs, flags, struct user_regs_struct, eflags),
    SAME_FIELD(struct linux_user_regs, sp, struct user_regs_struct, rsp),
    SAME_SIZE(struct linux_elf_prstatus, struct elf_prstatus),
    SAME_FIELD(struct linux_elf_prstatus, pr_cursig, struct elf_prstatus, pr_cursig),
    SAME_FIELD(struct linux_elf_prstatus, pr_sigpend, struct elf_prstatus, pr_sigpend),
    SAME_FIELD(struct linux_elf_prstatus, pr_sighold, struct elf_prstatus, pr_sighold),
    SAME_FIELD(struct linux_elf_prstatus, pr_pid, struct elf_prstatus, pr_pid),
    SAME_FIELD(struct linux_elf_prstatus, pr_ppid, struct elf_prstatus, pr_ppid),
    SAME_FIELD(struct linux_elf_prstatus, pr_pgrp, struct elf_prstatus, pr_pgrp),
    SAME_FIELD(struct linux_elf_prstatus, pr_sid, struct elf_prstatus, pr_sid),
    SAME_FIELD(struct linux_elf_prstatus, pr_utime, struct elf_prstatus, pr_utime),
    SAME_FIELD(struct linux_elf_prstatus, pr_stime, struct elf_prstatus, pr_stime),
    SAME_FIELD(struct linux_elf_prstatus, pr_cutime, struct elf_prstatus, pr_cutime),
    SAME_FIELD(struct linux_elf_prstatus, pr_cstime, struct elf_prstatus, pr_cstime),
    SAME_FIELD(struct linux_elf_prstatus, pr_reg, struct elf_prstatus, pr_reg),
    SAME_FIELD(struct linux_elf_prstatus, pr_fpvalid, struct elf_prstatus, pr_fpvalid),
    SAME_FIELD(struct linux_elf_prstatus, si_signo, struct elf_prstatus, pr_info.si_signo),
    SAME_FIELD(struct linux_elf_prstatus, si_code, struct elf_prstatus, pr_info.si_code),
    SAME_FIELD(struct linux_elf_prstatus, si_errno, struct elf_prstatus, pr_info.si_errno),
    SAME_SIZE(struct linux_elf_prpsinfo, struct elf_prpsinfo),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_state, struct elf_prpsinfo, pr_state),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_sname, struct elf_prpsinfo, pr_sname),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_zomb, struct elf_prpsinfo, pr_zomb),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_nice, struct elf_prpsinfo, pr_nice),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_flag, struct elf_prpsinfo, pr_flag),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_uid, struct elf_prpsinfo, pr_uid),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_gid, struct elf_prpsinfo, pr_gid),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_pid, struct elf_prpsinfo, pr_pid),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_ppid, struct elf_prpsinfo, pr_ppid),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_pgrp, struct elf_prpsinfo, pr_pgrp),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_sid, struct elf_prpsinfo, pr_sid),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_fname, struct elf_prpsinfo, pr_fname),
    SAME_FIELD(struct linux_elf_prpsinfo, pr_psargs, struct elf_prpsinfo, pr_psargs),
    SAME_SIZE(struct linux_auxv, Elf64_auxv_t),
    SAME_FIELD(struct linux_auxv, a_type, Elf64_auxv_t, a_type),
    SAME_FIELD(struct linux_auxv, a_val, Elf64_auxv_t, a_un.a_val),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *elf_suite(void)
{
    return unit_suite("elf", add);
}

UNIT_MAIN(elf_suite)
