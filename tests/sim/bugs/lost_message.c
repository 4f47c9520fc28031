/* SPDX-License-Identifier: MIT */
/*
 * Two processes: messages go through a pipe, and their end is told through a unix socket. One may
 * get lost.
 *
 * The reader empties the pipe, then looks whether the end has been told, and leaves; but messages
 * and the end may have come after it looked into the pipe. FIXED empties the pipe first.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGES = 5 };

static void send_all(int data, int control)
{
    for (char i = 0; i < MESSAGES; i++) {
        if (write(data, &i, 1) != 1) {
            _exit(1);
        }
    }
    _exit(write(control, "end", 3) == 3 ? 0 : 1);
}

static int receive(int data, int control)
{
    struct pollfd fds[] = {{.fd = data, .events = POLLIN}, {.fd = control, .events = POLLIN}};
    char bytes[16];
    int received = 0, ended = 0;

    while (!ended) {
        poll(fds, 2, -1);
        if (fds[0].revents & POLLIN) {
            received += (int)read(data, bytes, sizeof(bytes));
        }
        ended = recv(control, bytes, sizeof(bytes), MSG_DONTWAIT) > 0;
    }
    if (FIXED && received < MESSAGES) {
        received += (int)read(data, bytes, sizeof(bytes));
    }
    return received;
}

int main(void)
{
    int data[2], control[2];

    if (pipe(data) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, control) < 0) {
        return 2;
    }
    if (fork() == 0) {
        send_all(data[1], control[1]);
    }
    int received = receive(data[0], control[0]);
    wait(NULL);
    printf("%d of %d messages\n", received, MESSAGES);
    return received == MESSAGES ? 0 : 1;
}
