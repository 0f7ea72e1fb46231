# One image for the API and for the workers: `docker run kaje api`, `docker run kaje worker`.
ARG NODE_IMAGE=node:20-bookworm-slim

FROM ${NODE_IMAGE} AS base
WORKDIR /app
COPY package.json package-lock.json ./

FROM base AS build
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY api api
COPY cli cli
COPY client client
COPY shared shared
COPY tasks tasks
COPY worker worker
RUN npm run build

FROM base AS deps
# The link lets task modules below /app import 'kaje', also those with a package.json of their own.
RUN npm ci --omit=dev --no-audit --no-fund && ln -s .. node_modules/kaje

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    KAJE_HOST=0.0.0.0 \
    KAJE_HEALTH_HOST=0.0.0.0
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=deps /app/node_modules node_modules
COPY --from=build /app/dist dist
# All of /app belongs to root: the process can read what it runs, but not change it.
USER node
EXPOSE 8000
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["--help"]
