#!/bin/sh
# Two daemons that copy files, and a browser that plays a stream: who gets what, by files alone.
#
#   netnice.sh MOUNT LINK DAEMON1 DAEMON2 BROWSER STREAM_FD
#
# MOUNT is where classes are files (`files: /run/shaper/net`), LINK a link of at least 10 Mbit/s in its
# configuration. DAEMON1, DAEMON2 and BROWSER are process ids; STREAM_FD is the descriptor of the browser's
# socket for the stream (ls MOUNT/processes/BROWSER/sockets).
#
#   wan/up ─┬─ vif3  4 Mbit/s for both daemons ─┬─ vif1  half of it: DAEMON1
#           │                                   └─ vif2  half of it: DAEMON2
#           ├─ vif4  the stream of BROWSER, before all others
#           └─ vif5  everything else of BROWSER, 3 Mbit/s at most
set -eu
mount=$1 link=$2 daemon1=$3 daemon2=$4 browser=$5 stream=$6
up=$mount/network/$link/up

# A virtual interface is a directory, and its parameters are files in it.
mkdir "$up/vif3"
echo 4mbit > "$up/vif3/bandwidth"
echo wfq > "$up/vif3/mode"
mkdir "$up/vif3/vif1" "$up/vif3/vif2"
echo 50% > "$up/vif3/vif1/rate"
echo 50% > "$up/vif3/vif2/rate"

mkdir "$up/vif4" "$up/vif5"
echo 2mbit > "$up/vif4/rate"
echo 0 > "$up/vif4/priority"
echo 3mbit > "$up/vif5/bandwidth"

# A link from a process, or from one of its sockets, attaches it.
network=../../network/$link/up
ln -s "$network/vif3/vif1" "$mount/processes/$daemon1/$link.up"
ln -s "$network/vif3/vif2" "$mount/processes/$daemon2/$link.up"
ln -s "$network/vif5" "$mount/processes/$browser/$link.up"
ln -s "../../$network/vif4" "$mount/processes/$browser/sockets/$stream/$link.up"

for vif in vif3/vif1 vif3/vif2 vif4 vif5; do
    echo "$vif: $(cat "$up/$vif/bandwidth"), $(cat "$up/$vif/clients")"
done
