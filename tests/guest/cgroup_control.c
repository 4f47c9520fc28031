/* SPDX-License-Identifier: MIT */
/* cgroups(7): freezing and killing groups, the pids controller, delegation, namespaces. */
#include "cgroup_check.h"

/* ---- cgroup.freeze, cgroup.kill ---- */

static void freeze_body(void)
{
    struct gate to = gate_make(), from = gate_make();
    OK(mkdir(in_group("a"), 0755));
    OK(mkdir(in_group("a/b"), 0755));
    FAILS(group_write("a/cgroup.freeze", "2"), ERANGE);
    FAILS(group_write("a/cgroup.freeze", "x"), EINVAL);
    pid_t pid = (pid_t)OK(fork());
    while (pid == 0) {
        gate_pass(&to);
        gate_open(&from);
    }
    OK(group_add("a/b", pid));
    OK(group_write("a/cgroup.freeze", "1"));
    EVENTUALLY(group_is("a/b/cgroup.events", "frozen 1"));
    TRUE(group_is("a/cgroup.events", "frozen 1"));
    STR_EQ(group_text("a/b/cgroup.freeze"), "0\n");
    gate_open(&to);
    struct pollfd ready = {.fd = from.fds[0], .events = POLLIN};
    EQ(poll(&ready, 1, 50), 0);
    OK(group_write("a/cgroup.freeze", "0"));
    gate_pass(&from);
    TRUE(group_is("a/cgroup.events", "frozen 0"));
    OK(group_write("a/b/cgroup.freeze", "1"));
    EVENTUALLY(group_is("a/b/cgroup.events", "frozen 1"));
    OK(group_add("", pid)); /* leaves the frozen group and goes on */
    gate_open(&to);
    gate_pass(&from);
    OK(group_add("a/b", pid));
    EVENTUALLY(group_is("a/b/cgroup.events", "frozen 1"));
    end_sleeper(pid); /* even a frozen one can be killed */
}

static void frozen_groups_do_nothing(void)
{
    with_group(freeze_body);
}

static void born_frozen_body(void)
{
    struct gate from = gate_make();
    OK(mkdir(in_group("a"), 0755));
    OK(group_write("a/cgroup.freeze", "1"));
    TRUE(group_is("a/cgroup.events", "frozen 1"));
    int group = (int)OK(open(in_group("a"), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    pid_t pid = (pid_t)OK(fork_into(group));
    if (pid == 0) {
        gate_open(&from);
        _exit(0);
    }
    EVENTUALLY(group_is("a/cgroup.events", "populated 1\nfrozen 1"));
    struct pollfd ready = {.fd = from.fds[0], .events = POLLIN};
    EQ(poll(&ready, 1, 0), 0);
    OK(mkdir(in_group("a/b"), 0755)); /* born frozen, too */
    TRUE(group_is("a/b/cgroup.events", "frozen 1"));
    OK(group_write("a/cgroup.freeze", "0"));
    gate_pass(&from);
    CHILD_OK(pid);
}

static void children_of_a_frozen_group_wait(void)
{
    with_group(born_frozen_body);
}

static void stopped_body(void)
{
    OK(mkdir(in_group("a"), 0755));
    pid_t pid = start_sleeper();
    OK(kill(pid, SIGSTOP));
    int status;
    EQ(OK(waitpid(pid, &status, WUNTRACED)), pid);
    OK(group_add("a", pid));
    OK(group_write("a/cgroup.freeze", "1"));
    EVENTUALLY(group_is("a/cgroup.events", "frozen 1"));
    OK(kill(pid, SIGCONT));
    OK(group_write("a/cgroup.freeze", "0"));
    EVENTUALLY(group_is("a/cgroup.events", "frozen 0"));
    end_sleeper(pid);
}

static void stopped_tasks_count_as_frozen(void)
{
    with_group(stopped_body);
}

static void kill_body(void)
{
    OK(mkdir(in_group("a"), 0755));
    OK(mkdir(in_group("a/b"), 0755));
    pid_t first = start_sleeper(), second = start_sleeper();
    OK(group_add("a", first));
    OK(group_add("a/b", second));
    FAILS(group_write("a/cgroup.kill", "0"), ERANGE);
    FAILS(group_write("a/cgroup.kill", "x"), EINVAL);
    OK(group_write("a/cgroup.freeze", "1"));
    OK(group_write("a/cgroup.kill", "1\n"));
    EQ(WAIT(first), SIGKILL);
    EQ(WAIT(second), SIGKILL);
    EVENTUALLY(group_is("a/cgroup.events", "populated 0"));
}

static void kill_ends_everybody(void)
{
    with_group(kill_body);
}

/* ---- pids ---- */

static void pids_body(void)
{
    if (!strstr(group_text("../cgroup.controllers"), "pids"))
        skip("no pids controller here");
    if (group_write("../cgroup.subtree_control", "+pids") != 0)
        skip("pids may not be enabled");
    STR_EQ(group_text("cgroup.controllers"), "pids\n");
    FAILS(group_write("cgroup.subtree_control", "pids"), EINVAL);
    FAILS(group_write("cgroup.subtree_control", "+none"), EINVAL);
    OK(mkdir(in_group("a"), 0755));
    FAILS(group_write("a/cgroup.subtree_control", "+pids"), ENOENT);
    FAILS(open(in_group("a/pids.max"), O_RDONLY), ENOENT);
    OK(group_write("cgroup.subtree_control", "+pids"));
    STR_EQ(group_text("cgroup.subtree_control"), "pids\n");
    STR_EQ(group_text("a/pids.max"), "max\n");
    FAILS(group_write("a/pids.max", "-1"), EINVAL);
    FAILS(group_write("a/pids.max", "4194305"), EINVAL);
    FAILS(group_write("a/pids.max", "x"), EINVAL);
    OK(group_write("a/pids.max", "2"));
    STR_EQ(group_text("a/pids.max"), "2\n");
    OK(group_write("a/cgroup.procs", "0"));
    STR_EQ(group_text("a/pids.current"), "1\n");
    pid_t pid = start_sleeper();
    STR_EQ(group_text("a/pids.current"), "2\n");
    FAILS(fork(), EAGAIN);
    STR_EQ(group_text("a/pids.events"), "max 1\n");
    OK(kill(pid, SIGKILL));
    siginfo_t info;
    OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    STR_EQ(group_text("a/pids.current"), "2\n"); /* zombies count */
    WAIT(pid);
    EVENTUALLY(group_is("a/pids.current", "1\n"));
    CHILD_OK((pid_t)({
        pid_t child = (pid_t)OK(fork());
        if (child == 0)
            _exit(0);
        child;
    }));
    OK(group_add("..", getpid()));
    OK(group_write("cgroup.subtree_control", "-pids"));
    FAILS(open(in_group("a/pids.max"), O_RDONLY), ENOENT);
}

static void pids_are_limited(void)
{
    with_group(pids_body);
}

/* ---- delegation ---- */

enum { SOMEBODY = 12345 };

static void as_somebody(void *argument)
{
    (void)argument;
    OK(chdir(cgroup_top));
    OK(setresgid(SOMEBODY, SOMEBODY, SOMEBODY));
    OK(setresuid(SOMEBODY, SOMEBODY, SOMEBODY));
    OK(mkdir("mine/sub", 0755));
    struct stat st;
    OK(stat("mine/sub/cgroup.procs", &st));
    EQ(st.st_uid, SOMEBODY);
    int fd = (int)OK(open("mine/sub/cgroup.procs", O_WRONLY));
    EQ(write(fd, "0", 1), 1); /* from "mine" down */
    OK(close(fd));
    FAILS(open("other/cgroup.procs", O_WRONLY), EACCES);
    FAILS(mkdir("other/sub", 0755), EACCES);
}

/* Both ends may be written, but not what they have in common. */
static void across(void *argument)
{
    (void)argument;
    OK(chdir(cgroup_top));
    OK(setresgid(SOMEBODY, SOMEBODY, SOMEBODY));
    OK(setresuid(SOMEBODY, SOMEBODY, SOMEBODY));
    int fd = (int)OK(open("yours/cgroup.procs", O_WRONLY));
    FAILS(write(fd, "0", 1), EACCES);
}

static void delegation_body(void)
{
    OK(chmod(cgroup_mount, 0755));
    OK(mkdir(in_group("mine"), 0755));
    OK(mkdir(in_group("yours"), 0755));
    OK(mkdir(in_group("other"), 0755));
    OK(chown(in_group("mine"), SOMEBODY, SOMEBODY));
    OK(chown(in_group("mine/cgroup.procs"), SOMEBODY, SOMEBODY));
    OK(chown(in_group("yours/cgroup.procs"), SOMEBODY, SOMEBODY));
    OK(group_write("mine/cgroup.procs", "0"));
    CHILD_OK(spawn(as_somebody, NULL));
    CHILD_OK(spawn(across, NULL));
}

static void delegation_needs_the_common_group(void)
{
    with_group(delegation_body);
}

/* ---- namespaces ---- */

static bool own_line_is(const char *wanted)
{
    char text[4200], line[256];
    snprintf(text, sizeof(text), "\n%s", text_of_path("/proc/self/cgroup"));
    snprintf(line, sizeof(line), "\n0::%s\n", wanted);
    return strstr(text, line) != NULL;
}

static void namespace_body(void)
{
    struct stat before, after, st;
    char line[160];
    OK(mkdir(in_group("a"), 0755));
    OK(mkdir(in_group("a/b"), 0755));
    OK(mkdir(in_group("c"), 0755));
    int old = (int)OK(open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC));
    OK(fstat(old, &before));
    OK(group_write("a/cgroup.procs", "0"));
    OK(unshare(CLONE_NEWCGROUP));
    OK(stat("/proc/self/ns/cgroup", &after));
    TRUE(before.st_ino != after.st_ino);
    TRUE(own_line_is("/"));
    OK(group_write("a/b/cgroup.procs", "0"));
    TRUE(own_line_is("/b"));
    OK(group_write("c/cgroup.procs", "0"));
    TRUE(own_line_is("/../c"));
    OK(group_write("cgroup.procs", "0"));
    TRUE(own_line_is("/.."));
    char *inner = (char *)"/tmp/cgroup.inner";
    OK(mkdir(inner, 0755));
    OK(mount("none", inner, "cgroup2", 0, NULL));
    OK(stat("/tmp/cgroup.inner/b/cgroup.procs", &st)); /* the mount shows "a" */
    OK(stat(in_group("a/b/cgroup.procs"), &after));
    EQ(st.st_ino, after.st_ino);
    EQ(st.st_dev, after.st_dev);
    OK(umount(inner));
    OK(rmdir(inner));
    OK(setns(old, CLONE_NEWCGROUP));
    snprintf(line, sizeof(line), "%s", cgroup_top + strlen(cgroup_mount));
    TRUE(own_line_is(line));
}

static void namespaces_hide_what_is_above(void)
{
    with_group(namespace_body);
}

GUEST_MAIN(CASE(frozen_groups_do_nothing), CASE(children_of_a_frozen_group_wait),
           CASE(stopped_tasks_count_as_frozen), CASE(kill_ends_everybody), CASE(pids_are_limited),
           CASE(delegation_needs_the_common_group), CASE(namespaces_hide_what_is_above))
