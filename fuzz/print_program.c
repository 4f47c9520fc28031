/* SPDX-License-Identifier: MIT
 *
 * Programs of system calls as text (print_program.h).
 */
#include "fuzz/print_program.h"

#include <ctype.h>
#include <string.h>

#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/trace_internal.h"

static const uint8_t *memory_at(const struct prepared_call *call, uint64_t uaddr, unsigned *bytes)
{
    for (unsigned i = call->write_count; i-- > 0;) {
        if (call->writes[i].uaddr == uaddr) {
            *bytes = call->writes[i].bytes;
            return call->bytes + call->writes[i].offset;
        }
    }
    return NULL;
}

static void print_bytes(FILE *out, const uint8_t *bytes, unsigned count)
{
    fputc('"', out);
    for (unsigned i = 0; i < count; i++) {
        if (bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\')
            fputc(bytes[i], out);
        else
            fprintf(out, "\\%03o", bytes[i]);
    }
    fputc('"', out);
}

static void print_set(FILE *out, const struct trace_set *set, uint64_t value,
                      void (*put)(struct strbuf *, const struct trace_set *, uint64_t))
{
    char text[512];
    struct strbuf buf;

    strbuf_init(&buf, text, sizeof text);
    put(&buf, set, value);
    fputs(text, out);
}

static void print_pointer(FILE *out, const struct prepared_call *call, uint64_t value)
{
    unsigned bytes = 0;
    const uint8_t *memory = memory_at(call, value, &bytes);

    if (value == 0) {
        fputs("NULL", out);
        return;
    }
    fprintf(out, "%#llx", (unsigned long long)value);
    if (memory) {
        fputc('=', out);
        print_bytes(out, memory, bytes < 64 ? bytes : 64);
    }
}

static void print_argument(FILE *out, const struct prepared_call *call,
                           const struct trace_argument *type, uint64_t value)
{
    unsigned bytes = 0;
    const uint8_t *memory = memory_at(call, value, &bytes);

    switch (type->kind) {
    case TRACE_FD:
    case TRACE_DIRFD:
    case TRACE_PID:
    case TRACE_SIG:
    case TRACE_INT:
        fprintf(out, "%d", (int)value);
        break;
    case TRACE_UINT:
    case TRACE_UID:
        fprintf(out, "%u", (unsigned)value);
        break;
    case TRACE_MODE:
        fprintf(out, "%#o", (unsigned)value);
        break;
    case TRACE_ENUM:
        print_set(out, type->set, (uint32_t)value, trace_put_enum);
        break;
    case TRACE_FLAGS:
        print_set(out, type->set, (uint32_t)value, trace_put_flags);
        break;
    case TRACE_FLAGS64:
        print_set(out, type->set, value, trace_put_flags);
        break;
    case TRACE_LONG:
    case TRACE_OFF:
        fprintf(out, "%lld", (long long)value);
        break;
    case TRACE_SIZE:
    case TRACE_ULONG:
        fprintf(out, "%llu", (unsigned long long)value);
        break;
    case TRACE_PATH:
    case TRACE_STR:
        if (memory)
            print_bytes(out, memory, bytes - 1);
        else
            fprintf(out, "%#llx", (unsigned long long)value);
        break;
    default:
        print_pointer(out, call, value);
        break;
    }
}

void print_call(FILE *out, const struct prepared_call *call)
{
    unsigned count = 6;
    const char *name = program_call_name(call->number, &count);

    if (!name) {
        fprintf(out, "syscall(%u", call->number);
        for (unsigned i = 0; i < 6; i++)
            fprintf(out, ", %#llx", (unsigned long long)call->args[i]);
    } else {
        fprintf(out, "%s(", name);
        for (unsigned i = 0; i < count; i++) {
            fputs(i ? ", " : "", out);
            print_argument(out, call, &trace_syscalls[call->number].args[i], call->args[i]);
        }
    }
    fputc(')', out);
}

const char *print_errno(int64_t result)
{
    return result < 0 && result >= -4095 ? trace_errno_name((int)-result) : NULL;
}

/* ---- C ---- */

void print_c_begin(FILE *out, const char *title)
{
    fprintf(
        out,
        "/* %s\n"
        " *\n"
        " * Calls of lane 0 are the first task's, of lane 1 a thread's, of lane 2 a child's, and "
        "of\n"
        " * higher ones those of tasks that the calls make. Each lane waits until the calls "
        "before\n"
        " * its own have begun. Compile: cc -pthread FILE.c\n"
        " */\n"
        "#define _GNU_SOURCE\n"
        "#include <pthread.h>\n#include <sched.h>\n#include <stdint.h>\n#include <stdio.h>\n"
        "#include <string.h>\n#include <sys/mman.h>\n#include <sys/syscall.h>\n"
        "#include <sys/wait.h>\n#include <unistd.h>\n\n"
        "static volatile int *turn; /* shared: calls begun */\n\n"
        "static void wait_turn(int index)\n{\n"
        "    for (int i = 0; *turn < index && i < 10000; i++)\n        usleep(10);\n"
        "    if (*turn < index + 1)\n        *turn = index + 1;\n}\n\n"
        "static void put(uint64_t address, const char *bytes, size_t count)\n{\n"
        "    if (address >= %#llx && address + count <= %#llx)\n"
        "        memcpy((void *)address, bytes, count);\n}\n\n"
        "static void call(int index, long number, long a, long b, long c, long d, long e, long f)\n"
        "{\n    long result = syscall(number, a, b, c, d, e, f);\n"
        "    printf(\"%%d: syscall %%ld = %%ld%%s\\n\", index, number, result, "
        "result < 0 ? \" (error)\" : \"\");\n}\n\n",
        title, (unsigned long long)PROGRAM_MEMORY,
        (unsigned long long)(PROGRAM_MEMORY + PROGRAM_MEMORY_BYTES));
}

void print_c_call(FILE *out, unsigned index, unsigned lane, const struct prepared_call *call)
{
    fprintf(out, "// lane %u: ", lane); /* the call's text may hold a comment's begin and end */
    print_call(out, call);
    fprintf(out, "\nstatic void call_%u(void)\n{\n    wait_turn(%u);\n", index, index);
    for (unsigned i = 0; i < call->write_count; i++) {
        fprintf(out, "    put(%#llx, ", (unsigned long long)call->writes[i].uaddr);
        print_bytes(out, call->bytes + call->writes[i].offset, call->writes[i].bytes);
        fprintf(out, ", %u);\n", call->writes[i].bytes);
    }
    fprintf(out, "    call(%u, %u", index, call->number);
    for (unsigned i = 0; i < 6; i++)
        fprintf(out, ", %#llx", (unsigned long long)call->args[i]);
    fputs(");\n}\n\n", out);
}

static void print_lane(FILE *out, const struct program *program, unsigned lane, const bool *made)
{
    for (unsigned i = 0; i < program->count; i++) {
        if (made[i] && program->calls[i].lane % PROGRAM_LANES == lane)
            fprintf(out, "    call_%u();\n", i);
    }
}

void print_c_end(FILE *out, const struct program *program)
{
    bool made[PROGRAM_CALLS_MAX];

    for (unsigned i = 0; i < PROGRAM_CALLS_MAX; i++)
        made[i] = i < program->count && program->calls[i].number != UINT16_MAX;
    fputs("static void *thread(void *unused)\n{\n", out);
    print_lane(out, program, 1, made);
    fputs("    return unused;\n}\n\nstatic void child(void)\n{\n", out);
    print_lane(out, program, 2, made);
    fprintf(
        out,
        "}\n\nint main(void)\n{\n    pthread_t id;\n"
        "    mmap((void *)%#llx, %d, PROT_READ | PROT_WRITE,\n"
        "         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);\n"
        "    mmap((void *)%#llx, 4096, PROT_READ,\n"
        "         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);\n"
        "    turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);\n"
        "    setvbuf(stdout, NULL, _IOLBF, 0);\n"
        "    if (fork() == 0) {\n        child();\n        _exit(0);\n    }\n"
        "    pthread_create(&id, NULL, thread, NULL);\n",
        (unsigned long long)PROGRAM_MEMORY, PROGRAM_MEMORY_BYTES,
        (unsigned long long)PROGRAM_READONLY);
    print_lane(out, program, 0, made);
    for (unsigned lane = PROGRAM_LANES_INITIAL; lane < PROGRAM_LANES; lane++)
        print_lane(out, program, lane, made);
    fputs("    return 0;\n}\n", out);
}
