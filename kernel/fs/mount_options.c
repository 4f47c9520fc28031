/* SPDX-License-Identifier: MIT
 *
 * Takes the text of mount options apart, for the file systems that understand them; mount(8).
 */
#include "kernel/fs/mount_options.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

int mount_options_parse(const char *text, mount_option_fn *option, void *context)
{
    if (!text || !*text)
        return 0;
    char *copy = kstrdup(text);
    if (!copy)
        return -ENOMEM;
    int error = 0;
    for (char *at = copy; at && !error;) {
        char *next = kstrchr(at, ',');
        if (next)
            *next++ = 0;
        char *value = kstrchr(at, '=');
        if (value)
            *value++ = 0;
        if (*at)
            error = option(at, value, context);
        at = next;
    }
    kfree(copy);
    return error;
}
