# Cloister in a container. "make docker-build" builds it; "make docker-run" says which privileges it needs, and why.

# The launcher: static, so that only this stage needs a compiler.
FROM node:24.21.0-bookworm-slim AS launcher
RUN apt-get update \
  && apt-get install --yes --no-install-recommends gcc libc6-dev make \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /cloister
COPY Makefile ./
COPY src/runtime/launcher src/runtime/launcher
RUN make build/cell

# Everything of ours, with the packages that the server needs. Project settings (.npmrc) forbid install scripts.
FROM node:24.21.0-bookworm-slim AS cloister
WORKDIR /cloister
COPY .npmrc package.json package-lock.json ./
# PEM text of certificates to trust besides those that Node.js knows, for networks with a proxy that decrypts.
ARG CA_CERTIFICATES=
RUN if [ -n "$CA_CERTIFICATES" ]; then \
    printf '%s\n' "$CA_CERTIFICATES" >/tmp/ca.pem && export NODE_EXTRA_CA_CERTS=/tmp/ca.pem; \
  fi \
  && npm ci --omit=dev
COPY docker docker
RUN docker/prune node_modules
COPY --from=launcher /cloister/build/cell build/cell
COPY LICENSE ./
COPY bin bin
COPY schema schema
COPY rootfs rootfs
COPY src src
# Whatever the modes in the checkout were: the container may run as any user.
RUN rm -r .npmrc package-lock.json docker/prune src/runtime/launcher \
  && chmod -R a+rX . \
  && chmod a+x build/cell

FROM node:24.21.0-bookworm-slim
# tini reaps the supervisors, which outlive the server. BusyBox replaces Alpine if no archive can be downloaded, and
# probes the health of the server.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends busybox-static tini \
  && rm -rf /var/lib/apt/lists/* \
  && ln -s /cloister/bin/cloister /usr/local/bin/cloister \
  && mkdir --mode=1777 /var/lib/cloister
COPY --from=cloister /cloister /cloister
WORKDIR /cloister

# Node.js uses HTTPS_PROXY only with NODE_USE_ENV_PROXY. The end of a container is the end of its jobs: they are stopped
# in good order before Docker kills them.
ENV NODE_ENV=production NODE_USE_ENV_PROXY=1 \
  CLOISTER_STATE_DIR=/var/lib/cloister CLOISTER_ON_STOP=stop-jobs

# Jobs, logs, the token, and the image, which the first start downloads. A new volume takes over the folder's mode, so that
# any user can use it.
VOLUME /var/lib/cloister

# The server listens on every interface of the container; --publish decides which of the host's reach it.
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/health"]
ENTRYPOINT ["tini", "--", "/cloister/docker/entrypoint"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--listen-public"]
