/* SPDX-License-Identifier: MIT
 *
 * The names that uname(2) reports.
 */
#ifndef KERNEL_PROC_UTS_H
#define KERNEL_PROC_UTS_H

struct linux_utsname;

enum uts_field { UTS_NODENAME, UTS_DOMAINNAME };

void uts_get(struct linux_utsname *out);
/* At most 64 characters, NUL-terminated. */
void uts_set(enum uts_field field, const char *value);

#endif
