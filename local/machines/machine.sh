#!/bin/sh
# One machine, from power-on to power-off: machine.sh ID NUMBER MAC DIRECTORY IMAGE ROOM SHARED, inside the room and
# first in a namespace of processes of its own, so that its end is the end of all. A line "stop" on its input presses the
# power button, "kill" pulls the plug; "keep" keeps the disk, for a start from it. Exits with 0 when the machine has
# switched itself off.
set -eu
id=$1 number=$2 mac=$3 directory=$4 image=$5 room=$6 shared=$7
port=port$number interface=lan$number

mount -t proc proc /proc
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  if [ -d "$hierarchy/mayfly-$room" ]; then
    mkdir -p "$hierarchy/mayfly-$room/$id"
    echo 0 >"$hierarchy/mayfly-$room/$id/cgroup.procs"
  fi
done

# The disk: what the machine writes is in memory, and gone with it; of one that was stopped it lies in an archive.
mount -t tmpfs -o mode=755 tmpfs "$directory/disk"
mkdir "$directory/disk/written" "$directory/disk/work" "$directory/disk/root" "$directory/disk/hypervisor"
if [ -e "$directory/disk.tar" ]; then
  tar -C "$directory/disk/written" --xattrs --xattrs-include='*' -xpf "$directory/disk.tar"
  rm "$directory/disk.tar"
fi
mount -t overlay -o "lowerdir=$image,upperdir=$directory/disk/written,workdir=$directory/disk/work" \
  overlay "$directory/disk/root"
# In a container cloud-init knows EC2 by this file alone.
echo "ec2$(cut -c4- /proc/sys/kernel/random/uuid)" >"$directory/disk/hypervisor/uuid"
# What systemd-nspawn leaves behind is not left on the host.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
# With a writable /sys it would wait for udev to know the interface.
mount -o remount,bind,ro /sys

boot() {
  ip link delete "$port" 2>/dev/null || true
  ip link add "$port" type veth peer name "$interface" address "$mac"
  ip link set "$port" master bridge up
  # Without a bpf call there is no IPAddressDeny= inside.
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit --boot \
    --directory="$directory/disk/root" --machine="$id" --network-interface="$interface" \
    --bind-ro="$directory/disk/hypervisor:/sys/hypervisor" --bind="$directory/journal:/var/log/journal" \
    --bind="$shared:/mnt/shared" --resolv-conf=off --timezone=off --link-journal=no --console=read-only \
    --system-call-filter=bpf </dev/null &
  nspawn=$!
  echo "$nspawn" >"$directory/disk/nspawn"
}

# systemd's own signal for "halt" (systemd(1), SIGRTMIN+3), to the machine's first process, until it obeys: before that
# one listens it is lost. A second SIGTERM to systemd-nspawn would pull the plug instead.
press_power_button() {
  while true; do
    nspawn='' first=''
    read -r nspawn <"$directory/disk/nspawn" || true
    # The line has no end, which is a failure to read.
    read -r first _ <"/proc/$nspawn/task/$nspawn/children" || true
    if [ -n "$first" ]; then kill -37 "$first" || true; fi
    sleep 1
  done
}

trap 'exit 137' TERM
# What runs in the background loses its input, not this copy.
exec 3<&0
{
  while read -r word; do
    case $word in
      stop) press_power_button & ;;
      keep) touch "$directory/keep" ;;
      kill) kill -TERM 1 ;;
    esac
  done
} <&3 2>/dev/null &

while true; do
  boot
  status=0
  wait "$nspawn" || status=$?
  # 133: a reboot from inside, which systemd-nspawn leaves to whoever started it.
  if [ "$status" -ne 133 ]; then break; fi
  echo 'machine: rebooting'
done
if [ "$status" -eq 0 ] && [ -e "$directory/keep" ]; then
  tar -C "$directory/disk/written" --xattrs --xattrs-include='*' -cf "$directory/disk.tar" .
fi
rm -f "$directory/keep"
exit "$status"
