/* SPDX-License-Identifier: MIT */
/* getdents(2), and readdir(3) over it: order does not matter, completeness and positions do. */
#include "fs_check.h"

enum { MANY = 1000 };

struct dirent_new {
    uint64_t ino;
    int64_t off;
    unsigned short reclen;
    unsigned char type;
    char name[];
};

static int count_entries(const char *name)
{
    DIR *dir = opendir(name);
    int count = 0;
    TRUE(dir);
    while (readdir(dir))
        count++;
    OK(closedir(dir));
    return count;
}

static void types(void)
{
    OK(mkdir("types", 0755));
    OK(chdir("types"));
    write_file("file", "x");
    OK(mkdir("dir", 0755));
    OK(symlink("x", "link"));
    OK(mknod("fifo", S_IFIFO | 0600, 0));
    OK(mknod("sock", S_IFSOCK | 0600, 0));
    OK(mknod("char", S_IFCHR | 0600, 0x103));
    int seen = 0;
    DIR *dir = opendir(".");
    for (struct dirent *entry; (entry = readdir(dir)); seen++) {
        struct stat st;
        OK(lstat(entry->d_name, &st));
        EQ(entry->d_type, (st.st_mode >> 12) & 15);
        if (strcmp(entry->d_name, "..") != 0)
            EQ(entry->d_ino, st.st_ino);
    }
    EQ(seen, 8);
    OK(closedir(dir));
    OK(chdir(".."));
}

static void errors(void)
{
    char buffer[1024];
    int fd = (int)OK(open("types", O_RDONLY));
    FAILS(syscall(SYS_getdents64, fd, buffer, 10), EINVAL);
    FAILS(syscall(SYS_getdents64, fd, BAD_POINTER, 1024), EFAULT);
    OK(lseek(fd, 0, SEEK_SET));
    TRUE(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)) > 0);
    EQ(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)), 0);
    OK(close(fd));
    FAILS(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)), EBADF);
    fd = (int)OK(open("types/file", O_RDONLY));
    FAILS(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)), ENOTDIR);
    OK(close(fd));
    OK(mkdir("gone", 0755));
    fd = (int)OK(open("gone", O_RDONLY));
    OK(rmdir("gone"));
    FAILS(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)), ENOENT);
    OK(close(fd));
}

static void old_form(void)
{
    char buffer[1024];
    int fd = (int)OK(open("types", O_RDONLY)), seen = 0;
    long got = OK(syscall(SYS_getdents, fd, buffer, sizeof(buffer)));
    for (long at = 0; at < got;) {
        unsigned short length;
        memcpy(&length, buffer + at + 16, 2);
        TRUE(length % 8 == 0 && length > 18);
        if (strcmp(buffer + at + 18, "dir") == 0)
            EQ(buffer[at + length - 1], DT_DIR);
        at += length;
        seen++;
    }
    EQ(seen, 8);
    OK(close(fd));
}

static void many_entries(void)
{
    char name[300];
    OK(mkdir("many", 0755));
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "many/%0*d", 1 + i % 250, i);
        write_file(name, "");
    }
    EQ(count_entries("many"), MANY + 2);
    /* Every position leads back to its entry. */
    DIR *dir = opendir("many");
    long positions[10];
    char names[10][300];
    for (int i = 0; i < 10; i++) {
        for (int skip = 0; skip < 50; skip++)
            TRUE(readdir(dir));
        positions[i] = telldir(dir);
        strcpy(names[i], readdir(dir)->d_name);
    }
    for (int i = 9; i >= 0; i--) {
        seekdir(dir, positions[i]);
        STR_EQ(readdir(dir)->d_name, names[i]);
    }
    rewinddir(dir);
    int count = 0;
    while (readdir(dir))
        count++;
    EQ(count, MANY + 2);
    OK(closedir(dir));
}

/* Entries that stay are seen exactly once while others go and come. */
static void concurrent_changes(void)
{
    char name[300];
    static char seen[MANY];
    DIR *dir = opendir("many");
    int step = 0;
    for (struct dirent *entry; (entry = readdir(dir)); step++) {
        if (entry->d_name[0] == '.' || entry->d_name[0] == 'n')
            continue;
        int i = atoi(entry->d_name);
        TRUE(i >= 0 && i < MANY);
        EQ(seen[i], 0);
        seen[i] = 1;
        if (i % 3 == 0) {
            snprintf(name, sizeof(name), "many/%s", entry->d_name);
            OK(unlink(name));
        }
        if (step % 10 == 0 && step < 500) {
            snprintf(name, sizeof(name), "many/new%d", step);
            write_file(name, "");
        }
    }
    for (int i = 0; i < MANY; i++)
        EQ(seen[i], 1);
    OK(closedir(dir));
    dir = opendir("many");
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "many/%s", entry->d_name);
        OK(unlink(name));
    }
    OK(closedir(dir));
    EQ(count_entries("many"), 2);
    OK(rmdir("many"));
}

static void small_buffers(void)
{
    char buffer[48];
    OK(mkdir("small", 0755));
    for (int i = 0; i < 50; i++) {
        snprintf(buffer, sizeof(buffer), "small/f%d", i);
        write_file(buffer, "");
    }
    int fd = (int)OK(open("small", O_RDONLY)), count = 0;
    long got;
    while ((got = OK(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)))) > 0) {
        for (long at = 0; at < got; count++)
            at += ((struct dirent_new *)(buffer + at))->reclen;
    }
    EQ(count, 52);
    OK(close(fd));
}

int main(void)
{
    fresh_tmpfs(NULL);
    types();
    errors();
    old_form();
    many_entries();
    concurrent_changes();
    small_buffers();
    leave_tmpfs();
    return 0;
}
