#!/bin/sh
# The dead man's timer: checks once a minute whether this machine works for its fleet or still boots. If it does
# neither, it starts mayfly-retire, which ends the instance. It makes no call to AWS.
#
#   agent                     boot                              then
#   runs, or stops                                             nothing
#   starts                    began less than the budget ago    nothing; after the budget: a crash
#   does not run              runs, within its budget           nothing; after the budget: failed
#                             interrupted by a reboot           failed
#                             finished, and the agent was       nothing for a while, so that it can be inspected
#                             stopped by hand
#                             anything else                     mayfly-retire finds the reason
set -u
# shellcheck source=aws.sh source-path=SCRIPTDIR
. "${MAYFLY_ROOT-}/usr/local/lib/mayfly/aws.sh"

# Seconds. The unit's drop-in has the fleet's values.
budget=${MAYFLY_BOOT_SECONDS:-900}
stop_grace=${MAYFLY_STOP_SECONDS:-900}
# The longest time from power-on to the boot script, and after a reboot to the agent's start.
before_boot=300

# Converts a time of systemd to seconds; 0 if it never happened
since() { echo $((${1:-0} / 1000000)); }

now=$(seconds)
booted=$(since "$(of UserspaceTimestampMonotonic "$(timeout 30 systemctl show -p UserspaceTimestampMonotonic)")")
agent=$(agent_state)

# retire [REASON SENTENCE]: for this reason, else for the one that mayfly-retire finds
retire() {
  if [ $# -gt 0 ]; then
    mkdir -p "$run"
    printf '%s %s\n' "$1" "$2" >"$run/deadman"
  fi
  log "this machine does not work: ${2-its agent has ended}"
  timeout 30 systemctl start --no-block mayfly-retire.service
}

starting() {
  at=$booted
  if [ -s "$run/alive" ]; then read -r at <"$run/alive"; fi
  if [ $((now - at)) -ge "$budget" ]; then
    retire "$(broken_as)" "the agent has been starting for $((now - at)) s"
  fi
}

# Whether the boot finished. Also true if the machine was switched off in between, as in a warm pool, and its agent was
# ready or has run since.
came_up() {
  [ -e "$state/booted" ] && return
  [ ! -e "$run/booting" ] && [ ! -e "$state/boot-failed" ] || return
  [ -e "$root/var/lib/mayfly/ready.json" ] || has_run "$agent"
}

# The boot has recorded its reason, unless it could not write any more.
cut_short() {
  if [ -s "$state/boot-failed" ]; then
    retire
  else
    retire boot-failed 'the boot ended early and recorded no reason'
  fi
}

booting() {
  if [ -s "$run/booting" ]; then
    read -r pid <"$run/booting"
    if ! kill -0 "$pid" 2>/dev/null; then
      cut_short
    elif [ $((now - booted)) -ge "$budget" ]; then
      retire boot-failed "the boot has not finished after $((now - booted)) s"
    fi
  elif [ -e "$root/run/cloud-init/result.json" ] || [ $((now - booted)) -ge "$before_boot" ]; then
    retire boot-failed 'the machine was restarted during its boot'
  fi
}

stopped() {
  at=$(since "$(of InactiveEnterTimestampMonotonic "$agent")") grace=$stop_grace
  # After a reboot the agent may not have started yet. That is not a stop.
  if [ "$at" -eq 0 ]; then
    at=$booted grace=$((stop_grace > before_boot ? stop_grace : before_boot))
  fi
  if [ $((now - at)) -ge "$grace" ]; then
    retire stopped "the agent was stopped by hand $((now - at)) s ago"
  fi
}

case $(timeout 30 systemctl show -p ActiveState mayfly-retire.service) in *=activating) exit 0 ;; esac
case $(of ActiveState "$agent") in
  active | reloading | refreshing)
    mkdir -p "$run"
    printf '%s\n' "$now" >"$run/alive"
    rm -f "$run/deadman"
    ;;
  # Its jobs may take hours, and after that it may start again.
  deactivating)
    mkdir -p "$run"
    printf '%s\n' "$now" >"$run/alive"
    ;;
  activating) starting ;;
  *)
    if ! came_up; then
      booting
    else
      case $(of ActiveState "$agent"):$(retired_as) in
        inactive: | inactive:stopped) stopped ;;
        *) retire ;;
      esac
    fi
    ;;
esac
