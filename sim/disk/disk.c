/* SPDX-License-Identifier: MIT */
/*
 * A disk with a cache and faults (sim/disk/disk.h).
 *
 * Two stores: `current`, which reads see, and `durable`, which survives. The writes since the last
 * flush are kept in order; a flush copies them to `durable`, a power cut some of them, and then
 * makes `current` what `durable` is. As with frames, each request draws the same numbers whatever
 * becomes of it.
 *
 * Events have the disk for their argument, never a request: each ends the request that is due
 * first. So a copy of the disk's state goes with a copy of the list of events (disk_state_save).
 */
#include "sim/disk/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/disk/store.h"
#include "sim/faults/chance.h"

/* CACHE_WRITES: more unflushed writes than these, and the disk writes the oldest ones back. */
enum { NS_PER_S = 1000000000, CACHE_WRITES = 4096 };

static const uint64_t TIME_MAX_NS = UINT64_C(1) << 60;

/* A request under way, or a write that is done but not flushed. */
struct request {
    struct disk *disk;
    struct request *previous, *next;
    enum disk_operation operation;
    uint64_t number, sector, count, kept;
    int status;
    const char *fault;
    bool flip;
    uint64_t flip_draw;
    size_t copied; /* bytes of a write */
    void *out;     /* of a read */
    void (*done)(void *argument, int status);
    void *argument;
    uint64_t when_ns; /* its event */
    bool forgotten;   /* a power cut came first */
    bool cuts;        /* the power, instead of anything else */
    uint8_t bytes[];
};

struct list {
    struct request *first, *last;
    size_t count;
};

struct disk {
    struct disk_config config;
    char *name;
    uint32_t source;
    struct store current, durable;
    struct list pending;   /* submitted, not yet done */
    struct list unflushed; /* done writes */
    struct list forgotten; /* of a power cut, until their event comes */
    uint64_t requests, cuts, free_at_ns;
    uint64_t cut_at; /* number of the request; UINT64_MAX: none */
    void (*cut)(void *context);
    void *cut_context;
    uint64_t fail_at; /* likewise */
    void (*observe)(void *context, const struct disk_report *report);
    void *observe_context;
};

static void list_append(struct list *list, struct request *request)
{
    request->previous = list->last;
    request->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = request;
    list->last = request;
    list->count++;
}

static void list_remove(struct list *list, struct request *request)
{
    *(request->previous != NULL ? &request->previous->next : &list->first) = request->next;
    *(request->next != NULL ? &request->next->previous : &list->last) = request->previous;
    list->count--;
}

static void list_free(struct list *list)
{
    while (list->first != NULL) {
        struct request *request = list->first;
        list_remove(list, request);
        free(request);
    }
}

static void cancel(struct list *list, struct request *request)
{
    void (*done)(void *argument, int status) = request->done;
    void *argument = request->argument;

    list_remove(list, request);
    free(request);
    done(argument, -ECANCELED);
}

static void cancel_all(struct list *list)
{
    while (list->first != NULL) {
        cancel(list, list->first);
    }
}

const char *disk_quality_check(const struct disk_quality *quality)
{
    const uint32_t ppm[] = {quality->read_fail_ppm,  quality->read_corrupt_ppm,
                            quality->write_fail_ppm, quality->write_lost_ppm,
                            quality->write_torn_ppm, quality->reorder_ppm,
                            quality->cut_lose_ppm,   quality->cut_tear_ppm};

    for (size_t i = 0; i < sizeof(ppm) / sizeof(ppm[0]); i++) {
        if (ppm[i] > CHANCE_ALWAYS_PPM) {
            return "a probability is larger than 1";
        }
    }
    if (quality->latency_ns > TIME_MAX_NS || quality->jitter_ns > TIME_MAX_NS ||
        quality->reorder_ns > TIME_MAX_NS) {
        return "a time is longer than 36 years";
    }
    if (quality->reorder_ppm > 0 && quality->reorder_ns == 0) {
        return "reordering needs a time to hold requests back";
    }
    return NULL;
}

int disk_create(const struct disk_config *config, struct disk **out)
{
    struct disk *disk = calloc(1, sizeof(*disk));
    int error = -ENOMEM;

    if (disk == NULL) {
        return -ENOMEM;
    }
    disk->config = *config;
    disk->config.base_fd = -1;
    disk->cut_at = disk->fail_at = UINT64_MAX;
    disk->name = strdup(config->name);
    if (disk->name == NULL) {
        goto fail;
    }
    if (config->base_fd >= 0 && (disk->config.base_fd = dup(config->base_fd)) < 0) {
        error = -errno;
        goto fail;
    }
    error = disk_quality_check(&config->quality) != NULL ? -EINVAL : 0;
    if (error == 0) {
        error = store_init(&disk->current, config->sectors, disk->config.base_fd);
    }
    if (error == 0) {
        error = store_init(&disk->durable, config->sectors, disk->config.base_fd);
    }
    if (error == 0 && config->plan != NULL) {
        char text[128];
        snprintf(text, sizeof(text), "disk %s", config->name);
        disk->source = fault_plan_source(config->plan, text);
        error = disk->source == UINT32_MAX ? -ENOMEM : 0;
    }
    if (error == 0) {
        *out = disk;
        return 0;
    }
fail:
    disk_destroy(disk);
    return error;
}

void disk_destroy(struct disk *disk)
{
    if (disk == NULL) {
        return;
    }
    cancel_all(&disk->pending);
    cancel_all(&disk->forgotten);
    list_free(&disk->unflushed);
    store_free(&disk->current);
    store_free(&disk->durable);
    if (disk->config.base_fd >= 0) {
        close(disk->config.base_fd);
    }
    free(disk->name);
    free(disk);
}

void disk_observe(struct disk *disk,
                  void (*observe)(void *context, const struct disk_report *report), void *context)
{
    disk->observe = observe;
    disk->observe_context = context;
}

const char *disk_name(const struct disk *disk)
{
    return disk->name;
}

uint64_t disk_sectors(const struct disk *disk)
{
    return disk->config.sectors;
}

void disk_set_quality(struct disk *disk, const struct disk_quality *quality)
{
    disk->config.quality = *quality;
}

size_t disk_pending(const struct disk *disk)
{
    return disk->pending.count;
}

size_t disk_unflushed(const struct disk *disk)
{
    return disk->unflushed.count;
}

static bool fire(struct disk *disk, enum fault_kind kind, uint64_t ordinal)
{
    return fault_plan_fire(disk->config.plan, sim_clock_now(&disk->config.clock), kind,
                           disk->source, ordinal);
}

/* Decide which fault, at most one, the request suffers. */
static void draw_fate(struct request *request, struct chance *chance)
{
    struct disk *disk = request->disk;
    const struct disk_quality *quality = &disk->config.quality;
    const bool read = request->operation == DISK_READ, write = request->operation == DISK_WRITE;
    const bool failed = chance_hit(chance, read ? quality->read_fail_ppm : quality->write_fail_ppm);
    const bool corrupt = chance_hit(chance, quality->read_corrupt_ppm);
    const bool lost = chance_hit(chance, quality->write_lost_ppm);
    const bool torn = chance_hit(chance, quality->write_torn_ppm);
    const uint64_t kept = request->count > 1 ? 1 + chance_below(chance, request->count - 1) : 0;

    request->flip_draw = chance_next(chance);
    if (read && failed && fire(disk, FAULT_READ_FAILED, request->number)) {
        request->status = -EIO;
        request->fault = fault_kind_name(FAULT_READ_FAILED);
    } else if (read && corrupt && fire(disk, FAULT_READ_CORRUPTED, request->number)) {
        request->flip = true;
        request->fault = fault_kind_name(FAULT_READ_CORRUPTED);
    } else if (write && failed && fire(disk, FAULT_WRITE_FAILED, request->number)) {
        request->status = -EIO;
        request->kept = 0;
        request->fault = fault_kind_name(FAULT_WRITE_FAILED);
    } else if (write && lost && fire(disk, FAULT_WRITE_LOST, request->number)) {
        request->kept = 0;
        request->fault = fault_kind_name(FAULT_WRITE_LOST);
    } else if (write && torn && kept > 0 && fire(disk, FAULT_WRITE_TORN, request->number)) {
        request->kept = kept;
        request->fault = fault_kind_name(FAULT_WRITE_TORN);
    }
}

/* When the request is finished. */
static uint64_t draw_time(struct request *request, struct chance *chance)
{
    struct disk *disk = request->disk;
    const struct disk_quality *quality = &disk->config.quality;
    const uint64_t now_ns = sim_clock_now(&disk->config.clock);
    const uint64_t jitter_ns = chance_below(chance, quality->jitter_ns + 1);
    const bool held = chance_hit(chance, quality->reorder_ppm);
    const uint64_t hold_ns = 1 + chance_below(chance, quality->reorder_ns);
    uint64_t when_ns = now_ns;

    if (quality->bytes_per_s > 0) {
        when_ns = disk->free_at_ns > now_ns ? disk->free_at_ns : now_ns;
        when_ns += (uint64_t)((unsigned __int128)request->count * DISK_SECTOR * NS_PER_S /
                              quality->bytes_per_s);
        disk->free_at_ns = when_ns;
    }
    when_ns += quality->latency_ns + jitter_ns;
    if (held && request->operation != DISK_FLUSH &&
        fire(disk, FAULT_WRITE_REORDERED, request->number)) {
        when_ns += hold_ns;
    }
    return when_ns;
}

static bool is_inside(const struct disk *disk, uint64_t sector, uint64_t count)
{
    return count <= DISK_REQUEST_SECTORS_MAX && sector <= disk->config.sectors &&
           count <= disk->config.sectors - sector;
}

/* True if the write needs more new blocks than there is room for. */
static bool is_full(struct disk *disk, const struct request *request)
{
    const uint64_t per_block = STORE_BLOCK / STORE_SECTOR;
    const uint64_t room = disk->config.quality.room_sectors / per_block;
    uint64_t fresh = 0;

    if (disk->config.quality.room_sectors == 0 || request->count == 0) {
        return false;
    }
    for (uint64_t block = request->sector / per_block;
         block <= (request->sector + request->count - 1) / per_block; block++) {
        fresh += disk->current.blocks[block] == NULL;
    }
    return fresh > 0 && disk->current.used + fresh > room &&
           fire(disk, FAULT_DISK_FULL, request->number);
}

/* All writes since the last flush but the newest `left` are safe now. */
static int write_back(struct disk *disk, size_t left)
{
    while (disk->unflushed.count > left) {
        struct request *request = disk->unflushed.first;
        int error = store_write(&disk->durable, request->sector, request->kept, request->bytes);
        if (error != 0) {
            return error;
        }
        list_remove(&disk->unflushed, request);
        free(request);
    }
    return 0;
}

static void finish_read(struct request *request)
{
    struct disk *disk = request->disk;

    if (request->status == 0) {
        request->status = store_read(&disk->current, request->sector, request->count, request->out);
    }
    if (request->status == 0 && request->flip && request->count > 0) {
        uint64_t bit = request->flip_draw % (request->count * DISK_SECTOR * 8);
        ((uint8_t *)request->out)[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void finish_write(struct request *request)
{
    struct disk *disk = request->disk;

    if (request->status == 0 && is_full(disk, request)) {
        request->status = -ENOSPC;
        request->fault = fault_kind_name(FAULT_DISK_FULL);
    }
    if (request->status != 0) {
        request->kept = 0;
        return;
    }
    if (store_write(&disk->current, request->sector, request->kept, request->bytes) != 0) {
        request->status = -EIO;
        request->kept = 0;
    }
}

static void tell(const struct request *request)
{
    struct disk *disk = request->disk;
    const struct disk_report report = {
        .operation = request->operation,
        .number = request->number,
        .time_ns = sim_clock_now(&disk->config.clock),
        .sector = request->sector,
        .count = request->count,
        .bytes = request->operation == DISK_READ ? request->out : request->bytes,
        .status = request->status,
        .fault = request->fault,
        .sectors_kept = request->kept,
    };

    if (disk->observe != NULL) {
        disk->observe(disk->observe_context, &report);
    }
}

static void finish(struct request *request)
{
    struct disk *disk = request->disk;
    void (*done)(void *argument, int status) = request->done;

    list_remove(&disk->pending, request);
    if (request->operation == DISK_READ) {
        finish_read(request);
    } else if (request->operation == DISK_WRITE) {
        finish_write(request);
    } else if (request->status == 0) {
        request->status = write_back(disk, 0) == 0 ? 0 : -EIO;
    }
    tell(request);
    void *done_argument = request->argument;
    int status = request->status;
    if (request->kept > 0) {
        list_append(&disk->unflushed, request);
        if (write_back(disk, disk->config.quality.write_through ? 0 : CACHE_WRITES) != 0) {
            status = -EIO;
        }
    } else {
        free(request);
    }
    done(done_argument, status);
}

static void find_due(const struct list *list, struct request **found)
{
    for (struct request *request = list->first; request != NULL; request = request->next) {
        if (*found == NULL || request->when_ns < (*found)->when_ns ||
            (request->when_ns == (*found)->when_ns && request->number < (*found)->number)) {
            *found = request;
        }
    }
}

/* There is one for each request, at its time: end the one that is due first. */
static void request_is_due(void *argument)
{
    struct disk *disk = argument;
    struct request *request = NULL;

    find_due(&disk->pending, &request);
    find_due(&disk->forgotten, &request);
    assert(request != NULL);
    if (request->cuts) {
        cancel(&disk->forgotten, request);
        disk->cut(disk->cut_context);
    } else if (request->forgotten) {
        cancel(&disk->forgotten, request);
    } else {
        finish(request);
    }
}

int disk_submit(struct disk *disk, enum disk_operation operation, uint64_t sector, uint64_t count,
                void *bytes, void (*done)(void *argument, int status), void *argument)
{
    const bool inside = operation == DISK_FLUSH || is_inside(disk, sector, count);
    const size_t copied = operation == DISK_WRITE && inside ? (size_t)count * DISK_SECTOR : 0;
    struct request *request = calloc(1, sizeof(*request) + copied);
    const struct sim_clock *clock = &disk->config.clock;

    if (request == NULL) {
        return -ENOMEM;
    }
    *request = (struct request){
        .disk = disk,
        .operation = operation,
        .number = disk->requests++,
        .sector = sector,
        .count = operation == DISK_FLUSH ? 0 : count,
        .kept = copied / DISK_SECTOR,
        .copied = copied,
        .status = inside ? 0 : -EINVAL,
        .out = bytes,
        .done = done,
        .argument = argument,
    };
    if (copied > 0) {
        memcpy(request->bytes, bytes, copied);
    }
    struct chance chance =
        chance_start(disk->config.seed, UINT64_C(1) << 32 | disk->config.stream, request->number);
    const uint64_t when_ns = draw_time(request, &chance);
    int error;
    if (request->number == disk->cut_at) {
        request->cuts = true;
        request->when_ns = sim_clock_now(clock);
        list_append(&disk->forgotten, request);
    } else {
        if (inside) {
            draw_fate(request, &chance);
        }
        if (request->number == disk->fail_at) {
            request->status = -EIO;
            request->kept = 0;
            request->fault =
                fault_kind_name(operation == DISK_READ ? FAULT_READ_FAILED : FAULT_WRITE_FAILED);
        }
        request->when_ns = when_ns;
        list_append(&disk->pending, request);
    }
    error = sim_clock_call_at(clock, request->when_ns, request_is_due, disk);
    if (error != 0) {
        list_remove(request->number == disk->cut_at ? &disk->forgotten : &disk->pending, request);
        free(request);
    }
    return error;
}

void disk_cut_at(struct disk *disk, uint64_t nth, void (*cut)(void *context), void *context)
{
    disk->cut_at = nth == 0 ? UINT64_MAX : disk->requests + nth - 1;
    disk->cut = cut;
    disk->cut_context = context;
}

void disk_fail_nth(struct disk *disk, uint64_t nth)
{
    disk->fail_at = nth == 0 ? UINT64_MAX : disk->requests + nth - 1;
}

uint64_t disk_requests(const struct disk *disk)
{
    return disk->requests;
}

/* What of one endangered write survives a power cut: the result is the number of its sectors. */
static uint64_t draw_survival(struct disk *disk, const struct request *request)
{
    const struct disk_quality *quality = &disk->config.quality;
    struct chance chance = chance_start(disk->config.seed ^ chance_mix(disk->cuts),
                                        UINT64_C(2) << 32 | disk->config.stream, request->number);
    const bool lost = chance_hit(&chance, quality->cut_lose_ppm);
    const bool torn = chance_hit(&chance, quality->cut_tear_ppm);
    const uint64_t kept = request->kept > 1 ? 1 + chance_below(&chance, request->kept - 1) : 0;

    if (lost && fire(disk, FAULT_WRITE_LOST, request->number)) {
        return 0;
    }
    if (torn && kept > 0 && fire(disk, FAULT_WRITE_TORN, request->number)) {
        return kept;
    }
    return request->kept;
}

/* Requests under way are forgotten; a write among them may have reached the platter. */
static int forget_pending(struct disk *disk, bool keep_all)
{
    int error = 0;

    while (disk->pending.first != NULL) {
        struct request *request = disk->pending.first;
        list_remove(&disk->pending, request);
        list_append(&disk->forgotten, request);
        request->forgotten = true;
        if (request->operation == DISK_WRITE && request->status == 0 && !keep_all && error == 0) {
            error = store_write(&disk->durable, request->sector, draw_survival(disk, request),
                                request->bytes);
            if (error == 0) {
                error = store_copy(&disk->current, &disk->durable, request->sector, request->kept);
            }
        }
    }
    return error;
}

int disk_power_cut(struct disk *disk, bool keep_all)
{
    int error = 0;

    disk->cuts++;
    disk->cut_at = UINT64_MAX;
    for (struct request *request = disk->unflushed.first; request != NULL && error == 0;
         request = request->next) {
        uint64_t kept = keep_all ? request->kept : draw_survival(disk, request);
        error = store_write(&disk->durable, request->sector, kept, request->bytes);
    }
    /* Only after all of them: a lost write may lie under one that survived. */
    for (struct request *request = disk->unflushed.first; request != NULL && error == 0;
         request = request->next) {
        error = store_copy(&disk->current, &disk->durable, request->sector, request->kept);
    }
    list_free(&disk->unflushed);
    return error != 0 ? error : forget_pending(disk, keep_all);
}

int disk_peek(const struct disk *disk, uint64_t sector, uint64_t count, void *out)
{
    return is_inside(disk, sector, count) ? store_read(&disk->current, sector, count, out)
                                          : -EINVAL;
}

int disk_peek_durable(const struct disk *disk, uint64_t sector, uint64_t count, void *out)
{
    return is_inside(disk, sector, count) ? store_read(&disk->durable, sector, count, out)
                                          : -EINVAL;
}

int disk_poke(struct disk *disk, uint64_t sector, uint64_t count, const void *bytes)
{
    int error = is_inside(disk, sector, count) ? 0 : -EINVAL;

    error = error != 0 ? error : store_write(&disk->current, sector, count, bytes);
    return error != 0 ? error : store_write(&disk->durable, sector, count, bytes);
}

int disk_save(const struct disk *disk, const char *path)
{
    return store_save(&disk->current, path);
}

/* ---- states ---- */

struct disk_state {
    struct disk copy; /* of its own: the stores and lists */
};

static int list_clone(const struct list *list, struct list *out)
{
    *out = (struct list){NULL, NULL, 0};
    for (const struct request *request = list->first; request != NULL; request = request->next) {
        const size_t bytes = request->copied;
        struct request *copy = malloc(sizeof(*copy) + bytes);
        if (copy == NULL) {
            list_free(out);
            return -ENOMEM;
        }
        memcpy(copy, request, sizeof(*copy) + bytes);
        list_append(out, copy);
    }
    return 0;
}

static void free_parts(struct disk *disk)
{
    list_free(&disk->pending);
    list_free(&disk->unflushed);
    list_free(&disk->forgotten);
    if (disk->current.blocks != NULL) {
        store_free(&disk->current);
    }
    if (disk->durable.blocks != NULL) {
        store_free(&disk->durable);
    }
}

/* Everything but what is made at creation. */
static int clone_parts(const struct disk *from, struct disk *to)
{
    *to = *from;
    to->pending = to->unflushed = to->forgotten = (struct list){NULL, NULL, 0};
    to->current.blocks = to->durable.blocks = NULL;
    int error = list_clone(&from->pending, &to->pending);
    error = error != 0 ? error : list_clone(&from->unflushed, &to->unflushed);
    error = error != 0 ? error : list_clone(&from->forgotten, &to->forgotten);
    error = error != 0 ? error : store_clone(&from->current, &to->current);
    error = error != 0 ? error : store_clone(&from->durable, &to->durable);
    if (error != 0) {
        free_parts(to);
    }
    return error;
}

struct disk_state *disk_state_save(const struct disk *disk)
{
    struct disk_state *state = malloc(sizeof(*state));

    if (state != NULL && clone_parts(disk, &state->copy) != 0) {
        free(state);
        return NULL;
    }
    return state;
}

int disk_state_restore(struct disk *disk, const struct disk_state *state)
{
    struct disk fresh;
    int error = clone_parts(&state->copy, &fresh);

    if (error == 0) {
        free_parts(disk);
        *disk = fresh;
    }
    return error;
}

void disk_state_free(struct disk_state *state)
{
    if (state != NULL) {
        free_parts(&state->copy);
        free(state);
    }
}

void disk_read_into(struct disk *disk, const void *argument, void *bytes)
{
    for (struct request *request = disk->pending.first; request != NULL; request = request->next) {
        if (request->argument == argument) {
            request->out = bytes;
        }
    }
}
