/* SPDX-License-Identifier: MIT */
/*
 * Delta debugging (sim/scenario/minimise.h): try without one chunk of what is kept after the other,
 * and halve the chunks when nothing can be left out.
 */
#include "sim/scenario/minimise.h"

#include <stdlib.h>
#include <string.h>

static size_t count_kept(const bool *kept, size_t count)
{
    size_t number = 0;

    for (size_t i = 0; i < count; i++) {
        number += kept[i];
    }
    return number;
}

/* `trial` becomes `kept` without its from-th to (from + size - 1)-th kept part. */
static void leave_out(const bool *kept, bool *trial, size_t count, size_t from, size_t size)
{
    size_t ordinal = 0;

    for (size_t i = 0; i < count; i++) {
        trial[i] = kept[i] && !(ordinal >= from && ordinal < from + size);
        ordinal += kept[i];
    }
}

size_t minimise(size_t count, bool *kept, unsigned trials_max,
                bool (*fails)(void *context, const bool *kept), void *context)
{
    bool *trial = calloc(count + 1, sizeof(trial[0]));
    size_t left = count, chunk = count;

    memset(kept, true, count * sizeof(kept[0]));
    if (trial == NULL) {
        return count;
    }
    /* Most failures need no fault at all, or one. */
    while (left > 0 && trials_max > 0) {
        bool smaller = false;
        for (size_t from = 0; from < left && trials_max > 0;) {
            leave_out(kept, trial, count, from, chunk);
            trials_max--;
            if (fails(context, trial)) {
                memcpy(kept, trial, count * sizeof(kept[0]));
                left = count_kept(kept, count);
                smaller = true;
            } else {
                from += chunk;
            }
        }
        if (chunk == 1 && !smaller) {
            break;
        }
        if (chunk > 1) {
            chunk = (chunk + 1) / 2;
        }
        if (chunk > left && left > 0) {
            chunk = left;
        }
    }
    free(trial);
    return left;
}
