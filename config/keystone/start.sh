#!/bin/sh
# Prepare Keystone's database and keys (each step changes nothing twice), serve, provision.
set -eu

url=http://keystone:5000/v3
keystone-manage db_sync
keystone-manage fernet_setup --keystone-user keystone --keystone-group keystone
keystone-manage credential_setup --keystone-user keystone --keystone-group keystone
keystone-manage bootstrap --bootstrap-password "$ADMIN_PASSWORD" --bootstrap-region-id RegionOne \
    --bootstrap-public-url "$url" --bootstrap-internal-url "$url" --bootstrap-admin-url "$url"
python /usr/local/bin/provision.py /var/lib/keystone/ec2 &
cd /etc/keystone
exec gunicorn
