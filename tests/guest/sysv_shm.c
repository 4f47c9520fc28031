/* SPDX-License-Identifier: MIT
 *
 * System V shared memory: shmget(2), shmop(2), shmctl(2).
 */
#include "guest.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef SHM_DEST
#define SHM_DEST 01000
#endif
#ifndef SHM_LOCKED
#define SHM_LOCKED 02000
#endif

enum { PAGE = 4096 };

static int segment_make(size_t bytes)
{
    return (int)OK(shmget(IPC_PRIVATE, bytes, IPC_CREAT | 0600));
}

static char *attach(int id, const void *address, int flags)
{
    char *at = shmat(id, address, flags);
    if (at == (void *)-1)
        fail_at(__LINE__, "shmat: %s", strerror(errno));
    return at;
}

#define ATTACH_FAILS(id, address, flags, wanted)                                                   \
    FAILS((long)shmat(id, (const void *)(uintptr_t)(address), flags), wanted)

static struct shmid_ds status_of(int id)
{
    struct shmid_ds status;
    OK(shmctl(id, IPC_STAT, &status));
    return status;
}

static void drop(int id)
{
    OK(shmctl(id, IPC_RMID, NULL));
}

static void keys_find_segments(void)
{
    key_t key = 0x53484d00 + getpid();
    FAILS(shmget(key, 100, 0600), ENOENT);
    FAILS(shmget(key, 0, IPC_CREAT | 0600), EINVAL);
    int id = (int)OK(shmget(key, 100, IPC_CREAT | 0600));
    EQ(OK(shmget(key, 0, 0)), id);
    EQ(OK(shmget(key, 100, IPC_CREAT)), id);
    FAILS(shmget(key, 101, 0), EINVAL);
    FAILS(shmget(key, 100, IPC_CREAT | IPC_EXCL), EEXIST);
    EQ(status_of(id).shm_segsz, 100);
    drop(id);
    FAILS(shmget(key, 0, 0), ENOENT);
    FAILS(shmctl(id, IPC_RMID, NULL), EINVAL);
    FAILS(shmget(IPC_PRIVATE, SIZE_MAX, IPC_CREAT | 0600), EINVAL);
}

static void attachments_share_memory(void)
{
    int id = segment_make(3 * PAGE - 5);
    char *a = attach(id, NULL, 0), *b = attach(id, NULL, 0);
    TRUE(a != b);
    EQ(a[0], 0);
    strcpy(a + PAGE, "hello");
    STR_EQ(b + PAGE, "hello");
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        strcpy(b, "from the child");
        _exit(0);
    }
    CHILD_OK(pid);
    STR_EQ(a, "from the child");
    OK(shmdt(a));
    FAILS(shmdt(a), EINVAL);
    FAILS(shmdt(b + PAGE), EINVAL);
    FAILS(shmdt(b + 1), EINVAL);
    STR_EQ(b, "from the child");
    OK(shmdt(b));
    char *again = attach(id, NULL, 0); /* it keeps its content */
    STR_EQ(again, "from the child");
    OK(shmdt(again));
    drop(id);
}

static void addresses_are_checked(void)
{
    int id = segment_make(2 * PAGE);
    char *area = mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(area != MAP_FAILED);
    ATTACH_FAILS(id, area + 1, 0, EINVAL);
    ATTACH_FAILS(id, area, 0, EINVAL); /* something is there */
    ATTACH_FAILS(id, NULL, SHM_REMAP, EINVAL);
    ATTACH_FAILS(id, 100, SHM_RND | SHM_REMAP, EINVAL);
    ATTACH_FAILS(-1, NULL, 0, EINVAL);
    ATTACH_FAILS(id + 1, NULL, 0, EINVAL);
    EQ((uintptr_t)attach(id, area + PAGE + 7, SHM_RND | SHM_REMAP), (uintptr_t)area + PAGE);
    area[PAGE] = 'x';
    area[2 * PAGE] = 'y';
    OK(shmdt(area + PAGE));
    EQ((uintptr_t)attach(id, area + PAGE, 0), (uintptr_t)area + PAGE); /* the hole is free */
    EQ(area[PAGE], 'x');
    EQ(area[2 * PAGE], 'y');
    drop(id);
}

static void detaching_takes_all_parts(void)
{
    int id = segment_make(4 * PAGE);
    char *a = attach(id, NULL, 0);
    unsigned char here;
    OK(munmap(a + PAGE, PAGE));
    OK(mprotect(a + 2 * PAGE, PAGE, PROT_READ));
    a[3 * PAGE] = 1;
    OK(shmdt(a));
    FAILS(mincore(a, PAGE, &here), ENOMEM);
    FAILS(mincore(a + 2 * PAGE, PAGE, &here), ENOMEM);
    FAILS(mincore(a + 3 * PAGE, PAGE, &here), ENOMEM);
    EQ(status_of(id).shm_nattch, 0);
    drop(id);
}

static void read_only_attachment_cannot_be_written(void)
{
    int id = segment_make(PAGE), status;
    char *a = attach(id, NULL, SHM_RDONLY);
    FAILS(mprotect(a, PAGE, PROT_READ | PROT_WRITE), EACCES);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        *(volatile char *)a = 1;
        _exit(0);
    }
    OK(waitpid(pid, &status, 0));
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    drop(id);
}

static void executable_attachment_runs(void)
{
    int id = (int)OK(shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700));
    unsigned char *code = (unsigned char *)attach(id, NULL, SHM_EXEC);
    static const unsigned char program[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    memcpy(code, program, sizeof(program));
    EQ(((int (*)(void))(uintptr_t)code)(), 42);
    drop(id);
}

static void attachments_are_counted(void)
{
    int id = segment_make(PAGE);
    struct gate ready = gate_make(), go = gate_make();
    struct shmid_ds status = status_of(id);
    EQ(status.shm_nattch, 0);
    EQ(status.shm_atime, 0);
    EQ(status.shm_lpid, 0);
    EQ(status.shm_cpid, getpid());
    char *a = attach(id, NULL, 0);
    status = status_of(id);
    EQ(status.shm_nattch, 1);
    EQ(status.shm_lpid, getpid());
    EQ(status.shm_dtime, 0);
    TRUE(status.shm_atime > 0);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        gate_open(&ready);
        gate_pass(&go);
        _exit(0);
    }
    gate_pass(&ready);
    EQ(status_of(id).shm_nattch, 2);
    gate_open(&go);
    CHILD_OK(pid);
    status = status_of(id);
    EQ(status.shm_nattch, 1);
    EQ(status.shm_lpid, pid);
    TRUE(status.shm_dtime > 0);
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        execl("/bin/true", "true", NULL);
        _exit(0);
    }
    CHILD_OK(pid);
    EQ(status_of(id).shm_nattch, 1);
    OK(shmdt(a));
    EQ(status_of(id).shm_nattch, 0);
    drop(id);
}

static void removed_segment_lives_while_attached(void)
{
    key_t key = 0x53484e00 + getpid();
    int id = (int)OK(shmget(key, PAGE, IPC_CREAT | 0600));
    char *a = attach(id, NULL, 0);
    drop(id);
    struct shmid_ds status = status_of(id);
    EQ(status.shm_perm.mode & 07777, SHM_DEST | 0600);
    EQ(status.shm_perm.__key, 0);
    FAILS(shmget(key, PAGE, 0), ENOENT);
    char *b = attach(id, NULL, 0); /* by its number it is still there */
    strcpy(a, "alive");
    STR_EQ(b, "alive");
    OK(shmdt(a));
    OK(shmctl(id, IPC_STAT, &status));
    OK(shmdt(b));
    FAILS(shmctl(id, IPC_STAT, &status), EINVAL);
    ATTACH_FAILS(id, NULL, 0, EINVAL);
}

static void control_changes_and_tells(void)
{
    struct shmid_ds status;
    struct shminfo limits;
    struct shm_info use;
    int id = segment_make(2 * PAGE);
    status = status_of(id);
    EQ(status.shm_perm.mode, 0600);
    EQ(status.shm_perm.uid, geteuid());
    status.shm_perm.mode = 01777;
    OK(shmctl(id, IPC_SET, &status));
    EQ(status_of(id).shm_perm.mode, 0777);
    OK(shmctl(id, SHM_LOCK, NULL));
    EQ(status_of(id).shm_perm.mode, 0777 | SHM_LOCKED);
    OK(shmctl(id, SHM_UNLOCK, NULL));
    EQ(status_of(id).shm_perm.mode, 0777);
    int highest = (int)OK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits));
    EQ(limits.shmmni, 4096);
    EQ(limits.shmmin, 1);
    char *a = attach(id, NULL, 0);
    a[0] = 1;
    OK(shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&use));
    TRUE(use.used_ids >= 1 && use.shm_tot >= 2 && use.shm_rss >= 1);
    bool found = false, found_any = false;
    for (int index = 0; index <= highest; index++) {
        found |= shmctl(index, SHM_STAT, &status) == id;
        found_any |= shmctl(index, SHM_STAT_ANY, &status) == id;
    }
    TRUE(found && found_any);
    FAILS(shmctl(id, 99, NULL), EINVAL);
    FAILS(shmctl(-1, IPC_STAT, &status), EINVAL);
    FAILS(shmctl(id, IPC_STAT, BAD_POINTER), EFAULT);
    FAILS(shmctl(id, IPC_SET, BAD_POINTER), EFAULT);
    FAILS(shmctl(id + 1, SHM_LOCK, NULL), EINVAL);
    drop(id);
}

static void stranger_may_not(void)
{
    if (geteuid() != 0)
        skip("not root");
    int id = (int)OK(shmget(IPC_PRIVATE, PAGE, 0604)), secret = segment_make(PAGE);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        struct shmid_ds status;
        OK(setresgid(1000, 1000, 1000));
        OK(setresuid(1000, 1000, 1000));
        char *a = attach(id, NULL, SHM_RDONLY);
        EQ(a[0], 0);
        ATTACH_FAILS(id, NULL, 0, EACCES);
        ATTACH_FAILS(id, NULL, SHM_RDONLY | SHM_EXEC, EACCES);
        ATTACH_FAILS(secret, NULL, SHM_RDONLY, EACCES);
        FAILS(shmctl(secret, IPC_STAT, &status), EACCES);
        OK(shmctl(id, IPC_STAT, &status));
        FAILS(shmctl(id, IPC_SET, &status), EPERM);
        FAILS(shmctl(id, IPC_RMID, NULL), EPERM);
        FAILS(shmctl(id, SHM_LOCK, NULL), EPERM);
        FAILS(shmget(IPC_PRIVATE, PAGE, SHM_HUGETLB | 0600), EPERM);
        _exit(0);
    }
    CHILD_OK(pid);
    drop(id);
    drop(secret);
}

/* Owners are told and given in the ids of the caller's user namespace. */
static void owners_belong_to_a_user_namespace(void)
{
    int id = segment_make(PAGE);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        if (unshare(CLONE_NEWUSER) != 0)
            _exit(77);
        struct shmid_ds status = status_of(id);
        EQ(status.shm_perm.uid, 65534);
        EQ(status.shm_perm.cuid, 65534);
        EQ(status.shm_perm.gid, 65534);
        FAILS(shmctl(id, IPC_SET, &status), EINVAL); /* 65534 is nobody there */
        _exit(0);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    drop(id);
    if (status == 77 << 8)
        skip("no user namespaces");
    EQ(status, 0);
}

static void maps_and_proc_name_segments(void)
{
    char line[512], wanted[64];
    key_t key = 0x53484f00 + getpid();
    int id = (int)OK(shmget(key, 2 * PAGE, IPC_CREAT | 0600)), found = 0;
    char *a = attach(id, NULL, 0);
    a[0] = 1;
    snprintf(wanted, sizeof(wanted), "/SYSV%08x (deleted)\n", key);
    FILE *file = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), file)) {
        unsigned long start, inode;
        if (!strstr(line, wanted))
            continue;
        EQ(sscanf(line, "%lx-%*x rw-s 00000000 00:%*x %lu", &start, &inode), 2);
        EQ(start, (uintptr_t)a);
        EQ(inode, id);
        found++;
    }
    fclose(file);
    EQ(found, 1);
    found = 0;
    file = fopen("/proc/sysvipc/shm", "r");
    TRUE(file);
    TRUE(fgets(line, sizeof(line), file));
    STR_EQ(line,
           "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
           "cuid  cgid      atime      dtime      ctime                   rss                "
           "  swap\n");
    while (fgets(line, sizeof(line), file)) {
        int listed_key, listed, creator, last;
        unsigned mode;
        unsigned long bytes, attached, rss;
        EQ(sscanf(line, "%d %d %o %lu %d %d %lu %*u %*u %*u %*u %*u %*u %*u %lu", &listed_key,
                  &listed, &mode, &bytes, &creator, &last, &attached, &rss),
           8);
        if (listed != id)
            continue;
        found++;
        EQ(listed_key, key);
        EQ(mode, 0600);
        EQ(bytes, 2 * PAGE);
        EQ(creator, getpid());
        EQ(attached, 1);
        TRUE(rss >= PAGE);
    }
    fclose(file);
    EQ(found, 1);
    drop(id);
}

static void numbers_go_up(void)
{
    int first = segment_make(PAGE);
    drop(first);
    int second = segment_make(PAGE);
    drop(second);
    TRUE(first != second);
}

GUEST_MAIN(CASE(keys_find_segments), CASE(attachments_share_memory), CASE(addresses_are_checked),
           CASE(detaching_takes_all_parts), CASE(read_only_attachment_cannot_be_written),
           CASE(executable_attachment_runs), CASE(attachments_are_counted),
           CASE(removed_segment_lives_while_attached), CASE(control_changes_and_tells),
           CASE(stranger_may_not), CASE(owners_belong_to_a_user_namespace),
           CASE(maps_and_proc_name_segments), CASE(numbers_go_up))
