#!/bin/sh
# Builds the images that machines boot from: build-images.sh SUITE DIRECTORY, which it makes, whole or not at all, with
#   stock/     this release of Debian as a cloud image has it: cloud-init, Python and curl, but neither git nor Ansible
#   packages/  an apt repository of what a worker's boot installs on it
#   prepared/  stock with these packages installed
# Whatever changes in this file makes new images. One at a time may run for a directory.
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

# What Debian's own cloud image has of what a boot uses; python3-apt comes there with unattended-upgrades.
stock=systemd,systemd-sysv,dbus,libpam-systemd,udev,cloud-init,isc-dhcp-client,python3,python3-apt,curl,ca-certificates
stock=$stock,iproute2,kmod,login,passwd,procps,sudo,openssh-client,libstdc++6,xz-utils,gpg

# What user-data and the roles install, and what tests need on a machine: the JVM as an example of a demanding worker, and
# pip, which keeps a cache.
later="git ansible-core acl unzip jq make $jvm python3-pip"

part=$target.part.$$
trap 'rm -rf --one-file-system "$part"' EXIT
# dash runs no EXIT trap for a signal.
trap 'exit 1' HUP INT TERM
rm -rf --one-file-system "$target".part.*
mkdir -p "$part/packages"

# The host's own sources, where it is a Debian, with this release in place of the host's: so its mirror is used. Else
# mmdebstrap knows where Debian is.
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

# Nothing reaches beyond the lab: names are its own, packages come from its repository, and so does AWS.
configure() {
  root=$1
  echo 'uninitialized' >"$root/etc/machine-id"
  rm -f "$root/var/lib/dbus/machine-id" "$root/etc/hostname" "$root/etc/resolv.conf"
  # One that does not answer costs half a minute here and there.
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
  # It waits for udevd, which a container does not have, and cloud-init would end with an error.
  sed -i '/^ *- install[-_]hotplug$/d' "$root/etc/cloud/cloud.cfg"
  chroot "$root" systemctl --quiet enable systemd-networkd.service
  chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service systemd-firstboot.service getty@.service console-getty.service
}

# With a /proc, which the JVM's installation needs, and gone again with the namespace.
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
