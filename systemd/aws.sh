# shellcheck shell=sh disable=SC2034
# What the boot, retirement and dead man's scripts share: plain POSIX sh with curl and python3 (cloud-init brings it), for
# a machine on which nothing else works. Each call is bounded in time; whoever repeats one bounds the tries.

# Where the machine's files are: another directory in tests.
root=${MAYFLY_ROOT-}
state=$root/var/lib/mayfly-boot
run=$root/run/mayfly-boot
agent_json=$root/etc/mayfly/agent.json
tree_json=$root/etc/mayfly/tree.json
metadata=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
region='' domain=amazonaws.com

log() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Seconds since the machine was switched on: no clock that is set can shorten or stretch a wait.
seconds() {
  read -r up _ <"$root/proc/uptime"
  printf '%s\n' "${up%.*}"
}

# retry TRIES COMMAND...: pauses grow by 5 s, so that a mirror or a lock gets minutes, not a hammer
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

# Past logind, which from systemd 257 on refuses even root while apt installs.
switch_off() {
  for how in 'start --no-block --job-mode=replace-irreversibly poweroff.target' 'poweroff --force' 'poweroff --force --force'; do
    # shellcheck disable=SC2086
    timeout 60 systemctl $how
    sleep 180
  done
}

# imds PATH: at most 10 s, IMDSv2 alone
imds() {
  token=$(curl -sf --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/latest/api/token") &&
    curl -sf --max-time 5 -H "X-aws-ec2-metadata-token: $token" "$metadata/latest/$1"
}

# json FILE KEY...: the value below these keys, which is a text or number; empty where there is none
json() {
  python3 -c '
import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2:]:
    value = value.get(key, "") if isinstance(value, dict) else ""
print(value)' "$@"
}

# Finds out where the calls go.
locate() {
  region=$(imds meta-data/placement/region) && domain=$(imds meta-data/services/domain || echo amazonaws.com)
}

endpoint() { printf '%s\n' "${AWS_ENDPOINT_URL:-https://$1.$region.$domain}"; }

# The role's credentials, as curl reads them from a configuration
credentials() {
  role=$(imds meta-data/iam/security-credentials/) &&
    imds "meta-data/iam/security-credentials/$role" | python3 -c '
import json, sys
c = json.load(sys.stdin)
print("user = \"%s:%s\"" % (c["AccessKeyId"], c["SecretAccessKey"]))
print("header = \"x-amz-security-token: %s\"" % c["Token"])'
}

# aws_curl SERVICE ARGUMENT...: signed with the role's credentials, which reach curl by stdin, never by argv
aws_curl() {
  service=$1
  shift
  if ! keys=$(credentials); then
    echo 'the metadata service gives no credentials'
    return 1
  fi
  printf '%s\n' "$keys" | curl -sS --fail-with-body --config - --aws-sigv4 "aws:amz:$region:$service" "$@"
}

auto_scaling() {
  aws_curl autoscaling --max-time 20 -d Version=2011-01-01 "$@" "$(endpoint autoscaling)/"
}

# s3 BUCKET/KEY ARGUMENT...
s3() {
  object=$1
  shift
  aws_curl s3 -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@" "$(endpoint s3)/$object"
}

# What systemd says of the agent, one NAME=VALUE a line; `of NAME TEXT` takes one out.
agent_state() {
  timeout 30 systemctl show mayfly-agent.service -p ActiveState -p Result -p NRestarts -p ExecMainStatus \
    -p InactiveEnterTimestampMonotonic -p ExecMainStartTimestampMonotonic
}

of() { printf '%s\n' "$2" | sed -n "s/^$1=//p"; }

# has_run STATE: an agent that has run since power-on and does so no more has retired or failed, or was stopped by hand.
has_run() { [ "$(of ExecMainStartTimestampMonotonic "$1")" -gt 0 ] 2>/dev/null; }

# The reason of the retirement that the agent left behind; empty if it left none
retired_as() { sed -n 's/.*"reason": *"\([a-z-]*\)".*/\1/p' "$root/var/lib/mayfly/retirement.json" 2>/dev/null; }

# An agent that never was ready is a boot that failed.
broken_as() { if [ -e "$root/var/lib/mayfly/ready.json" ]; then echo agent-crashed; else echo boot-failed; fi; }
