#!/usr/bin/env bash
# Starts what a GPU pod runs and keeps it alive: ComfyUI on loopback, the agent before it, and
# whatever else is asked for. Needs bash and coreutils. README.md beside it tells the variables.

set -uo pipefail

usage() {
    cat <<'TEXT'
startup.sh [--all] [--foreground]   start what does not run yet, wait for health, print a summary
startup.sh --stop                   stop everything that it started
  --all         the API and a worker on this pod too
  --foreground  stay, as a container's main process; SIGTERM stops everything
TEXT
}

readonly SERVICES=(comfyui agent api worker extra)
readonly QUICK_SECONDS=10      # who ends sooner is started again after a longer and longer pause
readonly LONGEST_PAUSE=30
readonly STOP_TENTHS=150
readonly SETTINGS_INVALID=2    # the agent's exit code: starting it again cannot help
readonly LARGEST_LOG=$((8 * 1024 * 1024))

# -- Places and addresses -----------------------------------------------------------------------

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
home=${REKINDLE_HOME:-$PWD}
run=$home/run
logs=$home/logs

export COMFYUI_PORT=${COMFYUI_PORT:-${RUNPOD_SIMULATED_PORT_8188:-8188}}
export COMFYUI_URL=${COMFYUI_URL:-http://127.0.0.1:$COMFYUI_PORT}
export COMFYUI_BASE_DIRECTORY=${COMFYUI_BASE_DIRECTORY:-$home/comfyui}
export COMFYUI_PID_FILE=$run/comfyui.pid
export GPU_SERVER_HOST=${GPU_SERVER_HOST:-0.0.0.0}
export GPU_SERVER_PORT=${RUNPOD_SIMULATED_PORT_8001:-${GPU_SERVER_PORT:-8001}}

python=${REKINDLE_PYTHON:-${REKINDLE_VENV:-$home/venv}/bin/python}
comfyui_path=${COMFYUI_PATH:-$home/ComfyUI}
comfyui_venv=${COMFYUI_VENV:-$home/comfyui-venv}

leaving=

log() {
    local line
    line="$(date -u +%Y-%m-%dT%H:%M:%SZ) $*"
    echo "$line" >>"$logs/startup.log"
    echo "$line"
}

# -- Processes by number and start time: numbers alone are given out again ------------------------

started() { # PID -> when it started, in ticks; fails when it does not run
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    # shellcheck disable=SC2086 # split into fields on purpose, behind the name in brackets
    set -- ${stat##*) }
    [ "$1" != Z ] && echo "${20}"
}

write() { # FILE TEXT: whole, or not at all
    echo "$2" >"$1.new" && mv -f "$1.new" "$1"
}

running() { # FILE with "PID STARTED" -> that process's number; fails when it does not run
    local pid when
    { read -r pid when <"$1"; } 2>/dev/null || return 1
    [ "$(started "$pid")" = "$when" ] && echo "$pid"
}

end() { # FILE: SIGTERM, then SIGKILL
    local pid tenths=0
    pid=$(running "$1") || return 0
    kill -TERM "$pid" 2>/dev/null
    while running "$1" >/dev/null; do
        [ $((tenths += 1)) -eq "$STOP_TENTHS" ] && kill -KILL "$pid" 2>/dev/null
        sleep 0.1
    done
}

# -- Keeping a service alive ----------------------------------------------------------------------

drop_secrets() { # ComfyUI runs nodes of strangers, so it is given no key of anything
    local name
    for name in $(compgen -e); do
        case $name in
            *TOKEN* | *SECRET* | *PASSWORD* | *_KEY | *KEY_ID* | *DATABASE_URL*) unset "$name" ;;
        esac
    done
}

keep() { # NAME COMMAND: run it, and again whenever it ends, until SIGTERM
    local name=$1 command=$2 child='' pause=1 began code
    set +m
    trap '' HUP
    trap 'leaving=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT
    case $name in comfyui | extra) drop_secrets ;; esac
    while [ -z "$leaving" ]; do
        began=$SECONDS
        bash -c "exec $command" </dev/null >>"$logs/$name.log" 2>&1 &
        child=$!
        write "$run/$name.child" "$child $(started "$child")"
        write "$run/$name.pid" "$child"
        [ -z "$leaving" ] || kill -TERM "$child" 2>/dev/null
        wait "$child"
        code=$?
        while kill -0 "$child" 2>/dev/null; do # a signal of ours ended the waiting only
            wait "$child"
            code=$?
        done
        child=
        rm -f "$run/$name.pid" "$run/$name.child"
        [ -z "$leaving" ] || break
        if [ "$name" = agent ] && [ "$code" -eq "$SETTINGS_INVALID" ]; then
            log "$name: its settings are wrong, see $logs/$name.log" >/dev/null
            break
        fi
        [ $((SECONDS - began)) -lt "$QUICK_SECONDS" ] || pause=1
        log "$name ended with $code, starts again in $pause s" >/dev/null
        sleep "$pause" &
        child=$! # so that a signal ends the pause too
        wait "$child"
        child=
        pause=$((pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE))
    done
    rm -f "$run/$name.keeper"
}

start() { # NAME COMMAND: nothing happens when it is kept already
    local name=$1 size
    if running "$run/$name.keeper" >/dev/null; then
        log "$name runs already"
        return
    fi
    end "$run/$name.child" # whose keeper was killed
    size=$(stat -c %s "$logs/$name.log" 2>/dev/null) || size=0
    [ "$size" -lt "$LARGEST_LOG" ] || mv -f "$logs/$name.log" "$logs/$name.log.1"
    : >>"$logs/$name.log"
    # In a terminal Ctrl-C is for this script; in a container everything stays in one group.
    [ -n "$foreground" ] || set -m
    keep "$name" "$2" </dev/null >/dev/null 2>&1 &
    write "$run/$name.keeper" "$! $(started $!)"
    set +m
    log "$name started"
}

stop_all() {
    local i name
    for ((i = ${#SERVICES[@]} - 1; i >= 0; i--)); do
        name=${SERVICES[i]}
        end "$run/$name.keeper"
        end "$run/$name.child"
        rm -f "$run/$name".{keeper,child,pid}
    done
    log stopped
}

# -- Environments ---------------------------------------------------------------------------------

make_venv() { # FOLDER PACKAGES: unless it is there; an interrupted one is made again
    local folder=$1 packages=$2
    [ ! -x "$folder/bin/python" ] || [ -e "$folder/.incomplete" ] || return 0
    log "making $folder"
    mkdir -p "$folder" && : >"$folder/.incomplete"
    {
        "${PYTHON:-python3}" -m venv "$folder" &&
            # shellcheck disable=SC2086 # several packages
            { [ -z "$packages" ] || "$folder/bin/python" -m pip install --quiet $packages; }
    } >>"$logs/startup.log" 2>&1 || give_up "$folder could not be made, see $logs/startup.log"
    rm -f "$folder/.incomplete"
}

make_venvs() {
    [ -n "${REKINDLE_PYTHON:-}" ] || make_venv "${python%/bin/python}" "${REKINDLE_PACKAGES-$root}"
    [ -n "${COMFYUI_COMMAND:-}" ] ||
        make_venv "$comfyui_venv" "${COMFYUI_PACKAGES--r $comfyui_path/requirements.txt}"
}

model_paths() { # models of a network volume, where ComfyUI looks for them
    local models=${MODELS_PATH:-/workspace/models} folder
    [ -d "$models" ] || return 1
    {
        echo "rekindle:"
        echo "  base_path: '$models'"
        for folder in "$models"/*/; do
            [ -d "$folder" ] || continue
            folder=$(basename "$folder")
            echo "  '$folder': '$folder'"
        done
    } >"$run/model_paths.yaml"
}

comfyui_command() {
    if [ -n "${COMFYUI_COMMAND:-}" ]; then
        echo "$COMFYUI_COMMAND"
        return
    fi
    local flags="--disable-api-nodes --disable-metadata ${COMFYUI_ARGS:-}"
    model_paths && flags="$flags --extra-model-paths-config '$run/model_paths.yaml'"
    echo "'$comfyui_venv/bin/python' '$comfyui_path/main.py' --listen 127.0.0.1" \
        "--port $COMFYUI_PORT --base-directory '$COMFYUI_BASE_DIRECTORY'" \
        "--database-url 'sqlite:///$COMFYUI_BASE_DIRECTORY/comfyui.db' $flags"
}

# -- Health ---------------------------------------------------------------------------------------

health() { # the agent's answer, or nothing
    local host=$GPU_SERVER_HOST
    [ "$host" != 0.0.0.0 ] || host=127.0.0.1
    (
        exec 3<>"/dev/tcp/$host/$GPU_SERVER_PORT" || exit 1
        printf 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
        timeout 5 cat <&3
    ) 2>/dev/null | tail -n 1
}

wait_for_health() {
    local deadline=$((SECONDS + ${STARTUP_SECONDS:-300}))
    while [ -z "$leaving" ]; do
        case $(health) in *'"status":"healthy"'*) return 0 ;; esac
        running "$run/agent.keeper" >/dev/null || return 1
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
    return 1
}

summary() {
    local name pid
    echo
    echo "Rekindle pod in $home"
    for name in "${SERVICES[@]}"; do
        running "$run/$name.keeper" >/dev/null || continue
        pid=$(running "$run/$name.child") || pid=-
        printf '  %-8s pid %-8s log %s\n' "$name" "$pid" "$logs/$name.log"
    done
    echo "  address  http://$GPU_SERVER_HOST:$GPU_SERVER_PORT"
    echo "  health   $(health)"
}

give_up() {
    log "$*"
    unlock
    exit 1
}

# -- One at a time --------------------------------------------------------------------------------

lock() {
    until (set -o noclobber && echo "$$ $(started $$)" >"$run/startup.lock") 2>/dev/null; do
        running "$run/startup.lock" >/dev/null || rm -f "$run/startup.lock"
        sleep 0.1
    done
}

unlock() {
    rm -f "$run/startup.lock"
}

# -- Main -----------------------------------------------------------------------------------------

all='' foreground='' stop=''
for argument in "$@"; do
    case $argument in
        --all) all=1 ;;
        --foreground) foreground=1 ;;
        --stop) stop=1 ;;
        --help | -h) usage && exit 0 ;;
        *) usage >&2 && exit 64 ;;
    esac
done

umask 077
# ComfyUI makes the other folders of its base directory itself, but ends where this one is missing.
mkdir -p "$run" "$logs" "$COMFYUI_BASE_DIRECTORY/custom_nodes" || exit 1
trap 'leaving=1' TERM INT
lock
if [ -n "$stop" ]; then
    stop_all
    unlock
    exit 0
fi

make_venvs
start comfyui "$(comfyui_command)"
start agent "${AGENT_COMMAND:-'$python' -m worker.agent}"
if [ -n "$all" ]; then
    start api "${API_COMMAND:-'$python' -m api.main}"
    start worker "${WORKER_COMMAND:-'$python' -m worker.main}"
fi
[ -z "${EXTRA_SERVICE_COMMAND:-}" ] || start extra "$EXTRA_SERVICE_COMMAND"
unlock

wait_for_health
code=$?
[ "$code" -eq 0 ] || log "not healthy, see $logs" >&2
summary
[ -n "$foreground" ] || exit "$code"

tail -q -n +1 -F "$logs"/{comfyui,agent}.log 2>/dev/null &
tail=$!
while [ -z "$leaving" ] && running "$run/agent.keeper" >/dev/null; do
    sleep 1
done
stop_all
kill "$tail" 2>/dev/null
[ -n "$leaving" ]
