/* SPDX-License-Identifier: MIT */
/*
 * Chrome's trace event format (sim/log/export.h; "Trace Event Format", the JSON object form),
 * written event by event with jansson, so that a long log needs no memory.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "sim/log/export.h"
#include "sim/log/export_chrome.h"
#include "sim/log/pairs.h"
#include "sim/net/network.h"

/* Thread ids of a machine's CPUs and of events without task; tasks have their own numbers. */
enum { CPU_TID = 1000000, MACHINES_MAX = 4096, NO_MACHINE = 65535, NO_CPU = 65535 };

struct known {
    unsigned machine;
    uint32_t user, pid; /* user 0: not seen yet */
    char program[48];
};

struct chrome {
    FILE *out;
    bool first, failed;
    struct pairs pairs;
    bool named[MACHINES_MAX];
    struct known *known; /* tasks with names; those of new ones by pid, until they are seen */
    size_t known_count, known_room;
    struct sim_event running; /* since when which CPU runs; type 0: none */
    uint64_t last_ns;         /* of the latest record */
};

static double us(uint64_t ns)
{
    return (double)ns / 1000;
}

/* Takes the object. */
static void put(struct chrome *chrome, json_t *event)
{
    if (event == NULL) {
        chrome->failed = true;
        return;
    }
    fputs(chrome->first ? "\n" : ",\n", chrome->out);
    chrome->first = false;
    if (json_dumpf(event, chrome->out, JSON_COMPACT | JSON_REAL_PRECISION(17)) != 0) {
        chrome->failed = true;
    }
    json_decref(event);
}

static void put_name(struct chrome *chrome, const char *kind, unsigned pid, unsigned tid,
                     const char *name)
{
    put(chrome, json_pack("{s:s, s:s, s:i, s:i, s:{s:s}}", "ph", "M", "name", kind, "pid", (int)pid,
                          "tid", (int)tid, "args", "name", name));
}

/* Guests may have written any bytes. */
static void make_printable(const char *text, size_t bytes, char *out, size_t room)
{
    size_t used = 0;

    for (size_t i = 0; i < bytes && used + 1 < room; i++) {
        out[used++] = isprint((unsigned char)text[i]) ? text[i] : text[i] == '\n' ? ' ' : '.';
    }
    out[used] = '\0';
}

/* By the record of its being switched on, which comes first. */
static void name_machine(struct chrome *chrome, const struct log_record *record)
{
    const unsigned machine = record->event.machine;
    char name[64];

    if (machine < MACHINES_MAX && !chrome->named[machine]) {
        chrome->named[machine] = true;
        if (record->event.type == SIM_EVENT_POWER && record->event.bytes > 0) {
            make_printable((const char *)record->text, record->event.bytes, name, sizeof(name));
        } else {
            snprintf(name, sizeof(name), "machine %u", machine);
        }
        put_name(chrome, "process_name", machine, 0, name);
    }
}

static unsigned tid_of(const struct sim_event *event)
{
    return event->user != 0 ? event->user : (unsigned)CPU_TID + event->cpu;
}

static void put_slice(struct chrome *chrome, const char *name, unsigned pid, unsigned tid,
                      uint64_t begin_ns, uint64_t end_ns)
{
    put(chrome,
        json_pack("{s:s, s:s, s:i, s:i, s:f, s:f}", "ph", "X", "name", name, "pid", (int)pid, "tid",
                  (int)tid, "ts", us(begin_ns), "dur", us(end_ns - begin_ns)));
}

static void put_instant(struct chrome *chrome, const struct sim_event *event, const char *name)
{
    put(chrome, json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:{s:s}}", "ph", "i", "s", "t", "name",
                          name, "pid", (int)event->machine, "tid", (int)tid_of(event), "ts",
                          us(event->time_ns), "args", "type", log_type_name(event->type)));
}

static void put_words(struct chrome *chrome, const struct log_record *record)
{
    char name[200];

    make_printable((const char *)record->text, record->event.bytes, name, sizeof(name));
    put_instant(chrome, &record->event, name);
}

static void end_running(struct chrome *chrome, uint64_t now_ns)
{
    const struct sim_event *running = &chrome->running;

    if (running->type != 0) {
        put_slice(chrome, "runs", running->machine, CPU_TID + running->cpu, running->time_ns,
                  now_ns);
    }
}

/* Which CPU runs: SWITCH tells, and after an idle time whoever does something first. */
static void follow_running(struct chrome *chrome, const struct sim_event *event, uint64_t before_ns)
{
    if (event->type == SIM_EVENT_TIME) {
        end_running(chrome, before_ns);
        chrome->running.type = 0;
    } else if (event->type == SIM_EVENT_SWITCH) {
        end_running(chrome, event->time_ns);
        chrome->running = *event;
    } else if (chrome->running.type == 0 && event->cpu != NO_CPU) {
        chrome->running = *event;
    }
}

/* A call that has not come back when the log ends. */
static void put_unfinished(void *context, const struct pair *pair)
{
    struct chrome *chrome = context;
    char buffer[32], name[64], call[512];

    make_printable(pair->text == NULL ? "" : pair->text,
                   pair->text == NULL ? 0 : strlen(pair->text), call, sizeof(call));
    snprintf(name, sizeof(name), "%s (unfinished)", log_syscall_name(pair->number, buffer));
    put(chrome, json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:{s:s}}", "ph", "X", "name", name, "pid",
                          (int)pair->machine, "tid", (int)pair->user, "ts", us(pair->begin_ns),
                          "dur", us(chrome->last_ns - pair->begin_ns), "args", "call", call));
}

/* ---- names of tasks: that of the program, and the thread's number ---- */

static struct known *find_known(struct chrome *chrome, unsigned machine, uint32_t user,
                                uint32_t pid)
{
    for (size_t i = chrome->known_count; i-- > 0;) {
        struct known *known = &chrome->known[i];
        if (known->machine == machine && known->user == user && (user != 0 || known->pid == pid)) {
            return known;
        }
    }
    return NULL;
}

static void know(struct chrome *chrome, unsigned machine, uint32_t user, uint32_t pid,
                 const char *program)
{
    struct known *known = find_known(chrome, machine, user, pid);
    char name[64];

    if (known == NULL) {
        if (chrome->known_count == chrome->known_room) {
            size_t room = chrome->known_room == 0 ? 64 : 2 * chrome->known_room;
            known = realloc(chrome->known, room * sizeof(*known));
            if (known == NULL) {
                chrome->failed = true;
                return;
            }
            chrome->known = known;
            chrome->known_room = room;
        }
        known = &chrome->known[chrome->known_count++];
    }
    *known = (struct known){.machine = machine, .user = user, .pid = pid};
    snprintf(known->program, sizeof(known->program), "%s", program);
    if (user != 0) {
        snprintf(name, sizeof(name), "%s %u", program, pid);
        put_name(chrome, "thread_name", machine, user, name);
    }
}

/* A task that its parent's clone(2) has announced. */
static void meet(struct chrome *chrome, const struct sim_event *event)
{
    const struct known *announced;

    if (find_known(chrome, event->machine, event->user, 0) == NULL) {
        announced = find_known(chrome, event->machine, 0, event->pid);
        const struct known copy =
            announced == NULL ? (struct known){.program = "task"} : *announced;
        know(chrome, event->machine, event->user, event->pid, copy.program);
    }
}

/* What a task has become, from the text of its execve("/bin/name", ... */
static void rename_task(struct chrome *chrome, const struct pair *done)
{
    const char *path = done->text == NULL ? NULL : strchr(done->text, '"');
    const char *end = path == NULL ? NULL : strchr(path + 1, '"');
    char name[48];

    if (end == NULL) {
        return;
    }
    while (memchr(path + 1, '/', (size_t)(end - path - 1)) != NULL) {
        path = memchr(path + 1, '/', (size_t)(end - path - 1));
    }
    snprintf(name, sizeof(name), "%.*s", (int)(end - path - 1), path + 1);
    know(chrome, done->machine, done->user, done->pid, name);
}

/* A child by its parent's name; it may have been met before its parent's call came back. */
static void name_child(struct chrome *chrome, unsigned machine, uint32_t pid, const char *program)
{
    uint32_t user = 0;

    for (size_t i = 0; i < chrome->known_count; i++) {
        const struct known *known = &chrome->known[i];
        if (known->machine == machine && known->pid == pid && known->user != 0) {
            user = strcmp(known->program, "task") == 0 ? known->user : 0;
        }
    }
    know(chrome, machine, user, pid, program);
}

static void follow_names(struct chrome *chrome, const struct sim_event *event,
                         const struct pair *done)
{
    const struct known *parent;

    switch (event->a) {
    case SYS_execve:
    case SYS_execveat:
        if (event->b == 0) {
            rename_task(chrome, done);
        }
        break;
    case SYS_clone:
    case SYS_clone3:
    case SYS_fork:
    case SYS_vfork:
        parent = find_known(chrome, event->machine, event->user, 0);
        if (parent != NULL && (int64_t)event->b > 0) {
            const struct known copy = *parent;
            name_child(chrome, event->machine, (uint32_t)event->b, copy.program);
        }
        break;
    default:
        break;
    }
}

static void put_result(struct chrome *chrome, const struct log_record *record)
{
    const struct sim_event *event = &record->event;
    struct pair done;
    char buffer[32], call[1024], begin[512], end[512];

    if (!pairs_end(&chrome->pairs, event, &done)) {
        return;
    }
    make_printable(done.text == NULL ? "" : done.text, done.text == NULL ? 0 : strlen(done.text),
                   begin, sizeof(begin));
    make_printable((const char *)record->text, event->bytes, end, sizeof(end));
    snprintf(call, sizeof(call), "%s%s", begin, end);
    put(chrome, json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:{s:I, s:s*}}", "ph", "X", "name",
                          log_syscall_name(event->a, buffer), "pid", (int)event->machine, "tid",
                          (int)event->user, "ts", us(done.begin_ns), "dur",
                          us(event->time_ns - done.begin_ns), "args", "result",
                          (json_int_t)event->b, "call", call[0] == '\0' ? NULL : call));
    follow_names(chrome, event, &done);
}

static void put_frame(struct chrome *chrome, const struct sim_event *event)
{
    const enum frame_event what = (enum frame_event)log_frame_event(event->a);
    char id[64], name[64];

    snprintf(name, sizeof(name), "link %u %s", log_frame_link(event->a),
             log_frame_direction(event->a) ? "back" : "forth");
    snprintf(id, sizeof(id), "%" PRIx64 ".%" PRIx64, event->a >> 4, event->b);
    put(chrome, json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:{s:s, s:i}}", "ph",
                          what == FRAME_SENT        ? "b"
                          : what == FRAME_DELIVERED ? "e"
                                                    : "n",
                          "cat", "frame", "id", id, "name", name, "pid", NO_MACHINE, "tid", 0, "ts",
                          us(event->time_ns), "args", "event", frame_event_name(what), "bytes",
                          (int)event->bytes));
}

static void put_record(struct chrome *chrome, const struct log_record *record)
{
    const struct sim_event *event = &record->event;

    if (event->machine != NO_MACHINE) {
        name_machine(chrome, record);
    }
    follow_running(chrome, event, chrome->last_ns);
    chrome->last_ns = event->time_ns;
    switch (event->type) {
    case SIM_EVENT_SYSCALL:
        meet(chrome, event);
        if (event->a == SYS_exit || event->a == SYS_exit_group) {
            put_instant(chrome, event, "exit");
            break;
        }
        chrome->failed |= pairs_begin(&chrome->pairs, event, record->text) != 0;
        break;
    case SIM_EVENT_RESULT:
        put_result(chrome, record);
        break;
    case SIM_EVENT_FRAME:
        put_frame(chrome, event);
        break;
    case SIM_EVENT_USER: /* it makes the calls that the simulator tells it to */
        know(chrome, event->machine, event->user, event->pid != 0 ? event->pid : (uint32_t)event->a,
             "assay");
        break;
    case SIM_EVENT_INJECT:
    case SIM_EVENT_NOTE:
    case SIM_EVENT_CONSOLE:
    case SIM_EVENT_SECTOR:
        put_words(chrome, record);
        break;
    case SIM_EVENT_FAULT:
    case SIM_EVENT_INTERRUPT:
    case SIM_EVENT_PREEMPT:
    case SIM_EVENT_STEP:
    case SIM_EVENT_SPIN:
    case SIM_EVENT_POWER:
        put_instant(chrome, event, log_type_name(event->type));
        break;
    default:
        break;
    }
}

int export_chrome_members(struct log_reader *reader, uint64_t records_max, FILE *out)
{
    struct chrome *chrome = calloc(1, sizeof(*chrome));
    struct log_record record;
    int state = 1;

    if (chrome == NULL) {
        return -ENOMEM;
    }
    chrome->out = out;
    chrome->first = true;
    fputs(",\"displayTimeUnit\":\"ns\",\"traceEvents\":[", out);
    put_name(chrome, "process_name", NO_MACHINE, 0, "network");
    while (records_max-- > 0 && (state = log_next(reader, &record)) == 1) {
        put_record(chrome, &record);
    }
    end_running(chrome, chrome->last_ns);
    pairs_each(&chrome->pairs, put_unfinished, chrome);
    fprintf(out, "\n],\"truncated\":%s", state == 1 ? "true" : "false");
    bool failed = chrome->failed || ferror(out);
    pairs_free(&chrome->pairs);
    free(chrome->known);
    free(chrome);
    return state < 0 ? state : failed ? -EIO : 0;
}

int export_chrome(struct log_reader *reader, FILE *out)
{
    fputs("{\"otherData\":{\"from\":\"assay\"}", out);
    int error = export_chrome_members(reader, UINT64_MAX, out);
    fputs("}\n", out);
    if (error != 0) {
        return error;
    }
    return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
