internal import Foundation

/// Something shown anew each second until a signal ends it: on the other screen of a terminal, so that the first is as it was
/// before; where there is none, one below the other.
struct WatchedScreen {
    /// Seconds between two looks.
    private static let pause = 1.0
    /// Another screen, without a cursor; home, with nothing below; and back (xterm's DECSET 1049 and 25, ECMA-48 CUP and ED).
    private static let enter = "\u{1b}[?1049h\u{1b}[?25l"
    private static let clear = "\u{1b}[H\u{1b}[2J"
    private static let leave = "\u{1b}[?25h\u{1b}[?1049l"

    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private var signals = EndingSignals()

    /// Shows what is there until a signal comes; its number.
    ///
    /// Signals are waited for between two looks: none comes while the terminal is in the middle of something.
    mutating func follow(_ lines: () -> [String]) -> Int32 {
        signals.block()
        if isTerminal { write(Self.enter) }
        var number: Int32?
        while number == nil {
            write((isTerminal ? Self.clear : "") + fitting(lines()).joined(separator: "\n") + "\n")
            number = signals.wait(Self.pause)
        }
        if isTerminal { write(Self.leave) }
        return number ?? SIGINT
    }

    private func write(_ text: String) {
        print(text, terminator: "")
        fflush(nil)
    }

    /// As many lines as the terminal has room for: the first are the oldest, and are answered first.
    private func fitting(_ lines: [String]) -> [String] {
        var size = winsize()
        guard isTerminal, unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 2,
            size.ws_col > 0
        else { return lines }
        let (rows, columns) = (Int(size.ws_row), Int(size.ws_col))
        var room = rows - 2
        let shown = lines.prefix { line in
            room -= max(1, (line.utf8.count + columns - 1) / columns)
            return room >= 0
        }
        return shown.count == lines.count ? lines : shown + ["… and \(lines.count - shown.count) lines more"]
    }
}

/// The signals that end a command which has something to put back: they are waited for, and come at no other moment.
struct EndingSignals {
    private static let numbers = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    private var set = sigset_t()

    mutating func block() {
        unsafe sigemptyset(&set)
        for number in Self.numbers { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for so many seconds, up to the time that a clock can hold; the number of the signal that came, nil for none.
    mutating func wait(_ seconds: Double) -> Int32? {
        let whole = seconds.rounded(.down)
        var time = timespec(tv_sec: Int(whole), tv_nsec: Int((seconds - whole) * 1_000_000_000))
        let number = unsafe sigtimedwait(&set, nil, &time)
        return number > 0 ? number : nil
    }
}
