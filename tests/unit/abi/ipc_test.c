/* SPDX-License-Identifier: MIT */
/* kernel/abi/ipc.h against the host's headers. */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/ipc.h>
#include <linux/mqueue.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(IPC_PRIVATE) V(IPC_CREAT) V(IPC_EXCL) V(IPC_NOWAIT) V(IPC_RMID) V(IPC_SET) V(IPC_STAT) \
    V(IPC_INFO) V(IPC_64) V(MSG_STAT) V(MSG_INFO) V(MSG_STAT_ANY) V(MSG_NOERROR) V(MSG_EXCEPT) \
    V(MSG_COPY) V(MSGMNI) V(MSGMAX) V(MSGMNB) V(SEM_UNDO) V(GETPID) V(GETVAL) V(GETALL) \
    V(GETNCNT) V(GETZCNT) V(SETVAL) V(SETALL) V(SEM_STAT) V(SEM_INFO) V(SEM_STAT_ANY) V(SEMMNI) \
    V(SEMMSL) V(SEMMNS) V(SEMOPM) V(SEMVMX) V(SEMAEM) V(SHM_R) V(SHM_W) V(SHM_HUGETLB) \
    V(SHM_NORESERVE) V(SHM_RDONLY) V(SHM_RND) V(SHM_REMAP) V(SHM_EXEC) V(SHM_LOCK) V(SHM_UNLOCK) \
    V(SHM_STAT) V(SHM_INFO) V(SHM_STAT_ANY) V(SHMMIN) V(SHMMNI) V(SHMMAX) V(SHMALL) \
    V(MQ_PRIO_MAX)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/ipc.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_ipc_perm, struct ipc64_perm),
    SAME_FIELD(struct linux_ipc_perm, key, struct ipc64_perm, key),
    SAME_FIELD(struct linux_ipc_perm, uid, struct ipc64_perm, uid),
    SAME_FIELD(struct linux_ipc_perm, gid, struct ipc64_perm, gid),
    SAME_FIELD(struct linux_ipc_perm, cuid, struct ipc64_perm, cuid),
    SAME_FIELD(struct linux_ipc_perm, cgid, struct ipc64_perm, cgid),
    SAME_FIELD(struct linux_ipc_perm, mode, struct ipc64_perm, mode),
    SAME_FIELD(struct linux_ipc_perm, seq, struct ipc64_perm, seq),
    SAME_SIZE(struct linux_msqid_ds, struct msqid64_ds),
    SAME_FIELD(struct linux_msqid_ds, msg_perm, struct msqid64_ds, msg_perm),
    SAME_FIELD(struct linux_msqid_ds, msg_stime, struct msqid64_ds, msg_stime),
    SAME_FIELD(struct linux_msqid_ds, msg_rtime, struct msqid64_ds, msg_rtime),
    SAME_FIELD(struct linux_msqid_ds, msg_ctime, struct msqid64_ds, msg_ctime),
    SAME_FIELD(struct linux_msqid_ds, msg_cbytes, struct msqid64_ds, msg_cbytes),
    SAME_FIELD(struct linux_msqid_ds, msg_qnum, struct msqid64_ds, msg_qnum),
    SAME_FIELD(struct linux_msqid_ds, msg_qbytes, struct msqid64_ds, msg_qbytes),
    SAME_FIELD(struct linux_msqid_ds, msg_lspid, struct msqid64_ds, msg_lspid),
    SAME_FIELD(struct linux_msqid_ds, msg_lrpid, struct msqid64_ds, msg_lrpid),
    SAME_SIZE(struct linux_msginfo, struct msginfo),
    SAME_FIELD(struct linux_msginfo, msgpool, struct msginfo, msgpool),
    SAME_FIELD(struct linux_msginfo, msgmap, struct msginfo, msgmap),
    SAME_FIELD(struct linux_msginfo, msgmax, struct msginfo, msgmax),
    SAME_FIELD(struct linux_msginfo, msgmnb, struct msginfo, msgmnb),
    SAME_FIELD(struct linux_msginfo, msgmni, struct msginfo, msgmni),
    SAME_FIELD(struct linux_msginfo, msgssz, struct msginfo, msgssz),
    SAME_FIELD(struct linux_msginfo, msgtql, struct msginfo, msgtql),
    SAME_FIELD(struct linux_msginfo, msgseg, struct msginfo, msgseg),
    SAME_SIZE(struct linux_sembuf, struct sembuf),
    SAME_FIELD(struct linux_sembuf, sem_num, struct sembuf, sem_num),
    SAME_FIELD(struct linux_sembuf, sem_op, struct sembuf, sem_op),
    SAME_FIELD(struct linux_sembuf, sem_flg, struct sembuf, sem_flg),
    SAME_SIZE(struct linux_semid_ds, struct semid64_ds),
    SAME_FIELD(struct linux_semid_ds, sem_perm, struct semid64_ds, sem_perm),
    SAME_FIELD(struct linux_semid_ds, sem_otime, struct semid64_ds, sem_otime),
    SAME_FIELD(struct linux_semid_ds, sem_ctime, struct semid64_ds, sem_ctime),
    SAME_FIELD(struct linux_semid_ds, sem_nsems, struct semid64_ds, sem_nsems),
    SAME_SIZE(struct linux_seminfo, struct seminfo),
    SAME_FIELD(struct linux_seminfo, semmap, struct seminfo, semmap),
    SAME_FIELD(struct linux_seminfo, semmni, struct seminfo, semmni),
    SAME_FIELD(struct linux_seminfo, semmns, struct seminfo, semmns),
    SAME_FIELD(struct linux_seminfo, semmnu, struct seminfo, semmnu),
    SAME_FIELD(struct linux_seminfo, semmsl, struct seminfo, semmsl),
    SAME_FIELD(struct linux_seminfo, semopm, struct seminfo, semopm),
    SAME_FIELD(struct linux_seminfo, semume, struct seminfo, semume),
    SAME_FIELD(struct linux_seminfo, semusz, struct seminfo, semusz),
    SAME_FIELD(struct linux_seminfo, semvmx, struct seminfo, semvmx),
    SAME_FIELD(struct linux_seminfo, semaem, struct seminfo, semaem),
    SAME_SIZE(struct linux_shmid_ds, struct shmid64_ds),
    SAME_FIELD(struct linux_shmid_ds, shm_perm, struct shmid64_ds, shm_perm),
    SAME_FIELD(struct linux_shmid_ds, shm_segsz, struct shmid64_ds, shm_segsz),
    SAME_FIELD(struct linux_shmid_ds, shm_atime, struct shmid64_ds, shm_atime),
    SAME_FIELD(struct linux_shmid_ds, shm_dtime, struct shmid64_ds, shm_dtime),
    SAME_FIELD(struct linux_shmid_ds, shm_ctime, struct shmid64_ds, shm_ctime),
    SAME_FIELD(struct linux_shmid_ds, shm_cpid, struct shmid64_ds, shm_cpid),
    SAME_FIELD(struct linux_shmid_ds, shm_lpid, struct shmid64_ds, shm_lpid),
    SAME_FIELD(struct linux_shmid_ds, shm_nattch, struct shmid64_ds, shm_nattch),
    SAME_SIZE(struct linux_shminfo64, struct shminfo64),
    SAME_FIELD(struct linux_shminfo64, shmmax, struct shminfo64, shmmax),
    SAME_FIELD(struct linux_shminfo64, shmmin, struct shminfo64, shmmin),
    SAME_FIELD(struct linux_shminfo64, shmmni, struct shminfo64, shmmni),
    SAME_FIELD(struct linux_shminfo64, shmseg, struct shminfo64, shmseg),
    SAME_FIELD(struct linux_shminfo64, shmall, struct shminfo64, shmall),
    SAME_SIZE(struct linux_shm_info, struct shm_info),
    SAME_FIELD(struct linux_shm_info, used_ids, struct shm_info, used_ids),
    SAME_FIELD(struct linux_shm_info, shm_tot, struct shm_info, shm_tot),
    SAME_FIELD(struct linux_shm_info, shm_rss, struct shm_info, shm_rss),
    SAME_FIELD(struct linux_shm_info, shm_swp, struct shm_info, shm_swp),
    SAME_FIELD(struct linux_shm_info, swap_attempts, struct shm_info, swap_attempts),
    SAME_FIELD(struct linux_shm_info, swap_successes, struct shm_info, swap_successes),
    SAME_SIZE(struct linux_mq_attr, struct mq_attr),
    SAME_FIELD(struct linux_mq_attr, mq_flags, struct mq_attr, mq_flags),
    SAME_FIELD(struct linux_mq_attr, mq_maxmsg, struct mq_attr, mq_maxmsg),
    SAME_FIELD(struct linux_mq_attr, mq_msgsize, struct mq_attr, mq_msgsize),
    SAME_FIELD(struct linux_mq_attr, mq_curmsgs, struct mq_attr, mq_curmsgs),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *ipc_suite(void)
{
    return unit_suite("ipc", add);
}

UNIT_MAIN(ipc_suite)
