#!/bin/sh
# The smallest CGI script: header fields, an empty line, and the body.
echo 'Content-Type: text/plain'
echo
echo "Hello from $SCRIPT_NAME, process $$."
echo "You asked: $REQUEST_METHOD ${REQUEST_URI:-$SCRIPT_NAME}."
