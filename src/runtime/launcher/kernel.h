/*
 * System calls that not all C libraries of supported distributions wrap, and constants for mounting. <sys/mount.h> is
 * not used: with glibc 2.36 it cannot be included together with <linux/mount.h>.
 */
#ifndef KERNEL_H
#define KERNEL_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

static inline int kernel_mount(const char *source, const char *target, const char *type, unsigned long flags,
                               const char *data) {
  return (int)syscall(SYS_mount, source, target, type, flags, data);
}

static inline int kernel_unmount(const char *target, int flags) {
  return (int)syscall(SYS_umount2, target, flags);
}

static inline int kernel_pivot_root(const char *new_root, const char *old_root) {
  return (int)syscall(SYS_pivot_root, new_root, old_root);
}

static inline int kernel_open_tree(int directory, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, directory, path, flags);
}

static inline int kernel_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags) {
  return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int kernel_fsopen(const char *type, unsigned flags) {
  return (int)syscall(SYS_fsopen, type, flags);
}

static inline int kernel_fsconfig(int context, unsigned command, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, context, command, key, value, 0);
}

static inline int kernel_fsmount(int context, unsigned flags, unsigned attributes) {
  return (int)syscall(SYS_fsmount, context, flags, attributes);
}

static inline int kernel_mount_setattr(int fd, const char *path, unsigned flags, struct mount_attr *attributes) {
  return (int)syscall(SYS_mount_setattr, fd, path, flags, attributes, sizeof *attributes);
}

static inline int kernel_openat2(int directory, const char *path, const struct open_how *how) {
  return (int)syscall(SYS_openat2, directory, path, how, sizeof *how);
}

static inline pid_t kernel_clone3(struct clone_args *arguments) {
  return (pid_t)syscall(SYS_clone3, arguments, sizeof *arguments);
}

static inline int kernel_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

#endif
