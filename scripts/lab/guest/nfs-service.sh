#!/bin/bash
# Stands in for the systemd unit `nfs-server` in a guest: start, stop, restart. The settings are
# those that scripts/provision/nfs-server-settings.sh wrote.
set -euo pipefail

is_active() {
  [[ -e /proc/fs/nfsd/threads && $(</proc/fs/nfsd/threads) != 0 ]]
}

start() {
  ! is_active || return 0
  modprobe -a sunrpc nfsd
  mountpoint -q /run/rpc_pipefs || mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
  mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
  pidof rpcbind >/dev/null || rpcbind -w
  pidof rpc.statd >/dev/null || rpc.statd --no-notify
  # Knows over a restart which clients may reclaim their locks; the kernel asks it at its start.
  mkdir -p /var/lib/nfs/nfsdcld
  pidof nfsdcld >/dev/null || nfsdcld
  exportfs -ra
  pidof rpc.mountd >/dev/null || rpc.mountd
  # What a server with a few gigabytes of memory offers by itself; to this guest's few it would say 32 KiB.
  echo 1048576 >/proc/fs/nfsd/max_block_size
  rpc.nfsd
}

stop() {
  ! is_active || rpc.nfsd 0
}

case ${1:-} in
  start | stop) "$1" ;;
  restart) stop && start ;;
  *)
    echo 'usage: nfs-service.sh start|stop|restart' >&2
    exit 2
    ;;
esac
