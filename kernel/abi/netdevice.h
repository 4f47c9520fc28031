/* SPDX-License-Identifier: MIT */
/* netdevice(7), packet(7): interface requests and link-layer addresses. */
#ifndef KERNEL_ABI_NETDEVICE_H
#define KERNEL_ABI_NETDEVICE_H

#include "kernel/abi/socket.h"
#include <stdint.h>

#define IFNAMSIZ 16

#define IFF_UP 0x1
#define IFF_BROADCAST 0x2
#define IFF_DEBUG 0x4
#define IFF_LOOPBACK 0x8
#define IFF_POINTOPOINT 0x10
#define IFF_NOTRAILERS 0x20
#define IFF_RUNNING 0x40
#define IFF_NOARP 0x80
#define IFF_PROMISC 0x100
#define IFF_ALLMULTI 0x200
#define IFF_MULTICAST 0x1000
#define IFF_LOWER_UP 0x10000

#define SIOCADDRT 0x890B
#define SIOCDELRT 0x890C
#define SIOCGIFNAME 0x8910
#define SIOCGIFCONF 0x8912
#define SIOCGIFFLAGS 0x8913
#define SIOCSIFFLAGS 0x8914
#define SIOCGIFADDR 0x8915
#define SIOCSIFADDR 0x8916
#define SIOCGIFDSTADDR 0x8917
#define SIOCSIFDSTADDR 0x8918
#define SIOCGIFBRDADDR 0x8919
#define SIOCSIFBRDADDR 0x891a
#define SIOCGIFNETMASK 0x891b
#define SIOCSIFNETMASK 0x891c
#define SIOCGIFMETRIC 0x891d
#define SIOCSIFMETRIC 0x891e
#define SIOCGIFMTU 0x8921
#define SIOCSIFMTU 0x8922
#define SIOCSIFNAME 0x8923
#define SIOCSIFHWADDR 0x8924
#define SIOCGIFHWADDR 0x8927
#define SIOCGIFINDEX 0x8933
#define SIOCGSKNS 0x894C
#define SIOCGIFTXQLEN 0x8942
#define SIOCSIFTXQLEN 0x8943
#define SIOCETHTOOL 0x8946
#define SIOCDARP 0x8953
#define SIOCGARP 0x8954
#define SIOCSARP 0x8955
#define SIOCGIFMAP 0x8970

#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
#define ARPHRD_NONE 0xFFFE

#define ETH_ALEN 6
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_IPV6 0x86DD
#define ETH_P_ALL 0x0003

struct linux_ifmap {
    uint64_t mem_start;
    uint64_t mem_end;
    uint16_t base_addr;
    uint8_t irq;
    uint8_t dma;
    uint8_t port;
    uint8_t pad[3];
};

struct linux_ifreq {
    char ifr_name[IFNAMSIZ];
    union {
        struct linux_sockaddr ifr_addr;
        int16_t ifr_flags;
        int32_t ifr_ivalue; /* index, metric, mtu, queue length */
        struct linux_ifmap ifr_map;
        char ifr_newname[IFNAMSIZ];
        uint64_t ifr_data;
    };
};

struct linux_ifconf {
    int32_t ifc_len; /* bytes */
    uint32_t pad;
    uint64_t ifc_req;
};

struct linux_rtentry {
    uint64_t rt_pad1;
    struct linux_sockaddr rt_dst;
    struct linux_sockaddr rt_gateway;
    struct linux_sockaddr rt_genmask;
    uint16_t rt_flags; /* RTF_* */
    int16_t rt_pad2;
    uint32_t rt_pad2b;
    uint64_t rt_pad3;
    uint64_t rt_pad4;
    int16_t rt_metric; /* plus one */
    uint16_t rt_pad5[3];
    uint64_t rt_dev; /* address of the interface's name */
    uint64_t rt_mtu;
    uint64_t rt_window;
    uint16_t rt_irtt;
    uint16_t rt_pad6[3];
};

#define RTF_UP 0x0001
#define RTF_GATEWAY 0x0002
#define RTF_HOST 0x0004
#define RTF_REJECT 0x0200

struct linux_arpreq {
    struct linux_sockaddr arp_pa;
    struct linux_sockaddr arp_ha;
    int32_t arp_flags; /* ATF_* */
    struct linux_sockaddr arp_netmask;
    char arp_dev[IFNAMSIZ];
};

#define ATF_COM 0x02
#define ATF_PERM 0x04

struct linux_sockaddr_ll {
    uint16_t sll_family;
    uint16_t sll_protocol; /* big-endian */
    int32_t sll_ifindex;
    uint16_t sll_hatype;
    uint8_t sll_pkttype; /* PACKET_HOST .. */
    uint8_t sll_halen;
    uint8_t sll_addr[8];
};

#define PACKET_HOST 0
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING 4
#define PACKET_ADD_MEMBERSHIP 1
#define PACKET_DROP_MEMBERSHIP 2
#define PACKET_STATISTICS 6
#define PACKET_AUXDATA 8
#define PACKET_VERSION 10

#endif
