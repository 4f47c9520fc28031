/* SPDX-License-Identifier: MIT */
/* Random operations on a small tree of names, compared after each step with a model that is plain
 * arrays: results, errors, contents, link counts and directory listings must agree. */
#include "tests/unit/fs/fs_fixture.h"

#include "kernel/lib/printf.h"
#include "kernel/lib/random.h"

/* The tree: three directories' worth of slots. Directory 0 is the root of the test; a slot holds
 * nothing or an object. Names are "a".."d", so collisions are frequent. */
enum { NAMES = 4, OBJECTS = 64, DIR_DEPTH_MAX = 4, CONTENT_MAX = 3 * 4096 };

struct object {
    bool used, is_dir;
    unsigned links;   /* names (files) */
    int slots[NAMES]; /* directories: object numbers or -1 */
    int parent;       /* directories */
    uint64_t size;
    unsigned char *content; /* files */
};

struct model {
    struct object objects[OBJECTS];
    struct prng prng;
};

static unsigned pick(struct model *model, unsigned bound)
{
    return (unsigned)prng_below(&model->prng, bound);
}

static int new_object(struct model *model, bool is_dir, int parent)
{
    for (int i = 1; i < OBJECTS; i++) {
        struct object *object = &model->objects[i];
        if (object->used)
            continue;
        *object = (struct object){.used = true, .is_dir = is_dir, .parent = parent};
        for (int slot = 0; slot < NAMES; slot++)
            object->slots[slot] = -1;
        if (!is_dir) {
            object->links = 1;
            object->content = kzalloc(CONTENT_MAX);
            ck_assert_ptr_nonnull(object->content);
        }
        return i;
    }
    return -1;
}

static void drop_link(struct model *model, int number)
{
    struct object *object = &model->objects[number];
    if (object->is_dir || --object->links == 0) {
        kfree(object->content);
        object->used = false;
    }
}

/* A random place: a path of up to DIR_DEPTH_MAX names below the root, ending in (dir, slot). */
struct place {
    char name[64];
    int dir; /* -1: the walk fails with `error` before the last name */
    int slot;
    int error;
};

static void pick_place(struct model *model, struct place *place)
{
    unsigned depth = 1 + pick(model, DIR_DEPTH_MAX);
    int dir = 0;
    size_t length = 0;
    place->error = 0;
    for (unsigned i = 0; i < depth; i++) {
        int slot = (int)pick(model, NAMES);
        length += (size_t)ksnprintf(place->name + length, sizeof(place->name) - length, "%s%c",
                                    i ? "/" : "", 'a' + slot);
        place->slot = slot;
        place->dir = dir;
        if (i + 1 == depth || place->error)
            continue;
        int next = model->objects[dir].slots[slot];
        if (next < 0)
            place->error = -ENOENT;
        else if (!model->objects[next].is_dir)
            place->error = -ENOTDIR;
        else
            dir = next;
    }
    if (place->error)
        place->dir = -1;
}

static int *slot_of(struct model *model, const struct place *place)
{
    return &model->objects[place->dir].slots[place->slot];
}

static bool dir_is_empty(const struct object *dir)
{
    for (int slot = 0; slot < NAMES; slot++)
        if (dir->slots[slot] >= 0)
            return false;
    return true;
}

static bool dir_is_below(const struct model *model, int dir, int ancestor)
{
    for (; dir != ancestor; dir = model->objects[dir].parent)
        if (dir == 0)
            return false;
    return true;
}

static void expect(int got, int wanted, const char *what, const char *a, const char *b)
{
    ck_assert_msg(got == wanted, "%s %s %s: %d, the model says %d", what, a, b, got, wanted);
}

static void do_mkdir(struct model *model)
{
    struct place place;
    pick_place(model, &place);
    int wanted = place.error;
    if (!wanted && *slot_of(model, &place) >= 0)
        wanted = -EEXIST;
    int number = wanted ? 0 : new_object(model, true, place.dir);
    if (number < 0)
        return;
    expect(vfs_mkdir(NULL, place.name, 0755), wanted, "mkdir", place.name, "");
    if (!wanted)
        *slot_of(model, &place) = number;
}

static void do_create(struct model *model)
{
    struct place place;
    struct file *file = NULL;
    pick_place(model, &place);
    int wanted = place.error;
    int number = wanted ? -1 : *slot_of(model, &place);
    if (!wanted && number >= 0)
        wanted = model->objects[number].is_dir ? -EISDIR : 0;
    bool fresh = !wanted && number < 0;
    if (fresh) {
        number = new_object(model, false, -1);
        if (number < 0)
            return;
    }
    expect(vfs_open(NULL, place.name, O_CREAT | O_RDWR, 0644, 0, &file), wanted, "create",
           place.name, "");
    if (wanted)
        return;
    if (fresh)
        *slot_of(model, &place) = number;
    struct object *object = &model->objects[number];
    unsigned char data[200];
    uint64_t pos = pick(model, CONTENT_MAX - sizeof(data));
    size_t bytes = pick(model, sizeof(data));
    prng_bytes(&model->prng, data, bytes);
    ck_assert_int_eq(fs_pwrite(file, data, bytes, pos), (int64_t)bytes);
    memcpy(object->content + pos, data, bytes);
    if (bytes)
        object->size = MAX(object->size, pos + bytes);
    file_put(file);
}

static void do_truncate(struct model *model)
{
    struct place place;
    struct path path;
    pick_place(model, &place);
    int wanted = place.error;
    int number = wanted ? -1 : *slot_of(model, &place);
    if (!wanted && number < 0)
        wanted = -ENOENT;
    int got = path_walk(NULL, place.name, WALK_FOLLOW, &path);
    expect(got, wanted, "walk", place.name, "");
    if (wanted)
        return;
    struct object *object = &model->objects[number];
    uint64_t size = pick(model, CONTENT_MAX);
    expect(vfs_truncate(&path, size), object->is_dir ? -EISDIR : 0, "truncate", place.name, "");
    path_put(&path);
    if (object->is_dir)
        return;
    if (size < object->size)
        memset(object->content + size, 0, object->size - size);
    object->size = size;
}

static void do_remove(struct model *model, bool rmdir)
{
    struct place place;
    pick_place(model, &place);
    int wanted = place.error;
    int number = wanted ? -1 : *slot_of(model, &place);
    if (!wanted && number < 0)
        wanted = -ENOENT;
    if (!wanted && model->objects[number].is_dir != rmdir)
        wanted = rmdir ? -ENOTDIR : -EISDIR;
    if (!wanted && rmdir && !dir_is_empty(&model->objects[number]))
        wanted = -ENOTEMPTY;
    int got = rmdir ? vfs_rmdir(NULL, place.name) : vfs_unlink(NULL, place.name);
    expect(got, wanted, rmdir ? "rmdir" : "unlink", place.name, "");
    if (!wanted) {
        *slot_of(model, &place) = -1;
        drop_link(model, number);
    }
}

static void do_link(struct model *model)
{
    struct place from, to;
    pick_place(model, &from);
    pick_place(model, &to);
    int wanted = from.error;
    int number = wanted ? -1 : *slot_of(model, &from);
    if (!wanted && number < 0)
        wanted = -ENOENT;
    if (!wanted)
        wanted = to.error;
    if (!wanted && *slot_of(model, &to) >= 0)
        wanted = -EEXIST;
    if (!wanted && model->objects[number].is_dir)
        wanted = -EPERM;
    expect(fs_link(from.name, to.name), wanted, "link", from.name, to.name);
    if (!wanted) {
        *slot_of(model, &to) = number;
        model->objects[number].links++;
    }
}

/* What renaming `from` to `to` gives, both parents being there. */
static int rename_result(struct model *model, const struct place *from, const struct place *to,
                         unsigned flags)
{
    int old = *slot_of(model, from), target = *slot_of(model, to);
    if (old < 0)
        return -ENOENT;
    struct object *object = &model->objects[old],
                  *victim = target < 0 ? NULL : &model->objects[target];
    if ((flags & RENAME_NOREPLACE) && victim)
        return -EEXIST;
    if ((flags & RENAME_EXCHANGE) && !victim)
        return -ENOENT;
    if (object->is_dir && from->dir != to->dir && dir_is_below(model, to->dir, old))
        return -EINVAL;
    if (victim && victim->is_dir && from->dir != to->dir && dir_is_below(model, from->dir, target))
        return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
    if (old == target)
        return 0;
    if (victim && !(flags & RENAME_EXCHANGE)) {
        if (object->is_dir && !victim->is_dir)
            return -ENOTDIR;
        if (!object->is_dir && victim->is_dir)
            return -EISDIR;
        if (victim->is_dir && !dir_is_empty(victim))
            return -ENOTEMPTY;
    }
    return 0;
}

static void do_rename(struct model *model)
{
    struct place from, to;
    unsigned flags = pick(model, 3);
    flags = flags == 2 ? RENAME_EXCHANGE : flags == 1 ? RENAME_NOREPLACE : 0;
    pick_place(model, &from);
    pick_place(model, &to);
    int wanted = from.error ? from.error : to.error;
    if (!wanted)
        wanted = rename_result(model, &from, &to, flags);
    expect(fs_rename(from.name, to.name, flags), wanted, "rename", from.name, to.name);
    if (wanted || *slot_of(model, &from) == *slot_of(model, &to))
        return;
    int *old = slot_of(model, &from), *new = slot_of(model, &to);
    int moved = *old, replaced = *new;
    *new = moved;
    *old = flags & RENAME_EXCHANGE ? replaced : -1;
    if (model->objects[moved].is_dir)
        model->objects[moved].parent = to.dir;
    if (flags & RENAME_EXCHANGE) {
        if (model->objects[replaced].is_dir)
            model->objects[replaced].parent = from.dir;
    } else if (replaced >= 0) {
        drop_link(model, replaced);
    }
}

struct listing {
    struct dir_context context;
    unsigned seen[NAMES], dots;
};

static int list_entry_seen(struct dir_context *context, const char *name, size_t length,
                           uint64_t ino, unsigned type, uint64_t next_pos)
{
    struct listing *listing = container_of(context, struct listing, context);
    (void)ino;
    (void)type;
    (void)next_pos;
    if (name[0] == '.')
        listing->dots++;
    else if (length == 1 && name[0] >= 'a' && name[0] < 'a' + NAMES)
        listing->seen[name[0] - 'a']++;
    else
        ck_abort_msg("strange entry %.*s", (int)length, name);
    return 0;
}

static void check_dir(struct model *model, int number, const char *name)
{
    struct object *dir = &model->objects[number];
    struct listing listing = {.context = {.emit = list_entry_seen}};
    struct file *file = fs_open(name, O_RDONLY | O_DIRECTORY, 0);
    struct linux_statx statx;
    unsigned subdirs = 0;
    ck_assert_int_eq(vfs_iterate(file, &listing.context), 0);
    file_put(file);
    ck_assert_uint_eq(listing.dots, 2);
    for (int slot = 0; slot < NAMES; slot++) {
        ck_assert_uint_eq(listing.seen[slot], dir->slots[slot] >= 0);
        subdirs += dir->slots[slot] >= 0 && model->objects[dir->slots[slot]].is_dir;
    }
    ck_assert_int_eq(fs_stat(name, 0, &statx), 0);
    ck_assert_uint_eq(statx.stx_nlink, 2 + subdirs);
}

static void check_file(struct model *model, int number, const char *name)
{
    static unsigned char buffer[CONTENT_MAX];
    struct object *object = &model->objects[number];
    struct linux_statx statx;
    ck_assert_int_eq(fs_stat(name, 0, &statx), 0);
    ck_assert_uint_eq(statx.stx_nlink, object->links);
    ck_assert_uint_eq(statx.stx_size, object->size);
    struct file *file = fs_open(name, O_RDONLY, 0);
    ck_assert_int_eq(fs_read(file, buffer, sizeof(buffer)), (int64_t)object->size);
    file_put(file);
    ck_assert(memcmp(buffer, object->content, object->size) == 0);
}

static void check_tree(struct model *model, int number, const char *name)
{
    struct object *dir = &model->objects[number];
    check_dir(model, number, name);
    for (int slot = 0; slot < NAMES; slot++) {
        char child[128];
        int object = dir->slots[slot];
        ksnprintf(child, sizeof(child), "%s/%c", name, 'a' + slot);
        if (object < 0)
            ck_assert(!fs_exists(child));
        else if (model->objects[object].is_dir)
            check_tree(model, object, child);
        else
            check_file(model, object, child);
    }
}

static void remove_tree(struct model *model, int number, const char *name)
{
    for (int slot = 0; slot < NAMES; slot++) {
        char child[128];
        int object = model->objects[number].slots[slot];
        ksnprintf(child, sizeof(child), "%s/%c", name, 'a' + slot);
        if (object < 0)
            continue;
        if (model->objects[object].is_dir) {
            remove_tree(model, object, child);
            ck_assert_int_eq(vfs_rmdir(NULL, child), 0);
        } else {
            ck_assert_int_eq(vfs_unlink(NULL, child), 0);
        }
        drop_link(model, object);
    }
}

static void step(struct model *model)
{
    switch (pick(model, 8)) {
    case 0:
        do_mkdir(model);
        break;
    case 1:
        do_create(model);
        break;
    case 2:
        do_truncate(model);
        break;
    case 3:
        do_remove(model, false);
        break;
    case 4:
        do_remove(model, true);
        break;
    case 5:
        do_link(model);
        break;
    default:
        do_rename(model);
    }
}

static void random_walk(void *argument)
{
    static struct model model;
    memset(&model, 0, sizeof(model));
    prng_seed(&model.prng, 1000 + *(int *)argument);
    model.objects[0] = (struct object){.used = true, .is_dir = true, .slots = {-1, -1, -1, -1}};
    for (unsigned i = 0; i < 3000; i++) {
        step(&model);
        if (i % 50 == 0)
            check_tree(&model, 0, ".");
    }
    check_tree(&model, 0, ".");
    remove_tree(&model, 0, ".");
    struct linux_statfs statfs;
    struct path path;
    ck_assert_int_eq(path_walk(NULL, ".", 0, &path), 0);
    ck_assert_int_eq(vfs_statfs(&path, &statfs), 0);
    path_put(&path);
    ck_assert_uint_eq(statfs.f_bfree, statfs.f_blocks);
    ck_assert_uint_eq(statfs.f_ffree, statfs.f_files - 1);
}

START_TEST(random_operations_agree_with_the_model)
{
    int seed = _i;
    fs_run(1, random_walk, &seed);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, random_operations_agree_with_the_model, 0, 10);
}

static Suite *suite(void)
{
    return unit_suite("model", add);
}
UNIT_MAIN(suite)
