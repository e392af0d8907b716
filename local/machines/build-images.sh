#!/bin/sh
# Builds the images that machines boot from: build-images.sh SUITE DIRECTORY. The directory appears only when it is
# complete, with
#   stock/     this release of Debian as a cloud image has it: cloud-init, Python and curl, but neither git nor Ansible
#   packages/  an apt repository with the packages that a worker's boot installs
#   prepared/  stock with these packages installed
# A change of this file makes new images. Only one build may run for a directory at a time.
set -eu

suite=$1
target=$2
case $suite in
  bookworm) jvm=openjdk-17-jre-headless ;;
  trixie) jvm=openjdk-21-jre-headless ;;
  *)
    echo "build-images.sh knows bookworm and trixie, not $suite" >&2
    exit 2
    ;;
esac

# The packages of Debian's own cloud image that a boot uses. python3-apt is there because of unattended-upgrades.
stock=systemd,systemd-sysv,dbus,libpam-systemd,udev,cloud-init,isc-dhcp-client,python3,python3-apt,curl,ca-certificates
stock=$stock,iproute2,kmod,login,passwd,procps,sudo,openssh-client,libstdc++6,xz-utils,gpg

# The packages that user-data and the roles install, and those that tests need: the JVM, as an example of a demanding
# worker, and pip, which keeps a cache.
later="git ansible-core acl unzip jq make $jvm python3-pip"

part=$target.part.$$
trap 'rm -rf --one-file-system "$part"' EXIT
# dash runs no EXIT trap for a signal.
trap 'exit 1' HUP INT TERM
rm -rf --one-file-system "$target".part.*
mkdir -p "$part/packages"

# The apt sources of a Debian host, with this release in place of the host's, so that its mirror is used. On other hosts
# mmdebstrap uses Debian's own mirror.
sources() {
  host=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  [ -n "$host" ] || return 0
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    if [ -f "$file" ] && grep -q "^[^#]*[ /]$host\([ -]\|$\)" "$file" && grep -q '^[^#]*debian' "$file"; then
      case $file in
        */debian.sources | */sources.list) sed "s/$host/$suite/g" "$file" && echo ;;
      esac
    fi
  done
}

fetch_later="APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get -qq -y --download-only install $later \
  && cp \"\$1\"/var/cache/apt/archives/*.deb '$part/packages'"

bootstrap() {
  mmdebstrap --mode=root --variant=minbase --include="$stock" \
    --aptopt='APT::Install-Recommends "false"' --customize-hook="$fetch_later" "$suite" "$part/stock" "$@"
}

found=$(sources)
if [ -n "$found" ]; then printf '%s\n' "$found" | bootstrap -; else bootstrap; fi

echo 'I: indexing the packages...' >&2
(
  cd "$part/packages"
  for package in *.deb; do
    dpkg-deb -f "$package"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' \
      "$package" "$(stat -c %s "$package")" "$(sha256sum "$package" | cut -d' ' -f1)"
  done >Packages
)

# Machines reach only the cloud: it is their DNS server, their apt repository and AWS.
configure() {
  root=$1
  echo 'uninitialized' >"$root/etc/machine-id"
  rm -f "$root/var/lib/dbus/machine-id" "$root/etc/hostname" "$root/etc/resolv.conf"
  # A DNS server that does not answer would delay some steps by half a minute.
  echo 'nameserver 198.18.0.1' >"$root/etc/resolv.conf"
  rm -f "$root"/etc/apt/sources.list.d/*
  echo 'deb [trusted=yes] http://198.18.0.1/ ./' >"$root/etc/apt/sources.list"
  mkdir -p "$root/etc/systemd/system.conf.d" "$root/mnt/shared" "$root/var/log/journal"
  printf '[Manager]\nDefaultEnvironment=AWS_ENDPOINT_URL=http://198.18.0.1:4566\n' \
    >"$root/etc/systemd/system.conf.d/endpoint.conf"
  cat >"$root/etc/cloud/cloud.cfg.d/90-lab.cfg" <<'END'
datasource_list: [Ec2]
datasource:
  Ec2:
    metadata_urls: ['http://169.254.169.254']
locale: false
ssh_genkeytypes: [ed25519]
END
  # This module waits for udevd, which a container does not have, and cloud-init would fail.
  sed -i '/^ *- install[-_]hotplug$/d' "$root/etc/cloud/cloud.cfg"
  chroot "$root" systemctl --quiet enable systemd-networkd.service
  chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service systemd-firstboot.service getty@.service console-getty.service
}

# The JVM's installation needs /proc. The mount ends with the namespace.
install_later() {
  # shellcheck disable=SC2016 # it is the inner shell that expands
  unshare --mount --pid --fork --propagation private sh -euc '
    root=$1 packages=$2
    shift 2
    mount -t proc proc "$root/proc"
    mkdir "$root/mnt/packages"
    mount --bind "$packages" "$root/mnt/packages"
    echo "deb [trusted=yes] file:/mnt/packages ./" >"$root/etc/apt/sources.list"
    rm -f "$root"/etc/apt/sources.list.d/*
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    chroot "$root" apt-get -qq update
    chroot "$root" apt-get -qq -y --no-install-recommends install "$@"
    rm -rf "$root"/var/lib/apt/lists/*
    umount "$root/mnt/packages"
    rmdir "$root/mnt/packages"
  ' sh "$@" >&2
}

echo 'I: installing git, Ansible and the JVM in a copy...' >&2
cp -a "$part/stock" "$part/prepared"
# shellcheck disable=SC2086 # a list of words
install_later "$part/prepared" "$part/packages" $later
configure "$part/stock"
configure "$part/prepared"
mv "$part" "$target"
