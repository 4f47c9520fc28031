/* SPDX-License-Identifier: MIT
 *
 * The user's terminal while a guest owns it.
 */
#ifndef SIM_TERMINAL_H
#define SIM_TERMINAL_H

#include <stdbool.h>

/* True if standard input and output are both terminals: then the guest gets keys unchanged, and its
 * own terminal layer echoes and edits. */
bool terminal_is_interactive(void);

/* Hand every key to the guest. Undone by terminal_restore, and by exit. No effect unless
 * interactive. */
void terminal_make_raw(void);

void terminal_restore(void);

#endif
