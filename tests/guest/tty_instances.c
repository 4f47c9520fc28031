/* SPDX-License-Identifier: MIT
 *
 * Instances of devpts: each mount has its own pseudoterminals; its options; which instance a ptmx
 * belongs to. pts(4), mount(8) "Mount options for devpts".
 */
#include "guest.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

/* A place of its own for mounts and device files: dev/ with dev/pts and dev/other. */
static void make_place(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(unshare(CLONE_NEWNS));
    OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    if (mkdir("dev", 0755) != 0)
        EQ(errno, EEXIST); /* of the case before */
    OK(mount("none", "dev", "tmpfs", 0, NULL));
    OK(mkdir("dev/pts", 0755));
    OK(mkdir("dev/other", 0755));
}

static int open_master(const char *path)
{
    int zero = 0;
    int fd = (int)OK(open(path, O_RDWR | O_NOCTTY));
    OK(ioctl(fd, TIOCSPTLCK, &zero));
    return fd;
}

static int number_of(int master)
{
    int number = -1;
    OK(ioctl(master, TIOCGPTN, &number));
    return number;
}

static void numbers_are_apart(void)
{
    char text[8];
    make_place();
    OK(mount("a", "dev/pts", "devpts", 0, "ptmxmode=0666"));
    OK(mount("b", "dev/other", "devpts", 0, "newinstance,ptmxmode=0666"));
    int a = open_master("dev/pts/ptmx");
    EQ(number_of(a), 0);
    OK(access("dev/pts/0", F_OK));
    FAILS(access("dev/other/0", F_OK), ENOENT);
    int b = open_master("dev/other/ptmx");
    EQ(number_of(b), 0);
    int second = open_master("dev/pts/ptmx");
    EQ(number_of(second), 1);
    int slave_a = (int)OK(open("dev/pts/0", O_RDWR | O_NOCTTY));
    int slave_b = (int)OK(open("dev/other/0", O_RDWR | O_NOCTTY));
    EQ(write(slave_a, "a", 1), 1);
    EQ(write(slave_b, "bb", 2), 2);
    EQ(read(a, text, sizeof(text)), 1);
    EQ(text[0], 'a');
    EQ(read(b, text, sizeof(text)), 2);
    EQ(text[0], 'b');
    OK(close(slave_a));
    OK(close(slave_b));
    OK(close(a));
    FAILS(access("dev/pts/0", F_OK), ENOENT);
    OK(access("dev/pts/1", F_OK));
    OK(access("dev/other/0", F_OK));
    OK(close(second));
    OK(close(b));
    OK(umount("dev/pts"));
    OK(umount("dev/other"));
}

static void options_say_whose_they_are(void)
{
    struct stat st;
    make_place();
    OK(mount("a", "dev/pts", "devpts", 0, "ptmxmode=0640,mode=0621,uid=3,gid=7"));
    OK(mount("b", "dev/other", "devpts", 0, NULL));
    OK(stat("dev/pts/ptmx", &st));
    EQ(st.st_mode, S_IFCHR | 0640);
    EQ(st.st_rdev, makedev(5, 2));
    OK(stat("dev/other/ptmx", &st));
    EQ(st.st_mode, S_IFCHR | 0);
    int a = open_master("dev/pts/ptmx"), b = open_master("dev/other/ptmx");
    OK(stat("dev/pts/0", &st));
    EQ(st.st_mode, S_IFCHR | 0621);
    EQ(st.st_uid, 3);
    EQ(st.st_gid, 7);
    EQ(st.st_rdev, makedev(136, 0));
    OK(stat("dev/other/0", &st));
    EQ(st.st_mode, S_IFCHR | 0600);
    EQ(st.st_uid, 0);
    OK(mount("a", "dev/pts", "devpts", MS_REMOUNT, "ptmxmode=0600,mode=0602"));
    OK(stat("dev/pts/ptmx", &st));
    EQ(st.st_mode, S_IFCHR | 0600);
    OK(close(a));
    OK(close(b));
    FAILS(mount("c", "dev/other", "devpts", 0, "mode=x"), EINVAL);
    FAILS(mount("c", "dev/other", "devpts", 0, "nothing=1"), EINVAL);
}

static void max_limits_an_instance(void)
{
    make_place();
    OK(mount("a", "dev/pts", "devpts", 0, "max=1"));
    int fd = open_master("dev/pts/ptmx");
    FAILS(open("dev/pts/ptmx", O_RDWR | O_NOCTTY), ENOSPC);
    OK(close(fd));
    OK(close(open_master("dev/pts/ptmx")));
}

/* A ptmx outside belongs to the instance that is mounted beside it as "pts". */
static void ptmx_finds_its_instance(void)
{
    make_place();
    OK(mknod("dev/ptmx", S_IFCHR | 0666, makedev(5, 2)));
    FAILS(open("dev/ptmx", O_RDWR | O_NOCTTY), ENODEV);
    OK(mount("a", "dev/pts", "devpts", 0, NULL));
    int fd = open_master("dev/ptmx");
    EQ(number_of(fd), 0);
    OK(access("dev/pts/0", F_OK));
    int peer = (int)OK(ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    EQ(write(peer, "x", 1), 1);
    OK(mknod("dev/0", S_IFCHR | 0666, makedev(136, 0))); /* no name of a terminal */
    FAILS(open("dev/0", O_RDWR | O_NOCTTY), EIO);
    OK(close(peer));
    OK(close(fd));
}

/* An open terminal outlives the mount of its names. */
static void masters_outlive_the_mount(void)
{
    char text[8];
    make_place();
    OK(mknod("dev/ptmx", S_IFCHR | 0666, makedev(5, 2)));
    OK(mount("a", "dev/pts", "devpts", 0, NULL));
    int fd = open_master("dev/ptmx");
    int slave = (int)OK(open("dev/pts/0", O_RDWR | O_NOCTTY));
    OK(umount2("dev/pts", MNT_DETACH));
    EQ(write(slave, "x", 1), 1);
    EQ(read(fd, text, sizeof(text)), 1);
    OK(close(slave));
    FAILS(ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY), ENODEV);
    OK(close(fd));
}

GUEST_MAIN(CASE(numbers_are_apart), CASE(options_say_whose_they_are), CASE(max_limits_an_instance),
           CASE(ptmx_finds_its_instance), CASE(masters_outlive_the_mount))
