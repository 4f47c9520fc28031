/* SPDX-License-Identifier: MIT
 *
 * netlink(7) and rtnetlink(7): ports, requests and their acknowledgements, the loopback interface
 * of a fresh network namespace, netdevice(7) about it; and mq_notify(2) with SIGEV_THREAD, whose
 * messages come by a netlink socket.
 */
#include "guest.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void enter_namespace(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(unshare(CLONE_NEWNET));
}

static int netlink(int protocol)
{
    return (int)OK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
}

struct request {
    struct nlmsghdr header;
    char body[256];
};

static void start_request(struct request *request, int type, int flags, size_t body_bytes)
{
    memset(request, 0, sizeof(*request));
    request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body_bytes);
    request->header.nlmsg_type = (uint16_t)type;
    request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    request->header.nlmsg_seq = 77;
}

static void add_attribute(struct request *request, int type, const void *value, size_t bytes)
{
    struct rtattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
    attribute->rta_type = (uint16_t)type;
    attribute->rta_len = (uint16_t)RTA_LENGTH(bytes);
    memcpy(RTA_DATA(attribute), value, bytes);
    request->header.nlmsg_len =
        NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_ALIGN(attribute->rta_len);
}

/* The error of an acknowledged request, positive. */
static int ask(int fd, struct request *request)
{
    char answer[1024];
    struct nlmsghdr *header = (void *)answer;
    request->header.nlmsg_flags |= NLM_F_ACK;
    EQ(send(fd, request, request->header.nlmsg_len, 0), request->header.nlmsg_len);
    ssize_t got = OK(recv(fd, answer, sizeof(answer), MSG_DONTWAIT));
    TRUE(got >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)));
    EQ(header->nlmsg_type, NLMSG_ERROR);
    EQ(header->nlmsg_seq, 77);
    struct nlmsgerr *error = NLMSG_DATA(header);
    EQ(error->msg.nlmsg_type, request->header.nlmsg_type);
    return -error->error;
}

static int set_up(int fd, bool up, int index)
{
    struct request request;
    start_request(&request, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
    struct ifinfomsg *info = NLMSG_DATA(&request.header);
    info->ifi_family = AF_UNSPEC;
    info->ifi_index = index;
    info->ifi_flags = up ? IFF_UP : 0;
    info->ifi_change = IFF_UP;
    return ask(fd, &request);
}

static int change_address(int fd, int type, int flags, uint32_t local, unsigned bits)
{
    struct request request;
    start_request(&request, type, flags, sizeof(struct ifaddrmsg));
    struct ifaddrmsg *info = NLMSG_DATA(&request.header);
    info->ifa_family = AF_INET;
    info->ifa_prefixlen = (uint8_t)bits;
    info->ifa_scope = RT_SCOPE_HOST;
    info->ifa_index = 1;
    add_attribute(&request, IFA_LOCAL, &local, sizeof(local));
    add_attribute(&request, IFA_ADDRESS, &local, sizeof(local));
    return ask(fd, &request);
}

/* How many messages of the type a dump has; the last one's header and body. */
static unsigned dump(int fd, int type, int wanted, char *last, size_t last_bytes)
{
    char answer[16384];
    struct request request;
    unsigned count = 0;
    start_request(&request, type, NLM_F_DUMP, sizeof(struct ifinfomsg));
    EQ(send(fd, &request, request.header.nlmsg_len, 0), request.header.nlmsg_len);
    for (;;) {
        ssize_t got = OK(recv(fd, answer, sizeof(answer), 0));
        int left = (int)got;
        for (struct nlmsghdr *header = (void *)answer; NLMSG_OK(header, (unsigned)left);
             header = NLMSG_NEXT(header, left)) {
            EQ(header->nlmsg_seq, 77);
            TRUE(header->nlmsg_flags & NLM_F_MULTI);
            if (header->nlmsg_type == NLMSG_DONE)
                return count;
            EQ(header->nlmsg_type, wanted);
            memcpy(last, header, header->nlmsg_len < last_bytes ? header->nlmsg_len : last_bytes);
            count++;
        }
    }
}

static void ports_are_unique(void)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK}, other;
    socklen_t bytes = sizeof(name);
    FAILS(socket(AF_NETLINK, SOCK_STREAM, 0), ESOCKTNOSUPPORT);
    FAILS(socket(AF_NETLINK, SOCK_RAW, 99), EPROTONOSUPPORT);
    int fd = netlink(NETLINK_ROUTE), second = netlink(NETLINK_ROUTE);
    OK(getsockname(fd, (struct sockaddr *)&name, &bytes));
    EQ(bytes, sizeof(name));
    EQ(name.nl_pid, 0);
    OK(bind(fd, (struct sockaddr *)&name, sizeof(name)));
    OK(getsockname(fd, (struct sockaddr *)&name, &bytes));
    EQ(name.nl_pid, (uint32_t)getpid()); /* the first one of the process */
    FAILS(bind(second, (struct sockaddr *)&name, sizeof(name)), EADDRINUSE);
    FAILS(bind(second, (struct sockaddr *)&name, 4), EINVAL);
    other = (struct sockaddr_nl){.nl_family = AF_NETLINK};
    OK(bind(second, (struct sockaddr *)&other, sizeof(other)));
    OK(getsockname(second, (struct sockaddr *)&other, &bytes));
    TRUE(other.nl_pid != 0 && other.nl_pid != name.nl_pid);
    name.nl_pid = 12345678;
    FAILS(bind(fd, (struct sockaddr *)&name, sizeof(name)), EINVAL);
    FAILS(listen(fd, 1), EOPNOTSUPP);
    OK(close(fd));
    OK(close(second));
}

static void requests_are_acknowledged(void)
{
    char bytes[16];
    enter_namespace();
    int fd = netlink(NETLINK_ROUTE);
    FAILS(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), EAGAIN);
    EQ(set_up(fd, true, 99), ENODEV);
    EQ(set_up(fd, true, 1), 0);
    EQ(change_address(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, htonl(0x7f000001), 8), EEXIST);
    EQ(change_address(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, htonl(0x7f000009), 8), 0);
    EQ(change_address(fd, RTM_DELADDR, 0, htonl(0x7f000009), 8), 0);
    EQ(change_address(fd, RTM_DELADDR, 0, htonl(0x7f000009), 8), EADDRNOTAVAIL);
    /* What is too short to be a message is taken and means nothing. */
    EQ(send(fd, "short", 5, 0), 5);
    FAILS(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), EAGAIN);
    OK(setresuid(1000, 1000, 1000));
    EQ(set_up(fd, false, 1), EPERM);
}

static void loopback_starts_down(void)
{
    char last[1024];
    struct ifreq request = {.ifr_name = "lo"};
    enter_namespace();
    int fd = netlink(NETLINK_ROUTE);
    EQ(dump(fd, RTM_GETLINK, RTM_NEWLINK, last, sizeof(last)), 1);
    struct ifinfomsg *info = NLMSG_DATA((struct nlmsghdr *)last);
    EQ(info->ifi_index, 1);
    EQ(info->ifi_type, 772);
    EQ(info->ifi_flags, IFF_LOOPBACK);
    EQ(dump(fd, RTM_GETADDR, RTM_NEWADDR, last, sizeof(last)), 0);
    EQ(if_nametoindex("lo"), 1);
    int sock = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    OK(ioctl(sock, SIOCGIFFLAGS, &request));
    EQ(request.ifr_flags, IFF_LOOPBACK);
    OK(ioctl(sock, SIOCGIFMTU, &request));
    EQ(request.ifr_mtu, 65536);
    request.ifr_ifindex = 1;
    request.ifr_name[0] = '\0';
    OK(ioctl(sock, SIOCGIFNAME, &request));
    STR_EQ(request.ifr_name, "lo");
    request.ifr_ifindex = 5;
    FAILS(ioctl(sock, SIOCGIFNAME, &request), ENODEV);
    strcpy(request.ifr_name, "none0");
    FAILS(ioctl(sock, SIOCGIFINDEX, &request), ENODEV);
    EQ(set_up(fd, true, 1), 0);
    strcpy(request.ifr_name, "lo");
    OK(ioctl(sock, SIOCGIFFLAGS, &request));
    EQ(request.ifr_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING),
       IFF_UP | IFF_LOOPBACK | IFF_RUNNING);
    TRUE(dump(fd, RTM_GETADDR, RTM_NEWADDR, last, sizeof(last)) >= 1); /* 127.0.0.1 */
}

static void programs_talk_to_each_other(void)
{
    struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_pid = 0x7000001}, from;
    socklen_t bytes = sizeof(from);
    char text[16];
    enter_namespace();
    int receiver = netlink(NETLINK_USERSOCK), sender = netlink(NETLINK_USERSOCK);
    OK(bind(receiver, (struct sockaddr *)&a, sizeof(a)));
    EQ(sendto(sender, "hello", 5, 0, (struct sockaddr *)&a, sizeof(a)), 5);
    EQ(recv(receiver, text, sizeof(text), MSG_PEEK), 5);
    EQ(recvfrom(receiver, text, 2, MSG_TRUNC, (struct sockaddr *)&from, &bytes), 5);
    EQ(from.nl_pid, (uint32_t)getpid());
    a.nl_pid++;
    FAILS(sendto(sender, "hello", 5, 0, (struct sockaddr *)&a, sizeof(a)), ECONNREFUSED);
}

/* ---- mq_notify ---- */

static void message_queues_send_cookies(void)
{
    char cookie[32], got[64];
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 8};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD};
    mqd_t queue = (mqd_t)OK(mq_open("/cookies", O_CREAT | O_RDWR, 0600, &attr));
    OK(mq_unlink("/cookies"));
    memset(cookie, 'c', sizeof(cookie));
    int fd = netlink(0), null = (int)OK(open("/dev/null", O_RDONLY));
    int local = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    event.sigev_value.sival_ptr = cookie;
    event.sigev_signo = 999;
    FAILS(syscall(__NR_mq_notify, queue, &event), EBADF);
    event.sigev_signo = null;
    FAILS(syscall(__NR_mq_notify, queue, &event), ENOTSOCK);
    event.sigev_signo = local;
    FAILS(syscall(__NR_mq_notify, queue, &event), EINVAL);
    event.sigev_signo = fd;
    event.sigev_value.sival_ptr = BAD_POINTER;
    FAILS(syscall(__NR_mq_notify, queue, &event), EFAULT);
    event.sigev_value.sival_ptr = cookie;
    FAILS(syscall(__NR_mq_notify, null, &event), EBADF);

    OK(syscall(__NR_mq_notify, queue, &event));
    FAILS(syscall(__NR_mq_notify, queue, &event), EBUSY);
    OK(mq_send(queue, "x", 1, 0));
    EQ(recv(fd, got, sizeof(got), 0), 32);
    EQ(memcmp(got, cookie, 31), 0);
    EQ(got[31], 1); /* a message has come */
    EQ(mq_receive(queue, got, 8, NULL), 1);
    OK(syscall(__NR_mq_notify, queue, &event));
    OK(syscall(__NR_mq_notify, queue, NULL));
    EQ(recv(fd, got, sizeof(got), 0), 32);
    EQ(got[31], 2); /* not any more */
    OK(syscall(__NR_mq_notify, queue, &event));
    OK(mq_close(queue));
    EQ(recv(fd, got, sizeof(got), 0), 32);
    EQ(got[31], 2);
    FAILS(recv(fd, got, sizeof(got), MSG_DONTWAIT), EAGAIN);
}

static int told[2];

static void tell(union sigval value)
{
    EQ(write(told[1], value.sival_ptr, 5), 5);
}

/* The library's way: a thread that reads the socket calls the function. */
static void functions_are_called(void)
{
    char got[8];
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 8};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = tell};
    char word[] = "hello";
    OK(pipe(told));
    mqd_t queue = (mqd_t)OK(mq_open("/functions", O_CREAT | O_RDWR, 0600, &attr));
    OK(mq_unlink("/functions"));
    event.sigev_value.sival_ptr = word;
    OK(mq_notify(queue, &event));
    OK(mq_send(queue, "x", 1, 0));
    EQ(read(told[0], got, sizeof(got)), 5);
    EQ(memcmp(got, "hello", 5), 0);
    OK(mq_close(queue));
}

GUEST_MAIN(CASE(ports_are_unique), CASE(requests_are_acknowledged), CASE(loopback_starts_down),
           CASE(programs_talk_to_each_other), CASE(message_queues_send_cookies),
           CASE(functions_are_called))
