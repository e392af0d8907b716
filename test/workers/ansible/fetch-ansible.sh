#!/bin/sh
# Fetches the ansible-core of another release of Debian, without installing it: fetch-ansible.sh SUITE DIRECTORY.
# DIRECTORY/bin/ansible-playbook appears when it is complete. It runs with the machine's own Python and its packages.
set -eu

suite=$1
target=$2
part=$target.part.$$
trap 'rm -rf "$part"' EXIT
mkdir -p "$part/apt/sources" "$part/apt/lists/partial" "$part/apt/cache/archives/partial" "$part/bin"

# The host's own mirror.
host=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
  [ ! -f "$file" ] || sed "s/$host/$suite/g" "$file" >"$part/apt/sources/${file##*/}"
done
[ ! -f "$part/apt/sources/sources.list" ] || mv "$part/apt/sources/sources.list" "$part/apt/sources/main.list"

fetch() {
  apt-get -qq -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$part/apt/sources" \
    -o "Dir::State::lists=$part/apt/lists" -o "Dir::State::status=/dev/null" -o "Dir::Cache=$part/apt/cache" \
    -o "Acquire::Languages=none" -o "APT::Sandbox::User=" "$@"
}

fetch update
(cd "$part" && fetch download ansible-core && dpkg-deb -x ansible-core_*.deb files)
rm -rf "$part/apt" "$part"/*.deb

cat >"$part/bin/ansible-playbook" <<END
#!/usr/bin/python3
import runpy
import sys

sys.path.insert(0, "$target/files/usr/lib/python3/dist-packages")
runpy.run_path("$target/files/usr/bin/ansible-playbook", run_name="__main__")
END
chmod +x "$part/bin/ansible-playbook"
mv "$part" "$target"
