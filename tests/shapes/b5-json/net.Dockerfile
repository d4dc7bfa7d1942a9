FROM busybox
RUN ulimit -n > /limit
