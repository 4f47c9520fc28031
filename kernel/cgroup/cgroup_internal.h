/* SPDX-License-Identifier: MIT
 *
 * What the files of cgroup/ share.
 *
 * Lifetimes: a group is held by its name in the tree (until rmdir), by its children, its tasks
 * (until they are reaped), its inodes, and namespaces. It keeps the inodes that were ever looked
 * up, with their owners and modes, until rmdir. Locks: state->mutex (LOCK_RANK_CGROUP) serialises
 * changes of the tree and of settings; membership, counts and what fork and exit look at change
 * under the process-tree lock. What changes under both may be read under either.
 */
#ifndef KERNEL_CGROUP_CGROUP_INTERNAL_H
#define KERNEL_CGROUP_CGROUP_INTERNAL_H

#include "kernel/abi/errno.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/pseudo.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/cgroup_ops.h"
#include "kernel/proc/task.h"

struct cred;
struct mount;

enum { CGROUP_CONTROLLER_PIDS = 1, CGROUP_FILES_MAX = 24 };
#define CGROUP_NO_LIMIT UINT32_MAX
/* Inode numbers: a group's directory has its id, its files the numbers behind. */
enum { CGROUP_ID_ROOT = 1, CGROUP_ID_STEP = 32 };

enum cgroup_event_file { CGROUP_EVENTS, CGROUP_PIDS_EVENTS, CGROUP_EVENT_FILES };

struct cgroup {
    uint32_t refs; /* atomic */
    struct cgroup_state *state;
    struct cgroup *parent; /* referenced; NULL: the root; constant, as are the next four */
    uint64_t id;
    unsigned level;
    uint32_t uid, gid; /* whose it was at first */
    char *name;

    struct list children; /* by id; mutex and tree lock down to the blank line */
    struct list_node sibling_node;
    bool dead;
    bool threaded;
    bool freeze;      /* its own cgroup.freeze */
    bool freezes;     /* that, or that of one above */
    uint32_t control; /* controllers for the children: cgroup.subtree_control */
    uint32_t max_depth, max_descendants;
    unsigned descendants;

    struct list members; /* task.cgroup_node; tree lock down to the blank line */
    unsigned own_tasks;
    unsigned tasks, parked; /* of it and all below */
    bool frozen, populated;
    uint32_t pids, pids_max; /* of it and all below: tasks that were not reaped */
    uint64_t pids_events;
    uint64_t user_ns, system_ns; /* of tasks that have left it and all below */
    struct text_event events[CGROUP_EVENT_FILES];
    uint32_t news; /* bits of events whose watchers have to be told */
    struct list_node news_node;

    uint32_t dying;                         /* removed ones below that still exist; atomic */
    struct inode *inodes[CGROUP_FILES_MAX]; /* [0] the directory; mutex and tree lock */
};

struct cgroup_state {
    struct kernel *kernel;
    struct mutex mutex;
    struct cgroup *root; /* its members have task->cgroup NULL */
    struct mount *mount; /* keeps the file system; NULL until it is mounted first; mutex */
    uint64_t next_id;    /* mutex */
    struct list news;    /* groups, referenced; tree lock */
    bool ns_delegate;    /* mount option; atomic */
    unsigned groups;     /* that have a name, the root included; atomic */
};

static inline struct cgroup_state *cgroup_state_of(struct kernel *kernel)
{
    return kernel->cgroups;
}

/* The group of a task; tree lock. */
static inline struct cgroup *cgroup_of_task(const struct task *task)
{
    return task->cgroup ? task->cgroup : task->thread.kernel->cgroups->root;
}

/* ---- group.c ---- */

struct cgroup *cgroup_get(struct cgroup *group);
void cgroup_put(struct cgroup *group);
struct cgroup *cgroup_allocate(struct cgroup_state *state, struct cgroup *parent, const char *name);
/* mkdir(2), rmdir(2). state->mutex held. */
int cgroup_make_locked(struct cgroup *parent, const char *name, struct cgroup **out);
int cgroup_remove_locked(struct cgroup *group);
bool cgroup_is_below(const struct cgroup *group, const struct cgroup *top); /* or the same */
struct cgroup *cgroup_common(struct cgroup *a, struct cgroup *b);
/* The next group in preorder below top, top itself first (pass NULL); NULL at the end. */
struct cgroup *cgroup_next(struct cgroup *top, struct cgroup *group);
/* The names from `top`, above, down to the group, each behind a '/'; somewhere in the buffer. 0 or
 * -ENAMETOOLONG. */
int cgroup_path(const struct cgroup *group, const struct cgroup *top, char buffer[VFS_PATH_MAX],
                const char **out);
/* The root of the current task's cgroup namespace, valid while that is. */
struct cgroup *cgroup_namespace_root(struct kernel *kernel);

/* Threaded groups: see "Thread Mode" of Linux's description of cgroup v2. Mutex. */
struct cgroup *cgroup_domain(struct cgroup *group); /* the group itself unless it is threaded */
bool cgroup_is_valid_domain(const struct cgroup *group);
bool cgroup_is_thread_root(const struct cgroup *group);
bool cgroup_can_be_thread_root(const struct cgroup *group);
int cgroup_make_threaded_locked(struct cgroup *group);

/* ---- member.c ---- */

void cgroup_raise_locked(struct cgroup *group, enum cgroup_event_file file);
/* Whether it and those above are populated, and frozen. */
void cgroup_check_events_locked(struct cgroup *group);
/* Move a task, which lives, to another group; tree lock. */
void cgroup_move_locked(struct task *task, struct cgroup *to);
void cgroup_usage(struct cgroup *group, uint64_t *out_user_ns, uint64_t *out_system_ns);
extern const struct cgroup_ops cgroup_task_ops;

/* ---- attach.c ---- */

int cgroup_clone_target(int fd, bool thread, struct cgroup **out);
int64_t cgroup_write_procs(struct file *file, const char *text, size_t bytes);
int64_t cgroup_write_threads(struct file *file, const char *text, size_t bytes);

/* ---- freeze.c ---- */

int64_t cgroup_write_freeze(struct file *file, const char *text, size_t bytes);
int64_t cgroup_write_kill(struct file *file, const char *text, size_t bytes);

/* ---- control.c ---- */

int cgroup_show_control(struct file *file, struct strbuf *out);
int cgroup_show_controllers_of(struct file *file, struct strbuf *out);
int64_t cgroup_write_control(struct file *file, const char *text, size_t bytes);
int cgroup_show_pids_max(struct file *file, struct strbuf *out);
int64_t cgroup_write_pids_max(struct file *file, const char *text, size_t bytes);
int cgroup_show_pids_current(struct file *file, struct strbuf *out);
int cgroup_show_pids_events(struct file *file, struct strbuf *out);
uint32_t cgroup_controllers(const struct cgroup *group);

/* ---- files.c ---- */

struct cgroup_file {
    const char *name;
    uint32_t mode;
    struct text_event_ops text;
    uint32_t controller; /* there only with it; 0: always */
    bool not_on_root;
    bool delegated; /* may be written in the root of a namespace, with nsdelegate */
    unsigned event; /* 1 + enum cgroup_event_file, or 0 */
};
extern const struct cgroup_file cgroup_files[];
extern const unsigned cgroup_file_count;
/* cgroup_files[i] is inodes[i + 1]. */
enum { CGROUP_FILE_PROCS = 1 };

bool cgroup_has_file(const struct cgroup *group, const struct cgroup_file *file);
struct cgroup *cgroup_of(const struct file *file);
/* Which of the table it is: not for directories. */
const struct cgroup_file *cgroup_file_of(const struct inode *inode);
/* The text without spaces around it, in a buffer. 0 or -EINVAL. */
enum { CGROUP_WORD_MAX = 24 };
int cgroup_word(const char *text, char word[CGROUP_WORD_MAX]);
/* Take the mutex for a change of the file's group: -ENODEV if it was removed. Then unlock. */
int cgroup_lock_live(struct file *file, struct cgroup **out);
void cgroup_unlock(struct cgroup *group);

/* ---- cgroupfs.c ---- */

int cgroup_fs_init(struct kernel *kernel);
struct cgroup *cgroup_of_directory(struct file *file); /* NULL: it is none */
/* 0 or -EACCES. Mutex. */
int cgroup_may_write_procs(struct cgroup *group, const struct cred *cred);

#endif
