# Swarmtide's image: one static binary, FROM scratch. For `docker build .`; docs/install.md says which role needs which rights.
#
# `base` is all that an image says about itself. `runtime`, the last stage, is `base` with files that this build makes itself;
# `prebuilt` is `base` with files made beforehand, and needs no registry (packaging/image). They differ in one COPY: a test
# compares them, and runs what `prebuilt` gives.

FROM scratch AS base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="swarmtide" \
      org.opencontainers.image.description="Elastic services and a load balancer for Docker Swarm" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# sFlow in, HTTP out.
EXPOSE 6343/udp 8008/tcp
# Nobody. Roles that open the engine's socket or change the kernel's tables are given a user by who starts them.
USER 65534:65534
STOPSIGNAL SIGTERM
# Asks the listener of process 1 whether it lives; an agent without a listener lives as long as its process.
HEALTHCHECK --interval=10s --timeout=6s --retries=3 CMD ["/usr/bin/swarmtide", "health"]
ENTRYPOINT ["/usr/bin/swarmtide"]
CMD ["run"]

FROM base AS prebuilt
COPY rootfs/ /

FROM rust:1.95 AS build
WORKDIR /src
COPY . .
RUN packaging/build && packaging/rootfs target/release/swarmtide /rootfs

FROM base AS runtime
COPY --from=build /rootfs/ /
