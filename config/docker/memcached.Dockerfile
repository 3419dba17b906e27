# The cache that Keystone and Swift share.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends memcached \
    && rm -rf /var/lib/apt/lists/*
USER memcache
EXPOSE 11211
CMD ["memcached", "--listen=0.0.0.0", "--memory-limit=64"]
