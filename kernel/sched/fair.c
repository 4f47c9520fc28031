/* SPDX-License-Identifier: MIT */
/*
 * The fair class: earliest eligible virtual deadline first, after I. Stoica and H. Abdel-Wahab,
 * "Earliest Eligible Virtual Deadline First" (1995).
 *
 * Every entity receives service in proportion to its weight. vruntime is the service received
 * divided by the weight; the weighted average V of all vruntimes is what an ideally fair CPU would
 * have given each. An entity with vruntime <= V is owed time: it is eligible. Each asks for
 * slice_ns of CPU time and has a virtual deadline, vruntime + slice/weight; of the eligible ones
 * the earliest deadline runs. The sum of all lags (weight * (V - vruntime)) is always zero. An
 * entity that sleeps takes its lag along and is placed with it when it wakes, so sleeping neither
 * earns nor hides debt.
 *
 * Invariants: the tree is ordered by deadline and augmented with the least vruntime of each
 * subtree; sum and load describe exactly the tree; the current entity is outside, and added where V
 * is used. Virtual times are compared by signed difference. Caller holds the run queue's lock.
 * Nothing here knows of CPUs or clocks, so tests drive it directly.
 */
#include "kernel/sched/fair.h"

#include "kernel/abi/sched.h"
#include "kernel/lib/assert.h"

/* Keep |vruntime - base| small enough that its product with a load never overflows. */
#define REBASE_DISTANCE (1ll << 28)

/* weight(nice) = 1024 * 1.25^-nice: one nice step is a tenth of the CPU between two threads. */
static const uint32_t nice_weights[NICE_MAX - NICE_MIN + 1] = {
    88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626,
    14901, 11921, 9537,  7629,  6104,  4883,  3906,  3125,
    2500,  2000,  1600,  1280,  1024,  819,   655,   524,
    419,   336,   268,   215,   172,   137,   110,   88,
    70,    56,    45,    36,    29,    23,    18,    15,
};

uint32_t fair_weight(int policy, int nice)
{
    return policy == SCHED_IDLE ? WEIGHT_POLICY_IDLE : nice_weights[nice - NICE_MIN];
}

static inline uint64_t to_virtual(uint64_t ns, uint32_t weight)
{
    return weight == WEIGHT_NICE_0 ? ns : ns * WEIGHT_NICE_0 / weight;
}

static inline uint64_t virtual_slice(const struct sched_entity *entity)
{
    return to_virtual(entity->slice_ns, entity->weight);
}

static inline struct sched_entity *entity_of(const struct rb_node *node)
{
    return rb_entry((struct rb_node *)node, struct sched_entity, run_node);
}

static inline bool before(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

/* ---- the tree ---- */

static bool deadline_less(const struct rb_node *a, const struct rb_node *b)
{
    return before(entity_of(a)->deadline, entity_of(b)->deadline);
}

static bool update_min_vruntime(struct rb_node *node)
{
    struct sched_entity *entity = entity_of(node);
    uint64_t min = entity->vruntime;

    if (node->left != NULL && before(entity_of(node->left)->min_vruntime, min)) {
        min = entity_of(node->left)->min_vruntime;
    }
    if (node->right != NULL && before(entity_of(node->right)->min_vruntime, min)) {
        min = entity_of(node->right)->min_vruntime;
    }
    if (entity->min_vruntime == min) {
        return false;
    }
    entity->min_vruntime = min;
    return true;
}

static void tree_insert(struct fair_queue *queue, struct sched_entity *entity)
{
    entity->min_vruntime = entity->vruntime;
    rb_insert(&queue->tree, &entity->run_node, deadline_less, update_min_vruntime);
    queue->count++;
    queue->load += entity->weight;
    queue->sum += (int64_t)(entity->vruntime - queue->base) * entity->weight;
}

static void tree_erase(struct fair_queue *queue, struct sched_entity *entity)
{
    rb_erase(&queue->tree, &entity->run_node, update_min_vruntime);
    queue->count--;
    queue->load -= entity->weight;
    queue->sum -= (int64_t)(entity->vruntime - queue->base) * entity->weight;
}

/* ---- virtual time ---- */

struct totals {
    int64_t sum;
    uint64_t load;
};

static inline struct totals totals_with_current(const struct fair_queue *queue)
{
    struct totals totals = {queue->sum, queue->load};

    if (queue->current != NULL) {
        totals.sum += (int64_t)(queue->current->vruntime - queue->base) * queue->current->weight;
        totals.load += queue->current->weight;
    }
    return totals;
}

static inline int64_t divide_rounding_down(int64_t sum, uint64_t load)
{
    int64_t quotient = sum / (int64_t)load;

    return quotient * (int64_t)load > sum ? quotient - 1 : quotient;
}

uint64_t fair_average(const struct fair_queue *queue)
{
    struct totals totals = totals_with_current(queue);

    if (totals.load == 0 || totals.sum == 0) {
        return queue->base;
    }
    return queue->base + (uint64_t)divide_rounding_down(totals.sum, totals.load);
}

static void rebase(struct fair_queue *queue, uint64_t base)
{
    int64_t delta = (int64_t)(base - queue->base);

    queue->sum -= delta * (int64_t)queue->load;
    queue->base = base;
}

static inline bool eligible(const struct fair_queue *queue, struct totals totals, uint64_t vruntime)
{
    return totals.sum >= (int64_t)(vruntime - queue->base) * (int64_t)totals.load;
}

/* ---- runnable and not ---- */

void fair_queue_init(struct fair_queue *queue)
{
    *queue = (struct fair_queue){.base = 0};
    rb_root_init(&queue->tree);
}

/* Give the entity a vruntime that preserves its lag. By joining it moves the average towards
 * itself, by w/(W+w) of its distance, and would lose as much lag: so it is placed (W+w)/W as far
 * away. A new thread starts without lag and with half a slice, so that it shows up soon. */
static void place(struct fair_queue *queue, struct sched_entity *entity)
{
    uint64_t average = fair_average(queue);
    uint64_t load = totals_with_current(queue).load;
    uint64_t slice = virtual_slice(entity);
    int64_t lag = 0;

    if (load > 0) {
        lag = entity->vlag * (int64_t)(load + entity->weight) / (int64_t)load;
    }
    entity->vruntime = average - (uint64_t)lag;
    entity->deadline = entity->vruntime + (entity->placed ? slice : slice / 2);
    entity->placed = true;
}

void fair_enqueue(struct fair_queue *queue, struct sched_entity *entity)
{
    place(queue, entity);
    tree_insert(queue, entity);
}

void fair_enqueue_current(struct fair_queue *queue, struct sched_entity *entity)
{
    place(queue, entity);
    entity->picked_deadline = entity->deadline;
    queue->current = entity;
}

void fair_dequeue(struct fair_queue *queue, struct sched_entity *entity)
{
    uint64_t average = fair_average(queue);
    int64_t limit = (int64_t)(2 * virtual_slice(entity));

    entity->vlag = CLAMP((int64_t)(average - entity->vruntime), -limit, limit);
    if (queue->current == entity) {
        queue->current = NULL;
    } else {
        tree_erase(queue, entity);
    }
    if (queue->count == 0 && queue->current == NULL) {
        queue->base = average; /* virtual time stands still while nobody is here */
        queue->sum = 0;
    }
}

void fair_set_next(struct fair_queue *queue, struct sched_entity *entity)
{
    tree_erase(queue, entity);
    entity->picked_deadline = entity->deadline;
    queue->current = entity;
}

void fair_put_prev(struct fair_queue *queue, struct sched_entity *entity)
{
    queue->current = NULL;
    tree_insert(queue, entity);
}

void fair_reweight(struct sched_entity *entity, uint32_t weight)
{
    entity->vlag = entity->vlag * (int64_t)entity->weight / (int64_t)weight;
    entity->weight = weight;
}

/* ---- running ---- */

bool fair_charge(struct fair_queue *queue, uint64_t exec_ns)
{
    struct sched_entity *current = queue->current;
    int64_t distance;

    current->vruntime += to_virtual(exec_ns, current->weight);
    distance = (int64_t)(current->vruntime - queue->base);
    if (distance > REBASE_DISTANCE || distance < -REBASE_DISTANCE) {
        rebase(queue, fair_average(queue));
    }
    if (before(current->vruntime, current->deadline)) {
        return false;
    }
    current->deadline = current->vruntime + virtual_slice(current);
    return true;
}

/* The eligible entity of the tree with the earliest deadline: the leftmost eligible one. */
static struct sched_entity *tree_pick(const struct fair_queue *queue, struct totals totals)
{
    struct rb_node *node = queue->tree.node;

    while (node != NULL) {
        if (node->left != NULL && eligible(queue, totals, entity_of(node->left)->min_vruntime)) {
            node = node->left;
        } else if (eligible(queue, totals, entity_of(node)->vruntime)) {
            return entity_of(node);
        } else {
            node = node->right;
        }
    }
    return NULL;
}

struct sched_entity *fair_pick(const struct fair_queue *queue)
{
    struct sched_entity *current = queue->current;
    struct totals totals;
    struct sched_entity *best;

    if (queue->count == 0) {
        return current;
    }
    totals = totals_with_current(queue);
    if (current != NULL && !eligible(queue, totals, current->vruntime)) {
        current = NULL;
    }
    /* While it is owed time, it keeps the CPU until its slice is used up: fewer switches. */
    if (current != NULL && current->picked_deadline == current->deadline) {
        return current;
    }
    best = tree_pick(queue, totals);
    if (best == NULL || (current != NULL && !before(best->deadline, current->deadline))) {
        best = current;
    }
    /* The least vruntime is never above the average, so somebody is eligible. */
    assert(best != NULL);
    return best;
}

void fair_yield(struct fair_queue *queue)
{
    struct sched_entity *current = queue->current;
    uint64_t average = fair_average(queue);

    if (queue->count == 0) {
        return;
    }
    if (before(current->vruntime, average)) {
        current->vruntime = average; /* what it was owed, it forgoes */
    }
    current->deadline = current->vruntime + 2 * virtual_slice(current);
    current->picked_deadline = current->deadline - 1;
}

uint64_t fair_slice_left_ns(const struct fair_queue *queue)
{
    const struct sched_entity *current = queue->current;
    int64_t left = (int64_t)(current->deadline - current->vruntime);

    if (left <= 0) {
        return 0;
    }
    return (uint64_t)left * current->weight / WEIGHT_NICE_0;
}
