#!/bin/sh
# Creates the network, mount and process namespaces in which a cloud's machines run: namespaces.sh NAME DIRECTORY.
# Everything in them ends with their first process, which ends when its input ends. So nothing is left, however the
# cloud ends. The directory is removed at the end.
set -eu
name=$1 directory=$2

case ${3-outside} in
  outside)
    # In each cgroup hierarchy that the host has: version 2 alone, or version 1 with version 2 beside it.
    cgroups() {
      for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        if [ -f "$hierarchy/cgroup.procs" ]; then printf '%s\n' "$hierarchy/mayfly-$name"; fi
      done
    }
    for cgroup in $(cgroups); do
      mkdir "$cgroup"
      # A machine's units can use every controller that the host has.
      if [ -f "$cgroup/cgroup.controllers" ]; then
        sed 's/[a-z]*/+&/g' "$cgroup/cgroup.controllers" 2>/dev/null >"$cgroup/cgroup.subtree_control" || true
      fi
    done
    unshare --mount --net --pid --fork --kill-child --propagation private sh "$0" "$name" "$directory" inside || true
    # All processes in them have ended with the process namespace.
    for cgroup in $(cgroups); do find "$cgroup" -depth -type d -exec rmdir {} +; done
    rm -rf "$directory"
    ;;
  inside)
    # The process id outside the namespace, as /proc is still that of the host.
    read -r pid _ </proc/self/stat
    mount -t proc proc /proc
    ip link set lo up
    # A bridge without a fixed MAC address takes that of a port, and stalls the others when that port is removed.
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
