#!/bin/bash
# Process 1 inside the laboratory: sets the stage, runs the script, reports its exit status.
# Disk /dev/vdd takes /out as a tar; the ports "out", "err" and "control" lead to the host.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8 TERM=dumb

mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
ln -sfn /proc/self/mounts /etc/mtab
mkdir -p /run/lock /run/netns /out
chown 1000:1000 /home/sre
release=$(uname -r)
[ -e "/lib/modules/$release/config" ] && ln -sfn "/lib/modules/$release/config" "/boot/config-$release"
hostname lab
ip link set lo up

port() {
    local at
    for at in /sys/class/virtio-ports/*; do
        [ "$(<"$at/name")" = "$1" ] && echo "/dev/${at##*/}"
    done
}

# A port can be opened once only. The script writes to pipes, so that /dev/stdout and /dev/stderr
# work inside it and in the programs it starts.
exec {out}> >(exec cat >"$(port out)")
cats=$!
exec {err}> >(exec cat >"$(port err)")
cats="$cats $!"
exec {control}>"$(port control)"

mapfile -d '' -t command </lab/command
cd /root || exit
(
    exec {control}>&-
    exec "${command[@]}" </dev/null >&"$out" 2>&"$err" {out}>&- {err}>&-
)
status=$?

# What the script left running would hold the pipes open for ever.
for round in 1 2; do
    for process in /proc/[0-9]*; do
        pid=${process##*/}
        case " 1 $cats " in *" $pid "*) ;; *) kill -9 "$pid" 2>/dev/null ;; esac
    done
done
cd /
tar -cf /dev/vdd -C /out . 2>&"$err" || echo "lab: /out could not be handed over" >&"$err"
sync
exec {out}>&- {err}>&-
wait $cats
echo "exit $status" >&"$control"
exec /bin/busybox poweroff -f
