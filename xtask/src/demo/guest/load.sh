#!/bin/bash
# load NAME: what clients do to the node for a while, the same each time: requests without keep-alive over HTTP and
# HTTPS, and name lookups. Leaves its findings in /run/demo/NAME.
set -euo pipefail
. /root/demo/kernel.sh
LASTS=25
into=/run/demo/$1
mkdir -p "$into"

# flood SCHEME: as many requests as get through, a connection each.
flood() {
    ip netns exec client wrk -t1 -c4 -d"${LASTS}s" --timeout 10s -H 'Connection: close' "$1://203.0.113.10/" \
        >"$into/wrk-$1"
}

# People first, so that they see the node in good health; then the flood. wrk keeps silent about connections that never
# come about, people do not.
clients() {
    ip netns exec client python3 /root/demo/visitors.py $((LASTS + 5)) >"$into/visitors.json" &
    sleep 5
    flood http &
    flood https &
    wait
}

# Watches the table until the clients are done; the highest fill goes to a file.
watch_table() {
    local peak=0 beat=0 now limit dropped evicted
    limit=$(</proc/sys/net/netfilter/nf_conntrack_max)
    dropped=$(statistic drop)
    evicted=$(statistic early_drop)
    while kill -0 "$1" 2>/dev/null; do
        now=$(entries)
        peak=$((now > peak ? now : peak))
        if ((beat++ % 8 == 0)); then
            printf '  %2d s  %3d of %d entries, %d packets dropped, %d entries evicted\n' "$SECONDS" "$now" "$limit" \
                $(($(statistic drop) - dropped)) $(($(statistic early_drop) - evicted))
        fi
        sleep 0.5
    done
    echo "$peak" >"$into/peak"
}

# Until nobody is on his way any more: the number of entries stays the same for two seconds.
settle() {
    local before='' round
    for round in {1..10}; do
        [ "$(entries)" = "$before" ] && return
        before=$(entries)
        sleep 2
    done
}

# Sum of the numbers that follow the given word in wrk's output.
wrk_says() {
    awk -v word="$1" '{for (i = 1; i < NF; i++) if ($i == word) sum += $(i + 1)} END {print sum + 0}' "$into"/wrk-*
}

SECONDS=0
clients &
watch_table $!
settle
errors=$(($(wrk_says connect) + $(wrk_says read) + $(wrk_says write) + $(wrk_says timeout) + $(wrk_says 'responses:')))
jq --argjson peak "$(<"$into/peak")" \
    --argjson served "$(awk '/ requests in / {sum += $1} END {print sum + 0}' "$into"/wrk-*)" \
    --argjson wrk_errors "$errors" \
    --argjson count "$(entries)" \
    '. + {peak: $peak, served: ($served + .visits), http_errors: ($wrk_errors + .visit_errors), count: $count}' \
    "$into/visitors.json" >"$into/load.json"
