/* SPDX-License-Identifier: MIT
 *
 * The names that uname(2) reports, of the UTS namespace of the current thread. Programs take `release` for the version of the Linux ABI, which
 * is why it starts with the one that we implement.
 */
#include "kernel/proc/uts.h"

#include "kernel/abi/uname.h"
#include "kernel/lib/string.h"
#include "kernel/proc/namespaces.h"

void uts_get(struct linux_utsname *out)
{
    struct uts_namespace *ns = namespaces_current()->uts;

    memset(out, 0, sizeof(*out));
    kstrlcpy(out->sysname, "Linux", sizeof(out->sysname));
    kstrlcpy(out->release, "6.1.0-assay", sizeof(out->release));
    kstrlcpy(out->version, "#1 SMP Assay", sizeof(out->version));
    kstrlcpy(out->machine, "x86_64", sizeof(out->machine));
    spin_lock(&ns->lock);
    memcpy(out->nodename, ns->nodename, sizeof(out->nodename));
    memcpy(out->domainname, ns->domainname, sizeof(out->domainname));
    spin_unlock(&ns->lock);
}

void uts_set(enum uts_field field, const char *value)
{
    struct uts_namespace *ns = namespaces_current()->uts;
    char *name = field == UTS_NODENAME ? ns->nodename : ns->domainname;

    spin_lock(&ns->lock);
    memset(name, 0, UTSNAME_LENGTH);
    kstrlcpy(name, value, UTSNAME_LENGTH);
    spin_unlock(&ns->lock);
}
