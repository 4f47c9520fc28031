/* SPDX-License-Identifier: MIT */
/*
 * A small database on a disk: a log of records, and a header that says how many of them count.
 *
 *     log_store write DISK COUNT    appends records; says "stored N" on the console after each
 *     log_store check DISK          all that the header counts must be there; and at least as many
 *                                   as were said to be stored in what standard input has
 *
 * To store a record: write it behind the others; flush; write the header with the new count; flush;
 * tell the user. BUG=1 forgets the first flush: the disk may write the header first. BUG=2 tells
 * the user before the second: after a power cut the record may be gone. BUG=0 does it right.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 4096, MAGIC = 0x1095704e };

struct header { /* at the beginning of the disk; written whole, as it is one sector */
    uint32_t magic, count, checksum;
    uint8_t unused[500];
};

struct record { /* record N is in block N */
    uint32_t number, checksum;
    uint8_t payload[BLOCK - 8];
};

static uint32_t checksum(const void *bytes, size_t count, uint32_t seed)
{
    const uint8_t *byte = bytes;
    uint32_t sum = 2166136261u ^ seed;

    while (count-- > 0) {
        sum = (sum ^ *byte++) * 16777619u;
    }
    return sum;
}

static void die(const char *what)
{
    fprintf(stderr, "log_store: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void flush(int disk)
{
    if (fsync(disk) < 0) {
        die("fsync");
    }
}

static void write_header(int disk, uint32_t count)
{
    const struct header header = {MAGIC, count, checksum(&count, sizeof(count), MAGIC), {0}};

    if (pwrite(disk, &header, sizeof(header), 0) != sizeof(header)) {
        die("write of the header");
    }
}

/* The count, 0 if nothing was stored yet. */
static uint32_t read_header(int disk)
{
    struct header header;

    if (pread(disk, &header, sizeof(header), 0) != sizeof(header)) {
        die("read of the header");
    }
    if (header.magic == 0) {
        return 0;
    }
    if (header.magic != MAGIC ||
        header.checksum != checksum(&header.count, sizeof(header.count), MAGIC)) {
        printf("the header is damaged\n");
        exit(1);
    }
    return header.count;
}

static void store(int disk, uint32_t number)
{
    static struct record record;

    memset(record.payload, (int)number, sizeof(record.payload));
    record.number = number;
    record.checksum = checksum(record.payload, sizeof(record.payload), number);
    if (pwrite(disk, &record, sizeof(record), (off_t)number * BLOCK) != sizeof(record)) {
        die("write of a record");
    }
    if (BUG != 1) {
        flush(disk);
    }
    write_header(disk, number);
    if (BUG != 2) {
        flush(disk);
    }
}

static int write_records(int disk, uint32_t count)
{
    FILE *user = fopen("/dev/console", "w");
    const uint32_t first = read_header(disk) + 1;

    if (user == NULL) {
        die("/dev/console");
    }
    for (uint32_t number = first; number < first + count; number++) {
        store(disk, number);
        fprintf(user, "stored %u\n", number);
        fflush(user);
    }
    flush(disk);
    return 0;
}

static int check(int disk)
{
    static struct record record;
    const uint32_t count = read_header(disk);
    uint32_t told = 0, number;
    char line[80];

    for (number = 1; number <= count; number++) {
        if (pread(disk, &record, sizeof(record), (off_t)number * BLOCK) != sizeof(record)) {
            die("read of a record");
        }
        if (record.number != number ||
            record.checksum != checksum(record.payload, sizeof(record.payload), number)) {
            printf("record %u of %u is missing or damaged\n", number, count);
            return 1;
        }
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        told = sscanf(line, "stored %u", &number) == 1 && number > told ? number : told;
    }
    if (told > count) {
        printf("record %u was said to be stored, but there are only %u\n", told, count);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const int checks = argc == 3 && strcmp(argv[1], "check") == 0;
    const int writes = argc == 4 && strcmp(argv[1], "write") == 0;

    if (!checks && !writes) {
        fprintf(stderr, "usage: log_store write DISK COUNT | check DISK\n");
        return 2;
    }
    int disk = open(argv[2], O_RDWR);
    if (disk < 0) {
        die(argv[2]);
    }
    return checks ? check(disk) : write_records(disk, (uint32_t)strtoul(argv[3], NULL, 10));
}
