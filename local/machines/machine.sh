#!/bin/sh
# Runs one machine from boot to power-off: machine.sh ID NUMBER MAC DIRECTORY IMAGE NAME SHARED. It runs inside the
# namespaces of namespaces.sh NAME, as the first process of its own process namespace, so that all of the machine ends
# with it. On its input, the line "stop" shuts the machine down, "kill" kills it, and "keep" keeps the disk for the next
# start. Exits with 0 when the machine has powered itself off.
set -eu
id=$1 number=$2 mac=$3 directory=$4 image=$5 name=$6 shared=$7
port=port$number interface=lan$number

mount -t proc proc /proc
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  if [ -d "$hierarchy/mayfly-$name" ]; then
    mkdir -p "$hierarchy/mayfly-$name/$id"
    echo 0 >"$hierarchy/mayfly-$name/$id/cgroup.procs"
  fi
done

# The disk: writes are in memory and end with the machine. The writes of a stopped machine are in an archive.
mount -t tmpfs -o mode=755 tmpfs "$directory/disk"
mkdir "$directory/disk/written" "$directory/disk/work" "$directory/disk/root" "$directory/disk/hypervisor"
if [ -e "$directory/disk.tar" ]; then
  tar -C "$directory/disk/written" --xattrs --xattrs-include='*' -xpf "$directory/disk.tar"
  rm "$directory/disk.tar"
fi
mount -t overlay -o "lowerdir=$image,upperdir=$directory/disk/written,workdir=$directory/disk/work" \
  overlay "$directory/disk/root"
# In a container, cloud-init recognises EC2 only by this file.
echo "ec2$(cut -c4- /proc/sys/kernel/random/uuid)" >"$directory/disk/hypervisor/uuid"
# systemd-nspawn leaves files here, which must not stay on the host.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
# With a writable /sys, the machine would wait until udev knows the interface.
mount -o remount,bind,ro /sys

boot() {
  ip link delete "$port" 2>/dev/null || true
  ip link add "$port" type veth peer name "$interface" address "$mac"
  ip link set "$port" master bridge up
  # IPAddressDeny= of the machine's units needs the bpf system call.
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit --boot \
    --directory="$directory/disk/root" --machine="$id" --network-interface="$interface" \
    --bind-ro="$directory/disk/hypervisor:/sys/hypervisor" --bind="$directory/journal:/var/log/journal" \
    --bind="$shared:/mnt/shared" --resolv-conf=off --timezone=off --link-journal=no --console=read-only \
    --system-call-filter=bpf </dev/null &
  nspawn=$!
  echo "$nspawn" >"$directory/disk/nspawn"
}

# Sends systemd's signal for "halt" (systemd(1), SIGRTMIN+3) to the machine's first process repeatedly: the signal is
# lost while systemd does not handle it yet. A second SIGTERM to systemd-nspawn would kill the machine instead.
shut_down() {
  while true; do
    nspawn='' first=''
    read -r nspawn <"$directory/disk/nspawn" || true
    # The line has no newline, so read fails.
    read -r first _ <"/proc/$nspawn/task/$nspawn/children" || true
    if [ -n "$first" ]; then kill -37 "$first" || true; fi
    sleep 1
  done
}

trap 'exit 137' TERM
# A background process loses its standard input, but not this copy.
exec 3<&0
{
  while read -r word; do
    case $word in
      stop) shut_down & ;;
      keep) touch "$directory/keep" ;;
      kill) kill -TERM 1 ;;
    esac
  done
} <&3 2>/dev/null &

while true; do
  boot
  status=0
  wait "$nspawn" || status=$?
  # 133: a reboot of the machine, which the caller of systemd-nspawn has to do.
  if [ "$status" -ne 133 ]; then break; fi
  echo 'machine: rebooting'
done
if [ "$status" -eq 0 ] && [ -e "$directory/keep" ]; then
  tar -C "$directory/disk/written" --xattrs --xattrs-include='*' -cf "$directory/disk.tar" .
fi
rm -f "$directory/keep"
exit "$status"
