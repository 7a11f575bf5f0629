# Sourced by learner.sbatch and workers.sbatch: how a job keeps a role of the run going, and what it does when one ends.
#
# A role runs as a step of the job (srun), because Slurm's SIGTERM then reaches it by itself, with every way of tracking
# processes and for every reason: scancel, requeue, pre-emption, the time limit. A second one, later, would end it at once, so
# nothing here passes signals on to it.
set -euo pipefail
: "${SOPHIA_RUN:?is not set: the run folder, on storage that every node has}"
: "${SOPHIA:?is not set: the program, on storage that every node has}"
state=$SOPHIA_RUN/slurm
who=$SLURM_JOB_NAME
# Seconds without a word from the learner after which a worker or scorer ends, to look up where the learner is now.
silence=${SOPHIA_GIVE_UP_AFTER:-30}

say() { printf '%s %s on %s: %s\n' "$(date +%T)" "$who" "$SLURMD_NODENAME" "$*" >&2; }

# Whether Slurm has told this job to end. Under some configurations only the batch script is told, so it tells those that keep
# its roles going.
told='' keepers=()
trap 'told=1; for keeper in "${keepers[@]}"; do kill -TERM "$keeper" 2>/dev/null || :; done' TERM

# Waits for a process through signals, which cut `wait` short; sets code.
await() {
  while :; do
    code=0
    wait "$1" || code=$?
    kill -0 "$1" 2>/dev/null || return 0
  done
}

pause() {
  sleep "$1" &
  wait $! || :
}

# Goes back to the queue after a role has ended in good order although nobody has told the job to end: its steps alone were
# warned, of the time limit or of a pre-emption after a grace time. Without this the job would be over.
requeue() {
  pause 2
  [ -z "$told" ] || exit 75
  if [ "$SECONDS" -lt 60 ] && [ "${SLURM_RESTART_COUNT:-0}" -ge 5 ]; then
    say "was told to stop within a minute of its start, again and again: is the job's time shorter than its --signal asks for?"
    exit 75
  fi
  say "ends here and goes back to the queue"
  scontrol requeue "$SLURM_JOB_ID" || { say "could not go back to the queue (above)"; exit 75; }
  while [ -z "$told" ]; do pause 60; done
  exit 75
}

# This node's address for the rest of the run: that of SOPHIA_NETWORK (a beginning, such as 10.1.), or the one that Slurm uses.
address() {
  local found own
  own=$(hostname -I)
  if [ -n "${SOPHIA_NETWORK:-}" ]; then
    for found in $own; do
      [[ $found != "$SOPHIA_NETWORK"* ]] || { echo "$found"; return; }
    done
    say "has no address that begins with $SOPHIA_NETWORK (SOPHIA_NETWORK); it has $own"
    return 78
  fi
  found=$(scontrol show node --oneliner "$SLURMD_NODENAME" | grep -o 'NodeAddr=[^ ]*' | cut -d= -f2)
  if [[ ! $found =~ ^[0-9.]+$ ]]; then
    # Debian gives a machine's own name an address that only the machine itself reaches.
    found=$(getent ahostsv4 "$found" | awk '$1 !~ /^127\./ { print $1; exit }' || :)
  fi
  echo "${found:-${own%% *}}"
}

threads() {
  # Threads that wait must not spin for long where processes share the cores; see `sophia train`.
  export OMP_NUM_THREADS=$1 OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=$(($1 > 1 ? 200000 : 0))
}

# Where the learner listens, and its process, a line each: a learner that is started again is another one, here or elsewhere.
listening() { head -n 2 "$SOPHIA_RUN/learner.endpoint" 2>/dev/null || :; }

# Runs the program as a step that shares all the job has with other steps; sets code.
step() {
  srun --quiet --overlap --nodes=1 --ntasks=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --cpu-bind=none --mpi=none --input=none \
    "$SOPHIA" "$@" &
  await $!
}

# keep learner | keep scorer NUMBER | keep worker NUMBER: starts the role again for as long as that helps, and returns with the
# code of its last end. Runs in a process of its own.
keep() {
  local role=$1 number=${2:-0} here='' endpoint='' left='' waits='' delay=1 since=$SECONDS patience started arguments
  who="$role $number"
  [ "$role" != learner ] || who=learner
  trap 'told=1' TERM
  [ -x "$SOPHIA" ] || { say "there is no program $SOPHIA here: put it on storage that every node has"; return 78; }
  patience=${SOPHIA_PATIENCE:-$([ "$role" = learner ] && echo 300 || echo 1800)}
  [ "$role" = worker ] || here=$(address) || return $?
  local cache=${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/sophia-$SLURM_JOB_ID/$role-$number
  case $role in
    learner) threads "$SOPHIA_LEARNER_THREADS" ;;
    scorer) threads "$SOPHIA_SCORER_THREADS" ;;
    worker) threads "${SLURM_CPUS_PER_TASK:-1}" ;;
  esac
  while :; do
    [ -z "$told" ] || return 75
    if [ "$role" = learner ]; then
      arguments=("$SOPHIA_RUN/settings.json" --bind "tcp://$here:${SOPHIA_PORT:-0}" --keys "$SOPHIA_RUN/keys")
    else
      # What the learner's job has left here, if the run is over.
      if [ -f "$state/ended" ]; then
        code=$(cat "$state/ended")
        say "the run is over: the learner ended with code $code"
        return "$code"
      fi
      endpoint=$(listening)
      if [ -z "$endpoint" ] || [ "$endpoint" = "$left" ]; then
        if [ $((SECONDS - since)) -gt "$patience" ]; then
          say "no learner has listened for $patience s (SOPHIA_PATIENCE): $SOPHIA_RUN/learner.endpoint, which it writes, is" \
            "$([ -z "$endpoint" ] && echo missing || echo "of one that has stopped")." \
            "Look at the learner's job ($(awk '$1 == "learner" { print $2 }' "$state/jobs" 2>/dev/null | tail -n 1)) with squeue"
          return 1
        fi
        [ -n "$waits" ] || say "waits for $SOPHIA_RUN/learner.endpoint, which the learner writes when it listens"
        waits=1
        pause 1
        continue
      fi
      waits='' left=''
      arguments=(
        --join "${endpoint%%$'\n'*}" --keys "$SOPHIA_RUN/keys/${role}s.invite" --cache "$cache" --threads "$OMP_NUM_THREADS"
        --give-up-after "$silence")
      # Models that lie where every node has them need not come from the learner.
      if [ "$role" = worker ]; then
        arguments+=(--credit "$SOPHIA_CREDIT" --model "$SOPHIA_MODEL")
      else
        arguments+=(--bind "tcp://$here:0" ${SOPHIA_THINKING_MODEL:+--thinking-model "$SOPHIA_THINKING_MODEL"})
      fi
    fi
    started=$SECONDS
    step "$role" "${arguments[@]}"
    # It was at work, and not only waiting in vain for the learner.
    if [ "$code" -eq 0 ] || [ "$code" -eq 69 ] || [ $((SECONDS - started)) -gt $((2 * silence)) ]; then since=$SECONDS delay=1; fi
    case $role:$code in
      learner:0) return 0 ;;
      *:0 | scorer:69 | worker:69)
        # The learner has said goodbye: the run is complete, or it was stopped and goes on later, perhaps elsewhere.
        # Read again: since this role joined, the learner may have been started again where it was.
        left=$(listening)
        say "the learner has said goodbye; waits for word that the run is over, or that it goes on"
        waits=1
        ;;
      *:75 | *:143) return 75 ;;
      *:69 | *:78) return "$code" ;;
      *)
        [ -z "$told" ] || return 75
        if [ $((SECONDS - since)) -gt "$patience" ]; then
          say "ended with code $code (above), and so it has for $patience s (SOPHIA_PATIENCE)"
          return 1
        fi
        say "ended with code $code; starts again in $delay s"
        pause "$delay"
        delay=$((delay < 30 ? 2 * delay : 60))
        ;;
    esac
  done
}

# Leaves nothing on the node.
clean() { rm -rf "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/sophia-$SLURM_JOB_ID"; }
