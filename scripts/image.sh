#!/usr/bin/env bash
# Builds the image with whichever builder is there. IMAGE names it (default gitsync:dev), BASE replaces debian:trixie-slim.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${IMAGE:-gitsync:dev}
arguments=(${BASE:+--build-arg "BASE=$BASE"} --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)")
for builder in docker podman buildah; do
  "$builder" info >/dev/null 2>&1 || continue # not there, or a client without its daemon
  verb=(build -t "$image")
  [ "$builder" != buildah ] || verb=(bud -t "$image")
  "$builder" "${verb[@]}" "${arguments[@]}" .
  exit
done
echo "image: none of docker, podman and buildah is at work here; start one, or install one (apt-get install buildah)" >&2
exit 1
