/* SPDX-License-Identifier: MIT
 *
 * The network of a namespace, network_namespaces(7), and what any socket can be asked of its
 * devices, netdevice(7).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/netdevice.h"
#include "kernel/core/init.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/net_internal.h"

static int create_stack(struct net_namespace *ns, void **out)
{
    struct net_stack *stack = kzalloc(sizeof(*stack));
    if (!stack)
        return -ENOMEM;
    stack->ns = ns;
    spin_lock_init(&stack->lock, LOCK_RANK_OBJECT);
    list_init(&stack->netlink_sockets);
    *out = stack;
    return 0;
}

static void destroy_stack(void *stack)
{
    kfree(stack);
}

uint32_t net_loopback_flags(const struct net_stack *stack)
{
    return IFF_LOOPBACK |
           (atomic_load_relaxed(&stack->loopback_up) ? IFF_UP | IFF_RUNNING | IFF_LOWER_UP : 0);
}

/* ---- netdevice(7) ---- */

static int ask_device(const struct net_stack *stack, uint32_t command, struct linux_ifreq *request)
{
    if (!kstr_equal(request->ifr_name, NET_LOOPBACK_NAME))
        return -ENODEV;
    switch (command) {
    case SIOCGIFFLAGS:
        request->ifr_flags = (int16_t)net_loopback_flags(stack);
        return 0;
    case SIOCGIFINDEX:
        request->ifr_ivalue = NET_LOOPBACK_INDEX;
        return 0;
    case SIOCGIFMTU:
        request->ifr_ivalue = NET_LOOPBACK_MTU;
        return 0;
    case SIOCGIFMETRIC:
        request->ifr_ivalue = 0;
        return 0;
    case SIOCGIFTXQLEN:
        request->ifr_ivalue = 1000;
        return 0;
    case SIOCGIFHWADDR:
        memset(&request->ifr_addr, 0, sizeof(request->ifr_addr));
        request->ifr_addr.sa_family = ARPHRD_LOOPBACK;
        return 0;
    default:
        memset(&request->ifr_map, 0, sizeof(request->ifr_map));
        return 0;
    }
}

static int name_device(struct linux_ifreq *request)
{
    if (request->ifr_ivalue != NET_LOOPBACK_INDEX)
        return -ENODEV;
    kstrlcpy(request->ifr_name, NET_LOOPBACK_NAME, sizeof(request->ifr_name));
    return 0;
}

static int64_t device_ioctl(struct net_namespace *ns, uint32_t command, uint64_t argument)
{
    struct linux_ifreq request;
    switch (command) {
    case SIOCGIFNAME:
    case SIOCGIFFLAGS:
    case SIOCGIFMETRIC:
    case SIOCGIFMTU:
    case SIOCGIFHWADDR:
    case SIOCGIFINDEX:
    case SIOCGIFTXQLEN:
    case SIOCGIFMAP:
        break;
    default:
        return -ENOTTY;
    }
    if (copy_from_user(&request, argument, sizeof(request)))
        return -EFAULT;
    request.ifr_name[IFNAMSIZ - 1] = '\0';
    int error = command == SIOCGIFNAME ? name_device(&request)
                                       : ask_device(net_stack_of(ns), command, &request);
    return error ? error : copy_to_user(argument, &request, sizeof(request));
}

int net_init(struct kernel *kernel)
{
    static const struct net_stack_ops ops = {
        .create = create_stack, .destroy = destroy_stack, .ioctl = device_ioctl};
    int error = net_namespaces_set_stack(kernel, &ops);
    return error ? error : netlink_init(kernel);
}
