# Shared by the scripts that start servers: source it.
# shellcheck shell=bash

command_pid=""

# Runs a command so that it, and all that it started, can be stopped before its servers are.
run_command() {
    if [[ -t 0 ]]; then
        # At a terminal the command stays in the foreground: it may read keys, and gets Ctrl-C itself.
        "$@"
        return
    fi
    # Elsewhere a signal comes to the script alone, so the command gets a process group of its own.
    set -m
    "$@" &
    command_pid=$!
    set +m
    local status=0
    wait "$command_pid" || status=$?
    command_pid=""
    return "$status"
}

stop_command() {
    [[ -n $command_pid ]] || return 0
    kill -TERM -- "-$command_pid" 2>/dev/null
    wait "$command_pid" 2>/dev/null || true
    command_pid=""
}

# Sets the traps: `clean_up` runs on every exit, also after a signal.
clean_up_on_exit() {
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}

# A port below the range that the kernel hands out to clients, on which nobody answers.
free_port() {
    local port
    while true; do
        port=$((15000 + (RANDOM * 32768 + RANDOM) % 16000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

fail_with_log() {
    echo "--- $2" >&2
    tail -n 30 "$2" >&2 || true
    fail "$1"
}

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}
