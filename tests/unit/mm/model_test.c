/* SPDX-License-Identifier: MIT */
/*
 * kernel/mm/vma.c, gap.c, map.c, unmap.c, protect.c, remap.c, advise.c, fork.c: random operations
 * against a model with one entry a page.
 *
 * The model knows for each page of a window whether it is mapped, its protection, its advice, and
 * the number last written to it. After each operation the tree's invariants are checked, and
 * now and then every page's contents and the list of VMAs.
 */
#include "tests/unit/mm/mm_fixture.h"

enum { PAGES = 160, ROUNDS = 2500, MODELS = 3 };
#define BASE 0x20000000ull

struct page_model {
    bool mapped, dontfork;
    bool account;  /* once it was writable */
    unsigned prot; /* VMA_ACCESS bits */
    uint32_t value;
};

struct model {
    struct mm *mm; /* NULL: unused */
    struct page_model pages[PAGES];
};

struct world {
    struct model models[MODELS];
    struct prng prng;
    uint32_t next_value;
};

static unsigned pick(struct world *world, unsigned below)
{
    return (unsigned)prng_below(&world->prng, below);
}

static uint64_t address(unsigned page)
{
    return BASE + (uint64_t)page * PAGE_SIZE;
}

static void pick_range(struct world *world, unsigned *first, unsigned *count)
{
    *first = pick(world, PAGES);
    *count = 1 + pick(world, MIN(PAGES - *first, 1u + pick(world, 40)));
}

static unsigned pick_prot(struct world *world)
{
    static const unsigned prots[] = {
        0, VMA_READ, VMA_READ | VMA_WRITE, VMA_READ | VMA_EXEC, VMA_READ | VMA_WRITE, VMA_WRITE};
    return prots[pick(world, ARRAY_SIZE(prots))];
}

/* ---- invariants ---- */

static void check_tree(struct mm *mm)
{
    uint64_t end = user_min(mm), total = 0, data = 0, locked = 0, account = 0;
    unsigned count = 0;
    struct vma *vma, *below = NULL;
    ck_assert_int_ge(rb_check(&mm->vmas), 0);
    rb_for_each_entry(vma, &mm->vmas, node)
    {
        ck_assert_uint_lt(vma->start, vma->end);
        ck_assert_uint_ge(vma->start, end);
        uint64_t guarded = vma_guarded_start(vma);
        ck_assert_uint_eq(vma->gap, guarded > end ? guarded - end : 0);
        ck_assert(!vma_augment(&vma->node));
        if (below && below->end == vma->start)
            ck_assert(below->flags != vma->flags || below->ops != vma->ops ||
                      below->backing != vma->backing);
        end = vma->end;
        below = vma;
        count++;
        total += vma_pages(vma);
        if ((vma->flags & (VMA_WRITE | VMA_SHARED | VMA_GROWSDOWN)) == VMA_WRITE)
            data += vma_pages(vma);
        if (vma->flags & VMA_LOCKED)
            locked += vma_pages(vma);
        if (vma->flags & VMA_ACCOUNT)
            account += vma_pages(vma);
    }
    ck_assert_uint_eq(mm->account_pages, account);
    ck_assert_uint_eq(mm->account_noted, account);
    ck_assert_uint_eq(mm->vma_count, count);
    ck_assert_uint_eq(mm->total_pages, total);
    ck_assert_uint_eq(mm->data_pages, data);
    ck_assert_uint_eq(mm->locked_pages, locked);
}

/* Records of pages only inside VMAs, and the HAL never grants more than record and VMA. */
static void check_record(struct mm *mm)
{
    uint64_t anon = 0;
    struct mm_region *region;
    rb_for_each_entry(region, &mm->regions, node)
    {
        ck_assert_uint_ne(region->present, 0);
        ck_assert_uint_eq(region->writable & ~region->present, 0);
        for (unsigned i = 0; i < MM_REGION_PAGES; i++) {
            uint64_t uaddr = region->base + (uint64_t)i * PAGE_SIZE, paddr;
            unsigned prot;
            bool present = (region->present >> i) & 1;
            bool mapped = hal_aspace_lookup(mm->aspace, uaddr, &paddr, &prot);
            ck_assert(!mapped || present);
            if (!present)
                continue;
            const struct vma *vma = mm_find_vma(mm, uaddr);
            ck_assert(vma && vma->start <= uaddr);
            anon += region->pages[i] != mm->kernel->mm->zero_page;
            if (!mapped)
                continue;
            ck_assert_uint_eq(paddr, page_to_phys(region->pages[i]));
            ck_assert_uint_eq(prot, table_prot(vma, (region->writable >> i) & 1));
        }
    }
    ck_assert_uint_eq(mm->resident_anon + mm->resident_file, anon);
}

static void check_pages(struct model *model)
{
    use_mm(model->mm);
    for (unsigned i = 0; i < PAGES; i++) {
        const struct page_model *page = &model->pages[i];
        const struct vma *vma = mm_find_vma(model->mm, address(i));
        bool mapped = vma && vma->start <= address(i);
        ck_assert_int_eq(mapped, page->mapped);
        if (!mapped)
            continue;
        ck_assert_uint_eq(vma->flags & VMA_ACCESS, page->prot);
        ck_assert_int_eq((vma->flags & VMA_DONTCOPY) != 0, page->dontfork);
        ck_assert_int_eq((vma->flags & VMA_ACCOUNT) != 0, page->account);
        uint32_t value = 0;
        int64_t got = mm_access_remote(model->mm, address(i), &value, 4, false, true);
        ck_assert_int_eq(got, 4);
        ck_assert_uint_eq(value, page->value);
    }
    check_record(model->mm);
}

/* ---- operations ---- */

static void op_map(struct world *world, struct model *model)
{
    unsigned first, count, prot = pick_prot(world);
    pick_range(world, &first, &count);
    bool free = true;
    for (unsigned i = first; i < first + count; i++)
        free &= !model->pages[i].mapped;
    const struct mm_map_request request = {
        .addr = address(first),
        .bytes = (uint64_t)count * PAGE_SIZE,
        .vma_flags = prot | VMA_MAY_ALL,
        .no_replace = pick(world, 2),
        .fixed = true,
    };
    uint64_t out;
    int error = mm_map(model->mm, &request, &out);
    if (request.no_replace && !free) {
        ck_assert_int_eq(error, -EEXIST);
        return;
    }
    ck_assert_int_eq(error, 0);
    ck_assert_uint_eq(out, request.addr);
    for (unsigned i = first; i < first + count; i++)
        model->pages[i] =
            (struct page_model){.mapped = true, .prot = prot, .account = prot & VMA_WRITE};
}

static void op_unmap(struct world *world, struct model *model)
{
    unsigned first, count;
    pick_range(world, &first, &count);
    ck_assert_int_eq(mm_unmap(model->mm, address(first), (uint64_t)count * PAGE_SIZE), 0);
    for (unsigned i = first; i < first + count; i++)
        model->pages[i] = (struct page_model){0};
}

static void op_protect(struct world *world, struct model *model)
{
    unsigned first, count, prot = pick_prot(world);
    pick_range(world, &first, &count);
    int error = mm_protect(model->mm, address(first), (uint64_t)count * PAGE_SIZE, prot);
    unsigned i = first;
    for (; i < first + count && model->pages[i].mapped; i++) {
        model->pages[i].prot = prot;
        model->pages[i].account |= (prot & VMA_WRITE) != 0;
    }
    ck_assert_int_eq(error, i < first + count ? -ENOMEM : 0);
}

static void op_write(struct world *world, struct model *model)
{
    unsigned first, count;
    pick_range(world, &first, &count);
    for (unsigned i = first; i < first + count; i++) {
        struct page_model *page = &model->pages[i];
        uint32_t value = ++world->next_value, seen;
        int error = put_user_u32(address(i), value);
        ck_assert_int_eq(error, page->mapped && (page->prot & VMA_WRITE) ? 0 : -EFAULT);
        if (!error)
            page->value = value;
        error = get_user_u32(&seen, address(i));
        ck_assert_int_eq(error, page->mapped && page->prot ? 0 : -EFAULT);
        if (!error)
            ck_assert_uint_eq(seen, page->value);
    }
}

static void op_advise(struct world *world, struct model *model)
{
    static const int advices[] = {MADV_DONTNEED, MADV_DONTFORK, MADV_DOFORK, MADV_NORMAL};
    unsigned first, count;
    int advice = advices[pick(world, ARRAY_SIZE(advices))];
    pick_range(world, &first, &count);
    bool hole = false;
    for (unsigned i = first; i < first + count; i++) {
        struct page_model *page = &model->pages[i];
        hole |= !page->mapped;
        if (!page->mapped)
            continue;
        if (advice == MADV_DONTNEED)
            page->value = 0;
        else if (advice != MADV_NORMAL)
            page->dontfork = advice == MADV_DONTFORK;
    }
    int error = mm_advise(model->mm, address(first), (uint64_t)count * PAGE_SIZE, advice);
    ck_assert_int_eq(error, hole ? -ENOMEM : 0);
}

static bool same_vma(const struct page_model *a, const struct page_model *b)
{
    return b->mapped && a->prot == b->prot && a->dontfork == b->dontfork &&
           a->account == b->account;
}

/* mremap of a piece of one VMA, in place or to a fixed address. */
static void op_remap(struct world *world, struct model *model)
{
    unsigned first, count, to = pick(world, PAGES), new_count;
    pick_range(world, &first, &count);
    if (!model->pages[first].mapped)
        return;
    for (unsigned i = 1; i < count; i++)
        if (!same_vma(&model->pages[first], &model->pages[first + i]))
            return;
    new_count = 1 + pick(world, MIN(PAGES - to, 2 * count));
    bool overlap = to < first + count && first < to + new_count;
    uint64_t out;
    int error =
        mm_remap(model->mm, address(first), (uint64_t)count * PAGE_SIZE,
                 (uint64_t)new_count * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, address(to), &out);
    if (overlap) {
        ck_assert_int_eq(error, -EINVAL);
        return;
    }
    ck_assert_int_eq(error, 0);
    struct page_model moved[PAGES] = {0};
    for (unsigned i = 0; i < count; i++) {
        moved[i] = model->pages[first + i];
        model->pages[first + i] = (struct page_model){0};
    }
    for (unsigned i = 0; i < new_count; i++) {
        model->pages[to + i] = i < count ? moved[i] : moved[0];
        if (i >= count)
            model->pages[to + i].value = 0;
    }
}

static void op_remap_in_place(struct world *world, struct model *model)
{
    unsigned first, count;
    pick_range(world, &first, &count);
    if (!model->pages[first].mapped)
        return;
    unsigned have = 1;
    while (have < count && same_vma(&model->pages[first], &model->pages[first + have]))
        have++;
    unsigned end = first + have;
    uint64_t out;
    int error = mm_remap(model->mm, address(first), (uint64_t)have * PAGE_SIZE,
                         (uint64_t)(have + 1) * PAGE_SIZE, 0, 0, &out);
    if (end < PAGES) {
        ck_assert_int_eq(error, model->pages[end].mapped ? -ENOMEM : 0);
        if (!error) {
            model->pages[end] = model->pages[first];
            model->pages[end].value = 0;
        }
    } else if (!error) {
        mm_unmap(model->mm, address(PAGES), PAGE_SIZE);
    }
}

static void op_fork(struct world *world, struct model *model)
{
    struct model *child = &world->models[pick(world, MODELS)];
    if (child == model)
        return;
    if (child->mm) {
        if (pick(world, 2) || child == &world->models[0])
            return;
        mm_put(child->mm);
    }
    ck_assert_int_eq(mm_fork(model->mm, &child->mm), 0);
    for (unsigned i = 0; i < PAGES; i++) {
        child->pages[i] = model->pages[i];
        if (model->pages[i].dontfork)
            child->pages[i] = (struct page_model){0};
    }
    check_tree(child->mm);
}

typedef void operation(struct world *world, struct model *model);
static operation *const operations[] = {
    op_map,   op_map,   op_unmap,  op_protect, op_protect,        op_write, op_write,
    op_write, op_write, op_advise, op_remap,   op_remap_in_place, op_fork,
};

MACHINE_TEST(random_operations_agree_with_the_model)
{
    static struct world world;
    prng_seed(&world.prng, (uint64_t)_i + 1000);
    world.models[0].mm = begin_mm();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct model *model = &world.models[pick(&world, MODELS)];
        if (!model->mm)
            continue;
        use_mm(model->mm);
        operations[pick(&world, ARRAY_SIZE(operations))](&world, model);
        use_mm(model->mm);
        check_tree(model->mm);
        if (round % 50 == 0)
            check_pages(model);
    }
    for (unsigned i = 0; i < MODELS; i++)
        if (world.models[i].mm)
            check_pages(&world.models[i]);
    use_mm(NULL);
    for (unsigned i = 0; i < MODELS; i++)
        mm_put(world.models[i].mm);
}

/* ---- address choice ---- */

MACHINE_TEST(chosen_addresses_are_the_highest_free_ones)
{
    struct mm *mm = begin_mm();
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i);
    enum { SLOTS = 100 };
    uint64_t starts[SLOTS] = {0}, sizes[SLOTS];
    for (unsigned round = 0; round < 1000; round++) {
        unsigned slot = (unsigned)prng_below(&prng, SLOTS);
        if (starts[slot]) {
            ck_assert_int_eq(mm_unmap(mm, starts[slot], sizes[slot]), 0);
            starts[slot] = 0;
            continue;
        }
        sizes[slot] = (1 + prng_below(&prng, 8)) * PAGE_SIZE;
        /* Different flags keep them apart; the expected place by a walk over all VMAs. */
        uint64_t expected = 0, top = mm->mmap_base;
        for (struct rb_node *node = rb_last(&mm->vmas);; node = rb_prev(node)) {
            struct vma *vma = rb_entry_or_null(node, struct vma, node);
            uint64_t bottom = vma ? vma->end : user_min(mm);
            if (top - bottom >= sizes[slot]) {
                expected = top - sizes[slot];
                break;
            }
            top = vma->start;
        }
        starts[slot] = map_anon(mm, 0, sizes[slot], round & 1 ? RW : RW | VMA_EXEC);
        ck_assert_uint_eq(starts[slot], expected);
        check_tree(mm);
    }
    end_mm(mm);
}

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, random_operations_agree_with_the_model, 0, 12);
    tcase_add_loop_test(tcase, chosen_addresses_are_the_highest_free_ones, 0, 3);
}

static Suite *suite(void)
{
    return unit_suite("mm/model", add_tests);
}

UNIT_MAIN(suite)
