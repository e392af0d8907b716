#!/bin/sh
# The dead man's timer: looks once a minute whether this machine is a worker, or on its way to be one, and sees to its end
# if it is neither. It makes no call: to end an instance is mayfly-retire's.
#
#   agent                     boot                              then
#   works, or stops                                            fine
#   starts                    begun less than the budget ago    fine; after it, a crash
#   does not run              goes on, within its budget        fine; after it, failed
#                             cut off by a reboot               failed
#                             came to its end: agent stopped    fine for a while, as somebody may look into it
#                             by hand
#                             anything else                     mayfly-retire knows why
set -u
# shellcheck source=aws.sh source-path=SCRIPTDIR
. "${MAYFLY_ROOT-}/usr/local/lib/mayfly/aws.sh"

# Seconds. The unit's drop-in has the fleet's own.
budget=${MAYFLY_BOOT_SECONDS:-900}
stop_grace=${MAYFLY_STOP_SECONDS:-900}
# What a machine may take from power-on to the boot script, and after a reboot to its agent.
before_boot=300

# The second of a time that systemd tells, which is 0 for one that never was
since() { echo $((${1:-0} / 1000000)); }

now=$(seconds)
booted=$(since "$(of UserspaceTimestampMonotonic "$(timeout 30 systemctl show -p UserspaceTimestampMonotonic)")")
agent=$(agent_state)

# retire [REASON SENTENCE]: for that reason, else for the one that mayfly-retire finds
retire() {
  if [ $# -gt 0 ]; then
    mkdir -p "$run"
    printf '%s %s\n' "$1" "$2" >"$run/deadman"
  fi
  log "this machine is no worker: ${2-nothing has ended it}"
  timeout 30 systemctl start --no-block mayfly-retire.service
}

starting() {
  at=$booted
  if [ -s "$run/alive" ]; then read -r at <"$run/alive"; fi
  if [ $((now - at)) -ge "$budget" ]; then
    retire "$(broken_as)" "the agent has been starting for $((now - at)) s"
  fi
}

# Whether the boot came to its end, or the machine was switched off in between, as in a warm pool, with its agent ready, or
# with one that has run since.
came_up() {
  [ -e "$state/booted" ] && return
  [ ! -e "$run/booting" ] && [ ! -e "$state/boot-failed" ] || return
  [ -e "$root/var/lib/mayfly/ready.json" ] || has_run "$agent"
}

# It has left word, unless nothing could be written any more.
cut_short() {
  if [ -s "$state/boot-failed" ]; then
    retire
  else
    retire boot-failed 'the boot ended early and could not say why'
  fi
}

booting() {
  if [ -s "$run/booting" ]; then
    read -r pid <"$run/booting"
    if ! kill -0 "$pid" 2>/dev/null; then
      cut_short
    elif [ $((now - booted)) -ge "$budget" ]; then
      retire boot-failed "the boot is not done after $((now - booted)) s"
    fi
  elif [ -e "$root/run/cloud-init/result.json" ] || [ $((now - booted)) -ge "$before_boot" ]; then
    retire boot-failed 'the machine was started again in mid-boot'
  fi
}

stopped() {
  at=$(since "$(of InactiveEnterTimestampMonotonic "$agent")") grace=$stop_grace
  # After a reboot it may not have started yet, which is no stop.
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
  # Its jobs may take hours to end, and then it may start again.
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
