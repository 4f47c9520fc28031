/* SPDX-License-Identifier: MIT */
/*
 * A queue between threads, with a lost wake-up.
 *
 * put() wakes a consumer only when the queue was empty before. With two sleeping consumers and two
 * items in a row, one is woken and the other sleeps on beside a queue that is not empty; if the
 * first has had its share by then, nobody ever wakes the second. FIXED wakes one for every item.
 */
#include <pthread.h>
#include <stdio.h>

enum { CONSUMERS = 2, SHARE = 4, ROOM = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int items[ROOM], first, count, sum;

static void put(int item)
{
    pthread_mutex_lock(&lock);
    items[(first + count++) % ROOM] = item;
    if (FIXED || count == 1) {
        pthread_cond_signal(&filled);
    }
    pthread_mutex_unlock(&lock);
}

static int take(void)
{
    pthread_mutex_lock(&lock);
    while (count == 0) {
        pthread_cond_wait(&filled, &lock);
    }
    int item = items[first];
    first = (first + 1) % ROOM;
    count--;
    pthread_mutex_unlock(&lock);
    return item;
}

static void *consume(void *unused)
{
    for (int i = 0; i < SHARE; i++) {
        __atomic_fetch_add(&sum, take(), __ATOMIC_RELAXED);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[CONSUMERS];

    for (int i = 0; i < CONSUMERS; i++) {
        pthread_create(&threads[i], NULL, consume, NULL);
    }
    for (int i = 1; i <= CONSUMERS * SHARE; i++) {
        put(i);
    }
    for (int i = 0; i < CONSUMERS; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("sum %d\n", sum);
    return sum == CONSUMERS * SHARE * (CONSUMERS * SHARE + 1) / 2 ? 0 : 1;
}
