internal import Glibc

/// One line on a terminal's standard error that says how far a command is; nothing elsewhere.
final class ProgressLine {
    private let isShown = isatty(STDERR_FILENO) == 1
    private var last: ContinuousClock.Instant?

    /// What a person reads: five times a second.
    private static let interval = Duration.milliseconds(200)

    func show(_ text: () -> String) {
        guard isShown else { return }
        let now = ContinuousClock.now
        if let last, last.duration(to: now) < Self.interval { return }
        last = now
        // ECMA-48 section 8.3.41 (EL): to the end of the line.
        write("\r\(text())\u{1b}[K")
    }

    func clear() {
        guard isShown, last != nil else { return }
        last = nil
        write("\r\u{1b}[K")
    }

    private func write(_ text: String) {
        _ = unsafe text.withCString { unsafe Glibc.write(STDERR_FILENO, $0, strlen($0)) }
    }
}
