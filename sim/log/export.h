/* SPDX-License-Identifier: MIT
 *
 * Exports of event logs for people and for other tools.
 */
#ifndef SIM_LOG_EXPORT_H
#define SIM_LOG_EXPORT_H

#include <stdint.h>
#include <stdio.h>

#include "sim/log/reader.h"

/* Each reads the log to its end and writes to `out`. 0, or a negative errno: -EINVAL when the log
 * is broken (log_message), -EIO when writing fails. */

/* Every record as a line. */
int export_text(struct log_reader *reader, FILE *out);

/* System calls as strace(1) would show them: one line a call, at its return. */
int export_strace(struct log_reader *reader, FILE *out);

/* Chrome's trace event format, which Perfetto (ui.perfetto.dev) and chrome://tracing open: a
 * process for every machine, with its CPUs and tasks; packets are asynchronous events. */
int export_chrome(struct log_reader *reader, FILE *out);

/* A page that shows a timeline in any browser, with everything in one file. */
int export_html(struct log_reader *reader, const char *title, FILE *out);

/* Frames of one link (its number), as at its first end; -ENOENT if the log has none. */
int export_pcap(struct log_reader *reader, unsigned link, const char *path);

#endif
