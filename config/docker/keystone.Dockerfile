# Keystone from PyPI behind gunicorn.  Build context: config.
FROM python:3.12-slim
RUN pip install --no-cache-dir "keystone>=30" "gunicorn>=23" "python-memcached>=1.62" \
    && useradd --system --user-group --home-dir /var/lib/keystone --create-home keystone
COPY keystone/keystone.conf keystone/gunicorn.conf.py /etc/keystone/
COPY keystone/provision.py keystone/start.sh /usr/local/bin/
USER keystone
EXPOSE 5000
VOLUME /var/lib/keystone
CMD ["sh", "/usr/local/bin/start.sh"]
