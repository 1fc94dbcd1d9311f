"""The example's surroundings: a folder, a certificate authority, a repository, a credential and an nginx."""
import glob
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HOSTS = ["api", "git", "mirror", "forbidden"]
# Seconds to wait for nginx to listen.
START_LIMIT = 10


class Estate:
    """Everything the example needs besides Bailey, made in one temporary folder and gone with it."""

    def __init__(self, example, keep=False):
        self.example = example
        self.keep = keep
        self.folder = tempfile.mkdtemp(prefix="bailey-demo.")
        # An address of its own on loopback, so that several examples may run at one time.
        low = secrets.randbelow(250 * 250)
        self.address = "127.77.%d.%d" % (1 + low // 250, 1 + low % 250)
        self.token = "demo_" + secrets.token_hex(20)
        self.key_text = "NOT-A-KEY-" + secrets.token_hex(20)
        self.nginx = None
        self.environment = self.make_environment()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make_environment(self):
        """What Bailey is started with: its own state, configuration and home, nothing of the caller's."""
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": self.path("home"),
            "USER": os.environ.get("USER", "demo"),
            "XDG_STATE_HOME": self.path("xdg/state"),
            "XDG_CONFIG_HOME": self.path("xdg/config"),
            "XDG_CACHE_HOME": self.path("xdg/cache"),
            "XDG_RUNTIME_DIR": self.path("xdg/run"),
        }

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        try:
            self.make_folders()
            self.make_certificates()
            self.make_repository()
            self.make_operator_files()
            self.make_workspace()
            self.start_nginx()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.nginx and self.nginx.poll() is None:
            self.nginx.terminate()
            try:
                self.nginx.wait(5)
            except subprocess.TimeoutExpired:
                self.nginx.kill()
                self.nginx.wait()
        if self.keep:
            print("\nKept: %s" % self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def make_folders(self):
        for name in ["tls", "repositories", "operator", "workspace", "nginx", "home/.ssh", "xdg/state",
                     "xdg/config/bailey", "xdg/cache", "xdg/run"]:
            os.makedirs(self.path(name), mode=0o700)

    def make_certificates(self):
        names = ",".join("DNS:%s.castle.test" % host for host in HOSTS)
        make_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        self.openssl("req", "-x509", *make_key, "-subj", "/CN=Example authority", "-keyout", "tls/ca.key",
                     "-out", "tls/ca.pem", "-addext", "basicConstraints=critical,CA:TRUE",
                     "-addext", "keyUsage=critical,keyCertSign")
        self.openssl("req", "-x509", *make_key, "-subj", "/CN=castle.test", "-keyout", "tls/server.key",
                     "-out", "tls/server.pem", "-CA", "tls/ca.pem", "-CAkey", "tls/ca.key",
                     "-addext", "subjectAltName=" + names, "-addext", "basicConstraints=critical,CA:FALSE",
                     "-addext", "extendedKeyUsage=serverAuth")

    def openssl(self, *arguments):
        self.tool("openssl", *arguments, cwd=self.folder)

    def make_repository(self):
        """A repository with one commit, for git's plain-file protocol: nginx serves it as it is."""
        source, bare = self.path("repositories/source"), self.path("repositories/app.git")
        self.tool("git", "init", "-q", "-b", "main", source)
        self.write("repositories/source/README", "The example's repository.\n")
        self.tool("git", "add", "README", cwd=source)
        self.tool("git", "-c", "user.name=Demo", "-c", "user.email=demo@castle.test", "commit", "-q", "-m",
                  "First", cwd=source)
        self.tool("git", "clone", "-q", "--bare", source, bare)
        self.tool("git", "update-server-info", cwd=bare)

    def make_operator_files(self):
        self.write("operator/deploy-token", self.token + "\n", mode=0o600)
        self.write("home/.ssh/id_ed25519", self.key_text + "\n", mode=0o600)
        self.fill("bailey.yaml.in", "bailey.yaml")
        self.fill("credentials.yaml.in", "xdg/config/bailey/credentials.yaml")

    def make_workspace(self):
        shutil.copytree(os.path.join(self.example, "agents"), self.path("workspace/agents"))
        self.write("workspace/agents/key-path", self.path("home/.ssh/id_ed25519") + "\n")

    def start_nginx(self):
        self.fill("nginx.conf.in", "nginx.conf")
        command = ["nginx", "-p", self.folder, "-c", self.path("nginx.conf"), "-e", self.path("nginx/error.log")]
        if os.getuid() == 0:
            # Its worker must be able to read this folder, which is root's alone.
            command += ["-g", "user root;"]
        self.nginx = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL)
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            if self.nginx.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex((self.address, 8443)) == 0:
                    return
            time.sleep(0.02)
        raise SystemExit("nginx did not start listening on %s:8443:\n%s" % (
            self.address, self.read("nginx/error.log")))

    def fill(self, template, name):
        """Copies a template of the example, with this run's address, folder and token written in."""
        with open(os.path.join(self.example, template)) as file:
            text = file.read()
        for word, value in [("ADDRESS", self.address), ("STATE", self.folder), ("TOKEN", self.token)]:
            text = text.replace("@%s@" % word, value)
        self.write(name, text, mode=0o600)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", opener=lambda path, flags: os.open(path, flags, mode)) as file:
            file.write(text)

    def read(self, name):
        try:
            with open(self.path(name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def files(self, *folders):
        """Every regular file below the named folders."""
        for folder in folders:
            for path in glob.glob(self.path(folder, "**"), recursive=True, include_hidden=True):
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path

    def tool(self, *command, cwd=None):
        run = subprocess.run(command, cwd=cwd, env=self.environment, stdin=subprocess.DEVNULL, text=True,
                             capture_output=True)
        if run.returncode != 0:
            raise SystemExit("%s failed (%d):\n%s%s" % (" ".join(command), run.returncode, run.stdout, run.stderr))
