/* SPDX-License-Identifier: MIT */
/* landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2): arguments, layers,
 * inheritance, and what a domain means for ptrace(2) and mount(2). */
#include "landlock_check.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>

static void ruleset_arguments_are_checked(void)
{
    need_landlock();
    uint64_t attr[1024] = {0};
    FAILS(create_ruleset(NULL, 0, 0), EFAULT);
    FAILS(create_ruleset(NULL, 8, 0), EFAULT);
    FAILS(create_ruleset(NULL, 8, LANDLOCK_CREATE_RULESET_VERSION), EINVAL);
    FAILS(create_ruleset(attr, 0, LANDLOCK_CREATE_RULESET_VERSION), EINVAL);
    FAILS(create_ruleset(attr, 0, 2 /* errata */), EINVAL);
    FAILS(create_ruleset(NULL, 0, 2 | LANDLOCK_CREATE_RULESET_VERSION), EINVAL);
    FAILS(create_ruleset(attr, 8, 1u << 30), EINVAL);
    FAILS(create_ruleset(attr, 0, 0), EINVAL);
    FAILS(create_ruleset(attr, 7, 0), EINVAL);
    FAILS(create_ruleset(attr, 8, 0), ENOMSG);
    FAILS(create_ruleset(BAD_POINTER, 8, 0), EFAULT);
    attr[0] = 1ull << 62;
    FAILS(create_ruleset(attr, 8, 0), EINVAL);
    attr[0] = READ_FILE;
    FAILS(create_ruleset(attr, 4097, 0), E2BIG);
    attr[511] = 1;
    FAILS(create_ruleset(attr, 4096, 0), E2BIG);
    attr[511] = 0;
    int fd = (int)OK(create_ruleset(attr, 4096, 0)); /* zeros that it does not know */
    EQ(OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    EQ(OK(fcntl(fd, F_GETFL)) & O_ACCMODE, O_RDWR);
    char c = 0, path[64], name[64] = {0};
    FAILS(read(fd, &c, 1), EINVAL);
    FAILS(write(fd, &c, 1), EINVAL);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    OK(readlink(path, name, sizeof(name) - 1));
    STR_EQ(name, "anon_inode:[landlock-ruleset]");
    OK(close(fd));
}

static void rule_arguments_are_checked(void)
{
    need_landlock();
    int ruleset = ruleset_of(READ_FILE | READ_DIR);
    struct landlock_path_beneath_attr attr = {.allowed_access = READ_FILE};
    attr.parent_fd = (int)OK(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int dir = attr.parent_fd;
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 1), EINVAL);
    FAILS(add_rule(-1, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), EBADF);
    FAILS(add_rule(dir, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), EBADFD);
    FAILS(add_rule(ruleset, 0, &attr, 0), EINVAL);
    FAILS(add_rule(ruleset, 100, &attr, 0), EINVAL);
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, NULL, 0), EFAULT);
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, BAD_POINTER, 0), EFAULT);
    attr.allowed_access = 0;
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), ENOMSG);
    attr.allowed_access = WRITE_FILE;
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), EINVAL);
    attr.allowed_access = READ_FILE;
    attr.parent_fd = -1;
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), EBADF);
    attr.parent_fd = ruleset;
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), EBADFD);
    attr.parent_fd = (int)OK(eventfd(0, 0));
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), EBADFD);
    int ends[2];
    OK(pipe(ends));
    attr.parent_fd = ends[0];
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), EBADFD);
    attr.parent_fd = (int)OK(memfd_create("x", 0));
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), EBADFD);
    write_text("file", "text", 0600);
    attr.parent_fd = (int)OK(open("file", O_RDONLY));
    attr.allowed_access = READ_DIR; /* of a file */
    FAILS(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0), EINVAL);
    attr.allowed_access = READ_FILE;
    OK(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0));
    OK(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0));
}

static void restriction_arguments_are_checked(void)
{
    need_landlock();
    int ruleset = ruleset_of(READ_FILE);
    if (getuid() == 0) { /* a privilege, or the promise to want none */
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            OK(setresuid(1000, 1000, 1000));
            FAILS(restrict_self(ruleset, 0), EPERM);
            FAILS(restrict_self(-1, 77), EPERM);
            OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
            OK(restrict_self(ruleset, 0));
            _exit(0);
        }
        CHILD_OK(pid);
    }
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    FAILS(restrict_self(ruleset, 1u << 30), EINVAL);
    FAILS(restrict_self(-1, 0), EBADF);
    FAILS(restrict_self(0x7fffffff, 0), EBADF);
    int dir = (int)OK(open(".", O_RDONLY));
    FAILS(restrict_self(dir, 0), EBADFD);
    OK(restrict_self(ruleset, 0));
    FAILS(open(".", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
}

static void sixteen_layers_are_all(void)
{
    need_landlock();
    int ruleset = ruleset_of(REMOVE_DIR);
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    for (int i = 0; i < 16; i++)
        OK(restrict_self(ruleset, 0));
    FAILS(restrict_self(ruleset, 0), E2BIG);
}

/* A rule that is added afterwards belongs to the next layer only. */
static void a_layer_is_what_the_ruleset_was(void)
{
    need_landlock();
    write_text("file", "text", 0600);
    int ruleset = ruleset_of(READ_FILE);
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    OK(restrict_self(ruleset, 0));
    FAILS(open("file", O_RDONLY), EACCES);
    allow_beneath(ruleset, ".", READ_FILE);
    FAILS(open("file", O_RDONLY), EACCES);
    OK(restrict_self(ruleset, 0));
    FAILS(open("file", O_RDONLY), EACCES);
}

static void *read_in_thread(void *out)
{
    int fd = open("file", O_RDONLY);
    *(int *)out = fd < 0 ? errno : 0;
    return NULL;
}

static void the_forked_and_the_executed_stay_inside(void)
{
    need_landlock();
    write_text("file", "text", 0600);
    int ruleset = ruleset_of(READ_FILE | WRITE_FILE);
    struct landlock_path_beneath_attr root = {.allowed_access = READ_FILE};
    root.parent_fd = (int)OK(open("/", O_PATH));
    OK(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &root, 0));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        enter(ruleset);
        pid_t child = (pid_t)OK(fork());
        if (child == 0) {
            FAILS(open("file", O_WRONLY), EACCES);
            OK(open("file", O_RDONLY));
            execl(guest_self(), "landlock_rules", "--write", NULL);
            _exit(9);
        }
        EQ(WAIT(child), EACCES << 8);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(open("file", O_WRONLY)); /* the parent has entered nothing */
}

static void one_thread_restricts_itself_only(void)
{
    need_landlock();
    write_text("file", "text", 0600);
    pthread_t thread;
    int error = -1;
    struct gate start = gate_make();
    enter(ruleset_of(WRITE_FILE));
    EQ(pthread_create(&thread, NULL, read_in_thread, &error), 0);
    EQ(pthread_join(thread, NULL), 0);
    EQ(error, 0);
    gate_open(&start);
    enter(ruleset_of(READ_FILE));
    EQ(pthread_create(&thread, NULL, read_in_thread, &error), 0); /* inherits */
    EQ(pthread_join(thread, NULL), 0);
    EQ(error, EACCES);
}

struct other {
    struct gate go, done;
    int error;
};

static void *unconfined(void *argument)
{
    struct other *other = argument;
    gate_pass(&other->go);
    read_in_thread(&other->error);
    return NULL;
}

static void threads_that_were_there_stay_outside(void)
{
    need_landlock();
    write_text("file", "text", 0600);
    pthread_t thread;
    struct other other = {.go = gate_make(), .error = -1};
    EQ(pthread_create(&thread, NULL, unconfined, &other), 0);
    enter(ruleset_of(READ_FILE));
    gate_open(&other.go);
    EQ(pthread_join(thread, NULL), 0);
    EQ(other.error, 0);
    FAILS(open("file", O_RDONLY), EACCES);
}

static pid_t spawn_sleeper(struct gate *ready, bool confined)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* fails without Yama */
        if (confined)
            enter(ruleset_of(MAKE_BLOCK));
        gate_open(ready);
        for (;;)
            pause();
    }
    gate_pass(ready);
    return pid;
}

static void finish(pid_t pid)
{
    OK(kill(pid, SIGKILL));
    EQ(WAIT(pid), SIGKILL);
}

/* Into its own domain and those below it a process sees, not out of it. */
static void domains_limit_ptrace(void)
{
    need_landlock();
    struct gate ready = gate_make();
    pid_t outside = spawn_sleeper(&ready, false);
    pid_t tracer = (pid_t)OK(fork());
    if (tracer == 0) {
        enter(ruleset_of(MAKE_CHAR));
        errno = 0;
        EQ(ptrace(PTRACE_SEIZE, outside, 0, 0), -1);
        EQ(errno, EPERM);
        pid_t inside = spawn_sleeper(&ready, false);
        OK(ptrace(PTRACE_SEIZE, inside, 0, 0));
        finish(inside);
        inside = spawn_sleeper(&ready, true);
        OK(ptrace(PTRACE_SEIZE, inside, 0, 0));
        finish(inside);
        _exit(0);
    }
    CHILD_OK(tracer);
    OK(ptrace(PTRACE_SEIZE, outside, 0, 0));
    finish(outside);
}

static void a_confined_parent_is_no_tracer(void)
{
    need_landlock();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) { /* deeper than the parent: fine */
        enter(ruleset_of(MAKE_CHAR));
        OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
        _exit(0);
    }
    CHILD_OK(pid);
    struct gate confined = gate_make();
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        gate_pass(&confined);
        errno = 0;
        EQ(ptrace(PTRACE_TRACEME, 0, 0, 0), -1);
        EQ(errno, EPERM);
        _exit(0);
    }
    enter(ruleset_of(MAKE_CHAR));
    gate_open(&confined);
    CHILD_OK(pid);
}

static void the_mount_tree_stays_as_it_is(void)
{
    need_landlock();
    if (getuid() != 0 || unshare(CLONE_NEWNS) != 0)
        skip("needs root");
    OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mkdir("m", 0755));
    OK(mkdir("n", 0755));
    OK(mount("x", "m", "tmpfs", 0, NULL));
    enter(ruleset_of(MAKE_BLOCK));
    FAILS(mount("x", "n", "tmpfs", 0, NULL), EPERM);
    FAILS(mount("m", "n", NULL, MS_BIND, NULL), EPERM);
    FAILS(mount("m", "n", NULL, MS_MOVE, NULL), EPERM);
    FAILS(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EPERM);
    FAILS(mount(NULL, "m", NULL, MS_PRIVATE, NULL), EPERM);
    FAILS(umount2("m", MNT_DETACH), EPERM);
    FAILS(syscall(SYS_pivot_root, "m", "m"), EPERM);
    FAILS(syscall(429 /* move_mount */, AT_FDCWD, "m", AT_FDCWD, "n", 0), EPERM);
    OK(mkdir("m/d", 0755));
    OK(chroot("m"));
}

GUEST_CASES(CASE(ruleset_arguments_are_checked), CASE(rule_arguments_are_checked),
            CASE(restriction_arguments_are_checked), CASE(sixteen_layers_are_all),
            CASE(a_layer_is_what_the_ruleset_was), CASE(the_forked_and_the_executed_stay_inside),
            CASE(one_thread_restricts_itself_only), CASE(threads_that_were_there_stay_outside),
            CASE(domains_limit_ptrace), CASE(a_confined_parent_is_no_tracer),
            CASE(the_mount_tree_stays_as_it_is))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--write") == 0)
        return open("file", O_WRONLY) < 0 ? errno : 0;
    return guest_run_all(argc, argv);
}
