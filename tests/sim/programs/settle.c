/* SPDX-License-Identifier: MIT */
/*
 * Stands in for a machine's service that has come up: says so, and sleeps for good.
 */
#include <unistd.h>

int main(void)
{
    static const char text[] = "settled\n";
    if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
        return 1;
    for (;;)
        sleep(1000);
}
