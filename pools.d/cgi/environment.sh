#!/bin/sh
# Prints what a CGI script receives: its environment, its directory, and the body of the request. It needs only sh.
echo 'Content-Type: text/plain; charset=utf-8'
echo
export -p
echo
echo "working directory: $PWD"
echo "body: ${CONTENT_LENGTH:-0} bytes"
while IFS= read -r line || [ -n "$line" ]; do
  printf '%s\n' "$line"
done
