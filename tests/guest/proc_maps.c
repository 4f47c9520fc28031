/* SPDX-License-Identifier: MIT */
/* proc_pid_maps(5), proc_pid_smaps(5), proc_pid_mem(5). */
#include "proc_check.h"

#include <sys/mman.h>

static int data_object = 42;

struct line {
    unsigned long start, end, offset, ino;
    unsigned major, minor;
    char perms[5], path[512];
};

static bool parse(const char *text, struct line *out)
{
    char copy[1024];
    memset(out, 0, sizeof(*out));
    snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(text, "\n"), text);
    return sscanf(copy, "%lx-%lx %4s %lx %x:%x %lu %511[^\n]", &out->start, &out->end, out->perms,
                  &out->offset, &out->major, &out->minor, &out->ino, out->path) >= 7;
}

/* The line of the mapping with this address. */
static bool find(const char *text, const void *address, struct line *out)
{
    unsigned long last = 0;
    bool found = false;
    struct line line;
    for (; *text; text = strchr(text, '\n') + 1) {
        if (!parse(text, &line))
            fail_at(__LINE__, "odd line: %.80s", text);
        TRUE(line.start >= last && line.end > line.start);
        last = line.end;
        if (line.start <= (unsigned long)address && (unsigned long)address < line.end) {
            *out = line;
            found = true;
        }
    }
    return found;
}

static void known_mappings(void)
{
    struct line line;
    char exe[4096], local;
    strcpy(exe, link_of("/proc/self/exe"));
    char *heap = (char *)syscall(SYS_brk, 0);
    TRUE(syscall(SYS_brk, heap + 8192) == (long)heap + 8192);
    char *text = slurp("/proc/self/maps", NULL);
    TRUE(find(text, known_mappings, &line));
    STR_EQ(line.perms, "r-xp");
    STR_EQ(line.path, exe);
    struct stat st;
    OK(stat(exe, &st));
    EQ(line.ino, st.st_ino);
    TRUE(find(text, &data_object, &line));
    STR_EQ(line.perms, "rw-p");
    TRUE(find(text, &local, &line));
    STR_EQ(line.path, "[stack]");
    STR_EQ(line.perms, "rw-p");
    TRUE(find(text, heap, &line));
    STR_EQ(line.path, "[heap]");
    free(text);
}

static void new_mappings(void)
{
    struct line line;
    char cwd[4096], want[4200];
    TRUE(getcwd(cwd, sizeof(cwd)) != NULL);
    write_file("mapped", "contents");
    int fd = (int)OK(open("mapped", O_RDWR));
    OK(ftruncate(fd, 16384));
    char *file = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 8192);
    char *anon = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(file != MAP_FAILED && anon != MAP_FAILED);
    OK(mprotect(anon + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
    char *text = slurp("/proc/self/maps", NULL);
    TRUE(find(text, file, &line));
    STR_EQ(line.perms, "r--s");
    EQ(line.offset, 8192);
    EQ(line.end - line.start, 8192);
    snprintf(want, sizeof(want), "%s/mapped", cwd);
    STR_EQ(line.path, want);
    TRUE(find(text, anon + 4096, &line));
    STR_EQ(line.perms, "rwxp");
    EQ(line.end - line.start, 4096);
    EQ(line.ino, 0);
    STR_EQ(line.path, "");
    TRUE(find(text, anon, &line));
    STR_EQ(line.perms, "---p");
    free(text);
    OK(unlink("mapped"));
    text = slurp("/proc/self/maps", NULL);
    strcat(want, " (deleted)");
    TRUE(find(text, file, &line));
    STR_EQ(line.path, want);
    free(text);
    OK(munmap(anon, 3 * 4096));
    OK(munmap(file, 8192));
    close(fd);
}

/* Read in small pieces while nothing changes: the same text. */
static void small_reads(void)
{
    size_t bytes, at = 0;
    char *text = slurp("/proc/self/maps", &bytes), piece[7];
    int fd = (int)OK(open("/proc/self/maps", O_RDONLY));
    for (ssize_t got; (got = OK(read(fd, piece, sizeof(piece)))) > 0; at += (size_t)got)
        TRUE(at + (size_t)got <= bytes && memcmp(text + at, piece, (size_t)got) == 0);
    EQ(at, bytes);
    OK(lseek(fd, 0, SEEK_SET));
    EQ(read(fd, piece, 7), 7);
    TRUE(memcmp(piece, text, 7) == 0);
    EQ(pread(fd, piece, 7, 60), 7);
    TRUE(memcmp(piece, text + 60, 7) == 0);
    close(fd);
    free(text);
}

static void many_mappings(void)
{
    enum { COUNT = 3000 };
    size_t bytes = COUNT * 2 * 4096;
    char *memory = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(memory != MAP_FAILED);
    for (unsigned i = 0; i < COUNT; i++)
        OK(mprotect(memory + i * 8192, 4096, PROT_READ));
    char *text = slurp("/proc/self/maps", NULL);
    unsigned seen = 0;
    struct line line;
    for (char *at = text; *at; at = strchr(at, '\n') + 1) {
        TRUE(parse(at, &line));
        seen += line.start >= (unsigned long)memory && line.end <= (unsigned long)memory + bytes;
    }
    TRUE(seen >= 2 * COUNT - 1 && seen <= 2 * COUNT);
    free(text);
    OK(munmap(memory, bytes));
}

static void sizes(void)
{
    char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(memory != MAP_FAILED);
    for (unsigned i = 0; i < 10; i++)
        memory[i * 4096] = 1;
    char *text = slurp("/proc/self/smaps", NULL), *at = text;
    char start[32];
    snprintf(start, sizeof(start), "%lx-", (unsigned long)memory);
    at = strstr(text, start);
    if (!at) { /* merged with a neighbour */
        free(text);
        return;
    }
    char *flags = strstr(at, "VmFlags:");
    TRUE(flags != NULL && strncmp(flags, "VmFlags: rd wr mr mw me ", 24) == 0);
    TRUE(number_of(at, "Size:") >= 1024);
    TRUE(number_of(at, "Rss:") >= 40);
    TRUE(number_of(at, "Anonymous:") >= 40);
    TRUE(number_of(at, "Private_Dirty:") >= 40);
    EQ(number_of(at, "KernelPageSize:"), 4);
    free(text);
    text = slurp("/proc/self/smaps_rollup", NULL);
    TRUE(strstr(text, "[rollup]\n") != NULL);
    TRUE(number_of(text, "Rss:") >= 40);
    free(text);
    OK(munmap(memory, 1 << 20));
}

static void memory_file(void)
{
    int value = 0;
    static const char constant[] = "read only";
    int fd = (int)OK(open("/proc/self/mem", O_RDWR));
    EQ(pread(fd, &value, sizeof(value), (off_t)(uintptr_t)&data_object), sizeof(value));
    EQ(value, 42);
    value = 43;
    EQ(pwrite(fd, &value, sizeof(value), (off_t)(uintptr_t)&data_object), sizeof(value));
    EQ(*(volatile int *)&data_object, 43);
    FAILS(pread(fd, &value, sizeof(value), 16), EIO);
    /* Even what the program itself may not write. */
    EQ(pwrite(fd, "R", 1, (off_t)(uintptr_t)constant), 1);
    EQ(*(volatile const char *)constant, 'R');
    OK(lseek(fd, (off_t)(uintptr_t)constant, SEEK_SET));
    char text[5];
    EQ(read(fd, text, 5), 5);
    TRUE(memcmp(text, "Read ", 5) == 0);
    close(fd);
    pid_t pid = idle_child();
    fd = (int)OK(open(proc_path(pid, "mem"), O_RDWR));
    value = 99;
    EQ(pwrite(fd, &value, sizeof(value), (off_t)(uintptr_t)&data_object), sizeof(value));
    value = 0;
    EQ(pread(fd, &value, sizeof(value), (off_t)(uintptr_t)&data_object), sizeof(value));
    EQ(value, 99);
    EQ(data_object, 43);
    end_child(pid);
    EQ(pread(fd, &value, sizeof(value), (off_t)(uintptr_t)&data_object), 0);
    close(fd);
}

int main(void)
{
    known_mappings();
    new_mappings();
    small_reads();
    many_mappings();
    sizes();
    memory_file();
    return 0;
}
