# HAProxy before the gateways.  Build context: config.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl haproxy \
    && rm -rf /var/lib/apt/lists/*
COPY haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg
USER haproxy
EXPOSE 80
# SIGUSR1 lets requests in flight end; SIGTERM would cut them.
STOPSIGNAL SIGUSR1
CMD ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
