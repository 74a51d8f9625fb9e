#!/bin/sh
# The first process of the test machine. Stage one runs from the initramfs, stage two (`init.sh two`) from the root.
# The shell ends at the first failure, which is a kernel panic, which ends the machine: what the host then shows of the
# console closes with the step that failed.
# $machine comes from the kernel's command line: qemu or uml (User Mode Linux). A machine of another processor has $foreign,
# the folder of the host with its root, and $project, of which it replaces files.
set -eu

step() {
  echo "vm: $*"
  "$@"
}

attempt() {
  echo "vm: $*"
  "$@" || echo "vm: no $1; continuing without"
}

# The device of one of the channels control, stdout and stderr: a serial line of User Mode Linux, or else a virtio
# port, which appears a moment after its driver.
port() {
  if [ "$machine" = uml ]; then
    case $1 in control) line=/dev/ttyS0 ;; stdout) line=/dev/ttyS1 ;; stderr) line=/dev/ttyS2 ;; esac
    stty -F "$line" raw -echo
    echo "$line"
    return
  fi
  tries=0
  while [ "$tries" -lt 3000 ]; do
    for entry in /sys/class/virtio-ports/*; do
      if [ -e "$entry/name" ] && [ "$(cat "$entry/name")" = "$1" ] && [ -c "/dev/${entry##*/}" ]; then
        echo "/dev/${entry##*/}"
        return
      fi
    done
    tries=$((tries + 1))
    usleep 10000
  done
  return 1
}

# A folder of the host at a path of the root, where what is written is lost.
over() {
  layers=$((${layers:-0} + 1))
  step mkdir -p "/newroot$2" "/layer/$layers/upper" "/layer/$layers/work"
  step mount -t overlay -o "lowerdir=$1,upperdir=/layer/$layers/upper,workdir=/layer/$layers/work" over "/newroot$2"
}

stage_one() {
  # The first root may be read-only.
  /busybox mount -t tmpfs bin /bin
  /busybox --install -s /bin
  step mount -t proc proc /proc
  step mount -t sysfs sysfs /sys
  # A kernel may have mounted it already, but never in an initramfs.
  grep -q '^devtmpfs /dev ' /proc/mounts || step mount -t devtmpfs devtmpfs /dev
  while read -r module parameters; do
    # shellcheck disable=SC2086 # one parameter a word
    step insmod "/modules/$module" $parameters
  done </modules/order

  # A virtio port can be open once only: as long as this shell holds it, nothing else can speak for it.
  control=$(port control)
  exec 3<>"$control"
  echo up >&3
  read -r folders <&3
  read -r command <&3

  if [ "$machine" = uml ]; then
    step mount -t hostfs -o ro,/ root /host
  else
    step mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose,ro root /host
  fi
  step mount -t tmpfs -o mode=0755 layer /layer
  step mkdir /layer/upper /layer/work
  if [ -n "${foreign:-}" ]; then lower=/host$foreign/root; else lower=/host; fi
  step mount -t overlay -o "lowerdir=$lower,upperdir=/layer/upper,workdir=/layer/work" root /newroot
  step mount --bind /newroot /plain
  step mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /newroot/tmp
  step mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /newroot/run
  # What is needed of the host's folders that have just been covered.
  [ -n "${foreign:-}" ] || echo "$folders" | base64 -d | while read -r folder; do
    step mkdir -p "/newroot$folder"
    step mount --bind "/plain$folder" "/newroot$folder"
  done
  step mkdir /newroot/run/vm
  step cp /busybox /init.sh /newroot/run/vm
  echo "$command" | base64 -d >/newroot/run/vm/command
  if [ -n "${foreign:-}" ]; then
    over "/host$project" "$project"
    # Whole folders: merged with those of the host, they would have files of both processors.
    over "/host$foreign/over/node_modules" "$project/node_modules"
    over "/host$foreign/over/.cache/images" "$project/.cache/images"
    for file in build/cell .tools/node/node_modules/.bin/node; do
      step mkdir -p "/newroot$project/${file%/*}"
      [ -e "/newroot$project/$file" ] || : >"/newroot$project/$file"
      step mount --bind "/host$foreign/over/$file" "/newroot$project/$file"
    done
  fi
  for folder in proc sys dev; do step mount --move "/$folder" "/newroot/$folder"; done
  # Over the first root, as switch_root does; pivot_root cannot leave an initramfs.
  cd /newroot
  step mount --move . /
  exec chroot . /run/vm/busybox sh /run/vm/init.sh two
}

stage_two() {
  mkdir /run/vm/bin
  /run/vm/busybox --install -s /run/vm/bin
  PATH=/run/vm/bin

  step mkdir -p /dev/pts /dev/shm
  step mount -t devpts -o mode=620,ptmxmode=666,nosuid,noexec devpts /dev/pts
  step mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
  for link in fd: stdin:/0 stdout:/1 stderr:/2; do ln -sf "/proc/self/fd${link#*:}" "/dev/${link%%:*}"; done
  # As systemd does it.
  step mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
  for controller in cpuset cpu io memory pids hugetlb; do
    if grep -qw "$controller" /sys/fs/cgroup/cgroup.controllers; then
      echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
    elif [ "$controller" != hugetlb ]; then # few kernels have it
      echo "vm: no controller $controller; continuing without"
    fi
  done
  # The rings of io_uring corrupt memory under User Mode Linux, and libuv makes some.
  if [ "$machine" = uml ] && [ -e /proc/sys/kernel/io_uring_disabled ]; then
    echo 2 >/proc/sys/kernel/io_uring_disabled
  fi
  step mount --make-rshared /
  step ip link set lo up
  step hostname cloister-vm
  if [ -b /dev/ram0 ]; then
    attempt mkswap /dev/ram0
    attempt swapon /dev/ram0
  fi

  # Through pipes, since a virtio port can be open once only and a command may reopen /dev/stdout.
  mkfifo /run/vm/stdout /run/vm/stderr
  output=$(port stdout)
  errors=$(port stderr)
  cat /run/vm/stdout >"$output" 3>&- &
  copying_output=$!
  cat /run/vm/stderr >"$errors" 3>&- &
  copying_errors=$!

  status=0
  (
    ulimit -Hn 524288
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin exec /bin/sh /run/vm/command
  ) </dev/null >/run/vm/stdout 2>/run/vm/stderr 3>&- || status=$?

  # What the command left behind would hold the pipes open. Kernel threads and zombies have no exe.
  left=yes
  while [ "$left" ]; do
    left=
    for process in /proc/[0-9]*; do
      case ${process#/proc/} in
        $$ | "$copying_output" | "$copying_errors") continue ;;
      esac
      if [ -e "$process/exe" ]; then
        kill -9 "${process#/proc/}" 2>/dev/null || :
        left=yes
      fi
    done
  done
  wait "$copying_output" "$copying_errors"
  echo "exit $status" >&3
  poweroff -f
}

if [ "${1:-}" = two ]; then stage_two; else stage_one; fi
