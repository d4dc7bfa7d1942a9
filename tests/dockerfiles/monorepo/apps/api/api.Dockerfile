FROM node:22
WORKDIR /repo
COPY [".", "."]
WORKDIR /repo/apps/api
CMD ["node", "."]
