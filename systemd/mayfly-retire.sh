#!/bin/sh
# Ends this instance when its agent has ended for good, without Node. An agent that crashes, a boot that failed and the
# dead man's timer all start it. It may be started at any time, and decides by what it finds:
#
#   agent                            files                             then
#   runs, stops                                                       nothing
#   any other state                  a failed boot or the dead man's   end the instance, for the reason in the file
#                                    timer has written one
#   starts, or will be restarted                                      nothing: OnFailure= fires then too (systemd 254)
#   failed                                                            end the instance
#   ended by itself                  retirement.json                   switch off: AWS has accepted, or does not answer
#   stopped by hand                  retirement.json says so, or none   nothing: the dead man's timer waits for a while
#
# It ends the instance like policy/escalation.ts: terminate with decrement; without it at the group's minimum; set the
# health to Unhealthy; power off.
set -u
# shellcheck source=aws.sh source-path=SCRIPTDIR
. "${MAYFLY_ROOT-}/usr/local/lib/mayfly/aws.sh"

utc() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# Prints `stay`, `off`, or the reason and a sentence about it.
verdict() {
  agent=$(agent_state)
  # A retirement that has begun is continued, even if this script is started again.
  if [ -s "$run/retiring" ]; then
    cat "$run/retiring"
    return
  fi
  case $(of ActiveState "$agent") in
    active | reloading | refreshing)
      # The agent has started. If it is stopped by hand later, its start has not failed.
      rm -f "$run/deadman"
      echo stay
      ;;
    deactivating) echo stay ;;
    *) word_of_another || by_itself ;;
  esac
}

word_of_another() {
  for file in "$run/deadman" "$state/boot-failed"; do
    if [ -s "$file" ]; then
      head -n 1 "$file"
      return 0
    fi
  done
  return 1
}

by_itself() {
  case $(of ActiveState "$agent"):$(retired_as) in
    failed:*)
      # The agent's fatal error, which it wrote to this file. echo would interpret its backslashes.
      words=$(sed -n '1s/^/: /p' "$root/var/lib/mayfly/last-words" 2>/dev/null)
      printf '%s\n' "$(broken_as) the agent failed: $(of Result "$agent"), status $(of ExecMainStatus "$agent"),\
 $(of NRestarts "$agent") restarts$words"
      ;;
    inactive: | inactive:stopped) echo stay ;;
    inactive:*) echo off ;;
    *) echo stay ;;
  esac
}

# Sets the instance's id and group. Takes at most about two and a half minutes.
identify() {
  retry 6 locate || return 1
  id=$(retry 3 imds meta-data/instance-id) || return 1
  group=$(imds meta-data/tags/instance/aws:autoscaling:groupName) || group=''
}

# Saves the latest lines of the journal, and the output of user-data and of the owner's set-up. The key has no colon: S3
# expects the signature of the encoded colon, and most versions of curl sign it unencoded.
save_log() {
  bucket=$(json "$agent_json" logBucket)
  [ -n "$bucket" ] || return 0
  {
    timeout 60 journalctl --no-pager -o short-iso -n 20000
    for file in cloud-init-output.log mayfly-setup.log; do
      printf '\n== %s\n' "$file"
      tail -n 2000 "$root/var/log/$file"
    done
  } >"$run/log" 2>&1
  s3 "$bucket/instances/$id/$(printf %s "$decided" | tr -d :)-$reason.log" --max-time 120 -T "$run/log" >&2
}

# record RUNG TRIES ERROR: writes the retirement in the format of jobs/record.ts, and the last refusal if there was one.
# The listing stays `instances`: the keeper settles the instance.
record() {
  table=$(json "$agent_json" table)
  [ -n "$table" ] || return 0
  python3 -c '
import json, sys
table, instance, reason, problem, decided, ended, rung, tries, error = sys.argv[1:]
retirement = {"reason": {"S": reason}, "decidedAt": {"S": decided}, "endedAt": {"S": ended}, "rung": {"S": rung},
              "tries": {"N": tries}, "idleSeconds": {"N": "0"}, "jobsDone": {"N": "0"}, "problem": {"S": problem}}
if error:
    retirement["lastError"] = {"S": error}
print(json.dumps({
    "TableName": table,
    "Key": {"pk": {"S": "instance#" + instance}},
    "UpdateExpression": "SET #instance = :instance, #retirement = :retirement, #listing = :listing, "
                        "#listed = :listing, #listedAt = if_not_exists(#listedAt, :instance)",
    "ExpressionAttributeNames": {"#" + name: name for name in
                                 ("instance", "retirement", "listing", "listed", "listedAt")},
    "ExpressionAttributeValues": {":instance": {"S": instance}, ":retirement": {"M": retirement},
                                  ":listing": {"S": "instances"}}}))
' "$table" "$id" "$reason" "$why" "$decided" "$(utc)" "$@" >"$run/record" &&
    aws_curl dynamodb --max-time 20 -H 'Content-Type: application/x-amz-json-1.0' \
      -H 'X-Amz-Target: DynamoDB_20120810.UpdateItem' --data-binary "@$run/record" "$(endpoint dynamodb)/" >&2
}

# let_through HOOK TRIES: completes the lifecycle hook, because an instance that waits in a hook cannot be terminated.
# The wait of the termination hook begins a moment after the terminate call, and until then Auto Scaling refuses to
# complete it. If there is no active launch hook any more, it was completed.
let_through() {
  hook=$(json "$agent_json" "$1")
  [ -n "$hook" ] && [ -n "$group" ] || return 0
  try=1
  until answer=$(auto_scaling -d Action=CompleteLifecycleAction -d "LifecycleHookName=$hook" \
    -d "AutoScalingGroupName=$group" -d "InstanceId=$id" -d LifecycleActionResult=CONTINUE 2>&1); do
    case $1:$answer in "launchHook:"*'o active'*) return 0 ;; esac
    log "$hook hook, try $try of $2: $(complaint "$answer")"
    [ "$try" -lt "$2" ] || return 1
    sleep 5
    try=$((try + 1))
  done
}

ask() {
  case $rung in
    terminate) auto_scaling -d Action=TerminateInstanceInAutoScalingGroup -d "InstanceId=$id" \
      -d ShouldDecrementDesiredCapacity=true ;;
    terminate-without-decrement) auto_scaling -d Action=TerminateInstanceInAutoScalingGroup -d "InstanceId=$id" \
      -d ShouldDecrementDesiredCapacity=false ;;
    *) auto_scaling -d Action=SetInstanceHealth -d "InstanceId=$id" -d HealthStatus=Unhealthy \
      -d ShouldRespectGracePeriod=false ;;
  esac 2>&1
}

# An error of AWS in one line: code and message, else the whole answer.
complaint() {
  line=$(printf '%s' "$1" | tr '\n' ' ')
  code=$(printf '%s\n' "$line" | sed -n 's:.*<Code>\(.*\)</Code>.*:\1:p')
  message=$(printf '%s\n' "$line" | sed -n 's:.*<Message>\(.*\)</Message>.*:\1:p')
  printf '%.300s\n' "${code:+$code: $message}${code:-$line}"
}

# Classifies an error like policy/escalation.ts.
meaning() {
  case $(imds meta-data/autoscaling/target-lifecycle-state) in Terminated) echo accepted && return ;; esac
  case $1 in
    AccessDenied* | UnauthorizedOperation* | NotAuthorized* | OptInRequired*) echo refused ;;
    ValidationError*)
      case $(printf '%s' "$1" | tr '[:upper:]' '[:lower:]') in
        *'min size'* | *minsize* | *'minimum size'* | *'below the minimum'*) echo at-minimum ;;
        *'not found'* | *'no managed instance'*) echo unknown-instance ;;
        *) echo refused ;;
      esac
      ;;
    *) echo later ;;
  esac
}

# Tries the steps of the escalation until AWS accepts or the budget is used up. Status 0: accepted.
climb() {
  rung=terminate tries=0 pause=1
  began=$(seconds)
  budget=$(json "$agent_json" retirement ladderSeconds)
  budget=${budget%.*}
  while [ "$rung" != power-off ]; do
    tries=$((tries + 1))
    if answer=$(ask); then return 0; fi
    error=$(complaint "$answer")
    means=$(meaning "$error")
    log "$rung, try $tries: $means: $error"
    case $rung:$means in
      *:accepted) return 0 ;;
      *:later) wait_or_go_down ;;
      terminate:at-minimum) rung=terminate-without-decrement ;;
      *:unknown-instance | unhealthy:*) rung=power-off ;;
      *) rung=unhealthy ;;
    esac
  done
  return 1
}

# A quarter of the budget is for setting the instance's health to Unhealthy.
wait_or_go_down() {
  elapsed=$(($(seconds) - began))
  if [ "$rung" = unhealthy ] && [ "$elapsed" -ge "${budget:-600}" ]; then
    rung=power-off
  elif [ "$rung" != unhealthy ] && [ "$elapsed" -ge $((${budget:-600} * 3 / 4)) ]; then
    rung=unhealthy pause=1
  else
    # The pause depends on the process id, so that instances that end together do not call together.
    sleep $((pause + $$ % (pause + 1)))
    pause=$((pause < 30 ? pause * 2 : 30))
  fi
}

# The last step. If it fails, systemd starts this script again.
power_off() {
  log 'switching off'
  switch_off
  exit 1
}

end() {
  log "this instance ends: $reason, $why"
  # While this file exists no agent starts here (a condition of its unit).
  mkdir -p "$run"
  printf '%s %s\n' "$reason" "$why" >"$run/retiring"
  # An agent that is just starting must not take jobs.
  timeout 30 systemctl stop --no-block mayfly-agent.service
  decided=$(utc) error=''
  if identify; then
    retry 3 save_log
    retry 3 record terminate 0 ''
    let_through launchHook 3
    climb
    refused=$?
    retry 3 record "$rung" "$tries" "$error"
    [ "$refused" != 0 ] || let_through terminationHook 24
  else
    log 'the instance metadata service does not answer: powering off without a record'
  fi
  power_off
}

found=$(verdict)
case $found in
  stay) ;;
  off) power_off ;;
  *)
    reason=${found%% *} why=${found#* }
    end
    ;;
esac
