/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF for seccomp (kernel/security/bpf_check.c, bpf_run.c).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/seccomp.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/security/bpf.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

#define STMT(code_, k_)                                                                            \
    {                                                                                              \
        .code = (code_), .k = (k_)                                                                 \
    }
#define JUMP(code_, k_, jt_, jf_)                                                                  \
    {                                                                                              \
        .code = (code_), .jt = (jt_), .jf = (jf_), .k = (k_)                                       \
    }
#define CHECK(...)                                                                                 \
    ({                                                                                             \
        const struct linux_sock_filter program_[] = {__VA_ARGS__};                                 \
        bpf_check_seccomp(program_, ARRAY_SIZE(program_));                                         \
    })

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Random programs, most of them nonsense: those that pass the check must run to a return. */
static void random_programs(void *argument)
{
    static const uint16_t codes[] = {
        BPF_LD | BPF_W | BPF_ABS,
        BPF_LD | BPF_W | BPF_LEN,
        BPF_LDX | BPF_W | BPF_LEN,
        BPF_LD | BPF_IMM,
        BPF_LDX | BPF_IMM,
        BPF_LD | BPF_MEM,
        BPF_LDX | BPF_MEM,
        BPF_ST,
        BPF_STX,
        BPF_MISC | BPF_TAX,
        BPF_MISC | BPF_TXA,
        BPF_RET | BPF_A,
        BPF_ALU | BPF_DIV | BPF_X,
        BPF_ALU | BPF_LSH | BPF_X,
        BPF_ALU | BPF_SUB | BPF_K,
        BPF_ALU | BPF_NEG,
        BPF_JMP | BPF_JA,
        BPF_JMP | BPF_JEQ | BPF_K,
        BPF_JMP | BPF_JGT | BPF_X,
        BPF_JMP | BPF_JSET | BPF_K,
    };
    enum { LENGTH_MAX = 24, ROUNDS = 30000 };
    const struct linux_seccomp_data data = {.nr = 1, .arch = AUDIT_ARCH_X86_64};
    uint64_t state = 42;
    unsigned accepted = 0;

    (void)argument;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct linux_sock_filter program[LENGTH_MAX];
        size_t count = 1 + next_random(&state) % LENGTH_MAX;
        for (size_t i = 0; i < count; i++) {
            program[i] = (struct linux_sock_filter){
                .code = next_random(&state) % 64 ? codes[next_random(&state) % ARRAY_SIZE(codes)]
                                                 : (uint16_t)next_random(&state),
                .jt = (uint8_t)(next_random(&state) % 6),
                .jf = (uint8_t)(next_random(&state) % 6),
                .k = next_random(&state) % 5,
            };
            if (program[i].code == (BPF_LD | BPF_W | BPF_ABS))
                program[i].k *= 4;
        }
        program[count - 1] = (struct linux_sock_filter)STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        if (bpf_check_seccomp(program, count))
            continue;
        accepted++;
        uint32_t result = bpf_run_seccomp(program, &data);
        if (bpf_always_allows(program, count, data.arch, data.nr))
            ck_assert_uint_eq(result, SECCOMP_RET_ALLOW);
    }
    ck_assert_uint_gt(accepted, ROUNDS / 100);
}

START_TEST(checked_programs_end)
{
    kernel_fixture_run(1, random_programs, NULL);
}
END_TEST

static void refusals(void *argument)
{
    (void)argument;
    ck_assert_int_eq(bpf_check_seccomp(NULL, 0), -EINVAL);
    ck_assert_int_eq(CHECK(STMT(BPF_RET | BPF_K, 0)), 0);
    ck_assert_int_eq(CHECK(STMT(BPF_LD | BPF_W | BPF_ABS, 60), STMT(BPF_RET | BPF_A, 0)), 0);
    ck_assert_int_eq(CHECK(STMT(BPF_LD | BPF_W | BPF_ABS, 64), STMT(BPF_RET | BPF_A, 0)), -EINVAL);
    ck_assert_int_eq(CHECK(STMT(BPF_JMP | BPF_JA, UINT32_MAX), STMT(BPF_RET | BPF_A, 0)), -EINVAL);
    ck_assert_int_eq(CHECK(STMT(BPF_LD | BPF_MEM, 1), STMT(BPF_RET | BPF_A, 0)), -EINVAL);
    ck_assert_int_eq(CHECK(JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), STMT(BPF_ST, 1),
                           STMT(BPF_LD | BPF_MEM, 1), STMT(BPF_RET | BPF_A, 0)),
                     -EINVAL);
    struct fault_injection faults = {.fail_at = 1};
    this_kernel()->faults = &faults;
    ck_assert_int_eq(CHECK(STMT(BPF_RET | BPF_K, 0)), -ENOMEM);
    this_kernel()->faults = NULL;
}

START_TEST(unsound_programs_are_refused)
{
    kernel_fixture_run(1, refusals, NULL);
}
END_TEST

START_TEST(arguments_decide)
{
    const struct linux_sock_filter program[] = {
        STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct linux_seccomp_data, nr)),
        JUMP(BPF_JMP | BPF_JGE | BPF_K, 10, 0, 3),
        STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct linux_seccomp_data, args)),
        JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 1, 0),
        STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct linux_seccomp_data data = {.nr = 3};
    ck_assert_uint_eq(bpf_run_seccomp(program, &data), SECCOMP_RET_ALLOW);
    ck_assert(bpf_always_allows(program, ARRAY_SIZE(program), 0, 3));
    data.nr = 10;
    ck_assert_uint_eq(bpf_run_seccomp(program, &data), SECCOMP_RET_ERRNO | 1);
    ck_assert(!bpf_always_allows(program, ARRAY_SIZE(program), 0, 10));
    data.args[0] = 5;
    ck_assert_uint_eq(bpf_run_seccomp(program, &data), SECCOMP_RET_ALLOW);
    ck_assert(!bpf_always_allows(program, ARRAY_SIZE(program), 0, 10));
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, checked_programs_end);
    tcase_add_test(tcase, unsound_programs_are_refused);
    tcase_add_test(tcase, arguments_decide);
}

static Suite *suite(void)
{
    return unit_suite("bpf", add_tests);
}

UNIT_MAIN(suite)
