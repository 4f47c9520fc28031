/* SPDX-License-Identifier: MIT
 *
 * System V message queues: msgget(2), msgop(2), msgctl(2).
 */
#include "guest.h"

#include <sys/ipc.h>
#include <sys/msg.h>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif
#ifndef MSG_EXCEPT
#define MSG_EXCEPT 020000
#endif
#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif

struct packet {
    long type;
    char text[64];
};

static int queue_make(void)
{
    return (int)OK(msgget(IPC_PRIVATE, 0600 | IPC_CREAT));
}

static void put(int id, long type, const char *text)
{
    struct packet packet = {.type = type};
    strcpy(packet.text, text);
    OK(msgsnd(id, &packet, strlen(text) + 1, 0));
}

static void expect(int id, long wanted, int flags, long type, const char *text)
{
    struct packet packet;
    EQ(OK(msgrcv(id, &packet, sizeof(packet.text), wanted, flags)), strlen(text) + 1);
    EQ(packet.type, type);
    STR_EQ(packet.text, text);
}

static void drop(int id)
{
    OK(msgctl(id, IPC_RMID, NULL));
}

static void keys_find_queues(void)
{
    key_t key = 0x41535359 + getpid();
    FAILS(msgget(key, 0600), ENOENT);
    int id = (int)OK(msgget(key, IPC_CREAT | 0640));
    EQ(OK(msgget(key, 0)), id);
    EQ(OK(msgget(key, IPC_CREAT | 0600)), id);
    FAILS(msgget(key, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    int other = queue_make();
    TRUE(other != id);
    drop(other);
    drop(id);
    FAILS(msgget(key, 0), ENOENT);
    FAILS(msgctl(id, IPC_RMID, NULL), EINVAL);
    int again = (int)OK(msgget(key, IPC_CREAT | 0600));
    TRUE(again != id); /* numbers are not reused at once */
    drop(again);
}

static void types_choose_messages(void)
{
    struct packet packet;
    int id = queue_make();
    put(id, 5, "five");
    put(id, 3, "three");
    put(id, 9, "nine");
    put(id, 3, "three again");
    expect(id, 9, 0, 9, "nine");
    expect(id, -4, 0, 3, "three");
    put(id, 2, "two");
    expect(id, -5, 0, 2, "two");
    expect(id, 5, MSG_EXCEPT, 3, "three again");
    FAILS(msgrcv(id, &packet, sizeof(packet.text), 7, IPC_NOWAIT), ENOMSG);
    expect(id, 0, 0, 5, "five");
    FAILS(msgrcv(id, &packet, sizeof(packet.text), 0, IPC_NOWAIT), ENOMSG);
    put(id, LONG_MAX, "last");
    expect(id, LONG_MIN, 0, LONG_MAX, "last");
    drop(id);
}

static void sizes_are_checked(void)
{
    struct packet packet = {.type = 1};
    int id = queue_make();
    FAILS(msgsnd(id, &packet, (size_t)-1, 0), EINVAL);
    FAILS(msgsnd(id, &packet, 8193, 0), EINVAL);
    packet.type = 0;
    FAILS(msgsnd(id, &packet, 1, 0), EINVAL);
    packet.type = -1;
    FAILS(msgsnd(id, &packet, 1, 0), EINVAL);
    FAILS(msgsnd(-1, &packet, 1, 0), EINVAL);
    FAILS(msgsnd(id, BAD_POINTER, 1, 0), EFAULT);
    FAILS(msgrcv(id, &packet, (size_t)-1, 0, IPC_NOWAIT), EINVAL);
    FAILS(msgrcv(-1, &packet, 1, 0, IPC_NOWAIT), EINVAL);
    put(id, 1, "0123456789");
    FAILS(msgrcv(id, &packet, 4, 0, 0), E2BIG);
    memset(&packet, 'x', sizeof(packet));
    EQ(OK(msgrcv(id, &packet, 4, 0, MSG_NOERROR)), 4);
    TRUE(memcmp(packet.text, "0123xx", 6) == 0);
    packet.type = 4;
    OK(msgsnd(id, &packet, 0, 0)); /* an empty one */
    EQ(OK(msgrcv(id, &packet, sizeof(packet.text), 0, 0)), 0);
    EQ(packet.type, 4);
    put(id, 1, "lost");
    FAILS(msgrcv(id, BAD_POINTER, 64, 0, 0), EFAULT);
    FAILS(msgrcv(id, &packet, 64, 0, IPC_NOWAIT), ENOMSG);
    drop(id);
}

static void copies_leave_the_message(void)
{
    struct packet packet;
    int id = queue_make();
    put(id, 7, "first");
    put(id, 8, "second");
    if (msgrcv(id, &packet, 64, 0, MSG_COPY | IPC_NOWAIT) < 0 && errno == ENOSYS)
        skip("no MSG_COPY here");
    expect(id, 1, MSG_COPY | IPC_NOWAIT, 8, "second");
    expect(id, 0, MSG_COPY | IPC_NOWAIT, 7, "first");
    FAILS(msgrcv(id, &packet, 64, 2, MSG_COPY | IPC_NOWAIT), ENOMSG);
    FAILS(msgrcv(id, &packet, 64, 0, MSG_COPY), EINVAL);
    FAILS(msgrcv(id, &packet, 64, 0, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT), EINVAL);
    FAILS(msgrcv(id, &packet, 2, 0, MSG_COPY | IPC_NOWAIT), E2BIG);
    expect(id, 0, 0, 7, "first");
    drop(id);
}

static void status_and_limits(void)
{
    struct msqid_ds status;
    struct msginfo info;
    int id = (int)OK(msgget(IPC_PRIVATE, 0640));
    OK(msgctl(id, IPC_STAT, &status));
    EQ(status.msg_perm.mode, 0640);
    EQ(status.msg_perm.uid, geteuid());
    EQ(status.msg_perm.cgid, getegid());
    EQ(status.msg_qnum, 0);
    EQ(status.msg_qbytes, 16384);
    EQ(status.msg_stime, 0);
    EQ(status.msg_lspid, 0);
    TRUE(status.msg_ctime > 0);
    put(id, 1, "abc");
    put(id, 1, "de");
    OK(msgctl(id, IPC_STAT, &status));
    EQ(status.msg_qnum, 2);
    EQ(status.msg_cbytes, 7);
    EQ(status.msg_lspid, getpid());
    EQ(status.msg_lrpid, 0);
    TRUE(status.msg_stime > 0);
    expect(id, 0, 0, 1, "abc");
    OK(msgctl(id, IPC_STAT, &status));
    EQ(status.msg_qnum, 1);
    EQ(status.msg_lrpid, getpid());
    status.msg_perm.mode = 0600;
    status.msg_qbytes = 10;
    OK(msgctl(id, IPC_SET, &status));
    OK(msgctl(id, IPC_STAT, &status));
    EQ(status.msg_perm.mode, 0600);
    EQ(status.msg_qbytes, 10);
    struct packet packet = {.type = 1};
    FAILS(msgsnd(id, &packet, 8, IPC_NOWAIT), EAGAIN);
    OK(msgsnd(id, &packet, 7, IPC_NOWAIT));
    int highest = (int)OK(msgctl(0, IPC_INFO, (struct msqid_ds *)&info));
    EQ(info.msgmax, 8192);
    EQ(info.msgmnb, 16384);
    OK(msgctl(0, MSG_INFO, (struct msqid_ds *)&info));
    TRUE(info.msgpool >= 1);
    bool found = false;
    for (int index = 0; index <= highest; index++)
        found |= msgctl(index, MSG_STAT, &status) == id;
    TRUE(found);
    found = false;
    for (int index = 0; index <= highest; index++)
        found |= msgctl(index, MSG_STAT_ANY, &status) == id;
    TRUE(found);
    FAILS(msgctl(id, 99, NULL), EINVAL);
    FAILS(msgctl(-1, IPC_STAT, &status), EINVAL);
    FAILS(msgctl(id, IPC_STAT, BAD_POINTER), EFAULT);
    FAILS(msgctl(id, IPC_SET, BAD_POINTER), EFAULT);
    drop(id);
}

static void stranger_may_not(void)
{
    struct packet packet = {.type = 1};
    struct msqid_ds status;
    if (geteuid() != 0)
        skip("not root");
    int id = queue_make(), open = (int)OK(msgget(0x51515151, IPC_CREAT | 0604));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setresgid(1000, 1000, 1000));
        OK(setresuid(1000, 1000, 1000));
        FAILS(msgsnd(id, &packet, 1, 0), EACCES);
        FAILS(msgrcv(id, &packet, 1, 0, IPC_NOWAIT), EACCES);
        FAILS(msgctl(id, IPC_STAT, &status), EACCES);
        FAILS(msgctl(id, IPC_RMID, NULL), EPERM);
        FAILS(msgsnd(open, &packet, 1, 0), EACCES);
        FAILS(msgrcv(open, &packet, 1, 0, IPC_NOWAIT), ENOMSG);
        OK(msgctl(open, IPC_STAT, &status));
        FAILS(msgctl(open, IPC_SET, &status), EPERM);
        EQ(OK(msgget(0x51515151, 0004)), open);
        FAILS(msgget(0x51515151, 0006), EACCES);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(msgctl(open, IPC_STAT, &status));
    status.msg_perm.uid = 1000;
    OK(msgctl(open, IPC_SET, &status));
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setresuid(1000, 1000, 1000));
        status.msg_qbytes = 1 << 20;
        FAILS(msgctl(open, IPC_SET, &status), EPERM);
        OK(msgctl(open, IPC_RMID, NULL));
        _exit(0);
    }
    CHILD_OK(pid);
    drop(id);
}

static void receive_one(void *argument)
{
    expect(*(int *)argument, 6, 0, 6, "six");
}

static void receiver_waits_for_its_type(void)
{
    int id = queue_make();
    pid_t pid = spawn(receive_one, &id);
    EVENTUALLY(process_state(pid) == 'S');
    put(id, 5, "five");
    EQ(waitpid(pid, NULL, WNOHANG), 0);
    put(id, 6, "six");
    CHILD_OK(pid);
    expect(id, 0, 0, 5, "five");
    drop(id);
}

static void send_big(void *argument)
{
    struct {
        long type;
        char text[8192];
    } packet = {.type = 3};
    OK(msgsnd(*(int *)argument, &packet, sizeof(packet.text), 0));
}

static void sender_waits_for_room(void)
{
    struct {
        long type;
        char text[8192];
    } packet = {.type = 1};
    int id = queue_make();
    OK(msgsnd(id, &packet, 8192, 0));
    OK(msgsnd(id, &packet, 8192, 0));
    FAILS(msgsnd(id, &packet, 1, IPC_NOWAIT), EAGAIN);
    pid_t pid = spawn(send_big, &id);
    EVENTUALLY(process_state(pid) == 'S');
    EQ(OK(msgrcv(id, &packet, 8192, 0, 0)), 8192);
    CHILD_OK(pid);
    EQ(OK(msgrcv(id, &packet, 8192, 3, 0)), 8192);
    drop(id);
}

static void wait_removed(void *argument)
{
    struct packet packet;
    FAILS(msgrcv(*(int *)argument, &packet, 64, 0, 0), EIDRM);
}

static void send_removed(void *argument)
{
    struct packet packet = {.type = 1};
    FAILS(msgsnd(*(int *)argument, &packet, 64, 0), EIDRM);
}

static void removal_ends_waits(void)
{
    struct msqid_ds status;
    int id = queue_make(), full = queue_make();
    OK(msgctl(full, IPC_STAT, &status));
    status.msg_qbytes = 1;
    OK(msgctl(full, IPC_SET, &status));
    pid_t receiver = spawn(wait_removed, &id), sender = spawn(send_removed, &full);
    EVENTUALLY(process_state(receiver) == 'S' && process_state(sender) == 'S');
    drop(id);
    drop(full);
    CHILD_OK(receiver);
    CHILD_OK(sender);
}

static void on_signal(int signo)
{
    (void)signo;
}

static struct gate interrupted;

static void wait_interrupted(void *argument)
{
    struct packet packet;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    OK(sigaction(SIGUSR1, &action, NULL));
    FAILS(msgrcv(*(int *)argument, &packet, 64, 0, 0), EINTR);
    gate_open(&interrupted);
    expect(*(int *)argument, 0, 0, 1, "go");
}

static void handlers_interrupt_even_with_restart(void)
{
    int id = queue_make();
    interrupted = gate_make();
    pid_t pid = spawn(wait_interrupted, &id);
    EVENTUALLY(process_state(pid) == 'S');
    OK(kill(pid, SIGUSR1));
    gate_pass(&interrupted);
    put(id, 1, "go");
    CHILD_OK(pid);
    drop(id);
}

enum { WRITERS = 3, MESSAGES = 200 };

static void write_many(void *argument)
{
    struct {
        long type;
        char text[400];
    } packet = {.type = getpid()};
    for (int i = 0; i < MESSAGES; i++)
        OK(msgsnd(*(int *)argument, &packet, sizeof(packet.text), 0));
}

static void contention_loses_nothing(void)
{
    struct packet_big {
        long type;
        char text[400];
    } packet;
    int id = queue_make();
    pid_t pids[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        pids[i] = spawn(write_many, &id);
    int counts[WRITERS] = {0};
    for (int i = 0; i < WRITERS * MESSAGES; i++) {
        EQ(OK(msgrcv(id, &packet, sizeof(packet.text), 0, 0)), sizeof(packet.text));
        for (int writer = 0; writer < WRITERS; writer++)
            counts[writer] += packet.type == pids[writer];
    }
    for (int i = 0; i < WRITERS; i++) {
        CHILD_OK(pids[i]);
        EQ(counts[i], MESSAGES);
    }
    drop(id);
}

static void proc_lists_queues(void)
{
    char line[256];
    int id = queue_make(), found = 0;
    put(id, 1, "abc");
    FILE *file = fopen("/proc/sysvipc/msg", "r");
    TRUE(file);
    TRUE(fgets(line, sizeof(line), file));
    STR_EQ(line,
           "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  "
           "cgid      stime      rtime      ctime\n");
    while (fgets(line, sizeof(line), file)) {
        int key, listed;
        unsigned mode;
        unsigned long bytes, count;
        EQ(sscanf(line, "%d %d %o %lu %lu", &key, &listed, &mode, &bytes, &count), 5);
        if (listed == id) {
            found++;
            EQ(mode, 0600);
            EQ(bytes, 4);
            EQ(count, 1);
        }
    }
    fclose(file);
    EQ(found, 1);
    drop(id);
}

GUEST_MAIN(CASE(keys_find_queues), CASE(types_choose_messages), CASE(sizes_are_checked),
           CASE(copies_leave_the_message), CASE(status_and_limits), CASE(stranger_may_not),
           CASE(receiver_waits_for_its_type), CASE(sender_waits_for_room), CASE(removal_ends_waits),
           CASE(handlers_interrupt_even_with_restart), CASE(contention_loses_nothing),
           CASE(proc_lists_queues))
