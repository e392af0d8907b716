#!/bin/sh
# The room that a cloud's machines stand in: room.sh NAME DIRECTORY. Its own network, mount and process namespaces, so
# that all in it ends with its first process, which ends when its input does: however the cloud ends, nothing stays. The
# directory is the room's own.
set -eu
name=$1 directory=$2

case ${3-outside} in
  outside)
    # In a hierarchy of each kind that there is: all of version 2, or version 1 with version 2 beside it.
    cgroups() {
      for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        if [ -f "$hierarchy/cgroup.procs" ]; then printf '%s\n' "$hierarchy/mayfly-$name"; fi
      done
    }
    for cgroup in $(cgroups); do
      mkdir "$cgroup"
      # What the host can limit, a machine's units can.
      if [ -f "$cgroup/cgroup.controllers" ]; then
        sed 's/[a-z]*/+&/g' "$cgroup/cgroup.controllers" 2>/dev/null >"$cgroup/cgroup.subtree_control" || true
      fi
    done
    unshare --mount --net --pid --fork --kill-child --propagation private sh "$0" "$name" "$directory" inside || true
    # All that ran in them has ended with the namespace of processes.
    for cgroup in $(cgroups); do find "$cgroup" -depth -type d -exec rmdir {} +; done
    rm -rf "$directory"
    ;;
  inside)
    # Its number as those outside know it: /proc is still theirs.
    read -r pid _ </proc/self/stat
    mount -t proc proc /proc
    ip link set lo up
    # A bridge of no fixed address takes its ports', and stalls the others when that one leaves.
    ip link add bridge address 06:00:00:00:00:01 type bridge
    ip address add 198.18.0.1/16 dev bridge
    ip address add 169.254.169.254/32 dev bridge
    ip link set bridge up
    dnsmasq --keep-in-foreground --conf-file=/dev/null --interface=bridge --bind-interfaces --no-hosts --no-resolv \
      --user=root --pid-file= --leasefile-ro --dhcp-range=198.18.0.0,static,255.255.0.0 \
      --dhcp-option=option:router,198.18.0.1 --dhcp-option=option:dns-server,198.18.0.1 \
      --dhcp-hostsfile="$directory/addresses" 2>"$directory/dnsmasq.log" &
    echo "ready $pid"
    cat >/dev/null
    ;;
esac
