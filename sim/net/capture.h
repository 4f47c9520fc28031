/* SPDX-License-Identifier: MIT
 *
 * Captures frames to pcap files, which tcpdump and Wireshark read: what one would see at the first
 * end of a link. Frames of the first end appear when they enter the link, others when they arrive.
 */
#ifndef SIM_NET_CAPTURE_H
#define SIM_NET_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/net/network.h"

struct capture;

/* Capture to a new file, with times in ns since `epoch_ns` (of the real-time clock). 0 or negative
 * errno, and then no file is left. */
int capture_create(const char *path, uint64_t epoch_ns, struct capture **out);

/* Add one frame. */
void capture_frame(struct capture *capture, uint64_t time_ns, const uint8_t *bytes, size_t count);

/* Add what an observer of the network was told, if it is to be seen at the link's first end. */
void capture_report(struct capture *capture, const struct frame_report *report);

/* Close the file. 0, or -EIO if not all could be written. */
int capture_close(struct capture *capture);

#endif
