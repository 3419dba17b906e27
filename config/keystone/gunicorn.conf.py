"""Settings of gunicorn; in a file, because Keystone would take its arguments for its own."""

wsgi_app = "keystone.wsgi.api:application"
bind = "0.0.0.0:5000"
workers = 2
threads = 4
