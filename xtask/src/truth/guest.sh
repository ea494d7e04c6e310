#!/bin/sh
# Runs inside the laboratory: plays the set-ups named, or all, a line of JSON each.
modprobe -a nf_conntrack nf_conntrack_ftp 2>/dev/null
sysctl -qw net.netfilter.nf_conntrack_max=65536
ctwatch-tests truth "$@"
# 1: one could not be played; its line says so.
status=$?
[ "$status" -le 1 ] || exit "$status"
