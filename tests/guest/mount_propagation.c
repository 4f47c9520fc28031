/* SPDX-License-Identifier: MIT */
/* Shared subtrees, mount_namespaces(7): peers, slaves, private and unbindable mounts, mountinfo. */
#include "guest.h"

#include <sys/mount.h>

static bool exists(const char *name)
{
    return access(name, F_OK) == 0;
}

static void start(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(unshare(CLONE_NEWNS));
    OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mount("none", "/tmp", "tmpfs", 0, NULL));
    OK(chdir("/tmp"));
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
    OK(mkdir("c", 0755));
    OK(mount("a", "a", "tmpfs", 0, NULL));
    OK(mkdir("a/sub", 0755));
}

/* The optional fields of the topmost mount on a place below the working directory. */
static void fields_of(const char *name, char *out, size_t size)
{
    char line[1024], here[PATH_MAX], path[PATH_MAX + 64];
    TRUE(getcwd(here, sizeof(here)));
    snprintf(path, sizeof(path), " %s/%s ", here, name);
    FILE *file = fopen("/proc/self/mountinfo", "r");
    TRUE(file);
    snprintf(out, size, "not there");
    while (fgets(line, sizeof(line), file)) {
        char *where = strstr(line, path);
        if (!where)
            continue;
        char *options = strchr(where + strlen(path), ' ');
        char *end = strstr(options, " - ");
        *end = '\0';
        snprintf(out, size, "%s", options);
    }
    fclose(file);
}

static bool has_field(const char *name, const char *field)
{
    char text[256];
    fields_of(name, text, sizeof(text));
    return strstr(text, field) != NULL;
}

static void peers_see_each_other(void)
{
    start();
    OK(mount("none", "a", NULL, MS_SHARED, NULL));
    TRUE(has_field("a", " shared:"));
    OK(mount("a", "b", NULL, MS_BIND, NULL));
    OK(mount("none", "a/sub", "tmpfs", 0, NULL));
    write_text("a/sub/x", "x", 0644);
    TRUE(exists("b/sub/x"));
    char one[256], two[256];
    fields_of("a/sub", one, sizeof(one));
    fields_of("b/sub", two, sizeof(two));
    STR_EQ(one, two); /* peers, too */
    OK(umount("b/sub"));
    TRUE(!exists("a/sub/x"));
    FAILS(umount("a/sub"), EINVAL);
    OK(mount("none", "b/sub", "tmpfs", 0, NULL));
    int fd = (int)OK(open("a/sub", O_RDONLY));
    FAILS(umount("b/sub"), EBUSY); /* its copy is in use */
    OK(close(fd));
    OK(umount2("b/sub", MNT_DETACH));
    TRUE(!has_field("a/sub", " shared:"));
}

static void slaves_only_receive(void)
{
    start();
    OK(mount("none", "a", NULL, MS_SHARED, NULL));
    OK(mount("a", "b", NULL, MS_BIND, NULL));
    OK(mount("none", "b", NULL, MS_SLAVE, NULL));
    TRUE(has_field("b", " master:"));
    TRUE(!has_field("b", " shared:"));
    OK(mount("none", "a/sub", "tmpfs", 0, NULL));
    write_text("a/sub/x", "x", 0644);
    TRUE(exists("b/sub/x"));
    TRUE(has_field("b/sub", " master:"));
    OK(umount("a/sub"));
    TRUE(!exists("b/sub/x"));
    OK(mount("none", "b/sub", "tmpfs", 0, NULL));
    write_text("b/sub/y", "y", 0644);
    TRUE(!exists("a/sub/y"));
    OK(umount("b/sub"));
    /* Shared again: receives from one group, gives to another. */
    OK(mount("none", "b", NULL, MS_SHARED, NULL));
    TRUE(has_field("b", " shared:") && has_field("b", " master:"));
    OK(mount("b", "c", NULL, MS_BIND, NULL));
    OK(mount("none", "a/sub", "tmpfs", 0, NULL));
    write_text("a/sub/z", "z", 0644);
    TRUE(exists("b/sub/z") && exists("c/sub/z"));
    OK(umount("a/sub"));
    TRUE(!exists("c/sub/z"));
    OK(mount("none", "c/sub", "tmpfs", 0, NULL));
    write_text("c/sub/w", "w", 0644);
    TRUE(exists("b/sub/w") && !exists("a/sub/w"));
}

static void private_and_unbindable(void)
{
    start();
    OK(mount("none", "a", NULL, MS_SHARED, NULL));
    OK(mount("a", "b", NULL, MS_BIND, NULL));
    OK(mount("none", "b", NULL, MS_PRIVATE, NULL));
    OK(mount("none", "a/sub", "tmpfs", 0, NULL));
    write_text("a/sub/x", "x", 0644);
    TRUE(!exists("b/sub/x"));
    OK(mount("none", "b", NULL, MS_UNBINDABLE, NULL));
    TRUE(has_field("b", " unbindable"));
    FAILS(mount("b", "c", NULL, MS_BIND, NULL), EINVAL);
    FAILS(mount("none", "b", NULL, MS_SHARED | MS_PRIVATE, NULL), EINVAL);
    FAILS(mount("none", "b/sub", NULL, MS_SHARED, NULL), EINVAL); /* not a mount point */
    FAILS(mount("a/sub", "c", NULL, MS_MOVE, NULL), EINVAL);      /* from under a shared one */
}

static void only_what_the_peer_shows(void)
{
    start();
    OK(mkdir("a/other", 0755));
    OK(mount("none", "a", NULL, MS_SHARED, NULL));
    OK(mount("a/sub", "b", NULL, MS_BIND, NULL));
    OK(mkdir("a/sub/deep", 0755));
    OK(mount("none", "a/other", "tmpfs", 0, NULL));
    OK(mount("none", "a/sub/deep", "tmpfs", 0, NULL));
    write_text("a/sub/deep/x", "x", 0644);
    TRUE(exists("b/deep/x"));
}

static void namespaces_are_peers(void)
{
    struct gate mounted = gate_make(), seen = gate_make();
    start();
    OK(mount("none", "a", NULL, MS_SHARED, NULL));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(unshare(CLONE_NEWNS));
        OK(mount("none", "a/sub", "tmpfs", 0, NULL));
        write_text("a/sub/x", "x", 0644);
        gate_open(&mounted);
        gate_pass(&seen);
        OK(umount("a/sub"));
        _exit(0);
    }
    gate_pass(&mounted);
    TRUE(exists("a/sub/x"));
    gate_open(&seen);
    CHILD_OK(pid);
    TRUE(!exists("a/sub/x"));
}

/* move_mount(2) with MOVE_MOUNT_SET_GROUP reaches into another namespace. */
static void groups_are_given_across_namespaces(void)
{
    enum { FROM_EMPTY = 4, SET_GROUP = 0x100 };
    struct gate shared = gate_make(), seen = gate_make();
    char name[64];
    start();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(unshare(CLONE_NEWNS));
        OK(mount("none", "a", NULL, MS_SHARED, NULL));
        gate_open(&shared);
        gate_pass(&seen);
        OK(mount("none", "a/sub", "tmpfs", 0, NULL));
        write_text("a/sub/x", "x", 0644);
        _exit(0);
    }
    gate_pass(&shared);
    TRUE(!has_field("a", " shared:"));
    snprintf(name, sizeof(name), "/proc/%d/root/tmp/a", pid);
    int fd = (int)OK(open(name, O_PATH));
    OK(syscall(429, fd, "", AT_FDCWD, "a", FROM_EMPTY | SET_GROUP));
    TRUE(has_field("a", " shared:"));
    FAILS(syscall(429, fd, "", AT_FDCWD, "a", FROM_EMPTY | SET_GROUP), EINVAL);
    gate_open(&seen);
    CHILD_OK(pid);
    TRUE(exists("a/sub/x"));
}

GUEST_MAIN(CASE(peers_see_each_other), CASE(slaves_only_receive), CASE(private_and_unbindable),
           CASE(only_what_the_peer_shows), CASE(namespaces_are_peers),
           CASE(groups_are_given_across_namespaces))
