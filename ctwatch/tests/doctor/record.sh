#!/bin/sh
# Records what `ctwatch doctor --root DIR` reads of a node: sh record.sh DIR, as root, for what everybody may read as
# anybody else. Changes nothing but DIR. Large files are cut down to the lines that doctor reads.
set -u
out=$1

# Files as they are; those that cannot be read are left out.
keep() {
    for file; do
        [ -f "$file" ] && [ -r "$file" ] || continue
        mkdir -p "$out${file%/*}"
        cat "$file" >"$out$file" 2>/dev/null || rm -f "$out$file"
    done
}

# The lines of a file that match.
lines() {
    file=$1 pattern=$2
    [ -r "$file" ] || return 0
    mkdir -p "$out${file%/*}"
    grep -E "$pattern" "$file" >"$out$file" 2>/dev/null
    [ -s "$out$file" ] || rm -f "$out$file"
}

# An empty file for something that only has to be there.
mark() {
    for file; do
        [ -e "$file" ] || continue
        mkdir -p "$out${file%/*}"
        : >"$out$file"
    done
}

keep /proc/sys/kernel/hostname /proc/sys/kernel/osrelease /proc/sys/kernel/unprivileged_bpf_disabled \
    /proc/sys/kernel/perf_event_paranoid /proc/sys/kernel/kptr_restrict
keep /proc/sys/net/netfilter/nf_conntrack_* /proc/sys/net/nf_conntrack_max
keep /proc/sys/net/ipv4/tcp_tw_recycle /proc/sys/net/ipv4/tcp_tw_reuse /proc/sys/net/ipv4/tcp_fastopen \
    /proc/sys/net/ipv4/tcp_keepalive_time
keep /proc/sys/net/ipv4/vs/conn_reuse_mode /proc/sys/net/ipv4/vs/conntrack \
    /proc/sys/net/ipv4/vs/expire_nodest_conn /proc/sys/net/ipv4/vs/expire_quiescent_template
keep /sys/module/nf_conntrack/parameters/hashsize /sys/kernel/security/lockdown
keep /proc/net/stat/nf_conntrack /proc/net/ip_vs /proc/net/ip_tables_names /proc/net/ip6_tables_names
for file in /etc/sysctl.conf /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do
    grep -qE '^[^#;]*(nf_conntrack|net.ipv4.(tcp_|vs))' "$file" 2>/dev/null && keep "$file"
done
for file in /etc/modprobe.d/*.conf /usr/lib/modprobe.d/*.conf; do
    lines "$file" '^options nf_conntrack '
done
lines /proc/kallsyms ' [tT] (_stext|__nf_conntrack_(hash_insert|confirm|alloc)|nf_conntrack_(hash_check_insert|free|in|tcp_packet|dccp_packet|sctp_packet)|nf_(ct_)?l4proto_log_invalid|nf_ct_(delete|resolve_clash|gc_expired|kill_acct)|__nf_ct_kill_acct|early_drop|gc_worker|nf_tables_newtable|nft_target_select_ops|ctnetlink_new_conntrack)(\.|[[:space:]]|$)'
lines /proc/modules '^nf_conntrack '
lines /proc/meminfo '^MemTotal:'
lines /proc/slabinfo '^nf_conntrack '
lines /proc/self/status '^CapPrm:'
lines /proc/self/limits '^Max locked memory'
options='^CONFIG_(KPROBES|KPROBE_EVENTS|BPF_SYSCALL|BPF_JIT|BPF_EVENTS|TRACEPOINTS|FUNCTION_TRACER|DYNAMIC_FTRACE_WITH_DIRECT_CALLS|DEBUG_INFO_BTF|SECURITY_LOCKDOWN_LSM)='
lines "/boot/config-$(uname -r)" "$options"
if [ -r /proc/config.gz ]; then
    zcat /proc/config.gz | grep -E "$options" | gzip -9n >"$out/proc/config.gz"
fi
mark /sys/bus/event_source/devices/kprobe /sys/kernel/btf/vmlinux /sys/kernel/btf/nf_conntrack /sys/class/net/*

for process in /proc/[0-9]*; do
    [ "$process" = /proc/1 ] && mark /proc/1/comm
    case $(cat "$process/cmdline" 2>/dev/null | tr '\0' ' ') in
    *kube-proxy* | */dockerd* | dockerd* | *calico-node* | *cilium-agent*) keep "$process/cmdline" ;;
    esac
done

# What programs print, where the kernel has it already.
print() {
    mkdir -p "$out/programs"
    name=$1
    shift
    "$@" >"$out/programs/$name" 2>/dev/null || rm -f "$out/programs/$name"
}
if grep -q ' nf_tables_newtable' /proc/kallsyms; then
    print nft-list-ruleset.json nft -j list ruleset
fi
if grep -q ' nft_target_select_ops' /proc/kallsyms; then
    print iptables-save iptables-nft-save
    print ip6tables-save ip6tables-nft-save
fi
grep -qs . /proc/net/ip_tables_names && print iptables-legacy-save iptables-legacy-save
grep -qs . /proc/net/ip6_tables_names && print ip6tables-legacy-save ip6tables-legacy-save
exit 0
