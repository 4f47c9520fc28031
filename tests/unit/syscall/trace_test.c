/* SPDX-License-Identifier: MIT */
/* kernel/syscall/trace*.c: how values are written. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "kernel/abi/fcntl.h"
#include "kernel/abi/signal.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/trace_struct_internal.h"
#include "tests/unit/support/unit.h"

static char text[512];
static struct strbuf out;

static struct strbuf *fresh(void)
{
    strbuf_init(&out, text, sizeof(text));
    return &out;
}

START_TEST(flags_are_named_with_the_access_mode_first)
{
    trace_put_flags(fresh(), &trace_set_open, 0);
    ck_assert_str_eq(text, "O_RDONLY");
    trace_put_flags(fresh(), &trace_set_open, O_RDWR | O_CREAT | O_CLOEXEC);
    ck_assert_str_eq(text, "O_RDWR|O_CREAT|O_CLOEXEC");
    trace_put_flags(fresh(), &trace_set_open, O_WRONLY | O_SYNC);
    ck_assert_str_eq(text, "O_WRONLY|O_SYNC");
    trace_put_flags(fresh(), &trace_set_open, O_WRONLY | O_DSYNC);
    ck_assert_str_eq(text, "O_WRONLY|O_DSYNC");
    trace_put_flags(fresh(), &trace_set_open, O_RDONLY | O_DIRECTORY);
    ck_assert_str_eq(text, "O_RDONLY|O_DIRECTORY");
    trace_put_flags(fresh(), &trace_set_fdflags, 0);
    ck_assert_str_eq(text, "0");
}
END_TEST

START_TEST(bits_without_a_name_are_shown_as_a_number)
{
    trace_put_flags(fresh(), &trace_set_prot, 0);
    ck_assert_str_eq(text, "PROT_NONE");
    trace_put_flags(fresh(), &trace_set_prot, 0x803);
    ck_assert_str_eq(text, "PROT_READ|PROT_WRITE|0x800");
    trace_put_flags(fresh(), &trace_set_prot, 0x800);
    ck_assert_str_eq(text, "0x800 /* PROT_??? */");
    trace_put_enum(fresh(), &trace_set_seek, 1);
    ck_assert_str_eq(text, "SEEK_CUR");
    trace_put_enum(fresh(), &trace_set_seek, 99);
    ck_assert_str_eq(text, "0x63 /* SEEK_??? */");
}
END_TEST

START_TEST(commands_with_flags_show_both)
{
    trace_put_flags(fresh(), &trace_set_futex, 0);
    ck_assert_str_eq(text, "FUTEX_WAIT");
    trace_put_flags(fresh(), &trace_set_futex, 1 | 128);
    ck_assert_str_eq(text, "FUTEX_WAKE|FUTEX_PRIVATE_FLAG");
    trace_put_flags(fresh(), &trace_set_futex, 9 | 128 | 256);
    ck_assert_str_eq(text, "FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME");
    trace_put_flags(fresh(), &trace_set_clone, 0x01200011);
    ck_assert_str_eq(text, "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD");
    trace_put_flags(fresh(), &trace_set_map, 0x22);
    ck_assert_str_eq(text, "MAP_PRIVATE|MAP_ANONYMOUS");
    trace_put_flags(fresh(), &trace_set_socktype, 1 | 02000000);
    ck_assert_str_eq(text, "SOCK_STREAM|SOCK_CLOEXEC");
}
END_TEST

START_TEST(strings_are_quoted_and_escaped)
{
    trace_put_quoted(fresh(), "plain", 5, false);
    ck_assert_str_eq(text, "\"plain\"");
    trace_put_quoted(fresh(), "a\n\t\"\\", 5, true);
    ck_assert_str_eq(text, "\"a\\n\\t\\\"\\\\\"...");
    trace_put_quoted(fresh(), "\0001\0x\377", 5, false);
    ck_assert_str_eq(text, "\"\\0001\\0x\\377\"");
}
END_TEST

START_TEST(signals_have_names)
{
    trace_put_signal(fresh(), SIGCHLD);
    ck_assert_str_eq(text, "SIGCHLD");
    trace_put_signal(fresh(), 34);
    ck_assert_str_eq(text, "SIGRT_2");
    trace_put_signal(fresh(), 0);
    ck_assert_str_eq(text, "0");
    trace_put_signal(fresh(), 65);
    ck_assert_str_eq(text, "65");
    trace_put_sigset(fresh(), 0);
    ck_assert_str_eq(text, "[]");
    trace_put_sigset(fresh(), LINUX_SIGMASK(SIGHUP) | LINUX_SIGMASK(33));
    ck_assert_str_eq(text, "[HUP RT_1]");
    trace_put_sigset(fresh(), ~LINUX_SIGMASK(SIGKILL));
    ck_assert_str_eq(text, "~[KILL]");
}
END_TEST

START_TEST(errors_have_the_hosts_names_and_texts)
{
    static const int numbers[] = {EPERM, ENOENT, EINTR, EAGAIN, EINVAL, ENOTTY, ENOSYS, EHWPOISON};
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        ck_assert_str_eq(trace_errno_text(numbers[i]), strerror(numbers[i]));
        ck_assert_str_eq(trace_errno_name(numbers[i]), strerrorname_np(numbers[i]));
    }
    ck_assert_ptr_null(trace_errno_name(0));
    ck_assert_ptr_null(trace_errno_name(41));
    ck_assert_ptr_null(trace_errno_name(4000));
    ck_assert_str_eq(trace_errno_name(512), "ERESTARTSYS");
}
END_TEST

START_TEST(signal_information_is_decoded_by_signal_and_code)
{
    struct trace_call call = {.out = fresh()};
    struct linux_siginfo info = {.si_signo = SIGCHLD, .si_code = CLD_EXITED};
    info.chld.pid = 7;
    info.chld.status = 3;
    trace_put_siginfo(&call, &info);
    ck_assert_str_eq(text,
                     "{si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=7, si_uid=0, si_status=3, "
                     "si_utime=0, si_stime=0}");
    call.out = fresh();
    info = (struct linux_siginfo){.si_signo = SIGSEGV, .si_code = SEGV_MAPERR};
    info.fault.addr = 0x10;
    trace_put_siginfo(&call, &info);
    ck_assert_str_eq(text, "{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x10}");
    call.out = fresh();
    info = (struct linux_siginfo){.si_signo = SIGTERM, .si_code = SI_TKILL};
    info.kill.pid = 9;
    trace_put_siginfo(&call, &info);
    ck_assert_str_eq(text, "{si_signo=SIGTERM, si_code=SI_TKILL, si_pid=9, si_uid=0}");
}
END_TEST

START_TEST(every_call_of_the_table_is_described)
{
    unsigned described = 0;
    for (unsigned i = 0; i < SYSCALLS_MAX; i++) {
        const struct trace_syscall *call = &trace_syscalls[i];
        if (!call->name)
            continue;
        described++;
        ck_assert_uint_le(call->count, 6);
        for (unsigned j = 0; j < call->count; j++) {
            const struct trace_argument *argument = &call->args[j];
            bool named = argument->kind == TRACE_FLAGS || argument->kind == TRACE_FLAGS64 ||
                         argument->kind == TRACE_ENUM;
            ck_assert_msg(!named || argument->set->count > 0, "%s: %s", call->name, argument->name);
            ck_assert_uint_le(argument->count, call->count);
        }
    }
    ck_assert_uint_gt(described, 300);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, flags_are_named_with_the_access_mode_first);
    tcase_add_test(tcase, bits_without_a_name_are_shown_as_a_number);
    tcase_add_test(tcase, commands_with_flags_show_both);
    tcase_add_test(tcase, strings_are_quoted_and_escaped);
    tcase_add_test(tcase, signals_have_names);
    tcase_add_test(tcase, errors_have_the_hosts_names_and_texts);
    tcase_add_test(tcase, signal_information_is_decoded_by_signal_and_code);
    tcase_add_test(tcase, every_call_of_the_table_is_described);
}

static Suite *suite(void)
{
    return unit_suite("trace", add);
}
UNIT_MAIN(suite)
