/* SPDX-License-Identifier: MIT
 *
 * Devices as hal/bus.h shows them.
 */
#include "tests/qemu/fake_kernel.h"

void test_device(void)
{
}
