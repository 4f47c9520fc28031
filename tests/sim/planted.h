/* SPDX-License-Identifier: MIT */
/*
 * Bugs that a test plants into its own copy of the kernel (planted_kernel.c).
 */
#ifndef TESTS_SIM_PLANTED_H
#define TESTS_SIM_PLANTED_H

enum planted {
    PLANTED_NONE,
    PLANTED_NO_DIRECTORY_LOCK, /* entries of a directory change without its mutex */
    PLANTED_NO_PIPE_LOCK,      /* a pipe's buffer, likewise */
    PLANTED_NO_FILE_LOCK,      /* a file's content and size, likewise */
    PLANTED_SHARED_MM_LOCK,    /* address spaces change under a lock that others may have, too */
    PLANTED_LATE_PREPARATION,  /* a thread says that it will sleep after it looked at its condition
                                */
};

extern enum planted planted;

#endif
