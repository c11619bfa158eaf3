#!/bin/bash
# GNU parallel, over ssh or on this machine: each host has wirelab, gets the options, and sends its parts back.
#
#   HOSTS=node1,node2 ./parallel.sh      two hosts, one part at a time on each
#   ./parallel.sh                        this machine
#
# Other hosts need rsync, as this one does. WORKDIR names a folder on them for the files, which are removed in the end.
# Use more parts than hosts, so that fast hosts run more of them. Existing parts are not run again.
set -euo pipefail
parts=${PARTS:-20}
mkdir -p parts
for part in $(seq "$parts"); do
    [[ -e parts/$part.part ]] || echo "$part"
done | parallel --sshlogin "${HOSTS:-:}" --jobs 1 --retries 3 --workdir "${WORKDIR:-.}" \
    --basefile sweep.toml --return parts/{}.part --cleanup \
    "mkdir -p parts && wirelab bench --config sweep.toml --shard {}/$parts --quiet -o parts/{}.part"
wirelab report parts/*.part -o all.json
