/* SPDX-License-Identifier: MIT */
/* kernel/abi/netdevice.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/route.h>
#include <linux/sockios.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(IFNAMSIZ) V(IFF_UP) V(IFF_BROADCAST) V(IFF_DEBUG) V(IFF_LOOPBACK) V(IFF_POINTOPOINT) \
    V(IFF_NOTRAILERS) V(IFF_RUNNING) V(IFF_NOARP) V(IFF_PROMISC) V(IFF_ALLMULTI) \
    V(IFF_MULTICAST) V(IFF_LOWER_UP) V(SIOCADDRT) V(SIOCDELRT) V(SIOCGIFNAME) V(SIOCGIFCONF) \
    V(SIOCGIFFLAGS) V(SIOCSIFFLAGS) V(SIOCGIFADDR) V(SIOCSIFADDR) V(SIOCGIFDSTADDR) \
    V(SIOCSIFDSTADDR) V(SIOCGIFBRDADDR) V(SIOCSIFBRDADDR) V(SIOCGIFNETMASK) V(SIOCSIFNETMASK) \
    V(SIOCGIFMETRIC) V(SIOCSIFMETRIC) V(SIOCGIFMTU) V(SIOCSIFMTU) V(SIOCSIFNAME) \
    V(SIOCSIFHWADDR) V(SIOCGIFHWADDR) V(SIOCGIFINDEX) V(SIOCGIFTXQLEN) V(SIOCSIFTXQLEN) \
    V(SIOCETHTOOL) V(SIOCDARP) V(SIOCGARP) V(SIOCSARP) V(SIOCGIFMAP) V(ARPHRD_ETHER) \
    V(ARPHRD_LOOPBACK) V(ARPHRD_NONE) V(ETH_ALEN) V(ETH_HLEN) V(ETH_P_IP) V(ETH_P_ARP) \
    V(ETH_P_IPV6) V(ETH_P_ALL) V(RTF_UP) V(RTF_GATEWAY) V(RTF_HOST) V(RTF_REJECT) V(ATF_COM) \
    V(ATF_PERM) V(PACKET_HOST) V(PACKET_BROADCAST) V(PACKET_MULTICAST) V(PACKET_OTHERHOST) \
    V(PACKET_OUTGOING) V(PACKET_ADD_MEMBERSHIP) V(PACKET_DROP_MEMBERSHIP) V(PACKET_STATISTICS) \
    V(PACKET_AUXDATA) V(PACKET_VERSION)
/* clang-format on */

HOST_TABLE(NAMES);

#undef ifr_name
#undef ifr_addr
#undef ifr_flags
#undef ifr_ivalue
#undef ifr_map
#undef ifr_newname
#undef ifr_data
#undef ifc_req
#undef rt_dev
#undef arp_dev

#define ABI_HEADER "kernel/abi/netdevice.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_ifmap, struct ifmap),
    SAME_FIELD(struct linux_ifmap, mem_start, struct ifmap, mem_start),
    SAME_FIELD(struct linux_ifmap, mem_end, struct ifmap, mem_end),
    SAME_FIELD(struct linux_ifmap, base_addr, struct ifmap, base_addr),
    SAME_FIELD(struct linux_ifmap, irq, struct ifmap, irq),
    SAME_FIELD(struct linux_ifmap, dma, struct ifmap, dma),
    SAME_FIELD(struct linux_ifmap, port, struct ifmap, port),
    SAME_SIZE(struct linux_ifreq, struct ifreq),
    SAME_FIELD(struct linux_ifreq, ifr_name, struct ifreq, ifr_ifrn.ifrn_name),
    SAME_SIZE(struct linux_ifconf, struct ifconf),
    SAME_FIELD(struct linux_ifconf, ifc_len, struct ifconf, ifc_len),
    SAME_FIELD(struct linux_ifconf, ifc_req, struct ifconf, ifc_ifcu.ifcu_req),
    SAME_SIZE(struct linux_rtentry, struct rtentry),
    SAME_FIELD(struct linux_rtentry, rt_pad1, struct rtentry, rt_pad1),
    SAME_FIELD(struct linux_rtentry, rt_dst, struct rtentry, rt_dst),
    SAME_FIELD(struct linux_rtentry, rt_gateway, struct rtentry, rt_gateway),
    SAME_FIELD(struct linux_rtentry, rt_genmask, struct rtentry, rt_genmask),
    SAME_FIELD(struct linux_rtentry, rt_flags, struct rtentry, rt_flags),
    SAME_FIELD(struct linux_rtentry, rt_pad2, struct rtentry, rt_pad2),
    SAME_FIELD(struct linux_rtentry, rt_pad3, struct rtentry, rt_pad3),
    SAME_FIELD(struct linux_rtentry, rt_pad4, struct rtentry, rt_pad4),
    SAME_FIELD(struct linux_rtentry, rt_metric, struct rtentry, rt_metric),
    SAME_FIELD(struct linux_rtentry, rt_dev, struct rtentry, rt_dev),
    SAME_FIELD(struct linux_rtentry, rt_mtu, struct rtentry, rt_mtu),
    SAME_FIELD(struct linux_rtentry, rt_window, struct rtentry, rt_window),
    SAME_FIELD(struct linux_rtentry, rt_irtt, struct rtentry, rt_irtt),
    SAME_SIZE(struct linux_arpreq, struct arpreq),
    SAME_FIELD(struct linux_arpreq, arp_pa, struct arpreq, arp_pa),
    SAME_FIELD(struct linux_arpreq, arp_ha, struct arpreq, arp_ha),
    SAME_FIELD(struct linux_arpreq, arp_flags, struct arpreq, arp_flags),
    SAME_FIELD(struct linux_arpreq, arp_netmask, struct arpreq, arp_netmask),
    SAME_FIELD(struct linux_arpreq, arp_dev, struct arpreq, arp_dev),
    SAME_SIZE(struct linux_sockaddr_ll, struct sockaddr_ll),
    SAME_FIELD(struct linux_sockaddr_ll, sll_family, struct sockaddr_ll, sll_family),
    SAME_FIELD(struct linux_sockaddr_ll, sll_protocol, struct sockaddr_ll, sll_protocol),
    SAME_FIELD(struct linux_sockaddr_ll, sll_ifindex, struct sockaddr_ll, sll_ifindex),
    SAME_FIELD(struct linux_sockaddr_ll, sll_hatype, struct sockaddr_ll, sll_hatype),
    SAME_FIELD(struct linux_sockaddr_ll, sll_pkttype, struct sockaddr_ll, sll_pkttype),
    SAME_FIELD(struct linux_sockaddr_ll, sll_halen, struct sockaddr_ll, sll_halen),
    SAME_FIELD(struct linux_sockaddr_ll, sll_addr, struct sockaddr_ll, sll_addr),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *netdevice_suite(void)
{
    return unit_suite("netdevice", add);
}

UNIT_MAIN(netdevice_suite)
