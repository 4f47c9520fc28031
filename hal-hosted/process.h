/* SPDX-License-Identifier: MIT
 *
 * What a program that hosts machines does first.
 */
#ifndef HAL_HOSTED_PROCESS_H
#define HAL_HOSTED_PROCESS_H

/* First call of main: in ThreadSanitizer and AddressSanitizer builds, run the program again without
 * address randomisation if the host randomises more than their shadow memory allows. argv as main
 * got it. */
void hosted_prepare_process(char **argv);

#endif
