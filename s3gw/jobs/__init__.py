"""Work beside the gateway, started by hand or by a timer: `s3gw jobs …`."""
