/* SPDX-License-Identifier: MIT */
/* kernel/abi/socket.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(AF_UNSPEC) V(AF_UNIX) V(AF_LOCAL) V(AF_INET) V(AF_AX25) V(AF_IPX) V(AF_X25) V(AF_INET6) \
    V(AF_NETLINK) V(AF_ROUTE) V(AF_PACKET) V(AF_TIPC) V(AF_BLUETOOTH) V(AF_ALG) V(AF_VSOCK) \
    V(AF_XDP) V(AF_MAX) V(SOCK_STREAM) V(SOCK_DGRAM) V(SOCK_RAW) V(SOCK_RDM) V(SOCK_SEQPACKET) \
    V(SOCK_DCCP) V(SOCK_PACKET) V(SOCK_CLOEXEC) V(SOCK_NONBLOCK) V(SOL_IP) V(SOL_SOCKET) \
    V(SOL_TCP) V(SOL_IPV6) V(SOL_ICMPV6) V(SOL_RAW) V(SOL_PACKET) V(SOL_NETLINK) V(SO_DEBUG) \
    V(SO_REUSEADDR) V(SO_TYPE) V(SO_ERROR) V(SO_DONTROUTE) V(SO_BROADCAST) V(SO_SNDBUF) \
    V(SO_RCVBUF) V(SO_KEEPALIVE) V(SO_OOBINLINE) V(SO_NO_CHECK) V(SO_PRIORITY) V(SO_LINGER) \
    V(SO_BSDCOMPAT) V(SO_REUSEPORT) V(SO_PASSCRED) V(SO_PEERCRED) V(SO_RCVLOWAT) V(SO_SNDLOWAT) \
    V(SO_RCVTIMEO) V(SO_SNDTIMEO) V(SO_BINDTODEVICE) V(SO_ATTACH_FILTER) V(SO_DETACH_FILTER) \
    V(SO_PEERNAME) V(SO_TIMESTAMP) V(SO_ACCEPTCONN) V(SO_PEERSEC) V(SO_SNDBUFFORCE) \
    V(SO_RCVBUFFORCE) V(SO_PASSSEC) V(SO_TIMESTAMPNS) V(SO_MARK) V(SO_TIMESTAMPING) \
    V(SO_PROTOCOL) V(SO_DOMAIN) V(SO_RXQ_OVFL) V(SO_WIFI_STATUS) V(SO_PEEK_OFF) V(SO_NOFCS) \
    V(SO_LOCK_FILTER) V(SO_SELECT_ERR_QUEUE) V(SO_BUSY_POLL) V(SO_MAX_PACING_RATE) \
    V(SO_BPF_EXTENSIONS) V(SO_INCOMING_CPU) V(SO_ATTACH_BPF) V(SO_ATTACH_REUSEPORT_CBPF) \
    V(SO_ATTACH_REUSEPORT_EBPF) V(SO_CNX_ADVICE) V(SO_MEMINFO) V(SO_INCOMING_NAPI_ID) \
    V(SO_COOKIE) V(SO_PEERGROUPS) V(SO_ZEROCOPY) V(SO_TXTIME) V(SO_BINDTOIFINDEX) \
    V(SO_DETACH_REUSEPORT_BPF) V(SO_PREFER_BUSY_POLL) V(SO_BUSY_POLL_BUDGET) V(SO_NETNS_COOKIE) \
    V(SO_BUF_LOCK) V(SO_RESERVE_MEM) V(SO_TXREHASH) V(SO_RCVMARK) V(MSG_OOB) V(MSG_PEEK) \
    V(MSG_DONTROUTE) V(MSG_CTRUNC) V(MSG_PROXY) V(MSG_TRUNC) V(MSG_DONTWAIT) V(MSG_EOR) \
    V(MSG_WAITALL) V(MSG_FIN) V(MSG_SYN) V(MSG_CONFIRM) V(MSG_RST) V(MSG_ERRQUEUE) \
    V(MSG_NOSIGNAL) V(MSG_MORE) V(MSG_WAITFORONE) V(MSG_BATCH) V(MSG_ZEROCOPY) V(MSG_FASTOPEN) \
    V(MSG_CMSG_CLOEXEC) V(SCM_RIGHTS) V(SCM_CREDENTIALS) V(SCM_TIMESTAMP) V(SCM_TIMESTAMPNS) \
    V(SHUT_RD) V(SHUT_WR) V(SHUT_RDWR) V(SIOCINQ) V(SIOCOUTQ) V(FIOSETOWN) V(SIOCSPGRP) \
    V(FIOGETOWN) V(SIOCGPGRP) V(SIOCATMARK) V(SIOCGSTAMP) V(SIOCGSTAMPNS)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/socket.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_sockaddr, struct sockaddr),
    SAME_FIELD(struct linux_sockaddr, sa_family, struct sockaddr, sa_family),
    SAME_FIELD(struct linux_sockaddr, sa_data, struct sockaddr, sa_data),
    SAME_SIZE(struct linux_sockaddr_storage, struct sockaddr_storage),
    SAME_FIELD(struct linux_sockaddr_storage, ss_family, struct sockaddr_storage, ss_family),
    SAME_SIZE(struct linux_sockaddr_un, struct sockaddr_un),
    SAME_FIELD(struct linux_sockaddr_un, sun_family, struct sockaddr_un, sun_family),
    SAME_FIELD(struct linux_sockaddr_un, sun_path, struct sockaddr_un, sun_path),
    SAME_SIZE(struct linux_iovec, struct iovec),
    SAME_FIELD(struct linux_iovec, iov_base, struct iovec, iov_base),
    SAME_FIELD(struct linux_iovec, iov_len, struct iovec, iov_len),
    SAME_SIZE(struct linux_msghdr, struct msghdr),
    SAME_FIELD(struct linux_msghdr, msg_name, struct msghdr, msg_name),
    SAME_FIELD(struct linux_msghdr, msg_namelen, struct msghdr, msg_namelen),
    SAME_FIELD(struct linux_msghdr, msg_iov, struct msghdr, msg_iov),
    SAME_FIELD(struct linux_msghdr, msg_iovlen, struct msghdr, msg_iovlen),
    SAME_FIELD(struct linux_msghdr, msg_control, struct msghdr, msg_control),
    SAME_FIELD(struct linux_msghdr, msg_controllen, struct msghdr, msg_controllen),
    SAME_FIELD(struct linux_msghdr, msg_flags, struct msghdr, msg_flags),
    SAME_SIZE(struct linux_mmsghdr, struct mmsghdr),
    SAME_FIELD(struct linux_mmsghdr, msg_hdr, struct mmsghdr, msg_hdr),
    SAME_FIELD(struct linux_mmsghdr, msg_len, struct mmsghdr, msg_len),
    SAME_SIZE(struct linux_cmsghdr, struct cmsghdr),
    SAME_FIELD(struct linux_cmsghdr, cmsg_len, struct cmsghdr, cmsg_len),
    SAME_FIELD(struct linux_cmsghdr, cmsg_level, struct cmsghdr, cmsg_level),
    SAME_FIELD(struct linux_cmsghdr, cmsg_type, struct cmsghdr, cmsg_type),
    SAME_SIZE(struct linux_ucred, struct ucred),
    SAME_FIELD(struct linux_ucred, pid, struct ucred, pid),
    SAME_FIELD(struct linux_ucred, uid, struct ucred, uid),
    SAME_FIELD(struct linux_ucred, gid, struct ucred, gid),
    SAME_SIZE(struct linux_linger, struct linger),
    SAME_FIELD(struct linux_linger, l_onoff, struct linger, l_onoff),
    SAME_FIELD(struct linux_linger, l_linger, struct linger, l_linger),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *socket_suite(void)
{
    return unit_suite("socket", add);
}

UNIT_MAIN(socket_suite)
