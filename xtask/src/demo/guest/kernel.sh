# What the kernel says of its table, read without ctwatch. Sourced.

entries() { echo "$(</proc/sys/net/netfilter/nf_conntrack_count)"; }

# statistic COLUMN: sum over the processors of a column of /proc/net/stat/nf_conntrack, whose figures are hexadecimal.
statistic() {
    local names row i at='' sum=0
    {
        read -ra names
        for i in "${!names[@]}"; do [ "${names[i]}" = "$1" ] && at=$i; done
        [ -n "$at" ] || { echo "no column $1 in /proc/net/stat/nf_conntrack" >&2; return 1; }
        while read -ra row; do sum=$((sum + 16#${row[at]})); done
    } </proc/net/stat/nf_conntrack
    echo "$sum"
}

# The same sum as conntrack-tools print it.
conntrack_tools() {
    conntrack -S | grep -o " $1=[0-9]*" | awk -F= '{sum += $2} END {print sum + 0}'
}

# The figures the demonstration is judged by, as JSON.
kernel_figures() {
    jq -n --argjson count "$(entries)" \
        --argjson drop "$(statistic drop)" \
        --argjson early_drop "$(statistic early_drop)" \
        --argjson insert_failed "$(statistic insert_failed)" \
        --argjson chaintoolong "$(conntrack_tools chaintoolong)" \
        --argjson tools_drop "$(conntrack_tools drop)" \
        --argjson tools_early_drop "$(conntrack_tools early_drop)" \
        '$ARGS.named'
}
