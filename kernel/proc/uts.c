/* SPDX-License-Identifier: MIT
 *
 * The names that uname(2) reports. Programs take `release` for the version of the Linux ABI, which
 * is why it starts with the one that we implement.
 */
#include "kernel/proc/uts.h"

#include "kernel/abi/uname.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process_table.h"

void uts_get(struct kernel *kernel, struct linux_utsname *out)
{
    struct process_table *table = kernel->processes;

    memset(out, 0, sizeof(*out));
    kstrlcpy(out->sysname, "Linux", sizeof(out->sysname));
    kstrlcpy(out->release, "6.1.0-assay", sizeof(out->release));
    kstrlcpy(out->version, "#1 SMP Assay", sizeof(out->version));
    kstrlcpy(out->machine, "x86_64", sizeof(out->machine));
    spin_lock(&table->lock);
    memcpy(out->nodename, table->nodename, sizeof(out->nodename));
    memcpy(out->domainname, table->domainname, sizeof(out->domainname));
    spin_unlock(&table->lock);
}

void uts_set(struct kernel *kernel, enum uts_field field, const char *value)
{
    struct process_table *table = kernel->processes;
    char *name = field == UTS_NODENAME ? table->nodename : table->domainname;

    spin_lock(&table->lock);
    memset(name, 0, UTSNAME_LENGTH);
    kstrlcpy(name, value, UTSNAME_LENGTH);
    spin_unlock(&table->lock);
}
