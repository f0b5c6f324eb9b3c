# shellcheck shell=bash
# Sourced by try.sh: how its steps are shown, and how it ends when one fails.

# The folder of this run, which has the server's log; empty until try.sh makes it.
work=
# The long work that is waited for.
work_pid=
step_number=0
# What the last command said.
output=

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

now_ms() {
    # EPOCHREALTIME has six decimals, and in some locales a comma.
    local now=${EPOCHREALTIME/[.,]/}
    printf '%s\n' "${now%???}"
}

step() {
    step_number=$((step_number + 1))
    printf '\n%d. %s\n' "$step_number" "$1"
    step_start=$(now_ms)
}

done_in() {
    local ms=$(($(now_ms) - step_start))
    printf '   (%d.%03d s)\n' $((ms / 1000)) $((ms % 1000))
}

indent() {
    sed 's/^/   /'
}

# Tokens are worth keeping to oneself, even those of a development server.
shorten_tokens() {
    sed -E 's/\b((hvs|hvb|s|b)\.[A-Za-z0-9_-]{4})[A-Za-z0-9_.-]{12,}/\1.../g'
}

# print_command TEXT: shows a command as it is typed at the top of the checkout.
print_command() {
    # shellcheck disable=SC2001 # every line of the text, not the first
    sed -e '1s/^/   $ /' -e '2,$s/^/     /' <<<"$1"
}

# show TEXT: prints a command, runs just what it printed at the top of the checkout, prints its result and
# duration. Should it fail, says so in a sentence and ends. The result stays in $output.
show() {
    local status=0
    print_command "$1"
    output=$(cd "$root" && bash -c "set -o pipefail; $1" 2>&1) || status=$?
    if [[ -n $output ]]; then
        shorten_tokens <<<"$output" | indent
    fi
    if ((status != 0)); then
        fail_step "step $step_number failed: the command above ended with status $status."
    fi
}

# Ends with a sentence, and with what the server's log says about it.
fail_step() {
    if [[ -n $work && -s $work/server.log ]]; then
        local lines
        lines=$(grep -E '\[(ERROR|WARN)\]' "$work/server.log" | tail -n 5 | shorten_tokens || true)
        if [[ -n $lines ]]; then
            printf '\n   Last warnings and errors of the server:\n%s\n' "$(indent <<<"$lines")" >&2
        fi
    fi
    echo >&2
    die "$1"
}

# wait_for_work PID WORD LOG: shows that long work goes on until it ends; returns its status. On a
# terminal that is one line, with the end of the log; elsewhere a line now and then.
wait_for_work() {
    local word=$2 log=$3 waited=0 line status=0
    work_pid=$1
    while kill -0 "$work_pid" 2>/dev/null; do
        sleep 1
        waited=$((waited + 1))
        line=$(tail -n 1 "$log" 2>/dev/null | tr -d '\r' | sed -E 's/^ +//; s/ \(.*//' | cut -c1-50)
        if [[ -t 1 ]]; then
            printf '\r\033[K   %s, %d s%s' "$word" "$waited" "${line:+: $line}"
        elif ((waited % 20 == 0)); then
            printf '   %s, %d s%s\n' "$word" "$waited" "${line:+: $line}"
        fi
    done
    if [[ -t 1 ]]; then
        printf '\r\033[K'
    fi
    wait "$work_pid" || status=$?
    work_pid=
    return "$status"
}
