#!/bin/bash
# An ingress node drowns in its own conntrack table, is looked at, and recovers. Root, inside the laboratory.
set -euo pipefail
. /root/demo/kernel.sh
VIP=203.0.113.10
FOREIGN='-A PREROUTING -s 198.51.100.66/32 -m comment --comment blocklist -j DROP'
home=/run/demo
mkdir -p "$home" /out
cd "$home"

say() { printf '\n# %s\n' "$@"; }

# A command, shown as it would be typed, then run.
run() {
    printf '$ %s\n' "$*"
    "$@"
}

network() {
    ip netns add client
    ip link add node type veth peer name eth0 netns client
    ip address add 192.0.2.1/24 dev node
    ip link set node up
    ip address add $VIP/32 dev lo
    ip -n client address add 192.0.2.2/24 dev eth0
    ip -n client link set lo up
    ip -n client link set eth0 up
    ip -n client route add $VIP via 192.0.2.1
}

services() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=shop.example \
        -keyout tls.key -out tls.crt 2>/dev/null
    cat >nginx.conf <<-END
		worker_processes 1;
		error_log $home/nginx.log;
		events { worker_connections 4096; }
		http {
		    access_log off;
		    server {
		        listen $VIP:80 backlog=4096;
		        listen $VIP:443 ssl backlog=4096;
		        ssl_certificate $home/tls.crt;
		        ssl_certificate_key $home/tls.key;
		        location / { return 200 "welcome\n"; }
		    }
		}
	END
    nginx -c "$home/nginx.conf"
    dnsmasq --conf-file=/dev/null --user=nobody --bind-interfaces --listen-address=192.0.2.1 --no-resolv --no-hosts \
        --address=/shop.example/192.0.2.80
}

# What a careful operator has: everything is dropped but what is known or wanted.
filter() {
    iptables -P INPUT DROP
    iptables -A INPUT -i lo -j ACCEPT
    iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
    iptables -A INPUT -p tcp --dport 80 -j ACCEPT
    iptables -A INPUT -p tcp --dport 443 -j ACCEPT
    iptables -A INPUT -p udp --dport 53 -j ACCEPT
    iptables -A INPUT -p tcp --dport 53 -j ACCEPT
    # Not ours, and none of our business.
    # shellcheck disable=SC2086
    iptables -t raw $FOREIGN
    sysctl -qw net.netfilter.nf_conntrack_max=200
}

# phase NAME: records the load, and leaves the kernel's figures around it beside ctwatch's in /out/NAME.json.
phase() {
    kernel_figures >first.json
    run ctwatch record -f "$1.db" -- load "$1"
    kernel_figures >last.json
    ctwatch report "$1.db" --top 100000 -o json >report.json
    jq -n --slurpfile first first.json --slurpfile load "$1/load.json" --slurpfile last last.json \
        --slurpfile report report.json --argjson max "$(</proc/sys/net/netfilter/nf_conntrack_max)" \
        '{max: $max, first: $first[0], load: $load[0], last: $last[0], report: $report[0]}' >"/out/$1.json"
    cp "$1.db" /out
    cp -r "$1" /out
}

# The ports whose rules are printed, as lines: protocol, port, address.
advised() {
    jq -r '.ports[] | select(.verdict == "safe" or .verdict == "needs-accept") | . as $p | .addresses[] |
        "\($p.protocol) \($p.port) \(.)"' advice.json
}

# Entries that stand keep their place until they time out, rules or no rules.
drain() {
    local protocol port address
    while read -r protocol port address; do
        echo "\$ conntrack -D -p $protocol --orig-dst $address --orig-port-dst $port"
        # It fails when there is nothing to delete.
        conntrack -D -p "$protocol" --orig-dst "$address" --orig-port-dst "$port" 2>&1 >/dev/null | cut -d: -f2- || true
    done < <(advised)
}

network
services
filter
echo "A node: VIP $VIP on lo, nginx on 80 and 443, DNS on 53, room for $(</proc/sys/net/netfilter/nf_conntrack_max) conntrack entries."
echo "Its filter accepts 80, 443 and 53 by port, whatever is established, and nothing else."

say "Clients come, a connection for each request. Somebody looks names up meanwhile."
phase before
say "What happened?"
run ctwatch report before.db
say "What helps?"
run ctwatch advise before.db
ctwatch advise before.db -o json >advice.json
cp advice.json /out

say "The same rules as a script, applied as printed. Entries that stand already would stay until they time out: they go, too."
ctwatch advise before.db --format iptables >rules.sh
run cat rules.sh
run sh rules.sh
drain
cp rules.sh /out

say "The same load again."
phase after
run ctwatch report after.db --by port

# Entries whose original direction goes to an advised port or comes from one.
left=0
while read -r protocol port address; do
    left=$((left + $(conntrack -L -p "$protocol" --orig-dst "$address" --orig-port-dst "$port" 2>/dev/null | wc -l)))
    left=$((left + $(conntrack -L -p "$protocol" --orig-src "$address" --orig-port-src "$port" 2>/dev/null | wc -l)))
done < <(advised)
iptables -t raw -S >/out/raw.txt
survived=false
grep -qxF -- "$FOREIGN" /out/raw.txt && survived=true
jq -n --argjson netns "$(stat -L -c %i /proc/self/ns/net)" --argjson entries_left "$left" \
    --argjson foreign_rule_survived "$survived" \
    --argjson advised "$(advised | jq -R 'split(" ") | {protocol: .[0], port: .[1] | tonumber}' | jq -s 'unique')" \
    '$ARGS.named' >/out/node.json
