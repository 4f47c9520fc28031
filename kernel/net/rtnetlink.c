/* SPDX-License-Identifier: MIT
 *
 * Requests about the namespace's devices and addresses, rtnetlink(7): the loopback interface is
 * shown, brought up and down, and given IPv4 addresses. Routes do not exist yet.
 *
 * Answers are written into one buffer, which has room for every address that there can be.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/netdevice.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/net/net_internal.h"
#include "kernel/security/cred.h"

enum { ANSWER_BYTES = 4096, MESSAGES_MAX = 120, KIND_MASK = 3, KIND_GET = 2 };

/* ---- answers ---- */

struct answer {
    struct netlink_socket *nl;
    const struct linux_nlmsghdr *request;
    uint8_t *bytes;
    size_t length;  /* of all messages */
    size_t message; /* where the last one starts */
};

static void *append(struct answer *answer, size_t bytes)
{
    uint8_t *at = answer->bytes + answer->length;
    assert(answer->length + LINUX_NETLINK_ALIGN(bytes) <= ANSWER_BYTES);
    answer->length += LINUX_NETLINK_ALIGN(bytes);
    memset(at, 0, LINUX_NETLINK_ALIGN(bytes));
    return at;
}

static struct linux_nlmsghdr *header_of(struct answer *answer)
{
    return (void *)(answer->bytes + answer->message);
}

/* A message with a body of so many bytes. */
static void *start_message(struct answer *answer, uint16_t type, size_t body_bytes)
{
    bool dump = (answer->request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    answer->message = answer->length;
    struct linux_nlmsghdr *header = append(answer, sizeof(*header));
    header->nlmsg_type = type;
    header->nlmsg_flags = dump ? NLM_F_MULTI : 0;
    header->nlmsg_seq = answer->request->nlmsg_seq;
    header->nlmsg_pid = atomic_load_relaxed(&answer->nl->port);
    return append(answer, body_bytes);
}

static void end_message(struct answer *answer)
{
    header_of(answer)->nlmsg_len = (uint32_t)(answer->length - answer->message);
}

static void put_attribute(struct answer *answer, uint16_t type, const void *value, size_t bytes)
{
    struct linux_nlattr *attribute = append(answer, sizeof(*attribute) + bytes);
    attribute->nla_len = (uint16_t)(sizeof(*attribute) + bytes);
    attribute->nla_type = type;
    memcpy(attribute + 1, value, bytes);
}

static void put_u32(struct answer *answer, uint16_t type, uint32_t value)
{
    put_attribute(answer, type, &value, sizeof(value));
}

static void put_u8(struct answer *answer, uint16_t type, uint8_t value)
{
    put_attribute(answer, type, &value, sizeof(value));
}

static void put_string(struct answer *answer, uint16_t type, const char *text)
{
    put_attribute(answer, type, text, kstrlen(text) + 1);
}

static void put_link(struct answer *answer)
{
    struct net_stack *stack = net_stack_of(answer->nl->socket->net);
    const uint8_t address[ETH_ALEN] = {0};
    uint32_t flags = net_loopback_flags(stack);
    bool up = flags & IFF_UP;
    struct linux_ifinfomsg *info = start_message(answer, RTM_NEWLINK, sizeof(*info));
    info->ifi_type = ARPHRD_LOOPBACK;
    info->ifi_index = NET_LOOPBACK_INDEX;
    info->ifi_flags = flags;
    put_string(answer, IFLA_IFNAME, NET_LOOPBACK_NAME);
    put_u32(answer, IFLA_TXQLEN, 1000);
    put_u8(answer, IFLA_OPERSTATE, up ? IF_OPER_UNKNOWN : IF_OPER_DOWN);
    put_u8(answer, IFLA_LINKMODE, 0);
    put_u32(answer, IFLA_MTU, NET_LOOPBACK_MTU);
    put_u32(answer, IFLA_GROUP, 0);
    put_u32(answer, IFLA_PROMISCUITY, 0);
    put_u32(answer, IFLA_NUM_TX_QUEUES, 1);
    put_u32(answer, IFLA_NUM_RX_QUEUES, 1);
    put_u8(answer, IFLA_CARRIER, 1);
    put_string(answer, IFLA_QDISC, up ? "noqueue" : "noop");
    put_attribute(answer, IFLA_ADDRESS, address, sizeof(address));
    put_attribute(answer, IFLA_BROADCAST, address, sizeof(address));
    end_message(answer);
}

static void put_address(struct answer *answer, const struct net_address *address)
{
    const struct linux_ifa_cacheinfo forever = {.ifa_prefered = UINT32_MAX,
                                                .ifa_valid = UINT32_MAX};
    struct linux_ifaddrmsg *info = start_message(answer, RTM_NEWADDR, sizeof(*info));
    info->ifa_family = AF_INET;
    info->ifa_prefixlen = address->prefix_bits;
    info->ifa_flags = address->flags | IFA_F_PERMANENT;
    info->ifa_scope = address->scope;
    info->ifa_index = NET_LOOPBACK_INDEX;
    put_attribute(answer, IFA_ADDRESS, &address->local, sizeof(address->local));
    put_attribute(answer, IFA_LOCAL, &address->local, sizeof(address->local));
    put_string(answer, IFA_LABEL, NET_LOOPBACK_NAME);
    put_u32(answer, IFA_FLAGS, address->flags | IFA_F_PERMANENT);
    put_attribute(answer, IFA_CACHEINFO, &forever, sizeof(forever));
    end_message(answer);
}

static void put_addresses(struct answer *answer)
{
    struct net_stack *stack = net_stack_of(answer->nl->socket->net);
    struct net_address copy[NET_ADDRESSES_MAX];
    spin_lock(&stack->lock);
    unsigned count = stack->address_count;
    memcpy(copy, stack->addresses, sizeof(copy));
    spin_unlock(&stack->lock);
    for (unsigned i = 0; i < count; i++)
        put_address(answer, &copy[i]);
}

/* ---- what a request says ---- */

/* The value of an attribute behind a body of so many bytes, at least `least` long; or NULL. */
static const void *find_attribute(const struct linux_nlmsghdr *header, size_t bytes,
                                  size_t body_bytes, uint16_t type, size_t least, size_t *out_bytes)
{
    const uint8_t *base = (const uint8_t *)header;
    size_t at = LINUX_NETLINK_ALIGN(sizeof(*header) + body_bytes);
    struct linux_nlattr attribute;
    while (at + sizeof(attribute) <= bytes) {
        memcpy(&attribute, base + at, sizeof(attribute));
        if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > bytes - at)
            return NULL;
        if ((attribute.nla_type & NLA_TYPE_MASK) == type &&
            attribute.nla_len - sizeof(attribute) >= least) {
            *out_bytes = attribute.nla_len - sizeof(attribute);
            return base + at + sizeof(attribute);
        }
        at += LINUX_NETLINK_ALIGN(attribute.nla_len);
    }
    return NULL;
}

/* Does the request mean our only device? By number, else by name. */
static int find_device(const struct linux_nlmsghdr *header, size_t bytes,
                       const struct linux_ifinfomsg *info)
{
    size_t length;
    if (info->ifi_index > 0)
        return info->ifi_index == NET_LOOPBACK_INDEX ? 0 : -ENODEV;
    const char *name = find_attribute(header, bytes, sizeof(*info), IFLA_IFNAME, 1, &length);
    if (!name)
        return -EINVAL;
    const size_t wanted = sizeof(NET_LOOPBACK_NAME) - 1;
    bool same = length >= wanted && memcmp(name, NET_LOOPBACK_NAME, wanted) == 0 &&
                (length == wanted || name[wanted] == '\0');
    return same ? 0 : -ENODEV;
}

/* ---- changes ---- */

static int find_address_locked(const struct net_stack *stack, uint32_t local, uint8_t prefix_bits)
{
    for (unsigned i = 0; i < stack->address_count; i++) {
        if (stack->addresses[i].local == local && stack->addresses[i].prefix_bits == prefix_bits)
            return (int)i;
    }
    return -1;
}

static int add_address_locked(struct net_stack *stack, const struct net_address *address)
{
    if (stack->address_count == NET_ADDRESSES_MAX)
        return -ENOBUFS;
    stack->addresses[stack->address_count++] = *address;
    return 0;
}

/* An interface that comes up without an address gets 127.0.0.1/8. */
static void set_link(struct net_stack *stack, bool up)
{
    const struct net_address localhost = {
        .local = 0x0100007f, .prefix_bits = 8, .scope = RT_SCOPE_HOST};
    spin_lock(&stack->lock);
    atomic_store_relaxed(&stack->loopback_up, up);
    if (up && stack->address_count == 0)
        add_address_locked(stack, &localhost);
    spin_unlock(&stack->lock);
}

static int change_link(struct net_stack *stack, const struct linux_nlmsghdr *header, size_t bytes)
{
    struct linux_ifinfomsg info;
    if (bytes < sizeof(*header) + sizeof(info))
        return -EINVAL;
    memcpy(&info, header + 1, sizeof(info));
    int error = find_device(header, bytes, &info);
    if (error == -ENODEV && (header->nlmsg_flags & NLM_F_CREATE))
        return -EOPNOTSUPP; /* no kinds of devices to make */
    if (error)
        return error;
    if ((header->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL)) == (NLM_F_CREATE | NLM_F_EXCL))
        return -EEXIST;
    /* Without a mask all flags that can change are meant. */
    if ((info.ifi_change ? info.ifi_change : info.ifi_flags) & IFF_UP)
        set_link(stack, info.ifi_flags & IFF_UP);
    return 0;
}

static int change_address(struct net_stack *stack, const struct linux_nlmsghdr *header,
                          size_t bytes)
{
    struct linux_ifaddrmsg info;
    size_t length;
    if (bytes < sizeof(*header) + sizeof(info))
        return -EINVAL;
    memcpy(&info, header + 1, sizeof(info));
    if (info.ifa_family != AF_INET)
        return -EOPNOTSUPP;
    const void *local = find_attribute(header, bytes, sizeof(info), IFA_LOCAL, 4, &length);
    if (!local || info.ifa_prefixlen > 32)
        return -EINVAL;
    if (info.ifa_index != NET_LOOPBACK_INDEX)
        return -ENODEV;
    struct net_address address = {.prefix_bits = info.ifa_prefixlen, .scope = info.ifa_scope};
    memcpy(&address.local, local, sizeof(address.local));

    spin_lock(&stack->lock);
    int at = find_address_locked(stack, address.local, address.prefix_bits), error = 0;
    if (header->nlmsg_type == RTM_DELADDR && at < 0)
        error = -EADDRNOTAVAIL;
    else if (header->nlmsg_type == RTM_DELADDR)
        stack->addresses[at] = stack->addresses[--stack->address_count];
    else if (at < 0)
        error = add_address_locked(stack, &address);
    else if ((header->nlmsg_flags & NLM_F_EXCL) || !(header->nlmsg_flags & NLM_F_REPLACE))
        error = -EEXIST;
    spin_unlock(&stack->lock);
    return error;
}

/* ---- questions ---- */

static int answer_link(struct answer *answer, size_t bytes)
{
    struct linux_ifinfomsg info = {0};
    size_t body = MIN(bytes - sizeof(*answer->request), sizeof(info));
    memcpy(&info, answer->request + 1, body);
    int error = body < sizeof(info) ? -EINVAL : find_device(answer->request, bytes, &info);
    if (!error)
        put_link(answer);
    return error;
}

static int fill_answer(struct answer *answer, size_t bytes)
{
    bool dump = (answer->request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    uint16_t type = answer->request->nlmsg_type;
    if (!dump)
        return type == RTM_GETLINK ? answer_link(answer, bytes) : -EOPNOTSUPP;
    switch (type) {
    case RTM_GETLINK:
        put_link(answer);
        break;
    case RTM_GETADDR:
        put_addresses(answer);
        break;
    case RTM_GETROUTE:
    case RTM_GETNEIGH:
    case RTM_GETRULE:
    case RTM_GETQDISC:
        break; /* none */
    default:
        return -EOPNOTSUPP;
    }
    start_message(answer, NLMSG_DONE, sizeof(int32_t));
    end_message(answer);
    return 0;
}

static int answer_request(struct netlink_socket *nl, const struct linux_nlmsghdr *header,
                          size_t bytes)
{
    struct answer answer = {.nl = nl, .request = header, .bytes = kmalloc(ANSWER_BYTES)};
    if (!answer.bytes)
        return -ENOBUFS;
    int error = fill_answer(&answer, bytes);
    if (!error)
        netlink_reply(nl, answer.bytes, answer.length);
    kfree(answer.bytes);
    if (error)
        return error;
    return (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ? NETLINK_ANSWERED : 0;
}

int rtnetlink_request(struct netlink_socket *nl, const struct linux_nlmsghdr *header, size_t bytes)
{
    struct net_stack *stack = net_stack_of(nl->socket->net);
    uint16_t type = header->nlmsg_type;
    if (type > MESSAGES_MAX)
        return -EOPNOTSUPP;
    if (bytes < sizeof(*header) + sizeof(struct linux_rtgenmsg))
        return 0;
    if ((type & KIND_MASK) == KIND_GET)
        return answer_request(nl, header, bytes);
    if (!capable_in(stack->ns->common.owner, CAP_NET_ADMIN))
        return -EPERM;
    switch (type) {
    case RTM_NEWLINK:
    case RTM_SETLINK:
        return change_link(stack, header, bytes);
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return change_address(stack, header, bytes);
    default:
        return -EOPNOTSUPP;
    }
}
