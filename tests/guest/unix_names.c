/* SPDX-License-Identifier: MIT
 *
 * Names of AF_UNIX sockets: in the file system, abstract, automatic (unix(7), bind(2)).
 */
#include "tests/guest/ipc_check.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { OFFSET = offsetof(struct sockaddr_un, sun_path) };

static int new_socket(int type)
{
    return (int)OK(socket(AF_UNIX, type, 0));
}

static socklen_t path_address(struct sockaddr_un *address, const char *path)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, strlen(path));
    return (socklen_t)(OFFSET + strlen(path) + 1);
}

static int bind_path(int fd, const char *path)
{
    struct sockaddr_un address;
    socklen_t bytes = path_address(&address, path);
    return bind(fd, (struct sockaddr *)&address, bytes);
}

static int connect_path(int fd, const char *path)
{
    struct sockaddr_un address;
    socklen_t bytes = path_address(&address, path);
    return connect(fd, (struct sockaddr *)&address, bytes);
}

static void test_path_names(void)
{
    struct sockaddr_un address;
    socklen_t bytes = sizeof(address);
    struct stat st;
    int server = new_socket(SOCK_STREAM), client = new_socket(SOCK_STREAM);

    umask(022);
    OK(bind_path(server, "name"));
    OK(lstat("name", &st));
    EQ(st.st_mode, S_IFSOCK | 0755);
    FAILS(bind_path(server, "other"), EINVAL); /* bound already */
    FAILS(bind_path(client, "name"), EADDRINUSE);
    OK(getsockname(server, (struct sockaddr *)&address, &bytes));
    EQ(bytes, OFFSET + 5);
    EQ(memcmp(address.sun_path, "name", 5), 0);
    FAILS(connect_path(client, "name"), ECONNREFUSED); /* nobody listens */
    OK(listen(server, 3));
    OK(connect_path(client, "name"));
    FAILS(open("name", O_RDWR), ENXIO);
    OK(rename("name", "moved"));
    int second = new_socket(SOCK_STREAM);
    FAILS(connect_path(second, "name"), ENOENT);
    OK(connect_path(second, "moved"));
    OK(symlink("moved", "link"));
    int third = new_socket(SOCK_STREAM);
    OK(connect_path(third, "link"));
    bytes = sizeof(address);
    OK(getpeername(third, (struct sockaddr *)&address, &bytes));
    EQ(memcmp(address.sun_path, "name", 5), 0); /* as it was bound */
    close(second);
    close(third);
    close(client);
    close(server);
    client = new_socket(SOCK_STREAM);
    FAILS(connect_path(client, "moved"), ECONNREFUSED); /* the name outlives the socket */
    FAILS(bind_path(client, "moved"), EADDRINUSE);
    OK(unlink("moved"));
    OK(bind_path(client, "moved"));
    OK(unlink("moved"));
    OK(unlink("link"));
    close(client);
}

static void test_path_errors(void)
{
    struct sockaddr_un address;
    int fd = new_socket(SOCK_STREAM), other = new_socket(SOCK_DGRAM);

    FAILS(bind_path(fd, "no/where"), ENOENT);
    FAILS(connect_path(fd, "nothing"), ENOENT);
    int file = (int)OK(open("file", O_CREAT | O_RDWR, 0644));
    close(file);
    FAILS(bind_path(fd, "file/x"), ENOTDIR);
    FAILS(bind_path(fd, "file"), EADDRINUSE);
    FAILS(connect_path(fd, "file"), ECONNREFUSED);
    OK(bind_path(other, "datagrams"));
    FAILS(bind_path(other, "datagrams"), EADDRINUSE);
    FAILS(bind_path(other, "another"), EINVAL);
    FAILS(access("another", F_OK), ENOENT);
    FAILS(connect_path(fd, "datagrams"), EPROTOTYPE);
    OK(unlink("datagrams"));
    OK(unlink("file"));

    socklen_t bytes = path_address(&address, "x");
    address.sun_family = AF_INET;
    FAILS(bind(fd, (struct sockaddr *)&address, bytes), EINVAL);
    FAILS(connect(fd, (struct sockaddr *)&address, bytes), EINVAL);
    address.sun_family = AF_UNIX;
    FAILS(bind(fd, (struct sockaddr *)&address, sizeof(address) + 1), EINVAL);
    FAILS(bind(fd, (struct sockaddr *)&address, 1), EINVAL);
    FAILS(bind(fd, (struct sockaddr *)&address, 0), EINVAL);
    FAILS(bind(fd, (struct sockaddr *)&address, (socklen_t)-1), EINVAL);
    FAILS(bind(fd, BAD_POINTER, bytes), EFAULT);
    FAILS(connect(fd, (struct sockaddr *)&address, 2), EINVAL);
    FAILS(getsockname(fd, (struct sockaddr *)&address, BAD_POINTER), EFAULT);
    bytes = (socklen_t)-1;
    FAILS(getsockname(fd, (struct sockaddr *)&address, &bytes), EINVAL);
    bytes = 3;
    memset(&address, 0x55, sizeof(address));
    OK(getsockname(fd, (struct sockaddr *)&address, &bytes));
    EQ(bytes, 2);
    EQ(address.sun_family, AF_UNIX);
    close(fd);
    close(other);
}

/* The last byte of sun_path may belong to the name. */
static void test_longest_name(void)
{
    struct sockaddr_un address, got[2];
    socklen_t bytes = sizeof(got);
    int fd = new_socket(SOCK_STREAM);
    address.sun_family = AF_UNIX;
    memset(address.sun_path, 'l', sizeof(address.sun_path));
    OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
    OK(getsockname(fd, (struct sockaddr *)got, &bytes));
    EQ(bytes, sizeof(address) + 1);
    char name[sizeof(address.sun_path) + 1] = {0};
    memset(name, 'l', sizeof(name) - 1);
    OK(unlink(name));
    close(fd);
}

static void as_stranger(void)
{
    int fd = new_socket(SOCK_STREAM);
    OK(syscall(SYS_setresuid, 1000, 1000, 1000));
    FAILS(connect_path(fd, "closed"), EACCES);
    FAILS(bind_path(fd, "new"), EACCES);
    OK(connect_path(fd, "open"));
}

static void test_permissions(void)
{
    int closed = new_socket(SOCK_STREAM), open_fd = new_socket(SOCK_STREAM);
    if (getuid() != 0)
        return;
    OK(chmod(".", 0755));
    umask(0);
    OK(fchmod(open_fd, 0666)); /* before bind: the mode of the name */
    OK(bind_path(closed, "closed"));
    OK(bind_path(open_fd, "open"));
    struct stat st;
    OK(stat("open", &st));
    EQ(st.st_mode & 07777, 0666);
    OK(chmod("closed", 0700));
    OK(listen(closed, 1));
    OK(listen(open_fd, 1));
    EQ(in_child(as_stranger), 0);
    OK(unlink("closed"));
    OK(unlink("open"));
    close(closed);
    close(open_fd);
}

static void test_abstract_names(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX}, got;
    socklen_t bytes = OFFSET + 8, got_bytes = sizeof(got);
    int a = new_socket(SOCK_STREAM), b = new_socket(SOCK_STREAM), d = new_socket(SOCK_DGRAM);

    memcpy(address.sun_path, "\0a\0b\0cde", 8);
    OK(bind(a, (struct sockaddr *)&address, bytes));
    FAILS(bind(b, (struct sockaddr *)&address, bytes), EADDRINUSE);
    OK(bind(d, (struct sockaddr *)&address, bytes)); /* another type */
    OK(getsockname(a, (struct sockaddr *)&got, &got_bytes));
    EQ(got_bytes, bytes);
    EQ(memcmp(&got, &address, bytes), 0);
    OK(bind(b, (struct sockaddr *)&address, bytes - 1)); /* every byte counts */
    close(a);
    a = new_socket(SOCK_STREAM);
    OK(bind(a, (struct sockaddr *)&address, bytes));
    close(a);
    close(b);
    close(d);
}

static void test_automatic_names(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t bytes = sizeof(address);
    int a = new_socket(SOCK_DGRAM), b = new_socket(SOCK_DGRAM), on = 1;

    OK(bind(a, (struct sockaddr *)&address, sizeof(sa_family_t)));
    OK(bind(a, (struct sockaddr *)&address, sizeof(sa_family_t))); /* again: no error */
    OK(getsockname(a, (struct sockaddr *)&address, &bytes));
    EQ(bytes, OFFSET + 6);
    EQ(address.sun_path[0], '\0');
    for (int i = 1; i <= 5; i++)
        TRUE(strchr("0123456789abcdef", address.sun_path[i]));

    /* Wanting credentials brings a name at the first connect. */
    OK(setsockopt(b, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    OK(connect(b, (struct sockaddr *)&address, bytes));
    bytes = sizeof(address);
    OK(getsockname(b, (struct sockaddr *)&address, &bytes));
    EQ(bytes, OFFSET + 6);
    close(a);
    close(b);
}

int main(void)
{
    limit_seconds(55);
    test_path_names();
    test_path_errors();
    test_longest_name();
    test_permissions();
    test_abstract_names();
    test_automatic_names();
    return 0;
}
