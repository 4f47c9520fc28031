/* SPDX-License-Identifier: MIT */
/*
 * Packet captures, written by libpcap with nanosecond time stamps (sim/net/capture.h;
 * pcap_dump_open(3PCAP)).
 */
#include "sim/net/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

enum { NS_PER_S = 1000000000 };

struct capture {
    pcap_t *pcap;
    pcap_dumper_t *dumper;
    uint64_t epoch_ns;
};

int capture_create(const char *path, uint64_t epoch_ns, struct capture **out)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int error = ENOMEM;

    if (capture == NULL) {
        return -ENOMEM;
    }
    capture->epoch_ns = epoch_ns;
    capture->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, NETWORK_FRAME_MAX,
                                                         PCAP_TSTAMP_PRECISION_NANO);
    if (capture->pcap == NULL) {
        goto free_capture;
    }
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        error = errno;
        goto close_pcap;
    }
    capture->dumper = pcap_dump_fopen(capture->pcap, file); /* takes the file */
    if (capture->dumper == NULL) {
        error = EIO;
        fclose(file);
        remove(path);
        goto close_pcap;
    }
    *out = capture;
    return 0;
close_pcap:
    pcap_close(capture->pcap);
free_capture:
    free(capture);
    return -error;
}

void capture_frame(struct capture *capture, uint64_t time_ns, const uint8_t *bytes, size_t count)
{
    const uint64_t when_ns = capture->epoch_ns + time_ns;
    const struct pcap_pkthdr header = {
        /* With this precision, tv_usec counts nanoseconds. */
        .ts = {.tv_sec = (time_t)(when_ns / NS_PER_S), .tv_usec = (long)(when_ns % NS_PER_S)},
        .caplen = (bpf_u_int32)count,
        .len = (bpf_u_int32)count,
    };

    pcap_dump((u_char *)capture->dumper, &header, bytes);
}

void capture_report(struct capture *capture, const struct frame_report *report)
{
    const enum frame_event wanted = report->direction == LINK_FORTH ? FRAME_SENT : FRAME_DELIVERED;

    if (report->event == wanted) {
        capture_frame(capture, report->time_ns, report->bytes, report->count);
    }
}

int capture_close(struct capture *capture)
{
    int error = pcap_dump_flush(capture->dumper) != 0 ? -EIO : 0;

    pcap_dump_close(capture->dumper);
    pcap_close(capture->pcap);
    free(capture);
    return error;
}
