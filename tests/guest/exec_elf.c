/* SPDX-License-Identifier: MIT */
/* Hostile ELF programs (elf(5)): every field of the headers takes every awkward value; execve must
 * refuse the program, or kill it, or run it, and the kernel must survive. With ELF_SHOW=1 in the
 * environment the program prints what became of each, to compare two kernels. */
#include "guest.h"

#include <elf.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { PAGE = 4096, BASE = 0x10000000, CODE_OFFSET = 0x200, EXIT_CODE = 42 };

/* A program of two segments and an interpreter entry that can be switched on. */
struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segments[4];      /* code, data with bss, stack, interpreter or nothing */
    char interpreter[64];
    unsigned char rest[3 * PAGE];
};

static const unsigned char exit_code[] = {
    0xb8, 0x3c, 0x00, 0x00, 0x00,      /* mov $60, %eax */
    0xbf, EXIT_CODE, 0x00, 0x00, 0x00, /* mov $42, %edi */
    0x0f, 0x05,                        /* syscall */
};

static void make_image(struct image *image, uint16_t type)
{
    memset(image, 0, sizeof(*image));
    memcpy(image->header.e_ident, ELFMAG, SELFMAG);
    image->header.e_ident[EI_CLASS] = ELFCLASS64;
    image->header.e_ident[EI_DATA] = ELFDATA2LSB;
    image->header.e_ident[EI_VERSION] = EV_CURRENT;
    image->header.e_type = type;
    image->header.e_machine = EM_X86_64;
    image->header.e_version = EV_CURRENT;
    image->header.e_entry = (type == ET_EXEC ? BASE : 0) + CODE_OFFSET;
    image->header.e_phoff = offsetof(struct image, segments);
    image->header.e_ehsize = sizeof(Elf64_Ehdr);
    image->header.e_phentsize = sizeof(Elf64_Phdr);
    image->header.e_phnum = 4;
    uint64_t base = type == ET_EXEC ? BASE : 0;
    image->segments[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                                      .p_flags = PF_R | PF_X,
                                      .p_vaddr = base,
                                      .p_paddr = base,
                                      .p_filesz = PAGE,
                                      .p_memsz = PAGE,
                                      .p_align = PAGE};
    image->segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
                                      .p_flags = PF_R | PF_W,
                                      .p_offset = PAGE,
                                      .p_vaddr = base + 2 * PAGE,
                                      .p_paddr = base + 2 * PAGE,
                                      .p_filesz = 100,
                                      .p_memsz = 2 * PAGE,
                                      .p_align = PAGE};
    image->segments[2] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_align = 16};
    image->segments[3] = (Elf64_Phdr){.p_type = PT_NULL,
                                      .p_offset = offsetof(struct image, interpreter),
                                      .p_filesz = sizeof(image->interpreter)};
    memcpy((char *)image + CODE_OFFSET, exit_code, sizeof(exit_code));
}

/* ---- what becomes of it ---- */

static bool show;

/* -errno of execve, or the wait status. */
static int run_image(const struct image *image, size_t bytes)
{
    int status, error = 0, fds[2];
    unlink("elf");
    write_file("elf", image, bytes, 0755);
    OK(pipe2(fds, O_CLOEXEC));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        setrlimit(RLIMIT_CPU, &(struct rlimit){2, 3});
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, 1);
        dup2(null, 2);
        execv("./elf", (char *[]){(char *)"elf", NULL});
        error = errno;
        if (write(fds[1], &error, sizeof(error)) < 0)
            _exit(2);
        _exit(1);
    }
    OK(close(fds[1]));
    if (read(fds[0], &error, sizeof(error)) != sizeof(error))
        error = 0;
    OK(close(fds[0]));
    EQ(OK(waitpid(pid, &status, 0)), pid);
    return error ? -error : status;
}

static bool is_decent(int result)
{
    static const int errors[] = {ENOEXEC, EINVAL, ENOMEM, EIO,    ELIBBAD, EACCES,
                                 ENOENT,  EPERM,  E2BIG,  EFAULT, ENOTDIR, ENAMETOOLONG, ELOOP};
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS, SIGKILL, SIGXCPU};
    if (result < 0) {
        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
            if (result == -errors[i])
                return true;
        return false;
    }
    if (WIFEXITED(result))
        return true;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (WTERMSIG(result) == signals[i])
            return true;
    return false;
}

static void try_image(const struct image *image, size_t bytes, const char *what, uint64_t value)
{
    int result = run_image(image, bytes);
    if (show)
        printf("%-24s %#18llx: %s %d\n", what, (unsigned long long)value,
               result < 0 ? strerror(-result) : WIFSIGNALED(result) ? "signal" : "exit",
               result < 0 ? 0 : WIFSIGNALED(result) ? WTERMSIG(result) : WEXITSTATUS(result));
    if (!is_decent(result))
        fail_at(__LINE__, "%s = %#llx: %d", what, (unsigned long long)value, result);
}

/* ---- fields ---- */

struct field {
    const char *name;
    size_t offset, bytes;
};

#define HEADER(member)                                                                             \
    {                                                                                              \
        #member, offsetof(struct image, header.member), sizeof(((struct image *)0)->header.member) \
    }
#define SEGMENT(n, member)                                                                         \
    {                                                                                              \
        #n "." #member, offsetof(struct image, segments[n].member),                                \
            sizeof(((struct image *)0)->segments[n].member)                                        \
    }
#define SEGMENT_FIELDS(n)                                                                          \
    SEGMENT(n, p_type), SEGMENT(n, p_flags), SEGMENT(n, p_offset), SEGMENT(n, p_vaddr),            \
        SEGMENT(n, p_paddr), SEGMENT(n, p_filesz), SEGMENT(n, p_memsz), SEGMENT(n, p_align)

static const struct field fields[] = {
    HEADER(e_type),      HEADER(e_machine),   HEADER(e_version),   HEADER(e_entry),
    HEADER(e_phoff),     HEADER(e_shoff),     HEADER(e_flags),     HEADER(e_ehsize),
    HEADER(e_phentsize), HEADER(e_phnum),     HEADER(e_shentsize), HEADER(e_shnum),
    HEADER(e_shstrndx),  SEGMENT_FIELDS(0),   SEGMENT_FIELDS(1),   SEGMENT_FIELDS(2),
    SEGMENT_FIELDS(3),
};

static const uint64_t values[] = {
    0,
    1,
    2,
    3,
    7,
    56,
    64,
    0x201,
    PAGE - 1,
    PAGE,
    PAGE + 1,
    0x10000,
    0xffff,
    BASE - PAGE,
    BASE + PAGE,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x6474e551,
    0x7ffffffff000,
    0x7fffffffffff,
    0x800000000000,
    0x8000000000000000,
    0x7fffffffffffffff,
    0xfffffffffffff000,
    0xffffffffffffffff,
    0xffffffff80000000,
};

static void mutate_fields(uint16_t type)
{
    for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            static struct image image;
            make_image(&image, type);
            if (fields[f].bytes < 8 && values[v] >> 8 * fields[f].bytes)
                continue;
            memcpy((char *)&image + fields[f].offset, &values[v], fields[f].bytes);
            try_image(&image, sizeof(image), fields[f].name, values[v]);
        }
    }
}

static void the_program_itself_runs(void)
{
    static struct image image;
    make_image(&image, ET_EXEC);
    EQ(run_image(&image, sizeof(image)), EXIT_CODE << 8);
    make_image(&image, ET_DYN);
    EQ(run_image(&image, sizeof(image)), EXIT_CODE << 8);
}

static void fields_of_fixed_programs(void)
{
    mutate_fields(ET_EXEC);
}

static void fields_of_movable_programs(void)
{
    mutate_fields(ET_DYN);
}

static void identification_bytes(void)
{
    for (int i = 0; i < EI_NIDENT; i++) {
        static const unsigned char bytes[] = {0, 1, 2, 3, 0x7f, 0xff};
        for (size_t v = 0; v < sizeof(bytes); v++) {
            static struct image image;
            make_image(&image, ET_EXEC);
            image.header.e_ident[i] = bytes[v];
            try_image(&image, sizeof(image), "e_ident", (uint64_t)i << 8 | bytes[v]);
        }
    }
}

static void truncated_files(void)
{
    static const size_t sizes[] = {1,  4,   16,  63,       64,           65,
                                   100, 119, 120, 64 + 223, 64 + 4 * 56, CODE_OFFSET + 5,
                                   PAGE - 1, PAGE, PAGE + 50, 2 * PAGE};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        static struct image image;
        make_image(&image, ET_EXEC);
        try_image(&image, sizes[i], "bytes", sizes[i]);
    }
}

/* ---- segments ---- */

static void overlapping_and_disordered_segments(void)
{
    static struct image image;
    make_image(&image, ET_EXEC);
    Elf64_Phdr first = image.segments[0];
    image.segments[0] = image.segments[1];
    image.segments[1] = first;
    try_image(&image, sizeof(image), "order", 1);
    make_image(&image, ET_EXEC);
    image.segments[1].p_vaddr = BASE;
    try_image(&image, sizeof(image), "overlap", BASE);
    image.segments[1].p_vaddr = BASE + PAGE - 50;
    image.segments[1].p_offset = PAGE - 50;
    try_image(&image, sizeof(image), "overlap", BASE + PAGE - 50);
    make_image(&image, ET_EXEC);
    image.segments[1] = image.segments[0];
    try_image(&image, sizeof(image), "twice", 0);
    make_image(&image, ET_EXEC);
    image.segments[0].p_flags = 0;
    try_image(&image, sizeof(image), "no rights", 0);
}

static void bss_is_zero(void)
{
    /* mov BASE+2*PAGE+100, %eax ... : the first bytes behind the file's part, in the exit code. */
    static const unsigned char code[] = {
        0x0f, 0xb6, 0x3c, 0x25, 0x64, 0x20, 0x00, 0x10, /* movzbl 0x10002064, %edi */
        0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05,
    };
    static struct image image;
    make_image(&image, ET_EXEC);
    memcpy((char *)&image + CODE_OFFSET, code, sizeof(code));
    memset((char *)&image + PAGE, 0x55, PAGE);
    EQ(run_image(&image, sizeof(image)), 0);
    image.segments[1].p_filesz = 101;
    EQ(run_image(&image, sizeof(image)), 0x55 << 8);
}

/* ---- interpreters ---- */

static void set_interpreter(struct image *image, const char *name, size_t bytes)
{
    image->segments[3].p_type = PT_INTERP;
    image->segments[3].p_filesz = bytes;
    strncpy(image->interpreter, name, sizeof(image->interpreter));
}

static int run_with_interpreter(const char *name, size_t bytes)
{
    static struct image image;
    make_image(&image, ET_EXEC);
    image.header.e_entry = 0x123; /* what runs is the interpreter's entry */
    set_interpreter(&image, name, bytes);
    return run_image(&image, sizeof(image));
}

static void interpreters(void)
{
    static struct image image;
    make_image(&image, ET_DYN);
    write_file("ld.so", &image, sizeof(image), 0755);
    EQ(run_with_interpreter("./ld.so", 8), EXIT_CODE << 8);
    EQ(run_with_interpreter("./ld.so", 7), -ENOEXEC); /* no NUL */
    EQ(run_with_interpreter("./ld.so", 1), -ENOEXEC);
    EQ(run_with_interpreter("./ld.so", 4097), -ENOEXEC);
    EQ(run_with_interpreter("./none", 8), -ENOENT);
    EQ(run_with_interpreter("/", 2), -EACCES);
    OK(chmod("ld.so", 0644));
    EQ(run_with_interpreter("./ld.so", 8), -EACCES);
    OK(chmod("ld.so", 0755));

    int fd = (int)OK(open("ld.so", O_RDWR | O_CLOEXEC));
    EQ(run_with_interpreter("./ld.so", 8), -ETXTBSY);
    OK(close(fd));

    OK(truncate("ld.so", 60));
    EQ(run_with_interpreter("./ld.so", 8), -EIO);
    OK(truncate("ld.so", 0));
    EQ(run_with_interpreter("./ld.so", 8), -EIO);
    write_text("ld.so", "#!/bin/sh\n                                                          "
                        "                                                      \n", 0755);
    EQ(run_with_interpreter("./ld.so", 8), -ELIBBAD);
    image.header.e_machine = EM_386;
    write_file("ld.so", &image, sizeof(image), 0755);
    EQ(run_with_interpreter("./ld.so", 8), -ELIBBAD);
    make_image(&image, ET_DYN);
    image.header.e_phoff = 1 << 20;
    write_file("ld.so", &image, sizeof(image), 0755);
    EQ(run_with_interpreter("./ld.so", 8), -ELIBBAD);
    make_image(&image, ET_EXEC); /* at a fixed place: here over the program itself */
    write_file("ld.so", &image, sizeof(image), 0755);
    int result = run_with_interpreter("./ld.so", 8);
    TRUE(result == EXIT_CODE << 8 || WIFSIGNALED(result));
}

static void fields_of_interpreters(void)
{
    static struct image image, program;
    make_image(&program, ET_EXEC);
    set_interpreter(&program, "./ld.so", 8);
    for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v += 2) {
            make_image(&image, ET_DYN);
            if (fields[f].bytes < 8 && values[v] >> 8 * fields[f].bytes)
                continue;
            memcpy((char *)&image + fields[f].offset, &values[v], fields[f].bytes);
            unlink("ld.so");
            write_file("ld.so", &image, sizeof(image), 0755);
            try_image(&program, sizeof(program), fields[f].name, values[v]);
        }
    }
}

/* ---- at random ---- */

static void random_bytes(void)
{
    static struct image image;
    uint64_t state = 88172645463325252ull;
    for (int round = 0; round < 400; round++) {
        make_image(&image, round & 1 ? ET_EXEC : ET_DYN);
        int count = 1 + round % 6;
        for (int i = 0; i < count; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            ((unsigned char *)&image)[state % CODE_OFFSET] = (unsigned char)(state >> 32);
        }
        try_image(&image, sizeof(image), "random", (uint64_t)round);
    }
}

GUEST_CASES(CASE(the_program_itself_runs), CASE(fields_of_fixed_programs),
            CASE(fields_of_movable_programs), CASE(identification_bytes), CASE(truncated_files),
            CASE(overlapping_and_disordered_segments), CASE(bss_is_zero), CASE(interpreters),
            CASE(fields_of_interpreters), CASE(random_bytes))

int main(int argc, char **argv)
{
    show = getenv("ELF_SHOW") != NULL;
    return guest_run_all(argc, argv);
}
