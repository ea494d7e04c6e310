#!/bin/bash
# A part of ctwatch-bench inside the laboratory.
set -eu
ulimit -n 65536
modprobe veth
exec ctwatch-bench "$@"
