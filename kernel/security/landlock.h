/* SPDX-License-Identifier: MIT
 *
 * Landlock's rules, landlock(7): what rights a thread has left below which objects. This part knows
 * no files: an object is an address that the file system (fs/landlock.h) vouches for.
 *
 * A ruleset is under construction; restricting oneself makes a layer of it, which is immutable. The
 * credentials point to the newest layer, layers to the one before: a domain is a chain of layers,
 * shared by all who descend from whoever entered it. An action is allowed if every layer that
 * handles its right has a rule that grants it, on the object or on one above it.
 */
#ifndef KERNEL_SECURITY_LANDLOCK_H
#define KERNEL_SECURITY_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"

struct landlock_layer;
struct landlock_ruleset;

enum { LANDLOCK_RIGHTS = 14, LANDLOCK_RIGHTS_ALL = (1 << LANDLOCK_RIGHTS) - 1 };
enum { LANDLOCK_LAYERS_MAX = 16 };
/* Ours: what is in a ruleset is kernel memory that a program may claim. */
enum { LANDLOCK_RULES_MAX = 8192 };

struct landlock_object_ops {
    void (*get)(void *object);
    void (*put)(void *object); /* thread context without spinlocks; may block */
};

/* An empty ruleset with one reference. -ENOMEM. */
int landlock_ruleset_create(uint32_t handled, const struct landlock_object_ops *ops,
                            struct landlock_ruleset **out);
struct landlock_ruleset *landlock_ruleset_get(struct landlock_ruleset *ruleset);
void landlock_ruleset_put(struct landlock_ruleset *ruleset); /* may block */
uint32_t landlock_ruleset_handled(const struct landlock_ruleset *ruleset);
/* Grant more rights below an object, of which a reference is taken if needed. -ENOMEM, -E2BIG. */
int landlock_ruleset_allow(struct landlock_ruleset *ruleset, void *object, uint32_t rights);

/* A new layer with the ruleset's rules of this moment, above `parent` (referenced by it; NULL:
 * none). -E2BIG for more than LANDLOCK_LAYERS_MAX, -ENOMEM. */
int landlock_layer_create(struct landlock_layer *parent, struct landlock_ruleset *ruleset,
                          struct landlock_layer **out);
struct landlock_layer *landlock_layer_get(struct landlock_layer *layer); /* NULL is fine */
/* Any context: what the layer held is let go at the next landlock_reap. */
void landlock_layer_put(struct kernel *kernel, struct landlock_layer *layer);

/* Free the layers that nobody refers to any more. Thread context without locks; may block. */
void landlock_reap_all(struct kernel *kernel);
static inline void landlock_reap(struct kernel *kernel)
{
    if (unlikely(atomic_load_relaxed(&kernel->landlock_dying) != NULL))
        landlock_reap_all(kernel);
}

/* May a thread in domain `tracer` look into one in `target`? If that is the same or a part of it.
 */
bool landlock_may_trace(const struct landlock_layer *tracer, const struct landlock_layer *target);

/* What of a set of rights which layers still deny, while a walk goes up from an object. */
struct landlock_denial {
    uint16_t layers[LANDLOCK_RIGHTS]; /* by right: a bit for each layer */
};
void landlock_denial_init(const struct landlock_layer *domain, uint32_t rights,
                          struct landlock_denial *out);
/* The walk has come to this object. */
void landlock_denial_visit(const struct landlock_layer *domain, const void *object,
                           struct landlock_denial *denial);
/* Which of the rights are denied. */
uint32_t landlock_denial_of(const struct landlock_denial *denial, uint32_t rights);

#endif
