#!/bin/bash
# GNU parallel, over ssh or on this machine: each host has wirelab, gets the options, and sends its parts back.
#
#   HOSTS=node1,node2 ./parallel.sh      two hosts, one part at a time on each
#   ./parallel.sh                        this machine
#
# Other hosts need rsync, as this one does. WORKDIR names a folder on them for the files, which are removed in the end.
# Use more parts than hosts, so that fast hosts run more of them. Existing parts are not run again. If they have other
# options than sweep.toml, the script ends, and says so.
set -euo pipefail
parts=${PARTS:-20}
part="wirelab bench --config sweep.toml --resume --quiet"
mkdir -p parts
missing=()
for index in $(seq "$parts"); do
    if [[ -e parts/$index.part ]]; then
        # Only checks the part.
        $part --shard "$index/$parts" -o "parts/$index.part"
    else
        missing+=("$index")
    fi
done
remote=()
if [[ -n ${HOSTS:-} ]]; then
    remote=(--sshlogin "$HOSTS" --workdir "${WORKDIR:-.}" --basefile sweep.toml --return "parts/{}.part" --cleanup)
fi
if ((${#missing[@]})); then
    parallel --jobs 1 --retries 3 "${remote[@]}" \
        "mkdir -p parts && $part --shard {}/$parts -o parts/{}.part" ::: "${missing[@]}"
fi
wirelab report parts/*.part --quiet -o all.json > /dev/null
