/* SPDX-License-Identifier: MIT */
/*
 * Money between two accounts, with a deadlock.
 *
 * Each transfer locks the account it takes from and then the one it gives to; two opposite
 * transfers at a time may each hold what the other wants. FIXED locks in the order of the accounts'
 * numbers.
 */
#include <pthread.h>
#include <stdio.h>

enum { TRANSFERS = 5 };

static struct account {
    pthread_mutex_t lock;
    long balance;
} accounts[2] = {{PTHREAD_MUTEX_INITIALIZER, 100}, {PTHREAD_MUTEX_INITIALIZER, 100}};

static void transfer(int from, int to, long amount)
{
    const int first = FIXED && to < from ? to : from, second = from + to - first;

    pthread_mutex_lock(&accounts[first].lock);
    pthread_mutex_lock(&accounts[second].lock);
    accounts[from].balance -= amount;
    accounts[to].balance += amount;
    pthread_mutex_unlock(&accounts[second].lock);
    pthread_mutex_unlock(&accounts[first].lock);
}

static void *back(void *unused)
{
    for (int i = 0; i < TRANSFERS; i++) {
        transfer(1, 0, 7);
    }
    return unused;
}

int main(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, back, NULL);
    for (int i = 0; i < TRANSFERS; i++) {
        transfer(0, 1, 5);
    }
    pthread_join(thread, NULL);
    printf("%ld %ld\n", accounts[0].balance, accounts[1].balance);
    return accounts[0].balance + accounts[1].balance == 200 ? 0 : 1;
}
