/* SPDX-License-Identifier: MIT
 *
 * The text of mount options, as mount(2) takes it: "name,name=value,...".
 */
#ifndef KERNEL_FS_MOUNT_OPTIONS_H
#define KERNEL_FS_MOUNT_OPTIONS_H

/* One option; value is NULL without a '='. Neither stays after the call. 0, or the error. */
typedef int mount_option_fn(const char *name, const char *value, void *context);

/* Calls `option` for each that is not empty, up to the first that fails: its error, or -ENOMEM.
 * text may be NULL. May block. */
int mount_options_parse(const char *text, mount_option_fn *option, void *context);

#endif
