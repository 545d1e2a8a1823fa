# syntax=docker/dockerfile:1
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci --ignore-scripts
COPY src ./src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-slim
# A release says what it was made of (.github/workflows/release.yml).
ARG VERSION=unreleased
ARG REVISION=
ARG CREATED=
ARG SOURCE=
LABEL org.opencontainers.image.title="docusign-governor" \
      org.opencontainers.image.description="A reverse proxy that keeps every app inside DocuSign's rules" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/node:24-slim" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE"
WORKDIR /app
# V8 lets a heap grow to four times what lives in it where it may become 2 GB or more, and keeps that: a flood of
# strangers would be seen in memory long after it (README, "Memory").
ENV NODE_ENV=production \
    NODE_OPTIONS=--max-old-space-size=1024 \
    GOVERNOR_LISTEN_HOST=0.0.0.0
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/build/src ./build/src
COPY package.json LICENSE ./
COPY config ./config
COPY src/admin/page ./src/admin/page
COPY src/plan/report ./src/plan/report
# What must survive a restart (state.path). A new volume takes over whom the folder belongs to.
RUN mkdir --mode=700 data && chown node:node data
VOLUME /app/data
USER node
EXPOSE 8080 9464
# The admin port answers on the container's own loopback, whatever else it listens on.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.GOVERNOR_ADMIN_PORT || 9464) + '/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "build/src/main.js"]
CMD ["serve"]
