/* SPDX-License-Identifier: MIT */
/*
 * Disks in host files (sim/host_disk.h).
 *
 * The model knows nothing of threads. So `lock` is held over every call into it: by vCPUs that
 * access registers, and by the disk's thread, which takes requests from a list, reads or writes the
 * file without the lock, and gives the answer with it.
 *
 * A flush is fdatasync(2): what the guest has flushed survives the host's end too.
 */
#include "sim/host_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "hal-hosted/device.h"
#include "sim/virtio/virtio.h"

enum { SERIAL_BYTES = 21 };

struct host_request {
    struct host_request *next;
    enum disk_operation operation;
    uint64_t sector, count;
    void *bytes;
    void (*done)(void *argument, int status);
    void *argument;
};

struct host_disk {
    struct machine *machine;
    struct machine_device *device;
    int fd;
    uint64_t sectors;
    char serial[SERIAL_BYTES];
    pthread_t thread;

    pthread_mutex_t lock; /* the model, and down to the end */
    pthread_cond_t wanted;
    struct virtio_model *model;
    struct host_request *first, **last;
    bool ending;
};

/* ---- the thread ---- */

static int transfer(int fd, bool write, uint64_t offset, char *bytes, uint64_t count)
{
    while (count > 0) {
        ssize_t done = write ? pwrite(fd, bytes, (size_t)count, (off_t)offset)
                             : pread(fd, bytes, (size_t)count, (off_t)offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) { /* 0: the file has become shorter */
            return done < 0 ? -errno : -EIO;
        }
        bytes += done;
        offset += (uint64_t)done;
        count -= (uint64_t)done;
    }
    return 0;
}

static int carry_out(const struct host_disk *disk, const struct host_request *request)
{
    if (request->operation == DISK_FLUSH) {
        return fdatasync(disk->fd) < 0 ? -EIO : 0;
    }
    if (request->sector > disk->sectors || request->count > disk->sectors - request->sector) {
        return -EINVAL;
    }
    return transfer(disk->fd, request->operation == DISK_WRITE, request->sector * DISK_SECTOR,
                    request->bytes, request->count * DISK_SECTOR);
}

static struct host_request *take_locked(struct host_disk *disk)
{
    struct host_request *request;

    while (disk->first == NULL && !disk->ending) {
        pthread_cond_wait(&disk->wanted, &disk->lock);
    }
    request = disk->first;
    if (request != NULL) {
        disk->first = request->next;
        if (disk->first == NULL) {
            disk->last = &disk->first;
        }
    }
    return request;
}

static void *serve(void *argument)
{
    struct host_disk *disk = argument;
    struct host_request *request;

    pthread_mutex_lock(&disk->lock);
    while ((request = take_locked(disk)) != NULL) {
        pthread_mutex_unlock(&disk->lock);
        int status = carry_out(disk, request);
        pthread_mutex_lock(&disk->lock);
        request->done(request->argument, status);
        free(request);
    }
    pthread_mutex_unlock(&disk->lock);
    return NULL;
}

/* ---- the model's side, with the lock ---- */

static int submit(void *context, enum disk_operation operation, uint64_t sector, uint64_t count,
                  void *bytes, void (*done)(void *argument, int status), void *argument)
{
    struct host_disk *disk = context;
    struct host_request *request = malloc(sizeof(*request));

    if (request == NULL) {
        return -ENOMEM;
    }
    *request = (struct host_request){.operation = operation,
                                     .sector = sector,
                                     .count = count,
                                     .bytes = bytes,
                                     .done = done,
                                     .argument = argument};
    *disk->last = request;
    disk->last = &request->next;
    pthread_cond_signal(&disk->wanted);
    return 0;
}

static void *host_memory(void *context, uint64_t paddr, size_t bytes)
{
    struct host_disk *disk = context;

    return machine_memory(disk->machine, paddr, bytes);
}

static void host_raise(void *context, unsigned index)
{
    struct host_disk *disk = context;

    machine_device_raise(disk->device, index);
}

/* ---- the machine's side: takes the lock ---- */

static uint32_t config_read(void *context, unsigned offset, unsigned width)
{
    struct host_disk *disk = context;

    pthread_mutex_lock(&disk->lock);
    uint32_t value = virtio_config_read(disk->model, offset, width);
    pthread_mutex_unlock(&disk->lock);
    return value;
}

static void config_write(void *context, unsigned offset, unsigned width, uint32_t value)
{
    struct host_disk *disk = context;

    pthread_mutex_lock(&disk->lock);
    virtio_config_write(disk->model, offset, width, value);
    pthread_mutex_unlock(&disk->lock);
}

static uint64_t bar_size(void *context, unsigned bar)
{
    struct host_disk *disk = context;

    return virtio_bar_size(disk->model, bar);
}

static uint64_t bar_read(void *context, unsigned bar, uint64_t offset, unsigned width)
{
    struct host_disk *disk = context;

    pthread_mutex_lock(&disk->lock);
    uint64_t value = virtio_bar_read(disk->model, bar, offset, width);
    pthread_mutex_unlock(&disk->lock);
    return value;
}

static void bar_write(void *context, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    struct host_disk *disk = context;

    pthread_mutex_lock(&disk->lock);
    virtio_bar_write(disk->model, bar, offset, width, value);
    pthread_mutex_unlock(&disk->lock);
}

/* ---- attaching ---- */

static int open_file(struct host_disk *disk, const char *path, bool read_only)
{
    struct stat status;
    uint64_t bytes = 0;

    disk->fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (disk->fd < 0 || fstat(disk->fd, &status) < 0) {
        return -errno;
    }
    if (S_ISREG(status.st_mode)) {
        bytes = (uint64_t)status.st_size;
    } else if (!S_ISBLK(status.st_mode) || ioctl(disk->fd, BLKGETSIZE64, &bytes) < 0) {
        return -EINVAL;
    }
    disk->sectors = bytes / DISK_SECTOR;
    snprintf(disk->serial, sizeof(disk->serial), "%llx-%llx", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    return disk->sectors > 0 ? 0 : -EINVAL;
}

static int plug_in(struct host_disk *disk, bool read_only)
{
    static const struct machine_device_ops ops = {
        .config_read = config_read,
        .config_write = config_write,
        .bar_size = bar_size,
        .read = bar_read,
        .write = bar_write,
    };
    static const struct machine_device_id id = {VIRTIO_VENDOR, VIRTIO_DEVICE_BLK, VIRTIO_VENDOR,
                                                VIRTIO_DEVICE_BLK, VIRTIO_CLASS_BLK};
    const struct virtio_host host = {host_memory, host_raise, disk};
    const struct virtio_blk_backend backend = {
        .submit = submit,
        .context = disk,
        .serial = disk->serial,
        .sectors = disk->sectors,
        .read_only = read_only,
    };
    int error = virtio_blk_create_on(&host, &backend, &disk->model);

    return error != 0 ? error : machine_device_add(disk->machine, &id, &ops, disk, &disk->device);
}

/* Signals are for other threads. */
static int start_thread(struct host_disk *disk)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = -pthread_create(&disk->thread, NULL, serve, disk);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

static void release(struct host_disk *disk)
{
    virtio_destroy(disk->model);
    if (disk->fd >= 0) {
        close(disk->fd);
    }
    pthread_cond_destroy(&disk->wanted);
    pthread_mutex_destroy(&disk->lock);
    free(disk);
}

int host_disk_attach(struct machine *machine, const char *path, bool read_only,
                     struct host_disk **out)
{
    struct host_disk *disk = calloc(1, sizeof(*disk));

    if (disk == NULL) {
        return -ENOMEM;
    }
    disk->machine = machine;
    disk->fd = -1;
    disk->last = &disk->first;
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->wanted, NULL);
    int error = open_file(disk, path, read_only);
    if (error == 0) {
        error = plug_in(disk, read_only);
    }
    if (error == 0) {
        error = start_thread(disk);
    }
    if (error != 0) {
        release(disk);
        return error;
    }
    *out = disk;
    return 0;
}

void host_disk_detach(struct host_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    /* What was asked for is still done. */
    pthread_mutex_lock(&disk->lock);
    disk->ending = true;
    pthread_cond_signal(&disk->wanted);
    pthread_mutex_unlock(&disk->lock);
    pthread_join(disk->thread, NULL);
    release(disk);
}
