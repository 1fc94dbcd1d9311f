"""What both benchmarks stand on: a temporary folder, the two programs' surroundings, and figures."""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def bailey_path():
    """The binary under test; ends the program when there is none."""
    path = os.path.realpath(os.environ.get("BAILEY") or os.path.join(ROOT, ".build/release/bailey"))
    if not os.access(path, os.X_OK):
        sys.exit("No Bailey at %s: run `make build`, or set BAILEY to the binary." % path)
    return path


class Folder:
    """A temporary folder that is gone afterwards, and what is running in it."""

    def __enter__(self):
        self.name = tempfile.mkdtemp(prefix="bailey-bench.")
        # Servers that give up root must still reach their files.
        os.chmod(self.name, 0o711)
        self.running = []
        for part in ["state", "config/bailey", "cache", "run", "home", "workspace"]:
            os.makedirs(self.path(part), mode=0o700)
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.name, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.name, *parts)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", opener=lambda path, flags: os.open(path, flags, mode)) as file:
            file.write(text)

    def environment(self):
        return {
            "PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": self.path("home"),
            "XDG_STATE_HOME": self.path("state"), "XDG_CONFIG_HOME": self.path("config"),
            "XDG_CACHE_HOME": self.path("cache"), "XDG_RUNTIME_DIR": self.path("run"),
        }

    def start(self, *command):
        """Starts a server that ends with the folder."""
        log = open(self.path(os.path.basename(command[0]) + ".log"), "ab")
        process = subprocess.Popen(
            command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.name)
        log.close()
        self.running.append(process)
        return process

    def tool(self, *command, within=""):
        """Runs a command to its end in the folder, or in a part of it; its output. Ends the program if it fails."""
        run = subprocess.run(command, env=self.environment(), stdin=subprocess.DEVNULL, cwd=self.path(within),
                             text=True, capture_output=True)
        if run.returncode != 0:
            sys.exit("%s failed (%d):\n%s%s" % (" ".join(command), run.returncode, run.stdout, run.stderr))
        return run.stdout


def median(values):
    return statistics.median(values)


def paired(left, right):
    """The median of the ratios taken round by round, and their range: drift of the machine cancels out."""
    ratios = [a / b for a, b in zip(left, right)]
    return median(ratios), min(ratios), max(ratios)


def machine():
    """One line about where the figures come from."""
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/loadavg") as file:
        load = file.read().split()[0]
    return "%d x %s, kernel %s, load %s" % (os.cpu_count(), names[0] if names else "?", os.uname().release, load)
