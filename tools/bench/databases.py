"""PostgreSQL and pgbouncer, and the ways from pgbench to the database."""
import os
import shutil
import subprocess
import sys
import time

from routes import cpu_seconds
from servers import free_port, wait_for

HOST = "db.castle.test"
PASSWORD = "correct-horse-battery-staple"
PROGRAMS = "/usr/lib/postgresql/15/bin"
# PostgreSQL and pgbouncer refuse to run as root.
UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []

SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 100
shared_buffers = 256MB
fsync = off
logging_collector = off
"""

PGBOUNCER = """
[databases]
bench = host=127.0.0.1 port={origin} dbname=bench user=app password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = session
default_pool_size = 50
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
"""

PROFILE = """bailey: 1
name: client
extends: [base]
egress:
  - to: postgres://{host}:{port}/bench
    private: true
    credential: bench
    sslmode: disable
    search_path: [public]
    allow: ["select on public.*", "copy out on public.*", transaction]
"""

CREDENTIALS = """bailey: 1
credentials:
  bench:
    from: {{file: {file}}}
    as: password app
    for: ["postgres://{host}:{port}"]
"""

CONFIGURATION = """bailey: 1
resolve: {{{host}: 127.0.0.1}}
"""


class Database:
    """A cluster of its own, with pgbench's tables and a million rows."""

    def __init__(self, folder, scale=10):
        self.folder, self.port = folder, free_port()
        os.makedirs(folder.path("postgres"))
        folder.write("postgres/password", PASSWORD)
        if UNPRIVILEGED:
            shutil.chown(folder.path("postgres"), 65534, 65534)
        folder.tool(*UNPRIVILEGED, PROGRAMS + "/initdb", "-D", folder.path("postgres/data"), "-U", "app",
                    "--pwfile=" + folder.path("postgres/password"), "-A", "scram-sha-256")
        with open(folder.path("postgres/data/postgresql.conf"), "a") as file:
            file.write(SETTINGS.format(port=self.port))
        process = folder.start(*UNPRIVILEGED, PROGRAMS + "/postgres", "-D", folder.path("postgres/data"))
        wait_for(process, "127.0.0.1", self.port, folder.path("setpriv.log" if UNPRIVILEGED else "postgres.log"))
        direct = Direct(folder, self)
        self.ready(direct)
        folder.tool("env", *direct.words(database="postgres"), "psql", "-XAtqc", "CREATE DATABASE bench")
        folder.tool("env", *direct.words(), PROGRAMS + "/pgbench", "-i", "-q", "-s", str(scale))
        folder.tool("env", *direct.words(), "psql", "-XAtqc",
                    "CREATE TABLE people AS SELECT n AS id, 'Person ' || n AS name, 'person' || n || '@example.com' AS email "
                    "FROM generate_series(1, 1000000) n", "-c", "VACUUM ANALYZE people")

    def ready(self, direct):
        """The port is open before sessions are taken."""
        for _ in range(100):
            asked = subprocess.run(["env", *direct.words(database="postgres"), "psql", "-XAtqc", "SELECT 1"],
                                   env=self.folder.environment(), capture_output=True)
            if asked.returncode == 0:
                return
            time.sleep(0.1)
        sys.exit("PostgreSQL takes no session: " + asked.stderr.decode())


class Way:
    """A way from pgbench to the database: how it is told of it, and whose CPU time counts."""

    pids = []

    def __init__(self, folder, host, port):
        self.folder, self.host, self.port = folder, host, port

    def words(self, database="bench"):
        return ["PGHOST=" + self.host, "PGPORT=%d" % self.port, "PGDATABASE=" + database, "PGUSER=app",
                "PGPASSWORD=" + PASSWORD, "PGSSLMODE=disable"]

    def run(self, *command):
        """What the command printed, and the CPU seconds of the proxy meanwhile."""
        before = cpu_seconds(self.pids)
        out = self.folder.tool("env", *self.words(), *command, within="workspace")
        return out, cpu_seconds(self.pids) - before


class Direct(Way):
    name = "straight to PostgreSQL"

    def __init__(self, folder, database):
        super().__init__(folder, "127.0.0.1", database.port)


class PgBouncer(Way):
    """A pool in session mode, which reads messages and decides nothing."""

    name = "pgbouncer, session mode"

    def __init__(self, folder, database):
        port = free_port()
        super().__init__(folder, "127.0.0.1", port)
        folder.write("pgbouncer.ini", PGBOUNCER.format(port=port, origin=database.port, password=PASSWORD))
        process = folder.start(*UNPRIVILEGED, "/usr/sbin/pgbouncer", folder.path("pgbouncer.ini"))
        wait_for(process, "127.0.0.1", port, folder.path("setpriv.log" if UNPRIVILEGED else "pgbouncer.log"))
        self.pids = [process.pid]


class Bailey(Way):
    """The client runs as an agent, which holds no password: every statement is decided and on record before it goes."""

    def __init__(self, folder, database, bailey, masked=False):
        super().__init__(folder, HOST, database.port)
        self.bailey, self.profile = bailey, "masked" if masked else "client"
        self.name = "bailey, masking" if masked else "bailey"
        more = "    mask: [email]\n" if masked else ""
        text = PROFILE.format(host=HOST, port=database.port) + more
        folder.write("config/bailey/profiles/%s.yaml" % self.profile, text.replace("client", self.profile))
        folder.write("secret", PASSWORD, mode=0o600)
        folder.write("config/bailey/credentials.yaml",
                     CREDENTIALS.format(file=folder.path("secret"), host=HOST, port=database.port), 0o600)
        folder.write("config/bailey/bailey.yaml", CONFIGURATION.format(host=HOST))

    def words(self, database="bench"):
        return [word for word in super().words(database) if not word.startswith("PGPASSWORD")]

    def run(self, *command):
        launch = [self.bailey, "run", "-p", self.profile, "-w", self.folder.path("workspace"), "--",
                  "env", *self.words(), *command]
        with subprocess.Popen(launch, env=self.folder.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, cwd=self.folder.path("workspace")) as run:
            out, errors = run.stdout.read(), run.stderr.read()
            # The pipes are closed, so the client has ended; the supervisor has not been reaped, so its time is there.
            used = cpu_seconds([run.pid])
        if run.returncode != 0:
            sys.exit("bailey run ended with %d: %s%s" % (run.returncode, out, errors))
        return out, used
