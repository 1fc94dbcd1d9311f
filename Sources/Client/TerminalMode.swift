internal import Glibc

/// The caller's terminal while an agent has a pty of its own: raw, and put back as it was.
struct TerminalMode: ~Copyable {
    private let descriptor: Int32
    private let saved: termios

    /// Makes the terminal raw; nil when the descriptor is not a terminal.
    static func raw(_ descriptor: Int32) -> TerminalMode? {
        var settings = termios()
        guard unsafe tcgetattr(descriptor, &settings) == 0 else { return nil }
        let mode = TerminalMode(descriptor: descriptor, saved: settings)
        unsafe cfmakeraw(&settings)
        _ = unsafe tcsetattr(descriptor, TCSADRAIN, &settings)
        return mode
    }

    deinit {
        var original = saved
        _ = unsafe tcsetattr(descriptor, TCSADRAIN, &original)
    }

    /// The window size of a terminal; nil when there is none.
    static func size(of descriptor: Int32) -> TerminalSize? {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return TerminalSize(rows: size.ws_row, columns: size.ws_col)
    }

    /// Whether a launch is interactive: somebody types and somebody reads.
    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }
}
