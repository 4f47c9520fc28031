/* SPDX-License-Identifier: MIT */
/*
 * Opens connections and closes them again, with a leak when memory is short.
 *
 * A connection is a pipe and a socket pair. If the kernel has no memory for the second, open_one()
 * returns without closing the first. FIXED closes it. The program counts its descriptors at the
 * end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 20, DESCRIPTORS_MAX = 256 };

struct connection {
    int pipe[2], sockets[2];
};

static int open_one(struct connection *connection)
{
    if (pipe(connection->pipe) < 0) {
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, connection->sockets) < 0) {
        if (FIXED) {
            close(connection->pipe[0]);
            close(connection->pipe[1]);
        }
        return -1;
    }
    return 0;
}

static void close_one(struct connection *connection)
{
    for (int i = 0; i < 2; i++) {
        close(connection->pipe[i]);
        close(connection->sockets[i]);
    }
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

int main(void)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    const int before = count_descriptors();
    int failures = 0;

    nanosleep(&moment, NULL); /* memory gets short now */
    for (int i = 0; i < CONNECTIONS; i++) {
        struct connection connection;
        if (open_one(&connection) == 0) {
            close_one(&connection);
        } else {
            failures++;
        }
    }
    nanosleep(&moment, NULL); /* and is there again */
    printf("%d failures, %d descriptors leaked\n", failures, count_descriptors() - before);
    return count_descriptors() == before ? 0 : 1;
}
