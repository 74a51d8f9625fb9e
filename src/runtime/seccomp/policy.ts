/** Which system calls a command may make. */

import { low, noHighBits, type Policy, type Rule, type Test, type Verdict } from './rule.ts';

/*
 * Based on the default profiles of Docker and Podman (github.com/moby/profiles, github.com/containers/common), without
 * the calls that they allow with a capability, which no job has, and without those that hardly any program needs and
 * that have had vulnerabilities.
 */

export const EPERM: Verdict = { errno: 1 };
export const ENOSYS: Verdict = { errno: 38 };
const ENOMEM: Verdict = { errno: 12 };
const EINVAL: Verdict = { errno: 22 };
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
const IPPROTO = { DEFAULT: 0, ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58 } as const;
// The low bits of a type; above them are SOCK_CLOEXEC and SOCK_NONBLOCK (socket(2)).
const SOCK_TYPE_MASK = 0xf;
const SOCK = { STREAM: 1, DGRAM: 2 } as const;

const protocols = (
  type: number,
  values: readonly number[],
  ...families: readonly Test[]
): Rule['cases'][number] => ({
  when: [low(1, [type], SOCK_TYPE_MASK), low(2, values), ...families],
  verdict: 'allow',
});

/** The internet protocols that every program uses. */
const INTERNET: Rule = {
  cases: [
    protocols(SOCK.STREAM, [IPPROTO.DEFAULT, IPPROTO.TCP]),
    protocols(SOCK.DGRAM, [IPPROTO.DEFAULT, IPPROTO.UDP]),
    protocols(SOCK.DGRAM, [IPPROTO.ICMP], low(0, [AF.INET])),
    protocols(SOCK.DGRAM, [IPPROTO.ICMPV6], low(0, [AF.INET6])),
    // The error of a kernel without the protocol: a runtime that tries MPTCP first, as Go does, then uses TCP.
    { when: [low(1, [SOCK.STREAM, SOCK.DGRAM], SOCK_TYPE_MASK)], verdict: EPROTONOSUPPORT },
  ],
  otherwise: EPERM,
};

/**
 * The families that every program uses. Programs hardly need the others (VSOCK, ALG, PACKET, ...) and most protocols
 * (MPTCP, SCTP, DCCP, UDP-Lite, SMC, ...), but attackers do: a request for one makes the kernel load its module, as
 * root of the machine (inet_create() in net/ipv4/af_inet.c).
 */
const SOCKET: Rule = {
  cases: [
    { when: [low(0, [AF.UNIX])], verdict: 'allow' },
    { when: [low(0, [AF.INET, AF.INET6])], verdict: INTERNET },
    { when: [low(0, [AF.NETLINK]), low(2, [NETLINK.ROUTE])], verdict: 'allow' },
    // The error of a kernel without audit: useradd and similar programs continue then, and fail with any other error.
    { when: [low(0, [AF.NETLINK]), low(2, [NETLINK.AUDIT])], verdict: EPROTONOSUPPORT },
  ],
  otherwise: EPERM,
};

const SOL_SOCKET = 1;
const SO = {
  ATTACH_FILTER: 26,
  ATTACH_BPF: 50,
  ATTACH_REUSEPORT_CBPF: 51,
  ATTACH_REUSEPORT_EBPF: 52,
} as const;

const BUFFER = { SO_SNDBUF: 7, SO_RCVBUF: 8, SO_SNDBUFFORCE: 32, SO_RCVBUFFORCE: 33 } as const;
/** The call succeeds and does nothing. */
const DONE: Verdict = { errno: 0 };

/**
 * Memory that no cgroup is charged for: the machine code of filters, and what waits in the receive buffers of netlink
 * and ICMP sockets, as much as `net.core.rmem_max` of the machine lets a socket ask for. A requested size is only a
 * hint to the kernel, so it may be ignored. TCP sizes its buffers by itself.
 */
const SOCKET_OPTIONS: Rule = {
  cases: [
    { when: [low(2, Object.values(SO))], verdict: EPERM },
    { when: [low(2, Object.values(BUFFER))], verdict: DONE },
  ],
  otherwise: 'allow',
};

const SETSOCKOPT: Rule = {
  cases: [{ when: [low(1, [SOL_SOCKET])], verdict: SOCKET_OPTIONS }],
  otherwise: 'allow',
};

// MAP_HUGETLB of asm-generic/mman-common.h, MFD_HUGETLB of linux/memfd.h, SHM_HUGETLB of linux/shm.h.
const HUGE = { MAP: 0x4_0000, MFD: 0x4, SHM: 0o4000 } as const;

/**
 * Huge pages come from a pool of the machine, and memory.max does not count them. The error is that of an empty pool,
 * after which programs use ordinary pages.
 */
const noHugePages = (flags: number, flag: number): Rule => ({
  cases: [{ when: [low(flags, [flag], flag)], verdict: ENOMEM }],
  otherwise: 'allow',
});

// Merges pages with equal ones of other processes: that takes CPU time of the machine, and reveals what others have in
// memory.
const MADV_MERGEABLE = 12;
const MADVISE: Rule = {
  // The error of a kernel without the feature (madvise(2)).
  cases: [{ when: [low(2, [MADV_MERGEABLE])], verdict: EINVAL }],
  otherwise: 'allow',
};

const SOCKETPAIR: Rule = { cases: [{ when: [low(0, [AF.UNIX])], verdict: 'allow' }], otherwise: EPERM };

// Injecting input into a terminal as if it were typed; functions of the console; line disciplines, which load modules.
const IOCTL = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c, TIOCSETD: 0x5423 } as const;
const TERMINALS: Rule = {
  cases: [{ when: [low(1, Object.values(IOCTL))], verdict: EPERM }],
  otherwise: 'allow',
};

// PER_LINUX, PER_LINUX32, both with UNAME26, and the query of the current one (sys/personality.h).
const PERSONALITY: Rule = {
  cases: [{ when: [low(0, [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff])], verdict: 'allow' }],
  otherwise: EPERM,
};

// PR_SET_MM rewrites what /proc shows of a process; PR_SCHED_CORE keeps others from the sibling of a core;
// PR_SET_MEMORY_MERGE is MADV_MERGEABLE for all of a process.
const PR = { SET_MM: 35, SCHED_CORE: 62, SET_MEMORY_MERGE: 67 } as const;
const PRCTL: Rule = { cases: [{ when: [low(0, Object.values(PR))], verdict: EPERM }], otherwise: 'allow' };

const S_IFMT = 0o170000;
const S = { IFIFO: 0o010000, IFREG: 0o100000, IFSOCK: 0o140000 } as const;

/** Files that are not devices, and the device number 0, which needs no privilege: overlayfs hides files with it. */
const makeNode = (mode: number): Rule => ({
  cases: [{ when: [low(mode, [0, ...Object.values(S)], S_IFMT)], verdict: 'allow' }],
  otherwise: EPERM,
});

/** The system calls that a command in a cell may make. */
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
      inotify_init inotify_init1 inotify_add_watch inotify_rm_watch pipe pipe2`,
    memory: `
      munmap mremap mprotect brk msync mincore mlock mlock2 munlock mlockall munlockall
      remap_file_pages membarrier pkey_alloc pkey_free pkey_mprotect`,
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
      bind listen accept accept4 connect shutdown getsockname getpeername getsockopt sendto
      recvfrom sendmsg recvmsg sendmmsg recvmmsg`,
    'System V and POSIX IPC, in a namespace of its own': `
      shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open
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
    'its flags are in memory, which no filter can read; C libraries use clone then': 'clone3',
    'of a pool of the whole machine (fs.aio-max-nr), which one job could use up; programs do without': `
      io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents`,
    'never implemented, or removed long ago, with their numbers still reserved': `
      _sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms getpmsg nfsservctl
      putpmsg query_module security tuxcall vserver`,
  },
  ruled: {
    clone: CLONE,
    socket: SOCKET,
    socketpair: SOCKETPAIR,
    setsockopt: SETSOCKOPT,
    mmap: noHugePages(3, HUGE.MAP),
    memfd_create: noHugePages(1, HUGE.MFD),
    shmget: noHugePages(2, HUGE.SHM),
    madvise: MADVISE,
    ioctl: TERMINALS,
    personality: PERSONALITY,
    prctl: PRCTL,
    mknod: makeNode(1),
    mknodat: makeNode(2),
  },
};
