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

# The packages that the server needs. Project settings (.npmrc) forbid install scripts.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /cloister
COPY .npmrc package.json package-lock.json ./
RUN npm ci --omit=dev

FROM node:24.21.0-bookworm-slim
# tini reaps the supervisors, which outlive the server. BusyBox replaces Alpine if no archive can be downloaded, and
# probes the health of the server.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends busybox-static tini \
  && rm -rf /var/lib/apt/lists/* \
  && ln -s /cloister/bin/cloister /usr/local/bin/cloister
WORKDIR /cloister
COPY --from=packages /cloister/node_modules node_modules
COPY --from=launcher /cloister/build/cell build/cell
COPY LICENSE package.json ./
COPY bin bin
COPY schema schema
COPY rootfs rootfs
COPY src src

# Node.js uses HTTPS_PROXY only with this variable.
ENV NODE_ENV=production NODE_USE_ENV_PROXY=1

# Jobs, logs, the token, and the image, which the first start downloads.
VOLUME /var/lib/cloister

# The server listens on every interface of the container; --publish decides which of the host's reach it.
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/health"]
ENTRYPOINT ["tini", "--", "cloister"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--listen-public"]
