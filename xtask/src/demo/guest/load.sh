#!/bin/bash
# load NAME: half a minute of what clients do to the node, the same each time: requests without keep-alive over HTTP and
# HTTPS, and name lookups. Leaves its findings in /run/demo/NAME.
set -euo pipefail
. /root/demo/kernel.sh
export VIP=203.0.113.10 DNS=192.0.2.1 LASTS=30
export into=/run/demo/$1
mkdir -p "$into"

# flood SCHEME: as many requests as get through, a connection each.
flood() {
    wrk -t1 -c12 -d"${LASTS}s" -H 'Connection: close' "$1://$VIP/" >"$into/wrk-$1"
}

# once FILE COMMAND...: notes whether it worked.
once() {
    local file=$1
    shift
    if "$@" >/dev/null 2>&1; then echo ok; else echo failed; fi >>"$into/$file"
}

resolves() { [ "$(dig +short +tries=1 +timeout=2 @$DNS shop.example)" = 192.0.2.80 ]; }

# Somebody looks a name up twice a second.
lookups() {
    while ((SECONDS < LASTS)); do
        once lookups resolves
        sleep 0.5
    done
}

# Somebody opens the page now and then: wrk keeps silent about connections that never come about.
visits() {
    while ((SECONDS < LASTS)); do
        once visits curl -fsk --max-time 3 "http://$VIP/"
        once visits curl -fsk --max-time 3 "https://$VIP/"
        sleep 1
    done
}

# Watches the table until the clients are done; the highest fill goes to a file.
watch_table() {
    local peak=0 now refused evicted limit beat=0
    limit=$(</proc/sys/net/netfilter/nf_conntrack_max)
    refused=$(statistic drop)
    evicted=$(statistic early_drop)
    while kill -0 "$1" 2>/dev/null; do
        now=$(entries)
        peak=$((now > peak ? now : peak))
        if ((beat++ % 8 == 0)); then
            printf '  %2d s  table %4d/%d  dropped %-5d evicted %-5d lookups failed %d\n' "$SECONDS" "$now" "$limit" \
                $(($(statistic drop) - refused)) $(($(statistic early_drop) - evicted)) "$(count failed lookups)"
        fi
        sleep 0.5
    done
    echo "$peak" >"$into/peak"
}

# count ok|failed FILE
count() { grep -cx "$1" "$into/$2" 2>/dev/null || true; }

# Sum of the numbers on wrk's lines of that kind.
wrk_says() { cat "$into"/wrk-* | grep "$1" | grep -o '[0-9]\+' | awk '{sum += $1} END {print sum + 0}'; }

# Until nobody is on his way any more: the number of entries stays the same for two seconds.
settle() {
    local before='' i
    for i in {1..10}; do
        [ "$(entries)" = "$before" ] && return
        before=$(entries)
        sleep 2
    done
}

clients() {
    SECONDS=0
    flood http &
    flood https &
    lookups &
    visits &
    wait
}
export -f flood once resolves lookups visits clients

ip netns exec client bash -c clients &
watch_table $!
wait
settle
jq -n --argjson peak "$(cat "$into/peak")" \
    --argjson served "$(grep -h 'requests in' "$into"/wrk-* | awk '{sum += $1} END {print sum + 0}')" \
    --argjson http_errors "$(($(wrk_says 'Socket errors') + $(wrk_says 'Non-2xx') + $(count failed visits)))" \
    --argjson answered "$(count ok lookups)" \
    --argjson dns_errors "$(count failed lookups)" \
    --argjson count "$(entries)" \
    '$ARGS.named' >"$into/load.json"
