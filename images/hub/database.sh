#!/bin/sh
# Run by PostgreSQL's image when its volume is new: the Hub has a database beside Zoe's.
set -e
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
CREATE ROLE hub LOGIN PASSWORD '$POSTGRES_PASSWORD';
CREATE DATABASE hub OWNER hub;
SQL
