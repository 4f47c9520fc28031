/* SPDX-License-Identifier: MIT */
/*
 * cpio archives in newc format: a 110-byte header of hexadecimal fields, the name and the bytes,
 * each padded to four; an entry named TRAILER!!! ends the archive. See cpio(5).
 */
#include "sim/newc.h"

#include <ctype.h>
#include <string.h>

enum { HEADER_SIZE = 110, FIELD_SIZE = 8, MAGIC_SIZE = 6, NAME_MAX_SIZE = 4096 };

/* Index of the header's fields that reading needs. */
enum { FIELD_MODE = 1, FIELD_FILESIZE = 6, FIELD_NAMESIZE = 11 };

static const char trailer[] = "TRAILER!!!";

static uint64_t padded(uint64_t size)
{
    return (size + 3) & ~UINT64_C(3);
}

static void write_zeros(FILE *out, uint64_t count)
{
    while (count-- > 0) {
        fputc(0, out);
    }
}

void newc_write_header(FILE *out, const struct newc_entry *entry)
{
    size_t name_size = strlen(entry->path) + 1;

    fprintf(out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", entry->ino,
            entry->mode, entry->uid, entry->gid, entry->nlink, entry->mtime, entry->size, 0, 0,
            entry->rdev_major, entry->rdev_minor, (unsigned)name_size, 0);
    fwrite(entry->path, 1, name_size, out);
    write_zeros(out, padded(HEADER_SIZE + name_size) - (HEADER_SIZE + name_size));
}

void newc_write_pad(FILE *out, uint64_t size)
{
    write_zeros(out, padded(size) - size);
}

void newc_write_trailer(FILE *out)
{
    const struct newc_entry entry = {.path = trailer, .nlink = 1};

    newc_write_header(out, &entry);
}

bool newc_recognize(const unsigned char *bytes, size_t size)
{
    return size >= MAGIC_SIZE &&
           (memcmp(bytes, "070701", MAGIC_SIZE) == 0 || memcmp(bytes, "070702", MAGIC_SIZE) == 0);
}

static bool read_field(const unsigned char *header, unsigned index, uint32_t *out)
{
    const unsigned char *digits = header + MAGIC_SIZE + index * FIELD_SIZE;
    uint32_t value = 0;

    for (unsigned i = 0; i < FIELD_SIZE; i++) {
        if (!isxdigit(digits[i])) {
            return false;
        }
        int digit = isdigit(digits[i]) ? digits[i] - '0' : tolower(digits[i]) - 'a' + 10;
        value = value << 4 | (uint32_t)digit;
    }
    *out = value;
    return true;
}

size_t newc_walk(const unsigned char *bytes, size_t size, newc_visit *visit, void *context,
                 const char **problem, size_t *offset)
{
    size_t at = 0;

    for (;;) {
        uint32_t mode, file_size, name_size;

        *offset = at;
        if (size - at < HEADER_SIZE) {
            *problem = "it ends before its trailer";
            return 0;
        }
        const unsigned char *header = bytes + at;
        if (!newc_recognize(header, size - at) || !read_field(header, FIELD_MODE, &mode) ||
            !read_field(header, FIELD_FILESIZE, &file_size) ||
            !read_field(header, FIELD_NAMESIZE, &name_size)) {
            *problem = "not the header of an entry";
            return 0;
        }
        uint64_t data = padded(HEADER_SIZE + (uint64_t)name_size);
        uint64_t end = padded(data + file_size);
        /* The last padding may be missing. */
        if (data + file_size > size - at) {
            *problem = "it ends inside an entry";
            return 0;
        }
        const char *name = (const char *)header + HEADER_SIZE;
        if (name_size < 2 || name_size > NAME_MAX_SIZE || name[name_size - 1] != '\0') {
            *problem = "an entry without a proper name";
            return 0;
        }
        at = end < size - at ? at + end : size;
        if (strcmp(name, trailer) == 0) {
            return at;
        }
        visit(context, name, name_size - 1, mode);
    }
}
