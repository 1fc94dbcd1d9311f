internal import Client
// `stdout` is a variable in C; nothing here sets it.
@unsafe @preconcurrency internal import Glibc
internal import Linux
internal import Supervisor

/// What a command prints, to its end: `bailey audit >/dev/full` says so and does not exit with 0.
enum StandardOutput {
    /// Writes out what is buffered when the process exits, and judges it as the front-end judges an agent's output.
    ///
    /// A reader that went away (EPIPE) has what it wanted.
    static func checkAtExit() {
        _ = unsafe on_exit({ status, _ in StandardOutput.check(status) }, nil)
    }

    private static func check(_ status: Int32) {
        // An earlier write may have failed, whose reason is gone; then the last one mostly fails as well.
        let code = fflush(nil) == 0 ? 0 : errno
        let isWritten = unsafe code == 0 && ferror(stdout) == 0
        guard !isWritten, code != EPIPE, !isReaderGone else { return }
        let cause = code == 0 ? "" : ": \(SystemCallError.text(code))"
        let text = "bailey: cannot write standard output\(cause)\n"
        _ = unsafe text.withCString { unsafe write(STDERR_FILENO, $0, strlen($0)) }
        // An agent's own exit code stands; the answer of another command is lost with what it printed.
        let isAgent = ["run", "shell"].contains(CommandLine.arguments.dropFirst().first)
        if status == 0 || (status == 1 && !isAgent) { _exit(FrontEnd.outputLost) }
    }

    private static var isReaderGone: Bool {
        var watched = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&watched, 1, 0) == 1 && watched.revents & Int16(POLLERR) != 0
    }
}
