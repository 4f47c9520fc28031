/* SPDX-License-Identifier: MIT */
/*
 * cpio "newc" reader, cpio(5): a header of 110 ASCII characters (a magic and 13 fields of 8
 * hexadecimal digits), the name with its NUL, padding to a multiple of 4, the contents, padding to
 * a multiple of 4. An entry named TRAILER!!! ends an archive. Offsets only move forward and never
 * past size, whatever the input says.
 */
#include "kernel/lib/cpio.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/stat.h"
#include "kernel/lib/string.h"

#define HEADER_SIZE 110u
#define MAGIC_SIZE 6u
#define NAME_SIZE_MAX 4096u /* with the NUL: Linux's PATH_MAX */
#define TRAILER "TRAILER!!!"
#define BETWEEN_ARCHIVES UINT64_MAX

enum field {
    FIELD_INODE,
    FIELD_MODE,
    FIELD_UID,
    FIELD_GID,
    FIELD_LINKS,
    FIELD_MTIME,
    FIELD_SIZE,
    FIELD_DEV_MAJOR,
    FIELD_DEV_MINOR,
    FIELD_RDEV_MAJOR,
    FIELD_RDEV_MINOR,
    FIELD_NAME_SIZE,
    FIELD_CHECKSUM,
    FIELDS_COUNT,
};

STATIC_ASSERT(MAGIC_SIZE + 8 * FIELDS_COUNT == HEADER_SIZE);

void cpio_reader_init(struct cpio_reader *reader, const void *buffer, uint64_t size)
{
    *reader =
        (struct cpio_reader){.buffer = buffer, .size = size, .archive_start = BETWEEN_ARCHIVES};
}

static bool parse_hex(const uint8_t *digits, uint32_t *out)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (!kisxdigit(digits[i]))
            return false;
        int c = ktolower(digits[i]);
        uint32_t digit = (uint32_t)(kisdigit(c) ? c - '0' : c - 'a' + 10);
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

static bool parse_header(const uint8_t *header, uint32_t fields[FIELDS_COUNT])
{
    if (memcmp(header, "070701", MAGIC_SIZE) != 0 && memcmp(header, "070702", MAGIC_SIZE) != 0)
        return false;
    for (unsigned i = 0; i < FIELDS_COUNT; i++) {
        if (!parse_hex(header + MAGIC_SIZE + 8 * i, &fields[i]))
            return false;
    }
    return true;
}

/* The entry whose header is at `offset`; *out_next is where the following header may be. */
static int parse_entry(const struct cpio_reader *reader, uint64_t offset, struct cpio_entry *out,
                       uint64_t *out_next)
{
    const uint8_t *header = reader->buffer + offset;
    uint64_t left = reader->size - offset;
    uint32_t fields[FIELDS_COUNT];
    if (left < HEADER_SIZE || !parse_header(header, fields))
        return -EINVAL;

    uint32_t name_size = fields[FIELD_NAME_SIZE];
    if (name_size < 2 || name_size > NAME_SIZE_MAX || name_size > left - HEADER_SIZE)
        return -EINVAL;
    const char *name = (const char *)header + HEADER_SIZE;
    if (name[0] == '\0' || name[name_size - 1] != '\0')
        return -EINVAL;

    uint64_t data_offset = ALIGN_UP((uint64_t)HEADER_SIZE + name_size, 4);
    uint32_t data_size = fields[FIELD_SIZE];
    if (data_size > 0 && (data_offset > left || data_size > left - data_offset))
        return -EINVAL;

    *out = (struct cpio_entry){
        .name = name,
        .name_size = kstrnlen(name, name_size),
        .data = header + MIN(data_offset, left),
        .data_size = data_size,
        .inode = fields[FIELD_INODE],
        .mode = fields[FIELD_MODE],
        .uid = fields[FIELD_UID],
        .gid = fields[FIELD_GID],
        .links = fields[FIELD_LINKS],
        .mtime = fields[FIELD_MTIME],
        .dev_major = fields[FIELD_DEV_MAJOR],
        .dev_minor = fields[FIELD_DEV_MINOR],
        .rdev_major = fields[FIELD_RDEV_MAJOR],
        .rdev_minor = fields[FIELD_RDEV_MINOR],
        .header_offset = offset,
    };
    /* The padding after the last contents may be missing. */
    *out_next = offset + MIN(ALIGN_UP(data_offset + data_size, 4), left);
    return 0;
}

static bool is_trailer(const struct cpio_entry *entry)
{
    return kstr_is(entry->name, entry->name_size, TRAILER);
}

static void skip_zeros(struct cpio_reader *reader)
{
    while (reader->offset < reader->size && reader->buffer[reader->offset] == 0)
        reader->offset++;
}

int cpio_next(struct cpio_reader *reader, struct cpio_entry *out)
{
    for (;;) {
        if (reader->archive_start == BETWEEN_ARCHIVES) {
            skip_zeros(reader);
            if (reader->offset == reader->size)
                return 0;
        }
        uint64_t next;
        int error = parse_entry(reader, reader->offset, out, &next);
        if (error != 0)
            return error;
        if (reader->archive_start == BETWEEN_ARCHIVES)
            reader->archive_start = reader->offset;
        reader->offset = next;
        if (!is_trailer(out))
            return 1;
        reader->archive_start = BETWEEN_ARCHIVES;
    }
}

static bool same_file(const struct cpio_entry *a, const struct cpio_entry *b)
{
    return a->links > 1 && b->links > 1 && a->inode == b->inode && a->dev_major == b->dev_major &&
           a->dev_minor == b->dev_minor && ((a->mode ^ b->mode) & S_IFMT) == 0;
}

int cpio_first_link(const struct cpio_reader *reader, const struct cpio_entry *entry,
                    struct cpio_entry *out)
{
    if (reader->archive_start == BETWEEN_ARCHIVES)
        return 0;
    for (uint64_t offset = reader->archive_start; offset < entry->header_offset;) {
        if (parse_entry(reader, offset, out, &offset) != 0)
            return 0;
        if (same_file(out, entry))
            return 1;
    }
    return 0;
}
