#!/bin/sh
# Run by the image once, while it makes its data.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username postgres --file /docker-entrypoint-initdb.d/sql/database.sql
