/* SPDX-License-Identifier: MIT */
/*
 * Intrusive doubly linked lists. `struct list` is circular with the head inside the ring;
 * `struct hlist` has a one-pointer head for hash chains. No locking, no allocation, no ownership.
 * A removed node is left unlinked, so list_remove may be repeated and list_node_linked asked; a
 * zeroed node counts as unlinked. Links forward are stored atomically: whoever only asks whether a
 * list has anything, and asks again under its lock, may look without.
 */
#ifndef KERNEL_LIB_LIST_H
#define KERNEL_LIB_LIST_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"

struct list_node {
    struct list_node *next, *prev;
};

struct list {
    struct list_node head;
};

static inline void list_init(struct list *list)
{
    list->head.next = list->head.prev = &list->head;
}

static inline void list_node_init(struct list_node *node)
{
    node->next = node->prev = node;
}

static inline bool list_node_linked(const struct list_node *node)
{
    return node->next != NULL && node->next != node;
}

static inline bool list_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline bool list_is_singular(const struct list *list)
{
    return !list_empty(list) && list->head.next == list->head.prev;
}

static inline void list_insert_between_(struct list_node *node, struct list_node *prev,
                                        struct list_node *next)
{
    node->prev = prev;
    node->next = next;
    atomic_store_relaxed(&prev->next, node);
    next->prev = node;
}

static inline void list_add_head(struct list *list, struct list_node *node)
{
    list_insert_between_(node, &list->head, list->head.next);
}

static inline void list_add_tail(struct list *list, struct list_node *node)
{
    list_insert_between_(node, list->head.prev, &list->head);
}

static inline void list_insert_before(struct list_node *position, struct list_node *node)
{
    list_insert_between_(node, position->prev, position);
}

static inline void list_insert_after(struct list_node *position, struct list_node *node)
{
    list_insert_between_(node, position, position->next);
}

static inline void list_remove(struct list_node *node)
{
    if (!list_node_linked(node))
        return;
    atomic_store_relaxed(&node->prev->next, node->next);
    node->next->prev = node->prev;
    list_node_init(node);
}

static inline void list_move_head(struct list *list, struct list_node *node)
{
    list_remove(node);
    list_add_head(list, node);
}

static inline void list_move_tail(struct list *list, struct list_node *node)
{
    list_remove(node);
    list_add_tail(list, node);
}

/* First, last, following, preceding node; NULL at the end. */
static inline struct list_node *list_first(const struct list *list)
{
    return list_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_last(const struct list *list)
{
    return list_empty(list) ? NULL : list->head.prev;
}

static inline struct list_node *list_next(const struct list *list, const struct list_node *node)
{
    return node->next == &list->head ? NULL : node->next;
}

static inline struct list_node *list_prev(const struct list *list, const struct list_node *node)
{
    return node->prev == &list->head ? NULL : node->prev;
}

/* Removes and returns the first or last node, NULL if the list is empty. */
static inline struct list_node *list_pop_head(struct list *list)
{
    struct list_node *node = list_first(list);
    if (node != NULL)
        list_remove(node);
    return node;
}

static inline struct list_node *list_pop_tail(struct list *list)
{
    struct list_node *node = list_last(list);
    if (node != NULL)
        list_remove(node);
    return node;
}

/* Moves every node of `from` to the end of `list`, in order; `from` is empty afterwards. */
static inline void list_splice_tail(struct list *list, struct list *from)
{
    if (list_empty(from))
        return;
    struct list_node *first = from->head.next, *last = from->head.prev;
    first->prev = list->head.prev;
    list->head.prev->next = first;
    last->next = &list->head;
    list->head.prev = last;
    list_init(from);
}

static inline size_t list_count(const struct list *list)
{
    size_t count = 0;
    for (const struct list_node *node = list->head.next; node != &list->head; node = node->next)
        count++;
    return count;
}

#define list_entry(node, type, member) container_of(node, type, member)

/* Entry for a node pointer that may be NULL (`node` is evaluated once). */
#define list_entry_or_null(node, type, member)                                                     \
    ({                                                                                             \
        struct list_node *entry_node_ = (node);                                                    \
        entry_node_ == NULL ? NULL : list_entry(entry_node_, type, member);                        \
    })

#define list_first_entry(list, type, member) list_entry_or_null(list_first(list), type, member)
#define list_last_entry(list, type, member) list_entry_or_null(list_last(list), type, member)
#define list_pop_head_entry(list, type, member)                                                    \
    list_entry_or_null(list_pop_head(list), type, member)
#define list_next_entry(entry, list, member)                                                       \
    list_entry_or_null(list_next(list, &(entry)->member), __typeof__(*(entry)), member)
#define list_prev_entry(entry, list, member)                                                       \
    list_entry_or_null(list_prev(list, &(entry)->member), __typeof__(*(entry)), member)

/* Iteration. The _safe forms allow removal of the current node, and only of it. */
#define list_for_each(node, list)                                                                  \
    for (node = (list)->head.next; node != &(list)->head; node = node->next)

#define list_for_each_safe(node, following, list)                                                  \
    for (node = (list)->head.next, following = node->next; node != &(list)->head;                  \
         node = following, following = node->next)

#define list_for_each_entry(entry, list, member)                                                   \
    for (entry = list_entry((list)->head.next, __typeof__(*entry), member);                        \
         &entry->member != &(list)->head;                                                          \
         entry = list_entry(entry->member.next, __typeof__(*entry), member))

#define list_for_each_entry_reverse(entry, list, member)                                           \
    for (entry = list_entry((list)->head.prev, __typeof__(*entry), member);                        \
         &entry->member != &(list)->head;                                                          \
         entry = list_entry(entry->member.prev, __typeof__(*entry), member))

#define list_for_each_entry_safe(entry, following, list, member)                                   \
    for (entry = list_entry((list)->head.next, __typeof__(*entry), member),                        \
        following = list_entry(entry->member.next, __typeof__(*entry), member);                    \
         &entry->member != &(list)->head; entry = following,                                       \
        following = list_entry(entry->member.next, __typeof__(*entry), member))

struct hlist_node {
    struct hlist_node *next, **link; /* link: the pointer that points at this node */
};

struct hlist {
    struct hlist_node *first;
};

static inline void hlist_init(struct hlist *list)
{
    list->first = NULL;
}

static inline bool hlist_empty(const struct hlist *list)
{
    return list->first == NULL;
}

static inline bool hlist_node_linked(const struct hlist_node *node)
{
    return node->link != NULL;
}

static inline void hlist_add_head(struct hlist *list, struct hlist_node *node)
{
    node->next = list->first;
    node->link = &list->first;
    if (node->next != NULL)
        node->next->link = &node->next;
    list->first = node;
}

static inline void hlist_remove(struct hlist_node *node)
{
    if (!hlist_node_linked(node))
        return;
    *node->link = node->next;
    if (node->next != NULL)
        node->next->link = node->link;
    node->next = NULL;
    node->link = NULL;
}

#define hlist_entry_or_null_(node, type, member)                                                   \
    ({                                                                                             \
        struct hlist_node *entry_node_ = (node);                                                   \
        entry_node_ == NULL ? NULL : container_of(entry_node_, type, member);                      \
    })

#define hlist_for_each_entry(entry, list, member)                                                  \
    for (entry = hlist_entry_or_null_((list)->first, __typeof__(*entry), member); entry != NULL;   \
         entry = hlist_entry_or_null_(entry->member.next, __typeof__(*entry), member))

#define hlist_for_each_entry_safe(entry, following, list, member)                                  \
    for (entry = hlist_entry_or_null_((list)->first, __typeof__(*entry), member);                  \
         entry != NULL &&                                                                          \
         (following = hlist_entry_or_null_(entry->member.next, __typeof__(*entry), member), true); \
         entry = following)

#endif
