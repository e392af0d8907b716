#!/bin/sh
# Sets up an instance from a stock image and starts the agent. cloud-init runs it once, as root, at the first boot. It is
# part of user-data, so it must be short: the playbook does everything that it can. If the boot fails, the instance is
# terminated.
#
#   mayfly-boot          sets up the instance; user-data starts it
#   mayfly-boot --bake   sets up a machine image, without what belongs to one fleet or one instance. It starts nothing,
#                        needs only /etc/mayfly/tree.json, and reports a failure by its exit status
set -eu
# shellcheck source=../../systemd/aws.sh source-path=SCRIPTDIR
. "${MAYFLY_ROOT-}/usr/local/lib/mayfly/aws.sh"

# needrestart: on Ubuntu, an installation would restart services, also the stage of cloud-init that runs this script.
export HOME=/root DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_NOCOLOR=true ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3
# The agent and the workers must be able to read the tree, also on a hardened image.
umask 022
opt=$root/opt/mayfly
tree=$opt/tree
doing='start' proof=$state/booted nice=0 bake=false
if [ "${1-}" = --bake ]; then
  bake=true proof=$state/baked
fi

step() {
  doing=$*
  log "$doing"
}

# Runs at exit. A failed boot must be recorded, so that the fleet does not launch the next instance for it, and the instance
# must be terminated. An agent that runs already (in a baked image) returns its jobs first; when it has stopped, systemd
# starts mayfly-retire again.
give_up() {
  status=$?
  [ "$status" -ne 0 ] || return 0
  trap - EXIT
  set +e
  log "failed with status $status: $doing"
  if $bake; then exit "$status"; fi
  # During a shutdown or reboot no unit can be started. The next boot is a new attempt.
  [ "$(systemctl is-system-running)" != stopping ] || exit "$status"
  mkdir -p "$state"
  printf 'boot-failed could not %s (status %s)\n' "$doing" "$status" >"$state/boot-failed"
  systemctl stop --no-block mayfly-agent.service
  systemctl start --no-block mayfly-retire.service || switch_off
  exit "$status"
}
trap give_up EXIT
# SIGTERM comes at the end of a shutdown. Some shells would run the EXIT trap.
trap 'trap - EXIT; exit 143' TERM

# Whether this instance has the tree already. The Ansible role leaves a copy of the tree.json that it set up.
is_deployed() { [ -e "$state/deployed" ] && [ "$(cat "$state/deployed")" = "$(cat "$tree_json")" ]; }

# Both package managers wait for other installations (updates of the first boot), within these times. `apt-get update` does
# not wait for another one, so it is tried for three minutes.
install_packages() {
  if command -v dnf >/dev/null; then
    timeout 900 dnf -y -q install git-core ansible-core
  elif command -v apt-get >/dev/null; then
    timeout 900 apt-get -q -o DPkg::Lock::Timeout=300 update &&
      timeout 900 apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install git ansible-core
  else
    log 'this image has neither dnf nor apt-get'
    return 1
  fi
}

# Without --releasever dnf takes the packages of the image's release.
renew_ansible() {
  if command -v dnf >/dev/null; then
    timeout 900 dnf -y -q --releasever=latest upgrade 'ansible-core*' 'python3*'
  else
    timeout 900 apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install --reinstall ansible-core
  fi
}

# Logs the versions of the distribution's packages, which are not pinned.
versions() {
  if command -v dnf >/dev/null; then
    rpm -q git-core ansible-core python3 curl-minimal curl systemd cloud-init
  else
    dpkg-query -W git ansible-core python3 curl systemd cloud-init
  fi
}

fetch_tree() { s3 "$(json "$tree_json" bucket)/$(json "$tree_json" key)" --max-time 120 -o "$opt/tree.zip"; }

fetch_node() {
  s3 "$(json "$tree_json" node bucket)/$(json "$tree_json" node key)" --max-time 300 -o "$opt/node.tgz"
}

# Makes the tree a git repository, which ansible-pull requires.
unpack_tree() {
  rm -rf "$tree" && mkdir -p "$tree" || return
  if ! wrong=$(unzip_into "$opt/tree.zip" "$tree" "$(json "$tree_json" contentHash)" 2>&1); then
    doing="$doing: $(printf '%s\n' "$wrong" | tail -n 1)"
    return 1
  fi
  git -C "$tree" -c init.defaultBranch=main init -q &&
    git -C "$tree" add -A -f &&
    git -C "$tree" -c user.name=mayfly -c user.email=mayfly@localhost commit -q -m "$(json "$tree_json" key)"
}

# unzip_into ARCHIVE DIRECTORY HASH: the hash is contentHash of infra/bundle/staging.ts. Only what it covers is unpacked.
unzip_into() {
  python3 - "$@" <<'PYTHON'
import hashlib, os, sys, zipfile
archive, directory, expected = sys.argv[1:]
def is_program(entry):
    return entry.external_attr >> 16 & 0o111 != 0
with zipfile.ZipFile(archive) as tree:
    files = [entry for entry in tree.infolist() if not entry.is_dir()]
    # As JavaScript sorts: by UTF-16.
    files.sort(key=lambda entry: entry.filename.encode("utf-16-be"))
    digest = hashlib.sha256()
    for entry in files:
        bit = "x" if is_program(entry) else "-"
        digest.update(f"{entry.filename}\0{bit}\0{entry.file_size}\0".encode())
        with tree.open(entry) as content:
            for part in iter(lambda: content.read(1 << 20), b""):
                digest.update(part)
    if digest.hexdigest() != expected:
        sys.exit(f"it has the hash {digest.hexdigest()}, expected {expected}")
    for entry in files:
        os.chmod(tree.extract(entry, directory), 0o755 if is_program(entry) else 0o644)
PYTHON
}

# AWS refuses requests of an instance whose clock is wrong (RequestTimeTooSkewed). If no service of the image has set the
# clock by now, it is set to the time of the metadata service.
set_clock() {
  answered=$(curl -s --max-time 5 -o /dev/null -D - "$metadata/latest/" | tr -d '\r' | sed -n 's/^[Dd]ate: //p')
  [ -n "$answered" ] || return 0
  told=$(date -d "$answered" +%s) || return
  ahead=$(($(date +%s) - told))
  [ "${ahead#-}" -ge 60 ] || return 0
  log "the clock is $ahead s ahead of the metadata service's: it is set to $answered"
  date -u -s "$answered" >/dev/null
}

# Downloads and unpacks what is deployed.
equip() {
  step 'ask the metadata service for the region'
  retry 6 locate
  # Before the packages, which take minutes: a deployment in the meantime removes the permission to read this tree.
  step 'fetch the tree from the bucket of assets'
  retry 5 fetch_tree
  if [ "$(cat "$opt/node/integrity" 2>/dev/null)" != "$(json "$tree_json" node integrity)" ]; then
    step 'fetch Node.js from the bucket of assets'
    retry 5 fetch_node
  fi
  if ! command -v git >/dev/null || ! command -v ansible-pull >/dev/null; then
    step 'install git and ansible-core'
    retry 9 install_packages
  fi
  versions || :
  step 'unpack the tree'
  unpack_tree
  # shellcheck source=../../ansible/prepare-setup.sh source-path=SCRIPTDIR
  . "$tree/ansible/prepare-setup.sh"
}

# The output of the set-up goes to a log, which workers may not read.
pull() {
  rm -rf "$opt/pulled"
  nice -n "$nice" ansible-pull -i localhost, -U "$tree" -d "$opt/pulled" -e "{\"mayfly_agent_bake\": $bake}" ansible/local.yml 2>&1 |
    (umask 077 && tee "$run/ansible.log")
}

# Prints the task that failed, or the error of Ansible itself, for the reason of the retirement.
failed_task() {
  awk '/^TASK \[/ { task = $0; sub(/ \**$/, " ", task) }
    /^(fatal|ERROR|\[ERROR|[A-Za-z]+Error: )/ { last = ": " task substr($0, 1, 400) }
    END { print last }' "$run/ansible.log"
}

mkdir -p "$state" "$run" "$opt"
echo $$ >"$run/booting"
rm -f "$state/booted" "$state/boot-failed"
set_clock || log 'the clock cannot be set'
if ! $bake && is_deployed; then
  # The agent is enabled in the image, and is running if user-data was written early enough. Otherwise it is started now. Then
  # the playbook checks the instance, with a low priority, so that the agent has the processor.
  log 'this image was baked for this very tree'
  has_run "$(agent_state)" || timeout 300 systemctl enable --now mayfly-agent.service || log 'the agent is not up yet'
  nice=19
else
  rm -f "$state/baked" "$state/deployed"
  equip
fi
step 'run the playbook'
pull
if [ ! -e "$proof" ] && ! ansible-pull --version >/dev/null 2>&1; then
  step 'renew ansible-core, which does not start'
  retry 3 renew_ansible || log 'it cannot be renewed'
  versions || :
  step 'run the playbook'
  pull
fi
rm -f "$run/vault-password"
if [ ! -e "$proof" ]; then
  doing="$doing$(failed_task)"
  exit 1
fi
rm -f "$opt/tree.zip" "$opt/node.tgz"
log 'the agent is set up'
