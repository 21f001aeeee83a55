#!/bin/sh
# What a CGI script is told: its environment, its directory, and the body of the request. Nothing but sh is needed.
echo 'Content-Type: text/plain; charset=utf-8'
echo
export -p
echo
echo "working directory: $PWD"
echo "body: ${CONTENT_LENGTH:-0} bytes"
while IFS= read -r line || [ -n "$line" ]; do
  printf '%s\n' "$line"
done
