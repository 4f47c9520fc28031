/* SPDX-License-Identifier: MIT
 *
 * Pseudoterminal pairs (pty(7), ioctl_tty(2)): what is written to the master is typed on the slave,
 * what the slave puts out is read from the master.
 *
 * The slave is an ordinary tty whose driver appends to a ring that the master reads. Closing the
 * master hangs the slave up; while nobody has the slave open, the master reads EIO.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/ioctl.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/signal.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/device.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal.h"
#include "kernel/security/cred.h"
#include "kernel/tty/pty_internal.h"

/* ---- the slave's driver ---- */

static size_t slave_write(struct tty *tty, const char *bytes, size_t count)
{
    struct pty *pty = tty->driver_data;
    spin_lock(&pty->lock);
    size_t taken = pty->master_closed ? MAX(count, (size_t)1)
                   : count == 0       ? byte_ring_space(&pty->output)
                                      : byte_ring_write(&pty->output, bytes, count);
    spin_unlock(&pty->lock);
    if (taken && count)
        wait_queue_wake(&pty->read_wait, 0, EPOLLIN | EPOLLRDNORM);
    return taken;
}

static void packet_event(struct pty *pty, uint8_t event, uint8_t opposite)
{
    spin_lock(&pty->lock);
    bool report = pty->packet_mode;
    if (report)
        pty->packet_events = (uint8_t)((pty->packet_events & ~opposite) | event);
    spin_unlock(&pty->lock);
    if (report)
        wait_queue_wake(&pty->read_wait, 0, EPOLLIN | EPOLLPRI | EPOLLRDNORM);
}

static void slave_flow_changed(struct tty *tty, bool stopped)
{
    packet_event(tty->driver_data, stopped ? TIOCPKT_STOP : TIOCPKT_START,
                 stopped ? TIOCPKT_START : TIOCPKT_STOP);
}

static void slave_flush_output(struct tty *tty)
{
    struct pty *pty = tty->driver_data;
    spin_lock(&pty->lock);
    byte_ring_clear(&pty->output);
    spin_unlock(&pty->lock);
    packet_event(pty, TIOCPKT_FLUSHWRITE, 0);
}

static size_t slave_output_pending(struct tty *tty)
{
    (void)tty;
    return 0; /* what the master has not read yet counts as sent, as in Linux */
}

/* Input was read, or the last opener left: the master may write, or see the end. */
static void slave_input_consumed(struct tty *tty)
{
    struct pty *pty = tty->driver_data;
    wait_queue_wake(&pty->write_wait, 0, EPOLLOUT | EPOLLWRNORM);
    if (atomic_load_relaxed(&tty->open_count) == 0)
        wait_queue_wake(&pty->read_wait, 0, EPOLLIN | EPOLLHUP);
}

/* Packet mode reports whether ^S and ^Q do what they usually do. */
static void slave_termios_changed(struct tty *tty, const struct linux_termios *old)
{
    const struct linux_termios *new = &tty->termios;
    bool was = (old->c_iflag & IXON) && old->c_cc[VSTOP] == 023 && old->c_cc[VSTART] == 021;
    bool is = (new->c_iflag &IXON) && new->c_cc[VSTOP] == 023 && new->c_cc[VSTART] == 021;
    bool extproc = (old->c_lflag | new->c_lflag) & EXTPROC;
    if (was != is)
        packet_event(tty->driver_data, is ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP,
                     is ? TIOCPKT_NOSTOP : TIOCPKT_DOSTOP);
    if (extproc)
        packet_event(tty->driver_data, TIOCPKT_IOCTL, 0);
}

static void slave_free(struct tty *tty)
{
    kfree(tty->driver_data);
}

static const struct tty_driver slave_driver = {
    .write = slave_write,
    .flow_changed = slave_flow_changed,
    .flush_output = slave_flush_output,
    .output_pending = slave_output_pending,
    .input_consumed = slave_input_consumed,
    .termios_changed = slave_termios_changed,
    .free = slave_free,
};

/* ---- pairs ---- */

struct pty *pty_find(struct superblock *sb, int index)
{
    struct pty_table *table = sb->kernel->tty->ptys;
    mutex_lock(&table->lock);
    struct pty *pty = index >= 0 ? xarray_get(&devpts_of(sb)->by_index, (uint64_t)index) : NULL;
    if (pty)
        tty_get(pty->slave);
    mutex_unlock(&table->lock);
    return pty;
}

/* Under its number in the instance, which the pair holds from now on. */
static int enter_locked(struct pty *pty, struct superblock *sb, struct pty_table *table)
{
    struct devpts *devpts = devpts_of(sb);
    uint64_t index;
    int64_t limit =
        (int64_t)tunable(pty_max) - (devpts->may_use_reserve ? 0 : tunable(pty_reserve));
    if (table->count + 1 >= limit || devpts->options.max == 0) /* one less, as in Linux */
        return -ENOSPC;
    int error = xarray_alloc(&devpts->by_index, pty, 0, devpts->options.max - 1, &index);
    if (error)
        return error;
    pty->index = (int)index;
    pty->slave->rdev = MAKE_DEV(PTY_SLAVE_MAJOR, index);
    error = devpts_create_inode(sb, pty->index, &pty->inode);
    if (error) {
        xarray_erase(&devpts->by_index, index);
        return error;
    }
    pty->instance = superblock_get(sb);
    atomic_store_relaxed(&table->count, table->count + 1);
    return 0;
}

static int pty_create(struct superblock *sb, struct pty **out)
{
    struct kernel *kernel = sb->kernel;
    struct pty_table *table = kernel->tty->ptys;
    struct pty *pty = kzalloc(sizeof(*pty));
    if (!pty)
        return -ENOMEM;
    spin_lock_init(&pty->lock, LOCK_RANK_OBJECT);
    wait_queue_init(&pty->read_wait);
    wait_queue_init(&pty->write_wait);
    byte_ring_init(&pty->output, pty->buffer, sizeof(pty->buffer));
    pty->locked = true;
    int error = tty_create(kernel, &slave_driver, pty, 0, &pty->slave);
    if (error) {
        kfree(pty);
        return error;
    }

    mutex_lock(&table->lock);
    error = enter_locked(pty, sb, table);
    mutex_unlock(&table->lock);
    if (error) {
        tty_put(pty->slave);
        return error;
    }
    *out = pty;
    return 0;
}

unsigned pty_count(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->tty->ptys->count);
}

int pty_open_master(struct inode *inode, struct file *file)
{
    struct pty *pty;
    struct path root;
    (void)inode;
    int error = devpts_find(file, &root);
    if (error)
        return error;
    error = pty_create(root.dentry->sb, &pty);
    path_put(&root);
    if (error)
        return error;
    file->private = pty;
    file->mode |= FILE_STREAM;
    return 0;
}

static void master_release(struct file *file)
{
    struct pty *pty = file->private;
    struct pty_table *table = file->kernel->tty->ptys;

    mutex_lock(&table->lock);
    xarray_erase(&devpts_of(pty->instance)->by_index, (uint64_t)pty->index);
    atomic_store_relaxed(&table->count, table->count - 1);
    mutex_unlock(&table->lock);
    inode_put(pty->inode);
    superblock_put(pty->instance);
    spin_lock(&pty->lock);
    pty->master_closed = true;
    spin_unlock(&pty->lock);
    tty_hangup(pty->slave);
    tty_put(pty->slave);
}

static int slave_open(struct inode *inode, struct file *file)
{
    bool is_name = devpts_of(inode->sb) != NULL; /* and no node that somebody has made elsewhere */
    struct pty *pty = is_name ? pty_find(inode->sb, (int)DEV_MINOR(inode->rdev)) : NULL;
    if (!pty)
        return -EIO;
    int error = pty->locked ? -EIO : tty_open_file(pty->slave, file);
    if (!error)
        atomic_store_relaxed(&pty->slave_opened, true);
    tty_put(pty->slave);
    return error;
}

/* ---- the master's operations ---- */

/* The slave was open once and is not any more. */
static bool other_closed(struct pty *pty)
{
    return atomic_load_relaxed(&pty->slave_opened) &&
           atomic_load_relaxed(&pty->slave->open_count) == 0;
}

static bool master_readable(struct pty *pty)
{
    spin_lock(&pty->lock);
    bool readable = !byte_ring_empty(&pty->output) || (pty->packet_mode && pty->packet_events);
    spin_unlock(&pty->lock);
    return readable || other_closed(pty);
}

/* In packet mode a status byte comes first, and alone if it is not TIOCPKT_DATA. */
static size_t take_output(struct pty *pty, char *out, size_t max)
{
    size_t taken = 0;
    spin_lock(&pty->lock);
    if (pty->packet_mode) {
        uint8_t events = pty->packet_events;
        pty->packet_events = 0;
        if (events || !byte_ring_empty(&pty->output))
            out[taken++] = (char)events;
        if (!events && taken)
            taken += byte_ring_read(&pty->output, out + taken, max - taken);
    } else {
        taken = byte_ring_read(&pty->output, out, max);
    }
    spin_unlock(&pty->lock);
    if (taken)
        tty_writable(pty->slave);
    return taken;
}

static int64_t master_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct pty *pty = file->private;
    char chunk[512];
    (void)pos;

    if (uio->remaining == 0)
        return 0;
    for (;;) {
        size_t taken = take_output(pty, chunk, MIN(uio->remaining, (uint64_t)sizeof(chunk)));
        if (taken) {
            size_t copied = uio_copy_to(uio, chunk, taken);
            if (copied < taken)
                return copied ? (int64_t)copied : -EFAULT;
            int64_t done = (int64_t)copied;
            while (
                uio->remaining && !pty->packet_mode &&
                (taken = take_output(pty, chunk, MIN(uio->remaining, (uint64_t)sizeof(chunk))))) {
                copied = uio_copy_to(uio, chunk, taken);
                done += (int64_t)copied;
                if (copied < taken)
                    break;
            }
            return done;
        }
        if (other_closed(pty))
            return -EIO;
        if (file_is_nonblocking(file))
            return -EAGAIN;
        int error = wait_event_interruptible(&pty->read_wait, master_readable(pty));
        if (error)
            return error;
    }
}

static int64_t master_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct pty *pty = file->private;
    char chunk[256];
    int64_t done = 0;
    (void)pos;

    while (uio->remaining) {
        size_t want = MIN(uio->remaining, (uint64_t)sizeof(chunk));
        size_t copied = uio_copy_from(chunk, uio, want), taken = 0;
        if (copied == 0)
            return done ? done : -EFAULT;
        for (;;) {
            taken += tty_receive(pty->slave, chunk + taken, copied - taken);
            if (taken == copied)
                break;
            int error =
                file_is_nonblocking(file)
                    ? -EAGAIN
                    : wait_event_interruptible(&pty->write_wait, tty_receive_room(pty->slave) > 0);
            if (error) {
                done += (int64_t)taken;
                return done ? done : error;
            }
        }
        done += (int64_t)copied;
    }
    return done;
}

static uint32_t master_poll(struct file *file, struct poll_table *table)
{
    struct pty *pty = file->private;
    uint32_t events = 0;

    poll_wait(table, &pty->read_wait);
    poll_wait(table, &pty->write_wait);
    spin_lock(&pty->lock);
    if (pty->packet_mode && pty->packet_events)
        events |= EPOLLIN | EPOLLRDNORM | EPOLLPRI;
    if (!byte_ring_empty(&pty->output))
        events |= EPOLLIN | EPOLLRDNORM;
    spin_unlock(&pty->lock);
    if (other_closed(pty))
        events |= EPOLLHUP;
    if (tty_receive_room(pty->slave) > 0)
        events |= EPOLLOUT | EPOLLWRNORM;
    return events;
}

static int64_t set_locked(struct pty *pty, uint64_t argument)
{
    uint32_t value;
    if (get_user_u32(&value, argument))
        return -EFAULT;
    spin_lock(&pty->lock);
    pty->locked = value;
    spin_unlock(&pty->lock);
    return 0;
}

static int64_t set_packet_mode(struct pty *pty, uint64_t argument)
{
    uint32_t value;
    if (get_user_u32(&value, argument))
        return -EFAULT;
    spin_lock(&pty->lock);
    if (value && !pty->packet_mode)
        pty->packet_events = 0;
    pty->packet_mode = value;
    spin_unlock(&pty->lock);
    return 0;
}

/* TIOCGPTPEER: open the slave by its master, whatever is mounted where. */
static int64_t open_peer(struct file *file, struct pty *pty, uint64_t flags)
{
    char name[24];
    struct file *slave;
    struct path root;
    int error = devpts_find(file, &root);
    if (error)
        return error;
    ksnprintf(name, sizeof(name), "%d", pty->index);
    error = root.dentry->sb == pty->instance ? 0 : -ENODEV;
    if (!error)
        error = vfs_open(&root, name, (uint32_t)flags & ~(uint32_t)O_CREAT, 0, 0, &slave);
    path_put(&root);
    return error ? error : fd_add(slave, flags & O_CLOEXEC);
}

static int64_t put_number(int64_t number, uint64_t argument)
{
    return number < 0 ? number : put_user_u32(argument, (uint32_t)number);
}

static int64_t signal_slave(struct pty *pty, uint64_t signo)
{
    if (signo != SIGINT && signo != SIGQUIT && signo != SIGTSTP)
        return -EINVAL;
    job_control_signal_foreground(pty->slave, (int)signo);
    return 0;
}

static int64_t pair_ioctl(struct file *file, struct pty *pty, uint32_t command, uint64_t argument)
{
    switch (command) {
    case TIOCGPTN:
        return put_user_u32(argument, (uint32_t)pty->index);
    case TIOCSPTLCK:
        return set_locked(pty, argument);
    case TIOCGPTLCK:
        return put_user_u32(argument, pty->locked);
    case TIOCPKT:
        return set_packet_mode(pty, argument);
    case TIOCGPKT:
        return put_user_u32(argument, pty->packet_mode);
    case TIOCGPTPEER:
        return open_peer(file, pty, argument);
    case TIOCSIG:
        return signal_slave(pty, argument);
    default:
        return -ENOIOCTLCMD;
    }
}

static int64_t set_foreground(struct tty *slave, uint64_t argument)
{
    uint32_t pgid;
    if (get_user_u32(&pgid, argument))
        return -EFAULT;
    return job_control_set_foreground(slave, (int)pgid);
}

/* TIOCSTI: the master is nobody's controlling terminal, so this is for CAP_SYS_ADMIN; it reads the
 * character as if the slave had written it. */
static int64_t type_on_master(struct pty *pty, uint64_t argument)
{
    char c;
    if (!capable(CAP_SYS_ADMIN))
        return -EPERM;
    if (copy_from_user(&c, argument, 1))
        return -EFAULT;
    spin_lock(&pty->lock);
    byte_ring_write(&pty->output, &c, 1);
    spin_unlock(&pty->lock);
    wait_queue_wake(&pty->read_wait, 0, EPOLLIN | EPOLLRDNORM);
    return 0;
}

static int64_t master_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    struct pty *pty = file->private;
    struct tty *slave = pty->slave;
    struct linux_winsize size;

    int64_t result = pair_ioctl(file, pty, command, argument);
    if (result != -ENOIOCTLCMD)
        return result;
    switch (command) {
    case TIOCINQ: {
        spin_lock(&pty->lock);
        uint32_t bytes = (uint32_t)byte_ring_fill(&pty->output);
        spin_unlock(&pty->lock);
        return put_user_u32(argument, bytes);
    }
    case TIOCOUTQ:
        return put_user_u32(argument, 0);
    case TIOCGWINSZ:
        mutex_lock(&slave->lock);
        size = slave->size;
        mutex_unlock(&slave->lock);
        return copy_to_user(argument, &size, sizeof(size));
    case TIOCSWINSZ:
        if (copy_from_user(&size, argument, sizeof(size)))
            return -EFAULT;
        tty_set_size(slave, &size);
        return 0;
    case TIOCSTI:
        return type_on_master(pty, argument);
    case TIOCGETD:
        return put_user_u32(argument, N_TTY);
    case TIOCSPGRP:
        return set_foreground(slave, argument);
    case TIOCGPGRP:
        return put_number(job_control_get_foreground(slave, true), argument);
    case TIOCGSID:
        return put_number(job_control_get_session(slave, true), argument);
    default:
        result = tty_mode_ioctl(slave, command, argument, false);
        return result == -ENOIOCTLCMD ? -ENOTTY : result;
    }
}

const struct file_ops pty_master_ops = {
    .open = pty_open_master,
    .read = master_read,
    .write = master_write,
    .poll = master_poll,
    .ioctl = master_ioctl,
    .release = master_release,
};

const struct file_ops pty_slave_ops = {.open = slave_open, TTY_FILE_OPS};

/* ---- boot ---- */

int pty_init(struct kernel *kernel)
{
    struct pty_table *table = kzalloc(sizeof(*table));
    if (!table)
        return -ENOMEM;
    mutex_init(&table->lock, LOCK_RANK_NONE);
    kernel->tty->ptys = table;
    int error =
        device_register_char(kernel, PTMX_MAJOR, PTMX_MINOR, 1, "/dev/ptmx", &pty_master_ops, NULL);
    if (!error)
        error =
            device_register_char(kernel, PTY_SLAVE_MAJOR, 0, 1u << 20, "pts", &pty_slave_ops, NULL);
    if (!error)
        error =
            devtmpfs_create_node(kernel, "ptmx", S_IFCHR | 0666, MAKE_DEV(PTMX_MAJOR, PTMX_MINOR));
    return error ? error : devpts_init(kernel);
}
