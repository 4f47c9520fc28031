/* SPDX-License-Identifier: MIT
 *
 * Mount options of tmpfs(5): size, nr_blocks, nr_inodes, mode, uid, gid.
 */
#include "kernel/fs/tmpfs_internal.h"

#include "kernel/fs/mount_options.h"
#include "kernel/lib/parse.h"

struct parsing {
    struct kernel *kernel;
    struct tmpfs_options *options;
};

/* "N", "Nk", "N%" (of memory): bytes. */
static int parse_size(struct kernel *kernel, const char *value, uint64_t *out_bytes)
{
    size_t length = kstrlen(value);
    if (length == 0 || value[length - 1] != '%')
        return kstrtosize(value, out_bytes) ? -EINVAL : 0;
    const char *cursor = value;
    uint64_t percent;
    struct page_counts pages;
    if (kparse_u64(&cursor, 10, &percent) || cursor != value + length - 1 || percent > 100000)
        return -EINVAL;
    page_count(kernel, &pages);
    *out_bytes = pages.total * percent / 100 * PAGE_SIZE;
    return 0;
}

static int parse_one(struct kernel *kernel, const char *key, const char *value,
                     struct tmpfs_options *options)
{
    static const char *const ignored[] = {"huge",    "mpol",   "inode32",
                                          "inode64", "noswap", "defaults"};
    uint64_t number;
    if (kstr_equal(key, "size")) {
        if (parse_size(kernel, value, &number))
            return -EINVAL;
        options->max_pages = number / PAGE_SIZE + (number % PAGE_SIZE != 0);
        options->has_size = true;
        return 0;
    }
    if (kstr_equal(key, "nr_blocks") || kstr_equal(key, "nr_inodes")) {
        if (kstrtosize(value, &number))
            return -EINVAL;
        bool blocks = key[3] == 'b';
        *(blocks ? &options->max_pages : &options->max_inodes) = number;
        *(blocks ? &options->has_size : &options->has_inodes) = true;
        return 0;
    }
    if (kstr_equal(key, "mode")) {
        if (kstrtou32(value, 8, &options->mode))
            return -EINVAL;
        options->mode &= 07777;
        return 0;
    }
    if (kstr_equal(key, "uid"))
        return kstrtou32(value, 10, &options->uid) ? -EINVAL : 0;
    if (kstr_equal(key, "gid"))
        return kstrtou32(value, 10, &options->gid) ? -EINVAL : 0;
    for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
        if (kstr_equal(key, ignored[i]))
            return 0;
    return -EINVAL;
}

static int parse_option(const char *name, const char *value, void *context)
{
    struct parsing *parsing = context;
    return parse_one(parsing->kernel, name, value ? value : "", parsing->options);
}

int tmpfs_parse_options(struct kernel *kernel, const char *text, struct tmpfs_options *options)
{
    struct parsing parsing = {.kernel = kernel, .options = options};
    return mount_options_parse(text, parse_option, &parsing);
}
