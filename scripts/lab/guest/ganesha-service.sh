#!/bin/bash
# Stands in for the systemd unit `nfs-ganesha` in a guest: start, stop, restart. NFS-Ganesha serves NFS from
# a process of its own, so here the kernel's server is not used at all. The settings are those that
# scripts/provision/nfs-server-settings.sh wrote for the kernel's server, said in Ganesha's words.
set -euo pipefail

readonly CONFIG=/etc/ganesha/holdfast.conf
readonly PID_FILE=/run/ganesha.pid
readonly LOG=/var/log/ganesha.log
readonly NFS_PORT=2049

is_active() {
  pidof ganesha.nfsd >/dev/null
}

setting() {
  nfsconf --get "$1" "$2"
}

write_config() {
  local export_dir clients
  read -r export_dir clients <<<"$(grep -v '^#' /etc/exports.d/holdfast.exports)"
  cat >"$CONFIG" <<TEXT
NFS_CORE_PARAM {
  Protocols = 4;
  Enable_NLM = false;
  Enable_RQUOTA = false;
}
NFS_KRB5 {
  Active_krb5 = false;
}
NFSV4 {
  Lease_Lifetime = $(setting nfsd lease-time);
  Grace_Period = $(setting nfsd grace-time);
  Only_Numeric_Owners = true;
}
EXPORT {
  Export_Id = 1;
  Path = "$(setting exports rootdir)$export_dir";
  Pseudo = "$export_dir";
  SecType = sys;
  Squash = Root_Squash;
  CLIENT {
    Clients = ${clients%%(*};
    Access_Type = RW;
  }
  FSAL {
    Name = VFS;
  }
}
TEXT
}

start() {
  ! is_active || return 0
  # Where Ganesha looks for file systems.
  ln -sf /proc/self/mounts /etc/mtab
  # Knows over a restart which clients may reclaim their locks, and lies on the server's disk.
  mkdir -p /var/lib/nfs/ganesha
  pidof rpcbind >/dev/null || rpcbind -w
  write_config
  ganesha.nfsd -f "$CONFIG" -p "$PID_FILE" -L "$LOG" -N NIV_EVENT
  until (: >"/dev/tcp/127.0.0.1/$NFS_PORT") 2>/dev/null; do
    is_active || { tail -n 20 "$LOG" >&2 && return 1; }
    sleep 0.1
  done
}

stop() {
  is_active || return 0
  local pid
  pid=$(pidof ganesha.nfsd)
  kill "$pid"
  tail --pid="$pid" --sleep-interval=0.1 -f /dev/null
}

case ${1:-} in
  start | stop) "$1" ;;
  restart) stop && start ;;
  *)
    echo 'usage: ganesha-service.sh start|stop|restart' >&2
    exit 2
    ;;
esac
