/* SPDX-License-Identifier: MIT */
/* cgroups(7): groups and their files, who is in them, events, limits of the tree, thread mode. */
#include "cgroup_check.h"

#include <pthread.h>
#include <sys/inotify.h>
#include <sys/statfs.h>

static void files_body(void)
{
    struct statfs fs;
    struct stat st;
    OK(statfs(cgroup_top, &fs));
    EQ(fs.f_type, 0x63677270);
    OK(stat(in_group(""), &st));
    EQ(st.st_mode, S_IFDIR | 0755);
    EQ(st.st_nlink, 2);
    OK(mkdir(in_group("a"), 0700));
    OK(stat(in_group(""), &st));
    EQ(st.st_nlink, 3);
    OK(stat(in_group("a"), &st));
    EQ(st.st_mode, S_IFDIR | 0700);
    OK(stat(in_group("cgroup.kill"), &st));
    EQ(st.st_mode, S_IFREG | 0200);
    OK(stat(in_group("cgroup.procs"), &st));
    EQ(st.st_mode, S_IFREG | 0644);
    EQ(st.st_size, 0);
    STR_EQ(group_text("cgroup.type"), "domain\n");
    STR_EQ(group_text("cgroup.procs"), "");
    TRUE(strncmp(group_text("cgroup.events"), "populated 0\nfrozen 0\n", 21) == 0);
    STR_EQ(group_text("cgroup.max.depth"), "max\n");
    STR_EQ(group_text("cgroup.freeze"), "0\n");
    STR_EQ(group_text("cgroup.subtree_control"), "");
    TRUE(group_is("cgroup.stat", "nr_descendants 1\n"));
    TRUE(group_is("cpu.stat", "usage_usec 0\nuser_usec 0\nsystem_usec 0\n"));
    FAILS(open(in_group("new"), O_CREAT | O_WRONLY, 0644), EACCES);
    FAILS(unlink(in_group("cgroup.procs")), EPERM);
    FAILS(rename(in_group("a"), in_group("a/b")), EINVAL);
    FAILS(mkdir(in_group("a"), 0755), EEXIST);
    FAILS(mkdir(in_group("cgroup.procs"), 0755), EEXIST);
    FAILS(mkdir(in_group("x\ny"), 0755), EINVAL);
    FAILS(group_write("cgroup.stat", "1"), EINVAL);
    FAILS(open(in_group("cgroup.none"), O_RDONLY), ENOENT);
    int fd = (int)OK(open(in_group("cgroup.kill"), O_RDONLY));
    char c;
    FAILS(read(fd, &c, 1), EINVAL);
    OK(close(fd));
    OK(chmod(in_group("cgroup.procs"), 0640));
    OK(chown(in_group("cgroup.procs"), 7, 8));
    OK(stat(in_group("cgroup.procs"), &st));
    EQ(st.st_mode & 0777, 0640);
    EQ(st.st_uid, 7);
    OK(rmdir(in_group("a")));
    FAILS(stat(in_group("a"), &st), ENOENT);
}

static void groups_have_files(void)
{
    with_group(files_body);
}

static void members_body(void)
{
    char line[160], path[64];
    OK(mkdir(in_group("a"), 0755));
    pid_t pid = start_sleeper();
    OK(group_add("a", pid));
    TRUE(group_has("a/cgroup.procs", pid));
    TRUE(group_has("a/cgroup.threads", pid));
    TRUE(!group_has("cgroup.procs", pid));
    TRUE(group_is("cgroup.events", "populated 1"));
    snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    snprintf(line, sizeof(line), "0::%s/a\n", cgroup_top + strlen(cgroup_mount));
    TRUE(strstr(text_of_path(path), line) != NULL);
    FAILS(rmdir(in_group("a")), EBUSY);
    FAILS(rmdir(in_group("")), EBUSY);
    FAILS(group_write("a/cgroup.procs", "x"), EINVAL);
    FAILS(group_write("a/cgroup.procs", "-1"), EINVAL);
    FAILS(group_write("a/cgroup.procs", "1 2"), EINVAL);
    FAILS(group_write("a/cgroup.procs", "4194000"), ESRCH);
    OK(kill(pid, SIGKILL));
    siginfo_t info;
    OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    EVENTUALLY(group_is("cgroup.events", "populated 0"));
    TRUE(
        !group_has("a/cgroup.procs", pid)); /* a zombie is no member, but still says where it was */
    TRUE(strstr(text_of_path(path), line) != NULL);
    OK(rmdir(in_group("a")));
    snprintf(line, sizeof(line), "0::%s/a (deleted)\n", cgroup_top + strlen(cgroup_mount));
    TRUE(strstr(text_of_path(path), line) != NULL);
    WAIT(pid);
}

static void processes_come_and_go(void)
{
    with_group(members_body);
}

static void check_child(void *argument)
{
    struct gate *gate = argument;
    gate_pass(gate);
}

static void inherit_body(void)
{
    struct gate gate = gate_make();
    OK(mkdir(in_group("a"), 0755));
    OK(group_write("a/cgroup.procs", "0"));
    TRUE(group_has("a/cgroup.procs", getpid()));
    pid_t pid = spawn(check_child, &gate);
    TRUE(group_has("a/cgroup.procs", pid));
    OK(group_add("", getpid()));
    TRUE(!group_has("a/cgroup.procs", getpid()));
    TRUE(group_has("cgroup.procs", getpid()));
    TRUE(group_has("a/cgroup.procs", pid));
    gate_open(&gate);
    CHILD_OK(pid);
    EVENTUALLY(group_is("a/cgroup.events", "populated 0"));
}

static void children_are_where_their_parent_is(void)
{
    with_group(inherit_body);
}

static void refuses_fork_into(int group, int error)
{
    pid_t pid = fork_into(group);
    if (pid == 0)
        _exit(0);
    EQ(pid, -1);
    EQ(errno, error);
}

static void clone_body(void)
{
    OK(mkdir(in_group("a"), 0755));
    int group = (int)OK(open(in_group("a"), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    pid_t pid = (pid_t)OK(fork_into(group));
    while (pid == 0)
        pause();
    TRUE(group_has("a/cgroup.procs", pid));
    TRUE(!group_has("cgroup.procs", getpid()));
    end_sleeper(pid);
    EVENTUALLY(group_is("a/cgroup.events", "populated 0"));
    OK(rmdir(in_group("a")));
    refuses_fork_into(group, ENOENT);
    refuses_fork_into((int)OK(open(in_group("cgroup.procs"), O_RDONLY | O_CLOEXEC)), EBADF);
    refuses_fork_into(-1, EINVAL);
}

static void clone_into_a_group(void)
{
    with_group(clone_body);
}

/* ---- events ---- */

static void events_body(void)
{
    char text[64];
    OK(mkdir(in_group("a"), 0755));
    int fd = (int)OK(open(in_group("a/cgroup.events"), O_RDONLY | O_CLOEXEC));
    int watch = (int)OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    OK(inotify_add_watch(watch, in_group("a/cgroup.events"), IN_MODIFY));
    struct pollfd poll_fd = {.fd = fd, .events = POLLPRI};
    EQ(poll(&poll_fd, 1, 0), 1); /* nothing was read yet */
    TRUE(read(fd, text, sizeof(text)) > 0);
    EQ(poll(&poll_fd, 1, 0), 0);
    pid_t pid = start_sleeper();
    OK(group_add("a", pid));
    EQ(OK(poll(&poll_fd, 1, 10000)), 1);
    EQ(poll_fd.revents, POLLPRI | POLLERR);
    struct pollfd told = {.fd = watch, .events = POLLIN};
    EQ(OK(poll(&told, 1, 10000)), 1);
    OK(lseek(fd, 0, SEEK_SET));
    memset(text, 0, sizeof(text));
    TRUE(read(fd, text, sizeof(text) - 1) > 0);
    TRUE(strstr(text, "populated 1\n") != NULL);
    end_sleeper(pid);
    do {
        EQ(OK(poll(&poll_fd, 1, 10000)), 1);
        OK(lseek(fd, 0, SEEK_SET));
        memset(text, 0, sizeof(text));
        TRUE(read(fd, text, sizeof(text) - 1) > 0);
    } while (!strstr(text, "populated 0\n"));
    OK(rmdir(in_group("a")));
    FAILS(pread(fd, text, sizeof(text), 0), ENODEV);
}

static void events_are_announced(void)
{
    with_group(events_body);
}

/* ---- limits ---- */

static void limits_body(void)
{
    FAILS(group_write("cgroup.max.depth", "-1"), ERANGE);
    FAILS(group_write("cgroup.max.depth", "x"), EINVAL);
    OK(group_write("cgroup.max.depth", "1\n"));
    STR_EQ(group_text("cgroup.max.depth"), "1\n");
    OK(mkdir(in_group("a"), 0755));
    FAILS(mkdir(in_group("a/b"), 0755), EAGAIN);
    OK(group_write("cgroup.max.depth", "max"));
    OK(mkdir(in_group("a/b"), 0755));
    OK(group_write("cgroup.max.descendants", "2"));
    FAILS(mkdir(in_group("a/c"), 0755), EAGAIN);
    FAILS(mkdir(in_group("c"), 0755), EAGAIN);
    TRUE(group_is("cgroup.stat", "nr_descendants 2\n"));
    FAILS(rmdir(in_group("a")), EBUSY);
}

static void the_tree_has_limits(void)
{
    with_group(limits_body);
}

/* ---- thread mode ---- */

static void *wait_for_gate(void *argument)
{
    gate_pass(argument);
    return NULL;
}

static pid_t other_thread(void)
{
    pid_t self = (pid_t)syscall(SYS_gettid), other = 0;
    char *at = (char *)group_text("cgroup.threads");
    for (char *line = strtok(at, "\n"); line; line = strtok(NULL, "\n"))
        if (atoi(line) != self)
            other = atoi(line);
    return other;
}

static void threads_body(void)
{
    struct gate gate = gate_make();
    pthread_t thread;
    OK(mkdir(in_group("a"), 0755));
    OK(mkdir(in_group("a/b"), 0755));
    FAILS(group_write("a/cgroup.type", "domain"), EINVAL);
    OK(group_write("a/cgroup.type", "threaded"));
    STR_EQ(group_text("a/cgroup.type"), "threaded\n");
    STR_EQ(group_text("cgroup.type"), "domain threaded\n");
    STR_EQ(group_text("a/b/cgroup.type"), "domain invalid\n");
    FAILS(group_add("a/b", getpid()), EOPNOTSUPP);
    OK(group_add("", getpid()));
    EQ(pthread_create(&thread, NULL, wait_for_gate, &gate), 0);
    pid_t other = other_thread();
    TRUE(other != 0);
    char number[16];
    snprintf(number, sizeof(number), "%d", other);
    OK(group_write("a/cgroup.threads", number));
    TRUE(group_has("a/cgroup.threads", other));
    TRUE(!group_has("a/cgroup.threads", getpid()));
    int fd = (int)OK(open(in_group("a/cgroup.procs"), O_RDONLY | O_CLOEXEC));
    char c;
    FAILS(read(fd, &c, 1), EOPNOTSUPP);
    OK(close(fd));
    TRUE(group_has("cgroup.procs", getpid()));
    OK(mkdir(in_group("a/b/c"), 0755));
    gate_open(&gate);
    EQ(pthread_join(thread, NULL), 0);
}

static void threads_have_groups_of_their_own(void)
{
    with_group(threads_body);
}

GUEST_MAIN(CASE(groups_have_files), CASE(processes_come_and_go),
           CASE(children_are_where_their_parent_is), CASE(clone_into_a_group),
           CASE(events_are_announced), CASE(the_tree_has_limits),
           CASE(threads_have_groups_of_their_own))
