#!/bin/sh
# The smallest CGI script: fields, an empty line, and what is shown.
echo 'Content-Type: text/plain'
echo
echo "Hello from $SCRIPT_NAME, process $$."
echo "You asked: $REQUEST_METHOD ${REQUEST_URI:-$SCRIPT_NAME}."
