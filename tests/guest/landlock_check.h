/* SPDX-License-Identifier: MIT */
/* The system calls of landlock(7), of which ABI version 2 is expected. */
#include "guest.h"

#include <linux/landlock.h>
#include <sys/prctl.h>

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define WRITE_FILE LANDLOCK_ACCESS_FS_WRITE_FILE
#define READ_DIR LANDLOCK_ACCESS_FS_READ_DIR
#define EXECUTE LANDLOCK_ACCESS_FS_EXECUTE
#define MAKE_REG LANDLOCK_ACCESS_FS_MAKE_REG
#define MAKE_DIR LANDLOCK_ACCESS_FS_MAKE_DIR
#define MAKE_SYM LANDLOCK_ACCESS_FS_MAKE_SYM
#define MAKE_FIFO LANDLOCK_ACCESS_FS_MAKE_FIFO
#define MAKE_SOCK LANDLOCK_ACCESS_FS_MAKE_SOCK
#define MAKE_CHAR LANDLOCK_ACCESS_FS_MAKE_CHAR
#define MAKE_BLOCK LANDLOCK_ACCESS_FS_MAKE_BLOCK
#define REMOVE_FILE LANDLOCK_ACCESS_FS_REMOVE_FILE
#define REMOVE_DIR LANDLOCK_ACCESS_FS_REMOVE_DIR
#define REFER LANDLOCK_ACCESS_FS_REFER
#define ALL_RIGHTS ((1ULL << 14) - 1)

static inline long create_ruleset(const void *attr, size_t size, unsigned flags)
{
    return syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

static inline long add_rule(int ruleset, int type, const void *attr, unsigned flags)
{
    return syscall(SYS_landlock_add_rule, ruleset, type, attr, flags);
}

static inline long restrict_self(int ruleset, unsigned flags)
{
    return syscall(SYS_landlock_restrict_self, ruleset, flags);
}

static inline void need_landlock(void)
{
    long version = create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 2)
        skip("no Landlock of version 2 here");
}

static inline int ruleset_of(uint64_t handled)
{
    const uint64_t attr = handled;
    return (int)OK(create_ruleset(&attr, sizeof(attr), 0));
}

static inline void allow_beneath(int ruleset, const char *path, uint64_t rights)
{
    struct landlock_path_beneath_attr attr = {.allowed_access = rights};
    attr.parent_fd = (int)OK(open(path, O_PATH | O_CLOEXEC));
    OK(add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0));
    OK(close(attr.parent_fd));
}

/* Enter a domain and lose the descriptor. */
static inline void enter(int ruleset)
{
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    OK(restrict_self(ruleset, 0));
    OK(close(ruleset));
}
