internal import Glibc
internal import Linux
internal import Model
internal import Profiles
internal import Sandbox

extension Launch {
    /// What a front-end asks a supervisor for.
    ///
    /// - Parameters:
    ///   - request: what the command line said.
    ///   - longest: bytes that the supervisor takes.
    /// - Returns: the order.
    /// - Throws: why there is nothing to ask for.
    static func order(
        _ request: Request,
        longest: Int = ControlLimit.message
    ) throws(LaunchRefusal) -> LaunchOrder {
        let order = try order(of: request)
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

    private static func order(of request: Request) throws(LaunchRefusal) -> LaunchOrder {
        guard let current = WorkingDirectory.current else {
            throw LaunchRefusal("the current directory cannot be read; change to one that exists")
        }
        return LaunchOrder(
            profile: try choice(request.profile ?? "base", from: current),
            name: request.name,
            workspace: try workspace(request.workspace, from: current),
            namesWorkspace: request.workspace != nil,
            workingDirectory: current,
            argv: request.argv,
            environment: ProcessEnvironment.entries,
            terminal: TerminalMode.isInteractive ? TerminalMode.size(of: STDIN_FILENO) : nil,
            umask: FileModeMask.current
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

    private static func choice(_ profile: String, from current: String) throws(LaunchRefusal) -> ProfileChoice
    {
        guard profile.holds("/") else { return .name(profile) }
        let path = WorkingDirectory.absolute(profile, from: current)
        do {
            return .text(try TextFile.read(path), path: path)
        } catch {
            throw LaunchRefusal(
                "cannot read profile \(path): \(error.message); name a text file of at most "
                    + "\(YAMLDocument.maximumSize / 1024) KiB with -p, or a profile without a slash"
            )
        }
    }
}
