/* SPDX-License-Identifier: MIT
 *
 * Names of the flags and commands of system calls on files, memory and the machine.
 */
#include "kernel/abi/fcntl.h"
#include "kernel/abi/ioctl.h"
#include "kernel/abi/mman.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/random.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/stat.h"
#include "kernel/lib/compiler.h"
#include "kernel/syscall/trace_internal.h"

#define V(text, number, mask) {text, (uint64_t)(number), (uint64_t)(mask)}
#define N(constant) V(#constant, (uint32_t)(constant), 0)
#define N64(constant) V(#constant, constant, 0)
#define SET(id, what)                                                                              \
    const struct trace_set trace_set_##id = {                                                      \
        .names = id##_names, .count = ARRAY_SIZE(id##_names), .unknown = what}

static const struct trace_name access_names[] = {
    V("F_OK", F_OK, ~0ull), N(R_OK), N(W_OK), N(X_OK),
};
SET(access, "?_OK");

static const struct trace_name arch_prctl_names[] = {
    N(ARCH_SET_GS), N(ARCH_SET_FS), N(ARCH_GET_FS), N(ARCH_GET_GS), N(ARCH_GET_CPUID),
    N(ARCH_SET_CPUID), N(ARCH_GET_XCOMP_SUPP), N(ARCH_GET_XCOMP_PERM), N(ARCH_REQ_XCOMP_PERM),
    N(ARCH_MAP_VDSO_X32), N(ARCH_MAP_VDSO_32), N(ARCH_MAP_VDSO_64),
};
SET(arch_prctl, "ARCH_???");

static const struct trace_name at_names[] = {
    N(AT_SYMLINK_NOFOLLOW), N(AT_REMOVEDIR), N(AT_SYMLINK_FOLLOW), N(AT_NO_AUTOMOUNT),
    N(AT_EMPTY_PATH), N(AT_STATX_FORCE_SYNC), N(AT_STATX_DONT_SYNC), N(AT_RECURSIVE),
};
SET(at, "AT_???");

static const struct trace_name fcntl_names[] = {
    N(F_DUPFD), N(F_GETFD), N(F_SETFD), N(F_GETFL), N(F_SETFL), N(F_GETLK), N(F_SETLK),
    N(F_SETLKW), N(F_SETOWN), N(F_GETOWN), N(F_SETSIG), N(F_GETSIG), N(F_SETOWN_EX),
    N(F_GETOWN_EX), N(F_GETOWNER_UIDS), N(F_OFD_GETLK), N(F_OFD_SETLK), N(F_OFD_SETLKW),
    N(F_SETLEASE), N(F_GETLEASE), N(F_NOTIFY), N(F_DUPFD_CLOEXEC), N(F_SETPIPE_SZ),
    N(F_GETPIPE_SZ), N(F_ADD_SEALS), N(F_GET_SEALS), N(F_GET_RW_HINT), N(F_SET_RW_HINT),
    N(F_GET_FILE_RW_HINT), N(F_SET_FILE_RW_HINT),
};
SET(fcntl, "F_???");

static const struct trace_name flock_names[] = {
    N(LOCK_SH), N(LOCK_EX), N(LOCK_NB), N(LOCK_UN),
};
SET(flock, "LOCK_???");

static const struct trace_name ioctl_names[] = {
    N(TCGETS), N(TCSETS), N(TCSETSW), N(TCSETSF), N(TCGETA), N(TCSETA), N(TCSETAW), N(TCSETAF),
    N(TCSBRK), N(TCXONC), N(TCFLSH), N(TIOCEXCL), N(TIOCNXCL), N(TIOCSCTTY), N(TIOCGPGRP),
    N(TIOCSPGRP), N(TIOCSTI), N(TIOCGWINSZ), N(TIOCSWINSZ), N(TIOCMGET), N(TIOCMBIS), N(TIOCMBIC),
    N(TIOCMSET), N(TIOCGSOFTCAR), N(TIOCSSOFTCAR), N(FIONREAD), N(TIOCINQ), N(TIOCLINUX),
    N(TIOCCONS), N(TIOCGSERIAL), N(TIOCSSERIAL), N(TIOCPKT), N(FIONBIO), N(TIOCNOTTY), N(TIOCSETD),
    N(TIOCGETD), N(TCSBRKP), N(TIOCSBRK), N(TIOCCBRK), N(TIOCGSID), N(TCGETS2), N(TCSETS2),
    N(TCSETSW2), N(TCSETSF2), N(TIOCGRS485), N(TIOCSRS485), N(TIOCGPTN), N(TIOCSPTLCK),
    N(TIOCGLCKTRMIOS), N(TIOCSLCKTRMIOS),
    N(TIOCGDEV), N(TIOCSIG), N(TIOCVHANGUP), N(TIOCGPKT), N(TIOCGPTLCK), N(TIOCGEXCL),
    N(RNDGETENTCNT), N(RNDADDTOENTCNT), N(RNDADDENTROPY), N(RNDZAPENTCNT), N(RNDCLEARPOOL),
    N(RNDRESEEDCRNG), N(TIOCGPTPEER), N(FIONCLEX), N(FIOCLEX), N(FIOASYNC), N(TIOCSERGETLSR), N(TIOCMIWAIT),
    N(TIOCGICOUNT), N(FIOQSIZE), N(TIOCPKT_DATA), N(TIOCPKT_FLUSHREAD), N(TIOCPKT_FLUSHWRITE),
    N(TIOCPKT_STOP), N(TIOCPKT_START), N(TIOCPKT_NOSTOP), N(TIOCPKT_DOSTOP), N(TIOCPKT_IOCTL),
    N(TIOCM_LE), N(TIOCM_DTR), N(TIOCM_RTS), N(TIOCM_ST), N(TIOCM_SR), N(TIOCM_CTS), N(TIOCM_CAR),
    N(TIOCM_RNG), N(TIOCM_DSR), N(VT_OPENQRY), N(VT_GETMODE), N(VT_SETMODE), N(VT_GETSTATE),
    N(VT_SENDSIG), N(VT_RELDISP), N(VT_ACTIVATE), N(VT_WAITACTIVE), N(VT_DISALLOCATE),
    N(VT_RESIZE), N(VT_RESIZEX), N(VT_LOCKSWITCH), N(VT_UNLOCKSWITCH), N(VT_GETHIFONTMASK),
    N(VT_WAITEVENT), N(VT_SETACTIVATE), N(VT_AUTO), N(VT_PROCESS), N(VT_ACKACQ), N(KDMKTONE),
    N(KDGETLED), N(KDSETLED), N(KDGKBTYPE), N(KDSETMODE), N(KDGETMODE), N(KD_TEXT), N(KD_GRAPHICS),
    N(KDGKBMODE), N(KDSKBMODE), N(KDGKBENT), N(KDSKBENT), N(KDGKBSENT), N(KDSKBSENT), N(KDGKBMETA),
    N(KDSKBMETA), N(KDGKBLED), N(KDSKBLED), N(KDSIGACCEPT), N(KDKBDREP), N(KDFONTOP), N(FICLONE),
    N(FICLONERANGE), N(FS_IOC_GETFLAGS), N(FS_IOC_SETFLAGS), N(FS_IOC_GETVERSION),
    N(FS_IOC_SETVERSION), N(FS_IOC_FIEMAP), N(FS_IOC_FSGETXATTR), N(FS_IOC_FSSETXATTR),
    N(BLKROSET), N(BLKROGET), N(BLKRRPART), N(BLKGETSIZE), N(BLKFLSBUF), N(BLKRASET), N(BLKRAGET),
    N(BLKSSZGET), N(BLKBSZGET), N(BLKBSZSET), N(BLKGETSIZE64), N(BLKDISCARD), N(BLKIOMIN),
    N(BLKIOOPT), N(BLKALIGNOFF), N(BLKPBSZGET), N(BLKDISCARDZEROES), N(BLKSECDISCARD),
    N(BLKROTATIONAL), N(BLKZEROOUT), N(BLKGETDISKSEQ),
};
SET(ioctl, "_IOC_???");

static const struct trace_name madvise_names[] = {
    N(MADV_NORMAL), N(MADV_RANDOM), N(MADV_SEQUENTIAL), N(MADV_WILLNEED), N(MADV_DONTNEED),
    N(MADV_FREE), N(MADV_REMOVE), N(MADV_DONTFORK), N(MADV_DOFORK), N(MADV_MERGEABLE),
    N(MADV_UNMERGEABLE), N(MADV_HUGEPAGE), N(MADV_NOHUGEPAGE), N(MADV_DONTDUMP), N(MADV_DODUMP),
    N(MADV_WIPEONFORK), N(MADV_KEEPONFORK), N(MADV_COLD), N(MADV_PAGEOUT), N(MADV_POPULATE_READ),
    N(MADV_POPULATE_WRITE), N(MADV_DONTNEED_LOCKED), N(MADV_COLLAPSE), N(MADV_HWPOISON),
    N(MADV_SOFT_OFFLINE),
};
SET(madvise, "MADV_???");

static const struct trace_name map_names[] = {
    V("MAP_SHARED_VALIDATE", MAP_SHARED_VALIDATE, MAP_TYPE), V("MAP_SHARED", MAP_SHARED, MAP_TYPE),
    V("MAP_PRIVATE", MAP_PRIVATE, MAP_TYPE), N(MAP_FIXED), N(MAP_ANONYMOUS), N(MAP_32BIT),
    N(MAP_GROWSDOWN), N(MAP_DENYWRITE), N(MAP_EXECUTABLE), N(MAP_LOCKED), N(MAP_NORESERVE),
    N(MAP_POPULATE), N(MAP_NONBLOCK), N(MAP_STACK), N(MAP_HUGETLB), N(MAP_SYNC),
    N(MAP_FIXED_NOREPLACE), N(MAP_UNINITIALIZED),
};
SET(map, "MAP_???");

static const struct trace_name memfd_names[] = {
    N(MFD_CLOEXEC), N(MFD_ALLOW_SEALING), N(MFD_HUGETLB),
};
SET(memfd, "MFD_???");

static const struct trace_name mlockall_names[] = {
    N(MCL_CURRENT), N(MCL_FUTURE), N(MCL_ONFAULT),
};
SET(mlockall, "MCL_???");

static const struct trace_name mount_names[] = {
    N(MS_RDONLY), N(MS_NOSUID), N(MS_NODEV), N(MS_NOEXEC), N(MS_SYNCHRONOUS), N(MS_REMOUNT),
    N(MS_MANDLOCK), N(MS_DIRSYNC), N(MS_NOSYMFOLLOW), N(MS_NOATIME), N(MS_NODIRATIME), N(MS_BIND),
    N(MS_MOVE), N(MS_REC), N(MS_SILENT), N(MS_POSIXACL), N(MS_UNBINDABLE), N(MS_PRIVATE),
    N(MS_SLAVE), N(MS_SHARED), N(MS_RELATIME), N(MS_KERNMOUNT), N(MS_I_VERSION), N(MS_STRICTATIME),
    N(MS_LAZYTIME), V("MS_MGC_VAL", MS_MGC_VAL, MS_MGC_MSK),
};
SET(mount, "MS_???");

static const struct trace_name mremap_names[] = {
    N(MREMAP_MAYMOVE), N(MREMAP_FIXED), N(MREMAP_DONTUNMAP),
};
SET(mremap, "MREMAP_???");

static const struct trace_name msync_names[] = {
    N(MS_ASYNC), N(MS_INVALIDATE), N(MS_SYNC),
};
SET(msync, "MS_???");

static const struct trace_name open_names[] = {
    V("O_RDONLY", O_RDONLY, O_ACCMODE), V("O_WRONLY", O_WRONLY, O_ACCMODE),
    V("O_RDWR", O_RDWR, O_ACCMODE), V("O_ACCMODE", O_ACCMODE, O_ACCMODE), N(O_TMPFILE), N(O_SYNC),
    N(O_CREAT), N(O_EXCL), N(O_NOCTTY), N(O_TRUNC), N(O_APPEND), N(O_NONBLOCK), N(O_DSYNC),
    N(O_ASYNC), N(O_DIRECT), N(O_LARGEFILE), N(O_DIRECTORY), N(O_NOFOLLOW), N(O_NOATIME),
    N(O_CLOEXEC), N(O_PATH),
};
SET(open, "O_???");

/* The same for calls that make a descriptor without opening anything: no access mode. */
const struct trace_set trace_set_fdflags = {
    .names = open_names + 4, .count = ARRAY_SIZE(open_names) - 4, .unknown = "O_???"};

static const struct trace_name prctl_names[] = {
    N(PR_SET_PDEATHSIG), N(PR_GET_PDEATHSIG), N(PR_GET_DUMPABLE), N(PR_SET_DUMPABLE),
    N(PR_GET_UNALIGN), N(PR_SET_UNALIGN), N(PR_GET_KEEPCAPS), N(PR_SET_KEEPCAPS), N(PR_GET_FPEMU),
    N(PR_SET_FPEMU), N(PR_GET_FPEXC), N(PR_SET_FPEXC), N(PR_GET_TIMING), N(PR_SET_TIMING),
    N(PR_SET_NAME), N(PR_GET_NAME), N(PR_GET_ENDIAN), N(PR_SET_ENDIAN), N(PR_GET_SECCOMP),
    N(PR_SET_SECCOMP), N(PR_CAPBSET_READ), N(PR_CAPBSET_DROP), N(PR_GET_TSC), N(PR_SET_TSC),
    N(PR_GET_SECUREBITS), N(PR_SET_SECUREBITS), N(PR_SET_TIMERSLACK), N(PR_GET_TIMERSLACK),
    N(PR_TASK_PERF_EVENTS_DISABLE), N(PR_TASK_PERF_EVENTS_ENABLE), N(PR_MCE_KILL),
    N(PR_MCE_KILL_GET), N(PR_SET_MM), N(PR_SET_PTRACER), N(PR_SET_CHILD_SUBREAPER),
    N(PR_GET_CHILD_SUBREAPER), N(PR_SET_NO_NEW_PRIVS), N(PR_GET_NO_NEW_PRIVS),
    N(PR_GET_TID_ADDRESS), N(PR_SET_THP_DISABLE), N(PR_GET_THP_DISABLE), N(PR_SET_FP_MODE),
    N(PR_GET_FP_MODE), N(PR_CAP_AMBIENT), N(PR_GET_SPECULATION_CTRL), N(PR_SET_SPECULATION_CTRL),
    N(PR_SET_IO_FLUSHER), N(PR_GET_IO_FLUSHER), N(PR_SET_SYSCALL_USER_DISPATCH), N(PR_SCHED_CORE),
    N(PR_SET_VMA),
};
SET(prctl, "PR_???");

static const struct trace_name prio_names[] = {
    N(PRIO_PROCESS), N(PRIO_PGRP), N(PRIO_USER),
};
SET(prio, "PRIO_???");

static const struct trace_name prot_names[] = {
    V("PROT_NONE", PROT_NONE, ~0ull), N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC), N(PROT_SEM),
    N(PROT_GROWSDOWN), N(PROT_GROWSUP),
};
SET(prot, "PROT_???");

static const struct trace_name random_names[] = {
    N(GRND_NONBLOCK), N(GRND_RANDOM), N(GRND_INSECURE),
};
SET(random, "GRND_???");

static const struct trace_name rename_names[] = {
    N(RENAME_NOREPLACE), N(RENAME_EXCHANGE), N(RENAME_WHITEOUT),
};
SET(rename, "RENAME_???");

static const struct trace_name rlimit_names[] = {
    N(RLIMIT_CPU), N(RLIMIT_FSIZE), N(RLIMIT_DATA), N(RLIMIT_STACK), N(RLIMIT_CORE), N(RLIMIT_RSS),
    N(RLIMIT_NPROC), N(RLIMIT_NOFILE), N(RLIMIT_MEMLOCK), N(RLIMIT_AS), N(RLIMIT_LOCKS),
    N(RLIMIT_SIGPENDING), N(RLIMIT_MSGQUEUE), N(RLIMIT_NICE), N(RLIMIT_RTPRIO), N(RLIMIT_RTTIME),
};
SET(rlimit, "RLIMIT_???");

static const struct trace_name rwf_names[] = {
    N(RWF_HIPRI), N(RWF_DSYNC), N(RWF_SYNC), N(RWF_NOWAIT), N(RWF_APPEND),
};
SET(rwf, "RWF_???");

static const struct trace_name seek_names[] = {
    N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE),
};
SET(seek, "SEEK_???");

static const struct trace_name splice_names[] = {
    N(SPLICE_F_MOVE), N(SPLICE_F_NONBLOCK), N(SPLICE_F_MORE), N(SPLICE_F_GIFT),
};
SET(splice, "SPLICE_F_???");

static const struct trace_name umount_names[] = {
    N(MNT_FORCE), N(MNT_DETACH), N(MNT_EXPIRE), N(UMOUNT_NOFOLLOW),
};
SET(umount, "MNT_???");

static const struct trace_name xattr_names[] = {
    N(XATTR_CREATE), N(XATTR_REPLACE),
};
SET(xattr, "XATTR_???");

static const struct trace_name statmode_names[] = {
    N(S_IFSOCK), N(S_IFLNK), N(S_IFREG), N(S_IFBLK), N(S_IFDIR), N(S_IFCHR), N(S_IFIFO),
};
SET(statmode, "S_IF???");
