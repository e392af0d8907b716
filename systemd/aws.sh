# shellcheck shell=sh disable=SC2034
# Functions of the boot, retirement and dead man's scripts, in POSIX sh with curl and python3 (a dependency of
# cloud-init), so that they work if nothing else does. Each call has a time limit, and each caller limits its tries.

# The root of the machine's files. Tests set another directory.
root=${MAYFLY_ROOT-}
state=$root/var/lib/mayfly-boot
run=$root/run/mayfly-boot
agent_json=$root/etc/mayfly/agent.json
tree_json=$root/etc/mayfly/tree.json
metadata=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
region='' domain=amazonaws.com

log() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Seconds since power-on. Setting the clock does not change them.
seconds() {
  read -r up _ <"$root/proc/uptime"
  printf '%s\n' "${up%.*}"
}

# retry TRIES COMMAND...: the pauses grow by 5 s, as a mirror or a lock may need minutes
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

# Does not ask logind, which since systemd 257 refuses even root while apt installs packages.
switch_off() {
  for how in 'start --no-block --job-mode=replace-irreversibly poweroff.target' 'poweroff --force' 'poweroff --force --force'; do
    # shellcheck disable=SC2086
    timeout 60 systemctl $how
    sleep 180
  done
}

# imds PATH: takes at most 10 s, uses IMDSv2 only
imds() {
  token=$(curl -sf --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/latest/api/token") &&
    curl -sf --max-time 5 -H "X-aws-ec2-metadata-token: $token" "$metadata/latest/$1"
}

# json FILE KEY...: the text or number below these keys; empty if there is none
json() {
  python3 -c '
import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2:]:
    value = value.get(key, "") if isinstance(value, dict) else ""
print(value)' "$@"
}

# Sets the region and the domain of the endpoints.
locate() {
  region=$(imds meta-data/placement/region) && domain=$(imds meta-data/services/domain || echo amazonaws.com)
}

endpoint() { printf '%s\n' "${AWS_ENDPOINT_URL:-https://$1.$region.$domain}"; }

# The role's credentials, in the format of curl's configuration
credentials() {
  role=$(imds meta-data/iam/security-credentials/) &&
    imds "meta-data/iam/security-credentials/$role" | python3 -c '
import json, sys
c = json.load(sys.stdin)
print("user = \"%s:%s\"" % (c["AccessKeyId"], c["SecretAccessKey"]))
print("header = \"x-amz-security-token: %s\"" % c["Token"])'
}

# aws_curl SERVICE ARGUMENT...: signs with the role's credentials. curl reads them from stdin, so that ps does not show
# them.
aws_curl() {
  service=$1
  shift
  if ! keys=$(credentials); then
    echo 'the instance metadata service returned no credentials'
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

# The properties of the agent's unit, one NAME=VALUE per line. `of NAME TEXT` prints the value of one.
agent_state() {
  timeout 30 systemctl show mayfly-agent.service -p ActiveState -p Result -p NRestarts -p ExecMainStatus \
    -p InactiveEnterTimestampMonotonic -p ExecMainStartTimestampMonotonic
}

of() { printf '%s\n' "$2" | sed -n "s/^$1=//p"; }

# has_run STATE: whether the agent has run since power-on. If it does not run now it retired, failed or was stopped by
# hand.
has_run() { [ "$(of ExecMainStartTimestampMonotonic "$1")" -gt 0 ] 2>/dev/null; }

# The reason of the retirement that the agent recorded; empty if there is none
retired_as() { sed -n 's/.*"reason": *"\([a-z-]*\)".*/\1/p' "$root/var/lib/mayfly/retirement.json" 2>/dev/null; }

# The boot failed if the agent was never ready.
broken_as() { if [ -e "$root/var/lib/mayfly/ready.json" ]; then echo agent-crashed; else echo boot-failed; fi; }
