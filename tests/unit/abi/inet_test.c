/* SPDX-License-Identifier: MIT */
/* kernel/abi/inet.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(IPPROTO_IP) V(IPPROTO_ICMP) V(IPPROTO_IGMP) V(IPPROTO_TCP) V(IPPROTO_UDP) V(IPPROTO_IPV6) \
    V(IPPROTO_ICMPV6) V(IPPROTO_UDPLITE) V(IPPROTO_RAW) V(IPPROTO_MPTCP) V(INADDR_ANY) \
    V(INADDR_BROADCAST) V(INADDR_LOOPBACK) V(IP_TOS) V(IP_TTL) V(IP_HDRINCL) V(IP_OPTIONS) \
    V(IP_ROUTER_ALERT) V(IP_RECVOPTS) V(IP_RETOPTS) V(IP_PKTINFO) V(IP_PKTOPTIONS) \
    V(IP_MTU_DISCOVER) V(IP_RECVERR) V(IP_RECVTTL) V(IP_RECVTOS) V(IP_MTU) V(IP_FREEBIND) \
    V(IP_IPSEC_POLICY) V(IP_XFRM_POLICY) V(IP_PASSSEC) V(IP_TRANSPARENT) V(IP_ORIGDSTADDR) \
    V(IP_MINTTL) V(IP_NODEFRAG) V(IP_CHECKSUM) V(IP_BIND_ADDRESS_NO_PORT) V(IP_RECVFRAGSIZE) \
    V(IP_RECVERR_RFC4884) V(IP_PMTUDISC_DONT) V(IP_PMTUDISC_WANT) V(IP_PMTUDISC_DO) \
    V(IP_PMTUDISC_PROBE) V(IP_PMTUDISC_INTERFACE) V(IP_PMTUDISC_OMIT) V(IP_MULTICAST_IF) \
    V(IP_MULTICAST_TTL) V(IP_MULTICAST_LOOP) V(IP_ADD_MEMBERSHIP) V(IP_DROP_MEMBERSHIP) \
    V(IP_UNBLOCK_SOURCE) V(IP_BLOCK_SOURCE) V(IP_ADD_SOURCE_MEMBERSHIP) \
    V(IP_DROP_SOURCE_MEMBERSHIP) V(IP_MSFILTER) V(IP_MULTICAST_ALL) V(IP_UNICAST_IF) \
    V(MCAST_JOIN_GROUP) V(MCAST_LEAVE_GROUP) V(IPV6_ADDRFORM) V(IPV6_2292PKTINFO) \
    V(IPV6_CHECKSUM) V(IPV6_2292HOPLIMIT) V(IPV6_UNICAST_HOPS) V(IPV6_MULTICAST_IF) \
    V(IPV6_MULTICAST_HOPS) V(IPV6_MULTICAST_LOOP) V(IPV6_ADD_MEMBERSHIP) V(IPV6_DROP_MEMBERSHIP) \
    V(IPV6_ROUTER_ALERT) V(IPV6_MTU_DISCOVER) V(IPV6_MTU) V(IPV6_RECVERR) V(IPV6_V6ONLY) \
    V(IPV6_MULTICAST_ALL) V(IPV6_RECVERR_RFC4884) V(IPV6_RECVPKTINFO) V(IPV6_PKTINFO) \
    V(IPV6_RECVHOPLIMIT) V(IPV6_HOPLIMIT) V(IPV6_RECVHOPOPTS) V(IPV6_RECVRTHDR) \
    V(IPV6_RECVTCLASS) V(IPV6_TCLASS) V(IPV6_AUTOFLOWLABEL) V(IPV6_ADDR_PREFERENCES) \
    V(IPV6_MINHOPCOUNT) V(IPV6_TRANSPARENT) V(IPV6_UNICAST_IF) V(IPV6_FREEBIND) V(TCP_NODELAY) \
    V(TCP_MAXSEG) V(TCP_CORK) V(TCP_KEEPIDLE) V(TCP_KEEPINTVL) V(TCP_KEEPCNT) V(TCP_SYNCNT) \
    V(TCP_LINGER2) V(TCP_DEFER_ACCEPT) V(TCP_WINDOW_CLAMP) V(TCP_INFO) V(TCP_QUICKACK) \
    V(TCP_CONGESTION) V(TCP_MD5SIG) V(TCP_THIN_LINEAR_TIMEOUTS) V(TCP_THIN_DUPACK) \
    V(TCP_USER_TIMEOUT) V(TCP_REPAIR) V(TCP_FASTOPEN) V(TCP_TIMESTAMP) V(TCP_NOTSENT_LOWAT) \
    V(TCP_CC_INFO) V(TCP_SAVE_SYN) V(TCP_SAVED_SYN) V(TCP_FASTOPEN_CONNECT) V(TCP_ULP) \
    V(TCP_INQ) V(TCP_TX_DELAY) V(UDP_CORK) V(UDP_ENCAP) V(UDP_SEGMENT) V(UDP_GRO)
/* clang-format on */

HOST_TABLE(NAMES);

#undef s6_addr

#define ABI_HEADER "kernel/abi/inet.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_in_addr, struct in_addr),
    SAME_FIELD(struct linux_in_addr, s_addr, struct in_addr, s_addr),
    SAME_SIZE(struct linux_in6_addr, struct in6_addr),
    SAME_FIELD(struct linux_in6_addr, s6_addr, struct in6_addr, in6_u.u6_addr8),
    SAME_SIZE(struct linux_sockaddr_in, struct sockaddr_in),
    SAME_FIELD(struct linux_sockaddr_in, sin_family, struct sockaddr_in, sin_family),
    SAME_FIELD(struct linux_sockaddr_in, sin_port, struct sockaddr_in, sin_port),
    SAME_FIELD(struct linux_sockaddr_in, sin_addr, struct sockaddr_in, sin_addr),
    SAME_FIELD(struct linux_sockaddr_in, sin_zero, struct sockaddr_in, sin_zero),
    SAME_SIZE(struct linux_sockaddr_in6, struct sockaddr_in6),
    SAME_FIELD(struct linux_sockaddr_in6, sin6_family, struct sockaddr_in6, sin6_family),
    SAME_FIELD(struct linux_sockaddr_in6, sin6_port, struct sockaddr_in6, sin6_port),
    SAME_FIELD(struct linux_sockaddr_in6, sin6_flowinfo, struct sockaddr_in6, sin6_flowinfo),
    SAME_FIELD(struct linux_sockaddr_in6, sin6_addr, struct sockaddr_in6, sin6_addr),
    SAME_FIELD(struct linux_sockaddr_in6, sin6_scope_id, struct sockaddr_in6, sin6_scope_id),
    SAME_SIZE(struct linux_ip_mreqn, struct ip_mreqn),
    SAME_FIELD(struct linux_ip_mreqn, imr_multiaddr, struct ip_mreqn, imr_multiaddr),
    SAME_FIELD(struct linux_ip_mreqn, imr_address, struct ip_mreqn, imr_address),
    SAME_FIELD(struct linux_ip_mreqn, imr_ifindex, struct ip_mreqn, imr_ifindex),
    SAME_SIZE(struct linux_ipv6_mreq, struct ipv6_mreq),
    SAME_FIELD(struct linux_ipv6_mreq, ipv6mr_multiaddr, struct ipv6_mreq, ipv6mr_multiaddr),
    SAME_FIELD(struct linux_ipv6_mreq, ipv6mr_ifindex, struct ipv6_mreq, ipv6mr_ifindex),
    SAME_SIZE(struct linux_in_pktinfo, struct in_pktinfo),
    SAME_FIELD(struct linux_in_pktinfo, ipi_ifindex, struct in_pktinfo, ipi_ifindex),
    SAME_FIELD(struct linux_in_pktinfo, ipi_spec_dst, struct in_pktinfo, ipi_spec_dst),
    SAME_FIELD(struct linux_in_pktinfo, ipi_addr, struct in_pktinfo, ipi_addr),
    SAME_SIZE(struct linux_tcp_info, struct tcp_info),
    SAME_FIELD(struct linux_tcp_info, tcpi_state, struct tcp_info, tcpi_state),
    SAME_FIELD(struct linux_tcp_info, tcpi_ca_state, struct tcp_info, tcpi_ca_state),
    SAME_FIELD(struct linux_tcp_info, tcpi_retransmits, struct tcp_info, tcpi_retransmits),
    SAME_FIELD(struct linux_tcp_info, tcpi_probes, struct tcp_info, tcpi_probes),
    SAME_FIELD(struct linux_tcp_info, tcpi_backoff, struct tcp_info, tcpi_backoff),
    SAME_FIELD(struct linux_tcp_info, tcpi_options, struct tcp_info, tcpi_options),
    SAME_FIELD(struct linux_tcp_info, tcpi_rto, struct tcp_info, tcpi_rto),
    SAME_FIELD(struct linux_tcp_info, tcpi_ato, struct tcp_info, tcpi_ato),
    SAME_FIELD(struct linux_tcp_info, tcpi_snd_mss, struct tcp_info, tcpi_snd_mss),
    SAME_FIELD(struct linux_tcp_info, tcpi_rcv_mss, struct tcp_info, tcpi_rcv_mss),
    SAME_FIELD(struct linux_tcp_info, tcpi_unacked, struct tcp_info, tcpi_unacked),
    SAME_FIELD(struct linux_tcp_info, tcpi_sacked, struct tcp_info, tcpi_sacked),
    SAME_FIELD(struct linux_tcp_info, tcpi_lost, struct tcp_info, tcpi_lost),
    SAME_FIELD(struct linux_tcp_info, tcpi_retrans, struct tcp_info, tcpi_retrans),
    SAME_FIELD(struct linux_tcp_info, tcpi_fackets, struct tcp_info, tcpi_fackets),
    SAME_FIELD(struct linux_tcp_info, tcpi_last_data_sent, struct tcp_info, tcpi_last_data_sent),
    SAME_FIELD(struct linux_tcp_info, tcpi_last_ack_sent, struct tcp_info, tcpi_last_ack_sent),
    SAME_FIELD(struct linux_tcp_info, tcpi_last_data_recv, struct tcp_info, tcpi_last_data_recv),
    SAME_FIELD(struct linux_tcp_info, tcpi_last_ack_recv, struct tcp_info, tcpi_last_ack_recv),
    SAME_FIELD(struct linux_tcp_info, tcpi_pmtu, struct tcp_info, tcpi_pmtu),
    SAME_FIELD(struct linux_tcp_info, tcpi_rcv_ssthresh, struct tcp_info, tcpi_rcv_ssthresh),
    SAME_FIELD(struct linux_tcp_info, tcpi_rtt, struct tcp_info, tcpi_rtt),
    SAME_FIELD(struct linux_tcp_info, tcpi_rttvar, struct tcp_info, tcpi_rttvar),
    SAME_FIELD(struct linux_tcp_info, tcpi_snd_ssthresh, struct tcp_info, tcpi_snd_ssthresh),
    SAME_FIELD(struct linux_tcp_info, tcpi_snd_cwnd, struct tcp_info, tcpi_snd_cwnd),
    SAME_FIELD(struct linux_tcp_info, tcpi_advmss, struct tcp_info, tcpi_advmss),
    SAME_FIELD(struct linux_tcp_info, tcpi_reordering, struct tcp_info, tcpi_reordering),
    SAME_FIELD(struct linux_tcp_info, tcpi_rcv_rtt, struct tcp_info, tcpi_rcv_rtt),
    SAME_FIELD(struct linux_tcp_info, tcpi_rcv_space, struct tcp_info, tcpi_rcv_space),
    SAME_FIELD(struct linux_tcp_info, tcpi_total_retrans, struct tcp_info, tcpi_total_retrans),
    SAME_FIELD(struct linux_tcp_info, tcpi_pacing_rate, struct tcp_info, tcpi_pacing_rate),
    SAME_FIELD(struct linux_tcp_info, tcpi_max_pacing_rate, struct tcp_info, tcpi_max_pacing_rate),
    SAME_FIELD(struct linux_tcp_info, tcpi_bytes_acked, struct tcp_info, tcpi_bytes_acked),
    SAME_FIELD(struct linux_tcp_info, tcpi_bytes_received, struct tcp_info, tcpi_bytes_received),
    SAME_FIELD(struct linux_tcp_info, tcpi_segs_out, struct tcp_info, tcpi_segs_out),
    SAME_FIELD(struct linux_tcp_info, tcpi_segs_in, struct tcp_info, tcpi_segs_in),
    SAME_FIELD(struct linux_tcp_info, tcpi_notsent_bytes, struct tcp_info, tcpi_notsent_bytes),
    SAME_FIELD(struct linux_tcp_info, tcpi_min_rtt, struct tcp_info, tcpi_min_rtt),
    SAME_FIELD(struct linux_tcp_info, tcpi_data_segs_in, struct tcp_info, tcpi_data_segs_in),
    SAME_FIELD(struct linux_tcp_info, tcpi_data_segs_out, struct tcp_info, tcpi_data_segs_out),
    SAME_FIELD(struct linux_tcp_info, tcpi_delivery_rate, struct tcp_info, tcpi_delivery_rate),
    SAME_FIELD(struct linux_tcp_info, tcpi_busy_time, struct tcp_info, tcpi_busy_time),
    SAME_FIELD(struct linux_tcp_info, tcpi_rwnd_limited, struct tcp_info, tcpi_rwnd_limited),
    SAME_FIELD(struct linux_tcp_info, tcpi_sndbuf_limited, struct tcp_info, tcpi_sndbuf_limited),
    SAME_FIELD(struct linux_tcp_info, tcpi_delivered, struct tcp_info, tcpi_delivered),
    SAME_FIELD(struct linux_tcp_info, tcpi_delivered_ce, struct tcp_info, tcpi_delivered_ce),
    SAME_FIELD(struct linux_tcp_info, tcpi_bytes_sent, struct tcp_info, tcpi_bytes_sent),
    SAME_FIELD(struct linux_tcp_info, tcpi_bytes_retrans, struct tcp_info, tcpi_bytes_retrans),
    SAME_FIELD(struct linux_tcp_info, tcpi_dsack_dups, struct tcp_info, tcpi_dsack_dups),
    SAME_FIELD(struct linux_tcp_info, tcpi_reord_seen, struct tcp_info, tcpi_reord_seen),
    SAME_FIELD(struct linux_tcp_info, tcpi_rcv_ooopack, struct tcp_info, tcpi_rcv_ooopack),
    SAME_FIELD(struct linux_tcp_info, tcpi_snd_wnd, struct tcp_info, tcpi_snd_wnd),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *inet_suite(void)
{
    return unit_suite("inet", add);
}

UNIT_MAIN(inet_suite)
