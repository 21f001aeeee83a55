#!/bin/sh
exec /usr/lib/fpm-ts/bin/node /usr/lib/fpm-ts/dist/main.js "$@"
