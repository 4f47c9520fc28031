/* SPDX-License-Identifier: MIT */
/* Includes ABI_HEADER, whose macros may replace the host's without a warning. No include guard. */
#pragma GCC system_header
#include ABI_HEADER
