# The operator's image: built with g++ 14, run by user 65532 with a read-only root; only /var/lib/gitsync and /tmp are written.
ARG BASE=debian:trixie-slim

# The render worker is Go without cgo: it runs on any base. Debian's own Go fetches the version that go.mod names, should it be older.
FROM ${BASE} AS render-worker
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends golang-go ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY operator/render/worker ./
RUN CGO_ENABLED=0 GOTOOLCHAIN=auto go build -trimpath -buildvcs=false -ldflags '-s -w' -o /out/gitsync-render-worker .

FROM ${BASE} AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      g++-14 lld-19 cmake ninja-build pkg-config libboost-dev libcurl4-openssl-dev libssl-dev zlib1g-dev libgit2-dev \
      libyaml-cpp-dev libyaml-dev libcli11-dev nlohmann-json3-dev prometheus-cpp-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY operator operator
RUN cmake --preset release -DCMAKE_CXX_COMPILER=g++-14 -DGITSYNC_RENDER_WORKER=OFF && cmake --build --preset release --target gitsync gitsync-git-worker
# What the runtime stage needs: the stripped binary, and the packages that its shared libraries come from. They are looked up
# instead of named, so that another BASE with other library versions works as well.
RUN mkdir /out && cp build/release/gitsync build/release/gitsync-git-worker /out/ && strip /out/* \
    && readelf -d /out/gitsync /out/gitsync-git-worker | sed -n 's/.*Shared library: \[\(.*\)\]$/\1/p' \
       | while read -r library; do ldconfig -p | awk -v name="$library" '$1 == name {print $NF; exit}'; done \
       | while read -r path; do dpkg -S "$path" 2>/dev/null || dpkg -S "$(realpath "$path")" || dpkg -S "/usr$path" || exit 1; done \
       | cut -d: -f1 | sort -u > /out/packages && cat /out/packages && test -s /out/packages

FROM ${BASE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gitsync" \
      org.opencontainers.image.description="GitOps operator for Kubernetes" \
      org.opencontainers.image.source="https://github.com/diazoxide/gitsync" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
RUN --mount=type=bind,from=build,source=/out,target=/out \
    --mount=type=bind,from=render-worker,source=/out,target=/render-worker \
    apt-get update && DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends ca-certificates tzdata </out/packages \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old \
    && install -m 755 /out/gitsync /out/gitsync-git-worker /render-worker/gitsync-render-worker /usr/local/bin/ \
    && install -d -o 65532 -g 65532 -m 700 /var/lib/gitsync \
    && gitsync version
ENV HOME=/var/lib/gitsync
USER 65532:65532
WORKDIR /var/lib/gitsync
ENTRYPOINT ["gitsync"]
CMD ["operator"]
