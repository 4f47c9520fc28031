/* SPDX-License-Identifier: MIT
 *
 * Counts what the calls of programs come to: how often each is made, succeeds, and with which
 * errors it fails.
 */
#ifndef FUZZ_SURVEY_H
#define FUZZ_SURVEY_H

#include "fuzz/program.h"

enum { SURVEY_CALLS = 512, SURVEY_ERRORS = 134 };

struct survey {
    struct {
        unsigned made, succeeded, errors[SURVEY_ERRORS];
    } calls[SURVEY_CALLS];
};

/* Empty; for the life of the process. */
struct survey *survey_create(void);

/* Run the program in a child, which may crash, and add what its calls did. */
void survey_add(struct survey *survey, const struct program *program);

/* The call has an implementation that can succeed, and never did. */
bool survey_is_missing(const struct survey *survey, unsigned number);

#endif
