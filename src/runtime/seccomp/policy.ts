import { low, noHighBits, type Policy, type Rule, type Verdict } from './rule.ts';

/*
 * Begun from the default profiles of Docker and Podman (github.com/moby/profiles, github.com/containers/common), less
 * what they allow with a capability, which no job has, and less what nearly no program needs and has had holes.
 */

export const EPERM: Verdict = { errno: 1 };
export const ENOSYS: Verdict = { errno: 38 };
const EPROTONOSUPPORT: Verdict = { errno: 93 };

// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME of linux/sched.h.
const NEW_NAMESPACES =
  0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000 | 0x80;

/** New threads and processes, in the namespaces of the old one. */
const CLONE: Rule = {
  cases: [{ when: [low(0, [0], NEW_NAMESPACES), noHighBits(0)], verdict: 'allow' }],
  otherwise: EPERM,
};

const AF = { UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 } as const;
const NETLINK = { ROUTE: 0, AUDIT: 9 } as const;
const SOCK_TYPE_MASK = 0xf;
const SOCK_PACKET = 10;

/** Families that every program uses. Of most others (VSOCK, ALG, PACKET, ...) programs need none, and attackers some. */
const SOCKET: Rule = {
  cases: [
    // The old way to a packet socket: the kernel takes it for AF_PACKET (__sock_create() in net/socket.c).
    { when: [low(0, [AF.INET]), low(1, [SOCK_PACKET], SOCK_TYPE_MASK)], verdict: EPERM },
    { when: [low(0, [AF.UNIX, AF.INET, AF.INET6])], verdict: 'allow' },
    { when: [low(0, [AF.NETLINK]), low(2, [NETLINK.ROUTE])], verdict: 'allow' },
    // What a kernel without audit answers: useradd and the like go on then, and give up at any other error.
    { when: [low(0, [AF.NETLINK]), low(2, [NETLINK.AUDIT])], verdict: EPROTONOSUPPORT },
  ],
  otherwise: EPERM,
};

const SOCKETPAIR: Rule = { cases: [{ when: [low(0, [AF.UNIX])], verdict: 'allow' }], otherwise: EPERM };

// Input that is put into a terminal, as if typed; the console's menus; line disciplines, which load modules.
const IOCTL = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c, TIOCSETD: 0x5423 } as const;
const TERMINALS: Rule = {
  cases: [{ when: [low(1, Object.values(IOCTL))], verdict: EPERM }],
  otherwise: 'allow',
};

// PER_LINUX, PER_LINUX32, both with UNAME26, and the question which it is (sys/personality.h).
const PERSONALITY: Rule = {
  cases: [{ when: [low(0, [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff])], verdict: 'allow' }],
  otherwise: EPERM,
};

// PR_SET_MM rewrites what /proc tells of a process; PR_SCHED_CORE keeps others from the sibling of a core.
const PR = { SET_MM: 35, SCHED_CORE: 62 } as const;
const PRCTL: Rule = { cases: [{ when: [low(0, Object.values(PR))], verdict: EPERM }], otherwise: 'allow' };

const S_IFMT = 0o170000;
const S = { IFIFO: 0o010000, IFREG: 0o100000, IFSOCK: 0o140000 } as const;

/** Files that are not devices; nor is a device of number 0, which takes no privilege: overlayfs hides files with it. */
const makeNode = (mode: number): Rule => ({
  cases: [{ when: [low(mode, [0, ...Object.values(S)], S_IFMT)], verdict: 'allow' }],
  otherwise: EPERM,
});

/** What a command in a cell may ask of the kernel. */
export const POLICY: Policy = {
  allowed: {
    'files by descriptor': `
      read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range
      fcntl flock dup dup2 dup3 fstat ftruncate fallocate fadvise64 readahead fsync fdatasync
      sync_file_range sendfile splice tee copy_file_range getdents getdents64 fchdir fchmod fchown
      fstatfs syncfs sync`,
    'files by name': `
      open openat openat2 creat stat lstat newfstatat statx statfs access faccessat faccessat2 truncate
      chmod fchmodat chown lchown fchownat utime utimes futimesat utimensat rename renameat renameat2
      link linkat symlink symlinkat readlink readlinkat unlink unlinkat mkdir mkdirat rmdir chdir getcwd
      umask`,
    'extended attributes': `
      getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr
      removexattr lremovexattr fremovexattr`,
    'waiting for descriptors': `
      poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait
      epoll_pwait2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime
      inotify_init inotify_init1 inotify_add_watch inotify_rm_watch pipe pipe2 io_setup io_destroy
      io_submit io_cancel io_getevents io_pgetevents`,
    memory: `
      mmap munmap mremap mprotect madvise brk msync mincore mlock mlock2 munlock mlockall munlockall
      remap_file_pages memfd_create membarrier pkey_alloc pkey_free pkey_mprotect`,
    processes: `
      fork vfork execve execveat exit exit_group wait4 waitid getpid gettid getppid getpgid setpgid
      getpgrp getsid setsid set_tid_address getrusage times getrlimit setrlimit prlimit64 getpriority
      setpriority ioprio_get ioprio_set pidfd_open pidfd_send_signal process_mrelease`,
    threads: `
      futex futex_waitv get_robust_list set_robust_list rseq arch_prctl get_thread_area set_thread_area
      restart_syscall`,
    scheduling: `
      sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler
      sched_setscheduler sched_getattr sched_setattr sched_get_priority_max sched_get_priority_min
      sched_rr_get_interval getcpu`,
    signals: `
      kill tkill tgkill pause sigaltstack rt_sigaction rt_sigprocmask rt_sigpending rt_sigqueueinfo
      rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait`,
    time: `
      time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep alarm getitimer setitimer
      timer_create timer_settime timer_gettime timer_getoverrun timer_delete`,
    'users and capabilities, as far as the kernel lets the cell': `
      getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid
      setresuid setresgid setfsuid setfsgid setgroups capget capset`,
    'sockets, once there is one': `
      bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt sendto
      recvfrom sendmsg recvmsg sendmmsg recvmmsg`,
    'System V and POSIX IPC, in a namespace of its own': `
      shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open
      mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr`,
    'facts about the system': 'uname sysinfo getrandom',
    'sandboxes inside of this one':
      'seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self',
  },
  refused: {
    'namespaces: of each kind the cell has its one': 'unshare setns',
    'mounts and roots': `
      mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
      sysfs ustat`,
    'other processes: their memory, their files, what they share':
      'ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp',
    'ways around this filter, and large machines with a history': `
      io_uring_setup io_uring_enter io_uring_register bpf perf_event_open userfaultfd vmsplice
      memfd_secret modify_ldt lookup_dcookie`,
    'keys, which namespaces separate only by user': 'add_key request_key keyctl',
    'files by number, and watching all of them':
      'open_by_handle_at name_to_handle_at fanotify_init fanotify_mark',
    'where memory lies, which is for the machine to decide':
      'mbind get_mempolicy set_mempolicy set_mempolicy_home_node migrate_pages move_pages',
    'clocks of the machine': 'settimeofday clock_settime clock_adjtime adjtimex',
    'the machine itself': `
      reboot kexec_load kexec_file_load init_module finit_module delete_module swapon swapoff acct
      quotactl quotactl_fd syslog vhangup iopl ioperm sethostname setdomainname uselib`,
  },
  absent: {
    'its flags lie in memory, where no filter can look; C libraries take clone then': 'clone3',
    'never made, or gone long ago, with their numbers still taken': `
      _sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms getpmsg nfsservctl
      putpmsg query_module security tuxcall vserver`,
  },
  ruled: {
    clone: CLONE,
    socket: SOCKET,
    socketpair: SOCKETPAIR,
    ioctl: TERMINALS,
    personality: PERSONALITY,
    prctl: PRCTL,
    mknod: makeNode(1),
    mknodat: makeNode(2),
  },
};
