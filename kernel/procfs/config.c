/* SPDX-License-Identifier: MIT
 *
 * /proc/config.gz: the options of a Linux that would do what this kernel does, for programs that
 * choose by them what to try. Options that are left out are as good as "not set".
 *
 * The format is gzip's (RFC 1952) with one stored block (RFC 1951, 3.2.4): nothing is compressed.
 */
#include "kernel/lib/crc32.h"
#include "kernel/procfs/proc_internal.h"

/* One line an option; those of the CPU and of sizes first. */
static const char config[] = "#\n"
                             "# Linux/x86 6.1.0-assay Kernel Configuration\n"
                             "#\n"
                             "CONFIG_64BIT=y\n"
                             "CONFIG_X86_64=y\n"
                             "CONFIG_X86=y\n"
                             "CONFIG_MMU=y\n"
                             "CONFIG_SMP=y\n"
                             "# CONFIG_IA32_EMULATION is not set\n"
                             "# CONFIG_MODIFY_LDT_SYSCALL is not set\n"
                             "# CONFIG_X86_IOPL_IOPERM is not set\n"
                             "CONFIG_LEGACY_VSYSCALL_NONE=y\n"
                             "# CONFIG_MODULES is not set\n"
                             "# CONFIG_SWAP is not set\n"
                             "CONFIG_CGROUPS=y\nCONFIG_CGROUP_PIDS=y\n"
                             "# CONFIG_BPF_SYSCALL is not set\n"
                             "# CONFIG_PERF_EVENTS is not set\n"
                             "# CONFIG_HUGETLBFS is not set\n"
                             "# CONFIG_TRANSPARENT_HUGEPAGE is not set\n"
                             "# CONFIG_KSM is not set\n"
                             "# CONFIG_MEM_SOFT_DIRTY is not set\n"
                             "# CONFIG_BLK_DEV_LOOP is not set\n"
                             "# CONFIG_QUOTA is not set\n"
                             "# CONFIG_AUDIT is not set\n"
                             "CONFIG_IKCONFIG=y\n"
                             "CONFIG_IKCONFIG_PROC=y\n"
                             "CONFIG_LOCALVERSION=\"-assay\"\n"
                             "CONFIG_MULTIUSER=y\n"
                             "CONFIG_SYSVIPC=y\n"
                             "CONFIG_SYSVIPC_SYSCTL=y\n"
                             "CONFIG_POSIX_MQUEUE=y\n"
                             "CONFIG_POSIX_MQUEUE_SYSCTL=y\n"
                             "CONFIG_CROSS_MEMORY_ATTACH=y\n"
                             "CONFIG_BSD_PROCESS_ACCT=y\n"
                             "CONFIG_BSD_PROCESS_ACCT_V3=y\n"
                             "CONFIG_HIGH_RES_TIMERS=y\n"
                             "CONFIG_POSIX_TIMERS=y\n"
                             "CONFIG_PRINTK=y\n"
                             "CONFIG_FUTEX=y\n"
                             "CONFIG_FUTEX_PI=y\n"
                             "CONFIG_EPOLL=y\n"
                             "CONFIG_SIGNALFD=y\n"
                             "CONFIG_TIMERFD=y\n"
                             "CONFIG_EVENTFD=y\n"
                             "CONFIG_SHMEM=y\n"
                             "CONFIG_AIO=y\n"
                             "CONFIG_IO_URING=y\n"
                             "CONFIG_ADVISE_SYSCALLS=y\n"
                             "CONFIG_MEMBARRIER=y\n"
                             "CONFIG_KCMP=y\n"
                             "CONFIG_RSEQ=y\n"
                             "CONFIG_CHECKPOINT_RESTORE=y\n"
                             "CONFIG_NAMESPACES=y\n"
                             "CONFIG_UTS_NS=y\n"
                             "CONFIG_TIME_NS=y\n"
                             "CONFIG_IPC_NS=y\n"
                             "CONFIG_USER_NS=y\n"
                             "CONFIG_PID_NS=y\n"
                             "CONFIG_NET_NS=y\n"
                             "CONFIG_BLK_DEV_INITRD=y\n"
                             "CONFIG_SECCOMP=y\n"
                             "CONFIG_SECCOMP_FILTER=y\n"
                             "CONFIG_HAVE_ARCH_SECCOMP_FILTER=y\n"
                             "CONFIG_ELF_CORE=y\n"
                             "CONFIG_BINFMT_ELF=y\n"
                             "CONFIG_BINFMT_SCRIPT=y\n"
                             "# CONFIG_BINFMT_MISC is not set\n"
                             "CONFIG_COREDUMP=y\n"
                             "CONFIG_SECRETMEM=y\n"
                             "CONFIG_USERFAULTFD=y\n"
                             "CONFIG_NET=y\n"
                             "CONFIG_UNIX=y\n"
                             "CONFIG_DEVTMPFS=y\n"
                             "CONFIG_UNIX98_PTYS=y\n"
                             "CONFIG_FILE_LOCKING=y\n"
                             "CONFIG_FSNOTIFY=y\n"
                             "CONFIG_DNOTIFY=y\n"
                             "CONFIG_INOTIFY_USER=y\n"
                             "CONFIG_FANOTIFY=y\n"
                             "CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y\n"
                             "CONFIG_FHANDLE=y\n"
                             "CONFIG_PROC_FS=y\n"
                             "CONFIG_PROC_SYSCTL=y\n"
                             "CONFIG_PROC_PAGE_MONITOR=y\n"
                             "CONFIG_SYSFS=y\n"
                             "CONFIG_TMPFS=y\n"
                             "CONFIG_TMPFS_XATTR=y\n"
                             "CONFIG_MEMFD_CREATE=y\n"
                             "CONFIG_KEYS=y\n"
                             "CONFIG_SECURITY=y\n"
                             "CONFIG_SECURITY_YAMA=y\n"
                             "CONFIG_SECURITY_LANDLOCK=y\n";

enum { CONFIG_BYTES = sizeof(config) - 1, STORED_MAX = 0xffff };
STATIC_ASSERT(CONFIG_BYTES <= STORED_MAX);

static void put_le(struct strbuf *out, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        strbuf_putc(out, (char)(value >> (8 * i)));
}

static int show_config(struct file *file, struct strbuf *out)
{
    static const char header[10] = {0x1f, (char)0x8b, 8 /* deflate */, 0, 0, 0, 0, 0, 0, 3};
    (void)file;
    strbuf_write(out, header, sizeof(header));
    put_le(out, 1 /* the last block, stored */, 1);
    put_le(out, CONFIG_BYTES, 2);
    put_le(out, ~(uint32_t)CONFIG_BYTES, 2);
    strbuf_write(out, config, CONFIG_BYTES);
    put_le(out, crc32_add(0, config, CONFIG_BYTES), 4);
    put_le(out, CONFIG_BYTES, 4);
    return 0;
}

const struct text_file_ops proc_config = {.show = show_config};
