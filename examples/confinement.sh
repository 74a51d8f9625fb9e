#!/bin/sh
# What confines the process that runs this, as far as it can be seen from inside:
#
#   bin/cloister run "$(cat examples/confinement.sh)"
#
# Needs nothing but a shell and /proc.

line() { printf '%-16s %s\n' "$1:" "$2"; }
field() { sed -n "s/^$1:[[:space:]]*//p" /proc/self/status; }

# Names of the capabilities of a set, in the order of their numbers (capabilities(7)).
names='chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot
sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog
wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore'
capabilities() {
  set_=$((0x$(field "$1")))
  number=0
  found=
  for name in $names; do
    [ $((set_ >> number & 1)) -eq 1 ] && found="$found $name"
    number=$((number + 1))
  done
  echo "${found:- none}"
}

line 'user' "$(id -u) of the cell, $(awk '$1 == 0 { print $2 }' /proc/self/uid_map) on the host"
line 'ids' "$(awk '{ print $3 }' /proc/self/uid_map) from there on"
line 'processes' "$(ls /proc | grep -c '^[0-9]') to be seen, init is $(cat /proc/1/comm)"
for set_name in CapInh CapPrm CapEff CapBnd CapAmb; do line "$set_name" "$(capabilities "$set_name" | sed 's/^ //')"; done
line 'no_new_privs' "$(field NoNewPrivs)"
case $(field Seccomp) in 0) mode=none ;; 1) mode=strict ;; 2) mode="filter ($(field Seccomp_filters))" ;; esac
line 'seccomp' "$mode"
line 'cgroup' "$(sed -n 's/^0:://p' /proc/self/cgroup)"
for file in cpu.max memory.max memory.swap.max pids.max; do
  [ -r "/sys/fs/cgroup/$file" ] && line "$file" "$(cat "/sys/fs/cgroup/$file")"
done
line 'interfaces' "$(sed -n 's/^ *\([^:]*\):.*/\1/p' /proc/self/net/dev | tr '\n' ' ' | sed 's/ $//')"
line 'routes' "$(sed 1d /proc/self/net/route | wc -l)"
line 'devices' "$(find /dev -type c | sed 's|.*/||' | sort | tr '\n' ' ' | sed 's/ $//')"
# What is empty here, or what the kernel does not have at all.
line 'masked' "$(for file in kcore keys kallsyms kmsg timer_list interrupts sysrq-trigger; do
  case $(stat -c %t:%T "/proc/$file" 2>/dev/null) in 1:3 | '') printf '%s ' "$file" ;; esac
done | sed 's/ $//')"
line 'root' "$(awk '$5 == "/" { print $6 }' /proc/self/mountinfo)"
line 'up' "$(cut -d . -f 1 /proc/uptime) s"
if unshare -U true 2>/dev/null; then line 'namespaces' 'further ones can be made'; else line 'namespaces' 'no further ones'; fi
