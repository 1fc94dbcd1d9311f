import Foundation

/// A server of SSH, Python's `asyncssh`, that serves git's two programs in one folder.
enum SSHServer {
    static let available = FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/asyncssh")

    private static let shared = Result { try PythonServer("ssh-server", program) }

    static func started() throws -> PythonServer { try shared.get() }

    /// The client's key is `ssh-client`, the line of its known hosts `ssh-known`; repositories are below `ssh`.
    private static let program = #"""
        import asyncio, asyncssh, shlex, subprocess

        def key(name):
            made = asyncssh.generate_private_key("ssh-ed25519")
            made.write_private_key(folder + "/" + name)
            made.write_public_key(folder + "/" + name + ".pub")
            os.chmod(folder + "/" + name, 0o644)
            return made

        own, client = key("ssh-host"), key("ssh-client")
        with open(folder + "/ssh-known", "w") as known:
            known.write("[allowed.test]:%d %s" % (ports[0], own.export_public_key().decode()))
        os.makedirs(folder + "/ssh", exist_ok=True)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder + "/ssh/app.git"], check=True)

        async def serve(process):
            words = shlex.split(process.command or "")
            log.write("command %s\n" % process.command)
            if len(words) != 2 or words[0] not in ("git-upload-pack", "git-receive-pack"):
                return process.exit(1)
            git = subprocess.Popen(["git", words[0][4:], folder + "/ssh" + words[1]], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            await process.redirect(stdin=git.stdin, stdout=git.stdout, stderr=git.stderr)
            await process.stdout.drain()
            process.exit(await asyncio.get_event_loop().run_in_executor(None, git.wait))

        class Server(asyncssh.SSHServer):
            def connection_made(self, connection): log.write("connected\n")

        async def main():
            await asyncssh.create_server(Server, "127.0.0.1", ports[0], server_host_keys=[own], encoding=None,
                                         authorized_client_keys=folder + "/ssh-client.pub", process_factory=serve)
            await asyncio.get_event_loop().create_future()

        asyncio.run(main())
        """#
}
