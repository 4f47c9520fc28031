/* SPDX-License-Identifier: MIT
 *
 * Good arguments: descriptors of every type, structures, processes, IPC objects.
 */
#ifndef TESTS_ARGUMENTS_FIXTURE_H
#define TESTS_ARGUMENTS_FIXTURE_H

#include <stddef.h>

/* ---- descriptors: all of them never block ---- */
long fd_file(void);   /* a regular file of 64 bytes, for reading and writing */
long fd_file_x(void); /* with an attribute "trusted.x" */
long fd_readonly(void);
long fd_writeonly(void);
long fd_append(void);
long fd_new(void); /* an empty file */
long fd_dir(void);
long fd_opath(void);
long fd_opath_dir(void);
long fd_pipe_read(void);
long fd_pipe_write(void);
long fd_pipe_ready(void); /* with 64 bytes to read */
long fd_fifo(void);
long fd_stream(void); /* connected */
long fd_stream_ready(void);
long fd_unconnected(void);
long fd_listening(void);
long fd_listening_ready(void); /* with a connection to accept */
long fd_dgram(void);
long fd_event(void);
long fd_epoll(void);
long fd_epoll_ready(void);
long fd_timer(void);
long fd_signal(void);
long fd_inotify(void);
long fd_inotify_watching(void);
long fd_fanotify(void);
long fd_pidfd(void); /* this process */
long fd_pidfd_child(void);
long fd_memfd(void);
long fd_memfd_sealable(void);
long fd_mqueue(void);
long fd_mqueue_ready(void);
long fd_null(void);
long fd_zero(void);
long fd_ptmx(void);
long fd_proc(void);
long fd_namespace(void);
long fd_uring(void);
long fd_fs_context(void);
long fd_fs_created(void);
long fd_tree(void);    /* a mount that is nowhere yet */
long fd_ruleset(void); /* of landlock: for reading and writing files and listing directories */
long fd_userfault_raw(void);
long fd_userfault(void); /* USERFAULT_PAGE is registered */
long fd_secret(void);
long fd_secret_page(void); /* one page long */
long fd_seccomp_listener(void);

/* ---- objects ---- */
long str(const char *text);
long strv(const char *one); /* {one, NULL} */
long pages(size_t count);   /* whole pages of memory */
long pages_shared(void);    /* one page, shared mapping */
long iovec(long base, size_t length);
long pollfd(long fd);
long fdset(long fd);
long timespec(long seconds, long nanoseconds);
long timeval(long seconds, long microseconds);
long unix_address(void); /* of the listening socket; UNIX_ADDRESS_BYTES */
long unix_new_address(void);
long message(long name, long name_length, long iov, long iov_count, long control,
             long control_length);
long mmessage(long iov);
long control_rights(int fd);
long i32(int value);
long i64(long value);
long flock_of(int type);
long iocbs(void); /* an array of one pointer to a read */
long handle_of_file(void);
long file_x(void);  /* the path of a file with an attribute "trusted.x" */
long mounted(void); /* the path of a mount */

enum { UNIX_ADDRESS_BYTES = 110 };

#define USERFAULT_PAGE 0x320000000ul /* private memory that nobody touched */

/* ---- processes, signals, timers, IPC ---- */
long zombie(void);     /* a child that has ended; 0 */
long pending(int sig); /* a signal, blocked and pending; 0 */
long pending_handled(int sig);
long timer(void);
long aio(void);
long shm(void);
long shm_attached(void);
long sem(void);
long msg(void); /* with one message of 8 bytes */
long own_pid(void);
long key(void);
long futex_word(int value);
long landlock_beneath(long access, long fd); /* the attribute of a rule */
long rseq_free(void); /* where to register, after this thread's own was unregistered */
long device_of_file(void);

#endif
