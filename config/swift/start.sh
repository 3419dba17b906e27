#!/bin/bash
# Build the rings of a one-device cluster, then run all its servers until one of them ends.
set -euo pipefail
cd /etc/swift

sed -i "s|@SWIFT_PASSWORD@|$SWIFT_PASSWORD|" proxy-server.conf
for ring in account:6202 container:6201 object:6200; do
    builder="${ring%:*}.builder"
    swift-ring-builder "$builder" create 6 1 0
    swift-ring-builder "$builder" add "r1z1-127.0.0.1:${ring#*:}/d1" 1
    swift-ring-builder "$builder" rebalance
done

for server in account container object proxy; do
    swift-$server-server $server-server.conf --verbose &
done
swift-container-updater container-server.conf --verbose &
swift-object-updater object-server.conf --verbose &
swift-object-expirer object-expirer.conf --verbose &
trap 'kill $(jobs -p)' EXIT
trap exit TERM INT
wait -n  # for the first of them to end
exit 1
