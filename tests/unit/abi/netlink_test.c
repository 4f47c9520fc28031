/* SPDX-License-Identifier: MIT */
/* kernel/abi/netlink.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(NETLINK_ROUTE) V(NETLINK_SOCK_DIAG) V(NETLINK_AUDIT) V(NETLINK_NETFILTER) \
    V(NETLINK_KOBJECT_UEVENT) V(NETLINK_GENERIC) V(NLM_F_REQUEST) V(NLM_F_MULTI) V(NLM_F_ACK) \
    V(NLM_F_ECHO) V(NLM_F_DUMP_INTR) V(NLM_F_ROOT) V(NLM_F_MATCH) V(NLM_F_ATOMIC) V(NLM_F_DUMP) \
    V(NLM_F_REPLACE) V(NLM_F_EXCL) V(NLM_F_CREATE) V(NLM_F_APPEND) V(NLM_F_CAPPED) \
    V(NLM_F_ACK_TLVS) V(NLMSG_NOOP) V(NLMSG_ERROR) V(NLMSG_DONE) V(NLMSG_OVERRUN) \
    V(NLMSG_MIN_TYPE) V(NETLINK_ADD_MEMBERSHIP) V(NETLINK_DROP_MEMBERSHIP) V(NETLINK_PKTINFO) \
    V(NETLINK_BROADCAST_ERROR) V(NETLINK_NO_ENOBUFS) V(NETLINK_LISTEN_ALL_NSID) \
    V(NETLINK_LIST_MEMBERSHIPS) V(NETLINK_CAP_ACK) V(NETLINK_EXT_ACK) V(NETLINK_GET_STRICT_CHK) \
    V(NLA_F_NESTED) V(NLA_F_NET_BYTEORDER) V(NLA_TYPE_MASK) V(RTM_NEWLINK) V(RTM_DELLINK) \
    V(RTM_GETLINK) V(RTM_SETLINK) V(RTM_NEWADDR) V(RTM_DELADDR) V(RTM_GETADDR) V(RTM_NEWROUTE) \
    V(RTM_DELROUTE) V(RTM_GETROUTE) V(RTM_NEWNEIGH) V(RTM_DELNEIGH) V(RTM_GETNEIGH) \
    V(RTM_NEWRULE) V(RTM_DELRULE) V(RTM_GETRULE) V(RTM_NEWQDISC) V(RTM_DELQDISC) V(RTM_GETQDISC) \
    V(RTNLGRP_LINK) V(RTNLGRP_NEIGH) V(RTNLGRP_IPV4_IFADDR) V(RTNLGRP_IPV4_ROUTE) \
    V(RTNLGRP_IPV6_IFADDR) V(RTNLGRP_IPV6_ROUTE) V(IFLA_ADDRESS) V(IFLA_BROADCAST) \
    V(IFLA_IFNAME) V(IFLA_MTU) V(IFLA_LINK) V(IFLA_QDISC) V(IFLA_STATS) V(IFLA_MASTER) \
    V(IFLA_TXQLEN) V(IFLA_MAP) V(IFLA_OPERSTATE) V(IFLA_LINKMODE) V(IFLA_LINKINFO) \
    V(IFLA_NET_NS_PID) V(IFLA_STATS64) V(IFLA_AF_SPEC) V(IFLA_GROUP) V(IFLA_NET_NS_FD) \
    V(IFLA_EXT_MASK) V(IFLA_PROMISCUITY) V(IFLA_NUM_TX_QUEUES) V(IFLA_NUM_RX_QUEUES) \
    V(IFLA_CARRIER) V(IFLA_INFO_KIND) V(IFLA_INFO_DATA) V(IF_OPER_UNKNOWN) V(IF_OPER_DOWN) \
    V(IF_OPER_UP) V(IFA_ADDRESS) V(IFA_LOCAL) V(IFA_LABEL) V(IFA_BROADCAST) V(IFA_CACHEINFO) \
    V(IFA_FLAGS) V(IFA_F_SECONDARY) V(IFA_F_NODAD) V(IFA_F_TENTATIVE) V(IFA_F_PERMANENT) \
    V(RTA_DST) V(RTA_SRC) V(RTA_IIF) V(RTA_OIF) V(RTA_GATEWAY) V(RTA_PRIORITY) V(RTA_PREFSRC) \
    V(RTA_METRICS) V(RTA_MULTIPATH) V(RTA_CACHEINFO) V(RTA_TABLE) V(RTN_UNICAST) V(RTN_LOCAL) \
    V(RTN_BROADCAST) V(RTN_MULTICAST) V(RTN_BLACKHOLE) V(RTN_UNREACHABLE) V(RTPROT_UNSPEC) \
    V(RTPROT_KERNEL) V(RTPROT_BOOT) V(RTPROT_STATIC) V(RTPROT_RA) V(RTPROT_DHCP) \
    V(RT_SCOPE_UNIVERSE) V(RT_SCOPE_SITE) V(RT_SCOPE_LINK) V(RT_SCOPE_HOST) V(RT_SCOPE_NOWHERE) \
    V(RT_TABLE_UNSPEC) V(RT_TABLE_MAIN) V(RT_TABLE_LOCAL) V(NDA_DST) V(NDA_LLADDR) \
    V(NDA_CACHEINFO) V(NUD_INCOMPLETE) V(NUD_REACHABLE) V(NUD_STALE) V(NUD_DELAY) V(NUD_PROBE) \
    V(NUD_FAILED) V(NUD_NOARP) V(NUD_PERMANENT)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/netlink.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_sockaddr_nl, struct sockaddr_nl),
    SAME_FIELD(struct linux_sockaddr_nl, nl_family, struct sockaddr_nl, nl_family),
    SAME_FIELD(struct linux_sockaddr_nl, nl_pad, struct sockaddr_nl, nl_pad),
    SAME_FIELD(struct linux_sockaddr_nl, nl_pid, struct sockaddr_nl, nl_pid),
    SAME_FIELD(struct linux_sockaddr_nl, nl_groups, struct sockaddr_nl, nl_groups),
    SAME_SIZE(struct linux_nlmsghdr, struct nlmsghdr),
    SAME_FIELD(struct linux_nlmsghdr, nlmsg_len, struct nlmsghdr, nlmsg_len),
    SAME_FIELD(struct linux_nlmsghdr, nlmsg_type, struct nlmsghdr, nlmsg_type),
    SAME_FIELD(struct linux_nlmsghdr, nlmsg_flags, struct nlmsghdr, nlmsg_flags),
    SAME_FIELD(struct linux_nlmsghdr, nlmsg_seq, struct nlmsghdr, nlmsg_seq),
    SAME_FIELD(struct linux_nlmsghdr, nlmsg_pid, struct nlmsghdr, nlmsg_pid),
    SAME_SIZE(struct linux_nlmsgerr, struct nlmsgerr),
    SAME_FIELD(struct linux_nlmsgerr, error, struct nlmsgerr, error),
    SAME_FIELD(struct linux_nlmsgerr, msg, struct nlmsgerr, msg),
    SAME_SIZE(struct linux_nlattr, struct nlattr),
    SAME_FIELD(struct linux_nlattr, nla_len, struct nlattr, nla_len),
    SAME_FIELD(struct linux_nlattr, nla_type, struct nlattr, nla_type),
    SAME_SIZE(struct linux_rtgenmsg, struct rtgenmsg),
    SAME_FIELD(struct linux_rtgenmsg, rtgen_family, struct rtgenmsg, rtgen_family),
    SAME_SIZE(struct linux_ifinfomsg, struct ifinfomsg),
    SAME_FIELD(struct linux_ifinfomsg, ifi_family, struct ifinfomsg, ifi_family),
    SAME_FIELD(struct linux_ifinfomsg, ifi_type, struct ifinfomsg, ifi_type),
    SAME_FIELD(struct linux_ifinfomsg, ifi_index, struct ifinfomsg, ifi_index),
    SAME_FIELD(struct linux_ifinfomsg, ifi_flags, struct ifinfomsg, ifi_flags),
    SAME_FIELD(struct linux_ifinfomsg, ifi_change, struct ifinfomsg, ifi_change),
    SAME_SIZE(struct linux_ifaddrmsg, struct ifaddrmsg),
    SAME_FIELD(struct linux_ifaddrmsg, ifa_family, struct ifaddrmsg, ifa_family),
    SAME_FIELD(struct linux_ifaddrmsg, ifa_prefixlen, struct ifaddrmsg, ifa_prefixlen),
    SAME_FIELD(struct linux_ifaddrmsg, ifa_flags, struct ifaddrmsg, ifa_flags),
    SAME_FIELD(struct linux_ifaddrmsg, ifa_scope, struct ifaddrmsg, ifa_scope),
    SAME_FIELD(struct linux_ifaddrmsg, ifa_index, struct ifaddrmsg, ifa_index),
    SAME_SIZE(struct linux_ifa_cacheinfo, struct ifa_cacheinfo),
    SAME_FIELD(struct linux_ifa_cacheinfo, ifa_prefered, struct ifa_cacheinfo, ifa_prefered),
    SAME_FIELD(struct linux_ifa_cacheinfo, ifa_valid, struct ifa_cacheinfo, ifa_valid),
    SAME_FIELD(struct linux_ifa_cacheinfo, cstamp, struct ifa_cacheinfo, cstamp),
    SAME_FIELD(struct linux_ifa_cacheinfo, tstamp, struct ifa_cacheinfo, tstamp),
    SAME_SIZE(struct linux_rtmsg, struct rtmsg),
    SAME_FIELD(struct linux_rtmsg, rtm_family, struct rtmsg, rtm_family),
    SAME_FIELD(struct linux_rtmsg, rtm_dst_len, struct rtmsg, rtm_dst_len),
    SAME_FIELD(struct linux_rtmsg, rtm_src_len, struct rtmsg, rtm_src_len),
    SAME_FIELD(struct linux_rtmsg, rtm_tos, struct rtmsg, rtm_tos),
    SAME_FIELD(struct linux_rtmsg, rtm_table, struct rtmsg, rtm_table),
    SAME_FIELD(struct linux_rtmsg, rtm_protocol, struct rtmsg, rtm_protocol),
    SAME_FIELD(struct linux_rtmsg, rtm_scope, struct rtmsg, rtm_scope),
    SAME_FIELD(struct linux_rtmsg, rtm_type, struct rtmsg, rtm_type),
    SAME_FIELD(struct linux_rtmsg, rtm_flags, struct rtmsg, rtm_flags),
    SAME_SIZE(struct linux_ndmsg, struct ndmsg),
    SAME_FIELD(struct linux_ndmsg, ndm_family, struct ndmsg, ndm_family),
    SAME_FIELD(struct linux_ndmsg, ndm_pad1, struct ndmsg, ndm_pad1),
    SAME_FIELD(struct linux_ndmsg, ndm_pad2, struct ndmsg, ndm_pad2),
    SAME_FIELD(struct linux_ndmsg, ndm_ifindex, struct ndmsg, ndm_ifindex),
    SAME_FIELD(struct linux_ndmsg, ndm_state, struct ndmsg, ndm_state),
    SAME_FIELD(struct linux_ndmsg, ndm_flags, struct ndmsg, ndm_flags),
    SAME_FIELD(struct linux_ndmsg, ndm_type, struct ndmsg, ndm_type),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *netlink_suite(void)
{
    return unit_suite("netlink", add);
}

UNIT_MAIN(netlink_suite)
