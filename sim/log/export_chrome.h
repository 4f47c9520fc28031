/* SPDX-License-Identifier: MIT
 *
 * The part that export_chrome and export_html share.
 */
#ifndef SIM_LOG_EXPORT_CHROME_H
#define SIM_LOG_EXPORT_CHROME_H

#include <stdint.h>
#include <stdio.h>

#include "sim/log/reader.h"

/* Members of a JSON object, after its first one: displayTimeUnit, traceEvents of at most the first
 * records_max records, truncated. As export_chrome. */
int export_chrome_members(struct log_reader *reader, uint64_t records_max, FILE *out);

#endif
