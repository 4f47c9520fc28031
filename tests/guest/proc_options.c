/* SPDX-License-Identifier: MIT */
/* proc(5), "Mount options"; what proc's files refuse, and how. */
#include "proc_check.h"

static pid_t roots;

static void refusals(void)
{
    struct stat st;
    FAILS(open("/proc/sys/kernel/ostype", O_WRONLY), EACCES);
    FAILS(access("/proc/sys/kernel/ostype", W_OK), EACCES);
    FAILS(chmod("/proc/sys/kernel/ostype", 0666), EPERM);
    int fd = (int)OK(open("/proc/version", O_WRONLY));
    FAILS(write(fd, "x", 1), EIO);
    close(fd);
    fd = (int)OK(open("/proc/self/limits", O_WRONLY));
    FAILS(write(fd, "x", 1), EINVAL);
    close(fd);
    OK(truncate("/proc/version", 0));
    FAILS(symlink("a", "/proc/x"), ENOENT);
    FAILS(link("/proc/version", "/proc/x"), ENOENT);
    FAILS(mknod("/proc/x", S_IFIFO | 0600, 0), ENOENT);
    FAILS(rename("/proc/version", "/proc/x"), ENOENT);
    FAILS(rmdir("/proc/sys"), EPERM);
    OK(chmod("/proc/version", 0400));
    OK(stat("/proc/version", &st));
    EQ(st.st_mode & 0777, 0400);
    OK(chmod("/proc/version", 0444));
}

static const char *shown_options(void)
{
    static char text[256];
    char *mounts = slurp("/proc/self/mounts", NULL), *last = NULL;
    for (char *at = mounts; (at = strstr(at, "/p proc rw")); at++)
        last = at;
    TRUE(last != NULL);
    last += strlen("/p proc ");
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(last, " "), last);
    free(mounts);
    return text;
}

static void mounted_with(const char *options, const char *shown)
{
    OK(mount("proc", "p", "proc", 0, options));
    STR_EQ(shown_options(), shown);
    OK(umount("p"));
}

static void option_names(void)
{
    mounted_with("", "rw,relatime");
    mounted_with("hidepid=0", "rw,relatime");
    mounted_with("hidepid=1", "rw,relatime,hidepid=noaccess");
    mounted_with("hidepid=invisible", "rw,relatime,hidepid=invisible");
    mounted_with("hidepid=4,gid=7", "rw,relatime,gid=7,hidepid=ptraceable");
    mounted_with("subset=pid", "rw,relatime,subset=pid");
    FAILS(mount("proc", "p", "proc", 0, "bogus"), EINVAL);
    FAILS(mount("proc", "p", "proc", 0, "hidepid=9"), EINVAL);
    FAILS(mount("proc", "p", "proc", 0, "gid=x"), EINVAL);
    FAILS(mount("proc", "p", "proc", 0, "subset=all"), EINVAL);
}

static const char *hidden_path(const char *name)
{
    static char path[64];
    snprintf(path, sizeof(path), "p/%d%s", roots, name);
    return path;
}

static bool is_listed(pid_t pid)
{
    bool found = false;
    DIR *dir = opendir("p");
    TRUE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));)
        found |= atoi(entry->d_name) == pid;
    closedir(dir);
    return found;
}

static void without_access(void)
{
    struct stat st;
    OK(stat(hidden_path(""), &st));
    FAILS(stat(hidden_path("/stat"), &st), EPERM);
    FAILS(open(hidden_path(""), O_RDONLY), EPERM);
    TRUE(is_listed(roots));
    OK(stat("p/self/stat", &st));
}

static void invisible(void)
{
    struct stat st;
    FAILS(stat(hidden_path(""), &st), ENOENT);
    FAILS(stat(hidden_path("/stat"), &st), ENOENT);
    FAILS(open(hidden_path(""), O_RDONLY), ENOENT);
    TRUE(!is_listed(roots));
    TRUE(is_listed(getpid()));
    OK(stat("p/self/stat", &st));
}

static void visible(void)
{
    struct stat st;
    OK(stat(hidden_path("/stat"), &st));
    TRUE(is_listed(roots));
}

static void hiding(void)
{
    roots = idle_child();
    OK(mount("proc", "p", "proc", 0, "hidepid=1"));
    as_user(1234, 1234, without_access);
    visible();
    OK(umount("p"));
    OK(mount("proc", "p", "proc", 0, "hidepid=2,gid=77"));
    as_user(1234, 1234, invisible);
    as_user(1234, 77, visible);
    visible();
    OK(mount("proc", "p", "proc", MS_REMOUNT, "hidepid=0"));
    as_user(1234, 1234, visible);
    OK(umount("p"));
    OK(mount("proc", "p", "proc", 0, "hidepid=ptraceable,gid=77"));
    as_user(1234, 77, invisible);
    OK(umount("p"));
    end_child(roots);
}

static void processes_only(void)
{
    struct stat st;
    OK(mount("proc", "p", "proc", 0, "subset=pid"));
    OK(stat("p/self/stat", &st));
    OK(stat("p/thread-self/stat", &st));
    OK(stat("p/1", &st));
    FAILS(stat("p/meminfo", &st), ENOENT);
    FAILS(stat("p/sys", &st), ENOENT);
    DIR *dir = opendir("p");
    TRUE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));)
        TRUE(atoi(entry->d_name) > 0 || strstr(entry->d_name, "self") || entry->d_name[0] == '.');
    closedir(dir);
    OK(umount("p"));
}

int main(void)
{
    if (getuid() != 0) {
        printf("needs root\n");
        return 77;
    }
    OK(mkdir("p", 0755));
    OK(chmod(".", 0755));
    if (mount("proc", "p", "proc", 0, "") != 0) {
        printf("needs the right to mount\n");
        return 77;
    }
    OK(umount("p"));
    refusals();
    option_names();
    hiding();
    processes_only();
    OK(rmdir("p"));
    return 0;
}
