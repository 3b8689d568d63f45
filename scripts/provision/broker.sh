#!/usr/bin/env bash
# Makes this Debian host a Holdfast node: mounts the shared store (broker-mount.sh), installs Node when
# there is none that is new enough, builds Holdfast from a source tree and runs it under systemd.
# Run as root; running it again updates the installation and restarts the node.
set -euo pipefail

readonly INSTALL_DIR=/opt/holdfast
readonly NODE_DIR=/opt/holdfast-node
readonly NODE_LINE=22

usage() {
  cat <<'TEXT'
usage: broker.sh --server HOST --stomp HOST:PORT [--name NAME] [--export DIR] [--store DIR]
                 [--source DIR] [--uid NUMBER] [--allow-anonymous]

  --server HOST       the NFS server
  --stomp HOST:PORT   where this node serves STOMP; an address that clients can reach
  --name NAME         this node (default: the host name)
  --export DIR        the directory that the server exports (default: /srv/holdfast)
  --store DIR         where it is mounted here (default: /srv/holdfast)
  --source DIR        the source tree of Holdfast (default: the one this script lies in)
  --uid NUMBER        user and group id of the brokers, the same on every host (default: 861)
  --allow-anonymous   serve other hosts although there are no users; for a trusted network only
TEXT
}

fail() {
  printf 'broker.sh: %s\n' "$1" >&2
  exit 2
}

server=''
stomp=''
name=$(hostname)
export_dir=/srv/holdfast
store=/srv/holdfast
uid=861
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
allow_anonymous=false
while (($# > 0)); do
  case $1 in
    --server) server=${2:?--server needs a value} ;;
    --stomp) stomp=${2:?--stomp needs a value} ;;
    --name) name=${2:?--name needs a value} ;;
    --export) export_dir=${2:?--export needs a value} ;;
    --store) store=${2:?--store needs a value} ;;
    --source) source_dir=${2:?--source needs a value} ;;
    --uid) uid=${2:?--uid needs a value} ;;
    --allow-anonymous) allow_anonymous=true && shift && continue ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && fail "unknown option $1" ;;
  esac
  shift 2
done
[[ -n $server && -n $stomp ]] || { usage >&2 && fail '--server and --stomp are needed'; }
((EUID == 0)) || fail 'run it as root'

install_packages() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1);'
}

# Debian 12 has Node 18. Its npm is good enough to fetch a newer Node, with headers, and npm.
ensure_node() {
  PATH=$NODE_DIR/node_modules/.bin:$PATH
  node_is_new_enough && return
  install_packages nodejs npm
  node_is_new_enough && return
  local machine
  case $(uname -m) in
    x86_64) machine=x64 ;;
    aarch64) machine=arm64 ;;
    *) fail "install Node 20.19 or newer by hand: there is no package for $(uname -m)" ;;
  esac
  mkdir -p "$NODE_DIR"
  npm install --prefix "$NODE_DIR" --ignore-scripts --no-audit --no-fund \
    "node-linux-$machine@$NODE_LINE" npm@11
  hash -r
  node_is_new_enough || fail "the Node in $NODE_DIR does not run"
}

install_holdfast() {
  rsync --archive --delete --chown=root:root \
    --exclude=/.git --exclude=/.cache --exclude=/.vagrant --exclude=/data --exclude=/dist \
    --exclude=/node_modules "$source_dir/" "$INSTALL_DIR/"
  (cd "$INSTALL_DIR" && npm run --silent build)
  cat >/usr/local/bin/holdfast <<TEXT
#!/bin/sh
exec $(command -v node) $INSTALL_DIR/dist/src/cli/main.js "\$@"
TEXT
  chmod 755 /usr/local/bin/holdfast
}

configure_service() {
  mkdir -p /etc/holdfast
  cat >/etc/holdfast/holdfast.env <<TEXT
# Written by Holdfast's scripts/provision/broker.sh; docs/configuration.md names every setting.
HOLDFAST_STORE=$store
HOLDFAST_NAME=$name
HOLDFAST_STOMP_LISTEN=$stomp
HOLDFAST_ALLOW_ANONYMOUS=$allow_anonymous
TEXT
  # The unit names the usual mount point; another one needs the same lines for itself.
  sed "s#/srv/holdfast#$store#g" "$INSTALL_DIR/deploy/systemd/holdfast.service" \
    >/etc/systemd/system/holdfast.service
  systemctl daemon-reload
  systemctl enable --quiet holdfast
  systemctl restart holdfast
}

install_packages nfs-common rsync g++ make python3
"$source_dir/scripts/provision/broker-mount.sh" --server "$server" --export "$export_dir" \
  --store "$store" --uid "$uid"
ensure_node
install_holdfast
configure_service

printf 'Holdfast node %s: STOMP on %s, store %s on %s\n' "$name" "$stomp" "$store" "$server"
