/* SPDX-License-Identifier: MIT */
/* core(5): core dumps: when there is one, what it is called, what is in it. */
#include "guest.h"

#include <elf.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>

static const char pattern_file[] = "/proc/sys/kernel/core_pattern";

static void limit(rlim_t bytes)
{
    struct rlimit value = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    OK(setrlimit(RLIMIT_CORE, &value));
}

/* The pattern is the whole machine's: without the right to set it, or with another one that
 * somebody relies on (a host's), there is nothing to test. */
static void need_plain_pattern(void)
{
    char text[256] = "";
    int fd = (int)OK(open(pattern_file, O_RDONLY));
    OK(read(fd, text, sizeof(text) - 1));
    OK(close(fd));
    if (strcmp(text, "core\n") != 0)
        skip("core_pattern is not \"core\"");
    fd = open("/proc/sys/kernel/core_uses_pid", O_RDONLY);
    char on = '0';
    EQ(read(fd, &on, 1), 1);
    OK(close(fd));
    if (on != '0')
        skip("core_uses_pid is set");
}

struct victim {
    rlim_t limit;
    int signo;
    bool undumpable;
    void (*prepare)(void);
};

static void die(void *argument)
{
    const struct victim *victim = argument;
    limit(victim->limit);
    if (victim->undumpable)
        OK(prctl(PR_SET_DUMPABLE, 0));
    if (victim->prepare)
        victim->prepare();
    signal(victim->signo, SIG_DFL);
    raise(victim->signo);
}

static int status_of(struct victim victim)
{
    unlink("core");
    return WAIT(spawn(die, &victim));
}

static void signals_that_dump_do(void)
{
    need_plain_pattern();
    static const int signals[] = {SIGQUIT, SIGILL, SIGABRT, SIGFPE,
                                  SIGSEGV, SIGBUS, SIGSYS,  SIGXCPU};
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        int status = status_of((struct victim){.limit = RLIM_INFINITY, .signo = signals[i]});
        EQ(WTERMSIG(status), signals[i]);
        TRUE(WCOREDUMP(status));
        EQ(access("core", F_OK), 0);
    }
    EQ(status_of((struct victim){.limit = RLIM_INFINITY, .signo = SIGTERM}), SIGTERM);
    FAILS(access("core", F_OK), ENOENT);
}

static void waitid_says_dumped(void)
{
    siginfo_t info;
    struct victim victim = {.limit = RLIM_INFINITY, .signo = SIGABRT};
    need_plain_pattern();
    pid_t pid = spawn(die, &victim);
    OK(waitid(P_PID, (id_t)pid, &info, WEXITED));
    EQ(info.si_code, CLD_DUMPED);
    EQ(info.si_status, SIGABRT);
}

static void limits_and_attributes_prevent_dumps(void)
{
    need_plain_pattern();
    EQ(status_of((struct victim){.limit = 0, .signo = SIGABRT}), SIGABRT);
    FAILS(access("core", F_OK), ENOENT);
    EQ(status_of((struct victim){.limit = RLIM_INFINITY, .signo = SIGABRT, .undumpable = true}),
       SIGABRT);
    FAILS(access("core", F_OK), ENOENT);
}

static void a_limit_cuts_the_file(void)
{
    struct stat stat_;
    need_plain_pattern();
    status_of((struct victim){.limit = 16384, .signo = SIGABRT});
    OK(stat("core", &stat_));
    TRUE(stat_.st_blocks * 512 <= 16384 + 4096);
}

/* What has the name is removed first, whatever it leads to. */
static void other_files_are_not_touched(void)
{
    char text[8] = "";
    struct stat stat_;
    need_plain_pattern();
    unlink("core");
    write_text("target", "keep", 0600);
    for (int i = 0; i < 2; i++) {
        OK(i ? link("target", "core") : symlink("target", "core"));
        struct victim victim = {.limit = RLIM_INFINITY, .signo = SIGABRT};
        TRUE(WCOREDUMP(WAIT(spawn(die, &victim))));
        OK(lstat("core", &stat_));
        TRUE(S_ISREG(stat_.st_mode) && stat_.st_nlink == 1);
        EQ(stat_.st_mode & 07777, 0600);
        OK(unlink("core"));
    }
    int fd = (int)OK(open("target", O_RDONLY));
    EQ(OK(read(fd, text, sizeof(text))), 4);
    STR_EQ(text, "keep");
    OK(unlink("target"));
}

static void a_folder_in_the_way_prevents_the_dump(void)
{
    need_plain_pattern();
    struct victim victim = {.limit = RLIM_INFINITY, .signo = SIGABRT};
    unlink("core");
    OK(mkdir("core", 0700));
    EQ(WTERMSIG(WAIT(spawn(die, &victim))), SIGABRT);
    OK(rmdir("core"));
}

static void do_nothing(int signo)
{
    (void)signo;
}

static void overflow_with_handler(void *unused)
{
    (void)unused;
    limit(RLIM_INFINITY);
    signal(SIGSEGV, do_nothing);
    __asm__ volatile("mov %0, %%rsp\n push %%rax" ::"r"(4096ul) : "memory");
    __builtin_unreachable();
}

static void a_handler_without_a_stack_ends_in_a_dump(void)
{
    need_plain_pattern();
    unlink("core");
    int status = WAIT(spawn(overflow_with_handler, NULL));
    EQ(WTERMSIG(status), SIGSEGV);
    TRUE(WCOREDUMP(status));
    OK(unlink("core"));
}

/* ---- contents ---- */

static char *kept, *left_out;

static void *wait_for_the_end(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

static void prepare_memory(void)
{
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, wait_for_the_end, NULL), 0);
    EQ(pthread_create(&thread, NULL, wait_for_the_end, NULL), 0);
    strcpy(kept, "this is in the dump");
    strcpy(left_out, "this is not");
}

struct core_file {
    char *bytes;
    size_t size;
    Elf64_Ehdr *header;
    Elf64_Phdr *segments;
};

static struct core_file load_core(void)
{
    struct core_file core = {0};
    struct stat stat_;
    int fd = (int)OK(open("core", O_RDONLY));
    OK(fstat(fd, &stat_));
    core.size = (size_t)stat_.st_size;
    core.bytes = mmap(NULL, core.size, PROT_READ, MAP_PRIVATE, fd, 0);
    TRUE(core.bytes != MAP_FAILED);
    OK(close(fd));
    core.header = (Elf64_Ehdr *)core.bytes;
    core.segments = (Elf64_Phdr *)(core.bytes + core.header->e_phoff);
    return core;
}

/* What the dump has at an address; NULL if it is not in it. */
static const char *at_address(const struct core_file *core, const void *address)
{
    uintptr_t at = (uintptr_t)address;
    for (int i = 1; i < core->header->e_phnum; i++) {
        const Elf64_Phdr *segment = &core->segments[i];
        if (at < segment->p_vaddr || at >= segment->p_vaddr + segment->p_memsz)
            continue;
        size_t offset = at - segment->p_vaddr;
        return offset < segment->p_filesz ? core->bytes + segment->p_offset + offset : NULL;
    }
    fail_at(__LINE__, "no segment has %p", address);
}

static const char *text_at(const struct core_file *core, const void *address)
{
    const char *text = at_address(core, address);
    return text ? text : "";
}

/* The n-th note of a type, NULL if there are fewer. */
static const void *note(const struct core_file *core, unsigned type, unsigned n)
{
    const char *at = core->bytes + core->segments[0].p_offset;
    const char *end = at + core->segments[0].p_filesz;
    while (at < end) {
        const Elf64_Nhdr *header = (const Elf64_Nhdr *)at;
        const char *name = at + sizeof(*header);
        const char *contents = name + (header->n_namesz + 3) / 4 * 4;
        if (header->n_type == type && n-- == 0)
            return contents;
        at = contents + (header->n_descsz + 3) / 4 * 4;
    }
    return NULL;
}

static void the_file_holds_memory_and_all_threads(void)
{
    need_plain_pattern();
    kept = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    left_out = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(kept != MAP_FAILED && left_out != MAP_FAILED);
    OK(madvise(left_out, 8192, MADV_DONTDUMP));
    TRUE(WCOREDUMP(status_of(
        (struct victim){.limit = RLIM_INFINITY, .signo = SIGQUIT, .prepare = prepare_memory})));
    struct core_file core = load_core();
    EQ(memcmp(core.header->e_ident, ELFMAG, SELFMAG), 0);
    EQ(core.header->e_type, ET_CORE);
    EQ(core.header->e_machine, EM_X86_64);
    EQ(core.segments[0].p_type, PT_NOTE);
    STR_EQ(text_at(&core, kept), "this is in the dump");
    TRUE(at_address(&core, left_out) == NULL);
    const struct elf_prstatus *status = note(&core, NT_PRSTATUS, 0);
    TRUE(status != NULL);
    EQ(status->pr_cursig, SIGQUIT);
    TRUE(note(&core, NT_PRSTATUS, 2) != NULL);
    TRUE(note(&core, NT_PRSTATUS, 3) == NULL);
    TRUE(note(&core, NT_PRFPREG, 2) != NULL);
    const siginfo_t *info = note(&core, NT_SIGINFO, 0);
    TRUE(info != NULL);
    EQ(info->si_signo, SIGQUIT);
    EQ(info->si_code, SI_TKILL);
    const struct elf_prpsinfo *process = note(&core, NT_PRPSINFO, 0);
    TRUE(process != NULL);
    EQ(process->pr_pid, info->si_pid);
    EQ(process->pr_pid, status->pr_pid);
    TRUE(note(&core, NT_AUXV, 0) != NULL);
    const long *files = note(&core, NT_FILE, 0);
    TRUE(files != NULL && files[0] >= 1 && files[1] == 4096);
    OK(unlink("core"));
}

static void the_filter_chooses_mappings(void)
{
    char text[16] = "";
    need_plain_pattern();
    kept = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    left_out = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    strcpy(kept, "private");
    strcpy(left_out, "shared");
    int fd = (int)OK(open("/proc/self/coredump_filter", O_RDWR));
    OK(read(fd, text, sizeof(text) - 1));
    STR_EQ(text, "00000033\n");
    EQ(pwrite(fd, "0x1", 3, 0), 3);
    struct victim victim = {.limit = RLIM_INFINITY, .signo = SIGABRT};
    TRUE(WCOREDUMP(status_of(victim)));
    struct core_file core = load_core();
    STR_EQ(text_at(&core, kept), "private");
    TRUE(at_address(&core, left_out) == NULL);
    EQ(pwrite(fd, "2", 1, 0), 1);
    OK(close(fd));
    TRUE(WCOREDUMP(status_of(victim)));
    core = load_core();
    TRUE(at_address(&core, kept) == NULL);
    STR_EQ(text_at(&core, left_out), "shared");
    OK(unlink("core"));
}

GUEST_MAIN(CASE(signals_that_dump_do), CASE(waitid_says_dumped),
           CASE(limits_and_attributes_prevent_dumps), CASE(a_limit_cuts_the_file),
           CASE(other_files_are_not_touched), CASE(a_folder_in_the_way_prevents_the_dump),
           CASE(a_handler_without_a_stack_ends_in_a_dump),
           CASE(the_file_holds_memory_and_all_threads), CASE(the_filter_chooses_mappings))
