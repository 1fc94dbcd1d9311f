internal import Glibc
internal import Linux
internal import Model

extension LaunchWords {
    /// What a front-end asks a supervisor for.
    ///
    /// - Parameters:
    ///   - profile: which one, by name or as text.
    ///   - longest: bytes that the supervisor takes.
    /// - Returns: the order.
    /// - Throws: why there is nothing to ask for.
    package func order(
        _ profile: ProfileChoice,
        longest: Int = ControlLimit.message
    ) throws(LaunchRefusal) -> LaunchOrder {
        let order = try order(of: profile, from: Self.place())
        let strings = order.argv.count + order.environment.count
        let size = ControlRequest.launch(order).bytes.count
        guard size <= longest, strings <= ControlLimit.listCount else {
            throw LaunchRefusal(
                "the command's arguments, the environment and the profile are \(size) bytes in \(strings) strings; a"
                    + " launch takes \(longest) bytes in \(ControlLimit.listCount) strings at most: hand long lists over"
                    + " in a file or on standard input"
            )
        }
        return order
    }

    /// The current directory, without which nothing is asked for.
    package static func place() throws(LaunchRefusal) -> String {
        guard let current = WorkingDirectory.current else {
            throw LaunchRefusal("the current directory cannot be read; change to one that exists")
        }
        return current
    }

    private func order(of profile: ProfileChoice, from current: String) throws(LaunchRefusal) -> LaunchOrder {
        LaunchOrder(
            profile: profile,
            name: name,
            workspace: try Self.workspace(workspace, from: current),
            namesWorkspace: workspace != nil,
            workingDirectory: current,
            argv: argv,
            environment: ProcessEnvironment.entries,
            terminal: TerminalMode.isInteractive ? TerminalMode.size(of: STDIN_FILENO) : nil,
            umask: FileModeMask.current,
            identity: try IdentityOffer(self, from: current)
        )
    }

    /// What `-w` names, with its own links resolved once, here: whoever launches chose the path.
    private static func workspace(_ path: String?, from current: String) throws(LaunchRefusal) -> String {
        guard let path else { return current }
        let absolute = WorkingDirectory.absolute(path, from: current)
        guard let resolved = PathText.resolved(absolute) else {
            throw notEntered("realpath", absolute, errno)
        }
        var status = stat()
        guard unsafe stat(resolved, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw notEntered("enter", resolved, ENOTDIR)
        }
        guard unsafe access(resolved, X_OK) == 0 else { throw notEntered("enter", resolved, errno) }
        return resolved
    }

    private static func notEntered(_ step: String, _ path: String, _ code: Int32) -> LaunchRefusal {
        LaunchRefusal(
            LaunchFailure(
                step: step,
                object: path,
                errno: code,
                remedy: "Name a folder that exists and that you may enter with -w."
            )
        )
    }
}
