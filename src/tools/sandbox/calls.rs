//! The system calls that a tool may make, by number: what programs need that compute, and work with files and processes
//! of their own. What is not here does not exist for it (`ENOSYS`), so also what a newer kernel brings.
//!
//! Not here, and why: `mount`, `pivot_root`, `chroot`, `move_mount`, `fsopen` and kin (another file system); `unshare`,
//! `setns`, `clone3` (name spaces; `clone` is looked at); `ptrace`, `process_vm_*`, `pidfd_getfd`, `kcmp` (other
//! processes); `bpf`, `perf_event_open`, `userfaultfd`, `io_uring_*` (where kernels were broken into); `keyctl` and kin
//! (keys are not name-spaced); `kexec_*`, `*_module`, `reboot`, `swap*`, `settimeofday` and kin (the machine itself);
//! `mknod`, `open_by_handle_at`, `quotactl`, `acct`, `syslog`, `nfsservctl`, `lookup_dcookie` (an administrator's).

use libc::c_long;

macro_rules! calls {
    ($($call:ident)*) => { &[$(libc::$call),*] };
}

/// For every processor.
pub(super) const ALLOWED: &[c_long] = calls! {
    // Memory.
    SYS_brk SYS_madvise SYS_membarrier SYS_memfd_create SYS_mincore SYS_mlock SYS_mlock2 SYS_mmap SYS_mprotect
    SYS_mremap SYS_msync SYS_munlock SYS_munmap
    // Files.
    SYS_chdir SYS_close SYS_close_range SYS_copy_file_range SYS_dup SYS_dup3 SYS_faccessat SYS_faccessat2
    SYS_fadvise64 SYS_fallocate SYS_fchdir SYS_fchmod SYS_fchmodat SYS_fchown SYS_fchownat SYS_fcntl
    SYS_fdatasync SYS_fgetxattr SYS_flistxattr SYS_flock SYS_fstat SYS_fstatfs SYS_fsync SYS_ftruncate
    SYS_getcwd SYS_getdents64 SYS_getxattr SYS_inotify_add_watch SYS_inotify_init1 SYS_inotify_rm_watch
    SYS_lgetxattr SYS_linkat SYS_listxattr SYS_llistxattr SYS_lseek SYS_mkdirat SYS_newfstatat SYS_openat
    SYS_openat2 SYS_pipe2 SYS_pread64 SYS_preadv SYS_preadv2 SYS_pwrite64 SYS_pwritev SYS_pwritev2 SYS_read
    SYS_readahead SYS_readlinkat SYS_readv SYS_renameat SYS_renameat2 SYS_sendfile SYS_splice SYS_statfs
    SYS_statx SYS_symlinkat SYS_sync SYS_sync_file_range SYS_syncfs SYS_tee SYS_truncate SYS_umask
    SYS_unlinkat SYS_utimensat SYS_vmsplice SYS_write SYS_writev
    // Waiting.
    SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2 SYS_ppoll SYS_pselect6
    SYS_signalfd4 SYS_timerfd_create SYS_timerfd_gettime SYS_timerfd_settime
    // Processes of its own, and threads.
    SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_futex SYS_get_robust_list SYS_getpgid SYS_getpid
    SYS_getppid SYS_getpriority SYS_getsid SYS_gettid SYS_kill SYS_pidfd_open SYS_pidfd_send_signal SYS_prctl
    SYS_restart_syscall SYS_rseq SYS_rt_sigaction SYS_rt_sigpending SYS_rt_sigprocmask SYS_rt_sigqueueinfo
    SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait SYS_rt_tgsigqueueinfo SYS_sched_get_priority_max
    SYS_sched_get_priority_min SYS_sched_getaffinity SYS_sched_getattr SYS_sched_getparam
    SYS_sched_getscheduler SYS_sched_rr_get_interval SYS_sched_setaffinity SYS_sched_yield SYS_set_robust_list
    SYS_set_tid_address SYS_setpgid SYS_setpriority SYS_setsid SYS_sigaltstack SYS_tgkill SYS_tkill SYS_wait4
    SYS_waitid
    // Who and where it is; rights can only be given up.
    SYS_capget SYS_getcpu SYS_getegid SYS_geteuid SYS_getgid SYS_getgroups SYS_getresgid SYS_getresuid
    SYS_getrandom SYS_getrlimit SYS_getrusage SYS_getuid SYS_prlimit64 SYS_seccomp SYS_setgid SYS_setgroups
    SYS_setregid SYS_setresgid SYS_setresuid SYS_setreuid SYS_setrlimit SYS_setuid SYS_sysinfo SYS_times
    SYS_uname SYS_landlock_create_ruleset SYS_landlock_add_rule SYS_landlock_restrict_self
    // Time.
    SYS_clock_getres SYS_clock_gettime SYS_clock_nanosleep SYS_getitimer SYS_gettimeofday SYS_nanosleep
    SYS_setitimer SYS_timer_create SYS_timer_delete SYS_timer_getoverrun SYS_timer_gettime SYS_timer_settime
    // Sockets; which families, see `filter`.
    SYS_accept SYS_accept4 SYS_bind SYS_connect SYS_getpeername SYS_getsockname SYS_getsockopt SYS_listen
    SYS_recvfrom SYS_recvmmsg SYS_recvmsg SYS_sendmmsg SYS_sendmsg SYS_sendto SYS_setsockopt SYS_shutdown
    // Between its own processes: these have a name space of their own.
    SYS_mq_getsetattr SYS_mq_notify SYS_mq_open SYS_mq_timedreceive SYS_mq_timedsend SYS_mq_unlink SYS_msgctl
    SYS_msgget SYS_msgrcv SYS_msgsnd SYS_semctl SYS_semget SYS_semop SYS_semtimedop SYS_shmat SYS_shmctl
    SYS_shmdt SYS_shmget
};

/// What only older processors have, beside what took its place.
#[cfg(target_arch = "x86_64")]
pub(super) const ALLOWED_HERE: &[c_long] = calls! {
    SYS_access SYS_alarm SYS_arch_prctl SYS_chmod SYS_chown SYS_creat SYS_dup2 SYS_epoll_create
    SYS_epoll_wait SYS_eventfd SYS_fork SYS_futimesat SYS_getdents SYS_getpgrp SYS_inotify_init SYS_lchown
    SYS_link SYS_lstat SYS_mkdir SYS_open SYS_pause SYS_pipe SYS_poll SYS_readlink SYS_rename SYS_rmdir
    SYS_select SYS_signalfd SYS_stat SYS_symlink SYS_time SYS_unlink SYS_utime SYS_utimes SYS_vfork
};
#[cfg(not(target_arch = "x86_64"))]
pub(super) const ALLOWED_HERE: &[c_long] = &[];
