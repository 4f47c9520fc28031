/* SPDX-License-Identifier: MIT
 *
 * Landlock's rulesets and domains, landlock(7).
 *
 * Rules are in a hash table by the object's address, at most half full. A ruleset's lock guards its
 * table; a layer's table never changes. Each rule holds a reference to its object.
 *
 * Lifetime: a layer holds the one below it. The last reference may go in a context that must not
 * block (a thread is freed by the scheduler), and what objects are made of may have to: dying
 * layers wait on kernel->landlock_dying, a lock-free stack, for somebody who may.
 */
#include "kernel/security/landlock.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/landlock.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/hash.h"
#include "kernel/mm/slab.h"

enum { SLOTS_MIN = 8 };

struct rule {
    void *object; /* NULL: free */
    uint32_t rights;
};

struct rules {
    struct rule *slots;  /* NULL while there are none */
    uint32_t slot_count; /* a power of two */
    uint32_t count;
    const struct landlock_object_ops *ops;
};

struct landlock_ruleset {
    struct refcount refs;
    uint32_t handled;
    struct spinlock lock; /* rules */
    struct rules rules;
};

struct landlock_layer {
    struct refcount refs;
    uint32_t handled;
    unsigned level;                /* 0 for the first */
    struct landlock_layer *parent; /* referenced, or NULL */
    struct landlock_layer *next_dying;
    struct rules rules;
};

/* ---- tables ---- */

static struct rule *slot_of(const struct rules *rules, const void *object)
{
    uint32_t mask = rules->slot_count - 1; /* at least half of them are free */
    uint32_t at = (uint32_t)hash_combine((uint64_t)(uintptr_t)object, 0) & mask;
    while (rules->slots[at].object && rules->slots[at].object != object)
        at = (at + 1) & mask;
    return &rules->slots[at];
}

/* Room for `count` rules. */
static int rules_reserve(struct rules *rules, uint32_t count)
{
    struct rules bigger = {.slot_count = SLOTS_MIN, .count = rules->count, .ops = rules->ops};
    if (rules->slots && count <= rules->slot_count / 2)
        return 0;
    while (bigger.slot_count / 2 < count)
        bigger.slot_count *= 2;
    bigger.slots = kzalloc(bigger.slot_count * sizeof(*bigger.slots));
    if (!bigger.slots)
        return -ENOMEM;
    for (uint32_t i = 0; rules->slots && i < rules->slot_count; i++)
        if (rules->slots[i].object)
            *slot_of(&bigger, rules->slots[i].object) = rules->slots[i];
    kfree(rules->slots);
    *rules = bigger;
    return 0;
}

static void rules_copy(struct rules *to, const struct rules *from)
{
    for (uint32_t i = 0; from->slots && i < from->slot_count; i++) {
        if (!from->slots[i].object)
            continue;
        to->ops->get(from->slots[i].object);
        *slot_of(to, from->slots[i].object) = from->slots[i];
        to->count++;
    }
}

static void rules_free(struct rules *rules)
{
    for (uint32_t i = 0; rules->slots && i < rules->slot_count; i++)
        if (rules->slots[i].object)
            rules->ops->put(rules->slots[i].object);
    kfree(rules->slots);
}

/* ---- rulesets ---- */

int landlock_ruleset_create(uint32_t handled, const struct landlock_object_ops *ops,
                            struct landlock_ruleset **out)
{
    struct landlock_ruleset *ruleset = kzalloc(sizeof(*ruleset));
    assert((handled & ~(uint32_t)LANDLOCK_RIGHTS_ALL) == 0);
    if (!ruleset)
        return -ENOMEM;
    refcount_init(&ruleset->refs, 1);
    spin_lock_init(&ruleset->lock, LOCK_RANK_OBJECT);
    ruleset->handled = handled;
    ruleset->rules.ops = ops;
    *out = ruleset;
    return 0;
}

struct landlock_ruleset *landlock_ruleset_get(struct landlock_ruleset *ruleset)
{
    refcount_inc(&ruleset->refs);
    return ruleset;
}

void landlock_ruleset_put(struct landlock_ruleset *ruleset)
{
    if (!refcount_dec_and_test(&ruleset->refs))
        return;
    rules_free(&ruleset->rules);
    kfree(ruleset);
}

uint32_t landlock_ruleset_handled(const struct landlock_ruleset *ruleset)
{
    return ruleset->handled;
}

static int allow_locked(struct landlock_ruleset *ruleset, void *object, uint32_t rights)
{
    struct rules *rules = &ruleset->rules;
    struct rule *rule = rules->slots ? slot_of(rules, object) : NULL;
    if (!rule || !rule->object) {
        if (rules->count >= LANDLOCK_RULES_MAX)
            return -E2BIG;
        int error = rules_reserve(rules, rules->count + 1);
        if (error)
            return error;
        rule = slot_of(rules, object);
        rules->ops->get(object);
        rule->object = object;
        rules->count++;
    }
    /* What a layer does not handle it does not deny; moving between directories it always does. */
    rule->rights |=
        rights | (LANDLOCK_RIGHTS_ALL & ~(ruleset->handled | (uint32_t)LANDLOCK_ACCESS_FS_REFER));
    return 0;
}

int landlock_ruleset_allow(struct landlock_ruleset *ruleset, void *object, uint32_t rights)
{
    spin_lock(&ruleset->lock);
    int error = allow_locked(ruleset, object, rights);
    spin_unlock(&ruleset->lock);
    return error;
}

/* ---- layers ---- */

int landlock_layer_create(struct landlock_layer *parent, struct landlock_ruleset *ruleset,
                          struct landlock_layer **out)
{
    unsigned level = parent ? parent->level + 1 : 0;
    if (level >= LANDLOCK_LAYERS_MAX)
        return -E2BIG;
    struct landlock_layer *layer = kzalloc(sizeof(*layer));
    if (!layer)
        return -ENOMEM;
    refcount_init(&layer->refs, 1);
    layer->handled = ruleset->handled;
    layer->level = level;
    spin_lock(&ruleset->lock);
    layer->rules.ops = ruleset->rules.ops;
    int error = ruleset->rules.count ? rules_reserve(&layer->rules, ruleset->rules.count) : 0;
    if (!error)
        rules_copy(&layer->rules, &ruleset->rules);
    spin_unlock(&ruleset->lock);
    if (error) {
        kfree(layer);
        return error;
    }
    layer->parent = landlock_layer_get(parent);
    *out = layer;
    return 0;
}

struct landlock_layer *landlock_layer_get(struct landlock_layer *layer)
{
    if (layer)
        refcount_inc(&layer->refs);
    return layer;
}

void landlock_layer_put(struct kernel *kernel, struct landlock_layer *layer)
{
    if (!layer || !refcount_dec_and_test(&layer->refs))
        return;
    struct landlock_layer *first = atomic_load_relaxed(&kernel->landlock_dying);
    do {
        layer->next_dying = first;
    } while (!atomic_cmpxchg_release(&kernel->landlock_dying, &first, layer));
}

void landlock_reap_all(struct kernel *kernel)
{
    struct landlock_layer *layer;
    while ((layer = atomic_exchange_acq_rel(&kernel->landlock_dying, NULL))) {
        while (layer) {
            struct landlock_layer *next = layer->next_dying;
            rules_free(&layer->rules);
            landlock_layer_put(kernel, layer->parent);
            kfree(layer);
            layer = next;
        }
    }
}

bool landlock_may_trace(const struct landlock_layer *tracer, const struct landlock_layer *target)
{
    if (!tracer)
        return true;
    while (target && target != tracer)
        target = target->parent;
    return target != NULL;
}

/* ---- questions ---- */

void landlock_denial_init(const struct landlock_layer *domain, uint32_t rights,
                          struct landlock_denial *out)
{
    *out = (struct landlock_denial){0};
    for (; domain; domain = domain->parent) {
        uint32_t denied = rights & (domain->handled | (uint32_t)LANDLOCK_ACCESS_FS_REFER);
        for (unsigned right = 0; right < LANDLOCK_RIGHTS; right++)
            if (denied & (1u << right))
                out->layers[right] |= (uint16_t)(1u << domain->level);
    }
}

void landlock_denial_visit(const struct landlock_layer *domain, const void *object,
                           struct landlock_denial *denial)
{
    for (; domain; domain = domain->parent) {
        if (!domain->rules.slots)
            continue;
        uint32_t rights = slot_of(&domain->rules, object)->rights;
        for (unsigned right = 0; right < LANDLOCK_RIGHTS; right++)
            if (rights & (1u << right))
                denial->layers[right] &= (uint16_t) ~(1u << domain->level);
    }
}

uint32_t landlock_denial_of(const struct landlock_denial *denial, uint32_t rights)
{
    uint32_t denied = 0;
    for (unsigned right = 0; right < LANDLOCK_RIGHTS; right++)
        if ((rights & (1u << right)) && denial->layers[right])
            denied |= 1u << right;
    return denied;
}
