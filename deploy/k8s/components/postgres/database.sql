-- Makes a service's two roles and its database; again does nothing but set the passwords anew.
-- Reads SERVICE, OWNER_PASSWORD and APP_PASSWORD from the environment.
\getenv service SERVICE
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\set owner :service _owner
\set app :service _app

SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', name)
FROM unnest(ARRAY[:'owner', :'app']) AS wanted (name)
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE :"owner" PASSWORD :'owner_password';
ALTER ROLE :"app" PASSWORD :'app_password';

SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''', :'service', :'owner')
WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = :'service') \gexec

REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"app";
