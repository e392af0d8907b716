#!/bin/sh
# From a stock image to a running agent. cloud-init runs it once, as root, at the first boot; it is part of
# user-data, so it is small: all that can be in the playbook is there. A boot that fails ends the instance.
set -eu

export HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
tree=/opt/mayfly/tree region='' domain=amazonaws.com
metadata=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}

log() { printf 'mayfly-boot: %s\n' "$*"; }

# retry TRIES COMMAND...: pauses grow, so that a mirror or a lock gets minutes, not a hammer
retry() {
  tries=$1
  shift
  try=1
  until "$@"; do
    [ "$try" -lt "$tries" ] || return 1
    log "try $try of $tries failed: $*"
    sleep $((try * 5))
    try=$((try + 1))
  done
}

imds() {
  token=$(curl -sf --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/latest/api/token") &&
    curl -sf --max-time 5 -H "X-aws-ec2-metadata-token: $token" "$metadata/latest/$1"
}

# json FILE KEY: the value of a text member
json() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

# aws_curl SERVICE ARGUMENT...: signed with the role's credentials, which reach curl by stdin, never by argv
aws_curl() {
  service=$1
  shift
  role=$(imds meta-data/iam/security-credentials/) &&
    imds "meta-data/iam/security-credentials/$role" |
    python3 -c '
import json, sys
c = json.load(sys.stdin)
print("user = \"%s:%s\"" % (c["AccessKeyId"], c["SecretAccessKey"]))
print("header = \"x-amz-security-token: %s\"" % c["Token"])' |
      curl -sSf --max-time 120 --config - --aws-sigv4 "aws:amz:$region:$service" "$@"
}

auto_scaling() {
  aws_curl autoscaling --max-time 20 -d Version=2011-01-01 "$@" "https://autoscaling.$region.$domain/"
}

# What lasts: a failed boot must neither be bought again nor stay. The hook first: an instance that waits in it cannot be
# terminated. Then with decrement, before the power goes: a machine that only goes off is replaced.
give_up() {
  status=$?
  [ "$status" -eq 0 ] && return
  trap - EXIT
  set +e
  log "failed with status $status: this instance ends itself"
  id=$(imds meta-data/instance-id)
  group=$(imds meta-data/tags/instance/aws:autoscaling:groupName)
  hook=$(json /etc/mayfly/agent.json launchHook)
  retry 3 auto_scaling -d Action=CompleteLifecycleAction -d "InstanceId=$id" -d "AutoScalingGroupName=$group" \
    -d "LifecycleHookName=$hook" -d LifecycleActionResult=CONTINUE
  retry 5 auto_scaling -d Action=TerminateInstanceInAutoScalingGroup -d "InstanceId=$id" \
    -d ShouldDecrementDesiredCapacity=true
  systemctl poweroff
}
trap give_up EXIT

install_packages() {
  if command -v dnf >/dev/null; then
    dnf -y -q install git-core ansible-core
  else
    apt-get -q -o DPkg::Lock::Timeout=300 update &&
      apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install git ansible-core curl
  fi
}

fetch_tree() {
  mkdir -p /opt/mayfly &&
    aws_curl s3 -o /opt/mayfly/tree.zip -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
      "https://s3.$region.$domain/$(json /etc/mayfly/tree.json bucket)/$(json /etc/mayfly/tree.json key)"
}

# The tree becomes a repository, as ansible-pull takes nothing else.
unpack_tree() {
  rm -rf "$tree" && mkdir -p "$tree" &&
    unpack /opt/mayfly/tree.zip "$tree" &&
    git -C "$tree" -c init.defaultBranch=main init -q &&
    git -C "$tree" add -A -f &&
    git -C "$tree" -c user.name=mayfly -c user.email=mayfly@localhost commit -q -m "$(json /etc/mayfly/tree.json key)"
}

# Python's own unzip drops the execute bits that workers need.
unpack() {
  python3 - "$1" "$2" <<'PYTHON'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for entry in archive.infolist():
        path = archive.extract(entry, sys.argv[2])
        if entry.external_attr >> 16:
            os.chmod(path, (entry.external_attr >> 16) & 0o777)
PYTHON
}

region=$(retry 10 imds meta-data/placement/region)
domain=$(retry 3 imds meta-data/services/domain)
# Before the packages, which take minutes: a deployment in the meantime takes the right to this tree away.
retry 5 fetch_tree
if ! command -v git >/dev/null || ! command -v ansible-pull >/dev/null; then
  retry 5 install_packages
fi
unpack_tree
marker=/var/lib/mayfly/booted
rm -f "$marker"
ansible-pull -i localhost, -U "$tree" -d /opt/mayfly/pulled -e "mayfly_marker=$marker" ansible/local.yml
[ -e "$marker" ]
log 'the agent is set up'
