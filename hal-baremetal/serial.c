/* SPDX-License-Identifier: MIT
 *
 * Serial ports (16550): COM1 is the console and the log, COM2, if there is one, the trace.
 *
 * Console output takes what fits the FIFO and asks for an interrupt for the rest. The log waits:
 * it must come out even when nothing else works. Input waits in a ring until the kernel takes it;
 * when the ring is full the port's interrupt is masked, so that the sender is held up instead of
 * bytes being lost. National Semiconductor PC16550D data sheet.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"
#include "hal/kernel_on.h"

enum { COM1 = 0x3f8, COM2 = 0x2f8, COM1_IRQ = 4 };
enum { DATA = 0, IER = 1, FCR = 2, IIR = 2, LCR = 3, MCR = 4, LSR = 5, SCRATCH = 7 };
enum { IER_RECEIVE = 1, IER_TRANSMIT = 2 };
enum { LSR_DATA = 0x01, LSR_TRANSMIT = 0x20, LSR_IDLE = 0x40 };
enum { RING_BYTES = 1024 };

static struct {
    struct hal_spin lock;
    bool present, trace_present;
    uint8_t fifo_bytes; /* what the transmitter takes at once */
    uint8_t ier;
    char ring[RING_BYTES];
    unsigned head, fill;
} serial;

static bool port_init(uint16_t port)
{
    outb(port + SCRATCH, 0x5a);
    if (inb(port + SCRATCH) != 0x5a)
        return false;
    outb(port + IER, 0);
    outb(port + LCR, 0x80); /* divisor: 115200 */
    outb(port + 0, 1);
    outb(port + 1, 0);
    outb(port + LCR, 0x03); /* 8 bits, no parity */
    /*
     * FIFOs on and empty, interrupt from the first byte; or off. Turning them on loses a byte that
     * comes in that moment, and the ports of hypervisors take standard input from the beginning,
     * which they hold up until the byte before has been read.
     */
    outb(port + FCR, x86_features.hypervisor ? 0x00 : 0x07);
    serial.fifo_bytes = x86_features.hypervisor ? 1 : 16;
    outb(port + MCR, 0x0b); /* DTR, RTS, interrupt line */
    return true;
}

void x86_serial_init(void)
{
    serial.present = port_init(COM1);
    serial.trace_present = port_init(COM2);
}

static void set_ier(uint8_t ier)
{
    if (ier != serial.ier) {
        serial.ier = ier;
        outb(COM1 + IER, ier);
    }
}

/* Everything the port has that the ring has room for. Locked. */
static void receive(void)
{
    while (serial.fill < RING_BYTES && inb(COM1 + LSR) & LSR_DATA) {
        serial.ring[(serial.head + serial.fill) % RING_BYTES] = (char)inb(COM1 + DATA);
        serial.fill++;
    }
    if (serial.fill == RING_BYTES)
        set_ier(serial.ier & ~IER_RECEIVE);
    else
        set_ier(serial.ier | IER_RECEIVE);
}

static void serial_interrupt(void *argument)
{
    (void)argument;
    bool enabled = spin_lock_irq(&serial.lock);
    unsigned before = serial.fill;
    receive();
    bool input = serial.fill > before;
    bool writable = serial.ier & IER_TRANSMIT && inb(COM1 + LSR) & LSR_TRANSMIT;
    if (writable)
        set_ier(serial.ier & ~IER_TRANSMIT);
    spin_unlock_irq(&serial.lock, enabled);
    if (input)
        kernel_on_console_input();
    if (writable)
        kernel_on_console_writable();
}

void x86_serial_init_interrupts(void)
{
    if (!serial.present)
        return;
    x86_isa_irq_route(COM1_IRQ, serial_interrupt, NULL);
    set_ier(IER_RECEIVE);
}

/* A FIFO full, if the port is ready for one. */
static size_t transmit(uint16_t port, const char *bytes, size_t count)
{
    if (!(inb(port + LSR) & LSR_TRANSMIT))
        return 0;
    size_t n = count < serial.fifo_bytes ? count : serial.fifo_bytes;
    for (size_t i = 0; i < n; i++)
        outb(port + DATA, (uint8_t)bytes[i]);
    return n;
}

static void transmit_all(uint16_t port, const char *bytes, size_t count)
{
    unsigned stuck = 0;
    while (count > 0 && stuck < 10000000) { /* a port that never gets ready must not stop a panic */
        size_t n = transmit(port, bytes, count);
        stuck = n ? 0 : stuck + 1;
        if (!n)
            cpu_pause();
        bytes += n;
        count -= n;
    }
}

size_t hal_console_write(enum hal_channel channel, const char *bytes, size_t count)
{
    bool trace = channel == HAL_CHANNEL_TRACE;
    if (trace ? !serial.trace_present : !serial.present)
        return count;
    bool enabled = spin_lock_irq(&serial.lock);
    size_t done = 0;
    if (channel == HAL_CHANNEL_CONSOLE) {
        size_t n;
        while (done < count && (n = transmit(COM1, bytes + done, count - done)) > 0)
            done += n;
        if (done < count)
            set_ier(serial.ier | IER_TRANSMIT);
    } else {
        transmit_all(trace ? COM2 : COM1, bytes, count);
        done = count;
    }
    spin_unlock_irq(&serial.lock, enabled);
    return done;
}

size_t hal_console_read(char *bytes, size_t count)
{
    if (!serial.present)
        return 0;
    size_t done = 0;
    bool enabled = spin_lock_irq(&serial.lock);
    for (;;) {
        while (done < count && serial.fill > 0) {
            bytes[done++] = serial.ring[serial.head];
            serial.head = (serial.head + 1) % RING_BYTES;
            serial.fill--;
        }
        if (done == count || serial.ier & IER_RECEIVE)
            break;
        receive(); /* the port was held up while the ring was full */
        if (serial.fill == 0)
            break;
    }
    spin_unlock_irq(&serial.lock, enabled);
    return done;
}

bool hal_console_input_ended(void)
{
    return false; /* a serial line has no end */
}

bool hal_console_size(unsigned *columns, unsigned *rows)
{
    (void)columns;
    (void)rows;
    return false;
}

void x86_serial_drain(void)
{
    for (unsigned i = 0; serial.present && i < 100000 && !(inb(COM1 + LSR) & LSR_IDLE); i++)
        cpu_pause();
}
