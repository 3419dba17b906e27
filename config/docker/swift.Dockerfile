# Swift from PyPI: all servers of a one-device cluster.  Build context: config.
FROM python:3.12-slim
RUN pip install --no-cache-dir "swift[keystone]>=2.35" \
    && useradd --system --user-group --home-dir /nonexistent swift \
    && mkdir -p /etc/swift /srv/node/d1 /var/cache/swift \
    && chown -R swift /etc/swift /srv/node /var/cache/swift
COPY --chown=swift swift/*.conf /etc/swift/
COPY swift/start.sh /usr/local/bin/
USER swift
EXPOSE 8080
VOLUME /srv/node/d1
CMD ["bash", "/usr/local/bin/start.sh"]
